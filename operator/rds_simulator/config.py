"""
What may be set while the simulator runs: switches, durations, latency, rate limit, signatures.

A switch stands for a question that no document answers. Its first value is the default and, as
far as one can tell, the less convenient one for a client; a client has to cope with all of them.

==========================  ==================  =================================================
switch                      values              question
==========================  ==================  =================================================
enable-again                reissues nothing    Does SSLEnabled=1 with the cloud's certificate, on
                                                an instance that has one, issue a new one? With
                                                ``nothing``, a call that changes nothing does not
                                                restart either, whatever ``restart`` says.
restart                     every-call          Does an accepted call restart the instance even if
                            semantic-changes    it changes nothing, or only the ACL?
omitted                     resets keeps        Does a parameter that is left out go back to its
                                                default, or keep what it was?
acl-without-ca              refused ignored     ACL or ReplicationACL while there is no client CA.
off-with-ca                 accepted refused    SSLEnabled=0 while there is a client CA.
off-under-force             refused accepted    SSLEnabled=0 that leaves ForceEncryption on.
drop-ca-under-acl           refused accepted    Client CA off while an ACL in force needs it.
call-in-window              accepted refused    A second change before the first shows in the
                                                status.
echo-custom-mysql           no yes              Are CAType, ServerCert, ServerKey shown on MySQL?
echo-chain                  no yes              Are intermediate certificates shown?
echo-connection-string      yes no              Is ConnectionString shown?
echo-force-encryption       yes no              Is ForceEncryption shown?
reformat-pem                yes no              Is PEM shown re-encoded (no text around the
                                                blocks, CAs in another order, no last newline)?
stale-last-modify           yes no              Does LastModifyStatus tell of the previous change
                                                until the status leaves Running?
window                      short long          Still Running after a call: the duration ``window``,
                                                or anything up to 25 s.
window-values               old new             What Describe shows until the change has ended.
crl-blocks                  all first refused   Which blocks of a revocation list are used? Or is
                                                more than one refused?
numbers                     yes no words        Are ForceEncryption and TlsVersion JSON numbers,
                                                or the strings that are documented? With ``words``
                                                ForceEncryption is ``true`` or ``false``, as
                                                Terraform's authors have seen it.
absent                      empty missing dash  How DescribeDBInstanceSSL says that there is no
                                                value: ``""``, no field, or ``"-"``.
acl-spelling                prefer perfer       How the ACL prefer is shown.
update-value                accepted refused    SSLEnabled=2 (renew) on SQL Server.
sqlserver-off               accepted refused    SSLEnabled=0 on SQL Server.
vendor-renews               postgresql all      Whose cloud certificates does the vendor renew?
force-on-postgresql         refused accepted    ForceEncryption on PostgreSQL, which never shows it.
ssl-enabled-omitted         kept refused        SSLEnabled left out, as in the vendor's own sample
                            means-1             request.
mysql-basic                 refused accepted    SSL on MySQL of the Basic edition, 5.7 and later.
crl-off-without-ca          refused accepted    ClientCrlEnabled=0 where there is, or is to be, no
                                                client CA. With ``omitted=keeps`` a list of which
                                                nothing is said outlives its CA.
custom-on-mysql             accepted refused    CAType=custom on MySQL: older pages do not have it.
bad-crl                     accepted refused    A revocation list that is out of date, or is signed
                                                by nobody in the client CA bundle.
uncovered-host              accepted refused    A server certificate without the endpoint's name.
ec-keys                     accepted refused    Keys on elliptic curves: of a server certificate, a
                                                client CA, the signature of a list.
one-line-pem                accepted refused    PEM whose blocks stand on one line, as in the
                                                vendor's own samples.
==========================  ==================  =================================================

``off-under-force``, ``drop-ca-under-acl`` and ``call-in-window`` come from the open questions of
the team's API notes (4.3, 4.4), those from ``numbers`` on from what its sources disagree on (1.2,
2, 9, open questions 1, 2, 3, 5, 9, 12, 17, 19), the rest from the simulator's contract.

Durations, in seconds: ``window`` (0.3), ``change`` (2), ``acl`` (2: a change of ACLs alone),
``require-update`` (30 days: RequireUpdate is shown that long before a cloud certificate ends),
``auto-renewal`` (7 days: the vendor renews cloud certificates that long before; 0 = never),
``cloud-lifetime`` (365 days: how long a cloud certificate lives that a call brings).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

Signatures = Literal["any", "v1", "v3"]
"""Which the gateway reads: with ``v1`` it misses the Action of a V3 request, with ``v3`` it refuses
HMAC-SHA1."""

Errors = Literal["as-asked", "xml"]
"""The form of error bodies: that of the answer (Format for V1, JSON for V3), or XML always."""

SslEnabledKey = Literal["request", "words", "state", "absent"]
"""
What a policy's condition on ``rds:SSLEnabled`` sees in a call of ModifyDBInstanceSSL: SSLEnabled as
it was sent, the same as true or false, whether SSL is on now, or nothing. The vendor's page names
the key, and no page says what is in it.
"""

LONG_WINDOW_SECONDS = 25.0
"""A longer one could not be told from a call without effect."""


class Switch(StrEnum):
    """Names of the switches; the table is in the module's docstring."""

    ENABLE_AGAIN = "enable-again"
    RESTART = "restart"
    OMITTED = "omitted"
    ACL_WITHOUT_CA = "acl-without-ca"
    OFF_WITH_CA = "off-with-ca"
    OFF_UNDER_FORCE = "off-under-force"
    DROP_CA_UNDER_ACL = "drop-ca-under-acl"
    CALL_IN_WINDOW = "call-in-window"
    ECHO_CUSTOM_MYSQL = "echo-custom-mysql"
    ECHO_CHAIN = "echo-chain"
    ECHO_CONNECTION_STRING = "echo-connection-string"
    ECHO_FORCE_ENCRYPTION = "echo-force-encryption"
    REFORMAT_PEM = "reformat-pem"
    STALE_LAST_MODIFY = "stale-last-modify"
    WINDOW = "window"
    WINDOW_VALUES = "window-values"
    CRL_BLOCKS = "crl-blocks"
    NUMBERS = "numbers"
    ABSENT = "absent"
    ACL_SPELLING = "acl-spelling"
    UPDATE_VALUE = "update-value"
    SQLSERVER_OFF = "sqlserver-off"
    VENDOR_RENEWS = "vendor-renews"
    FORCE_ON_POSTGRESQL = "force-on-postgresql"
    SSL_ENABLED_OMITTED = "ssl-enabled-omitted"
    MYSQL_BASIC = "mysql-basic"
    CRL_OFF_WITHOUT_CA = "crl-off-without-ca"
    CUSTOM_ON_MYSQL = "custom-on-mysql"
    BAD_CRL = "bad-crl"
    UNCOVERED_HOST = "uncovered-host"
    EC_KEYS = "ec-keys"
    ONE_LINE_PEM = "one-line-pem"


