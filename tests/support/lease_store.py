"""A Lease as the API server keeps it, and what can be done to it and to the way there."""

import asyncio
from collections.abc import Mapping
from typing import Any

from rds_ssl.core.errors import KubeConflict, KubeNotFound, KubeUnavailable
from rds_ssl.core.lease import SERVES, Lease


class ApiServer:
    """Holds one Lease; versions count up, and a write of an older one is refused."""

    def __init__(self) -> None:
        self.manifest: dict[str, Any] | None = None
        self.requests = 0
        self.next_write = asyncio.Event()
        self._version = 0

    @property
    def holder(self) -> str | None:
        """Who holds it."""
        return self.manifest["spec"].get("holderIdentity") if self.manifest else None

    def edit(self, **spec: object) -> None:
        """Write it by hand."""
        assert self.manifest is not None
        self._put({**self.manifest["spec"], **spec}, self.serves)

    @property
    def serves(self) -> str:
        """What its annotation says."""
        assert self.manifest is not None
        return str(self.manifest["metadata"]["annotations"][SERVES])

    def delete(self) -> None:
        """Delete it by hand."""
        self.manifest = None

    def put(self, spec: Mapping[str, object], version: str | None, *, serves: str) -> None:
        """Create it (*version* None), or merge into it."""
        if version is None:
            if self.manifest is not None:
                raise KubeConflict("it is there already", status=409)
            self._put(spec, serves)
            return
        if self.manifest is None:
            raise KubeNotFound("it is not there", status=404)
        if self.manifest["metadata"]["resourceVersion"] != version:
            raise KubeConflict("it has changed", status=409)
        self._put({**self.manifest["spec"], **spec}, serves)

    def _put(self, spec: Mapping[str, object], serves: str) -> None:
        self._version += 1
        self.next_write.set()
        metadata = {"resourceVersion": str(self._version), "annotations": {SERVES: serves}}
        self.manifest = {"metadata": metadata, "spec": dict(spec)}


class Way:
    """One process's way to it: *refuses*, hangs (*is_dead*), or loses what the server answers."""

    what = "Lease test"

    def __init__(self, server: ApiServer, serves: str = "all namespaces") -> None:
        self.server = server
        self.serves = serves
        self.refuses = False
        self.is_dead = False
        self.loses_answers = False
        self.answers_after = 0.0
        """Seconds from when a write is carried out to its answer."""

    async def read(self, *, deadline: float) -> Lease | None:
        """See `Leases.read`."""
        await self._arrive(deadline)
        return Lease.of(self.server.manifest) if self.server.manifest else None

    async def write(
        self, spec: Mapping[str, object], before: Lease | None, *, deadline: float
    ) -> Lease:
        """See `Leases.write`."""
        await self._arrive(deadline)
        self.server.put(spec, before.version if before else None, serves=self.serves)
        if self.loses_answers:
            raise KubeUnavailable("no answer")
        assert self.server.manifest is not None
        written = Lease.of(self.server.manifest)
        await asyncio.sleep(self.answers_after)
        return written

    async def _arrive(self, deadline: float) -> None:
        if self.is_dead:
            await asyncio.sleep(deadline)
            raise KubeUnavailable("no answer")
        if self.refuses:
            raise KubeUnavailable("connection refused")
        self.server.requests += 1
        await asyncio.sleep(0.01)
