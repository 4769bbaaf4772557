"""From an error of the cloud API to what the object says, and when to look again."""

import logging
from dataclasses import replace

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import Verdict
from rds_ssl.core.errors import (
    AliyunError,
    ApiError,
    NoAnswer,
    NoCredentials,
    NotSent,
    ObservationError,
    RegionUnknown,
    TurnAwaited,
)
from rds_ssl.core.model import Disposition, Finding, Priority, Reason
from rds_ssl.core.rds import faults
from rds_ssl.core.rds.fault_codes import THROTTLED, Fault
from rds_ssl.engine.proofs import NO_ACCESS
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.refusals import known_words
from rds_ssl.engine.reconcile.stages import Decided, Gathered

_log = logging.getLogger(__name__)

BUSY_PATIENCE = 1800.0
"""Seconds for which a foreign change leaves Ready as it was."""

LONGEST_HINT = 300.0
"""Seconds: the most that the API's own hint, after a throttled call, delays the next look."""

_SLOW = {
    Disposition.REJECTED: 600.0,
    Disposition.INELIGIBLE: 1800.0,
    Disposition.BUG: 600.0,
}
"""Seconds to the next look at an object whose declaration was refused."""

_NOT_PROBED = 30.0
"""Seconds to the next look at an object whose endpoint is silent: the probe should come first."""

_NOT_CALLED_BACK = 60.0
"""Seconds after an object's turn at which it looks by itself: it should have been called back."""

TOLD_ABOVE = 10.0
"""Seconds that an object waits for its turn and says nothing: a thousand that start do so."""

_NOT_WOKEN = 600.0
"""Seconds to the next look at an object whose credentials are tried for another one."""

_PASSING = {
    Disposition.BUSY: (10.0, 300.0),
    Disposition.THROTTLED: (2.0, 300.0),
    Disposition.UNAVAILABLE: (2.0, 60.0),
    Disposition.UNKNOWN: (2.0, 60.0),
}
"""Seconds to the next attempt, and the most that they grow to, of what ends by itself."""


def read_failed(ports: Ports, gathered: Gathered, error: AliyunError | ObservationError) -> Decided:
    """Return what a failed read means for the object."""
    if isinstance(error, TurnAwaited):
        return _awaited(ports, gathered, error)
    if isinstance(error, ObservationError):
        return _not_understood(ports, gathered, error)
    if isinstance(error, RegionUnknown) and gathered.status.instance is None:
        # Of an instance that was reached once the region exists: its host is missing for a while.
        ports.outages.answered(gathered.cloud.place)
        finding = outcomes.region_unknown(gathered.declaration.region_id, error.host)
        _log.warning("%s: no host %s", error, error.host, extra=gathered.log_fields())
        verdict = outcomes.stalled(finding)
        return Decided(
            draft=gathered,
            verdict=verdict,
            look_after=_spread(ports, _SLOW[Disposition.REJECTED], 0.0),
        )
    if isinstance(error, NoCredentials):
        return _no_credentials(ports, gathered, error)
    silent = isinstance(error, NotSent | NoAnswer)
    said: AliyunError = error
    if silent:
        said = ports.outages.failed(gathered.cloud.place, gathered.key, error)
    request_id = error.request_id if isinstance(error, ApiError) else ""
    words = f": {error.message}" if isinstance(error, ApiError) else ""
    _log.warning("%s%s", error, words, extra=gathered.log_fields(request_id))
    finding, fault = _finding(gathered, said, write=False)
    if silent:
        return _silent(ports, gathered, finding)
    throttled = fault.disposition is Disposition.THROTTLED  # Perhaps before anybody looked at it.
    if fault.reason is not Reason.CREDENTIALS_INVALID:
        ports.outages.answered(gathered.cloud.place, known=not throttled)
    if fault.reason is Reason.INSTANCE_UNAVAILABLE and not gathered.has_work:
        return Decided(draft=gathered, verdict=None, look_after=ports.resync_after(), looked=False)
    gathered.memory.failures.reads += 1
    # A failed read does not count as a look: it is made up for at the first occasion.
    decided = _failed(
        ports,
        gathered,
        fault,
        finding,
        count=gathered.memory.failures.reads,
        hint=_hint(error),
        looked=False,
    )
    _note_refusal(ports, gathered, fault, error, again_after=decided.look_after)
    return decided


