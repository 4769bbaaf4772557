"""Text that must never be shown: keys, passwords, tokens."""

from typing import ClassVar
from weakref import WeakValueDictionary


class SecretText:
    """
    Text that must never be shown: a private key, an access key's secret, a token.

    repr() and str() are redacted, it is not iterable, cannot be formatted or pickled; only
    `reveal` hands the text out.
    """

    __slots__ = ("__weakref__", "_text")

    _alive: ClassVar[WeakValueDictionary[int, "SecretText"]] = WeakValueDictionary()
    """All there are, by id; none lives for a moment longer by it."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._alive[id(self)] = self

    @classmethod
    def alive(cls) -> "list[SecretText]":
        """Return all that are in use, to look for them where none may be."""
        # Not `values`: a thread may make another one meanwhile.
        found = (reference() for reference in cls._alive.valuerefs())
        return [each for each in found if each is not None]

    def reveal(self) -> str:
        """Hand out the text itself; call it where it leaves for the cloud, nowhere else."""
        return self._text

    def __repr__(self) -> str:
        return "SecretText(…)"

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return repr(self)

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretText) and other._text == self._text

    __hash__ = None  # type: ignore[assignment]  # A hash of a secret is a trace of it.

    def __reduce__(self) -> str:
        raise TypeError("a SecretText is never written to anything")
