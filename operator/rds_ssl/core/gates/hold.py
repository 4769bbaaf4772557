"""Why a plan does not go now. Pure."""

from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.model import Finding, Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Finding):
    """
    Why a plan does not go; *message* follows the plan's summary.

    *until* is when the answer may be another one, None if nobody can tell.
    """

    until: datetime | None = None

    @property
    def passing(self) -> bool:
        """True if it is over within seconds: not worth a PATCH where another such hold is told."""
        return self.message in {QUIET.message, BUDGET.message}

    @property
    def moving(self) -> bool:
        """True if it goes on by itself soon: Reconciling instead of waiting for a person."""
        return self.reason in {Reason.QUIET_PERIOD, Reason.AWAITING_BUDGET}


QUIET = Hold(
    reason=Reason.QUIET_PERIOD,
    # Both holds in one sentence: what follows within seconds, and may last, is not written again.
    message="It is sent once the object and its material have stood still for the quiet period, and"
    " a slot is free.",
)
BUDGET = Hold(
    reason=Reason.AWAITING_BUDGET,
    message="It is sent once another instance of the account has finished its change.",
)
OTHER = Hold(
    reason=Reason.AWAITING_BUDGET,
    message="It is sent once the change of this instance that another object has begun has ended.",
)
RATE = Hold(
    reason=Reason.AWAITING_BUDGET,
    message="It is sent once the account may call the RDS API again: it has called too often.",
)
