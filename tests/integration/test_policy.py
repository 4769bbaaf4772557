"""
deploy/policy on a real API server: every way around an approval that is known, each tried.

People are ServiceAccounts with tokens of their own: see `support.office`. For the floor see
test_policy_floor.py.
"""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rds_ssl.core.model import (
    API_GROUP,
    APPROVE_ANNOTATION,
    FINALIZER,
    PLURAL,
    RECONCILE_ANNOTATION,
)
from support import pki, statuses
from support.cluster import Cluster
from support.office import APPROVED, DIGEST, Office, Person, manifest, path_of
from support.operator_process import OperatorProcess
from support.shop import Shop
from support.simulator import Simulator

Json = dict[str, Any]

PROGRAM = Path(sys.executable).parent / "rds-ssl"

ANOTHER = "5555666677778888"
"""The digest of another plan."""

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
LEFT_ALONE = "left-alone"
"""A label; the operator does nothing with the objects that have it."""
PACE = {"VERIFY_AFTER": "0s", "SETTLE": "3s", "POLL": "1s"}


# --- approving ------------------------------------------------------------------------------------


def _merge_patch(editor: Person) -> int:
    return editor.merge("orders", {"metadata": APPROVED})


def _json_patch(editor: Person) -> int:
    operation = {"op": "add", "path": "/metadata/annotations", "value": APPROVED["annotations"]}
    return editor.json_patch("orders", operation)


def _replace(editor: Person) -> int:
    return editor.replace("orders", lambda it: it["metadata"].update(APPROVED))


def _server_side_apply(editor: Person) -> int:
    return editor.apply("orders", APPROVED)


def _apply_of_a_new_object(editor: Person) -> int:
    return editor.apply("another", APPROVED)


def _create(editor: Person) -> int:
    return editor.create("another", APPROVED)


def _create_with_a_generated_name(editor: Person) -> int:
    return editor.create("another-", APPROVED)


def _delete_and_create(editor: Person) -> int:
    assert editor.delete("orders") == 200, editor.said
    status = editor.create("orders", APPROVED)
    said = editor.said
    assert editor.create("orders") == 201, editor.said
    editor.said = said
    return status


def _metadata_only(editor: Person) -> int:
    path = path_of(editor.namespace, "orders")
    return editor.send("PATCH", path, {"metadata": APPROVED}, "merge-patch+json", accept=METADATA)


def _with_an_edit_while_suspended(editor: Person) -> int:
    assert editor.merge("orders", {"spec": {"suspend": True}}) == 200, editor.said
    return editor.merge("orders", {"metadata": APPROVED, "spec": {"enabled": False}})


def _with_the_resume(editor: Person) -> int:
    assert editor.merge("orders", {"spec": {"suspend": True}}) == 200, editor.said
    return editor.merge("orders", {"metadata": APPROVED, "spec": {"suspend": False}})


def _with_a_finalizer_while_it_goes(editor: Person) -> int:
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    assert editor.merge("orders", held) == 200, editor.said
    assert editor.delete("orders") == 200, editor.said
    return editor.merge("orders", {"metadata": {**APPROVED, "finalizers": ["example.com/held"]}})


def _with_an_owner(editor: Person) -> int:
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": str(uuid.uuid4())}
    return editor.merge("orders", {"metadata": {**APPROVED, "ownerReferences": [owner]}})


def _in_spaces(editor: Person) -> int:
    annotations = {APPROVE_ANNOTATION: f" {DIGEST} "}
    return editor.merge("orders", {"metadata": {"annotations": annotations}})


WAYS_TO_APPROVE = [
    _merge_patch,
    _json_patch,
    _replace,
    _server_side_apply,
    _apply_of_a_new_object,
    _create,
    _create_with_a_generated_name,
    _delete_and_create,
    _metadata_only,
    _with_an_edit_while_suspended,
    _with_the_resume,
    _with_a_finalizer_while_it_goes,
    _with_an_owner,
    _in_spaces,
]


