"""The chart is documented and checked to the last value, and what is made of it is up to date."""

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from rds_ssl.settings import describe, flags, load
from support import chart

VALUES = (chart.CHART / "values.yaml").read_text()
TEMPLATES = "".join(path.read_text() for path in chart.CHART.glob("templates/*"))
SCHEMA = json.loads((chart.CHART / "values.schema.json").read_text())
VERSION = tomllib.loads((chart.ROOT / "pyproject.toml").read_text())["project"]["version"]


def loaded(path: str) -> Any:  # noqa: ANN401  # As YAML has it.
    return yaml.safe_load((chart.ROOT / path).read_text())


def test_what_is_copied_and_generated_is_as_its_sources_are() -> None:
    behind = [path.name for path, text in chart.written().items() if path.read_text() != text]

    assert behind == [], "run `make render`"


def test_what_helm_made_is_of_the_chart_as_it_is() -> None:
    assert chart.stale() == [], "run `make render`"


def test_nothing_is_copied_whose_source_is_gone() -> None:
    there = {path.name for path in (chart.CHART / "files").iterdir()}

    assert there == {name for name, source in chart.COPIED.items() if source.exists()}


def test_every_value_is_documented() -> None:
    assert chart.undocumented(VALUES) == []


def test_a_value_without_a_comment_is_noticed() -> None:
    assert chart.undocumented("a:\n  # -- Told.\n  b: 1\n  c: 2\n") == ["a.c"]
    assert chart.documented("# -- Told.\na: [1]\n") == [chart.Value("a", "list", "[1]", "Told.")]


def test_every_value_that_a_template_reads_is_there_and_every_one_is_read() -> None:
    known = yaml.safe_load(VALUES)
    read = set(re.findall(r"\.Values\.(\w+)", TEMPLATES))

    assert read == set(known)


def test_the_schema_knows_each_value_and_no_other() -> None:
    def compare(values: dict[str, Any], schema: dict[str, Any], path: str) -> None:
        if schema.get("additionalProperties") is not False or path == "settings":
            return
        assert set(values) | ({"global"} if not path else set()) == set(schema["properties"]), path
        for name, value in values.items():
            if isinstance(value, dict):
                compare(value, schema["properties"][name], name)

    compare(yaml.safe_load(VALUES), SCHEMA, "")


def test_every_setting_is_reached_by_its_name_or_by_a_value_that_stands_for_it() -> None:
    named = set(SCHEMA["properties"]["settings"]["properties"])

    assert named | set(chart.BY_OTHER_VALUES) == {flag.variable for flag in flags()}
    assert not named & set(chart.BY_OTHER_VALUES)
    secret = {each.name for each in describe(load({}))} - {flag.variable for flag in flags()}
    assert all(f"`{name}`" in VALUES for name in secret - {"ALIBABA_CLOUD_SECURITY_TOKEN"})


@pytest.mark.parametrize(
    ("variable", "schema"),
    [
        ("RDS_SSL_READ_ONLY", {"type": "boolean"}),
        ("RDS_SSL_WORKERS", {"type": "integer", "minimum": 1, "maximum": 1000}),
        ("RDS_SSL_API_RATE", {"type": "number", "minimum": 0}),
        ("RDS_SSL_SECRET_WATCH", {"enum": ["all", "named", "off"]}),
        ("RDS_SSL_PROXY", {"type": "string"}),
    ],
)
def test_the_schema_has_a_setting_with_its_bounds(variable: str, schema: object) -> None:
    found = SCHEMA["properties"]["settings"]["properties"][variable]

    assert {key: value for key, value in found.items() if key != "description"} == schema
    assert found["description"]


def test_a_duration_in_the_schema_is_what_the_operator_reads() -> None:
    pattern = SCHEMA["properties"]["settings"]["properties"]["RDS_SSL_RESYNC"]["pattern"]

    for text in ("10s", "1h30m", "0.5s", "720h"):
        assert re.search(pattern, text)
        assert load({"RDS_SSL_EXPIRY_WARNING": text})
    for text in ("10", "10 s", "fast", "-1s"):
        assert not re.search(pattern, text)


def test_the_version_of_the_chart_is_that_of_everything() -> None:
    described = loaded("deploy/chart/Chart.yaml")
    (image,) = loaded("deploy/demo/kustomization.yaml")["images"]

    assert (described["version"], described["appVersion"]) == (VERSION, VERSION)
    assert image == {"name": described["name"], "newTag": VERSION}
