"""How values are spelled: the forms in which they are compared and written. Pure."""

import re
from datetime import UTC, datetime


def host_name(text: str) -> str:
    """Bring an endpoint into the form that is compared: lower case, no port, no trailing dot."""
    return re.sub(r":[0-9]+$", "", text.strip()).rstrip(".").lower()


def write_time(time: datetime) -> str:
    """Spell an aware time as the API server does: ``2026-11-24T03:00:00Z``."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
