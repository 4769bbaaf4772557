"""One target after another: inputs by chance and those of the corpus, and how long each took."""

import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

CORPUS = Path(__file__).parent / "corpus"

SHOWN = 400
"""Characters of an input in a finding."""


class Hostile(AssertionError):  # It says what the input did.
    """An input was not refused as it should be, or took too long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is fuzzed. *check* raises if an input is neither read nor refused with a sentence."""

    name: str
    inputs: SearchStrategy[Any]
    check: Callable[[Any], None]
    seconds: float
    """CPU that one input may take."""
    weight: int = 1
    """How many times costlier than the others: so many times fewer inputs are tried."""
    folder: str = ""
    """Of the corpus; empty: it has none, or draws from it by itself."""


@dataclass(slots=True)
class Tally:
    """What was tried of one target."""

    inputs: int = 0
    longest: float = 0.0
    """Seconds of CPU."""
    of_what: str = ""

    def note(self, given: object, seconds: float) -> None:
        """Count an input."""
        self.inputs += 1
        if seconds > self.longest:
            self.longest, self.of_what = seconds, _short(given, 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The shortest input of its kind that did what none should."""

    target: str
    given: object
    told: str
    source: str

    def lines(self) -> Iterator[str]:
        """Tell it, and how to see it again."""
        yield f"FINDING in {self.target}, {self.source}"
        yield f"  {_short(self.given, SHOWN)}"
        yield from (f"  {line}" for line in self.told.splitlines()[-12:])


def corpus(target: Target, tally: Tally) -> list[Finding]:
    """Try the files of a target's corpus; each was a finding once, or is near one."""
    return [
        finding
        for file in files(target.folder)
        if (finding := _tried(target, file.read_bytes(), tally, source=file.name)) is not None
    ]


def files(folder: str) -> list[Path]:
    """Return the files of a part of the corpus."""
    return sorted((CORPUS / folder).iterdir()) if folder else []


def fuzzed(target: Target, tally: Tally, *, seed: int, examples: int) -> list[Finding]:
    """Try so many inputs of one seed; of several that do the same the shortest is given."""
    last: list[Finding] = []

    @_seeded(seed)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.target, Phase.shrink),
        print_blob=False,
    )
    @given(given_input=target.inputs)
    def attempt(given_input: object) -> None:
        found = _tried(target, given_input, tally, source=f"SEED={seed}")
        if found is not None:
            last[:] = [found]
            raise Hostile(found.told)

    try:
        attempt()
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) or not last:
            raise
    return last


# `seed` is a parameter above.
_seeded = seed


def _tried(target: Target, given_input: Any, tally: Tally, *, source: str) -> Finding | None:  # noqa: ANN401
    began = time.thread_time()
    told = ""
    try:
        target.check(given_input)
    except Exception:  # noqa: BLE001  # Whatever it is, it is a finding.
        told = traceback.format_exc()
    took = time.thread_time() - began
    tally.note(given_input, took)
    if not told and took > target.seconds:
        told = f"took {took:.2f} s of CPU, more than {target.seconds:g}"
    if not told:
        return None
    return Finding(target=target.name, given=given_input, told=told, source=source)


def _short(given: object, most: int) -> str:
    text = repr(given)
    return text if len(text) <= most else f"{text[: most - 1]}… ({len(text)} characters)"
