"""How values are spelled: the forms in which they are compared and written. Pure."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta


def host_name(text: str) -> str:
    """Bring an endpoint into the form that is compared: lower case, no port, no trailing dot."""
    return re.sub(r":[0-9]+$", "", text.strip()).rstrip(".").lower()


def write_time(time: datetime) -> str:
    """Spell an aware time as the API server does: ``2026-11-24T03:00:00Z``."""
    return time.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def fingerprint(parts: Iterable[str], *, ordered: bool = False) -> str | None:
    """Return one fingerprint of a set of them; None if it is empty. *ordered*: as a list."""
    parts = tuple(parts) if ordered else sorted(set(parts))
    if not parts:
        return None
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]


ROLE_ARN_PATTERN = "acs:ram::[0-9]{1,20}:role/[A-Za-z0-9._@-]{1,64}"
"""The whole ARN of a RAM role: ``acs:ram::1234567890123456:role/rds-ssl``."""

DURATION_PATTERN = "([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?"
"""
The whole text, and not empty.

Narrower than Go's and CEL's parsers (no fractions, signs, or ms), so that both read each accepted
text as the same time; six digits keep CEL's int64 of nanoseconds from overflowing.
"""


_PARTS = re.compile(
    DURATION_PATTERN.replace("([0-9]{1,6}", "(?:([0-9]{1,6})"),
    re.ASCII,
)


def parse_duration(text: str) -> timedelta:
    """
    Read a duration such as ``72h``, ``90m`` or ``1h30m``; the units come in that order.

    Raises:
        ValueError: If *text* is not a duration; the sentence does not repeat *text*.
    """
    match = _PARTS.fullmatch(text)
    if not text or match is None:
        raise ValueError("must be a duration such as 72h or 1h30m (units h, m, s)")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def format_duration(duration: timedelta) -> str:
    """Write whole seconds so that `parse_duration` reads the same time again (``1h30m``)."""
    minutes, seconds = divmod(int(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"


MAX_SHOWN = 160
"""Longer names are cut: a message of a condition is read by people, and status is small."""


def escaped(text: str) -> str:
    r"""
    Return foreign text fit for a log, a status and a terminal: one line, all of it visible.

    What does not print (controls, marks of direction, what has no width) becomes ``\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def shown(name: str, most: int = MAX_SHOWN) -> str:
    """Return a name out of a certificate fit for a message: as `escaped`, and not too long."""
    clean = escaped(name[:most])
    return clean if len(name) <= most else f"{clean}…"


def counted(number: int) -> str:
    """Return a number out of a revocation list fit for a message: a huge one by its length."""
    # RFC 5280 has 20 octets for it; Python writes no number of more than 4,300 digits.
    bits = number.bit_length()
    return str(number) if bits <= 160 else f"one of {bits} bits"


_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _escape(letter: str) -> str:
    if letter in _SHORT:
        return _SHORT[letter]
    code = ord(letter)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
