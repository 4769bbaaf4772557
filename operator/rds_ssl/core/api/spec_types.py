"""
What the fields of a DBInstanceSSL's spec hold: names, durations, schedules and references.

The string below a field is its description in the CRD, for users.

Formats are rules rather than a ``pattern`` of the schema: a broken pattern says "should match
'^[a-z…'" and keeps the API server from checking all other rules.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

from rds_ssl.core.api.schema import Block, Part, ValidationRule, rule
from rds_ssl.core.formats import (
    DURATION_PATTERN,
    ROLE_ARN_PATTERN,
    format_duration,
    parse_duration,
)
from rds_ssl.core.model import Impact


def matching(pattern: str, message: str, *, cel: str = "") -> tuple[Any, ...]:
    """
    Refuse, with *message*, text that *pattern* does not match as a whole.

    Args:
        pattern: Without a backslash, which CEL would read as its own.
        cel: The rule of the API server, if it cannot match *pattern*: RE2 knows no look-ahead.
    """
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(message)
        return text

    rule = cel or f'self.matches("^{pattern}$")'
    return AfterValidator(check), ValidationRule(rule, message)


def between(lowest: str, highest: str, example: str) -> tuple[Any, ...]:
    """Read the text of a duration that lies between two bounds, both allowed."""
    least, most = parse_duration(lowest), parse_duration(highest)
    message = (
        f"must be a duration between {lowest} and {highest}, such as {example} (units h, m, s)"
    )
    cel = (
        f'self.matches("^{DURATION_PATTERN}$") && self.size() > 0'
        f' && duration(self) >= duration("{lowest}") && duration(self) <= duration("{highest}")'
    )

    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            # pydantic collects ValueErrors and lets TypeErrors through.
            raise ValueError("must be a string")  # noqa: TRY004
        try:
            duration = parse_duration(value)
        except ValueError as error:
            raise ValueError(message) from error
        if not least <= duration <= most:
            raise ValueError(message)
        return duration

    return (
        BeforeValidator(read),
        PlainSerializer(format_duration, return_type=str),
        WithJsonSchema({"type": "string", "maxLength": 32}),
        ValidationRule(cel, message),
    )


def immutable(field: str) -> ValidationRule:
    """Let the API server refuse another value; one object alone does not show the change."""
    return ValidationRule("self == oldSelf", f"{field} is immutable; create another object")


_TWICE = "must not name an impact twice"


def _distinct(impacts: tuple[Impact, ...]) -> tuple[Impact, ...]:
    if len(set(impacts)) < len(impacts):
        raise ValueError(_TWICE)
    return impacts


_HOST_LABEL = "[A-Za-z0-9]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_CRON_FIELD = "[-0-9A-Za-z*,/]+"
_OBJECT_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

InstanceID = Annotated[
    str,
    Field(max_length=64),
    *matching("[A-Za-z0-9][-_A-Za-z0-9]*", "must be an instance ID such as pgm-bp1234567890abcde"),
]
RegionID = Annotated[
    str,
    # It becomes a label of a host name, of which 63 is the most (RFC 1035, 2.3.4): nothing but
    # letters and digits gets through.
    Field(max_length=63),
    *matching("[a-z]{2,4}(-[a-z0-9]+)+", "must be a region ID such as cn-hangzhou"),
]
HostName = Annotated[
    str,
    Field(max_length=253),
    *matching(
        f"{_HOST_LABEL}([.]{_HOST_LABEL})*",
        "must be a host name alone, without scheme, port or trailing dot,"
        " such as orders.pg.rds.aliyuncs.com",
    ),
]
ObjectName = Annotated[
    str,
    Field(max_length=253),
    *matching(
        f"{_OBJECT_LABEL}([.]{_OBJECT_LABEL})*",
        "must be the name of an object: lower-case letters, digits, - and .",
    ),
]
DataKey = Annotated[
    str,
    Field(max_length=253),
    # As the API server has it for the keys of Secrets and ConfigMaps.
    *matching(
        r"(?!\.$|\.\.)[-._A-Za-z0-9]+",
        "must be a key of the object: letters, digits, -, _ and .",
        cel='self.matches("^[-._A-Za-z0-9]+$") && self != "." && !self.startsWith("..")',
    ),
]
Schedule = Annotated[
    str,
    Field(max_length=128),
    *matching(
        f"{_CRON_FIELD}( +{_CRON_FIELD}){{4}}",
        "must have five fields (minute, hour, day of month, month, day of week),"
        " such as 0 3 * * SAT",
    ),
]
TimeZone = Annotated[
    str,
    Field(max_length=64),
    *matching(
        "[A-Za-z][-+_A-Za-z0-9]*(/[-+_A-Za-z0-9]+)*",
        "must be an IANA time zone such as Asia/Shanghai",
    ),
]
ExpiryMargin = Annotated[timedelta, *between("1h", "2160h", "720h")]
WindowDuration = Annotated[timedelta, *between("30m", "24h", "2h")]
DistinctImpacts = Annotated[
    tuple[Impact, ...],
    # Not "set": of the default, which is nobody's, server-side apply could take nothing away then.
    Field(max_length=6, json_schema_extra={"x-kubernetes-list-type": "atomic"}),
    AfterValidator(_distinct),
    ValidationRule("self.all(each, self.exists_one(other, other == each))", _TWICE),
]


class Whole(Part):
    """
    A block that is one value: of two who apply it, one has applied all of it.

    Else the name of one and the key of the other would be a reference that nobody has written.
    """

    model_config = ConfigDict(json_schema_extra={"x-kubernetes-map-type": "atomic"})


class SecretReference(Whole):
    """A Secret with a certificate chain (leaf first) and its private key, both PEM."""

    name: ObjectName
    """The name of the Secret."""
    certificate_key: DataKey = "tls.crt"
    """The key with the PEM certificate chain, leaf first (ServerCert). Default tls.crt."""
    private_key_key: DataKey = "tls.key"
    """The key with the unencrypted PEM private key (ServerKey). Default tls.key."""


class KeyReference(Whole):
    """One key of a Secret or ConfigMap in the object's namespace."""

    name: ObjectName
    """The name of the Secret."""
    key: DataKey


