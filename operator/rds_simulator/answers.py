"""What goes back over a connection."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer, or that there is none."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    delay: float = 0.0
    """Seconds to wait before it is sent; the operation has been executed already."""
    reset: bool = False
    """Cut the connection instead of answering."""
