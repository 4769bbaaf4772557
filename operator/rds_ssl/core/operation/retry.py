"""
May a state whose last operation ended badly be sent again? Pure.

Source: docs/architecture.md, "The life of one change".
"""

from datetime import datetime, timedelta
from enum import StrEnum

from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.model import Phase
from rds_ssl.core.moments import shifted
from rds_ssl.core.operation.verification import Limits

RETRY_FAILED = timedelta(minutes=10)
"""Between the end of a failed attempt and the next."""


MAX_ATTEMPTS = 3
"""Attempts at the same state when the instance itself says ``failed``."""


class Retry(StrEnum):
    """Whether a state whose last operation ended badly may be sent again."""

    YES = "Yes"
    LATER = "Later"
    NO = "No"


def may_retry(
    operation: OperationStatus,
    *,
    digest: str,
    inputs: str,
    now: datetime,
    asked: bool,
    running_for: float,
    limits: Limits,
    approved: bool = False,
) -> tuple[Retry, float]:
    """
    Return whether a call for *digest* may follow the ended *operation*, and if later, how much.

    Args:
        inputs: `rds_ssl.core.planning.desired.inputs_digest` of now.
        asked: Somebody asks for one attempt (reconcile-now).
        approved: Somebody has approved this very plan since the operation ended.
        running_for: Seconds that the instance has been seen Running without a break.
    """
    # What a record of an older version led to cannot be told: perhaps to the same.
    untold, wanted = operation.target is None, asked or approved
    same = untold or operation.digest == digest
    ended = operation.end_time or operation.start_time
    match operation.phase:
        case Phase.ACCEPTED:
            return Retry.NO, 0.0  # Not ended: whatever the digest.
        case Phase.REFUSED if same and may_fall_back(operation):
            return Retry.YES, 0.0
        case Phase.REFUSED if same and not asked and (untold or operation.inputs_digest == inputs):
            return Retry.NO, 0.0
        case Phase.FAILED if same and not wanted and (untold or operation.attempt >= MAX_ATTEMPTS):
            return Retry.NO, 0.0
        case Phase.FAILED if (
            same and operation.attempt < MAX_ATTEMPTS and now < shifted(ended, RETRY_FAILED)
        ):
            # A clock that was set back must not make it longer.
            wait = min(shifted(ended, RETRY_FAILED) - now, RETRY_FAILED)
            return Retry.LATER, wait.total_seconds()
        case Phase.NOT_CONVERGING if same and not approved:
            return Retry.NO, 0.0
        case Phase.TIMED_OUT if same and not wanted:
            return Retry.NO, 0.0
        case Phase.TIMED_OUT if running_for < limits.settle:
            return Retry.LATER, limits.settle - running_for
        case _:
            return Retry.YES, 0.0


def may_fall_back(operation: OperationStatus) -> bool:
    """
    True if a refused renewal may be sent once more, with SSLEnabled=1.

    Terraform renews on SQL Server with SSLEnabled=2, which no page has; InvalidSSLStatus is what a
    server would answer that does not know it. The first attempt alone sends it.
    """
    return (
        operation.phase is Phase.REFUSED
        and operation.attempt == 1
        and operation.code == "InvalidSSLStatus"
        and operation.target is not None
        and operation.target.renews is not None
    )