def _note_refusal(
    ports: Ports, gathered: Gathered, fault: Fault, error: AliyunError, *, again_after: float
) -> None:
    if fault.reason in NO_ACCESS:
        ports.proofs.refused(gathered.resource)
    if fault.reason is Reason.CREDENTIALS_INVALID:
        place = gathered.cloud.place
        ports.outages.refused(place, gathered.key, error, again_after=again_after)


def not_executed(ports: Ports, gathered: Gathered, error: AliyunError) -> Decided:
    """
    Return what an answer to a write means after which nothing was executed.

    It counts as a look: before the next is due, only a changed fact brings another, so that a
    Secret that is rewritten as it was does not repeat the call.
    """
    failures = gathered.memory.failures
    lasted = failures.write_failed(now=ports.monotonic())
    finding, fault = _finding(gathered, error, write=True)
    if isinstance(error, NotSent):
        ports.outages.failed(gathered.cloud.place, gathered.key, error)
        return _silent(ports, gathered, finding)
    if fault.reason is Reason.INSTANCE_UNAVAILABLE and not gathered.has_work:
        return Decided(draft=gathered, verdict=None, look_after=ports.resync_after())
    if fault.disposition is Disposition.BUSY:
        return _busy(gathered, count=failures.writes, lasted=lasted, code=_code(error), looked=True)
    return _failed(
        ports,
        gathered,
        fault,
        finding,
        count=failures.writes,
        hint=_hint(error),
        looked=True,
    )


def as_others(ports: Ports, gathered: Gathered, error: AliyunError) -> Decided:
    """Return that what keeps another object from its calls keeps this one, too; it is woken."""
    finding, fault = _finding(gathered, error, write=False)
    if fault.reason is Reason.CREDENTIALS_INVALID:
        ports.proofs.refused(gathered.resource)
        verdict = outcomes.stalled(finding)
        return Decided(draft=gathered, verdict=verdict, look_after=_NOT_WOKEN, looked=False)
    return _silent(ports, gathered, finding)


def busy(ports: Ports, gathered: Gathered) -> Decided:
    """Return that a foreign change is in flight while something is to be done."""
    sightings = gathered.memory.sightings
    lasted = sightings.busy_for(ports.monotonic())
    return _busy(gathered, count=sightings.busy_count, lasted=lasted)


def refused_after(fault: Fault) -> float:
    """Return the seconds to the next look at an object whose state was refused."""
    return _SLOW.get(fault.disposition, 600.0)


def _not_understood(ports: Ports, gathered: Gathered, error: ObservationError) -> Decided:
    """Return that an answer makes no sense: a failed read of this object alone."""
    ports.outages.answered(gathered.cloud.place)
    failures = gathered.memory.failures
    failures.reads += 1
    finding = Finding(
        reason=Reason.API_UNAVAILABLE,
        message=f"The RDS API's answer cannot be understood: {error}",
    )
    return Decided(
        draft=gathered,
        verdict=_unavailable(ports, gathered, finding),
        look_after=_doubled(5.0, failures.reads, 300.0),
        looked=False,
    )


def _no_credentials(ports: Ports, gathered: Gathered, error: NoCredentials) -> Decided:
    """
    Return that there is nothing to sign with: nobody was asked, so RDS has not been silent.

    Who gives the credentials is asked once for all objects, see
    `rds_ssl.aliyun.identity.providers`; what was said is logged there. Until it is asked again no
    look brings anything.
    """
    ports.outages.passes_on(gathered.key)
    finding, fault = _finding(gathered, error, write=False)
    failures = gathered.memory.failures
    failures.reads += 1
    decided = _failed(
        ports,
        gathered,
        fault,
        finding,
        count=failures.reads,
        hint=_hint(error),
        looked=False,
    )
    look_after = _spread(ports, 1.0, 0.0) + error.retry_in * ports.random.uniform(1.0, 1.2)
    return replace(decided, asked_cloud=False, look_after=look_after)


def _awaited(ports: Ports, gathered: Gathered, error: TurnAwaited) -> Decided:
    """Return that the account has called often enough for now: the object is called back."""
    ports.outages.passes_on(gathered.key)
    # A resync that comes later than usual keeps nobody from anything.
    told = error.seconds > TOLD_ABOVE and gathered.priority is not Priority.RESYNC
    finding = Finding(
        reason=THROTTLED.reason,
        message=faults.sentence(THROTTLED, error.code or "RDS_SSL_API_RATE"),
    )
    return Decided(
        draft=gathered,
        verdict=_passing(ports, gathered, THROTTLED, finding) if told else None,
        look_after=error.seconds + _NOT_CALLED_BACK,
        looked=False,
    )


