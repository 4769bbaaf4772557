"""From what was read to what is done or said: plan, gates, budget, verdict."""

from dataclasses import replace
from datetime import UTC, datetime

from rds_ssl.core import approval, eligibility, faults, verdicts
from rds_ssl.core.conditions import CHANGE_PENDING, RECONCILING, Finding
from rds_ssl.core.desired import Desired, Digest, MaterialFacts, desired_of
from rds_ssl.core.errors import AliyunError
from rds_ssl.core.expiry import next_expiry_change
from rds_ssl.core.gate import BUDGET, Circumstances, Hold, closes, gate, not_before
from rds_ssl.core.judgement import judge, next_judgement
from rds_ssl.core.model import Impact, Observed, Phase, Reason
from rds_ssl.core.operation import UNFINISHED, may_fall_back
from rds_ssl.core.plan import Plan, Standing, stand
from rds_ssl.core.renewal import renewal_at, tried
from rds_ssl.core.status import AppliedStatus, OperationStatus
from rds_ssl.engine.admission import STALLED_AFTER, Admission
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.gating import Gating, asks_on
from rds_ssl.engine.rearming import Rearming, inputs_of
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.sending import Order, Sending, plan_status
from rds_ssl.engine.unusable import Unusable, in_force_expiry, next_look
from rds_ssl.engine.work import Result, Tools, Work

_NEVER = datetime.max.replace(tzinfo=UTC)

_AT_ONCE = 0.05
"""Seconds: a renewal is sent once more, with another value."""


