"""
The status of a DBInstanceSSL as values, and the source of its half of the CRD.

`make crds` writes crds/dbinstancessl.yaml from these models: the string below a field is its
description, for users; bounds and defaults are those that this program keeps itself.

Reading is tolerant: a status that a foreign hand has damaged loses the damaged part and nothing
else. Writing is bounded: texts and lists are cut to what the CRD allows, so that no PATCH of a
status is ever refused for its size. Times are aware, UTC, whole seconds.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, StrictBool, StrictInt, ValidationError

from rds_ssl.core.api.schema import Part
from rds_ssl.core.api.states import BeforeStatus, ObservedStatus, StateStatus
from rds_ssl.core.api.status_types import (
    INT32,
    INT64,
    Code,
    Count,
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
from rds_ssl.core.model import Cause, Change, Instance, Phase, Restart

HISTORY_LENGTH = 10
"""Changes that the history keeps, the newest first."""

_Path = tuple[int | str, ...]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_CONDITION_TYPE = rf"^({_LABEL}(\.{_LABEL})*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$"
_CONDITION_REASON = "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$"


class Condition(Part):
    """metav1.Condition; foreign types pass through unchanged."""

    # The patterns are metav1's, for the API server; reading asks for no more than it needs.
    type: Annotated[str, Field(max_length=316, json_schema_extra={"pattern": _CONDITION_TYPE})]
    """What the condition is about."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    observed_generation: Annotated[StrictInt, Field(ge=0, json_schema_extra=INT64)] | None = None
    """metadata.generation that the condition was set upon."""
    last_transition_time: Time
    """When status changed last."""
    reason: Annotated[
        str, Field(min_length=1, max_length=1024, json_schema_extra={"pattern": _CONDITION_REASON})
    ]
    """Why, as one word; docs/conditions.md has a row for each."""
    message: Annotated[str, *cut(32768, foreign=True)]
    """Why, for people; empty if there is nothing to add."""


class InstanceStatus(Part):
    """What the instance is, as far as the cloud API says."""

    engine: Word | None = None
    """Database engine (Engine)."""
    engine_version: Word | None = None
    """Version of the engine (EngineVersion)."""
    category: Word | None = None
    """Edition (Category)."""
    storage_type: Word | None = None
    """Kind of storage (DBInstanceStorageType)."""
    master_instance_id: Word | None = None
    """Of a read-only instance, its primary (MasterInstanceId)."""
    endpoint: Name | None = None
    """
    The endpoint to protect; the operator's choice, once made, where spec.connectionString is
    absent.
    """

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
    """The field."""
    before: Annotated[Phrase, Field(alias="from")]
    """What is in force, in words."""
    after: Annotated[Phrase, Field(alias="to")]
    """What is declared, in words."""

    @classmethod
    def of(cls, change: Change) -> Self:
        """Take over a change of a plan."""
        return cls(field=change.field, before=change.before, after=change.after)


class StepStatus(Part):
    """What one call to the cloud changes."""

    changes: Annotated[tuple[ChangeStatus, ...], *first(16)] = ()
    """What the call changes."""


class PlanStatus(Part):
    """What is to be done, and what holds it; absent when there is nothing to do."""

    digest: Word
    """Names exactly this plan: another one has another digest."""
    cause: Cause | None = None
    """What asks for it."""
    summary: Summary
    """The plan in words."""
    steps: Annotated[tuple[StepStatus, ...], *first(4)] = ()
    """The calls that it takes, in order."""
    impacts: Impacts = ()
    """What it does to those who use the database."""
    restart: Restart
    """Whether the database restarts; Unknown is treated as Expected."""
    held_by: Word | None = None
    """The reason that holds it back, as in ChangePending."""
    since: Time | None = None
    """When this plan was first seen."""
    not_before: Time | None = None
    """The earliest time at which it can start."""


class OperationStatus(Part):
    """The write-ahead record of the one dangerous call."""

    digest: Word
    """Digest of the state that it leads to."""
    target: StateStatus | None = None
    """That state, as values; no secret enters it."""
    inputs_digest: Word | None = None
    """
    Digest of everything that a refusal may rest on; a refused call is not repeated while it
    stands.
    """
    phase: Phase
    """How far it got."""
    code: Code | None = None
    """Error code of the cloud API."""
    start_time: Time
    """When it began."""
    end_time: Time | None = None
    """When it ended."""
    request_id: Word | None = None
    """Request ID of the cloud API."""
    attempt: Annotated[StrictInt, Field(ge=1, json_schema_extra=INT32)]
    """How many times it has been tried."""
    material: Material = ()
    """
    Fingerprints of what is newly sent: one for the server certificate, the client CAs and the
    revocation lists each. No secret enters them.
    """
    approval: Word | None = None
    """Digest of the plan whose approval let it go, if one had to."""
    unanswered: Count | None = None
    """Attempts before this one whose outcome was unknown and that had no effect."""
    before: BeforeStatus | None = None
    """What the instance showed right before, to tell afterwards what the call did."""


