"""
In the place of an API server: says who asked, with what, and answers what it is told.

The real one is in `support.controlplane`; this one is for what a test must see of a connection
(certificates, names, headers, proxies) and for answers that a real one gives seldom.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web

from support import pki


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request."""

    method: str
    url: str
    """Path and query, as they were sent."""
    headers: dict[str, str]
    """Of one that comes several times the last; see `every`."""
    raw_headers: tuple[tuple[str, str], ...]
    body: bytes
    client: str
    """Common name of the client's certificate; empty without."""
    named: str
    """The server's name in the TLS handshake; empty without."""

    @property
    def authorization(self) -> str:
        return self.headers.get("Authorization", "")

    def every(self, name: str) -> list[str]:
        """Give all values of a header."""
        return [value for key, value in self.raw_headers if key.lower() == name.lower()]


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def _empty(_: web.Request) -> web.StreamResponse:
    return web.json_response({})


@dataclass(slots=True, kw_only=True)
class StandIn:
    """A server at 127.0.0.1; set *answer* to have it answer otherwise than with ``{}``."""

    root: pki.Authority
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answer: Answer = _empty
    connections: set[int] = field(default_factory=set)
    """One for each connection over which something was asked."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Note a request, and answer it."""
        transport = request.transport
        assert transport is not None
        self.connections.add(id(transport))
        tls = transport.get_extra_info("ssl_object")
        asked = Asked(
            method=request.method,
            url=request.raw_path,
            headers=dict(request.headers),
            raw_headers=tuple(request.headers.items()),
            body=await request.read(),
            client=_common_name(transport.get_extra_info("peercert")),
            named=getattr(tls, "named", "") if tls is not None else "",
        )
        self.asked.append(asked)
        return await self.answer(request)


@asynccontextmanager
async def standing_in(
    directory: Path, *, name: str = "127.0.0.1", tls: bool = True, wants_client: bool = False
) -> AsyncIterator[StandIn]:
    """
    Serve until the end of the block.

    Args:
        directory: For the server's key.
        name: What its certificate is for.
        wants_client: Whether it refuses whoever has no certificate of the same root.
    """
    server = StandIn(root=pki.make_root())
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    context = _context(server.root, directory, name, wants_client=wants_client) if tls else None
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host, port = runner.addresses[0][:2]
    server.url = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield server
    finally:
        await runner.cleanup()


def _context(
    root: pki.Authority, directory: Path, name: str, *, wants_client: bool
) -> ssl.SSLContext:
    leaf = root.leaf(name)
    path = directory / "server.pem"
    path.write_bytes(leaf.key_pem() + leaf.chain_pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=root.pem.decode())
    context.load_cert_chain(path)
    if wants_client:
        context.verify_mode = ssl.CERT_REQUIRED

    def note(tls: ssl.SSLObject, named: str | None, _: ssl.SSLContext) -> None:
        tls.named = named or ""  # type: ignore[attr-defined]

    context.sni_callback = note
    return context


def _common_name(certificate: Any) -> str:  # noqa: ANN401  # What ssl makes of one.
    parts = (part for parts in (certificate or {}).get("subject", ()) for part in parts)
    return next((value for key, value in parts if key == "commonName"), "")


@asynccontextmanager
async def proxying() -> AsyncIterator[tuple[str, list[str]]]:
    """Serve as a proxy: its URL, and where it was asked to connect to."""
    asked: list[str] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        target = head.split()[1].decode()
        asked.append(target)
        host, port = target.rsplit(":", 1)
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_pump(reader, back), _pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}", asked
    finally:
        server.close()


async def _pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(2**16):
            target.write(chunk)
            await target.drain()
    target.close()


def write_kubeconfig(
    path: Path,
    *,
    cluster: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    context: dict[str, Any] | None = None,
    current: bool = True,
) -> str:
    """Write a kubeconfig with what is given, all of it named ``c``; give its path."""
    content: dict[str, Any] = {"apiVersion": "v1", "kind": "Config"}
    if current:
        content["current-context"] = "c"
    content["contexts"] = [
        {"name": "c", "context": {"cluster": "c", "user": "c", **(context or {})}}
    ]
    content["clusters"] = [] if cluster is None else [{"name": "c", "cluster": cluster}]
    content["users"] = [] if user is None else [{"name": "c", "user": user}]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return str(path)
