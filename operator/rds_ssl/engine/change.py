"""
The one dangerous call, and following it to its end.

Order of `send`: material read anew · token taken, slot reserved · the object read from etcd ·
write-ahead record · the call. Source: design, "The one dangerous call".
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.aliyun.rate_limit import Priority
from rds_ssl.core import faults, verdicts
from rds_ssl.core.comparison import Comparison, Field, compare
from rds_ssl.core.conditions import Finding
from rds_ssl.core.desired import Desired, desired_of
from rds_ssl.core.errors import AliyunError, ApiError
from rds_ssl.core.model import (
    ACL,
    CAType,
    Disposition,
    Impact,
    Observed,
    Phase,
    Reason,
    Restart,
    SecretText,
)
from rds_ssl.core.operation import End, Watch, judge
from rds_ssl.core.plan import Material, Plan, parameters
from rds_ssl.core.status import (
    AppliedStatus,
    BeforeStatus,
    CertificateStatus,
    ChangeStatus,
    HistoryEntry,
    OperationStatus,
    PlanStatus,
    StepStatus,
)
from rds_ssl.engine.objects import Resource, older_claimant
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.work import RESTARTING, STARTED, VERIFIED, Result, Tools, Work

_log = logging.getLogger(__name__)

_NOT_EXECUTED = frozenset(
    {
        Disposition.BUSY,
        Disposition.THROTTLED,
        Disposition.BLOCKED,
        Disposition.UNAVAILABLE,
        Disposition.GONE,
    }
)
"""Answers to a write after which nothing was executed, and the state itself was not refused."""

_PHASES = {
    End.FAILED: Phase.FAILED,
    End.NOT_CONVERGING: Phase.NOT_CONVERGING,
    End.TIMED_OUT: Phase.TIMED_OUT,
}

_AGAIN_AT_ONCE = 0.05
"""Seconds: the object, or its material, is another one than the plan was made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent: a plan, the state it leads to, and what a refusal would rest on."""

    plan: Plan
    desired: Desired
    inputs_digest: str
    in_force: bool
    """Ready stays True meanwhile: only material differs."""
    warning: Finding | None = None


def plan_status(plan: Plan, *, held_by: Reason | None, since: datetime | None = None) -> PlanStatus:
    """Make the status of a plan; *since* is when it was first held."""
    return PlanStatus(
        digest=plan.digest,
        summary=plan.summary,
        steps=(StepStatus(changes=tuple(map(ChangeStatus.of, plan.changes))),),
        impacts=plan.impacts,
        restart=plan.restart,
        held_by=held_by.value if held_by else None,
        since=since,
    )


class Changes:
    """Sends plans and follows what was sent."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    # -- sending ------------------------------------------------------------------------------

    async def send(self, work: Work, order: Order) -> Result | AliyunError:
        """
        Send one plan for which a slot is reserved; the slot is given back where nothing was sent.

        Returns:
            How the pass ends, or the error of an answer after which nothing was executed.

        Raises:
            KubeError: The API server, before anything was sent.
        """
        tools, memory = self._tools, work.memory
        sent = False
        try:
            material = await self._material(work, order)
            if material is None:
                return Result(verdict=None, look_after=_AGAIN_AT_ONCE)
            await work.cloud.reserve(Priority.CHANGE)
            resource = await self._authoritative(work)
            if resource is None:
                return Result(verdict=None, look_after=_AGAIN_AT_ONCE)
            operation = self._operation(work, order)
            verdict = verdicts.applying(
                order.plan, work.declaration, in_force=order.in_force, warning=order.warning
            )
            work.show(endpoint=None)
            work.set(operation=operation, plan=plan_status(order.plan, held_by=None))
            work.resource = await tools.reporter.write(resource, work.status, verdict)
            work.status = work.resource.status
            memory.send_again = False
            tools.changed(STARTED if order.plan.restart is Restart.NONE else RESTARTING)
            tools.reporter.announce(
                work.resource,
                Event(reason="ChangeStarted", message=f"{order.plan.summary} Sent to RDS now."),
            )
            if work.observed is None:
                raise TypeError("a plan without an observation")
            wire = parameters(order.desired, work.observed, material, engine=work.engine or "")
            sent = True
            return await self._call(work, order, operation, wire)
        finally:
            if not sent:
                tools.budget.release(work.key)

    async def _material(self, work: Work, order: Order) -> Material | None:
        """Give what is sent, key included; None if it is not what the plan was made of."""
        if not order.desired.enabled:
            return Material()
        planned = work.gathered
        if planned is None:
            raise TypeError("a plan without material")
        if planned.material is not None:
            return planned.material
        fresh = await self._tools.materials.gather(work.declaration, work.key[0], fresh=True)
        return fresh.material if fresh.fingerprint == planned.fingerprint else None

    async def _authoritative(self, work: Work) -> Resource | None:
        """Read the object from etcd; None if the plan does not hold for it any more."""
        listed = await self._tools.resources.list_by_instance(work.declaration.instance_id)
        claimants = [Resource.of(manifest) for manifest in listed]
        mine = next((each for each in claimants if each.uid == work.resource.uid), None)
        if mine is None:
            return None
        self._tools.objects.put(mine)
        known = work.resource
        changed = mine.inputs != known.inputs or mine.raw_status.get(
            "operation"
        ) != known.raw_status.get("operation")
        applied = mine.raw_status.get("applied") != known.raw_status.get("applied")
        if changed or applied or older_claimant(mine, claimants) is not None:
            return None
        return mine

    def _operation(self, work: Work, order: Order) -> OperationStatus:
        before = work.status.operation
        attempt = 1
        if (
            before is not None
            and before.digest == order.desired.digest
            and (work.memory.send_again or before.phase is Phase.FAILED)
        ):
            attempt = before.attempt + 1
        observed = work.observed
        return OperationStatus(
            digest=order.desired.digest,
            inputs_digest=order.inputs_digest,
            step=0,
            phase=Phase.SENDING,
            start_time=self._tools.now(),
            attempt=attempt,
            before=BeforeStatus(
                enabled=observed.enabled,
                server_certificate=CertificateStatus.of(observed.server_certificate)
                if observed.server_certificate
                else None,
                expire_time=observed.expire_time,
                last_modify_status=observed.last_modify_status or None,
            )
            if observed
            else None,
        )

    async def _call(
        self,
        work: Work,
        order: Order,
        operation: OperationStatus,
        wire: Mapping[str, str | SecretText],
    ) -> Result | AliyunError:
        tools, memory = self._tools, work.memory
        started = work.status.operation.start_time if work.status.operation else None
        if started is None:
            raise TypeError("the record was not written")
        # Whatever happens from here on, this process watches: a cancelled call may be executed.
        memory.follow(started, Watch(started=tools.monotonic(), accepted=None), order.desired)
        try:
            request_id = await work.cloud.modify_ssl(work.declaration, wire)
        except AliyunError as error:
            return await self._not_accepted(work, order, operation, error)
        at = tools.monotonic()
        memory.follow(started, Watch(started=at, accepted=at), order.desired)
        memory.request_id = request_id
        accepted = operation.model_copy(
            update={"phase": Phase.ACCEPTED, "request_id": request_id, "start_time": started}
        )
        work.resource = await tools.reporter.record(
            work.resource,
            lambda status: status.model_copy(update={"operation": accepted}),
            None,
        )
        _log.info("accepted", extra=self._extra(work, request_id))
        return Result(verdict=None, look_after=1.0)

    async def _not_accepted(
        self, work: Work, order: Order, operation: OperationStatus, error: AliyunError
    ) -> Result | AliyunError:
        tools, memory = self._tools, work.memory
        fault = faults.classify(error, write=True)
        request_id = error.request_id if isinstance(error, ApiError) else ""
        _log.warning(
            "%s: %s", error, getattr(error, "message", ""), extra=self._extra(work, request_id)
        )
        if fault.disposition is Disposition.UNKNOWN:
            at = tools.monotonic()
            memory.follow(
                memory.watched or operation.start_time,
                Watch(started=at, accepted=None),
                order.desired,
            )
            return Result(verdict=None, look_after=1.0)
        tools.budget.release(work.key)
        started = memory.watched
        memory.unfollow()
        tools.changed(fault.reason.value)
        if fault.disposition in _NOT_EXECUTED:
            memory.not_executed = started
            work.set(operation=None)
            return error
        code = error.code if isinstance(error, ApiError) else type(error).__name__
        refused = operation.model_copy(
            update={
                "phase": Phase.REFUSED,
                "code": code,
                "end_time": tools.now(),
                "request_id": None,
            }
        )
        work.set(operation=refused)
        if fault.read_back:
            # The code may as well mean that another change is in flight, or was faster.
            work.observed = await work.cloud.describe_ssl(
                work.declaration, priority=Priority.IN_FLIGHT, engine=work.engine
            )
        return error

    # -- following ----------------------------------------------------------------------------

    async def follow(self, work: Work) -> Result | None:
        """
        Look at an unfinished operation.

        Returns:
            How the pass ends, or None: the operation has ended, *work* says how, and the pass goes
            on to judge the object by what was just read.
        """
        tools, memory = self._tools, work.memory
        operation = work.status.operation
        if operation is None:
            return None
        if memory.not_executed == operation.start_time:
            work.set(operation=None)
            return None
        if memory.watch is None or memory.watched != operation.start_time:
            at = tools.monotonic()
            accepted = at if operation.phase is Phase.ACCEPTED else None
            memory.follow(operation.start_time, Watch(started=at, accepted=accepted), None)
            tools.budget.inherit(work.key)
        watch = memory.watch
        if watch is None:
            raise TypeError("nothing is watched")
        work.instance = await work.cloud.describe_attribute(
            work.declaration, priority=Priority.IN_FLIGHT
        )
        memory.see(work.instance, now=tools.monotonic())
        comparison = None
        if work.instance.running:
            work.observed = await work.cloud.describe_ssl(
                work.declaration, priority=Priority.IN_FLIGHT, engine=work.engine
            )
            comparison = await self._beside_sent(work, operation, work.observed)
        judgement = judge(
            operation,
            watch,
            running=work.instance.running,
            observed=work.observed,
            comparison=comparison,
            monotonic=tools.monotonic(),
            now=tools.now(),
            limits=tools.pace.limits,
        )
        memory.watch = judgement.watch
        if judgement.end is End.NONE:
            await self._note_acceptance(work, operation)
            return Result(verdict=None, look_after=judgement.look_after)
        self._end(work, operation, judgement.end, judgement.watch)
        return None

    async def _beside_sent(
        self, work: Work, operation: OperationStatus, observed: Observed
    ) -> Comparison:
        target = work.memory.target
        if target is None:
            target = await self._target(work, operation)
        if target is not None:
            return compare(target, observed)
        # The declaration has changed since it was sent, by a process that is gone: the digest is
        # all that is left of it.
        shown = _shown(observed).digest == operation.digest
        return Comparison(
            different=frozenset() if shown else frozenset({Field.ENABLED}), unknown=frozenset()
        )

    async def _target(self, work: Work, operation: OperationStatus) -> Desired | None:
        """Find out what an inherited record was about: what is declared now, or SSL off."""
        known = work.status.instance
        endpoint = work.declaration.connection_string or (known.endpoint if known else None) or ""
        off = Desired(enabled=False, connection_string=endpoint)
        if operation.digest == off.digest:
            return off
        gathered = await self._tools.materials.gather(work.declaration, work.key[0])
        work.gathered = gathered
        if gathered.problem is not None:
            return None
        desired = desired_of(work.declaration, gathered.facts, endpoint=endpoint)
        if desired.digest != operation.digest:
            return None
        work.memory.target = desired
        return desired

    async def _note_acceptance(self, work: Work, operation: OperationStatus) -> None:
        watch = work.memory.watch
        if operation.phase is Phase.SENDING and watch is not None and watch.accepted is not None:
            accepted = operation.model_copy(
                update={"phase": Phase.ACCEPTED, "request_id": work.memory.request_id}
            )
            work.resource = await self._tools.reporter.record(
                work.resource,
                lambda status: status.model_copy(update={"operation": accepted}),
                None,
            )

    def _end(self, work: Work, operation: OperationStatus, end: End, watch: Watch) -> None:
        tools, memory = self._tools, work.memory
        memory.unfollow()
        if end is End.SEND_AGAIN:
            memory.send_again = True
            tools.budget.release(work.key)
            return
        tools.budget.release(work.key)
        tools.changed(VERIFIED if end is End.VERIFIED else end.value)
        request_id = memory.request_id or operation.request_id
        entry = self._entry(work, operation, end, watch, request_id)
        history = (entry, *work.status.history)
        if end is End.VERIFIED:
            settings, _, material = operation.digest.partition("-")
            work.set(
                operation=None,
                plan=None,
                applied=AppliedStatus(
                    settings_digest=settings,
                    material_digest=material or None,
                    time=tools.now(),
                    request_id=request_id,
                ),
                history=history[:10],
            )
        else:
            reason = work.observed.modify_status_reason if work.observed else ""
            work.set(
                operation=operation.model_copy(
                    update={"phase": _PHASES[end], "end_time": tools.now()}
                ),
                history=history[:10],
            )
            _log.warning("%s: %s", end.value, reason, extra=self._extra(work, request_id or ""))
        took = int((tools.now() - operation.start_time).total_seconds())
        verified = end is End.VERIFIED
        tools.reporter.announce(
            work.resource,
            Event(
                reason="ChangeVerified" if verified else f"Change{end.value}",
                message=f"{entry.changes} {end.value} after {took} s; restart seen:"
                f" {'yes' if entry.restart_seen else 'no'}; request {request_id or 'unknown'}.",
                warning=not verified,
            ),
        )

    def _entry(
        self,
        work: Work,
        operation: OperationStatus,
        end: End,
        watch: Watch,
        request_id: str | None,
    ) -> HistoryEntry:
        plan, applied = work.status.plan, work.status.applied
        settings = operation.digest.partition("-")[0]
        rotation = applied is not None and applied.settings_digest == settings
        before = operation.before.server_certificate if operation.before else None
        now = work.observed.server_certificate if work.observed else None
        impacts: tuple[Impact, ...] = plan.impacts if plan else ()
        return HistoryEntry(
            time=self._tools.now(),
            cause="rotation" if rotation else "spec",
            changes=plan.summary if plan else f"to {operation.digest}",
            impacts=impacts,
            restart_seen=watch.busy_seen,
            reissued=(before.sha256 != now.sha256) if before and now else None,
            request_id=request_id,
            result=end.value,
        )

    @staticmethod
    def _extra(work: Work, request_id: str) -> dict[str, str]:
        namespace, name = work.key
        return {
            "namespace": namespace,
            "object_name": name,
            "instance_id": work.declaration.instance_id,
            "action": "ModifyDBInstanceSSL",
            "request_id": request_id,
        }


def _shown(observed: Observed) -> Desired:
    """Read an observation as if it had been declared."""
    if not observed.enabled:
        return Desired(enabled=False, connection_string="")
    custom = observed.ca_type is CAType.CUSTOM
    return Desired(
        enabled=True,
        connection_string=observed.connection_string or "",
        ca_type=observed.ca_type or CAType.ALIYUN,
        server_certificate=observed.server_certificate if custom else None,
        client_ca=observed.client_ca or (),
        revocation_list=observed.revocation_list or (),
        acl=observed.acl or ACL.PREFER,
        replication_acl=observed.replication_acl or ACL.PREFER,
        force_encryption=bool(observed.force_encryption),
    )
