"""
The scripts of deploy/argocd, in Argo CD's sandbox, on all that the operator writes.

No ``string``, no ``math``, no ``os``; what kstatus makes of the same states is in `verdicts`.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from lupa import luajit21

from rds_ssl.commands import views
from rds_ssl.core.api.conditions import CHANGE_PENDING, READY, RECONCILING, STALLED, Verdict
from rds_ssl.core.model import (
    API_GROUP,
    APPROVE_ANNOTATION,
    KIND,
    RECONCILE_ANNOTATION,
    Reason,
)
from support import argocd, go_build, statuses, verdicts
from support.verdicts import Row, Shape

Json = dict[str, Any]

AGREES = {
    "Healthy": {"Current"},
    "Progressing": {"InProgress", "Terminating"},
    "Suspended": {"InProgress"},
    "Degraded": {"Failed"},
}
"""By Argo CD's health: what kstatus may say of the same state."""

ENUMERATED = {"ready", "finding", "material", "material_ready", "reconciling", "stalled"} | {
    "change_pending",
    "expiring",
}
"""What `verdicts.every_verdict` varies; a condition that comes to them has to be varied, too."""


@pytest.fixture(scope="module")
def sandbox() -> argocd.Sandbox:
    return argocd.Sandbox()


def act(sandbox: argocd.Sandbox, action: str, manifest: Json) -> Json:
    script = argocd.DISCOVERY.with_name(f"{action}.lua").read_text()
    changed: Json = sandbox.run(script, manifest)
    return changed


def offered(sandbox: argocd.Sandbox, manifest: Json) -> set[str]:
    found = sandbox.run(argocd.DISCOVERY.read_text(), manifest)
    assert list(argocd.ACTIONS) == sorted(found, key=argocd.ACTIONS.index)
    return {name for name, each in found.items() if not each["disabled"]}


# --- health -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def judged(sandbox: argocd.Sandbox) -> list[tuple[Verdict, Json, str]]:
    """Everything that the operator can write, the object with it, and its health."""
    found = ((each, verdicts.manifest(each)) for each in verdicts.every_verdict())
    return [(each, shown, verdicts.argo_cd(sandbox, shown)["status"]) for each, shown in found]


def test_whatever_the_operator_can_write_argo_cd_and_kstatus_agree(
    judged: list[tuple[Verdict, Json, str]],
) -> None:
    assert {field.name for field in fields(Verdict)} == ENUMERATED
    for _, manifest, health in judged:
        assert verdicts.kstatus(manifest) in AGREES[health], manifest["status"]


def test_only_a_plan_that_waits_for_somebody_or_a_date_is_suspended(
    judged: list[tuple[Verdict, Json, str]],
) -> None:
    for verdict, _, health in judged:
        waits = verdict.change_pending and not (verdict.reconciling or verdict.stalled)
        assert (health == "Suspended") == bool(waits and verdict.ready is not True)


@pytest.mark.parametrize("row", verdicts.ROWS, ids=lambda row: row.title)
def test_the_message_is_that_of_the_condition_that_decides(
    sandbox: argocd.Sandbox, row: Row
) -> None:
    for reason in row.reasons if row.seen and not row.deleting else ():
        assert row.shape is not None
        verdict = verdicts.verdict_of(row.shape, reason)

        said = verdicts.argo_cd(sandbox, verdicts.manifest(verdict))["message"]

        decides = row.shape.work or (READY if row.shape.ready == "True" else CHANGE_PENDING)
        assert said.startswith(f"{reason}: This is what {decides} says.")
        if row.shape == Shape(ready="True", held=True):
            assert f"Held: {reason}: This is what {CHANGE_PENDING} says." in said


def test_of_what_is_healthy_and_ends_soon_the_end_is_told(sandbox: argocd.Sandbox) -> None:
    verdict = verdicts.verdict_of(
        Shape(ready="True"), Reason.VERIFIED, expiring=Reason.CERTIFICATE_EXPIRING
    )

    health = verdicts.argo_cd(sandbox, verdicts.manifest(verdict))

    assert health["status"] == "Healthy"
    assert "CertificateExpiring: Something ends soon." in health["message"]


def test_a_suspended_object_with_nothing_to_do_is_healthy_and_says_so(
    sandbox: argocd.Sandbox,
) -> None:
    manifest = verdicts.manifest(verdicts.verdict_of(Shape(ready="True"), Reason.VERIFIED))
    manifest["spec"]["suspend"] = True

    health = verdicts.argo_cd(sandbox, manifest)

    assert health["status"] == "Healthy"
    assert "spec.suspend is true" in health["message"]


