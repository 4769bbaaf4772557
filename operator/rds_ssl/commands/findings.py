"""What `rds-ssl lint` finds."""

import re
from dataclasses import dataclass, replace

ERROR = "error"
"""It would be refused, or end in a condition."""

WARNING = "warning"
"""It would be taken, and may hurt somebody."""

_WORDS = re.compile(r"[-_./A-Za-z0-9]{1,23}|[-_./A-Za-z]{1,63}", re.ASCII)
"""A line of PEM has 64 characters, and digits among any 24 of them, as good as always."""

_OBJECT_NAME = re.compile(
    r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*", re.ASCII
)

_KEY_LINE = re.compile(
    r"(?=[+/=A-Za-z0-9]*[0-9])(?=[+/=A-Za-z0-9]*[A-Z])[+/=A-Za-z0-9]{24,}", re.ASCII
)
"""Long, with digits and capitals: a line of PEM is so, and next to nothing that people name."""

UNSHOWN = "…"
"""In place of a name that is not shown."""


def name_shown(name: object) -> str:
    """Return the name of a field or key, unless it may be a line of a key that was pasted there."""
    return str(name) if _WORDS.fullmatch(str(name)) else UNSHOWN


def without_key_lines(text: str) -> str:
    """Return a message, less what may be a line of a key that was pasted into the spec."""
    return _KEY_LINE.sub(UNSHOWN, text)


def is_object_name(text: str) -> bool:
    """True if an object can have this name: RFC 1123, as the API server has it."""
    return len(text) <= 253 and _OBJECT_NAME.fullmatch(text) is not None


def object_name_shown(name: str) -> str:
    """Return a name or namespace; in place of what is none, and may be a key, `UNSHOWN`."""
    return name if not name or is_object_name(name) else UNSHOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is wrong, and where; what is not known is empty."""

    file: str
    line: int
    """From 1."""
    severity: str
    kind: str = ""
    namespace: str = ""
    name: str = ""
    field: str = ""
    """``spec.regionID``"""
    reason: str = ""
    """That of the condition which the operator would write."""
    message: str
    """What is wrong and what to do; nothing of a private key."""
    unreadable: bool = False

    @property
    def title(self) -> str:
        """``DBInstanceSSL shop/orders``; empty if it is about a file."""
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}".strip()

    def at(self, *, file: str, line: int) -> "Finding":
        """Return the same of another place."""
        return replace(self, file=file, line=line)
