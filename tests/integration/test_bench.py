"""The bench, tiny: calls and writes are counted, times are nobody's business here."""

from collections.abc import Mapping

import pytest

from bench.programs import Program
from bench.run import Choice, measure
from bench.scale import Scale
from bench.table import as_json, lines

OBJECTS = 20


@pytest.mark.timeout(240)
def test_counts_of_a_tiny_bench_are_within_their_bars() -> None:
    report = measure(Choice(scale=Scale(objects=OBJECTS), scenarios=("cold", "rotation", "warm")))

    assert report.failures == []
    found: dict[tuple[str, Program], Mapping[str, float | None]] = {
        (sample.scenario, sample.program): sample.figures for _, sample in report.samples
    }
    for scenario in ("cold", "rotation"):
        ours = found[scenario, Program.OURS]
        assert ours["modifies"] == 1
        assert ours["patches_of_one"] == 3
        assert within(ours["events_created"], 3)
    warm = found["warm", Program.OURS]
    assert (warm["modifies"], warm["writes"], warm["cloud_calls"]) == (0, 0, 1)
    for scenario in ("cold", "rotation"):
        assert found[scenario, Program.ORDINARY]["modifies"] == 1
    assert found["warm", Program.ORDINARY]["writes"] == 0
    floor = found["cold", Program.FLOOR]
    assert (floor["cloud_calls"], floor["patches"], floor["api_requests"]) == (5, 3, 5)
    assert any("÷ ordinary" in each for each in lines(report))
    assert as_json(report)["bars"]


def within(figure: float | None, most: float) -> bool:
    return figure is not None and figure <= most