class Evaluation:
    """Judges one object by what its pass has read, and sends what may go."""

    def __init__(
        self,
        tools: Tools,
        sending: Sending,
        faulting: Faulting,
        admission: Admission,
        gating: Gating,
    ) -> None:
        self._tools = tools
        self._sending = sending
        self._faulting = faulting
        self._unusable = Unusable(tools)
        self._admission = admission
        self._gating = gating
        self._rearming = Rearming(tools, faulting, admission)

    async def evaluate(self, work: Work) -> Result:
        """
        Finish the pass.

        *work* holds an observation; material is gathered if it is not yet.

        Raises:
            AliyunError: A read that a plan needed.
            KubeError: The API server.
        """
        observed = _known(work)
        if work.gathered is None:
            work.gathered = await self._tools.materials.gather(work.declaration, work.key[0])
        gathered = work.gathered
        engine = work.engine or ""
        finding = eligibility.unfit_engine(work.declaration, engine=engine)
        if finding is not None:
            work.set(plan=None)
            work.show(endpoint=None)
            return Result(verdict=verdicts.stalled(finding), look_after=STALLED_AFTER)
        endpoint = _endpoint(work, observed) or await self._admission.first_endpoint(work)
        if not endpoint:
            work.set(plan=None)
            return Result(
                verdict=verdicts.stalled(eligibility.NO_ENDPOINT), look_after=STALLED_AFTER
            )
        problem = gathered.problem
        if problem is None:
            judgement = judge(
                work.declaration,
                gathered.facts,
                gathered.signed,
                observed,
                applied=work.status.applied,
                endpoint=endpoint,
                now=self._tools.now(),
            )
            problem, work.warnings = judgement.problem, judgement.warnings
        self._unusable.note(work, gathered, problem)
        if problem is not None:
            return self._unusable.report(work, observed, problem, endpoint=endpoint)
        desired = desired_of(work.declaration, gathered.facts, endpoint=endpoint)
        return await self._carry_out(work, observed, desired)

    async def _carry_out(self, work: Work, observed: Observed, desired: Desired) -> Result:
        standing = self._standing(work, observed, desired)
        plan = standing.plan
        to = plan.to if plan else None
        spent = approval.ended(work.status.last_approval, to=to, now=self._tools.now())
        if spent != work.status.last_approval:
            work.set(last_approval=spent)
            standing = self._standing(work, observed, desired)
            plan = standing.plan  # Under the digest that the next pass will give it.
        if plan is None:
            return await self._settled(work, observed, desired, standing)
        stuck = eligibility.no_way_back(
            desired,
            observed,
            standing.comparison,
            engine=work.engine or "",
            own=_may_have_brought_other_material(work.status.operation, desired),
        )
        if stuck is not None:
            work.set(plan=None)
            return Result(
                verdict=verdicts.stalled(stuck, material=_fine(work)), look_after=STALLED_AFTER
            )
        moves = Impact.MOVES_ENDPOINT in plan.impacts
        work.show(endpoint=None if moves else desired.connection_string)
        at = await self._gating.circumstances(work, plan)
        hold = gate(plan, work.declaration, observed, at)
        stopped = await self._stopped(work, observed, plan, hold)
        if stopped is not None:
            return stopped
        if hold is None and not self._gating.reserve(work, plan, at):
            hold = BUDGET
            work.awaits_budget = True
        if hold is not None:
            return self._held(work, observed, plan, hold, at)
        step = plan.steps[0].desired
        order = Order(
            plan=plan,
            desired=step,
            comparison=standing.comparison,
            inputs_digest=inputs_of(work, step, observed),
            in_force=plan.material_only and self._kept(work, observed)[0],
            warning=verdicts.expiring(observed, in_force_expiry(self._tools, observed)),
            since=at.seen_since,
            closes=closes(plan, work.declaration, at),
        )
        outcome = await self._sending.send(work, order)
        if isinstance(outcome, Result):
            return outcome
        return await self._refused(work, order, desired, outcome)

    async def _stopped(
        self, work: Work, observed: Observed, plan: Plan, hold: Hold | None
    ) -> Result | None:
        """Say what stands in the way of a plan whatever the gates say; None if nothing does."""
        step, operation = plan.steps[0].desired, work.status.operation
        if Impact.MOVES_ENDPOINT in plan.impacts:
            # Nobody is to approve what cannot be.
            stopped = await self._admission.unknown_endpoint(work, observed, step)
            if stopped is not None:
                work.set(plan=None)
                return stopped
        policy = hold is not None and hold.reason in {Reason.OBSERVING, Reason.SUSPENDED}
        if operation is not None and operation.phase not in UNFINISHED and not policy:
            stopped = await self._rearming.refused(
                work, plan, observed, after=self._next_look(work)
            )
            if stopped is not None:
                return stopped
        other = operation is None or operation.digest != step.digest
        if other and not policy and tried(work.status.history, step.renews):
            work.set(plan=None)
            finding = verdicts.stalled(verdicts.NOT_RENEWED, material=_fine(work))
            return Result(verdict=finding, look_after=self._next_look(work))
        return None if hold else await self._admission.refused(work, observed, step)

    def _standing(self, work: Work, observed: Observed, desired: Desired) -> Standing:
        """Say how the instance stands; a renewal is due only where nothing else is to be done."""

        def to(state: Desired) -> Standing:
            known = work.status.instance
            return stand(
                state,
                observed,
                engine=work.engine or "",
                engine_version=(known.engine_version or "") if known else "",
                uid=work.resource.uid,
                applied=work.status.applied,
                operation=work.status.operation,
                last_approval=work.status.last_approval,
                history=work.status.history,
            )

        standing = to(desired)
        if standing.plan is None and standing.declared_applied and self._renewal_in(work) == 0:
            return to(replace(desired, renews=observed.expire_time))
        return standing

    def _renewal_in(self, work: Work) -> float | None:
        """Give the seconds until the certificate is to be renewed by a call; None: by none."""
        at = renewal_at(work.declaration, _known(work), engine=work.engine or "")
        return None if at is None else max(0.0, (at - self._tools.now()).total_seconds())

    def _next_look(self, work: Work) -> float:
        """Give the seconds to the next look at an object with which all is well, or held."""
        after, renewal = next_look(self._tools, _known(work)), self._renewal_in(work)
        return min(after, renewal + 0.1) if renewal else after

    # -- nothing to do ------------------------------------------------------------------------

    async def _settled(
        self, work: Work, observed: Observed, desired: Desired, standing: Standing
    ) -> Result:
        work.show(endpoint=desired.connection_string)
        applied, operation = work.status.applied, work.status.operation
        overdue = operation is not None and operation.phase is Phase.TIMED_OUT
        if overdue or not standing.declared_applied:
            instance = work.instance or await self._admission.attribute(work)
            if not instance.running:
                return self._faulting.busy(work)  # What is shown may be half of a change.
        if not standing.declared_applied:
            work.set(
                applied=AppliedStatus(
                    settings_digest=desired.settings_digest,
                    material_digest=desired.material_digest,
                    time=self._tools.now(),
                    expire_time=observed.expire_time,
                )
            )
            adopted = Event(
                reason="Adopted",
                message=verdicts.in_words(work.declaration, desired.connection_string)
                + " is in force already; nothing was sent.",
            )
            resource = work.resource
            work.after_write.append(lambda: self._tools.reporter.announce(resource, adopted))
            applied = work.status.applied
        if standing.comparison.unknown or desired.pfx:
            reason = Reason.APPLIED_NOT_ECHOED
        else:
            verified = applied is not None and applied.request_id
            reason = Reason.VERIFIED if verified else Reason.ADOPTED
        work.set(plan=None, operation=None)
        work.memory.no_effect = None
        verdict = verdicts.settled(
            work.declaration,
            observed,
            reason=reason,
            endpoint=desired.connection_string,
            expired=in_force_expiry(self._tools, observed),
            warnings=work.warnings,
        )
        return Result(
            verdict=verdict,
            look_after=self._next_look(work),
            settled_until=self._settled_until(work, observed),
        )

    def _settled_until(self, work: Work, observed: Observed) -> datetime:
        """Give the first moment at which the clock alone may make something of the same facts."""
        now = work.began  # A date that has passed during this pass may have been overlooked.
        facts = work.gathered.facts if work.gathered else MaterialFacts()
        moments = (
            next_expiry_change(observed, now=now, warning=self._tools.pace.expiry_warning),
            next_judgement(facts, now=now),
            renewal_at(work.declaration, observed, engine=work.engine or ""),
        )
        return min((each for each in moments if each is not None), default=_NEVER)

    # -- a plan that does not go --------------------------------------------------------------

    def _held(
        self, work: Work, observed: Observed, plan: Plan, hold: Hold, at: Circumstances
    ) -> Result:
        look_after = self._look_again(work, plan, hold, at)
        known = work.resource.status.plan
        if known and known.digest == plan.digest and hold.passing and _is_moving(work):
            # These two share one PATCH: what comes next comes within seconds.
            work.status = work.resource.status
            return Result(verdict=None, look_after=look_after)
        work.asks_on = asks_on(work, hold, at)
        work.set(
            plan=plan_status(
                plan,
                held_by=hold.reason,
                since=at.seen_since,
                not_before=not_before(plan, work.declaration, at, hold),
            )
        )
        in_force = None
        if plan.material_only:
            in_force = self._kept(work, observed)
        verdict = verdicts.held(
            plan,
            hold,
            work.declaration,
            in_force=in_force,
            warning=verdicts.expiring(observed, in_force_expiry(self._tools, observed)),
            warnings=work.warnings,
        )
        return Result(verdict=verdict, look_after=look_after)

    def _look_again(self, work: Work, plan: Plan, hold: Hold, at: Circumstances) -> float:
        """Give the seconds until the gates may answer otherwise, or until the usual next look."""
        after = self._next_look(work)
        if hold.until is not None:
            after = min(after, max(0.0, (hold.until - at.now).total_seconds()) + 0.1)
        if plan.drift and at.seen_since == at.now:
            after = min(after, self._tools.pace.limits.poll)  # Was it but a moment's state?
        return after

    def _kept(self, work: Work, observed: Observed) -> tuple[bool, Finding]:
        """Give the Ready of settings that are in force while a rotation waits."""
        past = [
            each
            for each in in_force_expiry(self._tools, observed)
            if each.reason is Reason.CERTIFICATE_EXPIRED
        ]
        if past:
            return False, Finding(reason=Reason.CERTIFICATE_EXPIRED, message=past[0].message)
        applied = work.status.applied
        verified = applied is not None and applied.request_id
        return True, verdicts.in_force(
            work.declaration,
            reason=Reason.VERIFIED if verified else Reason.ADOPTED,
            endpoint=_endpoint(work, observed),
        )

    async def _refused(
        self, work: Work, order: Order, desired: Desired, error: AliyunError
    ) -> Result:
        """Report an answer after which nothing was executed."""
        operation, observed = work.status.operation, _known(work)
        if operation is None or operation.phase is not Phase.REFUSED:
            if faults.classify(error, write=True).read_back:
                return self._faulting.busy(work)  # Refused because of another change.
            return self._faulting.not_executed(work, error)
        standing = self._standing(work, observed, desired)
        if standing.plan is None:
            return await self._settled(work, observed, desired, standing)
        if may_fall_back(operation):
            verdict = verdicts.applying(
                order.plan,
                work.declaration,
                in_force=order.in_force,
                warning=order.warning,
                warnings=work.warnings,
            )
            return Result(verdict=verdict, look_after=_AT_ONCE)
        work.set(plan=None)
        finding = self._faulting.refusal(work, operation.code or "", desired, observed)
        verdict = verdicts.stalled(finding, material=_fine(work))
        fault = faults.classify(error, write=True)
        look_after = self._faulting.refused_after(fault)
        return Result(verdict=verdict, look_after=min(look_after, self._next_look(work)))


def _is_moving(work: Work) -> bool:
    """Whether the object says already that its plan is held for a moment."""
    status = work.resource.status
    moving = {Reason.QUIET_PERIOD.value, Reason.AWAITING_BUDGET.value}
    conditions = (status.condition(CHANGE_PENDING), status.condition(RECONCILING))
    return status.observed_generation == work.resource.generation and all(
        each is not None and each.reason in moving for each in conditions
    )


def _may_have_brought_other_material(operation: OperationStatus | None, desired: Desired) -> bool:
    if operation is None or operation.phase is Phase.REFUSED:
        return False
    return Digest.parse(operation.digest).material != desired.material_digest


def _known(work: Work) -> Observed:
    if work.observed is None:
        raise TypeError("nothing was observed")
    return work.observed


def _fine(work: Work) -> tuple[bool, Finding]:
    return verdicts.material_finding(work.declaration, work.warnings)


def _endpoint(work: Work, observed: Observed) -> str:
    """Choose the endpoint: declared, pinned, protected now, the instance's own."""
    pinned = work.status.instance.endpoint if work.status.instance else None
    internal = work.instance.connection_string if work.instance else ""
    shown = observed.connection_string if observed.enabled else None
    return work.declaration.connection_string or pinned or shown or internal
