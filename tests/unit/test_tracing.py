"""What a trace tells of a pass, and what it never does."""

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from rds_ssl.core.errors import KubeConflict
from rds_ssl.engine.objects import Resource
from rds_ssl.tracing import TracedClient, Tracing, provider_of, resource_of
from rds_ssl.wiring import counted
from support import statuses
from support.engine_world import played
from support.kube_answers import AnsweringKube, in_turn

KEY = ("shop", "orders")
HELD = {
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "AwaitingApproval",
            "message": "s3cret words",
            "lastTransitionTime": "2026-11-01T00:00:00Z",
        }
    ],
}


class Client(TracedClient, AnsweringKube):
    """A traced client without a server."""


class Passes:
    """Passes of one object, and the spans of them that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracing = Tracing(provider_of(SimpleSpanProcessor(self._exporter)))
        self.counts: list[tuple[str, ...]] = []
        self.on_call = self.tracing.telling(lambda action, code, _: self._count(action, code))
        self.known: Resource | None = None

    async def play(self, step: Any) -> None:  # noqa: ANN401  # A coroutine.
        ended = self.tracing.begin(KEY, lambda: self.known, lambda result, _: self._count(result))
        await counted(step, ended)

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def _count(self, *what: str) -> None:
        self.counts.append(what)


def told(span: ReadableSpan) -> dict[str, object]:
    return dict(span.attributes or {})


def resource(status: dict[str, Any]) -> Resource:
    meta = {
        "namespace": "shop",
        "name": "orders",
        "uid": "1",
        "resourceVersion": "1",
        "creationTimestamp": "2026-11-01T00:00:00Z",
    }
    return Resource.of({"metadata": meta, "spec": {"instanceID": "pgm-1"}, "status": status})


@played
async def test_a_pass_is_one_span_with_its_object_its_result_and_its_reason() -> None:
    passes = Passes()
    passes.known = resource(HELD)

    async def step() -> str:
        return "done"

    await passes.play(step())

    [span] = passes.spans
    assert (span.name, span.parent) == ("pass", None)
    assert told(span) == {
        "k8s.namespace.name": "shop",
        "rds_ssl.name": "orders",
        "rds_ssl.instance_id": "pgm-1",
        "rds_ssl.result": "done",
        "rds_ssl.ready": "False",
        "rds_ssl.reason": "AwaitingApproval",
    }
    assert passes.counts == [("done",)]


@played
async def test_what_holds_the_declared_plan_is_told() -> None:
    passes = Passes()
    passes.known = resource({**HELD, "plan": statuses.plan(heldBy="AwaitingWindow")})

    async def step() -> str:
        return "done"

    await passes.play(step())

    assert told(passes.spans[0])["rds_ssl.held_by"] == "AwaitingWindow"


@played
async def test_each_call_of_the_cloud_is_a_child_with_action_code_and_attempt() -> None:
    passes = Passes()

    async def step() -> str:
        passes.on_call("DescribeDBInstanceSSL", "Throttling.User", 0.5)
        passes.on_call("DescribeDBInstanceSSL", "OK", 0.25)
        return "done"

    await passes.play(step())

    first, second, root = passes.spans
    assert [each.name for each in (first, second)] == ["DescribeDBInstanceSSL"] * 2
    assert root.context is not None
    for each in (first, second):
        assert each.parent is not None
        assert each.parent.span_id == root.context.span_id
    assert told(first) == {
        "rds_ssl.action": "DescribeDBInstanceSSL",
        "rds_ssl.code": "Throttling.User",
        "rds_ssl.attempt": 1,
    }
    assert told(second)["rds_ssl.attempt"] == 2
    assert (first.status.status_code, second.status.status_code) == (
        StatusCode.ERROR,
        StatusCode.UNSET,
    )
    assert first.start_time is not None
    assert first.end_time is not None
    assert first.end_time - first.start_time == 500_000_000
    assert [each[0] for each in passes.counts] == ["DescribeDBInstanceSSL"] * 2 + ["done"]


@played
async def test_each_request_to_the_api_server_is_a_child_without_names_and_bodies() -> None:
    passes = Passes()
    kube = Client(in_turn({}, KubeConflict("s3cret words")))
    path = "/apis/rds-ssl.dev/v1alpha1/namespaces/shop/dbinstancessls/orders/status"

    async def step() -> str:
        await kube.request("GET", "/api/v1/namespaces/shop/secrets/s3cret-name")
        with pytest.raises(KubeConflict):
            await kube.request("PATCH", path, body={"status": "s3cret"})
        return "conflict"

    await passes.play(step())

    read, write, _ = passes.spans
    assert (read.name, write.name) == ("GET secrets", "PATCH dbinstancessls/status")
    assert told(read) == {
        "http.request.method": "GET",
        "rds_ssl.resource": "secrets",
        "rds_ssl.outcome": "OK",
    }
    assert told(write)["rds_ssl.outcome"] == "KubeConflict"
    assert [each.method for each in kube.asked] == ["GET", "PATCH"]


@played
async def test_what_two_tasks_of_a_pass_ask_belongs_to_it_and_what_outlives_it_is_not_told() -> (
    None
):
    passes = Passes()
    go_on = asyncio.Event()

    async def ask(action: str) -> None:
        passes.on_call(action, "OK", 0.0)

    async def later() -> None:
        await go_on.wait()
        await ask("Later")

    lasting: list[asyncio.Task[None]] = []

    async def step() -> str:
        lasting.append(asyncio.create_task(later()))
        await asyncio.gather(asyncio.create_task(ask("One")), asyncio.create_task(ask("Other")))
        return "done"

    await passes.play(step())
    go_on.set()
    await asyncio.gather(*lasting)

    *children, root = passes.spans
    assert root.context is not None
    assert [each.name for each in children] == ["One", "Other"]
    assert {each.parent and each.parent.span_id for each in children} == {root.context.span_id}


@played
async def test_what_is_asked_outside_of_a_pass_is_counted_and_not_told() -> None:
    passes = Passes()
    kube = Client()

    passes.on_call("AssumeRole", "OK", 0.1)
    await kube.request("GET", "/apis/coordination.k8s.io/v1/namespaces/a/leases/b")

    assert passes.spans == ()
    assert passes.counts == [("AssumeRole", "OK")]


@played
async def test_two_passes_are_two_traces_also_if_one_has_started_the_task_of_the_other() -> None:
    passes = Passes()

    async def starts() -> str:
        await asyncio.create_task(passes.play(step()))
        return "done"

    async def step() -> str:
        passes.on_call("DescribeDBInstanceSSL", "OK", 0.1)
        return "done"

    await passes.play(starts())

    call, first, second = passes.spans
    assert call.parent is not None
    assert first.context is not None
    assert call.parent.span_id == first.context.span_id
    assert first.parent is None
    assert second.parent is None
    assert second.context is not None
    assert first.context.trace_id != second.context.trace_id


@played
async def test_no_text_of_an_error_and_no_message_is_in_a_trace() -> None:
    passes = Passes()
    passes.known = resource(HELD)

    async def step() -> str:
        passes.on_call("ModifyDBInstanceSSL", "NoAnswer", 1.0)
        raise KeyError("s3cret words")

    with pytest.raises(KeyError):
        await passes.play(step())

    *_, root = passes.spans
    assert told(root)["rds_ssl.result"] == "bug"
    assert root.status.status_code is StatusCode.ERROR
    assert "s3cret" not in json.dumps([each.to_json() for each in passes.spans])


@played
async def test_a_pass_that_is_cancelled_says_so_and_so_does_its_request() -> None:
    passes = Passes()

    class Hanging(AnsweringKube):
        async def request(self, *_: object, **_options: object) -> dict[str, Any]:
            await asyncio.Event().wait()
            return {}

    class HangingClient(TracedClient, Hanging):
        pass

    async def step() -> str:
        await HangingClient().request("GET", "/api/v1/namespaces/shop")
        return "done"

    task = asyncio.create_task(passes.play(step()))
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    request, root = passes.spans
    assert told(request)["rds_ssl.outcome"] == "Cancelled"
    assert told(root)["rds_ssl.result"] == "cancelled"


def test_the_resource_is_the_operator_and_what_opentelemetry_s_variables_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "k8s.pod.name=operator-0")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s3cret")

    found = provider_of(SimpleSpanProcessor(InMemorySpanExporter())).resource.attributes

    assert set(found) == {"service.name", "service.version", "k8s.pod.name"}
    assert found["service.name"] == "rds-ssl-operator"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/api/v1/namespaces/shop/secrets/orders-tls", "secrets"),
        ("/api/v1/namespaces/shop", "namespaces"),
        ("/api/v1/secrets", "secrets"),
        ("/apis/events.k8s.io/v1/namespaces/shop/events", "events"),
        ("/apis/rds-ssl.dev/v1alpha1/dbinstancessls", "dbinstancessls"),
        (
            "/apis/rds-ssl.dev/v1alpha1/namespaces/a/dbinstancessls/b/status",
            "dbinstancessls/status",
        ),
    ],
)
def test_a_resource_is_told_without_names(path: str, resource: str) -> None:
    assert resource_of(path) == resource


# -- off ------------------------------------------------------------------------------------------

PROGRAM = """
import sys
from rds_ssl import app
from rds_ssl.settings import load

off = load({})
app.Operator(off, app._tracing(off.tracing_endpoint))
print(sorted({each.partition(".")[0] for each in sys.modules} & {"opentelemetry", "requests"}))
sys.modules["opentelemetry"] = None  # As if it were not installed.
sys.exit(app.run(load({"RDS_SSL_TRACING_ENDPOINT": "http://127.0.0.1:4318"})))
"""


def test_nothing_is_imported_without_an_endpoint_and_one_without_the_extra_says_what_to_do() -> (
    None
):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True
    )

    assert (ended.stdout, ended.returncode) == ("[]\n", 1)
    assert "install rds-ssl-operator[tracing]" in ended.stderr
    assert "--build-arg EXTRA=tracing" in ended.stderr
    assert "Traceback" not in ended.stderr
