"""
The dashboard, the alerts and the metrics beside a real Prometheus that scrapes a real run.

Every panel has something to show, for everything that has a panel happens in `incidents.play`.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support import incidents, polling, prometheus
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.prometheus import Prometheus, panel_expression
from support.shop import Shop
from support.simulator import Simulator

pytestmark = [
    pytest.mark.skipif(bool(prometheus.missing()), reason=f"no Prometheus: {prometheus.missing()}"),
    pytest.mark.timeout(polling.patience(120)),
]

OPERATOR = incidents.SETTINGS
MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
PANELS = [
    each
    for each in json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    if each["type"] != "row"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What was played, as a Prometheus has seen it."""

    prometheus: Prometheus
    shop: Shop
    began: float
    ended: float


@pytest.fixture(scope="module")
def run(cluster: Cluster, rds: Simulator, operator: OperatorProcess) -> Iterator[Run]:
    assert operator.port is not None
    shop, began = Shop(cluster, rds), time.time()
    with Prometheus([operator.port], rules=MONITORING / "alerts.yaml") as scraping:
        incidents.play(shop)
        yield Run(prometheus=scraping, shop=shop, began=began, ended=time.time())


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_every_query_of_a_panel_has_an_answer(run: Run, panel: dict[str, Any]) -> None:
    for target in panel["targets"]:
        asked = panel_expression(target["expr"], seconds=int(time.time() - run.began))
        if target.get("instant"):
            found = run.prometheus.query(asked)
        else:
            found = run.prometheus.samples(asked, start=run.began, end=run.ended)

        assert found, f"{panel['title']}: {asked}"


def test_an_object_is_told_by_its_names_and_ends_when_what_is_in_force_does(run: Run) -> None:
    name = f'object_namespace="{run.shop.namespace}",object_name="soon"'
    status = run.shop.status("soon")

    (end,) = run.prometheus.query(
        f'rds_ssl_expiry_timestamp_seconds{{{name},kind="server_certificate"}}'
    )

    told = status["observed"]["serverCertificate"]["notAfter"]
    assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(float(end["value"][1]))) == told
    assert end["metric"]["instance_id"] == run.shop.instance_id("soon")


def test_every_kind_of_end_is_told(run: Run) -> None:
    found = run.prometheus.query("count by (kind) (rds_ssl_expiry_timestamp_seconds)")

    assert {each["metric"]["kind"] for each in found} == {
        "server_certificate",
        "intermediate",
        "client_ca",
        "revocation_list",
    }


def test_every_rule_is_evaluated_and_those_fire_that_have_a_cause(run: Run) -> None:
    def problem() -> str | None:
        active = {each["labels"]["alertname"] for each in run.prometheus.ask("alerts")["alerts"]}
        wanted = {"RdsSslExpiring", "RdsSslStalled", "RdsSslCredentialsFailing"}
        return None if wanted <= active else f"only {active}"

    polling.wait(problem, seconds=20)
    rules = [rule for group in run.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert len(rules) >= 20
    assert {rule["name"]: rule["health"] for rule in rules if rule["health"] != "ok"} == {}
    absent = {"RdsSslOperatorAbsent", "RdsSslNoLeader", "RdsSslShardMissing", "RdsSslPassFailed"}
    assert {rule["name"] for rule in rules if rule["alerts"]}.isdisjoint(absent)


def test_the_series_of_an_object_end_with_it(run: Run) -> None:
    name = f'{{object_namespace="{run.shop.namespace}",object_name="db-00"}}'
    assert run.prometheus.query(f"rds_ssl_condition{name}")

    run.shop.delete("db-00")

    polling.wait(
        lambda: "still told" if run.prometheus.query(f"rds_ssl_condition{name}") else None,
        seconds=20,
    )
