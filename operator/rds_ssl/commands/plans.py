"""What is pending, as text and as JSON. Pure."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from rds_ssl.commands.formatting import (
    NOTHING,
    counted,
    fields,
    indented,
    moment,
    safe,
    table,
    time_text,
)
from rds_ssl.commands.views import NOW, UNDER_WAY, WHEN_LET_GO, Opening, Pending, opening
from rds_ssl.core.model import Reason

_HEAD = (
    *("NAMESPACE", "NAME", "INSTANCE", "CAUSE", "HELD BY", "IMPACTS", "RESTART"),
    *("NOT BEFORE", "DIGEST"),
)

OPENINGS: Mapping[Opening, str] = {
    UNDER_WAY: "under way already",
    NOW: "now",
    WHEN_LET_GO: "as soon as a person lets them go",
}
"""When plans may start that have no time."""

_WAYS_OUT: Mapping[str, str] = {
    Reason.AWAITING_APPROVAL: "{approve}. Or undo the change.",
    Reason.DRIFTED: "{approve}. Or undo there what was changed elsewhere, or declare it.",
    Reason.CHANGE_LIMIT_REACHED: "{approve}. Or by itself, when the day is over.",
    Reason.APPLY_FAILED: "{approve}, which sends the same once more. Or another declaration.",
    Reason.NOT_CONVERGING: "{approve}, which sends the same once more. Or another declaration.",
    Reason.APPLY_TIMED_OUT: "{approve}, which sends the same once more. Or another declaration.",
    Reason.AWAITING_WINDOW: "Its maintenance window, or spec.maintenance.",
    Reason.AWAITING_BUDGET: "It goes by itself when another instance has finished its change.",
    Reason.QUIET_PERIOD: "It goes by itself when object and material have stood still.",
    Reason.SUSPENDED: "{resume}",
    Reason.OBSERVING: "managementPolicy: Enforce, and an operator that is not READ_ONLY.",
}
"""What lets a plan go, by what holds it."""


def plan_table(pending: Sequence[Pending]) -> list[str]:
    """Return one line for each plan."""
    return table(_HEAD, [_row(each) for each in pending])


def _row(pending: Pending) -> tuple[str, ...]:
    seen, plan = pending.seen, pending.plan
    return (
        seen.namespace,
        seen.name,
        seen.instance_id,
        plan.cause or "",
        pending.reason,
        ",".join(plan.impacts),
        plan.restart,
        time_text(plan.not_before) or "",
        plan.digest,
    )


def totals(pending: Sequence[Pending], now: datetime) -> list[str]:
    """Return how many restarts may start when, and how many plans wait for a person."""
    groups: dict[Opening, list[Pending]] = {}
    for each in pending:
        groups.setdefault(opening(each, now), []).append(each)
    rows = [
        (
            str(sum(each.restarts for each in group)),
            str(len(group)),
            _opening_words(key, now),
        )
        for key, group in sorted(groups.items())
    ]
    restarts = sum(each.restarts for each in pending)
    waiting = [each for each in pending if each.waits_for_person]
    approvable = sum(each.approvable for each in pending)
    in_all = (
        f"In all: {counted(len(pending), 'plan')}, at most {counted(restarts, 'restart')}."
        f" Waiting for a person: {len(waiting)}. To be approved: {approvable}."
    )
    return [*table(("RESTARTS", "PLANS", "MAY START"), rows), "", in_all]


def _opening_words(key: Opening, now: datetime) -> str:
    if key in OPENINGS:
        return OPENINGS[key]
    words = moment(datetime.fromtimestamp(key.at, UTC), now)
    return words if key < WHEN_LET_GO else f"{words}, if a person lets them go before"


def plan_detail(pending: Pending, now: datetime) -> list[str]:
    """Show one plan in full."""
    seen, plan = pending.seen, pending.plan
    since = f", since {moment(plan.since, now)}" if plan.since else ""
    return [
        *fields(
            [
                ("Plan", plan.digest),
                ("Object", seen.title),
                ("Instance", seen.instance_id),
                ("Cause", plan.cause or NOTHING),
                ("Impacts", ", ".join(plan.impacts) or "none"),
                ("Restart", _restart_words(pending)),
                ("Held by", (pending.reason or "nothing") + since),
                ("May start", _start_words(pending, now)),
            ]
        ),
        *_steps(pending),
        *_paragraph("Summary", plan.summary if not plan.steps else ""),
        *_paragraph("What holds it", pending.message if pending.reason else ""),
        *_paragraph("What lets it go", way_out(pending)),
        *_paragraph("Note", "" if seen.up_to_date else _OUTDATED),
    ]


def plan_details(pending: Sequence[Pending], now: datetime) -> list[str]:
    """Show the plans of one object in full: newer material may go ahead of an edit that waits."""
    first, *ahead = (plan_detail(each, now) for each in pending)
    for lines in ahead:
        first += ["", "Newer material, which goes ahead of it", *indented(lines)]
    return first


_OUTDATED = "The object was changed after this plan was made; the operator has not looked yet."


def _restart_words(pending: Pending) -> str:
    times = f", at most {pending.restarts} times" if pending.restarts > 1 else ""
    return pending.plan.restart.value + times


def _start_words(pending: Pending, now: datetime) -> str:
    return _opening_words(opening(pending, now), now).replace("lets them go", "lets it go")


def _steps(pending: Pending) -> Iterator[str]:
    steps = pending.plan.steps
    for number, step in enumerate(steps, 1):
        yield ""
        yield "Changes" if len(steps) == 1 else f"Step {number} of {len(steps)}: one call to RDS"
        rows = [(each.field, each.before, each.after) for each in step.changes]
        yield from indented(table(("FIELD", "FROM", "TO"), rows))


def _paragraph(title: str, text: str) -> list[str]:
    return ["", title, *indented([safe(text)])] if text else []


def way_out(pending: Pending) -> str:
    """Return what lets a plan go, with the command where there is one."""
    return way_out_words(
        pending, approve=shlex.join(approval(pending)), resume=shlex.join(resumption(pending))
    )


def way_out_words(
    pending: Pending, *, approve: str = "Approve it", resume: str = "Resume it."
) -> str:
    """Return what lets a plan go, with *approve* and *resume* for the commands that do."""
    if not pending.reason:
        return "It was sent." if pending.under_way else "Nothing holds it: it is sent next."
    words = _WAYS_OUT.get(pending.reason, "What its message says.")
    return words.format(approve=approve, resume=resume)


def approval(pending: Pending, flags: Sequence[str] = ()) -> list[str]:
    """Return the command that approves exactly this plan; *flags* say in which cluster."""
    seen = pending.seen
    named = ["-n", seen.namespace, seen.name, "--digest", pending.plan.digest]
    return ["rds-ssl", "approve", *flags, *named]


def resumption(pending: Pending, flags: Sequence[str] = ()) -> list[str]:
    """Return the command that lets the changes of its object go again."""
    return ["rds-ssl", "resume", *flags, "-n", pending.seen.namespace, pending.seen.name]


def plan_json(pending: Pending) -> dict[str, object]:
    """Return the shape that docs/commands.md promises: every key is always there."""
    seen, plan = pending.seen, pending.plan
    return {
        "namespace": seen.namespace,
        "name": seen.name,
        "instance": seen.instance_id,
        "digest": plan.digest,
        "cause": plan.cause,
        "summary": plan.summary,
        "steps": [each.model_dump(mode="json", by_alias=True) for each in plan.steps],
        "impacts": list(plan.impacts),
        "restart": plan.restart,
        "restarts": pending.restarts,
        "heldBy": pending.reason or None,
        "message": pending.message or None,
        "since": time_text(plan.since),
        "notBefore": time_text(plan.not_before),
        "waitsForPerson": pending.waits_for_person,
        "approvable": pending.approvable,
        "underWay": pending.under_way,
        "upToDate": seen.up_to_date,
    }


def days_left(end: datetime | None, now: datetime) -> int | None:
    """Return whole days until *end*, negative when it is past; None if it is not known."""
    return None if end is None else (end - now) // timedelta(days=1)
