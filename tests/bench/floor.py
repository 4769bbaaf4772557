"""
The floor: the requests that the work takes, by aiohttp alone, from one event loop.

    python -m bench.floor NAMESPACE OBJECTS

For each object one LIST by field selector, one read of its Secret, five signed calls of the cloud
and three PATCHes of its status, one after the other, for sixteen objects at a time. It judges
nothing and waits for no change. The last line on standard output is JSON: CPU seconds of the
process since it began, and its peak of memory in MiB.

Environment: KUBECONFIG, RDS_URL, ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import resource
import ssl
import sys
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import yaml

from bench.naming import instance_of, name_of, secret_of

AT_ONCE = 16
"""Objects, as many as the operator has workers."""

FORM = "application/x-www-form-urlencoded"
OBJECTS = "/apis/rds-ssl.dev/v1alpha1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Two sessions, and whom to call with what."""

    kube: aiohttp.ClientSession
    cloud: aiohttp.ClientSession
    url: str
    key_id: str
    key_secret: str
    namespace: str

    async def work(self, number: int) -> None:
        """Do what one object takes."""
        name, instance = name_of(number), instance_of(number)
        await self.ask(
            "GET", f"{OBJECTS}/dbinstancessls?fieldSelector=spec.instanceID%3D{instance}"
        )
        secret = await self.ask(
            "GET", f"/api/v1/namespaces/{self.namespace}/secrets/{secret_of(number)}"
        )
        chain, key = (
            base64.b64decode(secret["data"][of]).decode() for of in ("tls.crt", "tls.key")
        )
        attribute = await self.call("DescribeDBInstanceAttribute", DBInstanceId=instance)
        endpoint = attribute["Items"]["DBInstanceAttribute"][0]["ConnectionString"]
        await self.call("DescribeDBInstanceSSL", DBInstanceId=instance)
        await self.report(name, "Sending")
        await self.call(
            "ModifyDBInstanceSSL",
            DBInstanceId=instance,
            ConnectionString=endpoint,
            SSLEnabled="1",
            CAType="custom",
            ServerCert=chain,
            ServerKey=key,
        )
        await self.report(name, "Accepted")
        await self.call("DescribeDBInstanceAttribute", DBInstanceId=instance)
        await self.call("DescribeDBInstanceSSL", DBInstanceId=instance)
        await self.report(name, "Verified")

    async def report(self, name: str, reason: str) -> None:
        """Write a status about as long as the operator's."""
        now = datetime.now(UTC).isoformat()
        conditions = [
            {
                "type": kind,
                "status": str(reason == "Verified"),
                "reason": reason,
                "message": f"{reason}: the certificate that is in force is the one of the Secret.",
                "observedGeneration": 1,
                "lastTransitionTime": now,
            }
            for kind in ("Ready", "MaterialReady")
        ]
        certificate = {
            "sha256": hashlib.sha256(f"{name} {reason}".encode()).hexdigest(),
            "subject": f"CN={name}",
            "issuer": "CN=Test intermediate",
            "dnsNames": [f"{name}.pg.rds.aliyuncs.com"],
            "notBefore": now,
            "notAfter": now,
        }
        status = {
            "observedGeneration": 1,
            "conditions": conditions,
            "instance": {
                "engine": "PostgreSQL",
                "engineVersion": "14.0",
                "category": "HighAvailability",
            },
            "observed": {"enabled": True, "caType": "custom", "serverCertificate": certificate},
        }
        path = f"{OBJECTS}/namespaces/{self.namespace}/dbinstancessls/{name}/status"
        await self.ask("PATCH", path, {"status": status})

    async def ask(self, method: str, path: str, body: Json | None = None) -> Json:
        """Make a request to the API server."""
        async with self.kube.request(
            method,
            path,
            data=None if body is None else json.dumps(body),
            headers={"Content-Type": "application/merge-patch+json"},
        ) as answer:
            answer.raise_for_status()
            decoded: Json = await answer.json()
            return decoded

    async def call(self, action: str, **parameters: str) -> Json:
        """Make a signed call of the cloud."""
        body = form(parameters).encode()
        headers = {
            "content-type": FORM,
            "host": urlsplit(self.url).netloc,
            "x-acs-action": action,
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": "2014-08-15",
        }
        signed = "".join(f"{name}:{headers[name]}\n" for name in headers)
        names = ";".join(headers)
        canonical = f"POST\n/\n\n{signed}\n{names}\n{headers['x-acs-content-sha256']}"
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self.key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self.key_id},SignedHeaders={names},Signature={signature}"
        )
        async with self.cloud.post(self.url, data=body, headers=headers) as answer:
            answer.raise_for_status()
            decoded: Json = await answer.json()
            return decoded


def form(parameters: Mapping[str, str]) -> str:
    """Encode as RFC 3986 has it."""
    return "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())


@asynccontextmanager
async def connected(namespace: str) -> AsyncIterator[Floor]:
    """Open the sessions that the environment describes."""
    with open(os.environ["KUBECONFIG"], encoding="utf-8") as file:  # noqa: ASYNC230, PTH123  # Once.
        config = yaml.safe_load(file)
    cluster = config["clusters"][0]["cluster"]
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    async with (
        aiohttp.ClientSession(
            cluster["server"],
            connector=aiohttp.TCPConnector(ssl=context, limit=0),
            headers={"Authorization": f"Bearer {config['users'][0]['user']['token']}"},
        ) as kube,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as cloud,
    ):
        yield Floor(
            kube=kube,
            cloud=cloud,
            url=f"{os.environ['RDS_URL']}/",
            key_id=os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"],
            key_secret=os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"],
            namespace=namespace,
        )


async def run(namespace: str, objects: int) -> None:
    """Do it for all objects."""
    numbers = iter(range(objects))

    async def worker(floor: Floor) -> None:
        for number in numbers:
            await floor.work(number)

    async with connected(namespace) as floor, asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(worker(floor))


def main() -> None:
    """Command line."""
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))
    used = resource.getrusage(resource.RUSAGE_SELF)
    # ru_maxrss is in KiB on Linux.
    told = {"cpu_seconds": used.ru_utime + used.ru_stime, "rss_peak_mib": used.ru_maxrss / 1024}
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
