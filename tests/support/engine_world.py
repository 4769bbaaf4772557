"""
The engine in a world of its own: a cluster in memory, the simulator in-process, virtual time.

::

    @played
    async def test_a_change_is_sent_once() -> None:
        async with EngineWorld() as world:
            world.add_instance("a")
            world.declare("a")
            await world.run(60)
            assert world.ready("a") == ("True", "Verified")
            await world.crash()             # and a new process, with nothing but what is stored
            world.start()

An object has the name of its instance.
"""

import asyncio
import functools
import socket
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from types import TracebackType
from typing import Any, ParamSpec, Self
from urllib.parse import parse_qs

import httpx

from rds_simulator.machine import SUCCEEDS, Settings
from rds_ssl.aliyun.aiohttp_transport import BEFORE_SENDING
from rds_ssl.aliyun.credentials import from_secret, identity_of
from rds_ssl.aliyun.exchange import CONNECT_DEADLINE
from rds_ssl.aliyun.identity.own import OwnIdentity
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.core.model import Restart
from rds_ssl.core.shards import Shard
from rds_ssl.engine.gather.clouds import Allowed
from rds_ssl.engine.reconcile.ports import Timings
from rds_ssl.kube.resources import Kind
from support import pki, virtual_time
from support.engine_process import API_URL, WORKERS, Engine
from support.kube_memory import KubeMemory
from support.line import Call, Connection, Line
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, InProcess, in_process

Json = dict[str, Any]
P = ParamSpec("P")

NAMESPACE = "shop"
CREDENTIALS = "rds-credentials"
MODIFY = "ModifyDBInstanceSSL"


def played(story: Callable[P, Coroutine[object, object, None]]) -> Callable[P, None]:
    """Make a test of a coroutine function: it runs in virtual time."""

    @functools.wraps(story)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        virtual_time.run(story(*args, **kwargs))

    return test


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A change that the cloud accepted."""

    instance_id: str
    at: float
    """The loop's time."""
    before: Settings
    """What would have held without it."""
    target: Settings
    overlaps: bool
    """Another change of the instance had not ended."""
    fails: bool
    """It was accepted, and will fail."""
    restarts: bool
    """The instance restarts, or has restarted already."""
    ends_at: float
    """The loop's time at which it has ended."""
    manifest: Json | None
    """The object as its write-ahead record left it; None if there was no record."""


