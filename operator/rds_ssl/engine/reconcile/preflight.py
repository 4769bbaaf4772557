"""
May the instance take this change now? Asked last before a plan goes, with fresh attributes.

Each answer is the end of a pass that says what stands in the way, what has to be read to tell, or
None. Source: docs/conditions.md, "The declaration and the instance", and the vendor's pages on
endpoints and of ModifyPGHbaConfig.
"""

from rds_ssl.core.checks import eligibility
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import Engine, Finding, Reason
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.rds import responses
from rds_ssl.engine.reconcile import api_failures
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Read, Seen

STALLED_AFTER = 600.0
"""Seconds to the next look at an object that somebody has to change."""

_INELIGIBLE_AFTER = 1800.0

_PRIVATE = ("private", "inner")

_NAMED_ROWS = 3
"""In a message: which file is meant is clear by then."""


def first_endpoint(seen: Seen) -> str | Read:
    """Return an endpoint where none is declared, pinned or protected; empty: there is none."""
    if seen.instance is None:
        return Read.ATTRIBUTES
    if seen.instance.connection_string:
        return seen.instance.connection_string
    if seen.endpoints is None:
        return Read.ENDPOINTS
    private = (
        each.host
        for each in seen.endpoints
        if each.kind == responses.NORMAL and each.ip_type.lower() in _PRIVATE
    )
    return next(private, "")


def refused(ports: Ports, seen: Seen, step: Desired, *, wanted: Desired) -> Decided | Read | None:
    """
    Return why the instance takes no write now; None if it is Running and can have it.

    Args:
        step: What the call brings.
        wanted: What the last call of the plan does.
    """
    if seen.instance is None:
        return Read.ATTRIBUTES
    gone = eligibility.unavailable(seen.instance)
    if gone is not None:
        return seen.stalled(gone, look_after=STALLED_AFTER)
    stopped: Decided | Read | None = None
    if step.enabled:
        unfit = eligibility.unfit_instance(wanted, seen.instance, seen.observed)
        if unfit is not None:
            return seen.stalled(unfit, look_after=_INELIGIBLE_AFTER)
        stopped = unknown_endpoint(seen, step)
    elif seen.observed.enabled:
        stopped = _held_by_rows(seen)
    if stopped is not None:
        return stopped
    return None if seen.instance.running else api_failures.busy(ports, seen)


def unknown_endpoint(seen: Seen, desired: Desired) -> Decided | Read | None:
    """
    Return that the endpoint wanted is none of the instance's, with those that are.

    What is protected now, and the instance's own internal one, need no look.
    """
    if seen.instance is None:
        return Read.ATTRIBUTES
    wanted = host_name(desired.connection_string)
    protected = seen.observed.connection_string if seen.observed.enabled else None
    known = (seen.instance.connection_string, protected)
    if wanted in {host_name(each) for each in known if each}:
        return None
    if seen.endpoints is None:
        return Read.ENDPOINTS
    finding = eligibility.missing_endpoint(
        seen.declaration, desired.connection_string, seen.endpoints
    )
    return None if finding is None else seen.stalled(finding, look_after=STALLED_AFTER)


def _held_by_rows(seen: Seen) -> Decided | Read | None:
    """
    Return which rows of pg_hba.conf stand in the way of turning SSL off.

    The vendor accepts a row that lets clients in by SSL only while SSL is on; its clients are
    locked out once SSL is off. Another engine than PostgreSQL costs no call.
    """
    if seen.engine != Engine.POSTGRESQL:
        return None
    if seen.hostssl_rows is None:
        return Read.HOSTSSL_ROWS
    if not seen.hostssl_rows:
        return None
    named = "; ".join(seen.hostssl_rows[:_NAMED_ROWS])
    left = len(seen.hostssl_rows) - _NAMED_ROWS
    more = f" and {left} more" if left > 0 else ""
    finding = Finding(
        reason=Reason.HOST_SSL_ROWS,
        message="SSL is not turned off while pg_hba.conf lets clients in by SSL only:"
        f" {named}{more}. Change these rows to host, or remove them.",
    )
    return seen.stalled(finding, look_after=STALLED_AFTER)
