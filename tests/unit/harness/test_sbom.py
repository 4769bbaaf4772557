"""The bill of materials is that of uv.lock, no more and no less, with licences."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.markers import Marker

from support import sbom
from support.go_command import ROOT

PROJECT = "rds-ssl-operator"

SPDX = {
    *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "MIT", "MPL-2.0", "PSF-2.0", "ISC"),
    *("0BSD", "LGPL-2.1-or-later", "MIT-0", "Unlicense"),
}
"""Those that have been looked at: another one is to be read before it is shipped."""


@pytest.fixture(scope="module")
def bill() -> dict[str, Any]:
    return sbom.bill_of_materials()


def needed(locked: dict[str, Any], name: str, extras: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield the dependencies of a package on Linux, with the extras that they are asked with."""
    package = locked[name]
    groups = [package.get("dependencies", [])]
    groups += [package.get("optional-dependencies", {}).get(extra, []) for extra in extras]
    environment = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    for each in (one for group in groups for one in group):
        if "marker" not in each or Marker(each["marker"]).evaluate(environment):
            yield each["name"], each.get("extra", [])


def test_it_lists_what_the_lock_says_is_needed_at_run_time(bill: dict[str, Any]) -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {each["name"]: each for each in lock["package"]}
    found: set[str] = set()
    ahead: list[tuple[str, list[str]]] = [(PROJECT, [])]
    while ahead:
        for name, extras in needed(locked, *ahead.pop()):
            if name not in found or extras:
                found.add(name)
                ahead.append((name, extras))

    listed = {each["name"]: each["version"] for each in bill["components"]}

    assert listed == {name: locked[name]["version"] for name in found}


def test_nothing_for_tests_pages_or_tracing_is_in_it(bill: dict[str, Any]) -> None:
    names = {each["name"] for each in bill["components"]}

    assert {"kopf", "rich", "jinja2", "cryptography"} <= names
    assert names & {"pytest", "uv", "lupa", "mkdocs-material", "opentelemetry-sdk"} == set()


def test_each_has_its_licence_and_each_licence_is_a_known_one(bill: dict[str, Any]) -> None:
    told = {each["name"]: each.get("licenses") for each in bill["components"]}

    assert {name for name, licences in told.items() if not licences} == set()
    text = [
        one["license"]["id"] if "license" in one else one["expression"]
        for licences in told.values()
        for one in licences or ()
    ]
    words = {word for each in text for word in each.split() if word not in {"AND", "OR"}}
    assert words <= SPDX


def test_each_can_be_found_and_checked(bill: dict[str, Any]) -> None:
    for each in bill["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}"
        hashes = [one["hashes"][0]["alg"] for one in each["externalReferences"]]
        assert set(hashes) == {"SHA-256"}
        assert all(
            one["url"].startswith("https://files.pythonhosted.org/")
            for one in each["externalReferences"]
        )


def test_it_is_a_bill_of_the_operator_that_is_the_same_twice(bill: dict[str, Any]) -> None:
    again = sbom.bill_of_materials()

    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.5")
    assert bill["metadata"]["component"]["name"] == PROJECT
    assert json.dumps(again) == json.dumps(bill)
