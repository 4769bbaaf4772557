"""
Rows of pg_hba.conf that let clients in by SSL only: they hold every plan that turns SSL off.

The vendor accepts such a row only while SSL is on; its clients are locked out once SSL is off.
The right to read the rows is optional. Source: the vendor's page of ModifyPGHbaConfig.
"""

import logging

from rds_ssl.core import faults
from rds_ssl.core.conditions import Finding
from rds_ssl.core.errors import AliyunError, ObservationError
from rds_ssl.core.model import Disposition, Engine, Priority, Reason
from rds_ssl.engine.work import Work

_log = logging.getLogger(__name__)

_NAMED = 3
"""Rows in a message: which file is meant is clear by then."""

_PASSING = frozenset(
    {Disposition.BUSY, Disposition.GONE, Disposition.THROTTLED, Disposition.UNAVAILABLE}
)
"""What says nothing about whether the rows may be read: the next pass asks again."""


async def held_by_rows(work: Work) -> Finding | None:
    """
    Say which rows stand in the way of turning SSL off; None if none does, or it is not known.

    Ask only before SSL is turned off: another engine than PostgreSQL costs no call.

    Raises:
        AliyunError: No answer for now: whether there are rows may be known later.
    """
    if work.engine != Engine.POSTGRESQL:
        return None
    try:
        rows = await work.cloud.describe_hostssl_rows(work.declaration, priority=Priority.CHANGE)
    except AliyunError as error:
        if faults.classify(error, write=False).disposition in _PASSING:
            raise
        _log.info("hostssl rows are not known: %s", error, extra=work.fields())
        return None
    except ObservationError as error:
        _log.info("hostssl rows are not known: %s", error, extra=work.fields())
        return None
    if not rows:
        return None
    named = "; ".join(rows[:_NAMED])
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return Finding(
        reason=Reason.HOST_SSL_ROWS,
        message="SSL is not turned off while pg_hba.conf lets clients in by SSL only:"
        f" {named}{more}. Change these rows to host, or remove them.",
    )
