"""What each command does: reads, changes, and an answer as text and as JSON."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.commands.cluster import Cluster, work
from rds_ssl.commands.formatting import counted, moment, time_text
from rds_ssl.commands.overview import status_detail, status_json, status_table
from rds_ssl.commands.plans import plan_details, plan_json, plan_table, totals
from rds_ssl.commands.types import Access, Answer
from rds_ssl.commands.views import ObjectView, Pending, pending_of, why_not_approvable
from rds_ssl.core.api.conditions import READY
from rds_ssl.core.errors import CommandRefused
from rds_ssl.core.model import Restart


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What became of one object."""

    seen: ObjectView
    text: str
    changed: bool
    warnings: Sequence[str] = ()
    failure: str = ""


def show_plans(access: Access, names: Sequence[str], now: datetime) -> Answer:
    """
    List what is pending; with one name, show its plan in full.

    Raises:
        CommandRefused: An object does not exist, or the cluster cannot be asked.
    """
    return _plans(work(access, lambda cluster: _read(cluster, names)), names, now)


def watch_plans(
    access: Access,
    names: Sequence[str],
    clock: Callable[[], datetime],
    told: Callable[[Answer], None],
) -> None:
    """
    Tell *told* what is pending now, and each time it is looked at again, until interrupted.

    Raises:
        CommandRefused: An object does not exist, or the cluster cannot be asked.
    """

    async def task(cluster: Cluster) -> None:
        await cluster.each_look(names, lambda seen: told(_plans(seen, names, clock())))

    work(access, task)


def _plans(seen: Sequence[ObjectView], names: Sequence[str], now: datetime) -> Answer:
    pending = pending_of(seen)
    value = [plan_json(each) for each in pending]
    outdated = [each.title for each in seen if not each.up_to_date]
    notes = [f"Not looked at since they were changed: {', '.join(outdated)}."] if outdated else []
    if not pending:
        return Answer(
            lines=[f"No change is pending in {counted(len(seen), 'object')}."],
            value=value,
            notes=notes,
        )
    if len(names) == 1:
        return Answer(lines=plan_details(pending, now), value=value)
    return Answer(lines=[*plan_table(pending), "", *totals(pending, now)], value=value, notes=notes)


def show_status(
    access: Access, names: Sequence[str], now: datetime, *, operator_namespace: str
) -> Answer:
    """
    List objects and how they stand; with one name, show everything of it.

    Also who works, if the Leases in *operator_namespace* can be read.

    Raises:
        CommandRefused: An object does not exist, or the cluster cannot be asked.
    """

    async def read(cluster: Cluster) -> tuple[list[ObjectView], list[str]]:
        seen = await _read(cluster, names)
        return seen, await cluster.who_works(operator_namespace, now)

    seen, notes = work(access, read)
    value = [status_json(each, now) for each in seen]
    lines = ["There is no DBInstanceSSL here; -A lists all namespaces."]
    if seen:
        lines = status_detail(seen[0], now) if len(names) == 1 else status_table(seen, now)
    return Answer(lines=lines, value=value, notes=notes)


def find_plan(access: Access, name: str, digest: str) -> Pending:
    """
    Read the plan that is to be approved; *digest* empty is whichever is pending.

    Raises:
        CommandRefused: There is none, it is another one, or no approval would let it go.
    """
    (seen,) = work(access, lambda cluster: _read(cluster, [name]))
    pending = Pending.named(seen, digest)
    why_not = why_not_approvable(pending, seen, digest)
    if why_not or pending is None:
        raise CommandRefused(why_not or "")
    return pending


def approve(access: Access, pending: Pending, now: datetime) -> Answer:
    """
    Approve the plan that was shown, unless it is approved or the object has changed since.

    Raises:
        CommandRefused: The object has changed, is gone, or may not be changed.
    """
    seen, plan = pending.seen, pending.plan
    changed = seen.approved != plan.digest
    if changed:
        work(access, lambda cluster: cluster.approve(seen, plan.digest))
        start = plan.not_before
        when = f"not before {moment(start, now)}" if start and start > now else "next"
        text = (
            f"Plan {plan.digest} of {seen.title} is approved, once. The operator sends it {when}."
        )
    else:
        text = (
            f"Plan {plan.digest} of {seen.title} was approved already, and the operator has not"
            " acted on it yet."
        )
    value = {
        "namespace": seen.namespace,
        "name": seen.name,
        "digest": plan.digest,
        "approved": True,
        "changed": changed,
        "notBefore": time_text(plan.not_before),
    }
    return Answer(lines=[text], value=value)


