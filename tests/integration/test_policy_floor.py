"""
The floor of deploy/policy on a real API server: every way to get below it that is known.

The garbage collector and the namespace controller act here as what they are in a cluster, accounts
with rights of their own, and are played by an administrator who acts as them.
"""

from collections.abc import Callable
from typing import Any

import pytest

from rds_ssl.core.model import RECONCILE_ANNOTATION
from support import polling
from support.office import FLOOR, SECONDS, Office, Person, path_of

Json = dict[str, Any]

DEFAULT_FLOOR = ["Weakens", "DropsTrust", "MovesEndpoint"]
WINDOW = {"schedule": "0 3 * * SAT", "duration": "2h", "timeZone": "Asia/Shanghai"}


# --- the floor ------------------------------------------------------------------------------------


BELOW = {
    "no approval": {"approvalRequired": []},
    "fewer approvals": {"approvalRequired": ["Weakens", "Restart"]},
    "overwrite": {"adoptionPolicy": "Overwrite"},
    "disable": {"deletionPolicy": "Disable"},
    "no approval, suspended": {"approvalRequired": [], "suspend": True},
}


def _created(editor: Person, spec: Json) -> int:
    return editor.create("another", **spec)


def _applied(editor: Person, spec: Json) -> int:
    return editor.apply("another", **spec)


def _patched(editor: Person, spec: Json) -> int:
    return editor.merge("orders", {"spec": spec})


def _replaced(editor: Person, spec: Json) -> int:
    return editor.replace("orders", lambda it: it["spec"].update(spec))


def _applied_over(editor: Person, spec: Json) -> int:
    return editor.apply("orders", **spec)


def _patched_as_json(editor: Person, spec: Json) -> int:
    return editor.json_patch(
        "orders", *({"op": "add", "path": f"/spec/{key}", "value": spec[key]} for key in spec)
    )


def _created_again(editor: Person, spec: Json) -> int:
    assert editor.delete("orders") == 200, editor.said
    status = editor.create("orders", **spec)
    said = editor.said
    assert editor.create("orders") == 201, editor.said
    editor.said = said
    return status


def _patched_while_it_goes(editor: Person, spec: Json) -> int:
    held = {"metadata": {"finalizers": ["example.com/held"]}}
    assert editor.merge("orders", held) == 200, editor.said
    assert editor.delete("orders") == 200, editor.said
    return editor.merge("orders", {"spec": spec})


WAYS_TO_WRITE = [
    _created,
    _applied,
    _patched,
    _replaced,
    _applied_over,
    _patched_as_json,
    _created_again,
    _patched_while_it_goes,
]


@pytest.mark.parametrize("way", WAYS_TO_WRITE, ids=lambda way: way.__name__.strip("_"))
def test_nobody_goes_below_the_floor_in_any_way(
    office: Office, editor: Person, way: Callable[[Person, Json], int]
) -> None:
    way_to_spare = way
    for what, spec in BELOW.items():
        if way is _patched_while_it_goes and what != "no approval":
            way_to_spare = _patched
        status = way_to_spare(editor, spec)
        assert editor.refused(status, "rds-ssl-floor"), what
        assert f"the floor of namespace {office.namespace}" in editor.said

    assert office.names() == ["orders"]
    assert office.spec()["approvalRequired"] == DEFAULT_FLOOR
    assert (office.spec()["adoptionPolicy"], office.spec()["deletionPolicy"]) == (
        "Review",
        "Retain",
    )


def test_an_administrator_does_not_go_below_it_either(office: Office) -> None:
    status = office.admin.create("orders", approvalRequired=[])

    assert office.admin.refused(status, "rds-ssl-floor")


def test_more_than_the_floor_asks_for_is_let_through(editor: Person) -> None:
    more = {"approvalRequired": ["Restart", *DEFAULT_FLOOR], "driftPolicy": "Report"}

    assert editor.merge("orders", {"spec": more}) == 200, editor.said


def test_a_second_object_for_the_same_instance_has_the_same_floor(
    office: Office, editor: Person
) -> None:
    assert editor.create("second") == 201, editor.said
    assert editor.refused(editor.create("third", approvalRequired=[]), "rds-ssl-floor")

    assert sorted(office.names()) == ["orders", "second"]


def test_an_editor_writes_neither_the_floor_nor_the_policies(editor: Person) -> None:
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
    lower = {"data": {"approvalRequired": ""}}
    for path in (FLOOR, f"{policies}/rds-ssl-floor", f"{policies.removesuffix('ies')}ybindings"):
        assert editor.send("PATCH", path, lower, "merge-patch+json") in {403, 404, 405}
    own = f"/api/v1/namespaces/{editor.namespace}/configmaps"
    editor.send("POST", own, {"metadata": {"name": "rds-ssl-floor"}, **lower})

    assert editor.refused(_patched(editor, {"approvalRequired": []}), "rds-ssl-floor")


