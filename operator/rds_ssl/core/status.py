"""
The status of a DBInstanceSSL as values: the twin of crds/dbinstancessl.yaml.

Reading is tolerant: a status that a foreign hand has damaged loses the damaged part and nothing
else. Writing is bounded: texts and lists are cut to what the CRD allows, so that no PATCH of a
status is ever refused for its size. Times are aware, UTC, whole seconds.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictBool,
    StrictInt,
    ValidationError,
    WithJsonSchema,
)

from rds_ssl.core.formats import host_name
from rds_ssl.core.model import (
    ACL,
    CAType,
    Cause,
    CertificateFacts,
    Change,
    Impact,
    Instance,
    Observed,
    Phase,
    Restart,
    RevocationListFacts,
)
from rds_ssl.core.schema import Part

HISTORY_LENGTH = 10
"""Changes that the history keeps, the newest first."""

TOKEN_LENGTH = 1024
"""What is kept of the annotation ``reconcile-requested-at``: compare that many characters."""


def _read_time(value: object) -> datetime:
    """Read an RFC 3339 time; whole seconds, as metav1.Time has them on the wire."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a time with its offset")  # Not a TypeError, for pydantic.
    try:
        return value.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:  # The first and the last day of the calendar, with an offset.
        raise ValueError("must be a time that UTC can name") from error


