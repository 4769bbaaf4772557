"""The operator's numbers, in a registry of their own."""

import asyncio
from importlib import metadata
from pathlib import Path

import pytest

from rds_ssl.core.checks.figures import End, Figures
from rds_ssl.core.model import Restart
from rds_ssl.metrics import MOST_CODES, OTHER_CODE, Metrics

END = End("server_certificate", "all", 1_800_000_000)


def test_passes_calls_and_changes_are_counted() -> None:
    metrics = Metrics()

    metrics.pass_ended("ok", 0.2)
    metrics.pass_ended("ok", 0.4)
    metrics.api_call("ModifyDBInstanceSSL", "OK", 1.5)
    metrics.api_call("ModifyDBInstanceSSL", "Throttling.User", 0.1)
    metrics.change_started("rotation", ["Restart", "TrustChanges"])
    metrics.change_started("renewal", [])
    metrics.change_verified()
    metrics.change_failed("ApplyFailed")

    modify = {"action": "ModifyDBInstanceSSL"}
    assert metrics.value("rds_ssl_passes_total", {"result": "ok"}) == 2
    assert metrics.value("rds_ssl_pass_duration_seconds_sum") == pytest.approx(0.6)
    assert metrics.value("rds_ssl_api_calls_total", modify | {"code": "OK"}) == 1
    assert metrics.value("rds_ssl_api_calls_total", modify | {"code": "Throttling.User"}) == 1
    assert metrics.value("rds_ssl_api_call_duration_seconds_count", modify) == 2
    assert metrics.value("rds_ssl_changes_started_total", {"cause": "rotation"}) == 1
    assert metrics.value("rds_ssl_changes_started_total", {"cause": "renewal"}) == 1
    assert metrics.value("rds_ssl_change_impacts_total", {"impact": "Restart"}) == 1
    assert metrics.value("rds_ssl_changes_verified_total") == 1
    assert metrics.value("rds_ssl_changes_failed_total", {"reason": "ApplyFailed"}) == 1


def test_codes_without_number_are_counted_together_after_the_first() -> None:
    metrics = Metrics()
    assert MOST_CODES <= 500  # Some samples each, for ever.

    for number in range(MOST_CODES + 50):
        metrics.api_call("DescribeDBInstanceSSL", f"Odd.{number}", 0.1)
    metrics.api_call("DescribeDBInstanceSSL", "Odd.0", 0.1)

    def calls(code: str) -> float | None:
        labels = {"action": "DescribeDBInstanceSSL", "code": code}
        return metrics.value("rds_ssl_api_calls_total", labels)

    assert (calls("Odd.0"), calls(OTHER_CODE), calls(f"Odd.{MOST_CODES}")) == (2, 50, None)


@pytest.mark.parametrize(
    ("metric", "names"),
    [
        pytest.param("rds_ssl_objects", ("ready", "reason"), id="objects"),
        pytest.param("rds_ssl_plans_pending", ("held_by", "restart"), id="plans"),
    ],
)
def test_numbers_are_those_of_the_moment_and_what_has_none_is_gone(
    metric: str, names: tuple[str, str]
) -> None:
    metrics = Metrics()
    counts = {("True", "Verified"): 3, ("False", "Conflict"): 1}
    metrics.watch(objects=lambda: counts, plans=lambda: counts)
    first = metrics.render().decode()
    counts = {("True", "Verified"): 4}
    second = metrics.render().decode()

    def line(status: str, reason: str, count: str) -> str:
        return f'{metric}{{{names[0]}="{status}",{names[1]}="{reason}"}} {count}'

    assert line("True", "Verified", "3.0") in first
    assert line("False", "Conflict", "1.0") in first
    assert line("True", "Verified", "4.0") in second
    assert "Conflict" not in second


def test_who_waits_at_the_api_and_what_was_throttled_is_told_while_it_lasts() -> None:
    metrics = Metrics()
    slowed = {("DescribeDBInstanceSSL",): 1.5}
    metrics.watch(waiting=lambda: {("resync",): 7}, slowed=lambda: slowed)

    first = metrics.render().decode()
    slowed = {}

    assert 'rds_ssl_api_waiting{priority="resync"} 7.0' in first
    assert 'rds_ssl_api_slowed_calls_per_second{action="DescribeDBInstanceSSL"} 1.5' in first
    assert "DescribeDBInstanceSSL" not in metrics.render().decode()


