"""
What other tools make of the states that the operator writes: kstatus, Argo CD, kubectl wait.

    PYTHONPATH=tests python -m support.verdicts

writes the table of docs/gitops.md anew. A state is told by its `Shape`, of which `ROWS` has each
that the operator writes; the referee of the histories complains of any other. Argo CD's verdict is
that of deploy/argocd/health.lua, kstatus's and kubectl's that of the rules below, which tests/peers
holds to the programs themselves.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from rds_ssl.core.api.conditions import (
    CHANGE_PENDING,
    READY,
    RECONCILING,
    STALLED,
    Verdict,
    compose,
)
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, Finding, Reason
from support import argocd

PAGE = Path(__file__).parents[2] / "docs" / "gitops.md"

Json = dict[str, Any]

_NOW = datetime(2026, 11, 24, 1, tzinfo=UTC)
_READY = {True: "True", False: "False", None: "Unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What of the conditions decides a verdict."""

    ready: str
    work: str = ""
    """``Reconciling``, ``Stalled`` or neither."""
    held: bool = False
    """Whether ChangePending is there."""

    def __str__(self) -> str:
        held = CHANGE_PENDING if self.held else ""
        return ", ".join(each for each in (f"Ready={self.ready}", self.work, held) if each)


def shape(status: Mapping[str, Any]) -> Shape | None:
    """Give the shape of a status; None before its first conditions."""
    found = {each["type"]: each["status"] for each in status.get("conditions") or ()}
    if READY not in found:
        return None
    work = next((each for each in (RECONCILING, STALLED) if found.get(each) == "True"), "")
    return Shape(ready=found[READY], work=work, held=found.get(CHANGE_PENDING) == "True")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A state of the operator as people would tell it."""

    title: str
    shape: Shape | None = None
    """None if it has no conditions yet."""
    reasons: tuple[Reason, ...] = ()
    """Of what rules it, the most frequent first."""
    seen: bool = True
    """Whether the operator has seen the present generation."""
    deleting: bool = False

    @property
    def manifest(self) -> Json:
        """Give an object in this state."""
        reason = self.reasons[0] if self.reasons else Reason.VERIFIED
        verdict = verdict_of(self.shape, reason) if self.shape else None
        return manifest(verdict, seen=self.seen, deleting=self.deleting)


HELD = (
    Reason.AWAITING_APPROVAL,
    Reason.AWAITING_WINDOW,
    Reason.CHANGE_LIMIT_REACHED,
    Reason.OBSERVING,
    Reason.SUSPENDED,
)
_IN_FORCE = (Reason.VERIFIED, Reason.ADOPTED, Reason.APPLIED_NOT_ECHOED)

ROWS = (
    Row(title="just created, not looked at yet", seen=False),
    Row(
        title="edited, not looked at yet",
        shape=Shape(ready="True"),
        reasons=_IN_FORCE,
        seen=False,
    ),
    Row(title="as declared", shape=Shape(ready="True"), reasons=_IN_FORCE),
    Row(
        title="an edit, or the first change, is on its way",
        shape=Shape(ready="False", work=RECONCILING),
        reasons=(Reason.APPLYING, Reason.INSTANCE_BUSY, Reason.SECRET_NOT_FOUND),
    ),
    Row(
        title="an edit waits for seconds",
        shape=Shape(ready="False", work=RECONCILING, held=True),
        reasons=(Reason.QUIET_PERIOD, Reason.AWAITING_BUDGET),
    ),
    Row(
        title="new material is on its way",
        shape=Shape(ready="True", work=RECONCILING),
        reasons=(Reason.APPLYING, Reason.INSTANCE_BUSY, Reason.THROTTLED),
    ),
    Row(
        title="new material waits for seconds",
        shape=Shape(ready="True", work=RECONCILING, held=True),
        reasons=(Reason.QUIET_PERIOD, Reason.AWAITING_BUDGET),
    ),
    Row(
        title="an edit or a drift is held",
        shape=Shape(ready="False", held=True),
        reasons=(*HELD, Reason.DRIFTED),
    ),
    Row(title="new material is held", shape=Shape(ready="True", held=True), reasons=HELD),
    Row(
        title="a person has to act",
        shape=Shape(ready="False", work=STALLED),
        reasons=(Reason.CREDENTIALS_INVALID, Reason.INSTANCE_NOT_FOUND, Reason.APPLY_FAILED),
    ),
    Row(
        title="a person has to act, and new material is held",
        shape=Shape(ready="False", work=STALLED, held=True),
        reasons=(Reason.NOT_CONVERGING, Reason.ENGINE_NOT_SUPPORTED),
    ),
    Row(
        title="what is in force is as declared, and newer material is unfit",
        shape=Shape(ready="True", work=STALLED),
        reasons=(Reason.MATERIAL_INVALID, Reason.SECRET_NOT_FOUND),
    ),
    Row(
        title="RDS cannot be asked",
        shape=Shape(ready="Unknown", work=RECONCILING),
        reasons=(Reason.API_UNAVAILABLE, Reason.INSTANCE_BUSY),
    ),
    Row(
        title="being deleted",
        shape=Shape(ready="True"),
        reasons=_IN_FORCE,
        deleting=True,
    ),
)
"""In the order of a life."""

SHAPES = frozenset(row.shape for row in ROWS)


def verdict_of(
    shape: Shape,
    reason: Reason,
    *,
    material: bool | None = True,
    expiring: Reason | None = None,
) -> Verdict:
    """Make a verdict of a shape; *reason* is what rules it."""

    def finding(of: str) -> Finding:
        return Finding(reason=reason, message=f"This is what {of} says.")

    return Verdict(
        ready={word: value for value, word in _READY.items()}[shape.ready],
        finding=finding(READY),
        material=None if material is None else finding("MaterialReady"),
        material_ready=material,
        reconciling=finding(RECONCILING) if shape.work == RECONCILING else None,
        stalled=finding(STALLED) if shape.work == STALLED else None,
        change_pending=finding(CHANGE_PENDING) if shape.held else None,
        expiring=Finding(reason=expiring, message="Something ends soon.") if expiring else None,
    )


def every_verdict() -> Iterator[Verdict]:
    """Give every combination of conditions that a Verdict can hold, and every reason in each."""
    shapes = [
        Shape(ready=ready, work=work, held=held)
        for ready, work, held in product(_READY.values(), ("", RECONCILING, STALLED), (False, True))
    ]
    expiring = (None, Reason.CERTIFICATE_EXPIRING, Reason.RENEWAL_REQUIRED)
    for each, material, ends in product(shapes, (None, True, False), expiring):
        yield verdict_of(each, Reason.VERIFIED, material=material, expiring=ends)
    for each, reason in product(shapes, Reason):
        yield verdict_of(each, reason)


def manifest(verdict: Verdict | None, *, seen: bool = True, deleting: bool = False) -> Json:
    """Give an object with the conditions of a verdict, as the API server would."""
    generation = 2 if verdict else 1
    observed = generation if seen else generation - 1 if verdict else -1
    status: Json = {"observedGeneration": observed}
    if verdict:
        made = compose((), verdict, generation=observed, now=_NOW)
        status["conditions"] = [each.model_dump(mode="json", by_alias=True) for each in made]
    metadata: Json = {"name": "orders", "namespace": "shop", "generation": generation}
    metadata["resourceVersion"] = "7"
    if deleting:
        metadata["deletionTimestamp"] = "2026-11-24T01:00:00Z"
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": KIND,
        "metadata": metadata,
        "spec": {"instanceID": "pgm-orders", "regionID": "cn-hangzhou", "suspend": False},
        "status": status,
    }


# --- the rules of other tools -------------------------------------------------------------------


def kstatus(found: Mapping[str, Any]) -> str:
    """Judge as kstatus does."""
    if found["metadata"].get("deletionTimestamp"):
        return "Terminating"
    status = found["status"]
    if status["observedGeneration"] != found["metadata"]["generation"]:
        return "InProgress"
    conditions = {each["type"]: each["status"] for each in status["conditions"]}
    if conditions.get(RECONCILING) == "True":
        return "InProgress"
    if conditions.get(STALLED) == "True":
        return "Failed"
    return "Current" if conditions[READY] == "True" else "InProgress"


def kubectl_wait(found: Mapping[str, Any]) -> str:
    """Say what ``kubectl wait --for=condition=Ready`` does: it looks at Ready and nothing else."""
    ready = [each for each in found["status"].get("conditions", ()) if each["type"] == READY]
    met = any(
        each["status"] == "True" and each["observedGeneration"] >= found["metadata"]["generation"]
        for each in ready
    )
    return "returns" if met else "waits"


WAITS = {"Current": "done", "Failed": "fails at once"}
"""By verdict of kstatus: what Helm 4 and Flux do that wait for an object; else they wait."""


def argo_cd(sandbox: argocd.Sandbox, found: Mapping[str, Any]) -> Json:
    """Give status and message of deploy/argocd/health.lua."""
    health: Json = sandbox.run(argocd.HEALTH.read_text(), found)
    return health


# --- the page -----------------------------------------------------------------------------------

BEGIN = "| the operator's state |"


def table(rows: Sequence[Row] = ROWS) -> str:
    """Give the table of states and verdicts."""
    sandbox = argocd.Sandbox()
    told = ("the operator's state", "conditions", "reasons, among others")
    head = (*told, "kstatus", "Helm 4 `--wait`, Flux `wait`", "`kubectl wait`", "Argo CD")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        found = row.manifest
        verdict = kstatus(found)
        conditions = str(row.shape) if row.shape else "none"
        if not row.seen and row.shape:
            conditions += ", of an earlier generation"
        cells = (
            row.title,
            conditions,
            ", ".join(f"`{each}`" for each in row.reasons) if row.seen else "",
            verdict,
            WAITS.get(verdict, "waits"),
            kubectl_wait(found),
            argo_cd(sandbox, found)["status"],
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(text: str) -> str:
    """Give *text* with another table in place of the one that begins with `BEGIN`."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition("\n\n")
    return f"{before}{table()}\n\n{after}"


def main() -> int:
    """Command line."""
    argparse.ArgumentParser(prog="python -m support.verdicts").parse_args()
    PAGE.write_text(page(PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
