"""When the declared material cannot be used, and when what is in force runs out."""

from datetime import timedelta

from rds_ssl.core import verdicts
from rds_ssl.core.comparison import compare, observed_material
from rds_ssl.core.conditions import MATERIAL_READY, STALLED, Finding, Verdict
from rds_ssl.core.desired import Desired, MaterialFacts, settings_of
from rds_ssl.core.expiry import Expiry, expiry, next_expiry_change
from rds_ssl.core.material import Problem
from rds_ssl.core.model import CAType, Observed, Reason
from rds_ssl.engine.materials import Gathered
from rds_ssl.engine.work import Result, Tools, Work

PATIENCE = 300.0
"""Seconds for which what may be a moment's state is Reconciling, before it is Stalled."""


def in_force_expiry(tools: Tools, observed: Observed) -> tuple[Expiry, ...]:
    """Say what is in force and has expired, or will soon."""
    return expiry(observed, now=tools.now(), warning=tools.pace.expiry_warning)


def next_look(tools: Tools, observed: Observed) -> float:
    """Give the seconds to the next look: a resync, or the moment when something expires."""
    after = tools.resync_after()
    now = tools.now()
    change = next_expiry_change(observed, now=now, warning=tools.pace.expiry_warning)
    return after if change is None else min(after, (change - now).total_seconds() + 1)


class Unusable:
    """Judges an object whose material has a problem; what is in force stays in force."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def note(self, work: Work, gathered: Gathered, problem: Problem | None) -> None:
        """Note what people can change, so that its standing still can be told."""
        memory, now = work.memory, self._tools.monotonic()
        first = memory.inputs is None
        memory.note(
            (work.resource.inputs, gathered.fingerprint),
            now=now,
            period=self._tools.pace.quiet_period,
        )
        condition = work.resource.status.condition(MATERIAL_READY)
        if first and problem is not None and condition is not None and condition.status == "False":
            # Another process has waited already.
            waited = self._tools.now() - condition.last_transition_time
            memory.inputs_since = now - min(max(waited, timedelta()).total_seconds(), PATIENCE)

    def report(self, work: Work, observed: Observed, problem: Problem, *, endpoint: str) -> Result:
        """Say what is wrong; Ready stays as it was where an earlier version is in force."""
        finding = Finding(reason=problem.reason, message=problem.message)
        waited = self._tools.monotonic() - work.memory.inputs_since
        known = work.resource.status.condition(STALLED)
        was_stalled = known is not None and known.message == problem.message
        patient = problem.transient and waited < PATIENCE and not was_stalled
        instance = work.status.instance
        work.show(endpoint=None if instance and instance.endpoint else endpoint)
        work.set(plan=None)
        ready: tuple[bool | None, Finding] = (False, finding)
        if self._applied_shown(work, observed, endpoint=endpoint):
            ready = work.as_it_was(problem.reason, problem.message)
        past = [
            each
            for each in in_force_expiry(self._tools, observed)
            if each.reason is Reason.CERTIFICATE_EXPIRED
        ]
        if past:
            ready = False, Finding(reason=Reason.CERTIFICATE_EXPIRED, message=past[0].message)
        verdict = Verdict(
            ready=ready[0],
            finding=ready[1],
            material=finding,
            material_ready=False,
            reconciling=finding if patient else None,
            stalled=None if patient else finding,
            expiring=None
            if past
            else verdicts.expiring(observed, in_force_expiry(self._tools, observed)),
        )
        look_after = next_look(self._tools, observed)
        if patient:
            look_after = min(look_after, PATIENCE - waited + 0.1)
        if problem.reason is Reason.NOT_YET_VALID:
            look_after = min(look_after, self._until_valid(work))
        return Result(verdict=verdict, look_after=look_after)

    def _until_valid(self, work: Work) -> float:
        """Give the seconds until the next thing becomes valid."""
        facts = work.gathered.facts if work.gathered else MaterialFacts()
        moments = [each.certificate.not_before for each in facts.client_ca]
        moments += [each.this_update for each in facts.revocation_list]
        if facts.server is not None:
            moments.append(facts.server.leaf.not_before)
        now = self._tools.now()
        coming = [(each - now).total_seconds() for each in moments if each > now]
        return min(coming, default=PATIENCE) + 0.1

    def _applied_shown(self, work: Work, observed: Observed, *, endpoint: str) -> bool:
        """Whether an earlier version is applied, shown, and only the material has changed."""
        applied = work.status.applied
        if applied is None or applied.state is None or work.was_ready is not True:
            return False
        if applied.state.settings != settings_of(work.declaration, endpoint=endpoint):
            return False
        if observed_material(observed) not in {None, applied.state.material}:
            return False
        clients = work.declaration.client_authentication
        pfx = work.declaration.server_certificate.pfx
        beside = Desired(
            enabled=work.declaration.enabled,
            connection_string=endpoint,
            ca_type=work.declaration.effective_ca_type,
            server_certificate=observed.server_certificate
            if work.declaration.effective_ca_type is CAType.CUSTOM
            else None,
            client_ca=observed.client_ca or (),
            revocation_list=observed.revocation_list or (),
            acl=clients.acl,
            replication_acl=clients.replication_acl,
            force_encryption=work.declaration.force_encryption,
            minimum_tls_version=work.declaration.minimum_tls_version,
            pfx=pfx.oss_object if pfx else "",
        )
        return compare(beside, observed, applied=applied).consistent
