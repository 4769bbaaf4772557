"""
What `rds-ssl run` can be told, read once and checked together.

pydantic checks the values. pydantic-settings would read the environment too, but does not say where
a value came from, knows no variables that a Service named ``rds-ssl`` makes, and is slow to import.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Literal, NamedTuple

from pydantic import ConfigDict, Field, PrivateAttr, ValidationError
from pydantic.fields import FieldInfo

from rds_ssl.core.errors import SettingsError
from rds_ssl.core.formats import format_duration
from rds_ssl.election_settings import ElectionSettings
from rds_ssl.identity_settings import (
    IDENTITY_VARIABLES,
    OF_A_KEY,
    IdentitySettings,
    contradictions,
)
from rds_ssl.monitoring_settings import MonitoringSettings
from rds_ssl.setting_files import unusable_bundle, unusable_grants
from rds_ssl.setting_types import (
    HTTP_FAULT,
    ApiUrl,
    Bind,
    Duration,
    Globs,
    LogFormat,
    Login,
    LogLevel,
    Namespaces,
    Network,
    PositiveDuration,
    ProxyUrl,
    SecretWatch,
    Selector,
    is_kept_safe,
)

PREFIX = "RDS_SSL_"

_VARIABLES: Mapping[str, str] = {"kubeconfig": "KUBECONFIG", **IDENTITY_VARIABLES}
"""The settings whose variable is not the prefix and the name."""

_WITHOUT_FLAG = (*OF_A_KEY, "proxy_credentials")
"""Never shown, and never in the list of processes for all to read."""

_URLS = frozenset(("api_url", "proxy", "tracing_endpoint"))
"""Of which a faulty one may hold a password."""

_ORDERED = (
    ("poll", "settle", "a change would count as not executed before anybody looked"),
    ("verify_after", "settle", "a change would count as not executed before it can be verified"),
    ("settle", "apply_timeout", "a change would be given up before it counts as not executed"),
)
"""Durations of which the first must not be longer than the second, and why."""

_PLAINER: Mapping[str, str] = {
    "bool_parsing": "it should be true or false",
    "float_parsing": "it should be a number",
    "int_parsing": "it should be a whole number",
}
"""What is said in place of pydantic's words for a type of fault."""

_SHOWN_CHARACTERS = 80
"""Of a faulty value: what is longer was pasted by mistake, and may be anything."""

# A Service named rds-ssl, or rds-ssl-NAME, makes kubelet set these in its namespace's Pods.
_OF_A_SERVICE = re.compile(r"RDS_SSL_(\w+_)?(SERVICE_HOST|(SERVICE_)?PORT(_\w+)?)", re.ASCII)


