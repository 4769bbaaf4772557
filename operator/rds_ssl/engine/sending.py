"""
The one dangerous call.

Order of `send`: material read anew · token taken, slot reserved · the object read from etcd ·
write-ahead record · the call. Source: docs/architecture.md, "The life of one change".
"""

import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from rds_ssl.core import faults, pem, verdicts
from rds_ssl.core.comparison import Comparison
from rds_ssl.core.conditions import Finding
from rds_ssl.core.desired import Desired
from rds_ssl.core.errors import AliyunError, ApiError, ObservationError
from rds_ssl.core.model import (
    Disposition,
    Engine,
    Observed,
    Phase,
    Priority,
    Reason,
    Restart,
    SecretText,
)
from rds_ssl.core.operation import Watch, may_fall_back
from rds_ssl.core.parameters import Material, parameters
from rds_ssl.core.plan import LEFT_BEHIND, Plan
from rds_ssl.core.status import (
    BeforeStatus,
    CertificateStatus,
    ChangeStatus,
    OperationStatus,
    PlanStatus,
    StepStatus,
)
from rds_ssl.engine.gating import approval_of
from rds_ssl.engine.objects import Resource, older_claimant
from rds_ssl.engine.reporting import Event
from rds_ssl.engine.work import Result, Tools, Work
from rds_ssl.offloading import offloaded

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

_ACTION = "ModifyDBInstanceSSL"

_AGAIN_AT_ONCE = 0.05
"""Seconds: the object, or its material, is another one than the plan was made of."""

_AFTER_OTHER = 10.0
"""Seconds: another object's change of the same instance is under way."""

_AFTER_GONE = 1.0
"""Seconds: the watch has shown by then that the object is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be sent: a step of a plan, and what a refusal of it would rest on."""

    plan: Plan
    desired: Desired
    """The state that the step leads to."""
    comparison: Comparison | None = None
    """Of the plan."""
    inputs_digest: str
    in_force: bool
    """Ready stays True meanwhile: only material differs."""
    warning: Finding | None = None
    since: datetime
    """When the plan was first seen."""
    closes: datetime | None = None
    """When the maintenance window does: nothing is sent from then on."""
    alone: bool = False
    """No call, but `HEIR`, if another object wants the instance: the sender's goes."""


HEIR = Result(verdict=None, look_after=_AGAIN_AT_ONCE)
"""Nothing was sent: another object wants the instance, perhaps one that the watch does not show."""


def plan_status(
    plan: Plan,
    *,
    held_by: Reason | None,
    since: datetime | None = None,
    not_before: datetime | None = None,
) -> PlanStatus:
    """Make the status of a plan; *since* is when it was first seen."""
    return PlanStatus(
        digest=plan.digest,
        cause=plan.cause,
        summary=plan.summary,
        steps=tuple(
            StepStatus(changes=tuple(map(ChangeStatus.of, each.changes))) for each in plan.steps
        ),
        impacts=plan.impacts,
        restart=plan.restart,
        held_by=held_by.value if held_by else None,
        since=since,
        not_before=not_before,
    )


