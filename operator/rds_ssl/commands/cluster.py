"""The cluster as the user of the commands reaches it; every error of it says what to do."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from rds_ssl.commands.error_hints import Request, explain, not_found
from rds_ssl.commands.leaders import leader_note, leader_notes
from rds_ssl.commands.types import Access
from rds_ssl.commands.views import ObjectView
from rds_ssl.core.errors import CommandRefused, KubeError, KubeNotFound, KubeUnavailable
from rds_ssl.core.lease import LEASE_NAME, Lease
from rds_ssl.core.model import (
    API_GROUP,
    API_VERSION,
    APPROVE_ANNOTATION,
    PLURAL,
    RECONCILE_ANNOTATION,
)
from rds_ssl.kube.client import COMMAND_LINE, OPERATOR, KubeClient
from rds_ssl.kube.leases import Leases, list_written_by
from rds_ssl.kube.resources import Resources
from rds_ssl.kube.user_entry import Impersonation

T = TypeVar("T")

_LEASE_SECONDS = 5.0
"""For an answer that is beside the point of the command."""

_LOOK_SECONDS = 0.5
"""Between two looks at objects that are waited for."""

_LONGEST_CHANGE = 1800.0
"""Seconds for which a change is followed: the operator gives up before, unless told otherwise."""

_WATCH_SECONDS = 2.0
"""Between two looks at whatever is pending."""

_WATCH_SHARE = 9
"""Times what a look has taken: no more than a tenth of the time is spent on it."""


def work(
    access: Access, task: Callable[["Cluster"], Awaitable[T]], *, deadline: float | None = None
) -> T:
    """
    Do *task* with a connection of its own.

    Raises:
        CommandRefused: With the reason and the remedy.
        TimeoutError: It has taken longer than *deadline* seconds.
    """
    return asyncio.run(asyncio.wait_for(_work(access, task), deadline))


async def _work(access: Access, task: Callable[["Cluster"], Awaitable[T]]) -> T:
    kube = await _connect(access)
    try:
        namespace = None if access.everywhere else access.namespace or kube.namespace
        return await task(Cluster(kube, namespace))
    finally:
        await kube.close()


async def _connect(access: Access) -> KubeClient:
    paths = access.kubeconfig or _those_there(access.inherited)
    acting_as = Impersonation(
        user=access.as_user, uid=access.as_uid, groups=tuple(access.as_groups)
    )
    try:
        return await KubeClient.connect(
            paths or None, context=access.context, acting_as=acting_as, manager=COMMAND_LINE
        )
    except KubeError as error:
        if paths or access.as_user or access.as_uid or access.as_groups:
            raise CommandRefused(str(error)) from error
        raise CommandRefused(
            f"There is no kubeconfig ({access.inherited} is not there), and this is no Pod."
            " Name one with --kubeconfig or in KUBECONFIG."
        ) from error


def _those_there(paths: str) -> str:
    return ":".join(each for each in paths.split(":") if each and Path(each).expanduser().exists())


class Cluster:
    """Objects of one namespace, or, if *namespace* is None, of all."""

    def __init__(self, kube: KubeClient, namespace: str | None) -> None:
        self._kube = kube
        self.namespace = namespace

    @property
    def server(self) -> str:
        """URL of the API server."""
        return self._kube.server

    async def objects(self, names: Sequence[str] = ()) -> list[ObjectView]:
        """
        Read the objects, or those of these names in their order.

        Raises:
            CommandRefused: One of them does not exist, or none can be read.
        """
        manifests = await self.manifests()
        seen = sorted(map(ObjectView.of, manifests), key=lambda each: (each.namespace, each.name))
        if not names:
            return seen
        known = {each.name: each for each in seen}
        for name in names:
            if name not in known:
                raise CommandRefused(not_found(name, self.namespace or "", list(known)))
        return [known[name] for name in dict.fromkeys(names)]

    async def leaders(self, namespace: str) -> Mapping[str, Lease] | None:
        """
        Read the Leases by which the operator's replicas elect those that work, by name.

        None: they may not be listed.
        """
        try:
            return await list_written_by(
                self._kube, namespace=namespace, manager=OPERATOR, deadline=_LEASE_SECONDS
            )
        except KubeError:
            return None

    async def manifests(self) -> list[dict[str, Any]]:
        """
        Read all objects as the API server gives them, in its order.

        Raises:
            CommandRefused: They cannot be read.
        """
        where = (self.namespace,) if self.namespace else ()
        with self._explained("list", self.namespace):
            return await Resources(self._kube, namespaces=where).list_all()

    async def who_works(self, namespace: str, now: datetime) -> list[str]:
        """Return in sentences which replicas work, of each shard; nothing if it may not be read."""
        leases = await self.leaders(namespace)
        if leases is not None:
            return leader_notes(leases, namespace, now)
        return leader_note(await self.leader(namespace), namespace, now)

    async def leader(self, namespace: str) -> Lease | None:
        """
        Read the Lease of an operator that is alone and has the usual name.

        None: there is none, or it may not be read, which is no reason to say nothing else.
        """
        try:
            return await Leases(self._kube, namespace=namespace, name=LEASE_NAME).read(
                deadline=_LEASE_SECONDS
            )
        except KubeError:
            return None

    async def approve(self, seen: ObjectView, digest: str) -> None:
        """
        Approve a plan of an object, if that is still as it was seen.

        Raises:
            CommandRefused: It has changed since, or may not be changed.
        """
        annotations = {APPROVE_ANNOTATION: digest}
        metadata = {"resourceVersion": seen.resource_version, "annotations": annotations}
        await self._patch(seen, {"metadata": metadata})

    async def suspend(self, seen: ObjectView, *, suspended: bool) -> None:
        """
        Set ``spec.suspend``.

        Raises:
            CommandRefused: The object is gone, or may not be changed.
        """
        await self._patch(seen, {"spec": {"suspend": suspended}})

    async def request_reconcile(self, seen: ObjectView, token: str) -> None:
        """
        Ask the operator to look again.

        Raises:
            CommandRefused: The object is gone, or may not be changed.
        """
        await self._patch(seen, {"metadata": {"annotations": {RECONCILE_ANNOTATION: token}}})

    async def answered(
        self,
        asked: Sequence[ObjectView],
        token: str,
        *,
        seconds: float,
        look: Callable[[Sequence[ObjectView], float], None],
    ) -> list[ObjectView]:
        """
        Wait until the operator has echoed *token* in all of them; give those that are left.

        A change that is under way then is followed to its end, which takes longer.

        Args:
            look: Gets all that are waited for each time they were read, and after how many seconds.

        Raises:
            CommandRefused: One is gone, or was asked for again with another token.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            seen = [await self._again(each) for each in asked]
            look(seen, loop.time() - began)
            left = [each for each in seen if each.status.last_handled_reconcile_at != token]
            for each in left:
                if each.annotations.get(RECONCILE_ANNOTATION) != token:
                    raise CommandRefused(
                        f"Somebody else has asked for {each.title} meanwhile, or taken the request"
                        " away, so its answer cannot be told."
                    )
            asked = [each for each in seen if each in left or each.in_flight]
            longest = _LONGEST_CHANGE if any(each.in_flight for each in asked) else 0.0
            if not asked or loop.time() - began > max(seconds, longest):
                return left
            await asyncio.sleep(_LOOK_SECONDS)

    async def each_look(
        self, names: Sequence[str], look: Callable[[list[ObjectView]], None]
    ) -> None:
        """
        Read the objects again and again, until the task is cancelled.

        Once they could be read, an API server that does not answer is waited for.

        Raises:
            CommandRefused: One of them does not exist, or they cannot be read at all.
        """
        loop = asyncio.get_running_loop()
        known = False
        while True:
            began = loop.time()
            try:
                look(await self.objects(names))
                known = True
            except CommandRefused as refused:
                if not known or not isinstance(refused.__cause__, KubeUnavailable):
                    raise
            # Of many objects a list takes long, for both sides.
            await asyncio.sleep(max(_WATCH_SECONDS, _WATCH_SHARE * (loop.time() - began)))

    async def _again(self, seen: ObjectView) -> ObjectView:
        with self._explained("list", seen.namespace):
            try:
                return ObjectView.of(await Resources(self._kube).get(seen.namespace, seen.name))
            except KubeNotFound as error:
                raise CommandRefused(f"{seen.title} was deleted meanwhile.") from error

    async def _patch(self, seen: ObjectView, body: Mapping[str, object]) -> None:
        path = (
            f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{quote(seen.namespace)}"
            f"/{PLURAL}/{quote(seen.name)}"
        )
        with self._explained("patch", seen.namespace, seen.name):
            await self._kube.request("PATCH", path, body=body)

    @contextmanager
    def _explained(self, verb: str, namespace: str | None, name: str = "") -> Iterator[None]:
        try:
            yield
        except KubeError as error:
            request = Request(server=self._kube.server, verb=verb, namespace=namespace, name=name)
            raise CommandRefused(explain(error, request)) from error