SWITCH_VALUES: Mapping[Switch, tuple[str, ...]] = MappingProxyType(
    {
        Switch.ENABLE_AGAIN: ("reissues", "nothing"),
        Switch.RESTART: ("every-call", "semantic-changes"),
        Switch.OMITTED: ("resets", "keeps"),
        Switch.ACL_WITHOUT_CA: ("refused", "ignored"),
        Switch.OFF_WITH_CA: ("accepted", "refused"),
        Switch.OFF_UNDER_FORCE: ("refused", "accepted"),
        Switch.DROP_CA_UNDER_ACL: ("refused", "accepted"),
        Switch.CALL_IN_WINDOW: ("accepted", "refused"),
        Switch.ECHO_CUSTOM_MYSQL: ("no", "yes"),
        Switch.ECHO_CHAIN: ("no", "yes"),
        Switch.ECHO_CONNECTION_STRING: ("yes", "no"),
        Switch.ECHO_FORCE_ENCRYPTION: ("yes", "no"),
        Switch.REFORMAT_PEM: ("yes", "no"),
        Switch.STALE_LAST_MODIFY: ("yes", "no"),
        Switch.WINDOW: ("short", "long"),
        Switch.WINDOW_VALUES: ("old", "new"),
        Switch.CRL_BLOCKS: ("all", "first", "refused"),
        Switch.NUMBERS: ("yes", "no", "words"),
        Switch.ABSENT: ("empty", "missing", "dash"),
        Switch.ACL_SPELLING: ("prefer", "perfer"),
        Switch.UPDATE_VALUE: ("accepted", "refused"),
        Switch.SQLSERVER_OFF: ("accepted", "refused"),
        Switch.VENDOR_RENEWS: ("postgresql", "all"),
        Switch.FORCE_ON_POSTGRESQL: ("refused", "accepted"),
        Switch.SSL_ENABLED_OMITTED: ("kept", "refused", "means-1"),
        Switch.MYSQL_BASIC: ("refused", "accepted"),
        Switch.CRL_OFF_WITHOUT_CA: ("refused", "accepted"),
        Switch.CUSTOM_ON_MYSQL: ("accepted", "refused"),
        Switch.BAD_CRL: ("accepted", "refused"),
        Switch.UNCOVERED_HOST: ("accepted", "refused"),
        Switch.EC_KEYS: ("accepted", "refused"),
        Switch.ONE_LINE_PEM: ("accepted", "refused"),
    }
)
"""The first value is the default."""

