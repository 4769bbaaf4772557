"""Documents about metrics and alerts say what is served, and each rule links to its section."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import exposition
from support.exposition import Family

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "docs" / "monitoring.md"
ALERTS = ROOT / "docs" / "alerts.md"
RULES = ROOT / "deploy" / "monitoring" / "alerts.yaml"
DASHBOARD = ROOT / "deploy" / "monitoring" / "dashboard.json"
RULE_TESTS = [RULES.with_name(name) for name in ("alerts_test.yaml", "alerts_days_test.yaml")]

_LABEL = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"")
_METRIC = re.compile(r"\b(rds_ssl_\w+)(?:\{([^}]*)\})?")


@pytest.fixture(scope="module")
def served() -> dict[str, Family]:
    return asyncio.run(exposition.of_everything())


def rules() -> list[dict[str, Any]]:
    return [
        each for group in yaml.safe_load(RULES.read_text())["groups"] for each in group["rules"]
    ]


def table() -> list[Family]:
    row = r"^\| `(rds_ssl_\w+)` \| (\w+) \|([^|]*)\|"
    return [
        Family(name=name, kind=kind, labels=tuple(sorted(re.findall(r"`(\w+)`", labels))))
        for name, kind, labels in re.findall(row, MONITORING.read_text(), re.MULTILINE)
    ]


def test_the_tables_have_every_metric_that_is_served_with_its_type_and_labels(
    served: dict[str, Family],
) -> None:
    told = table()

    assert len(told) == len({each.name for each in told})
    assert {each.name: each for each in told} == served


def expressions() -> dict[str, str]:
    dashboard = json.loads(DASHBOARD.read_text())
    found = {f"alert {each['alert']}": each["expr"] for each in rules()}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            found[f"panel {panel['title']} {target['refId']}"] = target["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            found[f"variable {variable['name']}"] = variable["query"]["query"]
    found |= {
        f"query {number}": text
        for number, text in enumerate(re.findall(r"`([^`]*rds_ssl_[^`]*[({][^`]*)`", _queries()))
    }
    return found


def _queries() -> str:
    return MONITORING.read_text().partition("## Queries to begin with")[2].partition("\n## ")[0]


@pytest.mark.parametrize(("where", "expression"), expressions().items())
def test_an_expression_names_metrics_and_labels_that_exist(
    where: str, expression: str, served: dict[str, Family]
) -> None:
    del where
    by_sample = exposition.by_sample(served)

    named = _METRIC.findall(expression)

    assert named
    for metric, selectors in named:
        assert metric in by_sample
        labels = {*by_sample[metric].labels, "le", "namespace", "pod"}
        assert set(_LABEL.findall(selectors)) <= labels


def test_every_alert_says_how_bad_it_is_what_it_is_and_where_to_read_on() -> None:
    for each in rules():
        assert each["labels"]["severity"] in {"critical", "warning"}, each["alert"]
        assert each["annotations"].keys() == {"summary", "description", "runbook_url"}


def test_every_link_of_an_alert_leads_to_a_section_and_every_section_has_an_alert() -> None:
    sections = re.findall(r"^## (\w+)$", ALERTS.read_text(), re.MULTILINE)

    assert sections == [each["alert"] for each in rules()]
    for each in rules():
        page, _, anchor = each["annotations"]["runbook_url"].partition("#")
        assert page == "https://rds-ssl.dev/alerts/"
        assert anchor == each["alert"].lower()


def test_the_table_of_alerts_has_each_with_its_severity_and_summary() -> None:
    row = r"^\| \[(\w+)\]\(#(\w+)\) \| (\w+) \| (.+) \|$"

    assert re.findall(row, ALERTS.read_text(), re.MULTILINE) == [
        (
            each["alert"],
            each["alert"].lower(),
            each["labels"]["severity"],
            each["annotations"]["summary"],
        )
        for each in rules()
    ]


def test_every_alert_is_seen_to_fire_by_a_test_of_the_rules() -> None:
    fired = set()
    for file in RULE_TESTS:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for each in case.get("promql_expr_test", ()):
                if "firing" in each["expr"]:
                    for sample in each["exp_samples"]:
                        fired |= set(re.findall(r'alertname="(\w+)"', sample["labels"]))

    assert fired == {each["alert"] for each in rules()}


@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.name)
def test_every_case_of_the_rule_tests_lists_all_alerts_that_fire(file: Path) -> None:
    for case in yaml.safe_load(file.read_text())["tests"]:
        asked = [each["expr"] for each in case["promql_expr_test"]]
        assert all(re.fullmatch(r"count by \(alertname[^)]*\) \(ALERTS.*\)", one) for one in asked)


def test_alerts_of_objects_go_to_the_namespace_of_the_object_and_forget_the_process() -> None:
    for each in rules():
        if "object_namespace" in each["expr"]:
            assert each["labels"]["namespace"] == "{{ $labels.object_namespace }}"
        if "absent(" not in each["expr"]:
            assert re.search(r"\b(max|min|sum|count)\b", each["expr"]), each["alert"]


def test_no_metric_or_label_bears_the_name_of_a_secret(served: dict[str, Family]) -> None:
    words = {
        word
        for each in served.values()
        for name in (each.name, *each.labels)
        for word in name.split("_")
    }

    assert words.isdisjoint({"key", "secret", "token", "password", "pem", "subject", "issuer"})
