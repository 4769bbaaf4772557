"""From what was read to what is said: eligibility, material, and the change that follows."""

from datetime import UTC, datetime

from rds_ssl.core import eligibility, verdicts
from rds_ssl.core.desired import Desired, MaterialFacts, desired_of
from rds_ssl.core.expiry import next_expiry_change
from rds_ssl.core.judgement import judge, next_judgement
from rds_ssl.core.model import Observed, Phase, Reason
from rds_ssl.core.plan import Standing
from rds_ssl.core.renewal import renewal_at
from rds_ssl.core.status import AppliedStatus
from rds_ssl.engine.admission import STALLED_AFTER, Admission
from rds_ssl.engine.change import Change, Intent, endpoint_of
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.unusable import Unusable, in_force_expiry
from rds_ssl.engine.work import Result, Tools, Work

_NEVER = datetime.max.replace(tzinfo=UTC)


class Evaluation:
    """Judges one object by what its pass has read, and lets go what may."""

    def __init__(
        self, tools: Tools, change: Change, faulting: Faulting, admission: Admission
    ) -> None:
        self._tools = tools
        self._change = change
        self._faulting = faulting
        self._unusable = Unusable(tools)
        self._admission = admission

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
        endpoint = endpoint_of(work, observed) or await self._admission.first_endpoint(work)
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
        outcome = await self._change.carry_out(work, observed, desired, Intent.DECLARED)
        if isinstance(outcome, Result):
            return outcome
        return await self._settled(work, _known(work), desired, outcome)

    # -- nothing to do ------------------------------------------------------------------------

    async def _settled(
        self, work: Work, observed: Observed, desired: Desired, standing: Standing
    ) -> Result:
        work.show(endpoint=desired.connection_string)
        applied, operation = work.status.applied, work.status.operation
        overdue = operation is not None and operation.phase is Phase.TIMED_OUT
        untold = applied is not None and applied.state is None
        if overdue or not (standing.declared_applied or untold):
            instance = work.instance or await self._admission.attribute(work)
            if not instance.running:
                return self._faulting.busy(work)  # What is shown may be half of a change.
        if applied is not None and untold:
            # Recorded by an older version: what is in force is as declared, and nothing was done.
            work.set(applied=applied.model_copy(update={"state": desired.state}))
        elif not standing.declared_applied:
            work.set(
                applied=AppliedStatus(
                    state=desired.state,
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
            look_after=self._change.next_look(work),
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


def _known(work: Work) -> Observed:
    if work.observed is None:
        raise TypeError("nothing was observed")
    return work.observed
