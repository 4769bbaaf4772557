"""
The status of a DBInstanceSSL as values: the twin of crds/dbinstancessl.yaml.

Reading is tolerant: a status that a foreign hand has damaged loses the damaged part and nothing
else. Writing is bounded: texts and lists are cut to what the CRD allows, so that no PATCH of a
status is ever refused for its size. Times are aware, UTC, whole seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, ValidationError

from rds_ssl.core.model import Cause, Change, Instance, Phase, Restart
from rds_ssl.core.schema import Part
from rds_ssl.core.states import BeforeStatus, ObservedStatus, StateStatus
from rds_ssl.core.status_types import (
    Code,
    Impacts,
    Material,
    Name,
    Phrase,
    Summary,
    Time,
    Token,
    Word,
    cut,
    first,
)

HISTORY_LENGTH = 10
"""Changes that the history keeps, the newest first."""

_Path = tuple[int | str, ...]


class Condition(Part):
    """metav1.Condition; foreign types pass through unchanged."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    message: Annotated[str, *cut(32768)]
    last_transition_time: Time
    observed_generation: Annotated[StrictInt, Field(ge=0)] | None = None


class InstanceStatus(Part):
    """What the instance is, as far as the cloud API says."""

    engine: Word | None = None
    engine_version: Word | None = None
    category: Word | None = None
    storage_type: Word | None = None
    master_instance_id: Word | None = None
    """Of a read-only instance, its primary."""
    endpoint: Name | None = None
    """The pinned choice where ``spec.connectionString`` is absent."""

    @classmethod
    def of(cls, instance: Instance, *, endpoint: str | None) -> Self:
        """Take over what the cloud API told; *endpoint* is the operator's choice."""
        return cls(
            engine=instance.engine,
            engine_version=instance.engine_version,
            category=instance.category or None,
            storage_type=instance.storage_type or None,
            master_instance_id=instance.master_instance_id or None,
            endpoint=endpoint,
        )


class ChangeStatus(Part):
    """One field of a plan, in words; ``from`` and ``to`` on the wire."""

    field: Name
    before: Annotated[Phrase, Field(alias="from")]
    after: Annotated[Phrase, Field(alias="to")]

    @classmethod
    def of(cls, change: Change) -> Self:
        """Take over a change of a plan."""
        return cls(field=change.field, before=change.before, after=change.after)


class StepStatus(Part):
    """What one call to the cloud changes."""

    changes: Annotated[tuple[ChangeStatus, ...], *first(16)] = ()


class PlanStatus(Part):
    """What is to be done, and what holds it; absent when there is nothing to do."""

    digest: Word
    cause: Cause | None = None
    summary: Summary
    steps: Annotated[tuple[StepStatus, ...], *first(4)] = ()
    impacts: Impacts = ()
    restart: Restart
    held_by: Word | None = None
    """A reason of ChangePending."""
    since: Time | None = None
    """When this plan was first seen."""
    not_before: Time | None = None


class OperationStatus(Part):
    """The write-ahead record of the one dangerous call."""

    digest: Word
    """Of the state that the call leads to: names it, for approvals and further attempts."""
    target: StateStatus | None = None
    """That state; None if it cannot be told any more."""
    inputs_digest: Word | None = None
    """Of everything that a refusal may rest on; while it stands, a refused call is not repeated."""
    phase: Phase
    code: Code | None = None
    start_time: Time
    end_time: Time | None = None
    request_id: Word | None = None
    attempt: Annotated[StrictInt, Field(ge=1)]
    material: Material = ()
    """What was newly sent, see `rds_ssl.core.plan.Plan.material`."""
    approval: Word | None = None
    """The digest that was approved, if it was sent because of that."""
    unanswered: Annotated[StrictInt, Field(ge=0)] | None = None
    """Attempts before this one whose outcome was unknown and that proved to be without effect."""
    before: BeforeStatus | None = None


class AppliedStatus(Part):
    """The last change that was verified, or the state that was adopted."""

    state: StateStatus | None = None
    """None if it cannot be told any more."""
    time: Time
    expire_time: Time | None = None
    """SSLExpireTime then: where the certificate is not shown, another end is another one."""
    request_id: Word | None = None


class ApprovalStatus(Part):
    """The approval that was spent last; *digest* is the plan's, *to* that of what it leads to."""

    digest: Word
    to: Word
    impacts: Impacts = ()
    """What was approved; a later step with another one is not covered."""
    time: Time
    end_time: Time | None = None
    """When its plan was done, or given up for another one: it covers nothing any more."""


class HistoryEntry(Part):
    """One change of the past; *changes* is a summary in words."""

    time: Time
    cause: Word
    changes: Summary
    fields: Annotated[tuple[Name, ...], *first(16)] = ()
    """What was changed, in the words of the spec."""
    impacts: Impacts = ()
    material: Material = ()
    """What was newly sent, see `rds_ssl.core.plan.Plan.material`."""
    approval: Word | None = None
    """The digest that was approved, if it was sent because of that."""
    restart_seen: StrictBool | None = None
    reissued: StrictBool | None = None
    renews: Time | None = None
    """The SSLExpireTime that a renewal was to end: it is not tried twice for one."""
    request_id: Word | None = None
    result: Word


class Status(Part):
    """The whole status; -1 stands for an object that no pass has looked at."""

    observed_generation: StrictInt = -1
    conditions: Annotated[tuple[Condition, ...], *first(32)] = ()
    instance: InstanceStatus | None = None
    observed: ObservedStatus | None = None
    plan: PlanStatus | None = None
    operation: OperationStatus | None = None
    applied: AppliedStatus | None = None
    last_approval: ApprovalStatus | None = None
    history: Annotated[tuple[HistoryEntry, ...], *first(HISTORY_LENGTH)] = ()
    """The newest first."""
    last_handled_reconcile_at: Token | None = None

    def condition(self, kind: str) -> Condition | None:
        """Find the condition of a type."""
        return next((each for each in self.conditions if each.type == kind), None)

    def to_json(self) -> dict[str, object]:
        """Spell it as the API has it, without what is None and without empty lists on top."""
        whole: dict[str, object] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: value for name, value in whole.items() if value != []}


def parse(status: object) -> Status:
    """
    Read the status of an object; *status* is the mapping as it came from the API server.

    Unknown fields and nulls are ignored. What is malformed counts as absent, and so does the block
    around it if it cannot be without it: never an error.
    """
    while True:
        try:
            return Status.model_validate(status, by_alias=True, by_name=False)
        except ValidationError as error:
            doomed = {
                detail["loc"][:-1] if detail["type"] == "missing" else detail["loc"]
                for detail in error.errors(include_url=False, include_input=False)
            }
        # Each turn takes something away, and what is left of nothing is valid.
        if () in doomed:
            return Status()
        status = _without(status, doomed)


def _without(value: object, doomed: set[_Path], path: _Path = ()) -> object:
    """Copy what came from JSON without the values at the paths *doomed*."""
    if isinstance(value, Mapping):
        return {
            name: _without(part, doomed, (*path, name))
            for name, part in value.items()
            if (*path, name) not in doomed
        }
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [
            _without(part, doomed, (*path, index))
            for index, part in enumerate(value)
            if (*path, index) not in doomed
        ]
    return value
