"""When the declared material cannot be used, and when what is in force runs out."""

from datetime import datetime, timedelta

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import MATERIAL_READY, STALLED, Unjudged, Verdict
from rds_ssl.core.checks.certificates import TRANSIENT
from rds_ssl.core.checks.expiry import Expiry, expiry, next_expiry_change
from rds_ssl.core.model import Finding, Reason
from rds_ssl.core.planning.desired import beside_material, settings_of
from rds_ssl.core.planning.diff import compare, observed_material
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Seen

PATIENCE = 300.0
"""Seconds for which what may be a moment's state is Reconciling, before it is Stalled."""


def in_force_expiry(ports: Ports, seen: Seen) -> tuple[Expiry, ...]:
    """Return what is in force and has expired, or will soon."""
    return expiry(
        seen.observed,
        now=ports.now(),
        warning=ports.timings.expiry_warning,
        intermediates=seen.intermediates,
    )


def next_expiry(ports: Ports, seen: Seen, *, now: datetime) -> datetime | None:
    """Return the first moment after *now* at which the same may be told otherwise; None: never."""
    return next_expiry_change(
        seen.observed,
        now=now,
        warning=ports.timings.expiry_warning,
        intermediates=seen.intermediates,
    )


def expired(ports: Ports, seen: Seen) -> Finding | None:
    """Return that something in force has expired, if so."""
    for each in in_force_expiry(ports, seen):
        if each.reason is Reason.CERTIFICATE_EXPIRED:
            return each
    return None


def expiring(ports: Ports, seen: Seen) -> Finding | None:
    """Return the warning, if something in force is about to end."""
    return outcomes.expiring(seen.observed, in_force_expiry(ports, seen))


def next_look(ports: Ports, seen: Seen) -> float:
    """Return the seconds to the next look: a resync, or the moment when something expires."""
    after = ports.resync_after()
    now = ports.now()
    change = next_expiry(ports, seen, now=now)
    return after if change is None else min(after, (change - now).total_seconds() + 1)


def note_inputs(ports: Ports, seen: Seen, problem: Finding | None) -> None:
    """Note what people can change, so that its standing still can be told."""
    inputs, now = seen.memory.inputs, ports.monotonic()
    first = inputs.seen is None
    if inputs.note(
        (seen.resource.inputs, seen.material.fingerprint),
        now=now,
        period=ports.timings.quiet_period,
    ):
        seen.memory.failures.written()
    condition = seen.resource.status.condition(MATERIAL_READY)
    if first and problem is not None and condition is not None and condition.status == "False":
        # Another process has waited already.
        waited = ports.now() - condition.last_transition_time
        inputs.since = now - min(max(waited, timedelta()).total_seconds(), PATIENCE)


def report(ports: Ports, seen: Seen, problem: Finding, *, endpoint: str) -> Decided:
    """Return what is wrong; what is in force stays, and so does Ready where it speaks of that."""
    waited = ports.monotonic() - seen.memory.inputs.since
    known = seen.resource.status.condition(STALLED)
    was_stalled = known is not None and known.message == problem.message
    patient = problem.reason in TRANSIENT and waited < PATIENCE and not was_stalled
    instance = seen.status.instance
    seen = seen.shown(endpoint=None if instance and instance.endpoint else endpoint)
    ready: tuple[bool | None, Finding] = (False, problem)
    if _applied_shown(seen, endpoint=endpoint):
        ready = seen.as_it_was(problem)
    past = expired(ports, seen)
    if past is not None:
        ready = False, past
    verdict = Verdict(
        ready=ready[0],
        finding=ready[1],
        material=problem,
        material_ready=False,
        reconciling=problem if patient else None,
        stalled=None if patient else problem,
        expiring=None if past else Unjudged.EXPIRY,
    )
    look_after = next_look(ports, seen)
    if patient:
        look_after = min(look_after, PATIENCE - waited + 0.1)
    if problem.reason is Reason.NOT_YET_VALID:
        look_after = min(look_after, _until_valid(ports, seen))
    return Decided(draft=seen.update(plan=None), verdict=verdict, look_after=look_after)


def _until_valid(ports: Ports, seen: Seen) -> float:
    """Return the seconds until the next thing becomes valid."""
    facts = seen.material.facts
    moments = [each.certificate.not_before for each in facts.client_ca]
    moments += [each.this_update for each in facts.revocation_list]
    if facts.server is not None:
        moments += [each.not_before for each in facts.server.chain]
    now = ports.now()
    coming = [(each - now).total_seconds() for each in moments if each > now]
    return min(coming, default=PATIENCE) + 0.1


def _applied_shown(seen: Seen, *, endpoint: str) -> bool:
    """True if an earlier version is applied, shown, and only the material has changed."""
    applied, observed, declaration = seen.status.applied, seen.observed, seen.declaration
    if applied is None or applied.state is None or seen.was_ready is not True:
        return False
    if applied.state.settings != settings_of(declaration, endpoint=endpoint):
        return False
    if observed_material(observed) not in {None, applied.state.material}:
        return False
    beside = beside_material(declaration, observed, endpoint=endpoint)
    return compare(beside, observed, applied=applied).consistent