def test_a_config_map_of_that_name_in_the_own_namespace_is_no_floor(office: Office) -> None:
    star = office.person("star")
    own = f"/api/v1/namespaces/{office.namespace}/configmaps"
    lower = {"approvalRequired": "", f"{office.namespace}.approvalRequired": ""}
    floor = {"metadata": {"name": "rds-ssl-floor"}, "data": lower}

    assert star.send("POST", own, floor) == 201, star.said

    assert star.refused(star.create("orders", approvalRequired=[]), "rds-ssl-floor")


def test_an_exception_counts_for_its_namespace_alone(office: Office, editor: Person) -> None:
    with office.floor(approvalRequired="DropsTrust", adoptionPolicy="", deletionPolicy="Disable"):
        spec = {"approvalRequired": ["DropsTrust"], "adoptionPolicy": "Overwrite"}
        office.wait_floor(allows=True, **spec, deletionPolicy="Disable")

        assert editor.merge("orders", {"spec": spec}) == 200, editor.said
        assert editor.refused(_patched(editor, {"approvalRequired": []}), "rds-ssl-floor")
        other = Office(office.cluster)
        assert other.admin.refused(other.admin.create("orders", **spec), "rds-ssl-floor")


def test_where_only_observing_is_allowed_nobody_enforces(office: Office, editor: Person) -> None:
    with office.floor(managementPolicy="Observe"):
        office.wait_floor(allows=False)

        assert editor.refused(editor.create("another"), "rds-ssl-floor")
        assert editor.merge("orders", {"spec": {"managementPolicy": "Observe"}}) == 200, editor.said
        enforcing = {"managementPolicy": "Enforce"}
        assert editor.refused(_patched(editor, enforcing), "rds-ssl-floor")


MAINTENANCE = {
    "none": ({}, False),
    "no windows": ({"windows": []}, False),
    "the window": ({"windows": [WINDOW]}, True),
    "a part of it": ({"windows": [WINDOW | {"duration": "90m"}]}, True),
    "longer": ({"windows": [WINDOW | {"duration": "3h"}]}, False),
    "at another time": ({"windows": [WINDOW | {"schedule": "* * * * *"}]}, False),
    "in another zone": ({"windows": [WINDOW | {"timeZone": "UTC"}]}, False),
    "and another one": ({"windows": [WINDOW, WINDOW | {"schedule": "0 4 * * SUN"}]}, False),
    "the instance's": ({"useInstanceWindow": True}, False),
    "overridden in time": ({"windows": [WINDOW], "overrideBeforeExpiry": "72h"}, True),
    "overridden too early": ({"windows": [WINDOW], "overrideBeforeExpiry": "73h"}, False),
}


def test_windows_are_those_that_the_floor_names(office: Office, editor: Person) -> None:
    lines = "0 3 * * SAT | 2h | Asia/Shanghai\n\n  30 1 * * * | 30m | UTC \n"
    with office.floor(maintenance=lines, overrideBeforeExpiry="72h"):
        office.wait_floor(allows=False)

        told = {
            what: editor.create(f"of-{number}", maintenance=maintenance) == 201
            for number, (what, (maintenance, _)) in enumerate(MAINTENANCE.items())
        }

        assert told == {what: allowed for what, (_, allowed) in MAINTENANCE.items()}
        assert editor.create("other", maintenance={"windows": [WINDOW]}) == 201, editor.said
        gone = editor.merge("other", {"spec": {"maintenance": None}})
        assert editor.refused(gone, "rds-ssl-floor")
        assert "0 3 * * SAT | 2h | Asia/Shanghai; 30 1 * * * | 30m | UTC" in editor.said
        assert editor.refused(_patched(editor, {"enabled": False}), "rds-ssl-floor")


def test_the_instances_own_window_is_one_if_the_floor_says_so(
    office: Office, editor: Person
) -> None:
    with office.floor(maintenance="instance"):
        office.wait_floor(allows=False)

        own = {"useInstanceWindow": True}
        assert editor.create("another", maintenance=own) == 201, editor.said
        early = own | {"overrideBeforeExpiry": "1h"}
        assert editor.refused(editor.create("early", maintenance=early), "rds-ssl-floor")
        windows = {"windows": [WINDOW]}
        assert editor.refused(editor.create("windows", maintenance=windows), "rds-ssl-floor")