class Sending:
    """Sends plans."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def send(self, work: Work, order: Order) -> Result | AliyunError:
        """
        Send one plan for which a slot is reserved; the slot is given back where nothing was sent.

        Returns:
            How the pass ends, or the error of an answer after which nothing was executed.

        Raises:
            KubeError: The API server, before anything was sent.
        """
        tools = self._tools
        sent = False
        try:
            await work.cloud.reserve(Priority.CHANGE)
            # The token may have taken minutes: material may have changed meanwhile.
            material = await self._material(work, order)
            if material is None:
                return Result(verdict=None, look_after=_AGAIN_AT_ONCE)
            operation = self._operation(work, order)
            wire = await self._wire(work, order, material, operation)
            resource = await self._authoritative(work, order)
            if isinstance(resource, Result):
                return resource
            if order.closes is not None and tools.now() >= order.closes:
                return Result(verdict=None, look_after=_AGAIN_AT_ONCE)
            verdict = verdicts.applying(
                order.plan,
                work.declaration,
                in_force=order.in_force,
                warning=order.warning,
                warnings=work.warnings,
            )
            work.show(endpoint=None)
            work.set(
                operation=operation,
                plan=plan_status(order.plan, held_by=None, since=order.since),
                last_approval=approval_of(work).spend(order.plan, now=tools.now()),
            )
            work.before = work.resource
            left = work.resource.status.operation
            work.memory.previous = left if left and left.phase in LEFT_BEHIND else None
            work.resource = await tools.reporter.write(resource, work.status, verdict)
            tools.reporter.announce_warnings(work.before, verdict, work.warnings)
            work.written()
            work.status = work.resource.status
            sent = True
            await self._announce(work, order)
            return await self._call(work, order, operation, wire)
        finally:
            if not sent:
                tools.budget.release(work.key)

    async def _announce(self, work: Work, order: Order) -> None:
        """Tell what is about to be done, and why, before it is."""
        tools, plan = self._tools, order.plan
        tools.started(plan)
        approved = work.status.operation.approval if work.status.operation else None
        why = f" Cause: {plan.cause.value}." + (f" Approved as {approved}." if approved else "")
        # The digest first: a long summary is cut where an Event has no more room.
        event = Event(
            reason="ChangeStarted", message=f"Plan {plan.digest}.{why} {plan.summary} Sent to RDS."
        )
        await tools.reporter.announce_first(work.resource, event)

    @staticmethod
    async def _wire(
        work: Work, order: Order, material: Material, operation: OperationStatus
    ) -> Mapping[str, str | SecretText]:
        """Give what is sent."""
        observed, desired = work.observed, order.desired
        if observed is None:
            raise TypeError("a plan without an observation")
        if desired.client_ca and material.client_ca is None:
            material = await offloaded(
                partial(_with_trust_in_force, material, observed),
                size=len(observed.client_ca_pem) + len(observed.revocation_list_pem),
            )
        renews = desired.renews is not None and work.engine == Engine.SQLSERVER
        return parameters(
            desired,
            observed,
            material,
            engine=work.engine or "",
            comparison=order.comparison,
            update=renews and operation.attempt == 1,
        )

    async def _material(self, work: Work, order: Order) -> Material | None:
        """Give what is sent, key included; None if it is not what the plan was made of."""
        if not order.desired.enabled:
            return Material()
        planned = work.gathered
        if planned is None:
            raise TypeError("a plan without material")
        # Facts kept for the version that the watch shows now cost no request.
        now = await self._tools.materials.gather(work.declaration, work.key[0])
        if now.fingerprint != planned.fingerprint:
            return None
        if planned.material is not None or now.material is not None:
            return now.material or planned.material
        fresh = await self._tools.materials.gather(work.declaration, work.key[0], fresh=True)
        return fresh.material if fresh.fingerprint == planned.fingerprint else None

    async def _authoritative(self, work: Work, order: Order) -> Resource | Result:
        """Read the object from etcd; a result if the plan does not hold for it any more."""
        listed = await self._tools.resources.list_by_instance(work.declaration.instance_id)
        claimants = [Resource.of(manifest, work.resource) for manifest in listed]
        mine = next((each for each in claimants if each.uid == work.resource.uid), None)
        if mine is None:
            return Result(verdict=None, look_after=_AFTER_GONE)
        winner = older_claimant(mine, claimants)
        if winner is not None:
            finding = verdicts.conflict(
                work.declaration.instance_id,
                winner.key[1] if winner.key[0] == work.key[0] else None,
            )
            return Result(verdict=verdicts.stalled(finding), look_after=self._tools.resync_after())
        if order.alone and any(map(mine.heir, claimants)):
            return HEIR
        if any(each.in_flight for each in claimants if each.uid != mine.uid):
            return Result(verdict=None, look_after=_AFTER_OTHER)
        self._tools.objects.refresh(mine)
        known = work.resource
        same = mine.inputs == known.inputs and all(
            mine.raw_status.get(part) == known.raw_status.get(part)
            for part in ("operation", "applied")
        )
        return mine if same else Result(verdict=None, look_after=_AGAIN_AT_ONCE)

    def _operation(self, work: Work, order: Order) -> OperationStatus:
        before = work.status.operation
        lost = work.memory.no_effect
        attempt, unanswered = 1, 0
        if lost is not None and lost.digest == order.desired.digest:
            attempt, unanswered = lost.attempt + 1, (lost.unanswered or 0) + 1
        elif before is not None and before.digest == order.desired.digest:
            again = before.phase is Phase.FAILED or may_fall_back(before)
            attempt = before.attempt + 1 if again else 1
        observed = work.observed
        return OperationStatus(
            digest=order.desired.digest,
            target=order.desired.state,
            inputs_digest=order.inputs_digest,
            phase=Phase.SENDING,
            start_time=self._tools.now(),
            attempt=attempt,
            material=tuple(sorted(order.plan.material)),
            approval=approval_of(work).digest_of(order.plan),
            unanswered=unanswered or None,
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
        memory.not_executed, memory.permitted = None, None
        # Whatever happens from here on, this process watches: a cancelled call may be executed.
        memory.follow(started, Watch(started=tools.monotonic(), accepted=None))
        try:
            request_id = await work.cloud.modify_ssl(work.declaration, wire)
        except AliyunError as error:
            return await self._not_accepted(work, order, operation, error)
        at = tools.monotonic()
        memory.follow(started, Watch(started=at, accepted=at))
        memory.request_id = request_id
        memory.write_faults, memory.write_faults_since = 0, None
        if order.plan.restart is not Restart.NONE:
            tools.budget.note_restart(work.declaration.instance_id, request_id, tools.now())
        accepted = operation.model_copy(
            update={"phase": Phase.ACCEPTED, "request_id": request_id, "start_time": started}
        )
        work.set(operation=accepted)
        work.resource = await tools.reporter.record(work.resource, accepted)
        _log.info("accepted", extra={"action": _ACTION, **work.fields(request_id)})
        return Result(verdict=None, look_after=1.0)

    async def _not_accepted(
        self, work: Work, order: Order, operation: OperationStatus, error: AliyunError
    ) -> Result | AliyunError:
        tools, memory = self._tools, work.memory
        fault = faults.classify(error, write=True)
        request_id = error.request_id if isinstance(error, ApiError) else ""
        _log.warning(
            "%s: %s",
            error,
            getattr(error, "message", ""),
            extra={"action": _ACTION, **work.fields(request_id)},
        )
        if fault.disposition is Disposition.UNKNOWN:
            at = tools.monotonic()
            memory.follow(memory.watched or operation.start_time, Watch(started=at, accepted=None))
            return Result(verdict=None, look_after=1.0)
        tools.budget.release(work.key)
        started = memory.watched
        memory.unfollow()
        tools.changed(fault.reason.value)
        if fault.read_back:
            await self._read_back(work)
        if fault.disposition in _NOT_EXECUTED or (fault.read_back and _at_work(work)):
            memory.not_executed, memory.permitted = started, order.desired.digest
            work.set(operation=memory.previous)
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
        return error

    @staticmethod
    async def _read_back(work: Work) -> None:
        """
        Look again after a code that may as well mean another change, in flight or faster.

        A failed read changes nothing about the refusal.
        """
        with contextlib.suppress(AliyunError, ObservationError):
            work.instance = await work.cloud.describe_attribute(
                work.declaration, priority=Priority.IN_FLIGHT
            )
            work.observed = await work.cloud.describe_ssl(
                work.declaration, priority=Priority.IN_FLIGHT, engine=work.engine
            )


def _at_work(work: Work) -> bool:
    """Whether the instance is seen to be at work on another change."""
    setting = work.observed is not None and work.observed.last_modify_status == "setting"
    return setting or (work.instance is not None and not work.instance.running)


def _with_trust_in_force(material: Material, observed: Observed) -> Material:
    """Add the client CA and CRL that a first step keeps, as the instance has shown them."""
    lists = observed.revocation_list_pem
    return replace(
        material,
        client_ca=pem.parse_client_ca(observed.client_ca_pem, field="ClientCACert"),
        revocation_list=pem.parse_revocation_list(
            lists, field="ClientCertRevocationList", in_force=True
        )
        if lists
        else None,
    )
