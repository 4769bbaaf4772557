"""The chart as Helm reads it: what is made of it, and what it refuses."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from support import chart
from support.helm import whole_chart

NAME = "rds-ssl-operator"
ROLE = "acs:ram::1234567890123456:role/rds-ssl"


@pytest.fixture(scope="module")
def helm(tool: Callable[[str], Path]) -> Path:
    return tool("helm")


@pytest.fixture(scope="module", params=["helm", "helm-3"])
def each_helm(request: pytest.FixtureRequest, tool: Callable[[str], Path]) -> Path:
    return tool(request.param)


def test_install_and_demo_are_what_helm_makes_of_the_chart(helm: Path) -> None:
    behind = [path.name for path, text in chart.rendered(helm).items() if path.read_text() != text]

    assert behind == [], "run `make render`"


def test_helm_has_nothing_to_complain_about(each_helm: Path, tmp_path: Path) -> None:
    for checked in (chart.CHART, whole_chart(tmp_path / "chart")):
        done = subprocess.run(
            [str(each_helm), "lint", "--strict", str(checked)],
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stdout + done.stderr
        assert not re.search(r"\[(WARNING|ERROR)\]", done.stdout)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("replicas=-1", "at '/replicas': minimum: got -1, want 0"),
        ("replicas=two", "at '/replicas': got string, want integer"),
        ("shards=0", "at '/shards': minimum: got 0, want 1"),
        ("settings.RDS_SSL_READONLY=true", "'RDS_SSL_READONLY' not allowed"),
        ("settings.RDS_SSL_READ_ONLY=yes", "at '/settings/RDS_SSL_READ_ONLY': got string"),
        ("settings.RDS_SSL_QUIET_PERIOD=10", "at '/settings/RDS_SSL_QUIET_PERIOD': got number"),
        ("settings.RDS_SSL_POLL=fast", "at '/settings/RDS_SSL_POLL': 'fast' does not match"),
        ("settings.RDS_SSL_SECRET_WATCH=some", "at '/settings/RDS_SSL_SECRET_WATCH': value must"),
        ("settings.RDS_SSL_NAMESPACES=team-a", "'RDS_SSL_NAMESPACES' not allowed"),
        ("namespaces={Team A}", "at '/namespaces/0': 'Team A' does not match pattern"),
        ("image.digest=abc", "at '/image/digest': 'abc' does not match pattern"),
        ("image.pullPolicy=Sometimes", "at '/image/pullPolicy': value must be one of"),
        ("rrsa.roleARN=rds-ssl", "at '/rrsa/roleARN': 'rds-ssl' does not match pattern"),
        ("resource.limits.cpu=1", "additional properties 'resource' not allowed"),
        ("networkPolicy.enable=true", "'enable' not allowed"),
        ("caBundle=no PEM", "at '/caBundle': 'no PEM' does not match pattern"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(helm: Path, given: str, words: str) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        chart.template(helm, NAME, "--set", given, namespace="a")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("settings.RDS_SSL_LEADER_ELECTION=off", "replicas must be 1 with settings"),
        ("rrsa.roleARN=" + ROLE, "rrsa.roleARN and rrsa.oidcProviderARN belong together"),
        ("serviceAccount.create=false", "serviceAccount.name: name the ServiceAccount"),
        ("rbac.material.team-a.secrets={a}", "rbac.material counts only with settings"),
    ],
)
def test_values_that_contradict_each_other_are_refused_with_the_remedy(
    each_helm: Path, given: str, words: str
) -> None:
    with pytest.raises(ValueError, match=re.escape(words)):
        chart.template(each_helm, NAME, "--set", given, namespace="a")


@pytest.mark.parametrize("kind", ["prometheusRule", "dashboard"])
def test_without_its_file_nothing_empty_is_installed(helm: Path, tmp_path: Path, kind: str) -> None:
    bare = whole_chart(tmp_path / "chart")
    for name in ("alerts.yaml", "dashboard.json"):
        (bare / "files" / name).unlink()

    with pytest.raises(ValueError, match=r"this chart has no files/\w+.\w+; `make render`"):
        chart.template(
            helm, NAME, f"--set=monitoring.{kind}.enabled=true", namespace="a", chart=bare
        )
