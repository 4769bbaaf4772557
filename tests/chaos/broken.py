"""An operator that is broken on purpose, so that somebody can see the chaos notice it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from faults.catalogue import FAULTS
from faults.workshop import Workshop

ROOT = Path(__file__).parents[2]


@contextmanager
def broken_copy(words: str) -> Iterator[Path]:
    """
    Copy the operator, with the fault of `make faults` in it whose name is *words*; give the source.

    Raises:
        LookupError: If there is none, or its text is not in the source any more.
    """
    fault = next((each for each in FAULTS if each.name == words), None)
    if fault is None:
        raise LookupError(f"no fault is called {words!r}, see tests/faults")
    with TemporaryDirectory(prefix="rds-ssl-broken-") as place:
        workshop = Workshop(ROOT, Path(place) / "copy")
        with workshop.broken(fault) as fits:
            if not fits:
                raise LookupError(f"the fault {words!r} does not fit the source any more")
            yield workshop.place / "operator"
