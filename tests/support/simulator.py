"""
The simulated RDS for tests: as a program of its own, or in-process on a virtual clock.

::

    with Simulator() as rds:
        rds.put_instance("pgm-1", profile="postgresql-14")
        rds.fault({"kind": "reset-after"}, action="ModifyDBInstanceSSL")
        ...                             # something that talks to rds.url
        assert rds.instance("pgm-1")["restarts"] == 1

The program ends with its standard input, whose other end only this process has: the kernel closes
that however this process ends, SIGKILL included. (PR_SET_PDEATHSIG would fire when the *thread*
that started the program ends.)
"""

import hashlib
import json
import select
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import httpx

from rds_simulator.accounts import DEFAULT_KEY_ID, DEFAULT_KEY_SECRET
from rds_simulator.call import read_call
from rds_simulator.clock import to_wire, wall_time
from rds_simulator.cloud import Cloud
from rds_simulator.signatures import signature_v3
from support.polling import patience

START_SECONDS = 30.0
"""Until it listens: 1 s on an idle machine."""

STOP_SECONDS = 5.0
"""Until it has ended: 0.1 s on an idle machine."""

CALL_SECONDS = 30.0
"""For one call: a simulator that hangs must not look like a hung test."""

ACCESS_KEY_ID = DEFAULT_KEY_ID
ACCESS_KEY_SECRET = DEFAULT_KEY_SECRET

# What JSON holds.
Json = dict[str, Any]