def test_a_condition_that_is_not_true_and_one_of_another_owner_decide_nothing(
    sandbox: argocd.Sandbox,
) -> None:
    manifest = verdicts.manifest(verdicts.verdict_of(Shape(ready="True"), Reason.VERIFIED))
    manifest["status"]["conditions"] += [
        statuses.condition(RECONCILING, "False", "Applying", ""),
        statuses.condition(STALLED, "Unknown", "Forbidden", ""),
        statuses.condition("Audited", "True", "Somebody", "All is lost."),
    ]

    assert verdicts.argo_cd(sandbox, manifest)["status"] == "Healthy"


@pytest.mark.parametrize("status", [None, {}, {"observedGeneration": 1}, {"conditions": []}])
def test_an_object_that_nobody_has_looked_at_is_progressing(
    sandbox: argocd.Sandbox, status: Json | None
) -> None:
    manifest = statuses.manifest()
    manifest.pop("status")
    if status is not None:
        manifest["status"] = status

    assert verdicts.argo_cd(sandbox, manifest)["status"] == "Progressing"


# --- actions ------------------------------------------------------------------------------------


def pending() -> Iterator[Json]:
    """Give every plan that can be held, and by what."""
    reasons: list[str | None] = [*(each.value for each in Reason), None]
    stalled = [*views.REPEATABLE, Reason.CREDENTIALS_INVALID, None]
    for held_by, ended in product(reasons, stalled):
        plan = statuses.plan(heldBy=held_by)
        status = statuses.pending(plan)
        if ended is not None:
            ends = statuses.condition(STALLED, "True", ended, "It ended badly.")
            status["conditions"].append(ends)
        yield statuses.manifest(status=status)


def test_approve_is_offered_exactly_where_the_command_would_approve(
    sandbox: argocd.Sandbox,
) -> None:
    told = []
    for manifest in pending():
        seen = views.ObjectView.of(manifest)
        why_not = views.why_not_approvable(views.Pending.of(seen), seen, "")

        assert ("approve" in offered(sandbox, manifest)) == (why_not is None), (manifest, why_not)
        told.append(why_not is None)
    assert {True, False} == set(told)


@pytest.mark.parametrize(
    "changed",
    [
        {"observedGeneration": 0},
        {"plan": None},
        {"lastApproval": {"digest": "1111222233334444"}},
        {"history": [{"approval": "1111222233334444", "result": "NotConverging"}]},
    ],
    ids=["an earlier spec", "no plan", "approved last", "approved before"],
)
def test_a_plan_that_an_approval_would_not_let_go_is_not_offered(
    sandbox: argocd.Sandbox, changed: Json
) -> None:
    status = {**statuses.pending(), **changed}
    manifest = statuses.manifest(status={k: v for k, v in status.items() if v is not None})
    assert "approve" in offered(sandbox, statuses.manifest(status=statuses.pending()))

    assert "approve" not in offered(sandbox, manifest)


def test_a_plan_that_is_approved_already_is_not_offered_again(sandbox: argocd.Sandbox) -> None:
    manifest = statuses.manifest(status=statuses.pending())
    approved = act(sandbox, "approve", manifest)

    assert "approve" not in offered(sandbox, approved)


def test_approve_writes_the_digest_of_the_plan_and_nothing_else(sandbox: argocd.Sandbox) -> None:
    manifest = statuses.manifest(status=statuses.pending(), approvalRequired=[], suspend=False)
    manifest["metadata"]["annotations"] = {"team": "shop"}

    changed = act(sandbox, "approve", manifest)

    annotations = changed["metadata"].pop("annotations")
    digest = manifest["status"]["plan"]["digest"]
    assert annotations == {**manifest["metadata"].pop("annotations"), APPROVE_ANNOTATION: digest}
    assert changed == manifest


def test_approve_is_refused_without_a_plan_and_for_a_plan_of_an_earlier_spec(
    sandbox: argocd.Sandbox,
) -> None:
    older = statuses.manifest(status=statuses.pending())
    older["metadata"]["generation"] = 2

    with pytest.raises(luajit21.LuaError, match="no plan"):
        act(sandbox, "approve", statuses.manifest(status=statuses.settled()))
    with pytest.raises(luajit21.LuaError, match="earlier spec"):
        act(sandbox, "approve", older)