class AppliedStatus(Part):
    """The last change that was verified, or the state that was adopted."""

    state: StateStatus | None = None
    """What it is, as values; no secret enters it. Absent if it cannot be told any more."""
    time: Time
    """When it was verified or adopted."""
    settings_time: Time | None = None
    """When its settings were; newer material alone leaves it as it is."""
    expire_time: Time | None = None
    """
    The end of the server certificate in force then. Another end, where the certificate is not
    shown, is somebody else's.
    """
    request_id: Word | None = None
    """Request ID of the call; absent if it was adopted."""


class ApprovalStatus(Part):
    """The approval that was spent last; *digest* is the plan's, *to* that of what it leads to."""

    digest: Word
    """Digest of the plan that was approved."""
    to: Word
    """Digest of the state that it leads to; later steps towards it need no other approval."""
    impacts: Impacts = ()
    """What was approved; a later step with another one needs its own."""
    time: Time
    """When it was spent."""
    end_time: Time | None = None
    """When its plan was done, or gave way to another one. From then on it lets nothing go."""


class HistoryEntry(Part):
    """One change of the past; *changes* is a summary in words."""

    time: Time
    """When it ended."""
    cause: Word
    """What asked for it."""
    changes: Summary
    """What was changed, in words."""
    fields: Annotated[tuple[Name, ...], *first(16)] = ()
    """What was changed, as fields of the spec."""
    impacts: Impacts = ()
    """What it does to those who use the database."""
    material: Material = ()
    """Fingerprints of what was newly sent, as in operation."""
    approval: Word | None = None
    """Digest of the plan whose approval let it go, if one had to."""
    restart_seen: StrictBool | None = None
    """Whether the instance was seen restarting."""
    reissued: StrictBool | None = None
    """Whether the cloud issued another server certificate."""
    # A renewal is not tried twice for one end.
    renews: Time | None = None
    """Of a renewal, the end of the certificate that it was for."""
    request_id: Word | None = None
    """Request ID of the cloud API."""
    result: Word
    """How it ended."""


class Status(Part):
    """What the operator found and did; written by the operator only."""

    observed_generation: Annotated[StrictInt, Field(json_schema_extra=INT64)] = -1
    """metadata.generation of the object that the last pass looked at; -1 before the first."""
    conditions: Annotated[
        tuple[
            Annotated[Condition, Field(description="A condition, as metav1.Condition has it.")], ...
        ],
        *first(32),
        Field(
            json_schema_extra={
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["type"],
            }
        ),
    ] = ()
    """
    Ready and MaterialReady; and, only while true, Reconciling (work goes on by itself), Stalled
    (a person has to act), ChangePending (a plan is held back) and CertificateExpiring.
    """
    instance: InstanceStatus | None = None
    """What the instance is."""
    observed: ObservedStatus | None = None
    """
    What the cloud API showed last. A field that is absent was not shown; an empty list was
    shown as empty. Long lists are cut.
    """
    plan: PlanStatus | None = None
    """What is to be done; absent when there is nothing to do."""
    rotation: PlanStatus | None = None
    """
    Newer material that goes out alone, under the settings in force, while plan waits for a person;
    absent where it goes with plan.
    """
    operation: OperationStatus | None = None
    """
    The last call to the cloud, recorded before it is made. While phase is Sending or Accepted,
    nothing else is sent.
    """
    applied: AppliedStatus | None = None
    """The last change that was verified, or the state that was adopted."""
    last_approval: ApprovalStatus | None = None
    """The approval that was spent last."""
    history: Annotated[tuple[HistoryEntry, ...], *first(HISTORY_LENGTH)] = ()
    """The last ten changes, the newest first."""
    last_handled_reconcile_at: Token | None = None
    """Echo of the annotation rds-ssl.dev/reconcile-requested-at, once it was acted upon."""

    def condition(self, kind: str) -> Condition | None:
        """Find the condition of a type."""
        return next((each for each in self.conditions if each.type == kind), None)

    def to_json(self) -> dict[str, object]:
        """Spell it as the API has it, without what is None and without empty lists on top."""
        whole: dict[str, object] = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return {name: value for name, value in whole.items() if value != []}


def parse_status(status: object) -> Status:
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
