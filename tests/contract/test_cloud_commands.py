"""The documents of `rds-ssl import` and `doctor` say what these take and ask."""

import re
from pathlib import Path

import click
import pytest

from rds_ssl.commands.cloud_commands import CLOUD_COMMANDS, INCOMPLETE, REFUSED, USAGE
from rds_ssl.commands.diagnosis import QUESTIONS

DOCS = Path(__file__).parents[2] / "docs"


def section(page: str, heading: str) -> str:
    """Give the text below a heading, up to the next one of its level."""
    text = (DOCS / page).read_text().partition(f"\n## {heading}\n")[2]
    assert text, heading
    return text.partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    return [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]


def options(command: click.Command) -> set[str]:
    """Give the options as --help lists them, and the argument."""
    with click.Context(command, info_name=command.name) as context:
        listed = command.get_help(context).partition("Options:")[2]
        names = set(re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)(?= |,|$)", listed, re.MULTILINE))
        named = {each for one in command.params for each in one.opts if each.startswith("-")}
        arguments = [one for one in command.params if isinstance(one, click.Argument)]
    assert arguments
    return (names & named) | {"INSTANCE_ID..."}


@pytest.mark.parametrize("command", CLOUD_COMMANDS, ids=lambda each: each.name)
def test_each_option_of_help_has_a_row_and_each_row_is_an_option(command: click.Command) -> None:
    assert command.name is not None
    cells = first_cells(section("commands.md", command.name.capitalize()))
    told = {
        name.split()[0] for cell in cells for name in re.findall(r"`(-?-?[A-Za-z][^`]*)`", cell)
    }

    assert told == options(command)


def test_the_first_hour_has_a_row_for_each_question_and_no_other() -> None:
    cells = first_cells(section("first-account.md", "2. Ask (5 minutes)"))

    assert [cell.strip("`") for cell in cells] == [each.name for each in QUESTIONS]


def test_the_exit_codes_are_in_the_table() -> None:
    rows = re.findall(r"^\| ([0-9]) \|", section("commands.md", "Exit codes"), re.MULTILINE)

    assert [int(each) for each in rows] == [0, REFUSED, USAGE, INCOMPLETE]
