"""
When a call that was sent has ended, and how. Pure; the one table that Ready=True rests on.

Source: docs/architecture.md, "The life of one change". Elapsed times are seconds of the monotonic
clock of the process that watches; a process that inherits a record starts them anew and waits a
full `settle`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from rds_ssl.core.api.states import BeforeStatus
from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.model import Observed, Phase
from rds_ssl.core.planning.fields import Comparison, Field


class End(StrEnum):
    """How an operation ends, or that it goes on."""

    VERIFIED = "Verified"
    FAILED = "Failed"
    NOT_CONVERGING = "NotConverging"
    TIMED_OUT = "TimedOut"
    SEND_AGAIN = "SendAgain"
    """No effect was proved after an unknown outcome: one more attempt."""
    NONE = "None"


READ_BACKS = (1.0, 3.0, 7.0, 15.0)
"""Seconds after the answer; then every `Limits.poll`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The settings that an operation runs under, in seconds."""

    poll: float = 10.0
    settle: float = 180.0
    verify_after: float = 30.0
    apply_timeout: float = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What only the watching process knows of an unfinished operation."""

    started: float
    """Monotonic: the end of the attempt, or when the record was inherited."""
    accepted: float | None
    """Monotonic: when this process knew it accepted; None for an unknown outcome."""
    busy_seen: bool = False
    """Not Running, or LastModifyStatus setting, since the call."""
    left_running: bool = False
    """Not Running since the call: it restarts, or whatever else takes it away."""
    differing_reads: int = 0
    """Reads in a row, Running and after busy, in which the same field was not as sent."""
    differing: frozenset[Field] = frozenset()
    """Which; empty if what was sent cannot be told any more."""

    def seen_busy(self) -> "Watch":
        """Note that the instance is at work on it."""
        return replace(self, busy_seen=True, differing_reads=0, differing=frozenset())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The end, or when to look again (seconds), and what the process remembers."""

    end: End
    watch: Watch
    look_after: float = 0.0


def next_read_back(elapsed: float, poll: float, marks: Sequence[float] = ()) -> float:
    """Return in how many seconds the next look is due, *elapsed* seconds after the answer."""
    due = [each for each in (*READ_BACKS, *marks) if each > elapsed + 0.05]
    return min([*(each - elapsed for each in due), poll])


def verify(
    operation: OperationStatus,
    watch: Watch,
    *,
    running: bool,
    observed: Observed | None,
    comparison: Comparison | None,
    monotonic: float,
    now: datetime,
    limits: Limits,
) -> Verification:
    """
    Judge an unfinished operation by what was just read.

    Args:
        running: DescribeDBInstanceAttribute says Running.
        observed: DescribeDBInstanceSSL; asked only once the instance is Running.
        comparison: *observed* beside what was sent, without ``applied``: what was in force before
            proves nothing. None if what was sent cannot be told any more.
    """
    elapsed = monotonic - watch.started
    if operation.phase is Phase.ACCEPTED or watch.busy_seen:
        watch = _accepted(watch, watch.started)
    if not running or observed is None or observed.last_modify_status == "setting":
        # Running without an answer is neither at work nor at its end.
        if not running or observed is not None:
            watch = replace(watch, left_running=watch.left_running or not running)
            watch = _accepted(watch.seen_busy(), monotonic)
        return _go_on(operation, watch, elapsed, now, limits)
    told = _told(comparison, operation.before, observed)
    if told or _moved(operation.before, observed):
        watch = _accepted(watch, monotonic)
    if _failed(operation, watch, observed, elapsed, limits):
        return Verification(end=End.FAILED, watch=watch)
    if comparison is None or not comparison.consistent:
        watch = _differing(watch, comparison)
        if watch.differing_reads >= 2 or _renewed_nothing(watch, comparison, elapsed, limits):
            return Verification(end=End.NOT_CONVERGING, watch=watch)
    else:
        if watch.busy_seen or _stood(watch, monotonic, limits, told=told):
            return Verification(end=End.VERIFIED, watch=watch)
        if watch.accepted is not None:
            # Bounded whatever APPLY_TIMEOUT says: it is verified when it is settled.
            return _look_again(watch, elapsed, limits)
    return _without_effect(operation, watch, comparison, elapsed, limits) or _go_on(
        operation, watch, elapsed, now, limits
    )


def _without_effect(
    operation: OperationStatus,
    watch: Watch,
    comparison: Comparison | None,
    elapsed: float,
    limits: Limits,
) -> Verification | None:
    """
    Return the end of an unknown outcome of which nothing was seen.

    Only a field that is shown and is not as sent proves that there was no effect: what is not
    shown (forced encryption, a PFX file) may well be in force, and would restart for nothing.
    """
    if watch.accepted is not None or elapsed < limits.settle:
        return None
    disproved = comparison is not None and not comparison.consistent
    again = disproved and not operation.unanswered
    return Verification(end=End.SEND_AGAIN if again else End.TIMED_OUT, watch=watch)


def _accepted(watch: Watch, monotonic: float) -> Watch:
    """Take an unknown outcome for accepted: the instance shows that something was executed."""
    return watch if watch.accepted is not None else replace(watch, accepted=monotonic)


def _moved(before: BeforeStatus | None, observed: Observed) -> bool:
    """
    True if the instance is another one than before the call, whatever else is not echoed.

    MySQL shows neither CAType nor a custom certificate: without this an executed call of unknown
    outcome would be sent, and restart the database, a second time.
    """
    if before is None:
        return False
    if before.enabled != observed.enabled:
        return True
    leaf, old = observed.server_certificate, before.server_certificate
    if leaf is not None and old is not None and leaf.sha256 != old.sha256:
        return True
    expires = observed.expire_time
    return None not in {expires, before.expire_time} and expires != before.expire_time


def _failed(
    operation: OperationStatus, watch: Watch, observed: Observed, elapsed: float, limits: Limits
) -> bool:
    """True if the instance says ``failed`` of this call, not of an earlier one."""
    if observed.last_modify_status != "failed":
        return False
    if watch.busy_seen:
        return True
    before = operation.before
    old = before is not None and before.last_modify_status == "failed"
    return elapsed >= limits.settle and not (old and watch.accepted is None)


def _differing(watch: Watch, comparison: Comparison | None) -> Watch:
    """Count reads in a row after busy in which the same field differs."""
    if not watch.busy_seen:
        return watch
    fields = frozenset[Field]() if comparison is None else comparison.different
    lasting = fields & watch.differing if watch.differing_reads else fields
    if fields and not lasting:
        return replace(watch, differing_reads=1, differing=fields)
    return replace(watch, differing_reads=watch.differing_reads + 1, differing=lasting)


def _renewed_nothing(
    watch: Watch, comparison: Comparison | None, elapsed: float, limits: Limits
) -> bool:
    """True if an accepted renewal had no effect: a renewal need not be seen at work."""
    return (
        comparison is not None
        and comparison.different == {Field.RENEWAL}
        and watch.accepted is not None
        and elapsed >= limits.settle
    )


def _told(comparison: Comparison | None, before: BeforeStatus | None, observed: Observed) -> bool:
    """
    True if the state is shown, by SSLExpireTime where the custom certificate is not echoed.

    A date that was the same before tells nothing; another one than notAfter is a difference.
    """
    if comparison is None or not comparison.consistent:
        return False
    if comparison.shown:
        return True
    if comparison.unknown == {Field.CHAIN}:
        # A certificate that has come brings its intermediates; one that was there tells nothing.
        return _moved(before, observed)
    dated = observed.expire_time is not None and _moved(before, observed)
    return (
        dated
        and Field.SERVER_CERTIFICATE in comparison.unknown
        and comparison.unknown <= {Field.SERVER_CERTIFICATE, Field.CA_TYPE}
    )


def _stood(watch: Watch, monotonic: float, limits: Limits, *, told: bool) -> bool:
    """True if it has stood for long enough without being seen at work."""
    if watch.accepted is None:
        return False
    if told:
        return monotonic - watch.accepted >= limits.verify_after
    # Running alone may be the window before the work.
    return monotonic - watch.started >= limits.settle


def _go_on(
    operation: OperationStatus, watch: Watch, elapsed: float, now: datetime, limits: Limits
) -> Verification:
    # A process that has inherited an old record looks for a full `settle` before it gives up.
    lasted = max((now - operation.start_time).total_seconds(), elapsed)
    if lasted >= limits.apply_timeout and elapsed >= limits.settle:
        return Verification(end=End.TIMED_OUT, watch=watch)
    return _look_again(watch, elapsed, limits)


def _look_again(watch: Watch, elapsed: float, limits: Limits) -> Verification:
    marks: tuple[float, ...] = (limits.settle,)
    if watch.accepted is not None:
        # Measured from the acceptance, which may come later than the start.
        marks = (limits.settle, limits.verify_after + watch.accepted - watch.started)
    after = next_read_back(elapsed, limits.poll, marks)
    return Verification(end=End.NONE, watch=watch, look_after=after)