def write_time(time: datetime) -> str:
    """Spell an aware time as the API server does: ``2026-11-24T03:00:00Z``."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_Path = tuple[int | str, ...]

_Time = Annotated[
    AwareDatetime,
    PlainValidator(_read_time),
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def _cut(limit: int, ending: str = "…") -> BeforeValidator:
    """Shorten a longer text to *limit* characters, *ending* included."""

    def cut(value: object) -> object:
        if isinstance(value, str) and len(value) > limit:
            return value[: limit - len(ending)] + ending
        return value

    return BeforeValidator(cut)


def _first(limit: int) -> BeforeValidator:
    """Keep the first *limit* items of a list."""
    return BeforeValidator(
        lambda value: value[:limit] if isinstance(value, list | tuple) else value
    )


_Word = Annotated[str, Field(max_length=128), _cut(128)]
_Name = Annotated[str, Field(max_length=253), _cut(253)]
_Code = Annotated[str, Field(max_length=256), _cut(256)]
_Phrase = Annotated[str, Field(max_length=512), _cut(512)]
_Line = Annotated[str, Field(max_length=1024), _cut(1024)]
_Summary = Annotated[str, Field(max_length=4096), _cut(4096)]
_Token = Annotated[str, Field(max_length=TOKEN_LENGTH), _cut(TOKEN_LENGTH, ending="")]
_Material = Annotated[tuple[_Word, ...], Field(max_length=4), _first(4)]
_Impacts = Annotated[tuple[Impact, ...], Field(max_length=6), _first(6)]


class Condition(Part):
    """metav1.Condition; foreign types pass through unchanged."""

    type: Annotated[str, Field(max_length=316)]
    status: Literal["True", "False", "Unknown"]
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    message: Annotated[str, Field(max_length=32768), _cut(32768)]
    last_transition_time: _Time
    observed_generation: Annotated[StrictInt, Field(ge=0)] | None = None


class InstanceStatus(Part):
    """What the instance is, as far as the cloud API says."""

    engine: _Word | None = None
    engine_version: _Word | None = None
    category: _Word | None = None
    storage_type: _Word | None = None
    master_instance_id: _Word | None = None
    """Of a read-only instance, its primary."""
    endpoint: _Name | None = None
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


class CertificateStatus(Part):
    """The server certificate in force; *sha256* is lower-case hex over DER."""

    sha256: _Word
    subject: _Line | None = None
    issuer: _Line | None = None
    dns_names: Annotated[tuple[_Name, ...], Field(max_length=100), _first(100)] = ()
    not_before: _Time | None = None
    not_after: _Time | None = None

    @classmethod
    def of(cls, facts: CertificateFacts) -> Self:
        """Take over the facts of a leaf certificate."""
        return cls(
            sha256=facts.sha256,
            subject=facts.subject,
            issuer=facts.issuer,
            dns_names=facts.dns_names,
            not_before=facts.not_before,
            not_after=facts.not_after,
        )


class ClientCAStatus(Part):
    """A client CA in force; *sha256* is lower-case hex over DER."""

    sha256: _Word
    subject: _Line | None = None
    not_after: _Time | None = None

    @classmethod
    def of(cls, facts: CertificateFacts) -> Self:
        """Take over the facts of a CA certificate."""
        return cls(sha256=facts.sha256, subject=facts.subject, not_after=facts.not_after)


class RevocationListStatus(Part):
    """A revocation list in force; *sha256* is lower-case hex over DER."""

    sha256: _Word
    issuer: _Line | None = None
    next_update: _Time | None = None
    revoked_count: Annotated[StrictInt, Field(ge=0)] | None = None

    @classmethod
    def of(cls, facts: RevocationListFacts) -> Self:
        """Take over the facts of a CRL."""
        return cls(
            sha256=facts.sha256,
            issuer=facts.issuer,
            next_update=facts.next_update,
            revoked_count=len(facts.serials),
        )


class ObservedStatus(Part):
    """
    What the API showed last; None is "not echoed", an empty tuple "echoed as empty".

    For people and for other programs. Lists may be cut: never compare a plan with them.
    """

    enabled: StrictBool
    ca_type: CAType | None = None
    connection_string: _Name | None = None
    server_certificate: CertificateStatus | None = None
    client_ca: Annotated[tuple[ClientCAStatus, ...], Field(max_length=100), _first(100)] | None = (
        None
    )
    revocation_list: (
        Annotated[tuple[RevocationListStatus, ...], Field(max_length=100), _first(100)] | None
    ) = None
    acl: ACL | None = None
    replication_acl: ACL | None = None
    force_encryption: StrictBool | None = None
    minimum_tls_version: _Word | None = None
    expire_time: _Time | None = None
    renewal_required: StrictBool | None = None

    @classmethod
    def of(cls, observed: Observed) -> Self:
        """Take over an observation."""
        leaf, cas, crls = (
            observed.server_certificate,
            observed.client_ca,
            observed.revocation_list,
        )
        return cls(
            enabled=observed.enabled,
            ca_type=observed.ca_type,
            connection_string=observed.connection_string,
            server_certificate=None if leaf is None else CertificateStatus.of(leaf),
            client_ca=None if cas is None else tuple(map(ClientCAStatus.of, cas)),
            revocation_list=None if crls is None else tuple(map(RevocationListStatus.of, crls)),
            acl=observed.acl,
            replication_acl=observed.replication_acl,
            force_encryption=observed.force_encryption,
            minimum_tls_version=observed.minimum_tls_version,
            expire_time=observed.expire_time,
            renewal_required=observed.renewal_required,
        )


class ChangeStatus(Part):
    """One field of a plan, in words; ``from`` and ``to`` on the wire."""

    field: _Name
    before: Annotated[_Phrase, Field(alias="from")]
    after: Annotated[_Phrase, Field(alias="to")]

    @classmethod
    def of(cls, change: Change) -> Self:
        """Take over a change of a plan."""
        return cls(field=change.field, before=change.before, after=change.after)


class StepStatus(Part):
    """What one call to the cloud changes."""

    changes: Annotated[tuple[ChangeStatus, ...], Field(max_length=16), _first(16)] = ()


class PlanStatus(Part):
    """What is to be done, and what holds it; absent when there is nothing to do."""

    digest: _Word
    cause: Cause | None = None
    summary: _Summary
    steps: Annotated[tuple[StepStatus, ...], Field(max_length=4), _first(4)] = ()
    impacts: _Impacts = ()
    restart: Restart
    held_by: _Word | None = None
    """A reason of ChangePending."""
    since: _Time | None = None
    """When this plan was first seen."""
    not_before: _Time | None = None


class BeforeStatus(Part):
    """What the instance showed right before the call, to tell afterwards what the call did."""

    enabled: StrictBool
    server_certificate: CertificateStatus | None = None
    expire_time: _Time | None = None
    last_modify_status: _Word | None = None


class StateStatus(Part):
    """
    A state of SSL: settings as values, material by its fingerprints; with SSL off nothing else.

    A set of CAs or lists has one fingerprint, see `rds_ssl.core.desired.fingerprint`. Nothing of a
    private key or of a password enters it.
    """

    enabled: StrictBool
    connection_string: _Name
    force_encryption: StrictBool
    ca_type: CAType | None = None
    server_certificate: _Word | None = None
    """SHA-256 of the leaf, for `CAType.CUSTOM`."""
    not_after: _Time | None = None
    """The end of the leaf: SSLExpireTime shows it where the certificate itself is not shown."""
    chain: _Word | None = None
    """Of leaf and intermediates in their order."""
    pfx: _Line | None = None
    """The object in OSS."""
    client_ca: _Word | None = None
    revocation_list: _Word | None = None
    acl: ACL | None = None
    """None without a client CA."""
    replication_acl: ACL | None = None
    minimum_tls_version: _Word | None = None
    """None: not managed."""
    renews: _Time | None = None
    """The SSLExpireTime that a renewal was to end."""

    @property
    def settings(self) -> tuple[object, ...]:
        """Everything but the content of the material, in the form in which it is compared."""
        if not self.enabled:
            return (False,)
        return (
            True,
            host_name(self.connection_string),
            self.ca_type,
            self.client_ca is not None,
            self.revocation_list is not None,
            self.acl,
            self.replication_acl,
            self.force_encryption,
            self.minimum_tls_version,
        )

    @property
    def material(self) -> tuple[str | None, ...]:
        """The content of the material: leaf, CAs, lists, the name of a PFX file; off has none."""
        if not self.enabled:
            return ()
        return (self.server_certificate, self.client_ca, self.revocation_list, self.pfx)


class OperationStatus(Part):
    """The write-ahead record of the one dangerous call."""

    digest: _Word
    """Of the state that the call leads to: names it, for approvals and further attempts."""
    target: StateStatus | None = None
    """That state; None if it cannot be told any more."""
    inputs_digest: _Word | None = None
    """Of everything that a refusal may rest on; while it stands, a refused call is not repeated."""
    phase: Phase
    code: _Code | None = None
    start_time: _Time
    end_time: _Time | None = None
    request_id: _Word | None = None
    attempt: Annotated[StrictInt, Field(ge=1)]
    material: _Material = ()
    """What was newly sent, see `rds_ssl.core.plan.Plan.material`."""
    approval: _Word | None = None
    """The digest that was approved, if it was sent because of that."""
    unanswered: Annotated[StrictInt, Field(ge=0)] | None = None
    """Attempts before this one whose outcome was unknown and that proved to be without effect."""
    before: BeforeStatus | None = None


class AppliedStatus(Part):
    """The last change that was verified, or the state that was adopted."""

    state: StateStatus | None = None
    """None if it cannot be told any more."""
    time: _Time
    expire_time: _Time | None = None
    """SSLExpireTime then: where the certificate is not shown, another end is another one."""
    request_id: _Word | None = None


class ApprovalStatus(Part):
    """The approval that was spent last; *digest* is the plan's, *to* that of what it leads to."""

    digest: _Word
    to: _Word
    impacts: _Impacts = ()
    """What was approved; a later step with another one is not covered."""
    time: _Time
    end_time: _Time | None = None
    """When its plan was done, or given up for another one: it covers nothing any more."""