def set_suspend(access: Access, names: Sequence[str], *, suspended: bool) -> Answer:
    """
    Hold changes back, or let them go.

    Raises:
        CommandRefused: An object does not exist: then none is changed.
    """

    async def each(cluster: Cluster, seen: ObjectView) -> _Change:
        word = "suspended" if suspended else "resumed"
        if seen.suspended is suspended:
            text = f"{seen.title} was {'suspended already' if suspended else 'not suspended'}."
            return _Change(seen=seen, text=text, changed=False, warnings=_in_flight(seen))
        await cluster.suspend(seen, suspended=suspended)
        warnings = [*_in_flight(seen)] if suspended else [*_let_go(seen)]
        return _Change(
            seen=seen,
            text=f"{seen.title} is {word}.",
            changed=True,
            warnings=[*warnings, *_kept_in_git(seen, suspended=suspended)],
        )

    changes = work(access, lambda cluster: _for_each(cluster, names, each))

    def more(change: _Change) -> dict[str, object]:
        return {"suspended": change.seen.suspended if change.failure else suspended}

    return _changed(changes, more)


def request_reconcile(
    access: Access,
    names: Sequence[str],
    *,
    token: str,
    wait: float | None,
    look: Callable[[Sequence[ObjectView], float], None] = lambda _, __: None,
) -> Answer:
    """
    Ask the operator to look again; *wait* is for how many seconds its answer is waited for.

    Args:
        look: Gets the objects each time they were read meanwhile, and after how many seconds.

    Raises:
        CommandRefused: An object does not exist: then none is asked for.
    """

    async def each(cluster: Cluster, seen: ObjectView) -> _Change:
        await cluster.request_reconcile(seen, token)
        return _Change(seen=seen, text=f"{seen.title} is asked for ({token}).", changed=True)

    async def task(cluster: Cluster) -> tuple[list[_Change], dict[str, ObjectView], bool]:
        changes = await _for_each(cluster, names, each)
        asked = [change.seen for change in changes if change.changed]
        if wait is None or not asked:
            return changes, {}, True
        left = await cluster.answered(asked, token, seconds=wait, look=look)
        after = await cluster.objects([each.name for each in asked])
        return changes, {each.title: each for each in after}, not left

    changes, after, in_time = work(access, task)

    def more(change: _Change) -> dict[str, object]:
        found = after.get(change.seen.title)
        handled = None if found is None else found.status.last_handled_reconcile_at == token
        return {"requestedAt": token if change.changed else None, "handled": handled}

    answer = _changed(changes, more)
    return Answer(
        lines=[*answer.lines, *(_looked_at(seen, token) for seen in after.values())],
        value=answer.value,
        notes=[*answer.notes, *([] if in_time else [_NOT_IN_TIME])],
        done=answer.done and in_time,
    )


_NOT_IN_TIME = (
    "The operator has not answered in time. Does it run, and is it responsible for the namespace?"
    " kubectl -n rds-ssl-system logs deployment/rds-ssl-operator --since=15m"
)


def _looked_at(seen: ObjectView, token: str) -> str:
    ready = seen.status.condition(READY)
    how = f"Ready={ready.status} {ready.reason}" if ready else "without a condition"
    done = seen.status.last_handled_reconcile_at == token
    return f"{seen.title} {'was looked at' if done else 'was not looked at yet'}: {how}."


async def _read(cluster: Cluster, names: Sequence[str]) -> list[ObjectView]:
    return await cluster.objects(names)


async def _for_each(
    cluster: Cluster,
    names: Sequence[str],
    each: Callable[[Cluster, ObjectView], Awaitable[_Change]],
) -> list[_Change]:
    """Do *each* one after the other; one that fails does not keep the others from it."""
    changes = []
    for seen in await cluster.objects(names):
        try:
            changes.append(await each(cluster, seen))
        except CommandRefused as refused:
            changes.append(_Change(seen=seen, text="", changed=False, failure=str(refused)))
    return changes


def _changed(changes: Sequence[_Change], more: Callable[[_Change], dict[str, object]]) -> Answer:
    return Answer(
        lines=[each.text for each in changes if each.text],
        value=[
            {
                "namespace": each.seen.namespace,
                "name": each.seen.name,
                **more(each),
                "changed": each.changed,
                "warnings": list(each.warnings),
                "error": each.failure or None,
            }
            for each in changes
        ],
        notes=[
            *(f"Warning: {text}" for each in changes for text in each.warnings),
            *(each.failure for each in changes if each.failure),
        ],
        done=not any(each.failure for each in changes),
    )


def _in_flight(seen: ObjectView) -> list[str]:
    if not seen.in_flight:
        return []
    return [f"a change of {seen.title} was sent before and goes on in RDS; it cannot be recalled."]


def _let_go(seen: ObjectView) -> list[str]:
    plan = seen.status.plan
    if plan is None or plan.restart is Restart.NONE:
        return []
    text = (
        f"plan {plan.digest} of {seen.title} may restart the database, and goes unless something"
        f" else holds it: rds-ssl plan -n {seen.namespace} {seen.name}"
    )
    return [text]


def _kept_in_git(seen: ObjectView, *, suspended: bool) -> list[str]:
    if not seen.kept_in_git_by:
        return []
    text = (
        f"{seen.title} is kept by {seen.kept_in_git_by}, which may set it back:"
        f" set suspend: {str(suspended).lower()} in Git as well."
    )
    return [text]
