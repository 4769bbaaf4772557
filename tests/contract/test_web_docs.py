"""docs/web.md says what the page and its command do."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from rds_ssl.cli import main
from rds_ssl.commands.page import pages, query, serving
from rds_ssl.commands.web import PORT, web

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "web.md").read_text()


def section(heading: str) -> str:
    return re.split(r"^##+ ", TEXT.split(f"\n## {heading}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    return re.findall(r"^\| (.+?) \|", text, re.MULTILINE)[1:]


def test_every_flag_of_help_is_told_and_no_other() -> None:
    told = {
        flag for cell in first_cells(section("Flags")) for flag in re.findall(r"`(-[\w-]+)`", cell)
    }
    flags = {option for each in web.params for option in each.opts}

    assert told | {"--namespace", "--all-namespaces"} == flags
    assert f"; {PORT} if it is not given" in TEXT
    assert main.commands["web"] is web


def test_every_parameter_of_an_address_is_told_with_its_values_and_bounds() -> None:
    text = section("Addresses")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", text, re.MULTILINE))

    link = query.Query(
        namespace="a", state=query.State.HELD, text="b", sort=query.Sort.NAME, page=2, refresh=9
    ).link(page=2)
    assert set(rows) == set(re.findall(r"(\w+)=", link))
    assert re.findall(r"`(\w+)`", rows["state"]) == [
        *("stalled", "held", "expiring", "working", "unknown", "ready")
    ]
    assert set(re.findall(r"`(\w+)`", rows["state"])) == {each.value for each in query.State}
    assert set(re.findall(r"`(\w+)`", rows["sort"])) == {each.value for each in query.Sort}
    assert f"from {query.REFRESH_AT_LEAST} to {query.REFRESH_AT_MOST}" in rows["refresh"]
    assert f"{pages.ROWS_SHOWN} instances or changes, or {pages.CARDS_SHOWN} plans" in rows["page"]
    assert serving.FRESH == 2.0
    assert "once in two seconds at most" in text


def manifests() -> dict[str, dict[str, Any]]:
    (block,) = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    return {each["kind"]: each for each in yaml.safe_load_all(block)}


def test_the_pod_of_a_team_runs_the_command_with_a_role_that_exists() -> None:
    made = manifests()
    pod = made["Deployment"]["spec"]["template"]["spec"]
    roles = [
        each["metadata"]["name"]
        for each in yaml.safe_load_all((ROOT / "deploy" / "install.yaml").read_text())
        if each["kind"] == "ClusterRole"
    ]

    assert made["ClusterRoleBinding"]["roleRef"]["name"] in roles
    assert pod["serviceAccountName"] == made["ServiceAccount"]["metadata"]["name"]
    name, *arguments = pod["containers"][0]["args"]
    command = main.commands[name]
    with click.Context(command) as context:
        command.parse_args(context, arguments)
    assert context.params["everywhere"] is True


@pytest.mark.parametrize(
    "told",
    [
        "This page answers to localhost and 127.0.0.1 alone",
        "This cannot be shown",
        "of 127.0.0.1 cannot be taken",
    ],
)
def test_the_messages_are_those_of_the_code(told: str) -> None:
    folder = ROOT / "operator" / "rds_ssl" / "commands" / "page"
    source = "".join(
        each.read_text() for each in (*folder.glob("*.py"), *(folder / "templates").glob("*.html"))
    )

    assert told in TEXT
    assert told.replace("127.0.0.1 cannot", "{HOST} cannot") in source