class HistoryEntry(Part):
    """One change of the past; *changes* is a summary in words."""

    time: _Time
    cause: _Word
    changes: _Summary
    fields: Annotated[tuple[_Name, ...], Field(max_length=16), _first(16)] = ()
    """What was changed, in the words of the spec."""
    impacts: _Impacts = ()
    material: _Material = ()
    """What was newly sent, see `rds_ssl.core.plan.Plan.material`."""
    approval: _Word | None = None
    """The digest that was approved, if it was sent because of that."""
    restart_seen: StrictBool | None = None
    reissued: StrictBool | None = None
    renews: _Time | None = None
    """The SSLExpireTime that a renewal was to end: it is not tried twice for one."""
    request_id: _Word | None = None
    result: _Word


class Status(Part):
    """The whole status; -1 stands for an object that no pass has looked at."""

    observed_generation: StrictInt = -1
    conditions: Annotated[tuple[Condition, ...], Field(max_length=32), _first(32)] = ()
    instance: InstanceStatus | None = None
    observed: ObservedStatus | None = None
    plan: PlanStatus | None = None
    operation: OperationStatus | None = None
    applied: AppliedStatus | None = None
    last_approval: ApprovalStatus | None = None
    history: Annotated[
        tuple[HistoryEntry, ...], Field(max_length=HISTORY_LENGTH), _first(HISTORY_LENGTH)
    ] = ()
    """The newest first."""
    last_handled_reconcile_at: _Token | None = None

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