class Admin:
    """The admin interface of a simulator; an error answer raises HTTPStatusError."""

    url: str
    """Of the API, without a slash at the end."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def put_instance(self, instance_id: str, **fields: object) -> Json:
        """Create an instance (profile: postgresql-14 unless given), see `InstanceBody`."""
        return self.admin("PUT", f"instances/{instance_id}", {"profile": "postgresql-14", **fields})

    def put_instances(self, *instances: Mapping[str, object]) -> Json:
        """Create many; each has an ``id`` and a ``profile``."""
        return self.admin("PUT", "instances", {"instances": list(instances)})

    def instance(self, instance_id: str) -> Json:
        """Everything that is true of an instance."""
        return self.admin("GET", f"instances/{instance_id}")

    def patch_instance(self, instance_id: str, **fields: object) -> Json:
        """Change an instance behind the operator's back, see `InstancePatch`."""
        return self.admin("PATCH", f"instances/{instance_id}", fields)

    def delete_instance(self, instance_id: str) -> None:
        """Remove an instance."""
        self.admin("DELETE", f"instances/{instance_id}")

    def put_access_key(self, key_id: str, **fields: object) -> Json:
        """Add or replace an access key, see `KeyBody`."""
        return self.admin("PUT", f"access-keys/{key_id}", fields)

    def put_role(self, name: str, trust: Mapping[str, object], **fields: object) -> Json:
        """Add or replace a role, by name or ARN, see `RoleBody`; show it, with its ``arn``."""
        return self.admin("PUT", f"roles/{name}", {"trust": trust, **fields})

    def remove_role(self, name: str) -> None:
        """Remove a role with all its sessions."""
        self.admin("DELETE", f"roles/{name}")

    def put_oidc_provider(self, name: str, **fields: object) -> Json:
        """Add or replace an identity provider, by name or ARN, see `ProviderBody`; show it."""
        return self.admin("PUT", f"oidc-providers/{name}", fields)

    def sessions(self) -> list[Json]:
        """Show the sessions that were given out and are not forgotten, oldest first."""
        answer: list[Json] = self.admin("GET", "sessions")["sessions"]
        return answer

    def end_sessions(self, which: str = "", *, how: str = "forget") -> list[str]:
        """End all sessions, one, or those of a role; ``how="expire"``: known, as expired."""
        path = f"sessions/{which}" if which else "sessions"
        ended: list[str] = self.admin("DELETE", path, query={"how": how})["ended"]
        return ended

    def metadata(self, **fields: object) -> Json:
        """Set up the metadata service, see `MetadataBody`; show it."""
        return self.admin("PUT", "metadata", fields) if fields else self.admin("GET", "metadata")

    def config(self, **fields: object) -> Json:
        """Set switches, durations, latency, rate_limit, see `ConfigBody`; show all."""
        return self.admin("PUT", "config", fields) if fields else self.admin("GET", "config")

    def fault(
        self,
        fault: Mapping[str, object],
        *,
        action: str | None = None,
        instance: str | None = None,
        times: int = 1,
    ) -> None:
        """Order a fault for the next calls that match, see `FaultSpec`."""
        body = {"fault": dict(fault), "action": action, "instance": instance, "times": times}
        self.admin("POST", "faults", body)

    def clear_faults(self) -> None:
        """Take back the faults that were not used up."""
        self.admin("DELETE", "faults")

    def calls(self, **narrowed: str) -> list[Json]:
        """Show the ledger, oldest first; narrow by action, instance, ``accepted="true"``."""
        return self.calls_since(0, **narrowed)[0]

    def calls_since(self, number: int, **narrowed: str) -> tuple[list[Json], int]:
        """Show the ledger from a number on, and the number to ask for next; the first is 0."""
        answer = self.admin("GET", "calls", query={"since": str(number), **narrowed})
        return answer["calls"], answer["next"]

    def clear_calls(self) -> None:
        """Forget calls and counters."""
        self.admin("DELETE", "calls")

    def stats(self) -> Json:
        """Show the counters."""
        return self.admin("GET", "stats")

    def clock(self, **fields: object) -> Json:
        """Move the time by ``advance`` seconds or to ``now``; show it."""
        return self.admin("PUT", "clock", fields) if fields else self.admin("GET", "clock")

    def move(self, seconds: float) -> None:
        """Let so much time pass for the instances and for the gateway, which checks signatures."""
        self.clock(advance=seconds, skew=self.clock()["skew"] + seconds)

    def reset(self) -> None:
        """Forget instances, faults, calls, settings and the moved time; keep access keys."""
        self.admin("POST", "reset")

    def admin(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Json:
        """Call the admin interface."""
        response = self._client.request(method, f"/{path}", json=body, params=query)
        if response.is_error:
            raise httpx.HTTPStatusError(
                f"{method} {path}: {response.text}", request=response.request, response=response
            )
        answer: Json = response.json()
        return answer


class Simulator(Admin):
    """The program, running."""

    pid: int

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [*self._command(), "--exit-with-stdin", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the parent, which decides what ends.
        )
        self.pid = self._process.pid
        try:
            self.url = self._read_line()["url"]
        except BaseException:
            self._end()
            raise
        super().__init__(
            httpx.Client(
                base_url=f"{self.url}/_sim", timeout=patience(CALL_SECONDS), trust_env=False
            )
        )

    def _command(self) -> Sequence[str]:
        return [sys.executable, "-m", "rds_simulator"]

    def stop(self) -> None:
        """End the program; a second call does nothing."""
        self._client.close()
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _read_line(self) -> Json:
        assert self._process.stdout is not None
        if not select.select([self._process.stdout], [], [], patience(START_SECONDS))[0]:
            raise TimeoutError(
                f"the simulator did not listen within {patience(START_SECONDS):.0f} s"
            )
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the simulator ended with status {self._process.wait()}")
        answer: Json = json.loads(line)
        return answer

    def _end(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.terminate()
        try:
            self._process.wait(patience(STOP_SECONDS))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


class InProcess(Admin):
    """A simulator without a socket, at a time that only `advance` moves."""

    url = "http://rds.invalid"

    def __init__(self, now: datetime | None = None) -> None:
        self.cloud = Cloud()
        self.now = now or wall_time().replace(microsecond=0)
        """What the machine's clock would say; certificates from `pki` are valid around today."""
        self.transport = in_process(self.cloud, lambda: self.now)
        super().__init__(httpx.Client(base_url=f"{self.url}/_sim", transport=self.transport))
        self._caller = self.caller()

    def caller(
        self,
        key_id: str = ACCESS_KEY_ID,
        secret: str = ACCESS_KEY_SECRET,
        token: str | None = None,
        version: str = "2014-08-15",
    ) -> "Caller":
        """Make a client with that access key, of RDS or by *version* of another API."""
        return Caller(
            self.url,
            key_id=key_id,
            secret=secret,
            token=token,
            transport=self.transport,
            now=lambda: self.now,
            version=version,
        )

    def call(self, action: str, *, place: str = "body", **parameters: str) -> httpx.Response:
        """Call an operation of the API with the key that may do everything."""
        return self._caller.call(action, place=place, **parameters)

    def modify(self, instance_id: str, **parameters: str) -> httpx.Response:
        """Call ModifyDBInstanceSSL: SSLEnabled=1 for the internal endpoint, unless told."""
        return self.call(
            "ModifyDBInstanceSSL",
            **{
                "DBInstanceId": instance_id,
                "ConnectionString": self.instance(instance_id)["endpoints"][0]["host"],
                "SSLEnabled": "1",
                **parameters,
            },
        )

    def describe(self, instance_id: str) -> Json:
        """Call DescribeDBInstanceSSL; an error answer raises."""
        response = self.call("DescribeDBInstanceSSL", DBInstanceId=instance_id)
        response.raise_for_status()
        fields: Json = response.json()
        return fields

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Caller:
    """
    A client of the API that signs by V3 and shows every answer as it is.

    It signs with the simulator's own code, which the published vectors pin down; the operator's
    client and the vendor's are tested against it elsewhere.
    """

    def __init__(
        self,
        url: str,
        *,
        key_id: str = ACCESS_KEY_ID,
        secret: str = ACCESS_KEY_SECRET,
        token: str | None = None,
        transport: httpx.BaseTransport | None = None,
        now: Callable[[], datetime] = wall_time,
        version: str = "2014-08-15",
    ) -> None:
        self.version = version
        self.key_id, self.secret, self.token, self.now = key_id, secret, token, now
        self._client = httpx.Client(
            base_url=url, transport=transport, timeout=patience(CALL_SECONDS), trust_env=False
        )

    def call(self, action: str, *, place: str = "body", **parameters: str) -> httpx.Response:
        """Call an operation with its parameters in the ``body`` or the ``query``."""
        return self.send(self.request(action, place=place, **parameters))

    def send(self, request: httpx.Request) -> httpx.Response:
        """Send what `request` made, perhaps altered."""
        return self._client.send(request)

    def request(self, action: str, *, place: str = "body", **parameters: str) -> httpx.Request:
        """Sign a request without sending it."""
        in_body = place == "body"
        request = self._client.build_request(
            "POST",
            "/",
            params=None if in_body else parameters,
            data=parameters if in_body else None,
        )
        request.headers.update(
            {
                "x-acs-action": action,
                "x-acs-version": self.version,
                "x-acs-date": to_wire(self.now()),
                "x-acs-signature-nonce": uuid.uuid4().hex,
                "x-acs-content-sha256": hashlib.sha256(request.content).hexdigest(),
            }
        )
        if self.token:
            request.headers["x-acs-security-token"] = self.token
        self.sign(request)
        return request

    def sign(self, request: httpx.Request) -> None:
        """Sign a request, again if need be."""
        call = read_call(request.method, str(request.url), request.headers, request.content)
        signed = sorted(
            name
            for name in call.headers
            if name in {"host", "content-type"} or name.startswith("x-acs-")
        )
        request.headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.key_id},SignedHeaders={';'.join(signed)},"
            f"Signature={signature_v3(call, self.secret, signed)}"
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def in_process(cloud: Cloud, now: Callable[[], datetime]) -> httpx.MockTransport:
    """
    Put a simulator behind an httpx client, sync or async, without a socket.

    Nothing waits: an answer that is held back longer than the client's read timeout raises
    ReadTimeout at once, a shorter delay is skipped.
    """

    def answer(request: httpx.Request) -> httpx.Response:
        reply = cloud.handle(
            request.method, str(request.url), request.headers, request.content, now()
        )
        limit = request.extensions.get("timeout", {}).get("read")
        if limit is not None and reply.delay > limit:
            raise httpx.ReadTimeout("simulated", request=request)
        if reply.reset:
            raise httpx.ReadError("simulated", request=request)
        return httpx.Response(reply.status, headers=dict(reply.headers), content=reply.body)

    return httpx.MockTransport(answer)