def test_what_was_below_a_floor_before_can_be_held_back_at_once_and_else_only_raised(
    office: Office, editor: Person
) -> None:
    low = {"approvalRequired": [], "deletionPolicy": "Disable"}
    with office.floor(approvalRequired="", deletionPolicy=""):
        office.wait_floor(allows=True, **low)
        assert editor.merge("orders", {"spec": low}) == 200, editor.said
    office.wait_floor(allows=False, **low)

    for edit in ({"enabled": False}, {"suspend": True, "enabled": False}):
        assert editor.refused(_patched(editor, edit), "rds-ssl-floor")
    asked = {"metadata": {"annotations": {RECONCILE_ANNOTATION: "now"}, "labels": {"a": "b"}}}
    assert editor.merge("orders", asked) == 200, editor.said
    assert editor.merge("orders", {"spec": {"suspend": True}}) == 200, editor.said
    assert editor.refused(_patched(editor, {"suspend": False}), "rds-ssl-floor")
    assert editor.merge("orders", {"spec": {"deletionPolicy": "Retain"}}) == 200, editor.said
    raised = {"approvalRequired": DEFAULT_FLOOR, "suspend": False}
    assert editor.merge("orders", {"spec": raised}) == 200, editor.said


@pytest.mark.parametrize(
    "data",
    [
        {"approvalsRequired": "Weakens"},
        {"approvalRequired": "Weakens,Dropstrust"},
        {"deletionPolicy": "retain"},
        {"maintenance": "0 3 * * SAT, 2h, UTC"},
        {"maintenance": "0 3 * * SAT | two hours | UTC"},
        {"overrideBeforeExpiry": "3d"},
    ],
    ids=str,
)
def test_a_floor_that_is_not_understood_lets_nothing_through(
    office: Office, editor: Person, data: dict[str, str]
) -> None:
    with office.floor(**data):
        polling.wait(
            lambda: (
                None
                if editor.create("another") == 403
                else f"let through: {editor.delete('another')}"
            ),
            seconds=SECONDS,
        )

        assert editor.refused(editor.create("another"), "rds-ssl-floor")
        assert "is not understood" in editor.said
        assert editor.merge("orders", {"spec": {"suspend": True}}) == 200, editor.said


def test_without_a_floor_nothing_is_let_through(office: Office, editor: Person) -> None:
    kept = office.cluster.request("GET", FLOOR)
    office.cluster.request("DELETE", FLOOR)
    try:
        office.wait_floor(allows=False)
        assert editor.create("another") == 422
        assert "no params found" in editor.said
    finally:
        kept["metadata"] = {key: kept["metadata"][key] for key in ("name", "namespace", "labels")}
        office.cluster.request("POST", FLOOR.rpartition("/")[0], kept)
    office.wait_floor(allows=True)


# --- deletion -------------------------------------------------------------------------------------


@pytest.fixture
def disabling(office: Office, editor: Person) -> Person:
    """The editor, whose object has deletionPolicy Disable from before the floor."""
    with office.floor(deletionPolicy=""):
        office.wait_floor(allows=True, deletionPolicy="Disable")
        assert editor.merge("orders", {"spec": {"deletionPolicy": "Disable"}}) == 200, editor.said
    office.wait_floor(allows=False, deletionPolicy="Disable")
    return editor


def test_an_editor_does_not_turn_ssl_off_by_deleting_the_object(
    office: Office, disabling: Person
) -> None:
    assert disabling.refused(disabling.delete("orders"), "rds-ssl-floor")
    collection = disabling.send("DELETE", path_of(office.namespace))
    assert disabling.refused(collection, "rds-ssl-floor")

    assert "deletionTimestamp" not in office.get()["metadata"]
    assert disabling.merge("orders", {"spec": {"deletionPolicy": "Retain"}}) == 200
    assert disabling.delete("orders") == 200, disabling.said


@pytest.mark.usefixtures("disabling")
def test_an_editor_does_not_turn_ssl_off_by_an_owner_that_goes(office: Office) -> None:
    collector = office.acting_as("system:serviceaccount:kube-system:generic-garbage-collector")
    assert office.admin.create("stock") == 201, office.admin.said

    assert collector.refused(collector.delete("orders"), "rds-ssl-floor")
    assert collector.delete("stock") == 200, collector.said


@pytest.mark.usefixtures("disabling")
def test_an_approver_may_have_it_deleted(office: Office) -> None:
    both = office.person("editor-and-approver")

    assert both.delete("orders") == 200, both.said
    assert office.names() == []


@pytest.mark.usefixtures("disabling")
def test_a_namespace_that_is_deleted_takes_it_along(office: Office) -> None:
    controller = office.acting_as("system:serviceaccount:kube-system:namespace-controller")
    everything = path_of(office.namespace)
    assert controller.refused(controller.send("DELETE", everything), "rds-ssl-floor")
    office.cluster.request("DELETE", f"/api/v1/namespaces/{office.namespace}")

    assert controller.send("DELETE", everything) == 200, controller.said
    assert office.names() == []
