"""What a year has cost, in figures, and which promise was broken."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from rds_ssl.engine.objects import Key
from support.call_facts import meaning
from year.metrics import Call
from year.runner import AT_ONCE, IN_A_DAY, Runner

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one play; the same for the same seed."""

    changes: int
    """That the cloud accepted."""
    failed: int
    """Of those."""
    needless: int
    """Of those: nothing differed."""
    unapproved: int
    """Of those: weakened something, or dropped a trusted CA, and nobody had approved it."""
    restarts: int
    per_instance: float
    most_of_one: int
    in_window: int
    by_expiry: int
    outside: int
    """Restarts that neither a window nor an expiry excuses."""
    most_at_once: int
    """Instances in change at the same time."""
    most_of_primary: int
    """The same of one primary with its read-only instances."""
    most_in_a_day: int
    """Restarts of one instance within 24 hours."""
    expired: int
    """Days of expired certificates in force."""
    expired_waiting: int
    """Of those: a person was asked, and had not answered."""
    requests: int
    """To the cloud."""
    held: dict[str, int]
    """Plans that were held, by reason; one may be in several."""
    days_held: dict[str, int]
    """Days that objects waited, by reason."""
    approved: int
    spent: int
    """Approvals that were given, and those that were used up; the rest was overtaken."""
    asked: int
    """Requests for one more attempt after a failure."""
    held_at_the_end: dict[str, int]
    """Objects with a plan that waits, by reason."""
    ready: dict[str, int]
    """Objects at the end, by status and reason of Ready."""
    silent: int
    """Of those that are not Ready: nothing is waited for, and nobody is told why."""


def figures(runner: Runner) -> Figures:
    """Count them."""
    metrics, diary = runner.metrics, runner.diary
    metrics.check(runner.world)
    restarts = [call for _, call in metrics.caused_by()]
    at_once, of_primary = metrics.most_at_once()
    statuses = [runner.world.kube.objects[each.key]["status"] for each in runner.fleet]
    in_window = sum(each.in_window for each in restarts)
    by_expiry = sum(each.by_expiry and not each.in_window for each in restarts)
    return Figures(
        changes=len(metrics.calls),
        failed=sum(each.fails for each in metrics.calls),
        needless=sum(each.is_needless for each in metrics.calls),
        unapproved=len(list(unapproved(metrics.calls, diary.approved))),
        restarts=len(restarts),
        per_instance=round(len(restarts) / len(runner.fleet), 2),
        most_of_one=metrics.most_of_one(),
        in_window=in_window,
        by_expiry=by_expiry,
        outside=len(restarts) - in_window - by_expiry,
        most_at_once=at_once,
        most_of_primary=of_primary,
        most_in_a_day=metrics.most_in_a_day(),
        expired=diary.expired.total(),
        expired_waiting=diary.expired[True],
        requests=metrics.requests.total(),
        held=_sorted(Counter(reason for _, _, reason in diary.held)),
        days_held=_sorted(diary.days_held),
        approved=len(diary.approved),
        spent=len(diary.spent),
        asked=diary.asked,
        held_at_the_end=_sorted(Counter(_held_by(each) for each in statuses if _held_by(each))),
        ready=_sorted(Counter(_ready(each) for each in statuses)),
        silent=sum(_is_silent(each) for each in statuses),
    )


def unapproved(calls: Sequence[Call], approved: Sequence[tuple[datetime, Key]]) -> Iterator[Call]:
    """
    Yield the calls with an impact that a person has to approve, and had not.

    An approval covers the calls that lead to the state of the first one after it, and no other.
    """
    left: dict[Key, list[datetime]] = {}
    for at, key in approved:
        left.setdefault(key, []).append(at)
    spent: dict[Key, object] = {}
    for call in sorted(calls, key=lambda each: each.at):
        key = call.member.key
        if not list(call.held_impacts()):
            continue
        target = meaning(call.target)
        given = [each for each in left.get(key, ()) if each <= call.at]
        if given:
            spent[key] = target
            left[key] = [each for each in left[key] if each > call.at]
        elif spent.get(key) != target:
            yield call


