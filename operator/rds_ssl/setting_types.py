"""
What the value of a setting may be: texts as people write them, checked and read.

Errors are sentences that begin with "it should be", and hold no value.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, InstanceOf

from rds_ssl.core.formats import ROLE_ARN_PATTERN
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.shards import Shard

_NUMBER = r"([0-9]{1,6}(?:\.[0-9]{1,3})?)"
_DURATION = re.compile(rf"(?:{_NUMBER}h)?(?:{_NUMBER}m)?(?:{_NUMBER}s)?", re.ASCII)
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NAMESPACE_OR_NONE = re.compile(rf"(?:{_NAMESPACE.pattern})?", re.ASCII)
_LEASE = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_GLOB = re.compile(r"[a-z0-9*?\[\]!-]{1,253}", re.ASCII)
_PORT = "(?:[0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
_HOST = r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])"
_LOOPBACK = r"(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])"
_BIND = re.compile(rf"(?:{_HOST}?:{_PORT})?", re.ASCII)
# rds_ssl.aliyun.endpoints asks the same before each call; here it is asked at the start.
_URL = rf"(?:https://{_HOST}|http://{_LOOPBACK})(?::{_PORT})?/?"
_OF_REGION = rf"[a-z0-9][a-z0-9-]{{0,62}}\s*=\s*{_URL}"
_KEPT_SAFE = re.compile(rf"(?:{_URL}|{_OF_REGION}(?:\s*,\s*{_OF_REGION})*)?", re.ASCII)
_ANY_URL = rf"https?://{_HOST}(?::{_PORT})?/?"
_ANY_OF_REGION = rf"[a-z0-9][a-z0-9-]{{0,62}}\s*=\s*{_ANY_URL}"
_API_URL = re.compile(rf"(?:{_ANY_URL}|{_ANY_OF_REGION}(?:\s*,\s*{_ANY_OF_REGION})*)?", re.ASCII)
_PROXY = re.compile(rf"(?:{_ANY_URL})?", re.ASCII)
_TRACING_URL = re.compile(rf"(?:https?://{_HOST}(?::{_PORT})?(?:/[A-Za-z0-9._~/-]*)?)?", re.ASCII)
_LOGIN = re.compile(r"[^:\x00-\x1f\x7f]{1,255}:[^\x00-\x1f\x7f]{0,255}")
_ROLE_ARN = re.compile(rf"(?:{ROLE_ARN_PATTERN})?", re.ASCII)
_PROVIDER_ARN = re.compile(r"acs:ram::[0-9]{1,20}:oidc-provider/[A-Za-z0-9._@-]{1,128}", re.ASCII)
# As in rds_ssl.aliyun.identity.roles, as are the two below.
_EXTERNAL_ID = re.compile(r"(?:[A-Za-z0-9=,.@:/_-]{2,1224})?", re.ASCII)
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}", re.ASCII)
_ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_REGION = re.compile(r"(?:[a-z]{2,4}(?:-[a-z0-9]+){1,4})?", re.ASCII)
_STS = re.compile(rf"(?:{_URL}|{_HOST}(?::{_PORT})?)?", re.ASCII)
_METADATA = re.compile(rf"http://(?:100\.100\.100\.200|{_LOOPBACK}(?::{_PORT})?)", re.ASCII)
# As in rds_ssl.aliyun.credentials.
_OF_A_KEY = re.compile(r"[!-+\--~]+", re.ASCII)
# Source: Kubernetes, "Labels and selectors".
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL = rf"(?:[a-z0-9.-]{{1,253}}/)?{_WORD}"
_REQUIREMENT = (
    rf"\s*(?:!?{_LABEL}"
    rf"|{_LABEL}\s*(?:=|==|!=)\s*(?:{_WORD})?"
    rf"|{_LABEL}\s+(?:in|notin)\s*\(\s*{_WORD}(?:\s*,\s*{_WORD})*\s*\))\s*"
)
_SELECTOR = re.compile(rf"(?:{_REQUIREMENT}(?:,{_REQUIREMENT})*)?", re.ASCII)


def _duration(value: object) -> object:
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip())
    if match is None or not any(match.groups()):
        raise ValueError("it should be a duration such as 10s, 0.5s or 1h30m (units h, m, s)")
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds


def _words(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(dict.fromkeys(word for word in re.split(r"[,\s]+", value) if word))


def _lower(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


def _secret(value: object) -> object:
    return SecretText(_key_text(value)) if isinstance(value, str) else value


def _key_text(text: str) -> str:
    if not _OF_A_KEY.fullmatch(text):
        raise ValueError("it holds characters that no access key has")
    return text


def _all_are(pattern: re.Pattern[str], what: str) -> AfterValidator:
    def check(given: str | tuple[str, ...]) -> str | tuple[str, ...]:
        texts = (given,) if isinstance(given, str) else given
        if not all(pattern.fullmatch(text) for text in texts):
            raise ValueError(f"it should be {what}")
        return given

    return AfterValidator(check)


Duration = Annotated[float, BeforeValidator(_duration), Field(ge=0, allow_inf_nan=False)]
PositiveDuration = Annotated[float, BeforeValidator(_duration), Field(gt=0, allow_inf_nan=False)]
_Words = Annotated[tuple[str, ...], BeforeValidator(_words)]
Namespaces = Annotated[
    _Words, _all_are(_NAMESPACE, "names of namespaces with commas or spaces between them")
]
Globs = Annotated[
    _Words, _all_are(_GLOB, "names or globs (team-*) of namespaces with commas or spaces between")
]
Selector = Annotated[str, _all_are(_SELECTOR, "a label selector such as env=prod,tier in (a, b)")]


def _shard(value: object) -> object:
    return Shard.parse(value) if isinstance(value, str) else value


def _login(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _LOGIN.fullmatch(value):
        raise ValueError("it should be USER:PASSWORD")
    return SecretText(value)


def is_kept_safe(api_url: str) -> bool:
    """True if an `ApiUrl` has no http but to this machine."""
    return _KEPT_SAFE.fullmatch(api_url) is not None


_API_URL_WORDS = (
    "https://HOST[:PORT], or http to this machine, with nothing behind it; or such URLs by region,"
    " REGION=URL,REGION=URL"
)
HTTP_FAULT = f"it should be {_API_URL_WORDS} (http to another machine takes RDS_SSL_ALLOW_HTTP)"
"""What is wrong with an `ApiUrl` that is not `is_kept_safe`."""


def _once(text: str) -> str:
    regions = [entry.partition("=")[0].strip() for entry in text.split(",")]
    if len(set(regions)) < len(regions):
        raise ValueError("it should name each region once")
    return text


ApiUrl = Annotated[
    str,
    _all_are(_API_URL, _API_URL_WORDS),
    AfterValidator(_once),
]
Bind = Annotated[
    str, _all_are(_BIND, "[HOST]:PORT, such as :8080, 127.0.0.1:0 or [::1]:8080, or empty")
]
RoleArn = Annotated[
    str,
    _all_are(_ROLE_ARN, "the ARN of a RAM role such as acs:ram::1234567890123456:role/rds-ssl"),
]
ProviderArn = Annotated[
    str,
    _all_are(
        _PROVIDER_ARN,
        "the ARN of an OIDC provider such as acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1",
    ),
]
ExternalId = Annotated[
    str, _all_are(_EXTERNAL_ID, "an external id: 2 to 1224 of A-Z a-z 0-9 and =,.@:/_-")
]
SessionName = Annotated[
    str, _all_are(_SESSION_NAME, "a session name: 2 to 64 of A-Z a-z 0-9 and .@_-")
]
RoleName = Annotated[str, _all_are(_ROLE_NAME, "the name of a RAM role")]
RegionName = Annotated[str, _all_are(_REGION, "a region such as cn-hangzhou")]
StsEndpoint = Annotated[
    str, _all_are(_STS, "a host such as sts-vpc.cn-hangzhou.aliyuncs.com, or https://HOST[:PORT]")
]
MetadataUrl = Annotated[
    str, _all_are(_METADATA, "http://100.100.100.200, or http to this machine for a test")
]
KeyText = Annotated[str, AfterValidator(_key_text)]
Secret = Annotated[InstanceOf[SecretText], BeforeValidator(_secret)]
ProxyUrl = Annotated[
    str,
    _all_are(
        _PROXY,
        "http://HOST[:PORT] or https://HOST[:PORT], without a user (RDS_SSL_PROXY_CREDENTIALS has"
        " it) and with nothing behind it",
    ),
]
TracingUrl = Annotated[
    str,
    _all_are(
        _TRACING_URL,
        "http://HOST[:PORT] or https://HOST[:PORT], perhaps with a path, without a user or a token"
        " (OTEL_EXPORTER_OTLP_HEADERS takes those)",
    ),
]
Login = Annotated[InstanceOf[SecretText], BeforeValidator(_login)]
Network = Annotated[Literal["public", "vpc"], BeforeValidator(_lower)]
SecretWatch = Annotated[Literal["all", "named", "off"], BeforeValidator(_lower)]
LeaderElection = Annotated[Literal["auto", "on", "off"], BeforeValidator(_lower)]
LeaseName = Annotated[str, _all_are(_LEASE, "a name such as rds-ssl-operator")]
ShardOfAll = Annotated[InstanceOf[Shard], BeforeValidator(_shard)]
LeaseNamespace = Annotated[str, _all_are(_NAMESPACE_OR_NONE, "the name of a namespace")]
LogFormat = Annotated[Literal["text", "json"], BeforeValidator(_lower)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)]
