"""What is told of a change: before it is made, and after it."""

import base64
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from support import pki
from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import MODIFY, ORDERS, Shop

pytestmark = pytest.mark.usefixtures("operator")

SLOW = timedelta(seconds=1)
"""How long an Event takes to be stored; the operator gives up after two."""

WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


class SlowEvents:
    """An admission webhook that lets Events of a namespace wait before they are stored."""

    def __init__(self) -> None:
        self.admitted: dict[str, datetime] = {}
        """By reason: when an Event was let through."""

    @contextmanager
    def serving(self, cluster: Cluster, namespace: str, directory: Path) -> Iterator[None]:
        """Serve the webhook, and have the API server ask it."""
        root = pki.make_root("Webhook root")
        leaf = root.leaf("127.0.0.1")
        pair = directory / "webhook.pem"
        pair.write_bytes(leaf.chain_pem + leaf.key_pem())
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(pair)
        server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        name = f"slow-events.{namespace}.test"
        webhook = {
            "name": name,
            "clientConfig": {
                "url": f"https://127.0.0.1:{server.server_port}/",
                "caBundle": base64.b64encode(root.pem).decode(),
            },
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
            "rules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["events"],
                }
            ],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        cluster.request(
            "POST",
            WEBHOOKS,
            {"metadata": {"name": name}, "webhooks": [webhook]},
        )
        try:
            yield
        finally:
            cluster.request("DELETE", f"{WEBHOOKS}/{name}")
            server.shutdown()
            server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        admitted = self.admitted

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(SLOW.total_seconds())
                reason = review["request"]["object"]["reason"]
                admitted.setdefault(reason, datetime.now(UTC))
                answer = {"uid": review["request"]["uid"], "allowed": True}
                body = json.dumps({**review, "request": None, "response": answer}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture
def slow_events(cluster: Cluster, shop: Shop, tmp_path: Path) -> Iterator[SlowEvents]:
    """Events of the shop's namespace take a second."""
    webhook = SlowEvents()
    with webhook.serving(cluster, shop.namespace, tmp_path):
        yield webhook


def test_no_call_that_restarts_is_made_before_its_event_is_stored(
    shop: Shop, slow_events: SlowEvents
) -> None:
    shop.add_instance()
    # A webhook is not asked from the first moment on.
    shop.wait_until("the webhook is asked", lambda: asked(shop, slow_events))

    shop.declare()

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)
    called = instant(shop.modifies()[0]["time"])
    assert slow_events.admitted["ChangeStarted"] <= called


def asked(shop: Shop, slow_events: SlowEvents) -> bool:
    """Whether the API server asks the webhook about an Event of ours."""
    event = {
        "metadata": {"generateName": "probe.", "namespace": shop.namespace},
        "involvedObject": {"namespace": shop.namespace},
        "reason": "Probe",
    }
    shop.cluster.request("POST", f"/api/v1/namespaces/{shop.namespace}/events", event)
    return "Probe" in slow_events.admitted


def test_events_tell_what_is_about_to_be_done_and_what_has_come_of_it(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.adopt_custom()
    started = operator.metric("rds_ssl_changes_started_total")
    # Whoever counts restarts to come sees this one before its answer.
    slow = {"kind": "delay", "seconds": 8}  # Time enough to look, on a busy machine too.
    shop.rds.fault(slow, action=MODIFY, instance=shop.instance_id())

    shop.write_pair(shop.leaf())

    shop.wait_until("it was sent", shop.modifies)
    (event,) = shop.events("ChangeStarted")
    assert shop.status()["plan"]["digest"] in event["message"]
    assert "Cause: rotation." in event["message"]
    assert "Impacts: Restart." in event["message"]
    assert operator.metric("rds_ssl_changes_started_total") == started + 1
    shop.wait_until("it is told how it ended", lambda: shop.events("ChangeVerified"))
    (ended,) = shop.events("ChangeVerified")
    for words in ("In force after", "seen to be busy", "its server certificate is another one"):
        assert words in ended["message"]
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_the_history_tells_what_was_done_why_and_what_came_of_it(shop: Shop) -> None:
    # Longer than the first read-back is away, which so sees the instance busy.
    shop.rds.config(durations={"change": 1.5}, instance=shop.instance_id())
    shop.start_custom()
    shop.write_pair(shop.leaf())
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    shop.patch(serverCertificate=None)
    shop.wait("ChangePending", "True", "AwaitingApproval")
    digest = shop.status()["plan"]["digest"]
    shop.cluster.annotate(shop.namespace, ORDERS, approve=digest)
    shop.wait_cost((3, 3, 3))
    shop.wait_ready(reason="Verified")

    newest, rotation, first = shop.status()["history"]

    assert [each["cause"] for each in (first, rotation, newest)] == ["spec", "rotation", "spec"]
    assert rotation["fields"] == ["serverCertificate"]
    assert "enabled" in first["fields"]
    assert newest["approval"] == digest
    assert "approval" not in rotation
    assert set(newest["impacts"]) == {"Restart", "Weakens", "TrustChanges"}
    for each in (first, rotation, newest):
        assert each["result"] == "Verified"
        assert each["restartSeen"]
        assert each["requestID"]
        assert instant(each["time"]) <= datetime.now(UTC)
    assert rotation["reissued"]
