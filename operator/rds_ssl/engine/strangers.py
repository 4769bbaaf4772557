"""
Objects that another process serves: which of them declare an instance of ours, and do they count?

With ``RDS_SSL_SELECTOR`` two objects of one instance may be served by two processes, and with
``RDS_SSL_SHARD`` a primary and its read-only instances. No pass of this process looks at such an
object, so that what its status says is proved on demand: by one read with its own credentials.
Source: docs/decisions/024-shards.md.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from rds_ssl.core.errors import (
    AliyunError,
    KubeError,
    MaterialError,
    NoCredentials,
    ObservationError,
    TurnAwaited,
)
from rds_ssl.core.model import Priority
from rds_ssl.core.rds.faults import classify
from rds_ssl.engine.gather.clouds import Clouds
from rds_ssl.engine.objects import Key, Objects, Resource, namespace_of
from rds_ssl.engine.proofs import NO_ACCESS, Proofs
from rds_ssl.kube.resources import Resources

_log = logging.getLogger(__name__)

FRESH = 30.0
"""
Seconds for which a list of those that name an instance is taken for the present one; half the time
to the next look at an object at rest, if that is less.
"""

KEPT = 600.0
"""Seconds after which a proof that is still asked for is made anew."""

_AGAIN = 10.0
"""Seconds after a read that has told nothing."""

_FORGOTTEN = 3600.0
"""Seconds after which a proof that nobody has asked for is forgotten."""

_PAUSE = 1.0
"""
Seconds between two reads for one namespace: whoever creates objects there that name an instance of
others makes his own account answer for them, and not faster than that.
"""

_AT_ONCE = 4
"""Reads at a time, each for another namespace: one whose endpoint is silent takes 5 s."""

_WAITING = 64
"""Objects of one namespace that wait to be proved; more are asked for again anyway."""

_REMEMBERED = 1000
"""Objects of one namespace of which it is remembered what was proved, 200 bytes each."""


@dataclass(slots=True, kw_only=True)
class _Proof:
    """When it was asked for last, and from when on it is to be made anew; loop times."""

    uid: str
    asked_at: float
    again_at: float


class Strangers:
    """What is known of them. All of it may be forgotten."""

    def __init__(
        self,
        *,
        resources: Resources,
        objects: Objects,
        clouds: Clouds,
        proofs: Proofs,
        reached: Callable[[str], None],
        lists: bool,
        resync: float,
    ) -> None:
        """
        Make it.

        Args:
            reached: Called with an instance's ID if something that names it is found to count.
            lists: Whether others may serve objects that name an instance which is served here.
        """
        self._resources = resources
        self._objects = objects
        self._clouds = clouds
        self._proofs = proofs
        self._reached = reached
        self._lists = lists
        self._fresh = min(FRESH, resync / 2)
        self._beside: dict[Key, tuple[float, tuple[Resource, ...]]] = {}
        """When who was found beside an object."""
        self._proved: dict[str, OrderedDict[Key, _Proof]] = {}
        """By namespace: who creates many objects crowds out his own. Asked for last at the end."""
        self._waiting: dict[str, deque[Resource]] = {}
        """By namespace; it is there while a task works for it."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def refresh(self, resource: Resource) -> None:
        """
        Read who else declares the instance of an object, if that was not done just now.

        Raises:
            KubeError: The API server.
        """
        if not self._lists:
            return
        now = asyncio.get_running_loop().time()
        known = self._beside.get(resource.key)
        if known is not None and now - known[0] < self._fresh:
            return
        listed = await self._resources.list_by_instance(resource.instance_id)
        found = (Resource.of(each) for each in listed)
        self._beside[resource.key] = now, tuple(each for each in found if self._is_strange(each))

    def beside(self, resource: Resource) -> list[Resource]:
        """Return those that declare the instance of an object, as `refresh` has found them."""
        _, found = self._beside.get(resource.key, (0.0, ()))
        return [each for each in found if self._is_strange(each)]

    def forget(self, key: Key) -> None:
        """Forget what was found beside an object that is gone."""
        self._beside.pop(key, None)

    def prove(self, other: Resource) -> None:
        """Let it be told, soon, what an object that is not served here counts for."""
        now = asyncio.get_running_loop().time()
        namespace = namespace_of(other.key)
        proved = self._proved.setdefault(namespace, OrderedDict())
        known = proved.get(other.key)
        if known is None or known.uid != other.uid:
            known = proved[other.key] = _Proof(uid=other.uid, asked_at=now, again_at=now)
        known.asked_at = now
        proved.move_to_end(other.key)
        self._forget_old(now)
        if now < known.again_at:
            return
        waiting = self._waiting.get(namespace)
        if waiting is not None:
            if len(waiting) < _WAITING:
                waiting.append(other)
                known.again_at = now + KEPT
            return
        known.again_at = now + KEPT
        self._waiting[namespace] = deque([other])
        task = asyncio.create_task(self._prove_all(namespace))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self) -> None:
        """Prove nothing any more."""
        for task in self._tasks:
            task.cancel()

    def _is_strange(self, resource: Resource) -> bool:
        return self._objects.at_rest(resource.key) is None

    def _forget_old(self, now: float) -> None:
        for namespace, proved in list(self._proved.items()):
            while proved:
                key, oldest = next(iter(proved.items()))
                if len(proved) <= _REMEMBERED and now - oldest.asked_at < _FORGOTTEN:
                    break
                del proved[key]
                if self._objects.at_rest(key) is None:
                    self._proofs.forget(key)
            if not proved:
                del self._proved[namespace]

    async def _prove_all(self, namespace: str) -> None:
        waiting = self._waiting[namespace]
        try:
            while waiting:
                other = waiting.popleft()
                async with self._slots:
                    told = await self._prove(other)
                proved = self._proved.get(namespace)
                if not told and proved and other.key in proved:
                    proved[other.key].again_at = asyncio.get_running_loop().time() + _AGAIN
                await asyncio.sleep(_PAUSE)
        finally:
            del self._waiting[namespace]

    async def _prove(self, other: Resource) -> bool:
        """Read the instance with the credentials of an object; False if that told nothing."""
        declaration = other.declaration
        if declaration is None:
            return False
        try:
            cloud = await self._clouds.open(declaration, other.key)
            instance = await cloud.describe_attribute(declaration, priority=Priority.CHANGE)
        except (MaterialError, NoCredentials):
            self._proofs.refused(other)
        except TurnAwaited:
            return False
        except (AliyunError, ObservationError, KubeError) as error:
            if not isinstance(error, AliyunError) or (
                classify(error, write=False).reason not in NO_ACCESS
            ):
                _log.info("a claim is not proved yet: %s", error, extra=other.log_fields)
                return False
            self._proofs.refused(other)
        else:
            primary = instance.master_instance_id or other.instance_id
            self._proofs.reached(other, cloud.account, primary=primary)
            # Not of a refusal, which anybody can bring about: who waits looks again by himself.
            self._reached(other.instance_id)
        finally:
            self._let_go(other)
        return True

    def _let_go(self, other: Resource) -> None:
        """Keep nothing of the credentials of an object that is not served here."""
        if not self._is_strange(other):
            return
        self._clouds.gone(other.key)
        for reference in other.referenced():
            kind, namespace, name = reference
            if kind == "Secret" and not self._objects.users(reference):
                self._clouds.forget((namespace, name))
