"""
The one way from a state that is wanted to the call: plan, retry, gates, preflight, slot, call.

What an object declares comes here, and SSL off for an object that is deleted: the two differ by
their `Intent` alone. The order of the rules is that of the lines of `Change.carry_out`. Source:
docs/architecture.md, "The life of one change".
"""

from dataclasses import replace
from enum import StrEnum

from rds_ssl.core import approval, eligibility, faults, verdicts
from rds_ssl.core.conditions import CHANGE_PENDING, RECONCILING, Finding
from rds_ssl.core.desired import Desired
from rds_ssl.core.errors import AliyunError
from rds_ssl.core.gate import BUDGET, Circumstances, Hold, closes, gate, not_before
from rds_ssl.core.model import Impact, Observed, Phase, Reason
from rds_ssl.core.operation import UNFINISHED, may_fall_back
from rds_ssl.core.plan import Plan, Standing, stand
from rds_ssl.core.renewal import renewal_at, tried
from rds_ssl.core.status import OperationStatus
from rds_ssl.engine.admission import STALLED_AFTER, Admission
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.gating import Gating, asks_on
from rds_ssl.engine.rearming import Rearming, inputs_of
from rds_ssl.engine.sending import Order, Sending, plan_status
from rds_ssl.engine.unusable import in_force_expiry, next_look
from rds_ssl.engine.work import Result, Tools, Work

_AT_ONCE = 0.05
"""Seconds: a renewal is sent once more, with another value."""


class Intent(StrEnum):
    """Why a state is wanted."""

    DECLARED = "declared"
    """The object declares it."""
    DELETION = "deletion"
    """
    SSL off, because the object goes and its deletionPolicy is Disable: fewer gates
    (`rds_ssl.core.gate`), and no call if another object wants the instance.
    """