@pytest.mark.parametrize("way", WAYS_TO_APPROVE, ids=lambda way: way.__name__.strip("_"))
def test_an_editor_approves_in_no_way(
    office: Office, editor: Person, way: Callable[[Person], int]
) -> None:
    assert editor.refused(way(editor), "rds-ssl-approval")

    assert "the verb approve" in editor.said
    assert {office.approval(name) for name in office.names()} == {None}


def test_whoever_has_the_verb_approves(office: Office, editor: Person, approver: Person) -> None:
    assert approver.merge("orders", {"metadata": APPROVED}) == 200, approver.said

    assert office.approval() == DIGEST
    assert editor.merge("orders", {"spec": {"forceEncryption": True}}) == 200, editor.said
    assert office.approval() == DIGEST


def test_an_editor_makes_no_other_approval_of_one_that_was_given(
    office: Office, editor: Person, approver: Person
) -> None:
    assert approver.merge("orders", {"metadata": APPROVED}) == 200, approver.said

    other = {"metadata": {"annotations": {APPROVE_ANNOTATION: ANOTHER}}}
    assert editor.refused(editor.merge("orders", other), "rds-ssl-approval")
    assert office.approval() == DIGEST


def test_an_editor_may_take_an_approval_away_but_not_put_it_back(
    office: Office, editor: Person, approver: Person
) -> None:
    assert approver.merge("orders", {"metadata": APPROVED}) == 200, approver.said

    taken = {"metadata": {"annotations": {APPROVE_ANNOTATION: None}}}
    assert editor.merge("orders", taken) == 200, editor.said
    assert office.approval() is None
    assert editor.refused(_merge_patch(editor), "rds-ssl-approval")


def test_whoever_only_approves_does_not_edit(
    office: Office, editor: Person, approver: Person
) -> None:
    for spec in ({"enabled": False}, {"suspend": True, "forceEncryption": True}):
        assert approver.refused(approver.merge("orders", {"spec": spec}), "rds-ssl-approval")
    assert "the verb update" in approver.said
    assert office.spec()["enabled"] is True

    for spec in ({"suspend": True}, {"managementPolicy": "Observe"}):
        assert approver.merge("orders", {"spec": spec}) == 200, approver.said
    assert approver.refused(
        approver.merge("orders", {"spec": {"suspend": False}}), "rds-ssl-approval"
    )
    assert editor.merge("orders", {"spec": {"suspend": False}}) == 200, editor.said


def test_the_verb_may_be_given_for_one_object_by_its_name(office: Office, editor: Person) -> None:
    assert editor.create("stock", instanceID="pgm-2") == 201, editor.said
    clerk = office.person("clerk", resource_names=("orders",))

    assert clerk.merge("orders", {"metadata": APPROVED}) == 200, clerk.said
    assert clerk.merge("stock", {"metadata": APPROVED}) == 403
    assert office.approval("stock") is None


@pytest.mark.usefixtures("editor")
def test_a_role_with_all_resources_does_not_approve_but_one_with_all_verbs_does(
    office: Office,
) -> None:
    star, wildcard = office.person("star"), office.person("wildcard")

    assert star.refused(star.merge("orders", {"metadata": APPROVED}), "rds-ssl-approval")
    assert wildcard.merge("orders", {"metadata": APPROVED}) == 200, wildcard.said


def test_nobody_gives_himself_the_role_of_an_approver(office: Office) -> None:
    star = office.person("star")
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{office.namespace}"
    binding = {
        "metadata": {"name": "mine"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "rds-ssl-dbinstancessl-approver",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "star", "namespace": office.namespace}],
    }
    role = {
        "metadata": {"name": "mine"},
        "rules": [{"apiGroups": [API_GROUP], "resources": [PLURAL], "verbs": ["approve"]}],
    }

    assert star.send("POST", f"{path}/rolebindings", binding) == 403
    assert "attempting to grant RBAC permissions not currently held" in star.said
    assert star.send("POST", f"{path}/roles", role) == 403
    assert "attempting to grant RBAC permissions not currently held" in star.said


