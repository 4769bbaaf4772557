"""The alerts, by promtool: they are well-formed, and fire when they have to and not otherwise."""

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import exposition, polling

pytestmark = pytest.mark.timeout(polling.patience(240))

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
RULES = MONITORING / "alerts.yaml"
TESTS = ["alerts_test.yaml", "alerts_days_test.yaml"]


@pytest.fixture(scope="module")
def promtool(tool: Callable[[str], Path]) -> Path:
    """The program; the first build takes minutes."""
    return tool("promtool")


def run(promtool: Path, *arguments: str | Path, given: str = "") -> tuple[int, str]:
    ended = subprocess.run(
        [promtool, *arguments], input=given, capture_output=True, text=True, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_the_rules_are_well_formed(promtool: Path) -> None:
    status, said = run(promtool, "check", "rules", "--lint=all", "--lint-fatal", RULES)

    assert status == 0, said


@pytest.mark.parametrize("file", TESTS)
def test_each_alert_fires_when_it_has_to_and_not_otherwise(promtool: Path, file: str) -> None:
    status, said = run(promtool, "test", "rules", MONITORING / file)

    assert status == 0, said


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param(
            "alerts_test.yaml",
            "max by (shard, lease) (rds_ssl_leader)",
            "max(rds_ssl_leader)",
            id="one shard of two",
        ),
        pytest.param("alerts_test.yaml", "> 0.05", "> 0.5", id="throttled"),
        pytest.param(
            "alerts_test.yaml",
            "max(rds_ssl_watch_age_seconds)",
            "rds_ssl_watch_age_seconds",
            id="twice",
        ),
        pytest.param(
            "alerts_days_test.yaml", 'predicted="None",seen="true"', 'seen="true"', id="predicted"
        ),
    ],
)
def test_a_rule_that_is_broken_is_found(
    promtool: Path, tmp_path: Path, file: str, old: str, new: str
) -> None:
    text = RULES.read_text()
    assert old in text
    (tmp_path / "alerts.yaml").write_text(text.replace(old, new))
    (tmp_path / file).write_text((MONITORING / file).read_text())

    status, said = run(promtool, "test", "rules", tmp_path / file)

    assert status == 1, said


def test_the_metrics_keep_the_rules_of_prometheus(promtool: Path) -> None:
    text = asyncio.run(exposition.text())

    status, said = run(promtool, "check", "metrics", given=text)

    assert status == 0, said
