"""How values are spelled: the forms in which they are compared and written. Pure."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime


def host_name(text: str) -> str:
    """Bring an endpoint into the form that is compared: lower case, no port, no trailing dot."""
    return re.sub(r":[0-9]+$", "", text.strip()).rstrip(".").lower()


def write_time(time: datetime) -> str:
    """Spell an aware time as the API server does: ``2026-11-24T03:00:00Z``."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def fingerprint(parts: Iterable[str], *, ordered: bool = False) -> str | None:
    """Name a set of fingerprints by one; None if it is empty. *ordered*: as a list."""
    parts = tuple(parts) if ordered else sorted(set(parts))
    if not parts:
        return None
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]
