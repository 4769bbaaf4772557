"""The process itself at DEBUG, with marked secrets, under the simulator's faults: nothing leaks."""

import json
import os
import signal
from pathlib import Path

import pytest

from leaks.marked import KEY_ID, OWN_KEY_ID, finds, marked
from support import pki
from support.cluster import CREDENTIALS, Cluster
from support.collector import Collector
from support.operator_process import OperatorProcess
from support.shop import MODIFY, Shop
from support.simulator import Simulator

FAULTS: tuple[dict[str, object], ...] = (
    {"kind": "code", "code": "InternalError", "status": 500},
    {"kind": "html"},
    {"kind": "empty"},
    {"kind": "bare"},
    {"kind": "reset-before"},
    {"kind": "reset-after"},
    {"kind": "throttle", "retry_after_ms": 100},
    {"kind": "code", "after": True, "code": "ServiceUnavailable", "status": 503},
)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_channel_of_the_process_has_a_secret(
    cluster: Cluster, rds: Simulator, tmp_path: Path, log_format: str
) -> None:
    secrets = marked()
    shop = Shop(cluster, rds)
    access_key, token = secrets["access key"].text, secrets["token"].text
    rds.put_access_key(KEY_ID, secret=access_key, token=token)
    data: dict[str, str | bytes] = {"accessKeyId": KEY_ID, "accessKeySecret": access_key}
    cluster.secret(shop.namespace, CREDENTIALS, data | {"securityToken": token})
    settings = {
        "LOG_LEVEL": "debug",
        "LOG_FORMAT": log_format,
        "VERIFY_AFTER": "0s",
        "SETTLE": "2s",
        "POLL": "1s",
        "PROXY": "http://proxy.invalid:3128",
        "PROXY_CREDENTIALS": secrets["proxy login"].text,
    }
    environ = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": OWN_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": secrets["own access key"].text,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "PYTHONDEVMODE": "1",  # asyncio's debug mode, all warnings, faulthandler.
        "TMPDIR": str(tmp_path),
    }
    with (
        Collector() as collector,
        OperatorProcess(
            kubeconfig=cluster.kubeconfig,
            api_url=rds.url,
            environ=environ,
            TRACING_ENDPOINT=collector.url,
            **settings,
        ) as operator,
    ):
        operator.wait_ready()
        shop.add_instance()
        key = secrets["private key"].text.encode()
        shop.write_tls(_certificate(shop, "One", key), key)
        shop.declare_custom()
        shop.wait_ready()
        for number, fault in enumerate(FAULTS):
            told = len(operator.log)
            rds.fault(fault, instance=shop.instance_id(), action=MODIFY)
            rds.fault(fault, instance=shop.instance_id(), action="DescribeDBInstanceSSL")
            shop.write_tls(_certificate(shop, f"Root {number}", key), key)
            shop.wait_until("it has met the fault", lambda told=told: len(operator.log) > told)
        rds.clear_faults()
        data["accessKeySecret"] = secrets["own access key"].text
        cluster.secret(shop.namespace, CREDENTIALS, data)
        shop.wait("Ready", "False")
        shop.wait_until(
            "a trace tells of it",
            lambda: any(
                each.attributes.get("rds_ssl.ready") == "False" for each in collector.spans
            ),
        )
        metrics = operator.get("/metrics")[1]
        process = Path(f"/proc/{operator.pid}")
        limits = (process / "limits").read_text()
        channels = {
            "metrics": metrics.encode(),
            "command line": (process / "cmdline").read_bytes(),
            "objects": _all_but_secrets(cluster, shop.namespace),
            "traces": collector.content,
            "the simulator's ledger": json.dumps(shop.calls()).encode(),
        }
        os.kill(operator.pid, signal.SIGABRT)
        operator.wait_ended()
        channels["log"] = operator.log.encode()
        channels["temporary files"] = b"".join(
            each.read_bytes() for each in tmp_path.rglob("*") if each.is_file()
        )

    found = {name: dict(finds(content)) for name, content in channels.items()}
    assert [name for name, each in found.items() if each] == [], found
    told = {each.name for each in collector.spans}
    assert told >= {"pass", MODIFY, "GET secrets", "PATCH dbinstancessls/status"}
    assert "Fatal Python error: Aborted" in channels["log"].decode()
    assert "Max core file size        0                    0" in limits


def _certificate(shop: Shop, issuer: str, key: bytes) -> bytes:
    made = pki.make_root(issuer).leaf(shop.host(), key=pki.read_rsa_key(key))
    return made.chain_pem


def _all_but_secrets(cluster: Cluster, namespace: str) -> bytes:
    """Give all objects of a namespace as the API server has them, Secrets apart."""
    found = [cluster.get(namespace, each["metadata"]["name"]) for each in cluster.list(namespace)]
    found += cluster.events(namespace)
    path = f"/api/v1/namespaces/{namespace}/configmaps"
    return json.dumps([*found, cluster.request("GET", path)]).encode()
