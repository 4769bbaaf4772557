"""A world in memory in which something goes wrong, and all that came out of it."""

import contextlib
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any, Literal

import httpx

import rds_ssl
from leaks.marked import KEY_ID, marked
from rds_ssl.engine.reconcile.ports import Timings
from rds_ssl.metrics import Metrics
from rds_ssl.telemetry import configure_logging
from support import pki, virtual_time
from support.engine_world import CREDENTIALS, EngineWorld
from support.line import Connection

HOME = rds_ssl.__path__[0]
PFX_FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:s.pfx"
FORMATS: tuple[Literal["text", "json"], ...] = ("text", "json")

Respond = Callable[[httpx.Request], httpx.Response]
"""Answers in place of the cloud, or raises."""


@dataclass(slots=True)
class Channels:
    """What was written where; by name."""

    texts: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, text: str) -> None:
        """Note a text of a channel."""
        self.texts.setdefault(name, []).append(text)

    def joined(self) -> Mapping[str, bytes]:
        """Give all of each channel."""
        return {name: "\n".join(each).encode() for name, each in self.texts.items()}


class LeakWorld(EngineWorld):
    """Has a PostgreSQL with a key, a SQL Server with a password, and credentials with a token."""

    def __init__(self) -> None:
        super().__init__(
            timings=Timings(quiet_period=0.0, max_changes_per_day=0), rate=0.0, started=False
        )
        self.respond: Respond | None = None
        self.spoilt = 0
        """How many calls more are answered by *respond*."""
        self.action = ""
        """The one that is; empty: any."""
        self.urls: list[str] = []

    def cloud_transport(self, connection: Connection) -> httpx.MockTransport:
        """Put what spoils calls before the cloud."""
        inner = super().cloud_transport(connection)

        async def answer(request: httpx.Request) -> httpx.Response:
            self.urls.append(str(request.url))
            wanted = request.headers.get("x-acs-action", "")
            if self.respond and self.spoilt > 0 and self.action in {"", wanted}:
                self.spoilt -= 1
                return self.respond(request)
            return await inner.handle_async_request(request)

        return httpx.MockTransport(answer)


def _set_up(world: LeakWorld) -> None:
    secrets = marked()
    world.rds.put_access_key(KEY_ID, secret=secrets["access key"].text, token=secrets["token"].text)
    data = {
        "accessKeyId": KEY_ID,
        "accessKeySecret": secrets["access key"].text,
        "securityToken": secrets["token"].text,
    }
    world.write("Secret", CREDENTIALS, {key: text.encode() for key, text in data.items()})
    world.add_instance("a")
    world.add_instance("s", profile="sqlserver-2019")
    _write_pair(world, "One")
    password = secrets["PFX password"].text
    world.write("Secret", "s-pfx", {"password": f"{password}\n".encode()})
    world.declare_custom("a")
    reference = {"name": "s-pfx", "key": "password"}
    pfx = {"ossObject": PFX_FILE, "passwordSecretKeyRef": reference}
    world.declare("s", serverCertificate={"pfx": pfx})


def _write_pair(world: LeakWorld, issuer: str) -> None:
    """Write a certificate for the marked key; another *issuer* makes another one."""
    pem = marked()["private key"].text.encode()
    leaf = pki.make_root(issuer).leaf(world.host("a"), key=pki.read_rsa_key(pem))
    world.write("Secret", "a-tls", {"tls.crt": leaf.chain_pem, "tls.key": pem})


async def _story(world: LeakWorld) -> None:
    """Start, apply, rotate, look again; whatever fails in it fails where it is."""
    steps: tuple[Callable[[], object], ...] = (
        lambda: _set_up(world),
        world.start,
        lambda: _write_pair(world, "Two"),
        lambda: world.edit("a", enabled=False),
        lambda: world.ask("a", "look"),
        lambda: world.ask("s", "look"),
    )
    for step in steps:
        # A bug may be in what the test itself calls: the router is fed by the cluster in memory.
        with contextlib.suppress(Exception):
            step()
        await world.run(400)


@contextmanager
def logs(format_: Literal["text", "json"], channels: Channels) -> Iterator[None]:
    """Log at DEBUG as the program does, and leave all loggers as they were."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    levels = {
        name: each.level
        for name, each in root.manager.loggerDict.items()
        if isinstance(each, logging.Logger)
    }
    for each in before:
        root.removeHandler(each)
    stream = io.StringIO()
    configure_logging(format_, "debug", stream=stream)
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        yield
    finally:
        channels.add(f"log, {format_}", stream.getvalue())
        logging.captureWarnings(capture=False)
        for handler in list(root.handlers):
            root.removeHandler(handler)
        for handler in before:
            root.addHandler(handler)
        root.setLevel(level)
        for name, one in levels.items():
            logging.getLogger(name).setLevel(one)


def play(
    channels: Channels,
    *,
    format_: Literal["text", "json"] = "text",
    respond: Respond | None = None,
    action: str = "",
    times: int = 3,
    trace: Any = None,  # noqa: ANN401  # As settrace has it.
) -> None:
    """Play the story with calls that are spoilt, and note what came out of it."""
    metrics = Metrics()

    async def work() -> None:
        world = LeakWorld()
        world.respond, world.action, world.spoilt = respond, action, times
        try:
            async with world:
                await _story(world)
                world.bugs = []
        finally:
            _note(world, channels)

    errors = io.StringIO()
    # What logging itself cannot write, it tells there.
    with logs(format_, channels), contextlib.redirect_stderr(errors), _traced(trace):
        try:
            virtual_time.run(work())
            channels.add("metrics", metrics.render().decode())
        except Exception:  # Whatever ended it, it is logged as the program would.
            logging.getLogger("rds_ssl").exception("ended")
    channels.add("standard error", errors.getvalue())


def _note(world: LeakWorld, channels: Channels) -> None:
    kube = world.kube
    channels.add("objects", json.dumps(list(kube.objects.values()), default=str))
    channels.add("Events", json.dumps(kube.events, default=str))
    channels.add("writes to the API server", "\n".join(kube.written))
    channels.add("URLs", "\n".join(world.urls))
    channels.add("counters", "\n".join(world.counted))


class BugError(Exception):
    """Raised in a function that has none."""


def functions(channels: Channels) -> list[CodeType]:
    """Play the story without a fault, and give each function of the operator that it calls."""
    seen: dict[CodeType, None] = {}

    def trace(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(HOME):
            seen.setdefault(frame.f_code)

    play(channels, trace=trace)
    return sorted(seen, key=lambda code: (code.co_filename, code.co_firstlineno))


def play_bug(
    channels: Channels, code: CodeType, *, format_: Literal["text", "json"], says: bool = True
) -> bool:
    """
    Play the story with a bug at the end of the first call of a function; True if it came to it.

    With *says* the bug says all local variables, as a careless message does.
    """
    raised: list[CodeType] = []

    def trace(frame: FrameType, _event: str, _: object) -> Any:  # noqa: ANN401  # As settrace has it.
        if raised or frame.f_code is not code:
            return None

        def at_line(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401
            if event == "return" and not raised:
                raised.append(code)
                raise BugError(f"{code.co_qualname}: {frame.f_locals!r}" if says else "a bug")
            return at_line

        return at_line

    play(channels, format_=format_, trace=trace)
    return bool(raised)


@contextmanager
def _traced(trace: Any) -> Iterator[None]:  # noqa: ANN401  # As settrace has it.
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)
