"""
Random histories, and what must hold of each once the world has come to rest.

``HISTORIES=2000`` plays more of them, ``HISTORIES_SEED=7`` others; without, they are always the
same. `make soak` plays them for as long as it is told.
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, note, seed, settings

from support import virtual_time
from support.random_histories import STORY, Setting, kept_log, play, told
from support.steps import Step

COUNT = int(os.environ.get("HISTORIES", "200"))
SEED = os.environ.get("HISTORIES_SEED")


@pytest.fixture(scope="module")
def log() -> Iterator[list[str]]:
    """Give everything that the operator logs, from INFO on."""
    with kept_log() as lines:
        yield lines


@pytest.mark.timeout(600)  # A minute of an idle processor.
@settings(
    max_examples=COUNT,
    deadline=None,
    derandomize=SEED is None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(**STORY)
def test_whatever_happens_the_promises_hold_once_the_world_has_come_to_rest(
    setting: Setting, beginning: list[Step], strokes: list[tuple[Step, ...]], log: list[str]
) -> None:
    log.clear()

    found = virtual_time.run(play(setting, told(beginning, strokes), log))

    for line in log:
        note(line)
    assert found == []


if SEED is not None:
    seed(int(SEED))(test_whatever_happens_the_promises_hold_once_the_world_has_come_to_rest)
