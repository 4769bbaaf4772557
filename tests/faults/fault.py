"""What a deliberate fault is."""

from dataclasses import dataclass

TESTS = "tests/unit/"
SOURCE = "operator/rds_ssl/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One place of the source, what to put there, and the tests that are likely to notice."""

    name: str
    """What the operator does wrong then, in words."""
    file: str
    """Below `SOURCE`."""
    old: str
    """Occurs in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """
    Files, or tests in them, below `TESTS`, or with their whole path where they are of another tier:
    a selection, for the whole has to stay quick.
    """
    also: tuple[tuple[str, str], ...] = ()
    """Further places of the file, as old and new."""

    @property
    def selection(self) -> tuple[str, ...]:
        """The tests as pytest takes them."""
        return tuple(each if each.startswith("tests/") else TESTS + each for each in self.tests)

    def broken(self, source: str) -> str | None:
        """Break *source*; None if the fault does not fit it any more."""
        for old, new in ((self.old, self.new), *self.also):
            if source.count(old) != 1 or old == new:
                return None
            source = source.replace(old, new)
        return source
