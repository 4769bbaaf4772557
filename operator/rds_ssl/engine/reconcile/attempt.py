"""
What this process knows of the call for one object, beyond its record in the status.

```text
          a record is to be written              the call is made
   Idle --------------------------> NotExecuted ------------------> Sent
    ^ |                              ^       ^                      ^ | |
    | +-- another process's record --------------------------------+ | |
    |                                |       +-- "not executed" -----+ |
    |                                |                               | |
    |     a record is to be written  +-- WithoutEffect <-- proved ---+ |
    |                                                                  |
    +------------- its end is recorded, or all is as declared ---------+
```

A new process begins with Idle, whatever is recorded: it knows less, and waits longer. Source:
docs/architecture.md, "The life of one change".
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeGuard

from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.operation.verification import Watch


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """No call is under way as far as this process knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A call is on its way or at work, and this process follows it."""

    started: datetime
    """The startTime of its record."""
    watch: Watch
    request_id: str | None = None
    """Once it was accepted, if this process made it."""
    replaced: OperationStatus | None = None
    """What an own operation left behind before: it counts again if this one is not executed."""
    without_effect: OperationStatus | None = None
    """The attempt before, of `WithoutEffect`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotExecuted:
    """A call that surely was not executed: its answer said so, or it is yet to be made."""

    started: datetime
    """The startTime of its record."""
    digest: str
    """Of the state that it was to lead to: what allowed this attempt allows another."""
    replaced: OperationStatus | None = None
    """See `Sent`."""
    without_effect: OperationStatus | None = None
    """See `Sent`."""
    answered: bool = False
    """
    Whether the call was made, and its answer said so. If not, a record of that second may be
    another process's, written in its place: it is followed as any other that is found.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class WithoutEffect:
    """The outcome of an attempt was unknown, and it was seen to be without effect."""

    operation: OperationStatus
    """That attempt: the next one counts on from it, also after a hold."""
    replaced: OperationStatus | None = None
    """See `Sent`."""
    permitted: bool = True
    """Whether the next one may be made although the last operation ended badly."""


Attempt = Idle | Sent | NotExecuted | WithoutEffect


def permits(attempt: Attempt, digest: str) -> bool:
    """
    True if the state of *digest* may be sent although its last operation ended badly.

    Something allowed an attempt, a person or the outcome, and it was not executed yet.
    """
    match attempt:
        case NotExecuted():
            return attempt.answered and attempt.digest == digest
        case WithoutEffect():
            return attempt.permitted and attempt.operation.digest == digest
        case _:
            return False


def is_over(attempt: Attempt, operation: OperationStatus) -> TypeGuard[NotExecuted | WithoutEffect]:
    """True if *operation*, unfinished as its record is, is known to be without effect."""
    match attempt:
        case NotExecuted():
            return attempt.answered and attempt.started == operation.start_time
        case WithoutEffect():
            return attempt.operation.start_time == operation.start_time
        case _:
            return False


def without_effect(attempt: Attempt) -> OperationStatus | None:
    """Return the attempt that was without effect and that the next one counts on from."""
    match attempt:
        case WithoutEffect():
            return attempt.operation
        case Sent() | NotExecuted():
            return attempt.without_effect
        case Idle():
            return None


def ended(sent: Sent) -> Attempt:
    """Return what is left of a call that was refused, or of which the record is gone."""
    if sent.without_effect is None:
        return Idle()
    return WithoutEffect(operation=sent.without_effect, permitted=False)


def not_executed(sent: Sent, digest: str) -> NotExecuted:
    """Return what is left of a call after an answer that says that nothing was executed."""
    return NotExecuted(
        started=sent.started,
        digest=digest,
        replaced=sent.replaced,
        without_effect=sent.without_effect,
        answered=True,
    )


def watched(sent: Sent, watch: Watch) -> Sent:
    """Return the same call with what was seen of it since."""
    return replace(sent, watch=watch)
