"""How objects stand, as text and as JSON. Pure."""

from collections.abc import Sequence
from datetime import datetime

from rds_ssl.commands.formatting import (
    NOTHING,
    fields,
    indented,
    moment,
    safe,
    span,
    table,
    time_text,
)
from rds_ssl.commands.plans import days_left, plan_details
from rds_ssl.commands.views import ObjectView, Pending, pending_of
from rds_ssl.core.api.conditions import READY
from rds_ssl.core.api.states import ObservedStatus
from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.formats import write_time
from rds_ssl.core.planning.fields import ROWS

_HEAD = (
    *("NAMESPACE", "NAME", "INSTANCE", "ENGINE", "READY", "REASON", "ENDPOINT", "EXPIRES"),
    *("PENDING", "LAST CHANGE"),
)


def status_table(seen: Sequence[ObjectView], now: datetime) -> list[str]:
    """Return one line for each object."""
    return table(_HEAD, [_row(each, now) for each in seen])


def _row(seen: ObjectView, now: datetime) -> tuple[str, ...]:
    status = seen.status
    ready, instance, plan = status.condition(READY), status.instance, Pending.of(seen)
    last = status.history[0] if status.history else None
    held = (plan.reason or ("under way" if plan.under_way else "to be sent")) if plan else ""
    return (
        seen.namespace,
        seen.name,
        seen.instance_id,
        (instance.engine or "") if instance else "",
        (ready.status if ready else "") + ("" if seen.up_to_date else " (not looked at yet)"),
        ready.reason if ready else "",
        (instance.endpoint or "") if instance else "",
        _expiry(_end(seen), now),
        held,
        f"{write_time(last.time)} {last.cause} {last.result}" if last else "",
    )


def _end(seen: ObjectView) -> datetime | None:
    """Find when the server certificate in force expires."""
    observed = seen.status.observed
    if observed is None or not observed.enabled:
        return None
    certificate = observed.server_certificate
    return observed.expire_time or (certificate.not_after if certificate else None)


def _expiry(end: datetime | None, now: datetime) -> str:
    if end is None:
        return ""
    left = f"{days_left(end, now)}d left" if end > now else f"expired {span(now - end)} ago"
    return f"{write_time(end)} ({left})"


def status_detail(seen: ObjectView, now: datetime) -> list[str]:
    """Show everything that is known of one object."""
    status = seen.status
    instance, applied, plans = status.instance, status.applied, pending_of([seen])
    engine = f"{instance.engine or ''} {instance.engine_version or ''}" if instance else ""
    return [
        *fields(
            [
                ("Object", seen.title),
                ("Instance", seen.instance_id),
                ("Engine", engine.strip()),
                ("Endpoint", (instance.endpoint or "") if instance else ""),
                ("Suspended", "yes" if seen.suspended else ""),
                ("Kept in Git by", seen.kept_in_git_by),
                ("Looked at", "yes" if seen.up_to_date else "not since it was last changed"),
                ("Applied", moment(applied.time, now) if applied else "never"),
            ]
        ),
        *_section("Conditions", _conditions(seen, now)),
        *_section("Observed", _observed(status.observed, now)),
        *_section("Plan", plan_details(plans, now) if plans else []),
        *_section("Last call", _operation(status.operation, now)),
        *_section("History, newest first", _history(seen)),
    ]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", title, *indented(lines or [NOTHING])]


def _conditions(seen: ObjectView, now: datetime) -> list[str]:
    lines = []
    for each in seen.status.conditions:
        since = moment(each.last_transition_time, now)
        lines.append(safe(f"{each.type}={each.status} {each.reason}, since {since}"))
        lines += indented([safe(each.message)] if each.message else [])
    return lines


def _observed(observed: ObservedStatus | None, now: datetime) -> list[str]:
    if observed is None:
        return []
    leaf = observed.server_certificate
    return fields(
        [
            ("SSL", "on" if observed.enabled else "off"),
            ("CA type", observed.ca_type or ""),
            ("Endpoint", observed.connection_string or ""),
            ("Certificate", f"{leaf.subject or NOTHING} ({leaf.sha256[:16]})" if leaf else ""),
            ("Issuer", (leaf.issuer or "") if leaf else ""),
            ("Host names", ", ".join(leaf.dns_names) if leaf else ""),
            ("Expires", _expiry(observed.expire_time or (leaf.not_after if leaf else None), now)),
            *(
                ("Client CA", f"{each.subject or NOTHING} {_expiry(each.not_after, now)}".strip())
                for each in observed.client_ca or ()
            ),
            *(
                (
                    "Revocation list",
                    f"{each.issuer or NOTHING}, {each.revoked_count or 0} revoked"
                    f" {_expiry(each.next_update, now)}".strip(),
                )
                for each in observed.revocation_list or ()
            ),
            *((row.label, _word(row.shown(observed))) for row in ROWS.values() if row.label),
            ("Renewal asked for", "yes" if observed.renewal_required else ""),
        ]
    )


def _word(value: object) -> str:
    return _yes_or_no(value) if isinstance(value, bool) else str(value or "")


def _yes_or_no(value: bool | None) -> str:  # noqa: FBT001  # A word for a flag has only the flag.
    return "" if value is None else "yes" if value else "no"


def _operation(operation: OperationStatus | None, now: datetime) -> list[str]:
    if operation is None:
        return []
    return fields(
        [
            ("Phase", operation.phase),
            ("Began", moment(operation.start_time, now)),
            ("Ended", moment(operation.end_time, now)),
            ("Attempt", str(operation.attempt)),
            ("Error code", operation.code or ""),
            ("Request ID", operation.request_id or ""),
            ("Approved plan", operation.approval or ""),
        ]
    )


def _history(seen: ObjectView) -> list[str]:
    head = ("TIME", "CAUSE", "RESULT", "IMPACTS", "RESTART SEEN", "REQUEST ID", "CHANGES")
    rows = [
        (
            write_time(each.time),
            each.cause,
            each.result,
            ",".join(each.impacts),
            _yes_or_no(each.restart_seen),
            each.request_id or "",
            each.changes,
        )
        for each in seen.status.history
    ]
    return table(head, rows) if rows else []


def status_json(seen: ObjectView, now: datetime) -> dict[str, object]:
    """
    Return the shape that docs/commands.md promises: every key is always there.

    What is an object below is as in the status of the DBInstanceSSL.
    """
    status, wire = seen.status, seen.status.to_json()
    ready, instance, end = status.condition(READY), status.instance, _end(seen)
    pending = Pending.of(seen)
    last = status.history[0] if status.history else None
    return {
        "namespace": seen.namespace,
        "name": seen.name,
        "instance": seen.instance_id,
        "engine": instance.engine if instance else None,
        "engineVersion": instance.engine_version if instance else None,
        "ready": ready.status if ready else "Unknown",
        "reason": ready.reason if ready else None,
        "message": ready.message if ready else None,
        "endpoint": instance.endpoint if instance else None,
        "expires": time_text(end),
        "daysLeft": days_left(end, now),
        "pending": pending is not None,
        "heldBy": (pending.reason or None) if pending else None,
        "suspended": seen.suspended,
        "upToDate": seen.up_to_date,
        "lastChange": last
        and {"time": write_time(last.time), "cause": last.cause, "result": last.result},
        "conditions": wire.get("conditions", []),
        "observed": wire.get("observed"),
        "plan": wire.get("plan"),
        "rotation": wire.get("rotation"),
        "operation": wire.get("operation"),
        "applied": wire.get("applied"),
        "lastApproval": wire.get("lastApproval"),
        "history": wire.get("history", []),
    }
