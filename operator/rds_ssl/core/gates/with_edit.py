"""How long newer material waits for the answer to an edit of the settings. Pure."""

from datetime import datetime, timedelta

from rds_ssl.core.formats import write_time
from rds_ssl.core.gates.hold import Hold
from rds_ssl.core.model import Reason
from rds_ssl.core.moments import shifted
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import Plan

WITH_EDIT, ALONE_BEFORE = timedelta(days=7), timedelta(days=14)
"""
How long newer material waits for the answer to an edit, so that both cost one restart; and how long
before the end of what it replaces it does not wait any more.
"""


def awaits_edit(plan: Plan, *, since: datetime, now: datetime) -> Hold | None:
    """
    Return until when newer material waits for the answer to an edit; None if it goes alone.

    A list of revocations does not wait: whom it names is let in until then.

    Args:
        plan: Of the material.
        since: When it was first seen.
    """
    if any(each.field == Field.REVOCATION_LIST for each in plan.changes):
        return None
    until = shifted(since, WITH_EDIT)
    if plan.deadline is not None:
        until = min(until, shifted(plan.deadline, -ALONE_BEFORE))
    if now >= until:
        return None
    return Hold(
        reason=Reason.AWAITING_APPROVAL,
        message="It goes along once what waits for approval is approved, or alone at"
        f" {write_time(until)}.",
        until=until,
    )
