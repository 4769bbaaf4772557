"""
The values that a pass goes through: `Gathered`, `Seen`, `Planned`, `Decided`; all frozen.

A stage is a function from one to the next, or to the end of the pass. What it needs to know of the
cloud beside that it asks for by a `Read`, and is called again; what is to be sent, by an `Order`. A
decision carries everything that follows from it; `rds_ssl.engine.reconcile.finishing` carries it
out.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, auto
from typing import Self

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import READY, Verdict
from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.api.states import IntermediateStatus, ObservedStatus
from rds_ssl.core.api.status import InstanceStatus, PlanStatus, Status
from rds_ssl.core.formats import fingerprint
from rds_ssl.core.model import (
    UNFINISHED,
    Endpoint,
    Finding,
    Instance,
    Observed,
    Priority,
    Reason,
    Restart,
)
from rds_ssl.core.planning.chain import intermediates_in_force
from rds_ssl.core.planning.desired import Desired, material_of
from rds_ssl.core.planning.fields import Comparison
from rds_ssl.core.planning.plan import Plan
from rds_ssl.engine.gather.clouds import Cloud
from rds_ssl.engine.gather.materials import NOTHING_READ, DeclaredMaterial
from rds_ssl.engine.objects import Key, Resource
from rds_ssl.engine.reconcile.attempt import Attempt
from rds_ssl.engine.reconcile.memory import Memory
from rds_ssl.engine.reporting import Event


class Read(Enum):
    """What a stage has to know of the cloud before it can decide."""

    ATTRIBUTES = auto()
    ENDPOINTS = auto()
    HOSTSSL_ROWS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class AfterWrite:
    """What follows once the status is written: an end that is not recorded has not come."""

    event: Event
    counted: str = ""
    """For `rds_ssl.engine.reconcile.ports.Ports.changed`; empty: not counted."""
    restart: tuple[Restart, bool] | None = None
    """For `rds_ssl.engine.reconcile.ports.Ports.ended`; None: no change has ended."""
    hold: tuple[str, Reason] | None = None
    """What it tells: the digest of a plan, and the gate that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Nothing holds a deleted object any more; *warning* if SSL is on although Disable says off."""

    message: str
    warning: bool = False
    silent: bool = False
    """A log line instead of an Event: none can be created in a namespace that goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An object, and its status as it will be written."""

    resource: Resource
    """As the API server has it."""
    before: Resource
    """As it was when the pass began."""
    status: Status
    memory: Memory
    attempt: Attempt
    """What is remembered of the call once the status is written."""
    warnings: tuple[str, ...] = ()
    """About the material; they stop nothing."""
    after_write: tuple[AfterWrite, ...] = ()

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return self.resource.key

    @property
    def in_flight(self) -> bool:
        """True if a call is on its way or at work, as far as this pass knows by now."""
        operation = self.status.operation
        return operation is not None and operation.phase in UNFINISHED

    def update(self, **status: object) -> Self:
        """Return the draft with other fields of the status."""
        return replace(self, status=self.status.model_copy(update=status))

    def then(self, *follows: AfterWrite) -> Self:
        """Return the draft with what follows once the status is written."""
        return replace(self, after_write=(*self.after_write, *follows))

    def as_it_was(self, finding: Finding) -> tuple[bool | None, Finding]:
        """Return what Ready says; where it says nothing of this spec, the finding."""
        condition = self.before.status.condition(READY)
        if condition is None or condition.reason not in set(Reason):
            return None, finding
        if condition.observed_generation != self.before.generation:
            return False, finding
        said = Finding(reason=Reason(condition.reason), message=condition.message)
        return _ready(self.before), said

    def released(self, release: Release) -> "Decided":
        """Return the end of a deleted object."""
        return Decided(draft=self, verdict=None, look_after=0.0, release=release)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered(Draft):
    """What a pass knows before it asks the cloud about the instance."""

    declaration: Declaration
    cloud: Cloud
    began: datetime
    """By the clock: what passes after it is not relied on."""
    material: DeclaredMaterial = NOTHING_READ
    instance: Instance | None = None
    """Its attributes, if they were read in this pass."""

    @property
    def facts(self) -> object:
        """All that the pass rests on beside the clock and the cloud."""
        read = self.material.fingerprint if self.material.read else None
        return self.before.inputs, self.cloud.identity, read

    @property
    def engine(self) -> str | None:
        """The engine, as read now or before."""
        if self.instance is not None:
            return self.instance.engine
        known = self.status.instance
        return known.engine if known else None

    @property
    def was_ready(self) -> bool | None:
        """What Ready says at present; None for Unknown or nothing."""
        return _ready(self.resource)

    @property
    def has_work(self) -> bool:
        """True if something is to be done: silence of the cloud matters to the reader."""
        return (
            self.was_ready is not True
            or self.resource.status.observed_generation != self.resource.generation
            or self.rotates
            or self.resource.status.plan is not None
            or self.resource.in_flight
        )

    @property
    def rotates(self) -> bool:
        """True if the material declared is not the material applied."""
        material, applied = self.material, self.resource.status.applied
        if not material.read or material.problem is not None or applied is None:
            return False
        if not self.declaration.enabled or applied.state is None:
            return False
        facts, pfx = material.facts, self.declaration.server_certificate.pfx
        chain = fingerprint(material.chain, ordered=True)
        if applied.state.chain and chain and applied.state.chain != chain:
            return True
        return applied.state.material != material_of(
            server_certificate=facts.server.leaf if facts.server else None,
            client_ca=tuple(each.certificate for each in facts.client_ca),
            revocation_list=facts.revocation_list,
            pfx=pfx.oss_object if pfx else "",
        )

    @property
    def priority(self) -> Priority:
        """Who this pass lets go first, to the cloud."""
        last = self.memory.last
        if not last.looked:
            if self._is_new:
                return Priority.CHANGE
            return Priority.FIRST_LOOK if self.has_work else Priority.RESYNC
        by_the_way = last.by_the_way is not None and last.by_the_way == self.facts
        if self.has_work and not (by_the_way and self._stays_held):
            return Priority.CHANGE
        return Priority.RESYNC

    @property
    def _is_new(self) -> bool:
        """True if an edit, or newer material, has no word in the status yet: nobody has seen it."""
        status = self.resource.status
        edited = 0 <= status.observed_generation < self.resource.generation
        return edited or (self.rotates and status.plan is None and status.rotation is None)

    @property
    def _stays_held(self) -> bool:
        """True if no gate opens by time alone."""
        plans = (self.status.plan, self.status.rotation)
        return all(
            each is None or each.not_before is None or each.not_before > self.began
            for each in plans
        )

    def log_fields(self, request_id: str = "") -> dict[str, str]:
        """Return the fields of a log line."""
        return {
            **self.resource.log_fields,
            **({"request_id": request_id} if request_id else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen(Gathered):
    """What a pass knows of the instance as well."""

    observed: Observed
    endpoints: tuple[Endpoint, ...] | None = None
    """None: not read; empty as well where the right to read them is missing."""
    hostssl_rows: tuple[str, ...] | None = None
    """Rows of pg_hba.conf that let clients in by SSL only; None: not read."""

    @property
    def intermediates(self) -> tuple[IntermediateStatus, ...]:
        """The intermediates in force, as far as they are known, see `planning.chain`."""
        return intermediates_in_force(self.observed, self.status.applied)

    @property
    def material_finding(self) -> tuple[bool, Finding] | None:
        """What MaterialReady says of material that can be used; None if none was read."""
        if not self.material.read:
            return None
        return outcomes.material_finding(self.declaration, self.warnings)

    def shown(self, *, endpoint: str | None) -> Self:
        """Return it with what was read in the status; *endpoint* None leaves the pinned one."""
        known = self.status.instance
        pinned = endpoint or (known.endpoint if known else None)
        instance = known
        if self.instance is not None:
            instance = InstanceStatus.of(self.instance, endpoint=pinned)
        elif known is not None and known.endpoint != pinned:
            instance = known.model_copy(update={"endpoint": pinned})
        return self.update(observed=ObservedStatus.of(self.observed), instance=instance)

    def stalled(self, finding: Finding, *, look_after: float) -> "Decided":
        """Return the end of a pass that somebody has to act on."""
        verdict = outcomes.stalled(finding, material=self.material_finding)
        return Decided(draft=self, verdict=verdict, look_after=look_after, by_the_way=True)


class Intent(Enum):
    """Why a state is wanted."""

    DECLARED = auto()
    """The object declares it."""
    ROTATION = auto()
    """
    Newer material alone, ahead of an edit of the settings that waits for a person, see
    `rds_ssl.core.planning.ahead`.
    """
    DELETION = auto()
    """
    SSL off, because the object goes and its deletionPolicy is Disable: fewer gates
    (`rds_ssl.core.gates.gate`), and no call if another object wants the instance.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What is wanted, and the plan that leads there."""

    seen: Seen
    desired: Desired
    intent: Intent
    comparison: Comparison
    plan: Plan

    @property
    def known(self) -> PlanStatus | None:
        """The plan of this intent that the object shows."""
        status = self.seen.resource.status
        return status.rotation if self.intent is Intent.ROTATION else status.plan

    @property
    def step(self) -> Desired:
        """The state that the next call leads to."""
        return self.plan.steps[0].desired


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A plan whose next step is to be sent now, and what a refusal of it would rest on."""

    planned: Planned
    inputs_digest: str
    verdict: Verdict
    """What is said while it is under way."""
    since: datetime
    """When the plan was first seen."""
    closes: datetime | None
    """When the maintenance window does: nothing is sent from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """
    How a pass ends: what to say (None: nothing new), and when to look again, in seconds.

    Everything that follows is in it and in its draft: status, Events, metrics, memory, the slot.
    """

    draft: Draft
    verdict: Verdict | None
    look_after: float
    asked_cloud: bool = True
    """Whether the pass got so far that it asks the cloud."""
    looked: bool = True
    """Whether the cloud was read: if not, the next pass does, although no fact has changed."""
    by_the_way: bool = False
    """Until something changes, nothing is to be done: the next look lets others go first."""
    settled_until: datetime | None = None
    """
    Nothing was to be done, and until then nothing is if the same is read; None: do not rely on it.
    """
    request_open: bool = False
    """A reconcile-now is not answered yet: what it asks for has to wait."""
    awaits_slot: bool = False
    """It has a place among those that wait for a slot."""
    release: Release | None = None
    """The finalizer is taken away; nothing else is written."""

    @property
    def keeps_slot(self) -> bool:
        """True if the slot, or the place among those that wait for one, is still needed."""
        return self.release is None and (self.draft.in_flight or self.awaits_slot)


def _ready(resource: Resource) -> bool | None:
    condition = resource.status.condition(READY)
    return {"True": True, "False": False}.get(condition.status) if condition else None