def _silent(ports: Ports, gathered: Gathered, finding: Finding) -> Decided:
    """Return that the whole endpoint is silent: the next look comes from whoever probes it."""
    verdict = _unavailable(ports, gathered, finding)
    return Decided(draft=gathered, verdict=verdict, look_after=_NOT_PROBED, looked=False)


def _failed(
    ports: Ports,
    gathered: Gathered,
    fault: Fault,
    finding: Finding,
    *,
    count: int,
    hint: float,
    looked: bool,
) -> Decided:
    """
    Return what an answer means that says no.

    Args:
        count: How many there were in a row, this one included.
        hint: The seconds for which the API asks to be left alone.
        looked: See `Decided`.
    """
    if fault.disposition in _PASSING:
        first, most = _PASSING[fault.disposition]
        return Decided(
            draft=gathered,
            verdict=_passing(ports, gathered, fault, finding),
            look_after=_spread(ports, _doubled(first, count, most), hint),
            looked=looked,
        )
    if fault.disposition is Disposition.BUG:
        _log.error("malformed request: %s", finding.message, extra=gathered.log_fields())
    return Decided(
        draft=gathered,
        verdict=outcomes.stalled(finding),
        look_after=_SLOW.get(fault.disposition, _doubled(60.0, count, 600.0)),
        looked=looked,
    )


def _passing(ports: Ports, gathered: Gathered, fault: Fault, finding: Finding) -> Verdict | None:
    """Return what passes without anybody's help, for those that it keeps from something."""
    if fault.disposition is not Disposition.THROTTLED:
        # A read that the instance is too busy for is one that failed: nobody knows whether
        # anything is to be done.
        return _unavailable(ports, gathered, finding)
    if not gathered.has_work or gathered.in_flight:
        return None
    ready, kept = gathered.as_it_was(finding)
    return Verdict(ready=ready, finding=kept, reconciling=finding)


def _unavailable(ports: Ports, gathered: Gathered, finding: Finding) -> Verdict | None:
    """Return nothing for an object without work until three resyncs have passed."""
    failures, now = gathered.memory.failures, ports.monotonic()
    if failures.unavailable_since is None:
        failures.unavailable_since = now
    if gathered.in_flight:
        return None
    long = now - failures.unavailable_since >= 3 * ports.timings.resync
    if gathered.has_work and not long:
        ready, kept = gathered.as_it_was(finding)
        return Verdict(ready=ready, finding=kept, reconciling=finding)
    return Verdict(ready=None, finding=finding, reconciling=finding) if long else None


def _busy(
    gathered: Gathered, *, count: int, lasted: float, code: str = "", looked: bool = False
) -> Decided:
    """Return that the instance is busy, for the *count*-th time; *code* says so if any."""
    instance = gathered.instance
    status = instance.status if instance and not instance.running else code
    suffix = f" ({status})" if status else ""
    finding = Finding(
        reason=Reason.INSTANCE_BUSY,
        message=f"The instance is busy with another change{suffix}; ours follows.",
    )
    ready, kept = gathered.as_it_was(finding)
    if lasted >= BUSY_PATIENCE:
        ready, kept = False, finding
    return Decided(
        draft=gathered,
        verdict=Verdict(ready=ready, finding=kept, reconciling=finding),
        look_after=_doubled(10.0, count, 300.0),
        looked=looked,
    )


def _finding(gathered: Gathered, error: AliyunError, *, write: bool) -> tuple[Finding, Fault]:
    fault = faults.classify(error, write=write)
    message = faults.message(error, write=write, **known_words(gathered))
    return Finding(reason=fault.reason, message=message), fault


def _spread(ports: Ports, after: float, hint: float) -> float:
    """Spread the objects that were refused together; none of them comes before the hint."""
    spread = ports.random.uniform(0.8, 1.2)
    return max(after * spread, min(hint, LONGEST_HINT) * max(1.0, spread))


def _hint(error: AliyunError) -> float:
    return error.retry_after or 0.0 if isinstance(error, ApiError | NoCredentials) else 0.0


def _code(error: AliyunError) -> str:
    return error.code if isinstance(error, ApiError) else ""


def _doubled(first: float, count: int, most: float) -> float:
    return min(most, first * 2.0 ** min(count - 1, 20))
