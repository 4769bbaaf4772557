"""
A trace of each pass, by OpenTelemetry: what it asked the cloud and the API server, and its end.

Imported only where it is turned on (the extra ``tracing``). A span has names, codes and reasons;
never a parameter, a body, a header, a URL or the text of an error, in which a key may be. Spans are
sent by a thread of the SDK's own; what does not find room in its queue is dropped, so that no pass
waits for a collector.

What the SDK reads of the environment are the variables of OpenTelemetry, ``OTEL_*``: the headers of
a collector, its CA, the sampler, the size of the queue, attributes of the resource.
"""

import asyncio
import contextlib
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar, Token
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import requests
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context

from rds_ssl.aliyun.transport import OnCall
from rds_ssl.core.checks.figures import DECLARED, figures
from rds_ssl.core.errors import KubeError
from rds_ssl.engine.objects import Key
from rds_ssl.engine.objects import Resource as Declared
from rds_ssl.kube.client import KubeClient

_log = logging.getLogger(__name__)

CLOSING = 2.0
"""Seconds that the end of the process waits for the last spans, at most."""

_TRACES = "/v1/traces"
"""Where a collector takes them. Source: the specification of OTLP/HTTP."""

_SDK = "opentelemetry"
"""The logger of the SDK: it tells of each batch that is not taken, with the URL."""


class _Pass:
    """A pass under way."""

    def __init__(self, tracer: Tracer, key: Key) -> None:
        namespace, name = key
        attributes = {"k8s.namespace.name": namespace, "rds_ssl.name": name}
        # A pass has no parent, whatever has made its task.
        self.span = tracer.start_span("pass", context=Context(), attributes=attributes)
        self._tracer = tracer
        self._attempts: Counter[str] = Counter()

    def call(self, action: str, code: str, seconds: float) -> None:
        """Tell of a call of the cloud that has just ended."""
        self._attempts[action] += 1
        attributes: dict[str, str | int] = {
            "rds_ssl.action": action,
            "rds_ssl.code": code,
            "rds_ssl.attempt": self._attempts[action],
        }
        self._child(action, attributes, seconds, good=code == "OK")

    def request(self, method: str, resource: str, outcome: str, seconds: float) -> None:
        """Tell of a request to the API server that has just ended."""
        attributes = {
            "http.request.method": method,
            "rds_ssl.resource": resource,
            "rds_ssl.outcome": outcome,
        }
        self._child(f"{method} {resource}", attributes, seconds, good=outcome == "OK")

    def _child(
        self, name: str, attributes: Mapping[str, str | int], seconds: float, *, good: bool
    ) -> None:
        if not self.span.is_recording():
            return  # The pass has ended, or is none of the sample.
        ended = time.time_ns()
        child = self._tracer.start_span(
            name,
            context=set_span_in_context(self.span, Context()),
            kind=SpanKind.CLIENT,
            attributes=attributes,
            start_time=ended - int(seconds * 1e9),
        )
        if not good:
            child.set_status(StatusCode.ERROR)
        child.end(ended)


_PASS: ContextVar[_Pass | None] = ContextVar("pass", default=None)
"""The pass in which something is asked; what is asked outside of one is not told."""


class TracedClient(KubeClient):
    """A client of the API server that tells of the requests of a pass."""

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401  # As the base has them.
        """Make a request as `KubeClient.request` does."""
        pass_ = _PASS.get()
        if pass_ is None:
            return await super().request(method, path, **options)
        started, outcome = time.perf_counter(), "Cancelled"
        try:
            answer = await super().request(method, path, **options)
            outcome = "OK"
        except KubeError as error:
            outcome = type(error).__name__
            raise
        else:
            return answer
        finally:
            pass_.request(method, resource_of(path), outcome, time.perf_counter() - started)


