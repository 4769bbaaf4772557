"""What is printed while something goes on: on a terminal in place, elsewhere line by line."""

import io
import json
import sys
from datetime import UTC, datetime

import pytest

from rds_ssl.commands.formatting import table
from rds_ssl.commands.types import Answer
from rds_ssl.commands.watching import Watcher

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


class Screen(io.StringIO):
    """A standard output that is a terminal."""

    def isatty(self) -> bool:
        return True


def answer(digest: str, *, words: str = "in 16h", note: str = "") -> Answer:
    lines = table(("DIGEST", "MAY START"), [(digest, words)])
    return Answer(lines=lines, value=[{"digest": digest}], notes=[note] if note else [])


def test_the_same_is_told_once_however_its_words_move_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    watcher = Watcher("table", lambda: NOW)

    for each in (answer("a"), answer("a", words="in 15h"), answer("b"), answer("b", note="Look!")):
        watcher.told(each)

    told = capsys.readouterr().out
    assert told.count("--- 2026-11-24T03:00:00Z") == 3
    assert "in 15h" not in told
    assert told.endswith("Look!\n")


def test_programs_get_a_line_for_each_change(capsys: pytest.CaptureFixture[str]) -> None:
    watcher = Watcher("json", lambda: NOW)

    for each in (answer("a"), answer("a", words="in 15h"), answer("b")):
        watcher.told(each)

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert told == [[{"digest": "a"}], [{"digest": "b"}]]


def test_a_terminal_shows_the_last_in_the_place_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    watcher = Watcher("table", lambda: NOW)

    watcher.told(answer("a"))
    watcher.told(answer("a", words="in 15h"))

    shown = screen.getvalue()
    assert shown.count("\x1b[2J") == 2
    assert "in 15h" in shown.rpartition("\x1b[2J")[2]
    assert "Ctrl-C ends it" in shown
