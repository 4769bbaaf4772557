"""Bodies of the admin interface, checked by pydantic: an unknown name is an error."""

from typing import Annotated, Literal

import pydantic

from rds_simulator.config import Errors, Signatures, SslEnabledKey
from rds_simulator.faults import Fault


class _Body(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")


class SSLBody(_Body):
    """SSL settings put in place at once, behind everybody's back: no restart, no count."""

    enabled: bool | None = None
    ca_type: Literal["aliyun", "custom"] | None = None
    """Default with `server_cert`: custom, else aliyun."""
    connection_string: str | None = None
    server_cert: str | None = None
    server_key: pydantic.SecretStr | None = None
    pfx: str | None = None
    """SQL Server's certificate in OSS; empty: the cloud's again."""
    client_ca: str | None = None
    """PEM; empty: none."""
    crl: str | None = None
    acl: str | None = None
    replication_acl: str | None = None
    force_encryption: bool | None = None
    tls_version: Literal["1.0", "1.1", "1.2"] | None = None
    renew: bool = False
    """Issue a new cloud certificate now."""
    last_modify_status: Literal["", "success", "setting", "failed"] | None = None
    modify_status_reason: str | None = None


class InstancePatch(_Body):
    """Changes of an instance; what is left out stays."""

    profile: str | None = None
    """Another engine, version, storage or edition; endpoints and kernel version stay."""
    status: str | None = None
    lock_mode: str | None = None
    region: str | None = None
    account: str | None = None
    """Whose it is; empty: of each account that asks for it."""
    kernel_version: str | None = None
    engine_version: str | None = None
    """What DescribeDBInstanceAttribute says, whatever the profile can do."""
    maintain_time: str | None = None
    master_instance_id: str | None = None
    description: str | None = None
    """DBInstanceDescription: its name for people; empty: its id."""
    tags: dict[str, str] | None = None
    """What DescribeDBInstances finds it by; all."""
    hba_rows: list[tuple[str, str, str, str, str]] | None = None
    """Type, database, user, address, method."""
    connection_string: str | None = None
    """The internal endpoint's host name."""
    public_connection_string: str | None = None
    """The public endpoint's host name; empty: no public endpoint."""
    ssl: SSLBody | None = None
    answers: dict[str, str | float | bool | None] | None = None
    """Fields that DescribeDBInstanceSSL is to show with these values, whatever is true; all."""


class InstanceBody(InstancePatch):
    """A new instance."""

    profile: str
    region: str = "cn-hangzhou"


class NamedInstanceBody(InstanceBody):
    """A new instance in a list."""

    id: str


class InstancesBody(_Body):
    """Many new instances."""

    instances: list[NamedInstanceBody]


class ConfigBody(_Body):
    """Settings; what is left out stays. `instance` narrows switches and durations to one."""

    switches: dict[str, str] = {}
    durations: dict[str, float] = {}
    instance: str | None = None
    latency: Annotated[float, pydantic.Field(ge=0)] | None = None
    rate_limit: Annotated[float, pydantic.Field(gt=0)] | None = None
    """Given as null: no limit."""
    signatures: Signatures | None = None
    """Of the whole gateway, as are `errors` and `ssl_enabled_key`."""
    errors: Errors | None = None
    ssl_enabled_key: SslEnabledKey | None = None


Kind = Literal[
    "code",
    "html",
    "empty",
    "bare",
    "reset-before",
    "reset-after",
    "delay",
    "throttle",
    "expired",
    "async-failed",
    "async-half",
]


class FaultSpec(_Body):
    """What goes wrong, see `faults.Fault`; with a `code` alone the kind is ``code``."""

    kind: Kind = "code"
    after: bool = False
    code: str = ""
    status: Annotated[int, pydantic.Field(ge=200, le=599)] | None = None
    message: str | None = None
    seconds: Annotated[float, pydantic.Field(ge=0)] = 0.0
    retry_after_ms: Annotated[int, pydantic.Field(ge=0)] | None = None
    reason: str = ""
    claim: Literal["failed", "success"] = "failed"

    @pydantic.model_validator(mode="after")
    def _names_a_code(self) -> "FaultSpec":
        if self.kind == "code" and not self.code:
            raise ValueError("a fault needs a kind or a code")
        return self

    def fault(self) -> Fault:
        """The fault as a value."""
        return Fault(**self.model_dump())


class FaultBody(_Body):
    """An order of a fault."""

    action: str | None = None
    instance: str | None = None
    times: Annotated[int, pydantic.Field(ge=1)] = 1
    fault: FaultSpec


class ClockBody(_Body):
    """Move the time: one of `advance` (seconds) and `now`; `skew` is the gateway's (seconds)."""

    advance: float | None = None
    now: pydantic.AwareDatetime | None = None
    skew: float | None = None