class Tracing:
    """The traces of one process; *provider* is closed with it."""

    client = TracedClient

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("rds_ssl", version("rds-ssl-operator"))

    def begin(
        self,
        key: Key,
        known: Callable[[], Declared | None],
        counts: Callable[[str, float], None],
    ) -> Callable[[str, float], None]:
        """
        Begin the trace of a pass; return what ends it, and then tells *counts*.

        To be called in the task of the pass. *known* gives the object at the end.
        """
        pass_ = _Pass(self._tracer, key)
        token = _PASS.set(pass_)

        def ended(result: str, seconds: float) -> None:
            self._end(pass_.span, token, result, known)
            counts(result, seconds)

        return ended

    def telling(self, counts: OnCall) -> OnCall:
        """Return an ``on_call`` that tells of a call in a pass, and then tells *counts*."""

        def on_call(action: str, code: str, seconds: float) -> None:
            if (pass_ := _PASS.get()) is not None:
                pass_.call(action, code, seconds)
            counts(action, code, seconds)

        return on_call

    async def close(self) -> None:
        """Send what is left; after `CLOSING` seconds the rest is dropped."""
        loop, sent = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            with contextlib.suppress(RuntimeError):  # The loop is closed: nobody waits any more.
                loop.call_soon_threadsafe(sent.set)

        # A thread of the loop's pool would be waited for.
        threading.Thread(target=shut_down, name="traces", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING):
                await sent.wait()

    def _end(
        self,
        span: Span,
        token: Token[_Pass | None],
        result: str,
        known: Callable[[], Declared | None],
    ) -> None:
        _PASS.reset(token)
        if span.is_recording():
            span.set_attribute("rds_ssl.result", result)
            if (resource := known()) is not None:
                span.set_attributes(_found(resource))
            if result in {"bug", "kube_error"}:
                # Not the exception: its text may be anything.
                span.set_status(StatusCode.ERROR)
        span.end()


class _Reporting(SpanExporter):
    """Says once that spans are not taken, and once that they are again."""

    def __init__(self, exporter: SpanExporter, host: str) -> None:
        self._exporter = exporter
        self._host = host
        self._taken = True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._report(taken=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Give up what is being sent."""
        self._exporter.shutdown()

    def _report(self, *, taken: bool) -> None:
        if taken != self._taken:
            if taken:
                _log.info("traces are taken again by %s", self._host)
            else:
                _log.warning(
                    "traces are not taken by %s, and dropped until they are; nothing waits for it",
                    self._host,
                )
        self._taken = taken


def open_tracing(endpoint: str) -> Tracing:
    """Return what sends traces to *endpoint*; the caller closes it."""
    parts = urlsplit(endpoint)
    url = endpoint if parts.path.strip("/") else endpoint.rstrip("/") + _TRACES
    session = requests.Session()
    # As for the cloud: a proxy or a netrc was meant for something else.
    session.trust_env = False
    exporter = OTLPSpanExporter(endpoint=url, session=session)
    tracing = Tracing(provider_of(BatchSpanProcessor(_Reporting(exporter, parts.netloc))))
    logging.getLogger(_SDK).setLevel(logging.CRITICAL)  # `_Reporting` says it, once.
    return tracing


def provider_of(processor: SpanProcessor) -> TracerProvider:
    """Return a provider that gives its spans to *processor*."""
    ours = Resource(
        {"service.name": "rds-ssl-operator", "service.version": version("rds-ssl-operator")}
    )
    provider = TracerProvider(
        resource=ours.merge(OTELResourceDetector().detect()), shutdown_on_exit=False
    )
    provider.add_span_processor(processor)
    return provider


def resource_of(path: str) -> str:
    """Return what a path of the API is about, without names: ``dbinstancessls/status``."""
    parts = path.strip("/").split("/")
    parts = parts[2:] if parts[0] == "api" else parts[3:]
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    return "/".join(parts[::2])


def _found(resource: Declared) -> dict[str, str]:
    """Return what a pass has come to, in words that are the same for all objects."""
    shown = figures(resource.status)
    ready, reason = shown.ready
    found = {
        "rds_ssl.instance_id": resource.instance_id,
        "rds_ssl.ready": ready,
        "rds_ssl.reason": reason,
    }
    for each in shown.held:
        if each.plan == DECLARED:
            found["rds_ssl.held_by"] = each.held_by
    return found
