"""A short run of `make fuzz`, from one seed; and that it finds what there is to find."""

import hashlib
import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import strategies as st

from fuzz.fuzzer import Hostile, Tally, Target, corpus, files, fuzzed
from fuzz.targets import TARGETS

SEED = 1

INPUTS = 40
"""Of each target, or as many as take about as long: 10 s in all."""


@pytest.fixture(autouse=True)
def _without_logs() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_what_nobody_writes_is_read_or_refused_in_time(target: Target) -> None:
    tally = Tally()

    findings = corpus(target, tally)
    findings += fuzzed(target, tally, seed=SEED, examples=max(2, INPUTS // target.weight))

    assert ["\n".join(finding.lines()) for finding in findings] == []
    assert tally.inputs >= 2
    assert 0 < tally.longest < target.seconds


def test_the_corpus_is_of_files_that_a_target_reads() -> None:
    folders = {target.folder for target in TARGETS if target.folder}

    assert all(files(folder) for folder in folders)


def target(*, seconds: float = 5.0, fails: bool = False) -> Target:
    def check(number: int) -> None:
        if fails and number > 100:
            raise Hostile(f"{number} is too many")
        hashlib.sha256(bytes(100_000)).hexdigest()  # Takes a while.

    return Target(name="numbers", inputs=st.integers(0, 10**6), check=check, seconds=seconds)


def test_the_shortest_input_of_its_kind_is_told_with_its_seed() -> None:
    (finding,) = fuzzed(target(fails=True), Tally(), seed=7, examples=50)

    lines = list(finding.lines())

    assert lines[:2] == ["FINDING in numbers, SEED=7", "  101"]
    assert "101 is too many" in lines[-1]


def test_an_input_that_takes_too_long_is_a_finding() -> None:
    (finding,) = fuzzed(target(seconds=0.0), Tally(), seed=7, examples=5)

    assert "s of CPU, more than 0" in finding.told


def test_the_same_seed_gives_the_same_inputs_and_the_longest_is_kept() -> None:
    one, other = Tally(), Tally()

    assert fuzzed(target(), one, seed=3, examples=20) == []
    assert fuzzed(target(), other, seed=3, examples=20) == []

    assert one.inputs == other.inputs > 1
    assert json.loads(one.of_what) >= 0
