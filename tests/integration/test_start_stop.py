"""Starting with something missing, stopping in the middle, and what can be seen from outside."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from support import polling
from support.cluster import CREDENTIALS, DEPLOY, NAMESPACE, SERVICE_ACCOUNT, Cluster
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.shop import MODIFY, Shop, sweep
from support.simulator import ACCESS_KEY_ID, Simulator
from support.succession import Succession
from support.wire import Wire

READ = "DescribeDBInstanceSSL"
STOP_SECONDS = 20.0
SETTINGS = {"SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "0s"}


@pytest.fixture
def wire(rds: Simulator) -> Iterator[Wire]:
    """The way to the cloud."""
    with Wire(rds.url) as wire:
        yield wire


@pytest.fixture
def operators(cluster: Cluster, wire: Wire) -> Iterator[Succession]:
    """Operators, one after the other; none has been started."""
    with Succession(kubeconfig=cluster.kubeconfig, api_url=wire.url, **SETTINGS) as operators:
        yield operators
    sweep(cluster)


def wait_log(operator: OperatorProcess, text: str, *, seconds: float = 20) -> None:
    """Wait until its log holds a text."""
    polling.wait(
        lambda: None if text in operator.log else f"no {text!r} in the log:\n{operator.log}",
        seconds=seconds,
    )


def stop_within_the_limit(operator: OperatorProcess) -> None:
    """End it as Kubernetes does."""
    began = time.monotonic()
    assert operator.terminate() == 0
    assert time.monotonic() - began < polling.patience(STOP_SECONDS)


# -- start ----------------------------------------------------------------------------------------


def test_faulty_settings_are_told_all_at_once_and_end_with_2() -> None:
    faulty = {
        "RDS_SSL_SETTLE": "soon",
        "RDS_SSL_WORKERS": "many",
        "RDS_SSL_NETWORK": "moon",
        "RDS_SSL_API_URL": "http://rds.example.com",
        "RDS_SSL_RAED_ONLY": "true",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "not-to-be-shown",
    }
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    done = subprocess.run(
        [sys.executable, "-m", "rds_ssl", "run", "--poll", "often"],
        env={**kept, **faulty},
        capture_output=True,
        text=True,
        timeout=polling.patience(30),
        check=False,
    )

    assert done.returncode == 2
    for name in (*faulty, "--poll"):
        assert name in done.stderr
    assert "not-to-be-shown" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == len(faulty) + 1


@pytest.mark.timeout(180)
def test_without_the_definition_it_says_so_and_goes_on_by_itself_once_it_is_there(
    rds: Simulator,
) -> None:
    with ControlPlane.start(controllers=False) as control_plane:
        installed = list(yaml.safe_load_all((DEPLOY / "install.yaml").read_text()))
        others = [each for each in installed if each["kind"] != "CustomResourceDefinition"]
        assert len(others) == len(installed) - 1
        control_plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(others))
        kubeconfig = control_plane.kubeconfig_for(NAMESPACE, SERVICE_ACCOUNT)
        with OperatorProcess(
            kubeconfig=kubeconfig, api_url=rds.url, environ=None, **SETTINGS
        ) as operator:
            wait_log(operator, "CustomResourceDefinition dbinstancessls.rds-ssl.dev is missing")
            assert operator.get("/healthz")[0] == 200
            assert operator.get("/readyz")[0] == 503

            cluster = Cluster(control_plane)
            operator.wait_ready()
            shop = Shop(cluster, rds)
            shop.start_cloud()
            cluster.close()

            assert shop.cost() == (1, 1, 1)
            assert operator.log.count("is missing") == 1


@pytest.fixture
def visitor(cluster: Cluster) -> Iterator[Path]:
    """A kubeconfig of a ServiceAccount that may do nothing; its name is ``visitor``."""
    cluster.kubectl("-n", NAMESPACE, "create", "serviceaccount", "visitor")
    yield cluster.control_plane.kubeconfig_for(NAMESPACE, "visitor")
    for kind in ("clusterrolebinding", "clusterrole"):
        cluster.kubectl("delete", kind, "visitor", "--ignore-not-found")
    cluster.kubectl("-n", NAMESPACE, "delete", "serviceaccount", "visitor")


def give_rights(cluster: Cluster, *, without: str = "") -> None:
    """Give the visitor the operator's rights, but for those to one resource."""
    roles = yaml.safe_load_all((DEPLOY / "install.yaml").read_text())
    (role,) = (
        each
        for each in roles
        if (each["kind"], each["metadata"]["name"]) == ("ClusterRole", SERVICE_ACCOUNT)
    )
    for rule in role["rules"]:
        rule["resources"] = [each for each in rule["resources"] if each != without]
    role["rules"] = [rule for rule in role["rules"] if rule["resources"]]
    role["metadata"] = {"name": "visitor"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "visitor"},
        "roleRef": {**ROLE, "name": "visitor"},
        "subjects": [{"kind": "ServiceAccount", "name": "visitor", "namespace": NAMESPACE}],
    }
    manifests = yaml.safe_dump_all([role, binding])
    cluster.control_plane.kubectl("apply", "-f", "-", input=manifests)


ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole"}