DEFAULT_DURATIONS: Mapping[str, float] = MappingProxyType(
    {
        "window": 0.3,
        "change": 2.0,
        "acl": 2.0,
        "require-update": 30 * 86400.0,
        "auto-renewal": 7 * 86400.0,
        "cloud-lifetime": 365 * 86400.0,
    }
)
"""Seconds."""


class ConfigError(ValueError):
    """A name or value that does not exist; `valid` lists those that do."""

    def __init__(self, message: str, valid: Mapping[str, object]) -> None:
        super().__init__(message)
        self.valid = valid


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Switches and durations as they hold for one instance."""

    switches: Mapping[Switch, str] = field(
        default_factory=lambda: {name: values[0] for name, values in SWITCH_VALUES.items()}
    )
    durations: Mapping[str, float] = field(default_factory=lambda: dict(DEFAULT_DURATIONS))

    def has(self, switch: Switch, value: str) -> bool:
        """Whether *switch* stands at *value*."""
        return self.switches[switch] == value

    def changed(self, switches: Mapping[str, str], durations: Mapping[str, float]) -> "Rules":
        """
        Set some of them.

        Raises:
            ConfigError: If a name or a value does not exist.
        """
        for name, value in switches.items():
            if name not in SWITCH_VALUES or value not in SWITCH_VALUES[Switch(name)]:
                raise ConfigError(
                    f"no switch {name}={value}",
                    {str(key): list(values) for key, values in SWITCH_VALUES.items()},
                )
        for name, seconds in durations.items():
            if name not in DEFAULT_DURATIONS or seconds < 0:
                raise ConfigError(f"no duration {name}={seconds}", DEFAULT_DURATIONS)
        return replace(
            self,
            switches={**self.switches, **{Switch(k): v for k, v in switches.items()}},
            durations={**self.durations, **durations},
        )


class Config:
    """The settings in force, for all instances and for single ones."""

    def __init__(self) -> None:
        self.latency = 0.0
        """Seconds before every answer of the API (not of the admin interface)."""
        self.rate_limit: float | None = None
        """Calls per second, per access key and operation; None: no limit."""
        self.signatures: Signatures = "any"
        self.errors: Errors = "as-asked"
        self.ssl_enabled_key: SslEnabledKey = "request"
        self.rules = Rules()
        self._of_instance: dict[str, tuple[dict[str, str], dict[str, float]]] = {}
        self._cache: dict[str, Rules] = {}

    def of(self, instance_id: str) -> Rules:
        """What holds for one instance: its own settings over those for all."""
        if instance_id not in self._of_instance:
            return self.rules
        if instance_id not in self._cache:
            self._cache[instance_id] = self.rules.changed(*self._of_instance[instance_id])
        return self._cache[instance_id]

    def change(
        self, switches: Mapping[str, str], durations: Mapping[str, float], instance_id: str | None
    ) -> None:
        """
        Set switches and durations for all instances, or for one.

        Raises:
            ConfigError: If a name or a value does not exist; nothing is changed then.
        """
        changed = self.rules.changed(switches, durations)
        self._cache.clear()
        if instance_id is None:
            self.rules = changed
            return
        own_switches, own_durations = self._of_instance.setdefault(instance_id, ({}, {}))
        own_switches.update(switches)
        own_durations.update(durations)

    def of_instances(self) -> dict[str, dict[str, object]]:
        """What has been set for single instances, for display."""
        return {
            instance_id: {"switches": switches, "durations": durations}
            for instance_id, (switches, durations) in self._of_instance.items()
        }
