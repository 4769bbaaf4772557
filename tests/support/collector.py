"""
A collector of traces on loopback: takes OTLP over HTTP, and tells what it was sent.

::

    with Collector() as collector:
        ...                             # something that sends its traces to collector.url
        assert collector.spans[0].name == "pass"

What is sent is decoded with the classes that the exporter brings.
"""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One span, as it was sent."""

    name: str
    span_id: bytes
    parent: bytes
    """Empty: it is a trace's first."""
    attributes: dict[str, str | int]
    resource: dict[str, str | int]


class Collector:
    """A server at 127.0.0.1; it refuses by *status*, and waits while *answers* is clear."""

    def __init__(self) -> None:
        self.status = 200
        self.answers = threading.Event()
        self.answers.set()
        self.asked = threading.Event()
        """Set by each request that has come."""
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.spans: list[Span] = []
        self.content = b""
        """All that was sent: headers and bodies."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def children(self, of: Span) -> list[Span]:
        """Return the spans below one, in the order in which they ended."""
        return [each for each in self.spans if each.parent == of.span_id]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.answers.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _take(self, path: str, headers: dict[str, str], body: bytes) -> None:
        self.paths.append(path)
        self.headers.append(headers)
        self.content += repr(headers).encode() + body
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {each.key: _value(each.value) for each in group.resource.attributes}
            self.spans += [
                Span(
                    name=each.name,
                    span_id=each.span_id,
                    parent=each.parent_span_id,
                    attributes={one.key: _value(one.value) for one in each.attributes},
                    resource=resource,
                )
                for scope in group.scope_spans
                for each in scope.spans
            ]

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.status == 200:
                    collector._take(self.path, dict(self.headers), body)
                collector.asked.set()
                collector.answers.wait()
                self.send_response(collector.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # The base's.
                """Say nothing."""

        return Handler


def _value(value: object) -> str | int:
    kind = value.WhichOneof("value")  # type: ignore[attr-defined]  # Made by protobuf.
    found = getattr(value, kind)
    return found if isinstance(found, (str, int)) else str(found)
