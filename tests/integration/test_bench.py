"""The bench, tiny: calls and writes are counted, times are nobody's business here."""

from collections.abc import Mapping

import pytest

from bench.programs import Program
from bench.run import SMOKE, Choice, measure
from bench.scale import Scale
from bench.table import as_json, faults, lines

OBJECTS = 20


@pytest.mark.timeout(240)
def test_counts_of_a_tiny_bench_are_within_their_bars() -> None:
    report = measure(Choice(scale=Scale(objects=OBJECTS), scenarios=SMOKE))

    assert list(faults(report)) == []
    found: dict[tuple[str, Program], Mapping[str, float | None]] = {
        (sample.scenario, sample.program): sample.figures for _, sample in report.samples
    }
    for scenario in ("cold", "rotation"):
        ours, ordinary = found[scenario, Program.OURS], found[scenario, Program.ORDINARY]
        assert (ours["modifies"], ordinary["modifies"]) == (1, 1)
        assert ours["patches_of_one"] == 3
    for program in (Program.OURS, Program.ORDINARY):
        warm = found["warm", program]
        assert (warm["modifies"], warm["writes"]) == (0, 0)
    assert found["warm", Program.OURS]["cloud_calls"] == 1
    floor = found["cold", Program.FLOOR]
    assert (floor["cloud_calls"], floor["patches"], floor["api_requests"]) == (5, 3, 5)
    assert any("÷ ordinary" in each for each in lines(report))
    assert as_json(report)["bars"]