def test_to_ask_for_a_look_takes_no_right_to_approve(office: Office, editor: Person) -> None:
    asked = {"metadata": {"annotations": {RECONCILE_ANNOTATION: "now"}}}

    assert editor.merge("orders", asked) == 200, editor.said
    assert office.get()["metadata"]["annotations"] == {RECONCILE_ANNOTATION: "now"}


# --- status, and what else the object has ---------------------------------------------------------


FORGED = {
    "lastApproval": {
        "digest": DIGEST,
        "to": ANOTHER,
        "impacts": ["Weakens"],
        "time": "2026-11-29T00:00:00Z",
    }
}


@pytest.mark.usefixtures("editor")
def test_who_may_write_the_status_by_a_role_of_all_resources_forges_no_approval(
    office: Office,
) -> None:
    star = office.person("star")

    whole = office.get() | {"status": FORGED}
    path = path_of(office.namespace, "orders", "status")

    assert star.refused(star.merge("orders", {"status": FORGED}, "status"), "rds-ssl-status")
    assert star.refused(star.send("PUT", path, whole), "rds-ssl-status")
    both = {"metadata": APPROVED, "status": FORGED}
    assert star.refused(star.merge("orders", both, "status"), "rds-ssl-status")
    assert "lastApproval" not in office.get()["status"]


def test_a_status_that_comes_with_an_object_is_not_taken(office: Office, editor: Person) -> None:
    body = manifest("stock") | {"status": FORGED}

    assert editor.send("POST", path_of(office.namespace), body) == 201, editor.said
    assert editor.replace("stock", lambda it: it.update(status=FORGED)) == 200, editor.said

    assert "lastApproval" not in office.get("stock")["status"]


def test_an_annotation_that_comes_with_a_status_is_not_taken(
    office: Office, approver: Person
) -> None:
    assert office.admin.create("orders") == 201
    both = {"metadata": APPROVED, "status": {"observedGeneration": 1}}

    assert office.admin.merge("orders", both, "status") == 200, office.admin.said

    assert office.approval() is None
    assert approver.merge("orders", {"status": FORGED}, "status") == 403


def test_there_is_no_scale_to_go_through(editor: Person) -> None:
    assert editor.merge("orders", {"metadata": APPROVED}, "scale") in {403, 404}
    assert "rds-ssl-" not in editor.said


# --- with the operator ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def rds() -> Iterator[Simulator]:
    """A cloud in which a change takes half a second."""
    with Simulator() as simulator:
        simulator.config(durations={"window": 0.1, "change": 0.4, "acl": 0.2})
        yield simulator


@pytest.fixture(scope="module")
def operator(guarded: Cluster, rds: Simulator) -> Iterator[OperatorProcess]:
    """The operator under its own rights."""
    given = {**PACE, "SELECTOR": f"!{LEFT_ALONE}"}
    with OperatorProcess(kubeconfig=guarded.kubeconfig, api_url=rds.url, **given) as operator:
        operator.wait_ready()
        yield operator


@pytest.fixture
def shop(guarded: Cluster, rds: Simulator, operator: OperatorProcess) -> Shop:
    """A namespace with credentials, served."""
    assert operator.poll() is None
    return Shop(guarded, rds)


@pytest.fixture
def there(shop: Shop) -> Iterator[Office]:
    """The people in the shop's namespace."""
    office = Office(shop.cluster, shop.namespace)
    yield office
    office.close()


