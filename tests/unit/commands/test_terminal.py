"""What is printed on a terminal: the same words as elsewhere, in colours unless NO_COLOR is set."""

import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from rds_ssl.commands import terminal
from rds_ssl.commands.formatting import indented, table
from rds_ssl.commands.overview import status_detail, status_table
from rds_ssl.commands.views import ObjectView
from support import statuses

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(autouse=True)
def _as_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)


def shown(lines: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    terminal.show(lines)
    return capsys.readouterr().out


def words(text: str) -> list[list[str]]:
    return [line.split() for line in _STYLE.sub("", text).splitlines() if line.strip()]


def seen() -> list[ObjectView]:
    made = (statuses.settled(), statuses.pending(), statuses.stalled("ApplyFailed"))
    return [ObjectView.of(statuses.manifest(status=each)) for each in made]


def test_a_terminal_shows_the_same_words_as_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    for lines in (status_table(seen(), NOW), *(status_detail(each, NOW) for each in seen())):
        text = shown(lines, capsys)

        assert _STYLE.search(text)
        assert words(text) == words("\n".join(lines))


def test_a_row_that_is_wider_than_the_terminal_stays_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = shown(table(("A", "B"), [("x" * 70, "y" * 70)]), capsys)

    assert words(text) == [["A", "B"], ["x" * 70, "y" * 70]]


def test_what_is_wrong_is_red_and_what_is_well_is_green(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [("True", "x (12d left)"), ("False", "x (expired 3d ago)")]

    text = shown(table(("READY", "EXPIRES"), rows), capsys)

    assert re.search(r"\x1b\[32mTrue", text)
    assert re.search(r"\x1b\[33mx \(12d left\)", text)
    assert re.search(r"\x1b\[1;31mFalse", text)
    assert re.search(r"\x1b\[1;31mx \(expired 3d ago\)", text)


def test_a_table_below_a_heading_stays_indented(capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(["History", *indented(indented(table(("A",), [("b",)])))], capsys)

    assert _STYLE.sub("", text).splitlines()[2].startswith("    b")


def test_without_colours_there_is_no_colour(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")

    text = shown(table(("READY",), [("True",), ("False",)]), capsys)

    codes = {code for each in _STYLE.findall(text) for code in each[2:-1].split(";")}
    assert codes <= {"", "0", "1", "2"}  # Bold and dim are no colours.


def test_what_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert words(shown(["[red]a[/red] :smile:"], capsys)) == [["[red]a[/red]", ":smile:"]]


def test_where_there_is_no_terminal_it_is_not_imported() -> None:
    code = """
import sys
from rds_ssl.cli import main
main(["explain", "Weakens"], standalone_mode=False)
sys.exit("rich" in sys.modules)
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0
    assert "\x1b" not in ended.stdout
