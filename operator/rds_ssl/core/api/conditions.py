"""
Conditions: from an outcome to the list in status. Pure.

The rules are those of metav1.Condition and kstatus: lastTransitionTime moves with the status only;
Reconciling, Stalled, ChangePending and CertificateExpiring exist only while they are True;
Reconciling and Stalled never stand together; types of other owners are kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from rds_ssl.core.api.status import Condition
from rds_ssl.core.formats import escaped
from rds_ssl.core.model import Finding

READY = "Ready"
MATERIAL_READY = "MaterialReady"
RECONCILING = "Reconciling"
STALLED = "Stalled"
CHANGE_PENDING = "ChangePending"
CERTIFICATE_EXPIRING = "CertificateExpiring"

OWN = (READY, MATERIAL_READY, RECONCILING, STALLED, CHANGE_PENDING, CERTIFICATE_EXPIRING)
"""The types this operator writes, in the order in which they stand."""


class Unjudged(Enum):
    """That a pass has not judged something."""

    EXPIRY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    Everything that the conditions say.

    *ready* True, False, or None for Unknown. *material* None leaves MaterialReady as it was; so
    does *expiring* with CertificateExpiring where it is not judged: an end draws near also while
    nobody can look, or a person has to act first.
    """

    ready: bool | None
    finding: Finding
    material: Finding | None = None
    material_ready: bool | None = None
    reconciling: Finding | None = None
    stalled: Finding | None = None
    change_pending: Finding | None = None
    expiring: Finding | Unjudged | None = Unjudged.EXPIRY

    def __post_init__(self) -> None:
        if self.reconciling and self.stalled:
            raise ValueError("Reconciling and Stalled exclude each other")


def compose(
    previous: Sequence[Condition], verdict: Verdict, *, generation: int, now: datetime
) -> tuple[Condition, ...]:
    """Return the whole list: own types by *verdict*, foreign ones as they were, at the end."""
    old = {each.type: each for each in previous}
    word = {True: "True", False: "False", None: "Unknown"}

    def condition(kind: str, status: str, finding: Finding) -> Condition:
        before = old.get(kind)
        since = before.last_transition_time if before and before.status == status else now
        return Condition.model_validate(
            {
                "type": kind,
                "status": status,
                "reason": finding.reason.value,
                "message": escaped(finding.message),
                "last_transition_time": since,
                "observed_generation": generation,
            },
            by_name=True,
        )

    own = [condition(READY, word[verdict.ready], verdict.finding)]
    if verdict.material is not None:
        own.append(condition(MATERIAL_READY, word[verdict.material_ready], verdict.material))
    elif MATERIAL_READY in old:
        own.append(old[MATERIAL_READY])
    for kind, finding in (
        (RECONCILING, verdict.reconciling),
        (STALLED, verdict.stalled),
        (CHANGE_PENDING, verdict.change_pending),
    ):
        if finding is not None:
            own.append(condition(kind, "True", finding))
    if isinstance(verdict.expiring, Finding):
        own.append(condition(CERTIFICATE_EXPIRING, "True", verdict.expiring))
    elif verdict.expiring is Unjudged.EXPIRY and CERTIFICATE_EXPIRING in old:
        own.append(old[CERTIFICATE_EXPIRING])
    return (*own, *(each for each in previous if each.type not in OWN))