def test_suspend_and_resume_write_their_field_and_each_is_offered_while_it_says_something_new(
    sandbox: argocd.Sandbox,
) -> None:
    manifest = statuses.manifest(status=statuses.settled())
    assert offered(sandbox, manifest) == {"suspend", "reconcile"}

    suspended = act(sandbox, "suspend", manifest)
    assert suspended == {**manifest, "spec": {**manifest["spec"], "suspend": True}}
    assert offered(sandbox, suspended) == {"resume", "reconcile"}

    resumed = act(sandbox, "resume", suspended)
    assert resumed == {**manifest, "spec": {**manifest["spec"], "suspend": False}}
    assert offered(sandbox, resumed) == {"suspend", "reconcile"}


def test_each_reconcile_asks_with_another_text(sandbox: argocd.Sandbox) -> None:
    manifest = statuses.manifest(status=statuses.settled())

    first = act(sandbox, "reconcile", manifest)
    first["metadata"]["resourceVersion"] = "8"  # As of any write, this one included.
    second = act(sandbox, "reconcile", first)

    texts = [each["metadata"]["annotations"][RECONCILE_ANNOTATION] for each in (first, second)]
    assert texts == ["argocd-7", "argocd-8"]
    assert {**first, "metadata": manifest["metadata"]} == manifest


# --- the ConfigMap, the sandbox, the page -------------------------------------------------------


def test_the_config_map_is_made_of_the_scripts() -> None:
    assert argocd.CONFIG_MAP.read_text() == argocd.config_map()


def test_argo_cd_reads_the_scripts_out_of_the_config_map() -> None:
    config = yaml.safe_load(argocd.CONFIG_MAP.read_text())
    key = f"{API_GROUP}_{KIND}"

    actions = yaml.safe_load(config["data"][f"resource.customizations.actions.{key}"])

    assert config["data"][f"resource.customizations.health.{key}"] == argocd.HEALTH.read_text()
    assert actions["discovery.lua"] == argocd.DISCOVERY.read_text()
    found = {each["name"]: each["action.lua"] for each in actions["definitions"]}
    scripts = {each.stem: each.read_text() for each in argocd.DISCOVERY.parent.glob("*.lua")}
    scripts.pop("discovery")
    assert found == scripts
    assert tuple(found) == argocd.ACTIONS


@pytest.mark.parametrize("namespace", [{}, {"namespace": "argocd"}], ids=["without", "with"])
def test_the_component_fits_an_argo_cd_whose_manifests_have_a_namespace_or_not(
    tmp_path: Path, namespace: Json
) -> None:
    shutil.copytree(argocd.HOME, tmp_path / "component")
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "argocd-cm", **namespace},
        "data": {"url": "https://argocd.example.com"},
    }
    kustomization = {
        "namespace": "argocd",
        "resources": ["cm.yaml"],
        "components": ["../component"],
    }
    (tmp_path / "argocd").mkdir()
    (tmp_path / "argocd" / "cm.yaml").write_text(yaml.safe_dump(manifest))
    (tmp_path / "argocd" / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))

    kubectl = go_build.programs(print).kubectl
    done = subprocess.run(
        [kubectl, "kustomize", str(tmp_path / "argocd")], capture_output=True, text=True, check=True
    )

    built = yaml.safe_load(done.stdout)
    expected = yaml.safe_load(argocd.CONFIG_MAP.read_text())["data"]
    assert built["data"] == {**manifest["data"], **expected}
    assert (built["metadata"]["name"], built["metadata"]["namespace"]) == ("argocd-cm", "argocd")


@pytest.mark.parametrize(
    "script",
    [
        "return os.time()",
        "return string.lower('A')",
        "return ('a'):upper()",
        "return math.floor(1)",
        "return io.read()",
        "while true do end",
    ],
)
def test_the_sandbox_has_no_more_than_argo_cds(sandbox: argocd.Sandbox, script: str) -> None:
    with pytest.raises(luajit21.LuaError):
        sandbox.run(script, statuses.manifest())


def test_one_script_leaves_nothing_for_the_next(sandbox: argocd.Sandbox) -> None:
    sandbox.run("left = 1; return 1", statuses.manifest())

    assert sandbox.run("return left", statuses.manifest()) is None


def test_the_table_of_states_and_verdicts_is_what_the_tools_say() -> None:
    text = verdicts.PAGE.read_text()

    assert verdicts.page(text) == text


def test_a_state_that_no_row_tells_is_noticed() -> None:
    unheard = verdicts.manifest(
        verdicts.verdict_of(Shape(ready="Unknown", work=STALLED), Reason.FORBIDDEN)
    )

    assert verdicts.shape(unheard["status"]) not in verdicts.SHAPES