class Settings(IdentitySettings, ElectionSettings, MonitoringSettings):
    """
    The settings; durations are in seconds. Made by `load`, which checks more than the fields.
    What stands below a number is why it is that one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    api_url: ApiUrl = Field(
        default="",
        description="URL of the RDS API in place of the region's own; or REGION=URL,REGION=URL.",
    )
    network: Network = Field(
        default="public", description="Which endpoints reach RDS from here: public or vpc."
    )
    ca_bundle: str = Field(
        default="",
        description="File with the CAs (PEM) to trust for the cloud API, in place of the public.",
    )
    proxy: ProxyUrl = Field(
        default="", description="HTTP proxy to the cloud API, http://HOST:PORT; empty: none."
    )
    proxy_credentials: Login | None = Field(
        default=None, description="USER:PASSWORD for the proxy."
    )
    allow_http: bool = Field(
        default=False,
        description="Allow http to other machines in API_URL: private keys travel in clear.",
    )
    namespaces: Namespaces = Field(default=(), description="Namespaces to serve; empty: all.")
    identity_namespaces: Globs = Field(
        default=(),
        description="Namespaces (globs) that may use the operator's own identity; empty: none.",
    )
    identity_file: str = Field(
        default="",
        description="File that says which namespaces may act on which instances by the operator's"
        " own identity, and in which roles; in place of the setting above.",
    )
    selector: Selector = Field(
        default="", description="Label selector of the objects to serve; empty: all."
    )
    secret_watch: SecretWatch = Field(
        default="all",
        description="Secrets and ConfigMaps to watch: all, named (by an object), or off.",
    )
    """docs/rbac.md: which rights each takes, what it costs, how soon a rotation is seen."""
    workers: int = Field(default=16, ge=1, le=1000, description="Passes at a time.")
    """A pass waits for the cloud nearly all of its time; more than these the rate does not feed."""
    api_rate: float = Field(
        default=5.0,
        ge=0,
        allow_inf_nan=False,
        description="Calls per second to one endpoint with one access key; 0: no limit.",
    )
    """The limit of an account, for all its tools together, is not published: less is found out."""
    resync: PositiveDuration = Field(
        default=600.0, description="How often an object with nothing to do is looked at."
    )
    """Seconds. A thousand objects at rest cost 1.7 of the 5 calls a second; 2.5 are the most."""
    poll: PositiveDuration = Field(
        default=10.0, description="How often an instance is looked at while it changes."
    )
    """Seconds. A restart takes minutes: 20 reads see its end within 5 % of its length."""
    quiet_period: Duration = Field(
        default=10.0, description="How long the inputs stand still before a change is sent."
    )
    """
    Seconds. A certificate, a CA and a spec that are written one after another cost one restart,
    not three.
    """
    settle: PositiveDuration = Field(
        default=180.0, description="When a change that left no trace counts as not executed."
    )
    """Seconds. No page says how soon work is seen after a call: as long as a restart takes."""
    verify_after: Duration = Field(
        default=30.0, description="When a change is verified of which nothing was seen under way."
    )
    """
    Seconds. The status follows an accepted call with a delay; what shows the new state before any
    work was seen may still be about to restart.
    """
    apply_timeout: PositiveDuration = Field(
        default=1800.0, description="When a change without an end is given up."
    )
    """Seconds. Ten times a restart: an instance that is at work for longer needs a person."""
    drift_delay: Duration = Field(
        default=1800.0, description="How long a change made elsewhere stands before it is put back."
    )
    """Seconds. Enough to suspend the object, or to end a rename, for whoever made the change."""
    expiry_warning: Duration = Field(
        default=2_592_000.0, description="How long before its expiry a certificate is warned about."
    )
    """Seconds. 30 days: whoever renews by hand needs weeks."""
    max_concurrent_changes: int = Field(
        default=5, ge=0, description="Instances of one account in change at a time; 0: no limit."
    )
    """A fault that hits each changed instance is seen before it has hit more than these."""
    max_changes_per_day: int = Field(
        default=3,
        ge=0,
        le=10,  # As many as status.history remembers.
        description="Changes of one instance in 24 hours that may restart it; 0: no limit.",
    )
    """Whatever goes wrong, an instance restarts no more often than this without a person."""
    read_only: bool = Field(default=False, description="Change nothing in the cloud.")
    http_bind: Bind = Field(
        default=":8080", description="Where probes and metrics are served; empty: nowhere."
    )
    log_format: LogFormat = Field(default="text", description="text or json.")
    log_level: LogLevel = Field(default="info", description="debug, info, warning or error.")
    kubeconfig: str | None = Field(
        default=None, description="File with access to the cluster; not set: the Pod's own access."
    )
    _flags: frozenset[str] = PrivateAttr(default=frozenset())


class Flag(NamedTuple):
    """A command line's flag for a setting."""

    setting: str
    """The attribute of `Settings`, and the key in the overrides of `load`."""
    option: str
    """``--max-concurrent-changes``."""
    variable: str
    switch: bool
    """It takes no value: on, or ``--no-…`` for off."""
    default: str
    meaning: str


class Described(NamedTuple):
    """A setting as `rds-ssl settings` shows it."""

    name: str
    """The variable."""
    value: str
    """As it can be written; of an access key's parts only ``set`` or ``not set``."""
    source: Literal["default", "environment", "flag"]
    meaning: str


def load(
    environ: Mapping[str, str] = os.environ,
    overrides: Mapping[str, object] = MappingProxyType({}),
) -> Settings:
    """
    Read the settings from the environment, and from what wins over it.

    Args:
        environ: Variables; an empty one is one that is not set, but for ``RDS_SSL_HTTP_BIND``.
        overrides: Attributes of `Settings` to values, as text or as the attribute has them (a
            number is a duration in seconds); None is no value.

    Raises:
        SettingsError: With all faults. None of them holds the value of a secret.
    """
    overridden = {name: value for name, value in overrides.items() if value is not None}
    given: dict[str, object] = {}
    for name in Settings.model_fields:
        text = environ.get(_variable(name), "").strip()
        # Empty means not set, except where it is a value and not the default.
        if text or (name == "http_bind" and _variable(name) in environ):
            given[name] = text
    given |= overridden
    faulty = _faults(given, overridden)
    # What is left is checked with the defaults in place of what is faulty.
    fine = {name: value for name, value in given.items() if name not in faulty}
    settings = Settings.model_validate(fine)
    faults = (*_unknown(environ), *faulty.values(), *_contradictions(settings, given, faulty))
    if faults:
        raise SettingsError(faults)
    settings._flags = frozenset(overridden)  # noqa: SLF001  # Our own class, and only here.
    return settings


def sends_plain_http(settings: Settings) -> bool:
    """True if the cloud API is reached by http on another machine, for some regions at least."""
    return not is_kept_safe(settings.api_url)


