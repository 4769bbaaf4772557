"""
What is declared in a history: edits of a spec, and what they mean on each engine.

Windows are named by the world's clock, and told by arithmetic alone: a day after the other, in time
zones without daylight saving time, so that whoever judges needs no cron of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Daily:
    """A window that opens every day, first *opens* minutes from when it is declared."""

    opens: int
    lasts: int
    """Minutes."""
    zone: str = "UTC"
    override: str | None = None
    """``overrideBeforeExpiry``."""

    def start(self, now: datetime) -> datetime:
        """Give the time at which it opens, or has opened; a whole minute."""
        return now.replace(second=0, microsecond=0) + timedelta(minutes=self.opens)

    def spell(self, now: datetime) -> Json:
        """Give ``spec.maintenance``."""
        local = self.start(now).astimezone(ZoneInfo(self.zone))
        return {
            "windows": [
                {
                    "schedule": f"{local.minute} {local.hour} * * *",
                    "duration": f"{self.lasts}m",
                    "timeZone": self.zone,
                }
            ],
            "useInstanceWindow": None,
            "overrideBeforeExpiry": self.override,
        }


@dataclass(frozen=True)
class Open:
    """Times in which a change may start: from *start* on for a while, every day."""

    start: datetime
    lasts: timedelta

    def has(self, time: datetime, *, tail: timedelta) -> bool:
        """Whether *time* is in one of them, and not in its last minutes."""
        return (time - self.start) % DAY < self.lasts - tail

    def next_start(self, time: datetime) -> datetime:
        """Give the first start after *time*."""
        return time + DAY - (time - self.start) % DAY


def maintain_time(opening: Open) -> str:
    """Spell it as an instance tells its own."""
    start = opening.start.astimezone(UTC)
    return f"{start:%H:%MZ}-{start + opening.lasts:%H:%MZ}"


SPECS: Mapping[str, Json] = {
    "off": {
        "enabled": False,
        "serverCertificate": None,
        "clientAuthentication": None,
        "forceEncryption": None,
    },
    "cloud": {"enabled": True, "serverCertificate": None, "clientAuthentication": None},
    "custom": {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": "tls"}},
        "clientAuthentication": None,
    },
    "clients": {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": "tls"}},
        "clientAuthentication": {"ca": {"configMapKeyRef": {"name": "ca"}}, "acl": "verify-ca"},
    },
    "strict": {
        "enabled": True,
        "serverCertificate": {"secretRef": {"name": "tls"}},
        "clientAuthentication": {
            "ca": {"configMapKeyRef": {"name": "ca"}},
            "revocationList": {"configMapKeyRef": {"name": "ca"}},
            "acl": "verify-full",
            "replicationACL": "cert",
        },
    },
    "pfx": {
        "enabled": True,
        "serverCertificate": {
            "pfx": {
                "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:one.pfx",
                "passwordSecretKeyRef": {"name": "tls", "key": "tls.key"},
            }
        },
        "clientAuthentication": None,
    },
    "other pfx": {
        "enabled": True,
        "serverCertificate": {
            "pfx": {
                "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:two.pfx",
                "passwordSecretKeyRef": {"name": "tls", "key": "tls.key"},
            }
        },
        "clientAuthentication": None,
    },
    "renew": {
        "enabled": True,
        "serverCertificate": {"renewBefore": "1h"},
        "clientAuthentication": None,
    },
    "forced": {"forceEncryption": True},
    "plain": {"forceEncryption": None},
    "tls 1.2": {"minimumTLSVersion": "1.2"},
    "tls 1.1": {"minimumTLSVersion": "1.1"},
    "any tls": {"minimumTLSVersion": None},
    "suspend": {"suspend": True},
    "resume": {"suspend": None},
    "observe": {"managementPolicy": "Observe", "deletionPolicy": None},
    "enforce": {"managementPolicy": "Enforce"},
    "waive": {"approvalRequired": []},
    "careful": {"approvalRequired": None},
    "overwrite": {"adoptionPolicy": "Overwrite"},
    "bold": {"adoptionPolicy": "Overwrite", "approvalRequired": []},
    "disable": {"deletionPolicy": "Disable", "managementPolicy": "Enforce"},
    "retain": {"deletionPolicy": None},
    "report": {"driftPolicy": "Report"},
    "correct": {"driftPolicy": "Correct"},
    "ask for restarts": {"approvalRequired": ["Restart"]},
    "window open": {"maintenance": Daily(opens=-5, lasts=60)},
    "window soon": {"maintenance": Daily(opens=8, lasts=30, zone="Asia/Kolkata")},
    "window far": {"maintenance": Daily(opens=300, lasts=60, zone="Asia/Shanghai")},
    "window at its end": {"maintenance": Daily(opens=-50, lasts=60)},
    "window or expiry": {"maintenance": Daily(opens=300, lasts=60, override="2160h")},
    "instance window": {"maintenance": {"windows": None, "useInstanceWindow": True}},
    "any time": {"maintenance": None},
}
"""Edits of a spec; in them ``tls`` and ``ca`` stand for the Secret and ConfigMap of the object."""

WHEN = frozenset(
    {"report", "correct", "ask for restarts", "instance window", "any time"}
    | {each for each in SPECS if each.startswith("window ")}
)
"""Edits that say when something is sent, or whether; none is a reason for a call."""

ELSEWHERE: Mapping[str, Mapping[str, str]] = {
    "postgresql": {
        **dict.fromkeys(("tls 1.2", "tls 1.1", "any tls"), "clients"),
        "pfx": "strict",
        "other pfx": "strict",
        "renew": "cloud",
    },
    "mysql": {
        "clients": "custom",
        "strict": "custom",
        "pfx": "custom",
        "other pfx": "renew",
        **dict.fromkeys(("tls 1.2", "tls 1.1", "any tls"), "renew"),
    },
    "sqlserver": {"custom": "pfx", "clients": "other pfx", "strict": "pfx"},
}
"""By engine: what is declared in place of what it does not have."""


MAINTAINED: Mapping[str, Daily] = {
    "now": Daily(opens=-10, lasts=60),
    "soon": Daily(opens=6, lasts=60),
    "far": Daily(opens=240, lasts=120),
}
"""Maintenance times of an instance."""


def own(name: str, value: object) -> object:
    """Name the Secret and ConfigMap of *name* in place of ``tls`` and ``ca``."""
    if isinstance(value, dict):
        return {
            part: f"{name}-{inner}" if part == "name" else own(name, inner)
            for part, inner in value.items()
        }
    return value
