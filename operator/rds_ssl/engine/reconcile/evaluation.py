"""From what was read to what is sent or said: eligibility, material, then the change."""

from dataclasses import replace
from datetime import UTC, datetime

from rds_ssl.core import outcomes
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.checks import eligibility
from rds_ssl.core.checks.material import Validation, next_validation, validate
from rds_ssl.core.model import Phase, Reason
from rds_ssl.core.planning.chain import taken_over
from rds_ssl.core.planning.desired import Desired, desired_of
from rds_ssl.core.planning.fields import Field, shows
from rds_ssl.core.planning.plan import PlanResult
from rds_ssl.core.planning.renewal import renewal_at
from rds_ssl.engine.reconcile import api_failures, material_problems, preflight
from rds_ssl.engine.reconcile.ahead import beside_stalled
from rds_ssl.engine.reconcile.attempt import Idle
from rds_ssl.engine.reconcile.change import change
from rds_ssl.engine.reconcile.holding import endpoint_of, next_look
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import AfterWrite, Decided, Intent, Order, Read, Seen
from rds_ssl.engine.reporting import Event

_NEVER = datetime.max.replace(tzinfo=UTC)


def evaluate(ports: Ports, seen: Seen) -> Order | Decided | Read:
    """Return what a living object needs: a call, a word, or first something else to be read."""
    seen = seen.update(rotation=None)  # Whether there still is one, is told anew.
    finding = eligibility.unfit_engine(seen.declaration, engine=seen.engine or "")
    if finding is not None:
        material_problems.note_inputs(ports, seen, seen.material.problem)
        draft = seen.shown(endpoint=None).update(plan=None)
        verdict = outcomes.stalled(finding)
        stalled = Decided(draft=draft, verdict=verdict, look_after=preflight.STALLED_AFTER)
        return _material_beside(ports, seen, stalled)
    endpoint = endpoint_of(seen) or preflight.first_endpoint(seen)
    if isinstance(endpoint, Read):
        return endpoint
    if not endpoint:
        verdict = outcomes.stalled(eligibility.NO_ENDPOINT)
        draft = seen.update(plan=None)
        return Decided(draft=draft, verdict=verdict, look_after=preflight.STALLED_AFTER)
    judgement = _validation(ports, seen, endpoint=endpoint)
    problem, seen = judgement.problem, replace(seen, warnings=judgement.warnings)
    material_problems.note_inputs(ports, seen, problem)
    if problem is not None:
        reported = material_problems.report(ports, seen, problem, endpoint=endpoint)
        return _material_beside(ports, seen, reported)
    desired = desired_of(seen.declaration, seen.material.facts, endpoint=endpoint)
    outcome = change(ports, seen, desired, Intent.DECLARED)
    if isinstance(outcome, tuple):
        return _settled(ports, outcome[0], desired, outcome[1])
    return outcome


def _validation(ports: Ports, seen: Seen, *, endpoint: str) -> Validation:
    """Return what there is to say about the material for an endpoint."""
    if seen.material.problem is not None:
        return Validation(problem=seen.material.problem)
    return validate(
        seen.declaration,
        seen.material.facts,
        seen.material.signed,
        seen.observed,
        applied=seen.status.applied,
        endpoint=endpoint,
        now=ports.now(),
    )


def _material_beside(ports: Ports, seen: Seen, stalled: Decided) -> Order | Decided | Read:
    """Let newer material go although what is declared beside it cannot be carried out."""
    applied = seen.status.applied
    if applied is None or applied.state is None:
        return stalled
    judgement = _validation(ports, seen, endpoint=applied.state.connection_string)
    if judgement.problem is not None:
        return stalled
    seen = replace(seen, warnings=judgement.warnings)
    desired = desired_of(seen.declaration, seen.material.facts, endpoint=endpoint_of(seen))
    return beside_stalled(ports, seen, desired, stalled)


def _settled(ports: Ports, seen: Seen, desired: Desired, standing: PlanResult) -> Decided | Read:
    """Return that nothing is to be done; what was so already when it was first seen is adopted."""
    seen = seen.shown(endpoint=desired.connection_string)
    applied, operation = seen.status.applied, seen.status.operation
    overdue = operation is not None and operation.phase is Phase.TIMED_OUT
    untold = applied is not None and applied.state is None
    if overdue or not (standing.declared_applied or untold):
        if seen.instance is None:
            return Read.ATTRIBUTES
        if not seen.instance.running:
            return api_failures.busy(ports, seen)  # What is shown may be half of a change.
    state = taken_over(desired, seen.observed)
    unseen = state.intermediates != desired.state.intermediates
    remark = f" {outcomes.CHAIN_NOT_SHOWN}" if unseen else ""
    if applied is not None and untold:
        # Recorded by an older version: what is in force is as declared, and nothing was done.
        applied = applied.model_copy(update={"state": state})
    elif not standing.declared_applied:
        applied = AppliedStatus(
            state=state,
            time=ports.now(),
            settings_time=ports.now(),
            expire_time=seen.observed.expire_time,
        )
        words = outcomes.state_words(seen.declaration, desired.connection_string)
        seen = _announced(seen, f"{words} is in force already; nothing was sent.{remark}")
    elif applied is not None and applied.state and state.chain and not applied.state.chain:
        # Recorded before intermediates were.
        applied = applied.model_copy(update={"state": state})
        if unseen:
            seen = _announced(seen, outcomes.CHAIN_NOT_SHOWN)
    hidden = desired.force_encryption and not shows(seen.observed, Field.FORCE_ENCRYPTION)
    if standing.comparison.unknown - {Field.CHAIN} or desired.pfx or hidden:
        reason = Reason.APPLIED_NOT_ECHOED
    else:
        verified = applied is not None and applied.request_id
        reason = Reason.VERIFIED if verified else Reason.ADOPTED
    verdict = outcomes.settled(
        seen.declaration,
        seen.observed,
        reason=reason,
        endpoint=desired.connection_string,
        expired=material_problems.in_force_expiry(ports, seen),
        warnings=seen.warnings,
    )
    draft = replace(seen, attempt=Idle()).update(applied=applied, plan=None, operation=None)
    return Decided(
        draft=draft,
        verdict=verdict,
        look_after=next_look(ports, seen),
        by_the_way=True,
        settled_until=_settled_until(ports, seen),
    )


def _announced(seen: Seen, message: str) -> Seen:
    """Return it with an Event about what is taken over once the status is written."""
    return seen.then(AfterWrite(event=Event(reason="Adopted", message=message)))


def _settled_until(ports: Ports, seen: Seen) -> datetime:
    """Return the first moment at which the clock alone may make something of the same facts."""
    now = seen.began  # A date that has passed during this pass may have been overlooked.
    moments = (
        material_problems.next_expiry(ports, seen, now=now),
        next_validation(seen.material.facts, now=now),
        renewal_at(seen.declaration, seen.observed, engine=seen.engine or ""),
    )
    return min((each for each in moments if each is not None), default=_NEVER)