def flags() -> tuple[Flag, ...]:
    """Return the flags, in the order of the settings."""
    return tuple(
        Flag(
            setting=name,
            option=_option(name),
            variable=_variable(name),
            switch=field.annotation is bool,
            default=_shown(name, field.default),
            meaning=field.description or "",
        )
        for name, field in _fields()
        if name not in _WITHOUT_FLAG
    )


def describe(settings: Settings) -> list[Described]:
    """Say of each setting its value, where that came from, and what it is for."""
    return [
        Described(
            name=_variable(name),
            value=_shown(name, getattr(settings, name)),
            source=_source(settings, name),
            meaning=field.description or "",
        )
        for name, field in _fields()
    ]


def _fields() -> list[tuple[str, FieldInfo]]:
    """Return the settings in the order in which they are shown: the mixed-in ones last."""
    kinds = (MonitoringSettings, ElectionSettings, IdentitySettings)
    mixed = [each for kind in kinds for each in kind.model_fields]
    own = [each for each in Settings.model_fields if each not in mixed]
    return [(each, Settings.model_fields[each]) for each in own + mixed]


def _source(settings: Settings, name: str) -> Literal["default", "environment", "flag"]:
    if name in settings._flags:  # noqa: SLF001  # Our own class.
        return "flag"
    return "environment" if name in settings.model_fields_set else "default"


def _variable(name: str) -> str:
    return _VARIABLES.get(name, PREFIX + name.upper())


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _shown(name: str, value: object) -> str:
    if name in OF_A_KEY:
        return "set" if value else "not set"
    if name == "proxy_credentials":
        return "set" if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, float):
        return f"{value:g}" if name == "api_rate" else _duration_text(value)
    return "not set" if value is None else str(value)


def _duration_text(seconds: float) -> str:
    if seconds.is_integer():
        return format_duration(timedelta(seconds=seconds))
    return f"{seconds:.3f}".rstrip("0") + "s"


def _unknown(environ: Mapping[str, str]) -> list[str]:
    # A misspelt RDS_SSL_READ_ONLY must not let the operator write.
    known = {_variable(name) for name in Settings.model_fields}
    return [
        f"{variable} is no setting; `rds-ssl run --help` lists them"
        for variable in sorted(environ)
        if variable.startswith(PREFIX)
        and variable not in known
        and not _OF_A_SERVICE.fullmatch(variable)
    ]


def _faults(given: Mapping[str, object], overridden: Mapping[str, object]) -> dict[str, str]:
    try:
        Settings.model_validate(given)
    except ValidationError as error:
        # Nothing else of pydantic's error goes on from here: it holds the values.
        entries = error.errors(include_url=False, include_input=False, include_context=False)
    else:
        return {}
    faults = {}
    for entry in entries:
        name = str(entry["loc"][0])
        text = _PLAINER.get(entry["type"], entry["msg"])
        what = text.removeprefix("Value error, ").replace("Input should", "it should")
        called = (
            f"{_variable(name)} (as {_option(name)})" if name in overridden else _variable(name)
        )
        faults[name] = f"{called}{_is(name, given[name])}: {what}"
        if name not in Settings.model_fields:
            faults[name] = f"{name} is no setting"
    return faults


def _is(name: str, value: object) -> str:
    text = str(value)
    if name in _WITHOUT_FLAG or (name in _URLS and {"@", "?"} & set(text)):
        return ""
    if len(text) > _SHOWN_CHARACTERS:
        text = text[:_SHOWN_CHARACTERS] + "…"
    return f" is {text!r}"


def _contradictions(
    settings: Settings, given: Mapping[str, object], faulty: Mapping[str, str]
) -> list[str]:
    faults = [
        f"{_variable(short)} is {_shown(short, getattr(settings, short))}, longer than"
        f" {_variable(long)} with {_shown(long, getattr(settings, long))}: {why}"
        for short, long, why in _ORDERED
        if getattr(settings, short) > getattr(settings, long) and not {short, long} & set(faulty)
    ]
    if sends_plain_http(settings) and not settings.allow_http:
        faults.append(f"{_variable('api_url')}{_is('api_url', settings.api_url)}: {HTTP_FAULT}")
    if settings.proxy_credentials and not settings.proxy and "proxy" not in faulty:
        faults.append(
            f"{_variable('proxy_credentials')} set without {_variable('proxy')}: nobody asks for it"
        )
    if unusable := unusable_bundle(settings.ca_bundle):
        faults.append(f"{_variable('ca_bundle')}{_is('ca_bundle', settings.ca_bundle)}: {unusable}")
    if settings.identity_file and settings.identity_namespaces:
        faults.append(
            f"{_variable('identity_namespaces')} and {_variable('identity_file')} are both set;"
            " write the namespaces into the file, and remove the first"
        )
    grants = unusable_grants(settings.identity_file)
    faults += [f"{_variable('identity_file')}: {each}" for each in grants]
    variables = {name: _variable(name) for name in Settings.model_fields}
    return [*faults, *contradictions(given, variables)]