def broken(found: Figures) -> list[str]:
    """Say which promises do not hold."""
    promises = {
        "a restart outside a window that no expiry excuses": found.outside,
        f"more than {AT_ONCE} instances in change at the same time": max(
            0, found.most_at_once - AT_ONCE
        ),
        "a primary in change together with its read-only instance": found.most_of_primary - 1,
        f"more than {IN_A_DAY} restarts of one instance in 24 hours": max(
            0, found.most_in_a_day - IN_A_DAY
        ),
        "something weakened or no longer trusted, and nobody approved it": found.unapproved,
        "a change although nothing differed": found.needless,
        "an expired certificate in force, and nobody asked": found.expired - found.expired_waiting,
        "an object that is not Ready and does not say why": found.silent,
    }
    return [f"{what} ({number})" for what, number in promises.items() if number > 0]


def as_json(found: Figures) -> Json:
    """Give them for a machine."""
    return asdict(found)


def table(gated: Figures, ordinary: Figures) -> Iterator[str]:
    """Give both side by side, for a person."""
    rows: list[tuple[str, object, object]] = [
        ("restarts", gated.restarts, ordinary.restarts),
        ("  per instance", gated.per_instance, ordinary.per_instance),
        ("  of the one with most", gated.most_of_one, ordinary.most_of_one),
        ("  inside a window", gated.in_window, ordinary.in_window),
        ("  outside, by expiry within 72 h", gated.by_expiry, ordinary.by_expiry),
        ("  outside, for no such reason", gated.outside, ordinary.outside),
        ("most instances in change at once", gated.most_at_once, ordinary.most_at_once),
        ("  of one primary with its replicas", gated.most_of_primary, ordinary.most_of_primary),
        ("most restarts of one in 24 h", gated.most_in_a_day, ordinary.most_in_a_day),
        ("changes accepted", gated.changes, ordinary.changes),
        ("  that failed later", gated.failed, ordinary.failed),
        ("  although nothing differed", gated.needless, ordinary.needless),
        ("  weakening, and nobody approved", gated.unapproved, ordinary.unapproved),
        ("days of expired certificates", gated.expired, ordinary.expired),
        ("  while a person was asked", gated.expired_waiting, "-"),
        ("requests to the cloud", gated.requests, ordinary.requests),
        *((f"plans held: {reason}", number, "-") for reason, number in gated.held.items()),
        *((f"days held: {reason}", number, "-") for reason, number in gated.days_held.items()),
        ("approvals given", gated.approved, "-"),
        ("  and spent", gated.spent, "-"),
        ("attempts asked for", gated.asked, "-"),
        *((f"at the end: {what}", number, "-") for what, number in gated.ready.items()),
        *(
            (f"held at the end: {reason}", number, "-")
            for reason, number in gated.held_at_the_end.items()
        ),
    ]
    yield f"{'':36} {'rds-ssl':>10} {'ordinary':>10}"
    for what, ours, theirs in rows:
        yield f"{what:36} {_shown(ours):>10} {_shown(theirs):>10}"


def _shown(number: object) -> str:
    return f"{number:,}" if isinstance(number, int) else str(number)


def _sorted(counted: Counter[str]) -> dict[str, int]:
    return dict(sorted(counted.items()))


def _held_by(status: Json) -> str:
    reason: str = (status.get("plan") or {}).get("heldBy", "")
    return reason


def _conditions(status: Json) -> dict[str, Json]:
    return {each["type"]: each for each in status.get("conditions", ())}


def _ready(status: Json) -> str:
    ready = _conditions(status).get("Ready")
    return f"Ready={ready['status']} {ready['reason']}" if ready else "unknown"


def _is_silent(status: Json) -> bool:
    found = _conditions(status)
    if not found or found["Ready"]["status"] == "True":
        return False
    return found.keys().isdisjoint({"ChangePending", "Stalled", "Reconciling"})