def test_without_any_right_it_names_each_and_goes_on_by_itself_once_it_has_them(
    cluster: Cluster, visitor: Path, rds: Simulator
) -> None:
    with OperatorProcess(kubeconfig=visitor, api_url=rds.url, environ=None, **SETTINGS) as operator:
        for kind in ("dbinstancessls", "secrets", "configmaps"):
            wait_log(operator, f"the right to list {kind} cluster-wide is missing")
        assert operator.get("/readyz")[0] == 503

        give_rights(cluster)

        operator.wait_ready()
        stop_within_the_limit(operator)


def test_a_right_to_watch_that_is_missing_is_named_and_it_can_be_stopped_meanwhile(
    cluster: Cluster, visitor: Path, rds: Simulator
) -> None:
    give_rights(cluster, without="secrets")

    with OperatorProcess(kubeconfig=visitor, api_url=rds.url, environ=None, **SETTINGS) as operator:
        wait_log(operator, "the right to list secrets cluster-wide is missing")
        assert "dbinstancessls" not in operator.log
        stop_within_the_limit(operator)


def test_without_the_right_to_write_status_nothing_is_sent_until_it_has_it(
    cluster: Cluster, visitor: Path, rds: Simulator, shop: Shop
) -> None:
    give_rights(cluster, without="dbinstancessls/status")
    shop.add_instance()
    shop.write_pair(shop.leaf())
    shop.declare_custom()

    with OperatorProcess(kubeconfig=visitor, api_url=rds.url, environ=None, **SETTINGS) as operator:
        wait_log(operator, "dbinstancessls/status")
        assert shop.cost() == (0, 0, 0)

        give_rights(cluster)

        shop.wait_ready(reason="Verified")
        assert shop.cost() == (1, 1, 1)
    sweep(cluster)


def test_without_the_right_to_write_events_it_does_its_work_and_says_so(
    cluster: Cluster, visitor: Path, rds: Simulator, shop: Shop
) -> None:
    give_rights(cluster, without="events")

    with OperatorProcess(kubeconfig=visitor, api_url=rds.url, environ=None, **SETTINGS) as operator:
        shop.start_custom()

        assert shop.cost() == (1, 1, 1)
        wait_log(operator, "events is forbidden")
    sweep(cluster)


# -- stop and start again -------------------------------------------------------------------------


def test_changes_in_flight_are_left_to_the_next_process(shop: Shop, operators: Succession) -> None:
    first = operators.start()
    for name in ("changing", "asked"):
        shop.start_custom(name)
    shop.rds.config(durations={"change": 1000}, instance=shop.instance_id("changing"))
    slow = {"kind": "delay", "seconds": 3.0}
    shop.rds.fault(slow, action=MODIFY, instance=shop.instance_id("asked"))
    for name in ("changing", "asked"):
        shop.write_pair(shop.leaf(name), name)
    shop.wait_until("in flight", lambda: shop.truth("changing")["status"] == "SSL_MODIFYING")
    shop.wait_until("executed", lambda: shop.truth("asked")["accepted"] == 2)

    stop_within_the_limit(first)

    # The safe point is the written answer: without it the next one would have to guess.
    for name in ("changing", "asked"):
        assert shop.status(name)["operation"]["phase"] == "Accepted"
    shop.rds.clock(advance=1001)
    operators.start()
    for name in ("changing", "asked"):
        shop.wait_ready(name, reason="Verified")
        assert shop.cost(name) == (2, 2, 2)


def test_a_restart_with_objects_at_rest_reads_each_once_and_writes_nothing(
    shop: Shop, operators: Succession
) -> None:
    names = [f"db-{number}" for number in range(12)]
    first = operators.start()
    refusal = {"code": "InvalidServerCertOrPrivateKey", "status": 400}
    shop.rds.fault(refusal, action=MODIFY, instance=shop.instance_id(names[-1]))
    for name in names:
        shop.add_instance(name)
        shop.write_pair(shop.leaf(name), name)
        shop.declare_custom(name)
    for name in names[:-1]:
        shop.wait_ready(name)
    shop.wait("Stalled", "True", "ServerCertificateRejected", name=names[-1])
    stop_within_the_limit(first)
    shop.rds.clear_calls()
    before = {name: shop.get(name)["metadata"]["resourceVersion"] for name in names}

    second = operators.start().wait_ready()

    passes = "rds_ssl_passes_total"
    shop.wait_until("twelve passes", lambda: second.metric(passes, result="done") >= len(names))
    # What was refused may be repeated once the instance is another one: it is looked at as well.
    actions = sorted(each["action"] for each in shop.rds.calls())
    assert actions == ["DescribeDBInstanceAttribute", *[READ] * len(names)]
    assert {each["instance"] for each in shop.rds.calls()} == set(map(shop.instance_id, names))
    after = {name: shop.get(name)["metadata"]["resourceVersion"] for name in names}
    assert after == before