class EngineWorld:
    """Cluster, cloud, and the process of the moment. Leaving it fails for what no pass foresaw."""

    def __init__(
        self,
        *,
        timings: Timings | None = None,
        budget: int = 5,
        rate: float = 0.0,
        seed: int = 1,
        started: bool = True,
        cloud: "EngineWorld | None" = None,
        cluster: "EngineWorld | None" = None,
        begins: datetime | None = None,
        api_url: str = API_URL,
        workers: int = WORKERS,
        shard: str = "1/1",
        selects: Callable[[Json], bool] | None = None,
    ) -> None:
        """
        Make a world.

        Args:
            rate: In calls per second, 0 for no limit.
            workers: Passes at a time.
            started: With a process.
            cloud: Another world, with a cluster of its own, whose cloud this one has as well.
            cluster: Another world whose cloud and cluster this one has as well: its process is a
                second one of the same installation.
            begins: What all clocks say at first; None: the machine's time.
            shard: The setting of its processes.
            selects: In place of a label selector, of the manifest; None: there is none.
            api_url: The setting; empty: the hosts of the regions, which all lead to the cloud.
        """
        self.timings = timings or Timings(quiet_period=0.0, max_changes_per_day=0)
        self.budget, self.rate, self._started = budget, rate, started
        self.random = Random(seed)  # noqa: S311  # A test can be repeated.
        self.api_url = api_url
        self.own = OwnIdentity()
        """The operator's own identity, for processes that start from now on."""
        self.allowed: Allowed = lambda _namespace, _instance_id, _role_arn: True
        """Whether a namespace may use it, see `Clouds`; for such processes too."""
        self.workers = workers
        self.shard = Shard.parse(shard)
        self.selects = selects
        self.unreachable_hosts: set[str] = set()
        """Which take no connection: after the deadline for it the client gives up."""
        self.missing_hosts: set[str] = set()
        """Which DNS says do not exist."""
        self.dns_down = False
        """DNS answers nothing."""
        self.asked_names: list[str] = []
        """What DNS was asked beside calls."""
        self.line = Line()
        self.line.after.append(self._note_record)
        cloud = cluster or cloud
        self._rds: InProcess = InProcess(begins) if cloud is None else cloud._rds  # noqa: SLF001  # Of its own kind.
        self._began: datetime = self._rds.now if cloud is None else cloud._began  # noqa: SLF001
        self.kube: KubeMemory = cluster.kube if cluster else KubeMemory(self.clock)
        self.root: pki.Authority = cluster.root if cluster else pki.make_root("Shop root")
        self.issuer: pki.Authority = (
            cluster.issuer if cluster else self.root.intermediate("Shop issuer")
        )
        self._second = cluster is not None
        self.engine: Engine | None = None
        self._task: asyncio.Task[None] | None = None
        self.passes: list[tuple[float, str, str]] = []
        """When each pass ended, of which object, with which result."""
        self.counted: list[str] = []
        """What the engine told to be counted, see `Tools.changed`."""
        self.ended: list[tuple[Restart, bool]] = []
        """Of each change that ended the restart predicted, and whether one was seen."""
        self.accepted: list[Accepted] = []
        self.bugs: list[Exception] = []
        self.records: list[Json] = []
        """Objects as each write-ahead record left them, whatever became of the call."""
        self._recorded: dict[str, Json] = {}

    async def __aenter__(self) -> Self:
        if not self._second:
            self.write_credentials(CREDENTIALS)
        if self._started:
            self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.crash()
        if error is None:
            assert not self.bugs

    # -- time and processes -------------------------------------------------------------------

    @staticmethod
    def monotonic() -> float:
        """Give the loop's time, in seconds."""
        return asyncio.get_running_loop().time()

    def clock(self) -> datetime:
        """Give the time of all clocks."""
        return self.time_of(self.monotonic())

    def time_of(self, monotonic: float) -> datetime:
        """Give what the clocks say at a time of the loop."""
        return self._began + timedelta(seconds=monotonic - virtual_time.START)

    def set_clock(self, *, back: timedelta) -> None:
        """Set all clocks back; the loop's time goes on."""
        self._began -= back

    def forget(self) -> None:
        """Forget all that was noted of the past: a story that lasts for months grows no more."""
        for noted in (self.accepted, self.passes, self.counted, self.ended, self.line.calls):
            noted.clear()
        self.kube.written.clear()
        self.kube.events.clear()
        self.rds.clear_calls()

    @staticmethod
    async def run(seconds: float) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds)

    def start(self, *, leads: bool = True) -> None:
        """Start a process; one that does not lead waits for `Engine.take_over`."""
        self.engine = Engine(self, self.line.connect(), leads=leads)
        self._task = asyncio.create_task(self.engine.run())

    async def crash(self) -> None:
        """End the process at once: nothing it has under way has any effect any more."""
        self.line.cut()
        if self.engine is not None:
            self.kube.watches.remove(self.engine.watch)
        engine, task, self.engine, self._task = self.engine, self._task, None, None
        if task is not None and task.done() and not task.cancelled():
            task.result()  # Only an error ends it, or the end of another world.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for each in others:
            each.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if engine is not None:
            await engine.http.aclose()

    async def kill(self) -> None:
        """End the process at once, as `crash` does; those of other worlds live on."""
        self.line.cut()
        engine, task, self.engine, self._task = self.engine, self._task, None, None
        assert engine is not None
        assert task is not None
        self.kube.watches.remove(engine.watch)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def restart(self) -> None:
        """Crash, and start a new process."""
        await self.crash()
        self.start()

    # -- the cloud ----------------------------------------------------------------------------

    @property
    def rds(self) -> InProcess:
        """Give the simulator, for its admin interface, at the time of now."""
        self._rds.now = self.clock()
        return self._rds

    def cloud_transport(self, connection: Connection) -> httpx.MockTransport:
        """Put the simulator behind a client of one process."""
        inner = in_process(self._rds.cloud, self.clock)

        async def answer(request: httpx.Request) -> httpx.Response:
            form = parse_qs(request.content.decode())
            instance_id = form.get("DBInstanceId", [""])[0]
            # V1 has it among the parameters, and what is not signed in the URL.
            query = parse_qs(request.url.query.decode())
            action = (
                request.headers.get("x-acs-action")
                or (form.get("Action") or query.get("Action") or [request.url.path])[0]
            )

            async def handled() -> httpx.Response:
                self._look_up(request.url.host)
                if request.url.host in self.unreachable_hosts:
                    await asyncio.sleep(CONNECT_DEADLINE)
                    raise httpx.ConnectTimeout("nobody takes the connection")
                may_be_sent = request.extensions.get(BEFORE_SENDING)
                if may_be_sent is not None:
                    may_be_sent()
                return self._handled(instance_id, inner, request)

            return await connection.carry("cloud", action, instance_id, handled)

        return httpx.MockTransport(answer)

    async def resolves(self, host: str) -> bool:
        """Tell whether DNS knows a host."""
        self.asked_names.append(host)
        return not self.dns_down and host not in self.missing_hosts

    def _look_up(self, host: str) -> None:
        number = None
        if self.dns_down:
            number = socket.EAI_AGAIN
        elif host in self.missing_hosts:
            number = socket.EAI_NONAME
        if number is not None:
            raise httpx.ConnectError("no name") from socket.gaierror(number, "no name")

    def _handled(
        self, instance_id: str, inner: httpx.MockTransport, request: httpx.Request
    ) -> httpx.Response:
        cloud, now = self._rds.cloud.world, self.clock()
        before = cloud.get(instance_id, now)
        try:
            return inner.handle_request(request)
        finally:
            after = cloud.get(instance_id, now)
            if before and after and after.accepted > before.accepted:
                change = after.change
                lasts = (change.ends_at - now).total_seconds() if change else 0.0
                self.accepted.append(
                    Accepted(
                        instance_id=instance_id,
                        at=self.monotonic(),
                        before=before.wanted,
                        target=after.wanted,
                        overlaps=before.change is not None,
                        fails=change is not None and change.ending != SUCCEEDS,
                        restarts=change is not None and change.restarts,
                        ends_at=self.monotonic() + lasts,
                        manifest=self._recorded.pop(instance_id, None),
                    )
                )

    def _note_record(self, call: Call) -> None:
        if call.phase == "Sending" or (
            call.what == "patch_status" and "startTime" in (call.content.get("operation") or {})
        ):
            manifest = self.kube.objects.get((NAMESPACE, call.about))
            if manifest is None:
                return  # Of another namespace.
            self._recorded[manifest["spec"]["instanceID"]] = manifest
            self.records.append(manifest)

    def limiter(self) -> RateLimiter:
        """Give the rate limit of the process, with the simulator's own access key."""
        assert self.engine is not None
        key = {"accessKeyId": ACCESS_KEY_ID, "accessKeySecret": ACCESS_KEY_SECRET}
        data = {name: text.encode() for name, text in key.items()}
        identity = identity_of(from_secret(data, name=CREDENTIALS))
        return self.engine.limits.of(self.api_url, identity)

    def add_instance(self, name: str, **fields: object) -> None:
        """Create an instance, see `Admin.put_instance`."""
        self.rds.put_instance(f"pgm-{name}", **fields)

    def truth(self, name: str) -> Json:
        """Give everything that is true of an instance."""
        return self.rds.instance(f"pgm-{name}")

    def host(self, name: str) -> str:
        """Give the internal endpoint of an instance."""
        return str(self.truth(name)["endpoints"][0]["host"])

    def meddle(self, name: str, **ssl: object) -> None:
        """Change SSL settings of an instance behind the operator's back."""
        self.rds.patch_instance(f"pgm-{name}", ssl=ssl)

    def calls(self, name: str) -> list[Json]:
        """Give all calls for an instance, oldest first."""
        return self.rds.calls(instance=f"pgm-{name}")

    def modifies(self, name: str) -> list[Json]:
        """Give the calls that were to change an instance, refused ones included."""
        return [each for each in self.calls(name) if each["action"] == MODIFY]

    def cost(self, name: str) -> tuple[int, int]:
        """Give the accepted calls and the restarts of an instance."""
        truth = self.truth(name)
        return truth["accepted"], truth["restarts"]

    # -- the cluster --------------------------------------------------------------------------

    def write_credentials(self, name: str) -> None:
        """Write a Secret with the simulator's own access key."""
        self.write(
            "Secret",
            name,
            {
                "accessKeyId": ACCESS_KEY_ID.encode(),
                "accessKeySecret": ACCESS_KEY_SECRET.encode(),
            },
        )

    def write(self, kind: Kind, name: str, data: Mapping[str, bytes]) -> None:
        """Write a Secret or ConfigMap."""
        self.kube.put_data(kind, (NAMESPACE, name), data)

    def write_pair(self, name: str, leaf: pki.Leaf | None = None, **extra: bytes) -> pki.Leaf:
        """Write the Secret ``NAME-tls``: *leaf*, or a new certificate for the instance's host."""
        leaf = leaf or self.issuer.leaf(self.host(name))
        pair = {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem(), **extra}
        self.write("Secret", f"{name}-tls", pair)
        return leaf

    def declare(self, name: str, **spec: object) -> None:
        """Create an object, for the instance of the same name unless told."""
        whole = {
            "instanceID": f"pgm-{name}",
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": CREDENTIALS},
            **spec,
        }
        self.kube.create((NAMESPACE, name), whole)

    def declare_custom(self, name: str, **spec: object) -> None:
        """Create an object that takes its certificate from the Secret ``NAME-tls``."""
        self.declare(name, serverCertificate={"secretRef": {"name": f"{name}-tls"}}, **spec)

    def edit(self, name: str, **spec: object) -> None:
        """Change fields of a spec; None takes one away."""
        self.kube.edit((NAMESPACE, name), **spec)

    def ask(self, name: str, token: str) -> None:
        """Ask for a pass: reconcile-now."""
        self.kube.annotate((NAMESPACE, name), reconcile_requested_at=token)

    def status(self, name: str) -> Json:
        """Give the status of an object."""
        found: Json = self.kube.objects[NAMESPACE, name]["status"]
        return found

    def condition(self, kind: str, name: str) -> Json | None:
        """Give a condition, or None."""
        found = self.status(name).get("conditions", [])
        return next((each for each in found if each["type"] == kind), None)

    def conditions(self, name: str) -> dict[str, tuple[str, str]]:
        """Give status and reason of all conditions."""
        found = self.status(name).get("conditions", [])
        return {each["type"]: (each["status"], each["reason"]) for each in found}

    def ready(self, name: str) -> tuple[str, str]:
        """Give status and reason of Ready."""
        return self.conditions(name).get("Ready", ("", ""))

    def events(self, name: str) -> list[str]:
        """Give the reasons of an object's Events, oldest first."""
        return [each["reason"] for each in self.kube.events if each["name"] == name]
