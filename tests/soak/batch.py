"""A batch of histories from one seed, and the shortest that breaks a promise."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, Verbosity, given, seed, settings
from hypothesis.strategies import SearchStrategy

from soak.tally import Tally
from support import virtual_time
from support.histories import History
from support.random_histories import STORY, Setting, kept_log, play, told
from support.steps import Step

SIZE = 50
"""Histories of a batch: 13 s of an idle processor. The first of each is a trivial one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """The shortest history found that breaks a promise; printing it gives it back."""

    seed: int
    setting: Setting
    steps: tuple[Step, ...]
    complaints: tuple[str, ...]

    def lines(self) -> list[str]:
        """Tell it: what does not hold, and how to play it again."""
        return [
            "VIOLATION",
            *(f"  {each}" for each in self.complaints),
            f"  {self.setting!r}",
            *(f"  {number:>3}. {step!r}" for number, step in enumerate(self.steps, start=1)),
            f"  found from seed {self.seed}: make soak SEED={self.seed}",
        ]


@dataclass(slots=True, kw_only=True)
class Batch:
    """What came of one batch."""

    tally: Tally = field(default_factory=Tally)
    violation: Violation | None = None


class _BrokenPromiseError(Exception):
    pass


Player = Callable[[Setting, tuple[Step, ...], list[str], Tally | None], Sequence[str]]
"""
Plays a history from beginning to end and gives the complaints. The list is the log so far; the
tally is None while a shorter history is being looked for.
"""


def with_the_engine(
    setting: Setting, steps: tuple[Step, ...], log: list[str], tally: Tally | None
) -> Sequence[str]:
    """Play it in an `EngineWorld`; whatever is raised there is a complaint."""

    def look(history: History) -> None:
        if tally is not None:
            tally.note(history, setting)

    try:
        return virtual_time.run(play(setting, steps, log, look=look))
    except Exception as error:  # noqa: BLE001  # Whatever it is, the history is to be told.
        return [f"{type(error).__name__}: {error}"]


def run(
    number: int,
    *,
    size: int = SIZE,
    is_over: Callable[[], bool] = lambda: False,
    on_broken: Callable[[Violation], None] = lambda _violation: None,
    player: Player = with_the_engine,
    story: Mapping[str, SearchStrategy[Any]] = STORY,
) -> Batch:
    """
    Play the *size* histories of the seed *number*: always the same ones.

    Args:
        is_over: No further history is begun then, unless a shorter one is being looked for.
        on_broken: Told of the first history that breaks a promise, before a shorter one is looked
            for, which takes 5 minutes at most.
        player: Plays each.
        story: What they are chosen from.
    """
    batch = Batch()
    broken: list[Violation] = []

    with kept_log() as log:

        @seed(number)
        @settings(
            max_examples=size,
            deadline=None,
            database=None,
            print_blob=False,
            verbosity=Verbosity.quiet,
            report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )
        @given(**story)
        def histories(
            setting: Setting, beginning: list[Step], strokes: list[tuple[Step, ...]]
        ) -> None:
            if is_over() and not broken:
                return
            log.clear()
            steps = told(beginning, strokes)
            found = player(setting, steps, log, None if broken else batch.tally)
            if found:
                broken.append(
                    Violation(seed=number, setting=setting, steps=steps, complaints=tuple(found))
                )
                if len(broken) == 1:
                    on_broken(broken[0])
                raise _BrokenPromiseError

        try:
            histories()
        except Exception:
            if not broken:
                raise
    if broken:
        # Hypothesis plays the shortest once more before it gives up.
        batch.violation = broken[-1]
    return batch
