"""What it costs to read what an object holds, and how what was wrong with it is told again."""

from rds_ssl.core.errors import MaterialError

_FEW_BLOCKS = 8
"""Of PEM in one text: each may have a signature that takes half a millisecond."""


def cost(values: tuple[bytes, ...]) -> int | None:
    """Return the bytes to work on; None if there may be many signatures to verify in them."""
    blocks = sum(value.count(b"-----BEGIN ") for value in values)
    return None if blocks > _FEW_BLOCKS else sum(map(len, values))


def again(error: MaterialError) -> MaterialError:
    """Return the error to raise once more, by another object perhaps."""
    # A fresh one: a raised exception collects the traceback of each raise.
    return MaterialError(str(error), reason=error.reason, field=error.field)
