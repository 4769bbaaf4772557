"""
What the gates promise, judged by what happened: who approved what, when windows were open, what the
instances were doing. Nothing here asks `rds_ssl.core.gates.gate` or `rds_ssl.core.windows`.

Source: design, "Impacts and gates"; the promises P8 and P10 (product).
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509

from rds_simulator.machine import Settings
from rds_ssl.core.formats import parse_duration
from support.call_facts import (
    UNSEEN,
    differing,
    impacts,
    meaning,
    renewed_end,
    sent,
    state,
)
from support.engine_world import Accepted
from support.histories import PRIMARY_OF, History
from support.specs import DAY, Open

Json = dict[str, Any]

TAIL = timedelta(minutes=15)
"""The end of a window, in which nothing starts."""

URGENT = timedelta(hours=72)
"""What expires within that is replaced whatever was done today."""

LATE = 1000.0
"""Seconds from a foreign change until it is seen, or from an end until it is recorded, at most."""

WHOLE = 1.0
"""Seconds that a time in the status may be early: it has no fractions."""

TIMES = frozenset({"AwaitingWindow", "ChangeLimitReached"})
"""Reasons of a plan that time alone lets go, unless there is no window to come."""


@dataclass(slots=True)
class _Past:
    """What was accepted before a call."""

    calls: list[Accepted] = field(default_factory=list)
    corrections: dict[str, list[Accepted]] = field(default_factory=lambda: defaultdict(list))
    """By uid: what undid a foreign change."""
    under: dict[tuple[str, str], list[Accepted]] = field(default_factory=lambda: defaultdict(list))
    """By uid and digest of an approval."""

    def of(self, instance_id: str) -> list[Accepted]:
        return [each for each in self.calls if each.instance_id == instance_id]


def of_gates(history: History) -> Iterator[str]:
    """Judge every accepted call."""
    past = _Past()
    for each in history.world.accepted:
        if each.manifest is not None:
            where = f"{each.instance_id} at {each.at:.1f}"
            for what in _of_call(history, each, each.manifest, past):
                yield f"{where}: {what}"
        past.calls.append(each)


def _of_call(history: History, call: Accepted, manifest: Json, past: _Past) -> Iterator[str]:
    yield from _of_approval(history, call, manifest, past)
    yield from _of_budget(history, call, past)
    yield from _of_window(history, call, manifest)
    yield from _of_limit(history, call, past)
    yield from _of_drift(history, call, manifest, past)


# -- approvals ------------------------------------------------------------------------------------


def approved_as(history: History, call: Accepted) -> str | None:
    """Give the digest that somebody has approved and that the call rests on, or None."""
    manifest = call.manifest or {}
    digest = manifest["status"]["operation"].get("approval")
    return digest if digest and _was_given(history, manifest, digest, call.at) else None


def _was_given(history: History, manifest: Json, digest: str, at: float) -> bool:
    uid = manifest["metadata"]["uid"]
    return any(
        each.uid == uid and each.digest == digest and each.at <= at for each in history.approvals
    )


MATERIAL = frozenset(
    {"serverCertificate", "serverCertificate.chain", "clientAuthentication.revocationList"}
)
"""Newer content of these goes along with an edit of the settings that is approved."""


def _is_meant(sent: Json, shown: Json) -> bool:
    """
    True if a plan is what was shown, and perhaps newer material with it that nobody has to approve.

    Where it leads to counts: the vendor's own certificate, in its words, moves by itself.
    """
    ours, theirs = _leads_to(sent), _leads_to(shown)
    along = set(MATERIAL)
    if "DropsTrust" not in shown["impacts"]:
        along.add("clientAuthentication.ca")
    more = {field for field in ours if field not in theirs}
    same = all(ours.get(field) == to for field, to in theirs.items())
    return sent["impacts"] == shown["impacts"] and same and more <= along


def _leads_to(plan: Json) -> Json:
    changes = (each for step in plan.get("steps", ()) for each in step["changes"])
    return {each["field"]: each["to"] for each in changes}


def _of_approval(history: History, call: Accepted, manifest: Json, past: _Past) -> Iterator[str]:
    """
    An approval names exactly the plan that is sent, and lets it go once.

    What it let go may be sent again where it failed by order, where it was proved to be without
    effect, and, if somebody asks, where its end was never seen; a later step is a call of its own.
    What follows a failure and does nothing at all is told as failed as well: RDS says so still.
    """
    uid, status = manifest["metadata"]["uid"], manifest["status"]
    digest = status["operation"].get("approval")
    if digest is None:
        return
    if not _was_given(history, manifest, digest, call.at):
        yield f"sent as approved by {digest}, which nobody has written"
        return
    plan, shown = status.get("plan") or {}, history.plans.get((uid, digest))
    if plan.get("digest") == digest:
        if shown is not None and not _is_meant(plan, shown):
            yield f"sent as approved by {digest}, which stood for another plan"
    elif not any(_is_first_under(each, uid, digest) for each in history.world.records):
        yield f"sent as what is left of {digest}, which was never begun"
    elif shown is not None and not impacts(call) <= set(shown["impacts"]):
        yield f"sent as what is left of {digest}, and does more than that"
    before = past.under[uid, digest]
    records = [
        each["status"]["operation"]
        for each in history.world.records
        if each["metadata"]["uid"] == uid
        and each["status"].get("operation", {}).get("approval") == digest
    ]
    repeats = len({each["startTime"] for each in records if each.get("unanswered")})
    lost = sum(
        each.get("approval") == digest and each["result"] == "TimedOut"
        for each in status.get("history") or ()
    )
    steps = len(shown["steps"]) if shown is not None else 2
    # It may have failed before anybody approved anything.
    last = next((each for each in reversed(past.of(call.instance_id)) if not _is_idle(each)), None)
    failing = any(each.fails for each in before) or (last is not None and last.fails)
    failed = sum(each.fails or _is_idle(each) for each in before) if failing else 0
    if len(before) + 1 > steps + failed + repeats + lost:
        yield f"{len(before) + 1} calls under the approval {digest} of {steps} steps"
    before.append(call)


def _is_idle(call: Accepted) -> bool:
    return not call.restarts and meaning(call.before) == meaning(call.target)


def _is_first_under(manifest: Json, uid: str, digest: str) -> bool:
    plan = manifest["status"].get("plan") or {}
    return bool(manifest["metadata"]["uid"] == uid and plan.get("digest") == digest)


# -- how many -------------------------------------------------------------------------------------


def _of_budget(history: History, call: Accepted, past: _Past) -> Iterator[str]:
    """
    No more changes of the account than the budget are at work, and none beside its own primary.

    A change whose object is gone has no slot any more.
    """
    at_work = [
        each
        for each in past.calls
        if each.ends_at > call.at and not _was_left(history, each, call.at)
    ]
    limit = history.world.budget
    if limit and len(at_work) + 1 > limit:
        yield f"sent although {len(at_work)} changes were at work, of {limit} allowed"
    primary = _primary(call)
    for each in at_work:
        if each.instance_id != call.instance_id and _primary(each) == primary:
            yield f"sent while {each.instance_id}, of the same primary, was at work"


def _primary(call: Accepted) -> str:
    return PRIMARY_OF[call.instance_id.removeprefix("pgm-")]


def _was_left(history: History, call: Accepted, at: float) -> bool:
    """Whether the object was deleted while its change was at work, by the time *at*."""
    name = call.instance_id.removeprefix("pgm-")
    return any(call.at <= each <= at for each in history.orphaned[name])


def _of_limit(history: History, call: Accepted, past: _Past) -> Iterator[str]:
    """
    No instance restarts more often in 24 hours than allowed, unless approved or about to expire.

    What was sent for an object that is gone, by a process that is gone, nobody can know.
    """
    most = history.world.timings.max_changes_per_day
    if not most or not _restarts(call):
        return
    today = [
        each
        for each in past.of(call.instance_id)
        if call.at - each.at < DAY.total_seconds()
        and _restarts(each)
        and not _is_forgotten(history, each, call.at)
    ]
    if len(today) < most or approved_as(history, call) is not None:
        return
    if not _expires_within(history, call, URGENT):
        yield f"restarted for the {len(today) + 1}th time within a day, of {most} allowed"


def _restarts(call: Accepted) -> bool:
    # Of a renewal on MySQL 8.0 the vendor says that it does not.
    return call.restarts and not renewed_end(call)


def _is_forgotten(history: History, call: Accepted, at: float) -> bool:
    uid = call.manifest["metadata"]["uid"] if call.manifest else ""
    gone = history.deleted.get(uid, at) < at
    return gone and any(call.at <= each <= at for each in history.crashed)


def _expires_within(history: History, call: Accepted, margin: timedelta) -> bool:
    """Whether something in force that the call replaces ends within *margin*."""
    now = _time(history, call.at)
    return any(each - now <= margin for each in _ends(call))


def _ends(call: Accepted) -> Iterator[datetime]:
    before, target = call.before, call.target
    if not (before.enabled and target.enabled):
        return
    changed = differing(before, target)
    loosened = changed & {"acl", "replicationACL"} and "clientCA" not in changed
    if loosened and target.acl == target.replication_acl == "prefer":
        changed |= {"clientCA", "revocationList"}  # The first step, perhaps, of taking them away.
    certificate = changed & {"caType", "certificate", "pfx"} or renewed_end(call)
    if certificate and before.expires_at is not None:
        yield before.expires_at
    if before.client_ca and "clientCA" in changed:
        yield from before.client_ca.not_after
    if before.crl and "revocationList" in changed:
        for each in before.crl.blocks:
            end = x509.load_pem_x509_crl(each.encode()).next_update_utc
            if end is not None:
                yield end


def _time(history: History, at: float) -> datetime:
    world = history.world
    return world.clock() - timedelta(seconds=world.monotonic() - at)


# -- when -----------------------------------------------------------------------------------------


def _of_window(history: History, call: Accepted, manifest: Json) -> Iterator[str]:
    """What may restart starts in a window, not at its end, unless what is in force expires."""
    maintenance = manifest["spec"].get("maintenance") or {}
    name, now = call.instance_id.removeprefix("pgm-"), _time(history, call.at)
    openings = _openings(history, name, maintenance, call.at)
    if not openings or not _restarts(call):
        return
    margin = maintenance.get("overrideBeforeExpiry")
    if margin and _expires_within(history, call, parse_duration(margin)):
        return
    slack = timedelta(seconds=UNSEEN)
    if not any(each.has(now - way, tail=TAIL) for each in openings for way in (slack * 0, slack)):
        yield "restarted outside of its maintenance window"


def _openings(history: History, name: str, maintenance: Json, at: float) -> list[Open]:
    if maintenance.get("useInstanceWindow"):
        told = history.maintained[name]
        last = max(index for index, (since, _) in enumerate(told) if since <= at)
        # What is read and what is sent have some time between them.
        return [opening for since, opening in told[max(0, last - 1) :] if at - since < UNSEEN] + [
            told[last][1]
        ]
    windows = maintenance.get("windows") or ()
    return [history.openings[each["schedule"], each["timeZone"]] for each in windows]


# -- drift ----------------------------------------------------------------------------------------


def _of_drift(history: History, call: Accepted, manifest: Json, past: _Past) -> Iterator[str]:
    """
    A foreign change stands for a while before it is put back, and is put back once a day.

    driftPolicy Report puts nothing back. An approval lets each of them go.
    """
    ours = past.of(call.instance_id)[-1:]
    name, uid = call.instance_id.removeprefix("pgm-"), manifest["metadata"]["uid"]
    since = ours[0].at if ours else 0.0
    meddlings = [each for each in history.meddlings[name] if since < each.at <= call.at]
    recent = any(call.at - each.at < UNSEEN for each in meddlings)
    if recent or not meddlings or not _undoes(history, call, manifest, ours):
        return
    corrections = past.corrections[uid]
    earlier = [
        each
        for each in corrections
        if meddlings[0].at - each.ends_at < DAY.total_seconds() - LATE
        and differing(each.before, each.target) & differing(call.before, call.target)
    ]
    corrections.append(call)
    if approved_as(history, call) is not None:
        return
    if manifest["spec"].get("driftPolicy") == "Report":
        yield "sent to undo what somebody else did, and driftPolicy is Report"
    timings = history.world.timings
    delay = max(timings.drift_delay, timings.limits.poll)
    # The same state may have been brought about more than once; to whom the cloud does not show
    # the certificate, one that somebody puts in place of another is the same state.
    seen = _enabled if history.hides(name) else meaning
    stood = [each for each in meddlings if seen(each.after) == seen(call.before)]
    if stood and call.at - stood[0].at < delay - WHOLE:
        yield f"undid what somebody else did {call.at - stood[0].at:.0f} s before"
    if earlier:
        yield "undid for the second time within a day what somebody else did"


def _undoes(history: History, call: Accepted, manifest: Json, ours: list[Accepted]) -> bool:
    """
    Whether the settings declared are those applied, and somebody else has changed them since.

    *ours* is the last call, if there is one. After a bad end nobody can say whose difference it is,
    and where the cloud does not show what is in force, nothing but SSL itself is told.
    """
    applied = manifest["status"].get("applied") or {}
    if renewed_end(call) or "deletionTimestamp" in manifest["metadata"] or not applied:
        return False
    was = state(applied["state"])
    if sent(call).settings != was.settings:
        return False
    ended = manifest["status"].get("history") or [{"result": "Verified"}]
    if ended[0]["result"] != "Verified" or any(each.fails for each in ours):
        return False
    if not ours:
        return sent(call).material == was.material or not call.before.enabled
    last = ours[0].manifest or {}
    if last.get("metadata", {}).get("uid") != manifest["metadata"]["uid"]:
        return False
    name = call.instance_id.removeprefix("pgm-")
    changed = differing(ours[0].target, call.before)
    return bool(changed & {"enabled"} if history.hides(name) else changed)


def _enabled(settings: Settings) -> tuple[object, ...]:
    return (settings.enabled,)


# -- what waits -----------------------------------------------------------------------------------


def of_waiting(history: History) -> Iterator[str]:
    """Whatever waits says why; and what time alone lets go says when, and goes by then."""
    world = history.world
    now = world.clock()
    for name, manifest in ((key[1], each) for key, each in world.kube.objects.items()):
        plan = manifest["status"].get("plan") or {}
        reason, conditions = plan.get("heldBy"), world.conditions(name)
        told = {conditions[each][1] for each in ("ChangePending", "Stalled") if each in conditions}
        if reason is not None and reason not in told:
            yield f"{name}: its plan is held by {reason}, and the conditions tell {sorted(told)}"
        due = plan.get("notBefore")
        if reason in TIMES and due is None:
            yield f"{name}: its plan waits for a time, {reason}, and nobody says which"
        if due is not None and (now - datetime.fromisoformat(due)).total_seconds() > LATE:
            yield f"{name}: its plan is held by {reason} still, after {due}"
        awaited = history.awaited.get(name)
        if awaited and awaited["digest"] == plan.get("digest"):
            same = [awaited[each] == plan.get(each) for each in ("heldBy", "notBefore")]
            if all(same):
                yield f"{name}: its plan did not go when it was due, {awaited['notBefore']}"