class Change:
    """Brings an instance to a state."""

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
        self._admission = admission
        self._gating = gating
        self._rearming = Rearming(tools, faulting, admission)

    async def carry_out(
        self, work: Work, observed: Observed, desired: Desired, intent: Intent
    ) -> Result | Standing:
        """
        Send the next step towards *desired*, if it may go now.

        Returns:
            How the pass ends; `rds_ssl.engine.sending.HEIR` if another object wants the instance;
            or the `Standing` of an instance that needs no plan.

        Raises:
            AliyunError: A read that a plan needed.
            KubeError: The API server.
        """
        standing = self._standing(work, observed, desired, intent)
        to = standing.plan.to if standing.plan else None
        spent = approval.ended(work.status.last_approval, to=to, now=self._tools.now())
        if spent != work.status.last_approval:
            work.set(last_approval=spent)
            # Under the digest that the next pass will give it.
            standing = self._standing(work, observed, desired, intent)
        plan = standing.plan
        if plan is None:
            return standing
        stuck = self._no_way_back(work, observed, desired, standing)
        if stuck is not None:
            return stuck
        stays = intent is Intent.DELETION or Impact.MOVES_ENDPOINT in plan.impacts
        work.show(endpoint=None if stays else desired.connection_string)
        at = await self._gating.circumstances(work, plan)
        hold = gate(plan, work.declaration, observed, at)
        stopped = await self._stopped(work, observed, plan, hold, intent)
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
            warning=self._expiring(observed),
            since=at.seen_since,
            closes=closes(plan, work.declaration, at),
            alone=intent is Intent.DELETION,
        )
        outcome = await self._sending.send(work, order)
        if isinstance(outcome, Result):
            return outcome
        return await self._refused(work, order, desired, intent, outcome)

    @staticmethod
    def _no_way_back(
        work: Work, observed: Observed, desired: Desired, standing: Standing
    ) -> Result | None:
        """Say that no call leads from what is in force to *desired*; None if one may."""
        finding = eligibility.no_way_back(
            desired,
            observed,
            standing.comparison,
            engine=work.engine or "",
            own=_may_have_brought_other_material(work.status.operation, desired),
        )
        if finding is None:
            return None
        work.set(plan=None)
        verdict = verdicts.stalled(finding, material=work.material_finding)
        return Result(verdict=verdict, look_after=STALLED_AFTER)

    def _expiring(self, observed: Observed) -> Finding | None:
        return verdicts.expiring(observed, in_force_expiry(self._tools, observed))

    async def _stopped(
        self, work: Work, observed: Observed, plan: Plan, hold: Hold | None, intent: Intent
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
            stopped = await self._rearming.refused(work, plan, observed, after=self.next_look(work))
            if stopped is not None:
                return stopped
        other = operation is None or operation.digest != step.digest
        if other and not policy and tried(work.status.history, step.renews):
            work.set(plan=None)
            finding = verdicts.stalled(verdicts.NOT_RENEWED, material=work.material_finding)
            return Result(verdict=finding, look_after=self.next_look(work))
        if hold is not None and intent is Intent.DECLARED:
            return None
        # What goes has nobody who comes back to it when its window opens: he is told now.
        return await self._admission.refused(work, observed, step)

    def _standing(
        self, work: Work, observed: Observed, desired: Desired, intent: Intent
    ) -> Standing:
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
                deleting=intent is Intent.DELETION,
                at_rest=_is_at_rest(work),
            )

        standing = to(desired)
        if (
            intent is Intent.DECLARED
            and standing.plan is None
            and standing.declared_applied
            and self._renewal_in(work, observed) == 0
        ):
            return to(replace(desired, renews=observed.expire_time))
        return standing

    def _renewal_in(self, work: Work, observed: Observed) -> float | None:
        """Give the seconds until the certificate is to be renewed by a call; None: by none."""
        at = renewal_at(work.declaration, observed, engine=work.engine or "")
        return None if at is None else max(0.0, (at - self._tools.now()).total_seconds())

    def next_look(self, work: Work) -> float:
        """Give the seconds to the next look at an object with which all is well, or held."""
        if work.observed is None:
            raise TypeError("nothing was observed")
        after = next_look(self._tools, work.observed)
        renewal = self._renewal_in(work, work.observed)
        return min(after, renewal + 0.1) if renewal else after

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
            warning=self._expiring(observed),
            warnings=work.warnings,
        )
        return Result(verdict=verdict, look_after=look_after)

    def _look_again(self, work: Work, plan: Plan, hold: Hold, at: Circumstances) -> float:
        """Give the seconds until the gates may answer otherwise, or until the usual next look."""
        after = self.next_look(work)
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
            endpoint=endpoint_of(work, observed),
        )

    async def _refused(
        self, work: Work, order: Order, desired: Desired, intent: Intent, error: AliyunError
    ) -> Result | Standing:
        """Report an answer after which nothing was executed."""
        operation, observed = work.status.operation, work.observed
        if operation is None or observed is None or operation.phase is not Phase.REFUSED:
            if faults.classify(error, write=True).read_back:
                return self._faulting.busy(work)  # Refused because of another change.
            return self._faulting.not_executed(work, error)
        standing = self._standing(work, observed, desired, intent)
        if standing.plan is None:
            return standing
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
        verdict = verdicts.stalled(finding, material=work.material_finding)
        fault = faults.classify(error, write=True)
        look_after = self._faulting.refused_after(fault)
        return Result(verdict=verdict, look_after=min(look_after, self.next_look(work)))


def endpoint_of(work: Work, observed: Observed) -> str:
    """Choose the endpoint: declared, pinned, protected now, the instance's own; empty if none."""
    pinned = work.status.instance.endpoint if work.status.instance else None
    internal = work.instance.connection_string if work.instance else ""
    shown = observed.connection_string if observed.enabled else None
    return work.declaration.connection_string or pinned or shown or internal


def _is_at_rest(work: Work) -> bool:
    """True if the object says that it was as declared, the declaration of now, when it was read."""
    status = work.resource.status
    return (
        work.was_ready is True
        and status.observed_generation == work.resource.generation
        and status.plan is None
        and status.operation is None
    )


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
    return operation.target is None or operation.target.material != desired.state.material
