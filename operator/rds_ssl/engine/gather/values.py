"""What a Secret or ConfigMap holds under a key, and what is told if that is nothing."""

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.formats import shown
from rds_ssl.core.model import Reason
from rds_ssl.kube.resources import DataObject, Kind

_FEW_BLOCKS = 8
"""Of PEM in one text: each may have a signature that takes half a millisecond."""


def cost(values: tuple[bytes, ...]) -> int | None:
    """Return the bytes to work on; None if there may be many signatures to verify in them."""
    blocks = sum(value.count(b"-----BEGIN ") for value in values)
    return None if blocks > _FEW_BLOCKS else sum(map(len, values))


def value_of(source: DataObject, kind: Kind, name: str, key: str) -> bytes:
    """
    Return what a Secret or ConfigMap holds under a key.

    Raises:
        MaterialError: Nothing; with the keys that there are.
    """
    if not source.data.get(key):
        where = f"{kind} {name}, key {key}"
        present = shown(", ".join(sorted(source.data))) or "none"
        what = "empty" if key in source.data else f"missing (keys present: {present})"
        raise MaterialError(
            f"{where}: the key is {what}; store its content, or name another key in the object.",
            reason=Reason.SECRET_KEY_MISSING,
            field=where,
        )
    return source.data[key]


def again(error: MaterialError) -> MaterialError:
    """Return the error to raise once more, by another object perhaps."""
    # A fresh one: a raised exception collects the traceback of each raise.
    return MaterialError(str(error), reason=error.reason, field=error.field)