def test_ssl_stays_on_until_somebody_approves_who_may(shop: Shop, there: Office) -> None:
    editor, approver = there.person("editor"), there.person("approver")
    shop.start_cloud()
    assert editor.merge("orders", {"spec": {"enabled": False}}) == 200, editor.said
    shop.wait("ChangePending", "True", "AwaitingApproval")
    digest = shop.status()["plan"]["digest"]
    approval = {"metadata": {"annotations": {APPROVE_ANNOTATION: digest}}}

    waived = {"spec": {"approvalRequired": []}}
    assert editor.refused(editor.merge("orders", waived), "rds-ssl-floor")
    assert editor.refused(editor.merge("orders", approval), "rds-ssl-approval")
    shop.look_again()
    assert shop.cost() == (1, 1, 1)

    assert approver.merge("orders", approval) == 200, approver.said
    shop.wait_ready(reason="Verified")
    assert not shop.ssl()["enabled"]
    assert shop.status()["lastApproval"]["digest"] == digest


def test_an_object_that_is_deleted_and_applied_again_sends_nothing_that_was_not_approved(
    shop: Shop, there: Office
) -> None:
    editor = there.person("editor")
    shop.start_cloud()
    assert editor.delete("orders") == 200, editor.said
    spec = {
        "instanceID": shop.instance_id(),
        "credentialsSecretRef": {"name": "rds-credentials"},
        "enabled": False,
    }
    for low in ({"approvalRequired": []}, {"adoptionPolicy": "Overwrite"}):
        assert editor.refused(editor.create("orders", **spec, **low), "rds-ssl-floor")

    assert editor.create("orders", **spec) == 201, editor.said
    shop.wait("ChangePending", "True", "AwaitingApproval")
    assert editor.create("second", **spec) == 201, editor.said
    shop.wait("Ready", "False", name="second")

    assert shop.ssl()["enabled"]
    assert shop.cost() == (1, 1, 1)


def test_a_secret_with_other_content_drops_no_ca_without_an_approval(
    shop: Shop, there: Office
) -> None:
    editor = there.person("editor")
    old, new = pki.make_root("Clients"), pki.make_root("Other clients")
    shop.write_client_ca(old.pem)
    ca = {"configMapKeyRef": {"name": "client-ca"}}
    shop.start_cloud(clientAuthentication={"ca": ca, "acl": "cert"})

    shop.write_client_ca(new.pem)

    shop.wait("ChangePending", "True", "AwaitingApproval")
    digest = shop.status()["plan"]["digest"]
    approval = {"metadata": {"annotations": {APPROVE_ANNOTATION: digest}}}
    assert editor.refused(editor.merge("orders", approval), "rds-ssl-approval")
    waived = {"spec": {"approvalRequired": []}}
    assert editor.refused(editor.merge("orders", waived), "rds-ssl-floor")
    assert shop.cost() == (1, 1, 1)


def test_the_policies_do_not_stand_in_the_operators_way(shop: Shop, there: Office) -> None:
    with there.floor(deletionPolicy="Disable"):
        there.wait_floor(allows=True, deletionPolicy="Disable")
        shop.start_cloud(deletionPolicy="Disable")
        assert shop.get()["metadata"]["finalizers"] == [FINALIZER]

        assert there.person("editor").delete("orders") == 200

        shop.wait_until("it is gone", lambda: not shop.cluster.exists(shop.namespace, "orders"))
    assert not shop.ssl()["enabled"]


def test_the_command_shows_what_the_policy_says(office: Office) -> None:
    editor = office.person("editor")
    assert editor.create("orders", {"labels": {LEFT_ALONE: ""}}) == 201, editor.said
    office.admin.merge("orders", {"status": statuses.pending()}, "status")
    config = office.cluster.control_plane.kubeconfig_for(office.namespace, "editor")

    ended = subprocess.run(
        [PROGRAM, "approve", "-n", office.namespace, "orders", "--yes"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KUBECONFIG": str(config)},
    )

    assert ended.returncode == 1
    assert "A policy of the cluster does not allow it" in ended.stderr
    assert "ClusterRole rds-ssl-dbinstancessl-approver" in ended.stderr
    assert office.approval() is None