class PasswordReference(KeyReference):
    """The key with the password of a PFX file."""

    name: ObjectName
    """The name of a Secret in this namespace."""
    key: DataKey
    """The key with the password."""


class PFX(Whole):
    """A PFX file in OSS and the password that opens it (SQL Server)."""

    oss_object: Annotated[str, Field(min_length=1, max_length=1024)]
    """
    The file as the cloud API names it (Certificate): OSS endpoint, bucket and object, separated by
    colons.
    """
    password_secret_key_ref: PasswordReference
    """The password that opens the file (PassWord)."""


class CAKeyReference(KeyReference):
    """The key with the client CAs, of a Secret."""

    key: DataKey = "ca.crt"
    """The key with the PEM certificates. Default ca.crt."""


class CAConfigMapReference(CAKeyReference):
    """The key with the client CAs, of a ConfigMap."""

    name: ObjectName
    """The name of the ConfigMap."""


class RevocationListKeyReference(KeyReference):
    """The key with the revocation lists, of a Secret."""

    key: DataKey = "ca.crl"
    """The key with the PEM revocation lists. Default ca.crl."""


class RevocationListConfigMapReference(RevocationListKeyReference):
    """The key with the revocation lists, of a ConfigMap."""

    name: ObjectName
    """The name of the ConfigMap."""


class _Source(Whole, Block):
    """Where public material is read: exactly one of the two."""

    secret_key_ref: KeyReference | None = None
    """A key of a Secret in this namespace."""
    config_map_key_ref: KeyReference | None = None
    """A key of a ConfigMap in this namespace."""

    @rule(
        "exactly one of secretKeyRef and configMapKeyRef must be set",
        cel="has(self.secretKeyRef) != has(self.configMapKeyRef)",
    )
    def _is_one(self) -> bool:
        return (self.secret_key_ref is None) != (self.config_map_key_ref is None)


class CASource(_Source):
    """Where the client CAs are read."""

    secret_key_ref: CAKeyReference | None = None
    config_map_key_ref: CAConfigMapReference | None = None


class RevocationListSource(_Source):
    """Where the revocation lists are read."""

    secret_key_ref: RevocationListKeyReference | None = None
    config_map_key_ref: RevocationListConfigMapReference | None = None


class CredentialsReference(Whole):
    """The Secret with the access key of the cloud account, in the object's namespace."""

    name: ObjectName
    """The name of a Secret in this namespace."""


RoleARN = Annotated[
    str,
    Field(max_length=128),
    *matching(
        ROLE_ARN_PATTERN,
        "must be the ARN of a RAM role such as acs:ram::1234567890123456:role/rds-ssl",
    ),
]


class IdentityReference(Whole):
    """As whom the operator acts for the object, with its own identity behind it."""

    role_arn: RoleARN
    """
    The ARN of a RAM role, such as acs:ram::1234567890123456:role/rds-ssl. Its trust policy has to
    name the operator's identity, with the external ID that the operator makes of this namespace.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A key of an object that the spec names; *field* is the path of the reference."""

    kind: Literal["Secret", "ConfigMap"]
    name: str
    key: str
    field: str
    """``spec.serverCertificate.secretRef``"""
