"""When objects became Ready, as a watch tells: no object is asked for, so nobody is slowed down."""

import contextlib
import http.client
import json
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from support import polling
from support.cluster import Cluster

Json = dict[str, Any]


class ReadyWatch:
    """
    Watches the objects of one namespace from when it is entered.

    A thread of its own reads, so that times are right whatever else this process does.
    """

    ready: Mapping[str, float]
    """Names of objects that are Ready, with the time since when, in seconds of the epoch."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._ready: dict[str, float] = {}
        self.ready = self._ready
        self._path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{namespace}/{PLURAL}"
        version = cluster.request("GET", self._path, limit="1")["metadata"]["resourceVersion"]
        host, port = cluster.control_plane.url.removeprefix("https://").split(":")
        context = ssl.create_default_context(cafile=str(cluster.control_plane.ca_file))
        self._connection = http.client.HTTPSConnection(host, int(port), context=context)
        self._connection.request(
            "GET",
            f"{self._path}?watch=1&resourceVersion={version}",
            headers={"Authorization": cluster.api.headers["Authorization"]},
        )
        self._thread = threading.Thread(target=self._read, daemon=True)

    def wait_all(self, count: int, *, seconds: float) -> float:
        """
        Wait until so many objects are Ready; give the time at which the last one became so.

        Raises:
            TimeoutError: If they do not.
        """

        def problem() -> str | None:
            ready = len(self._ready)
            if ready >= count:
                return None
            blind = "" if self._thread.is_alive() else "; the watch that tells of it has ended"
            return f"{ready} of {count} objects are Ready{blind}"

        polling.wait(problem, seconds=seconds)
        return max(self._ready.values())

    def missing_again(self, since: Mapping[str, float], *, seconds: float) -> list[str]:
        """Wait until each object has become Ready after its time in *since*; name who has not."""

        def missing() -> list[str]:
            return [name for name, at in since.items() if self._ready.get(name, 0.0) < at]

        with contextlib.suppress(TimeoutError):
            polling.wait(lambda: ", ".join(missing()) or None, seconds=seconds)
        return missing()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):
                self._connection.sock.shutdown(socket.SHUT_RDWR)  # Wakes the thread.
        self._thread.join()
        self._connection.close()

    def _read(self) -> None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            answer = self._connection.getresponse()
            while line := answer.readline():
                self._take(json.loads(line), time.time())

    def _take(self, event: Json, now: float) -> None:
        found = event["object"]
        name = found["metadata"].get("name", "")
        if event["type"] in {"ADDED", "MODIFIED"} and is_ready(found):
            self._ready.setdefault(name, now)
        else:
            self._ready.pop(name, None)


def is_ready(found: Json) -> bool:
    """Tell whether an object is Ready at its present generation, with nothing under way."""
    status = found.get("status", {})
    conditions = {each["type"]: each["status"] for each in status.get("conditions", ())}
    return (
        conditions.get("Ready") == "True"
        and conditions.get("Reconciling") != "True"
        and status.get("observedGeneration") == found["metadata"]["generation"]
    )
