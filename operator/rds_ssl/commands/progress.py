"""How far an object has come that was asked for: one line for each step. Pure."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rds_ssl.commands.formatting import moment, safe, span
from rds_ssl.commands.views import ObjectView, Pending
from rds_ssl.core.api.conditions import READY, STALLED
from rds_ssl.core.model import Phase


def step(seen: ObjectView, token: str, now: datetime) -> str:
    """
    Return where an object stands after it was asked for with *token*.

    ``asked for``, ``held``, ``sending``, ``accepted``, then ``done`` or ``stalled``, with what
    there is to say of it; the same for as long as it stands there.
    """
    operation, pending = seen.status.operation, Pending.of(seen)
    if operation is not None and operation.phase is Phase.SENDING:
        summary = f": {pending.plan.summary}" if pending and pending.plan.summary else ""
        again = f", attempt {operation.attempt}" if operation.attempt > 1 else ""
        return safe(f"sending{again}{summary}")
    if operation is not None and operation.phase is Phase.ACCEPTED:
        request = f" (request {operation.request_id})" if operation.request_id else ""
        return safe(f"accepted{request}: verifying, once the instance is back")
    if pending is not None and pending.reason and not _stalled(seen):
        start = pending.plan.not_before
        when = f", not before {moment(start, now)}" if start and start > now else ""
        # How far off a time is, changes with each look.
        return safe(f"held by {pending.reason}{when.partition(' (')[0]}")
    if seen.status.last_handled_reconcile_at != token:
        return "asked for: the operator has not looked yet"
    found = seen.status.condition(STALLED) if _stalled(seen) else seen.status.condition(READY)
    word = "stalled" if _stalled(seen) else "done"
    return safe(f"{word}: {found.type}={found.status} {found.reason}") if found else word


def _stalled(seen: ObjectView) -> bool:
    found = seen.status.condition(STALLED)
    return found is not None and found.status == "True"


class Steps:
    """What is new since the last look."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._told: dict[str, str] = {}

    def new(self, seen: Sequence[ObjectView], elapsed: float, now: datetime) -> Iterator[str]:
        """Yield a line for each object that has come further; *elapsed* is in seconds."""
        for each in seen:
            words = step(each, self._token, now)
            if self._told.get(each.title) != words:
                self._told[each.title] = words
                yield f"{span(timedelta(seconds=elapsed)):>7}  {each.title}  {words}"

    @property
    def standing(self) -> str:
        """Where all of them stand, in a few words."""
        return "; ".join(
            f"{title} {words.partition(':')[0]}" for title, words in self._told.items()
        )