def test_gauges_are_asked_when_they_are_read() -> None:
    metrics = Metrics()
    depth = 1
    skew: float | None = None
    metrics.watch(
        queue_depth=lambda: depth,
        queue_oldest_age=lambda: 2.5,
        watch_age=lambda: 7.0,
        clock_skew=lambda: skew,
    )
    assert "rds_ssl_clock_skew_seconds NaN" in metrics.render().decode()

    depth, skew = 5, -3.0

    text = metrics.render().decode()
    assert "rds_ssl_queue_depth 5.0" in text
    assert "rds_ssl_queue_oldest_age_seconds 2.5" in text
    assert "rds_ssl_watch_age_seconds 7.0" in text
    assert "rds_ssl_clock_skew_seconds -3.0" in text


def test_the_restart_that_was_predicted_is_counted_beside_the_one_that_was_seen() -> None:
    metrics = Metrics()

    metrics.change_ended(Restart.EXPECTED, seen=True)
    metrics.change_ended(Restart.EXPECTED, seen=True)
    metrics.change_ended(Restart.NONE, seen=True)

    def ended(predicted: str, seen: str) -> float | None:
        labels = {"predicted": predicted, "seen": seen}
        return metrics.value("rds_ssl_change_restarts_total", labels)

    assert [ended("Expected", "true"), ended("Expected", "false")] == [2, 0]
    assert [ended("None", "true"), ended("None", "false")] == [1, 0]


def test_what_is_known_to_come_begins_at_0_so_that_its_first_increase_is_seen() -> None:
    text = Metrics().render().decode()

    assert 'rds_ssl_passes_total{result="bug"} 0.0' in text
    assert 'rds_ssl_changes_started_total{cause="drift"} 0.0' in text
    assert 'rds_ssl_change_impacts_total{impact="Weakens"} 0.0' in text
    assert 'rds_ssl_change_restarts_total{predicted="None",seen="true"} 0.0' in text
    assert 'rds_ssl_api_wait_seconds_count{priority="resync"} 0.0' in text


def test_nothing_says_when_it_was_created() -> None:
    metrics = Metrics()
    metrics.pass_ended("done", 0.2)

    assert "_created" not in metrics.render().decode()


def test_the_leader_of_each_shard_is_told_by_shard_and_lease() -> None:
    metrics = Metrics()
    metrics.watch(leads=lambda: {("2/8", "rds-ssl-operator-2-of-8"): 0}, shards=lambda: 8)

    text = metrics.render().decode()

    assert 'rds_ssl_leader{lease="rds-ssl-operator-2-of-8",shard="2/8"} 0.0' in text
    assert "rds_ssl_shards 8.0" in text


def test_what_runs_is_told() -> None:
    version = metadata.version("rds-ssl-operator")

    assert f'version="{version}"' in Metrics().render().decode()


def test_objects_are_told_by_the_process_that_leads_and_by_no_other() -> None:
    figures = Figures(ready=("True", "Verified"), conditions=(), ends=(END,), held=())
    entries = [(("shop", "orders"), "pgm-orders", figures)]
    leads = True
    metrics = Metrics()
    metrics.watch_objects(lambda: entries if leads else None, most=10)

    leading = asyncio.run(metrics.exposition()).decode()
    leads = False
    standing_by = asyncio.run(metrics.exposition()).decode()

    assert 'object_name="orders"' in leading
    assert "rds_ssl_objects_without_series 0" in leading
    assert "orders" not in standing_by
    assert "rds_ssl_objects_without_series" not in standing_by
    assert "rds_ssl_build_info" in standing_by


def test_two_operators_in_one_process_count_for_themselves() -> None:
    first, second = Metrics(), Metrics()

    first.change_verified()

    assert second.value("rds_ssl_changes_verified_total") == 0


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="process metrics need /proc")
def test_the_process_and_its_python_are_measured_too() -> None:
    text = Metrics().render().decode()

    assert "process_resident_memory_bytes " in text
    assert "python_info{" in text