# -- what can be seen -----------------------------------------------------------------------------


def test_probes_and_metrics_tell_what_it_does_and_it_ends_in_peace(
    shop: Shop, operators: Succession
) -> None:
    operator = operators.start()
    operator.wait_ready()
    shop.start_custom()
    shop.add_instance("refused")
    refusal = {"code": "InvalidServerCertOrPrivateKey", "status": 400}
    shop.rds.fault(refusal, action=MODIFY, instance=shop.instance_id("refused"))
    shop.write_pair(shop.leaf("refused"), "refused")
    shop.declare_custom("refused")
    shop.wait("Stalled", "True", "ServerCertificateRejected", name="refused")

    assert operator.get("/healthz") == (200, "ok\n")
    assert operator.get("/readyz") == (200, "ok\n")
    assert operator.get("/secrets")[0] == 404
    status, text = operator.get("/metrics")
    assert status == 200
    for name in (
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "rds_ssl_queue_depth",
        "rds_ssl_watch_age_seconds",
        "rds_ssl_pass_duration_seconds_count",
    ):
        assert f"\n{name}" in text
    calls = "rds_ssl_api_calls_total"
    assert operator.metric(calls, action=MODIFY, code="OK") == 1
    assert operator.metric(calls, action=MODIFY, code="InvalidServerCertOrPrivateKey") == 1
    made = [*shop.calls("orders"), *shop.calls("refused")]
    assert operator.metric(calls, action=READ, code="OK") == sum(
        1 for each in made if each["action"] == READ
    )
    assert operator.metric("rds_ssl_passes_total", result="done") >= 2
    assert operator.metric("rds_ssl_passes_total", result="bug") == 0
    assert operator.metric("rds_ssl_changes_started_total", cause="spec") == 2
    assert operator.metric("rds_ssl_changes_verified_total") == 1
    shop.wait_until(
        "they are counted",
        lambda: (
            operator.metric("rds_ssl_objects", ready="True", reason="Verified") == 1
            and operator.metric("rds_ssl_objects", ready="False") == 1
        ),
    )


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_log_holds_a_key_whatever_breaks(
    shop: Shop, operators: Succession, wire: Wire, log_format: str
) -> None:
    operators.start(LOG_LEVEL="debug", LOG_FORMAT=log_format, SETTLE="1s")
    breaks: list[dict[str, object]] = [
        {"kind": "reset-before"},
        {"kind": "reset-after"},
        {"kind": "html"},
        {"code": "InvalidServerCertOrPrivateKey", "status": 400},
    ]
    for number, fault in enumerate(breaks):
        name = f"db-{number}"
        shop.add_instance(name)
        shop.rds.fault(fault, action=MODIFY, instance=shop.instance_id(name))
        leaf = shop.leaf(name)
        operators.secrets.append(leaf.key_pem())
        shop.write_pair(leaf, name)
        shop.declare_custom(name)
    for name in ("db-0", "db-1", "db-2"):
        shop.wait_ready(name)
    wire.cut(MODIFY)
    leaf = shop.leaf("db-3")
    operators.secrets.append(leaf.key_pem())
    shop.write_pair(leaf, "db-3")
    wire.caught()
    shop.wait_ready("db-3")
    shop.cluster.secret(shop.namespace, CREDENTIALS, {"accessKeyId": ACCESS_KEY_ID})

    shop.write_pair(shop.leaf("db-3"), "db-3")
    shop.wait("Stalled", "True", "CredentialsInvalid", name="db-3")

    assert shop.rds.stats()["keys_in_url"] == 0
    assert "BEGIN" not in operators.log
    operators.check_logs()
    if log_format == "json":
        check_json(operators.log, shop)


def check_json(log: str, shop: Shop) -> None:
    """Each line is an object, and those about an object say which."""
    lines = [json.loads(line) for line in log.splitlines()]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
    (accepted, *_) = [line for line in lines if line["message"] == "accepted"]
    assert accepted["namespace"] == shop.namespace
    assert accepted["instance_id"] == shop.instance_id(accepted["name"])
    assert accepted["action"] == MODIFY
    assert accepted["request_id"]
