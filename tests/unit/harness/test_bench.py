"""What the bench makes of what it has measured."""

import json
from pathlib import Path
from typing import Any

from bench.audit import AuditLog
from bench.bars import BARS
from bench.figures import TITLES
from bench.meter import Sample, percentile
from bench.programs import Program
from bench.ready_watch import is_ready
from bench.run import SCENARIOS, Choice, Report
from bench.scale import Scale
from bench.table import faults, held, lines

OURS = "system:serviceaccount:rds-ssl-system:rds-ssl-operator"


def report(*samples: tuple[int, str, Program, dict[str, float | None]], objects: int) -> Report:
    choice = Choice(scale=Scale(objects=objects), scenarios=("cold",))
    return Report(
        choice=choice,
        samples=[
            (run, Sample(scenario=scenario, program=program, figures=figures))
            for run, scenario, program, figures in samples
        ],
    )


def verdicts(of: Report, what: str) -> list[str]:
    return [each.split("  ")[-1] for each in lines(of) if what in each and "≤" in each]


def test_of_times_the_best_run_counts_for_both_sides_of_a_ratio() -> None:
    of = report(
        (1, "cold", Program.OURS, {"cpu_seconds": 40.0}),
        (1, "cold", Program.FLOOR, {"cpu_seconds": 9.0}),
        (2, "cold", Program.OURS, {"cpu_seconds": 20.0}),
        (2, "cold", Program.FLOOR, {"cpu_seconds": 8.0}),
        objects=1000,
    )

    found = {bar.against: value for bar, value in held(of) if bar.figure == "cpu_seconds"}

    assert found[Program.FLOOR] == 2.5
    assert found[Program.ORDINARY] is None
    assert verdicts(of, "cold: CPU, s ÷ floor") == ["met"]


def test_what_is_added_to_the_floor_is_added_before_the_division() -> None:
    of = report(
        (1, "cold", Program.OURS, {"wall_seconds": 22.0}),
        (1, "cold", Program.FLOOR, {"wall_seconds": 8.0}),
        objects=1000,
    )

    assert [value for _, value in held(of) if value is not None] == [2.0]


def test_a_count_has_to_hold_in_each_run_and_is_a_fault_if_it_does_not() -> None:
    of = report(
        (1, "cold", Program.OURS, {"patches": 3.0}),
        (2, "cold", Program.OURS, {"patches": 3.1}),
        objects=50,
    )

    assert verdicts(of, "cold: PATCHes") == ["NOT MET"]
    assert list(faults(of)) == ["cold: PATCHes: 3.10 instead of 3"]


def test_a_time_is_never_a_fault() -> None:
    of = report((1, "rotation", Program.OURS, {"delay_p95_ms": 900.0}), objects=50)

    assert verdicts(of, "rotation: delay p95") == ["NOT MET"]
    assert list(faults(of)) == []


def test_a_bar_for_another_number_of_objects_has_no_verdict() -> None:
    of = report((1, "warm", Program.OURS, {"api_requests": 1.7}), objects=50)

    assert verdicts(of, "warm: requests") == ["a bar for 1,000 objects"]
    assert list(faults(of)) == []


def test_every_bar_is_about_a_figure_and_a_scenario_that_there_are() -> None:
    assert {bar.figure for bar in BARS} <= set(TITLES)
    assert {bar.scenario for bar in BARS} <= set(SCENARIOS)


def test_requests_are_counted_by_user_without_watches_and_without_half_a_line(
    tmp_path: Path,
) -> None:
    log = tmp_path / "audit.log"
    before = entry("patch", "dbinstancessls", name="a", subresource="status")
    log.write_text(before)
    audit = AuditLog(log)
    place = audit.place()
    with log.open("a") as file:
        file.write(entry("patch", "dbinstancessls", name="a", subresource="status"))
        file.write(entry("patch", "dbinstancessls", name="a"))
        file.write(entry("patch", "dbinstancessls", name="b", subresource="status"))
        file.write(entry("create", "events"))
        file.write(entry("patch", "events"))
        file.write(entry("watch", "secrets"))
        file.write(entry("get", "secrets", user="admin"))
        file.write(entry("get", "secrets", name=OURS, user="admin"))
        file.write(entry("get", "secrets")[:-5])

    found = audit.requests(OURS, since=place)

    assert (found.total, found.patches, found.patches_of_one) == (5, 3, 2)
    assert (found.events_created, found.events_patched, found.writes) == (1, 1, 5)
    assert found.by_kind["patch dbinstancessls/status"] == 2


def entry(verb: str, resource: str, *, user: str = OURS, **ref: str) -> str:
    of = {"resource": resource, "namespace": "n", **ref}
    line = {"verb": verb, "user": {"username": user}, "objectRef": of, "requestURI": "/"}
    return json.dumps(line) + "\n"


def test_ready_is_what_is_ready_at_its_present_generation_with_nothing_under_way() -> None:
    assert is_ready(thing(Ready="True"))
    assert not is_ready(thing(Ready="False"))
    assert not is_ready(thing(Ready="True", Reconciling="True"))
    assert not is_ready(thing(seen=1, Ready="True"))
    assert not is_ready({"metadata": {"generation": 1}})


def thing(*, seen: int = 2, **conditions: str) -> dict[str, Any]:
    told = [{"type": kind, "status": status} for kind, status in conditions.items()]
    status = {"observedGeneration": seen, "conditions": told}
    return {"metadata": {"generation": 2}, "status": status}


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile([1.0, 2.0, 3.0, 4.0, 5.0], 95) == 5.0
    assert percentile([float(each) for each in range(1, 41)], 95) == 38.0
    assert percentile([7.0], 50) == 7.0
