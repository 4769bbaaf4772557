"""The fleet: which databases there are, and how each is declared on the first day."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from rds_ssl.engine.objects import Key
from support import pki
from support.engine_world import CREDENTIALS
from year.windows import WINDOWS, Window

Json = dict[str, Any]

BEGINS = datetime(2027, 1, 1, tzinfo=UTC)

DAY = timedelta(days=1)

LIFETIME, RENEWED_AFTER = 90, 60
"""Days that a server certificate lives, and after which the next one is written."""

TEAMS = ("orders", "billing", "search", "people")
"""Namespaces; each team has a client CA for all of its PostgreSQL databases."""

Kind = Literal["clients", "vendor", "own", "renewed"]
"""
``clients``: PostgreSQL with a certificate and the team's client CA. ``vendor``: PostgreSQL with the
cloud's certificate, which the vendor renews. ``own``: MySQL with a certificate. ``renewed``: MySQL
or SQL Server with the cloud's certificate, which has to be renewed by a call.
"""

_PATTERN: tuple[tuple[Kind, str], ...] = (
    ("clients", "postgresql-14"),
    ("clients", "postgresql-14"),
    ("own", "mysql-8.0"),
    ("renewed", "sqlserver-2019"),
    ("clients", "postgresql-16"),
    ("vendor", "postgresql-13"),
    ("renewed", "mysql-8.0"),
    ("clients", "postgresql-15"),
    ("own", "mysql-5.7"),
    ("clients", "postgresql-14"),
    ("clients", "postgresql-16"),
    ("vendor", "postgresql-15"),
    ("clients", "postgresql-13"),
    ("renewed", "sqlserver-2022"),
    ("clients", "postgresql-14"),
    ("own", "mysql-8.0"),
    ("clients", "postgresql-16"),
    ("renewed", "mysql-5.7"),
    ("clients", "postgresql-15"),
    ("clients", "postgresql-14"),
)
_REPLICA = 1
"""The place in the pattern of a read-only instance; its primary is the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A database and its object."""

    number: int
    key: Key
    kind: Kind
    profile: str
    window: Window
    """Of the first day."""
    primary: str
    """The id of the instance that it is a replica of; empty: it is none."""

    @property
    def instance_id(self) -> str:
        """The instance's id."""
        return _instance_id(self.number)

    @property
    def has_pair(self) -> bool:
        """Whether its certificate comes from a Secret."""
        return self.kind in {"clients", "own"}

    @property
    def secret(self) -> str:
        """The name of that Secret."""
        return f"{self.key[1]}-tls"

    def declared(self) -> Json:
        """Give the spec of the first day."""
        spec: Json = {
            "instanceID": self.instance_id,
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": CREDENTIALS},
            "maintenance": {
                name: value for name, value in self.window.declared().items() if value is not None
            },
        }
        if self.has_pair:
            spec["serverCertificate"] = {"secretRef": {"name": self.secret}}
        if self.kind == "renewed":
            spec["serverCertificate"] = {"renewBefore": "720h"}
        if self.kind == "clients":
            spec["clientAuthentication"] = {
                "ca": {"configMapKeyRef": {"name": "client-ca"}},
                "acl": "verify-ca",
            }
        return spec


def members(objects: int) -> tuple[Member, ...]:
    """Give the fleet of so many objects; a longer one begins with the same."""
    return tuple(_member(number) for number in range(objects))


def _member(number: int) -> Member:
    place = number % len(_PATTERN)
    kind, profile = _PATTERN[place]
    pair = number // 2  # A replica is in the team and the window of its primary.
    return Member(
        number=number,
        key=(TEAMS[pair % len(TEAMS)], f"db-{number:03}"),
        kind=kind,
        profile=profile,
        window=WINDOWS[pair % len(WINDOWS)],
        primary=_instance_id(number - 1) if place == _REPLICA else "",
    )


def _instance_id(number: int) -> str:
    return f"rds-{number:03}"


def authority(common_name: str) -> pki.Authority:
    """Make a CA that is valid before, during and after the year."""
    span = pki.Extras(not_before=BEGINS - 365 * DAY, not_after=BEGINS + 3650 * DAY)
    return pki.make_root(common_name, extras=span)
