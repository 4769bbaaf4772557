"""
The largest inputs of each kind through the whole engine, on a real loop with a real thread.

And what is costly though it is small, beside the loop: there a call into C must be short as well.
"""

import asyncio
import contextlib
import functools
import json
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.exchange import ANSWER_BYTES
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import AliyunError, MaterialError, ObservationError
from rds_ssl.core.model import Priority
from rds_ssl.core.operation.verification import Limits
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.pem_blocks import (
    MAX_CERTIFICATES,
    MAX_CERTIFICATES_BYTES,
    MAX_CHAIN,
    MAX_REVOCATION_LISTS_BYTES,
)
from rds_ssl.core.x509.signers import signed_lists
from rds_ssl.engine.reconcile.ports import Timings
from support import hostile_der, odd_pem, pki, virtual_time
from support.engine_world import EngineWorld
from support.line import Connection
from support.loop_meter import LoopMeter, longest_hold, measured
from support.simulator import in_process

MOST = 0.020
"""Seconds that a callback may take; the longest here takes 5 to 10 ms."""

ATTEMPTS = 3

DEADLINE = 60.0

TRUST = {
    "ca": {"configMapKeyRef": {"name": "a-ca"}},
    "revocationList": {"configMapKeyRef": {"name": "a-ca"}},
    "acl": "cert",
    "replicationACL": "cert",
}


def held(story: Callable[[], Coroutine[object, object, LoopMeter]]) -> list[str]:
    """
    Name the callbacks of *story* that held the loop for too long, each time it was played.

    A virtual machine whose host is busy takes a moment for CPU time; what holds a loop does so
    again.
    """
    found: list[str] = []
    for _ in range(ATTEMPTS):
        found = asyncio.run(story()).beyond(MOST)
        if not found:
            break
    return found


class RealWorld(EngineWorld):
    """A world in real time, whose cloud thinks in a thread of its own."""

    def __init__(self) -> None:
        began = pki.real_now() - timedelta(seconds=self.monotonic() - virtual_time.START)
        timings = Timings(
            quiet_period=0.0,
            max_changes_per_day=0,
            limits=Limits(poll=0.5, verify_after=1.0),
            resync=1.0,
        )
        self._thinking = ThreadPoolExecutor(max_workers=1)
        super().__init__(timings=timings, begins=began)

    @staticmethod
    def monotonic() -> float:
        """Give the loop's time, also where there is no loop."""
        return time.monotonic()

    def cloud_transport(self, connection: Connection) -> httpx.MockTransport:
        """Put the simulator behind a client of one process."""
        simulator = in_process(self.rds.cloud, self.clock)

        async def answer(request: httpx.Request) -> httpx.Response:
            think = asyncio.get_running_loop().run_in_executor
            work = functools.partial(think, self._thinking, simulator.handle_request, request)
            return await connection.carry("cloud", "", "", work)

        return httpx.MockTransport(answer)

    async def settled(self, name: str) -> None:
        """Wait until an object is as declared, and once more looked at."""
        async with asyncio.timeout(DEADLINE):
            while self.ready(name) != ("True", "Verified"):  # noqa: ASYNC110  # It has no event.
                await asyncio.sleep(0.1)
        await asyncio.sleep(0.8)


def long_names(count: int) -> list[str]:
    return [f"host-{number:05}.of-a-long-name.example.com" for number in range(count)]


def chain_of_ten(world: EngineWorld) -> dict[str, bytes]:
    """Give the longest chain, as large as a file of certificates may be."""
    issuer = world.root
    for number in range(MAX_CHAIN - 1):
        issuer = issuer.intermediate(f"Level {number}")
    leaf = issuer.leaf(world.host("a"), *long_names(4000))
    assert 0.8 * MAX_CERTIFICATES_BYTES < len(leaf.chain_pem) <= MAX_CERTIFICATES_BYTES
    return {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}


@functools.cache
def one_ca_with_a_long_list() -> dict[str, bytes]:
    root = pki.make_root("Clients")
    lists = root.revocation_list(serials=range(1 << 150, (1 << 150) + 9_500))
    assert 0.9 * MAX_REVOCATION_LISTS_BYTES < len(lists) <= MAX_REVOCATION_LISTS_BYTES
    return {"ca.crt": root.pem, "ca.crl": lists}


@functools.cache
def a_hundred_cas_of_one_name() -> dict[str, bytes]:
    """Give the largest bundle, each CA with a key of its own and a list."""
    cas = []
    for _ in range(MAX_CERTIFICATES):
        key = pki.make_key()
        certificate = pki.build_certificate(
            subject="Clients",
            key=key,
            issuer=None,
            names=long_names(33),
            extras=pki.Extras(ca=True),
        )
        cas.append(pki.Authority(certificate=certificate, key=key))
    bundle = b"".join(ca.pem for ca in cas)
    assert 0.8 * MAX_CERTIFICATES_BYTES < len(bundle) <= MAX_CERTIFICATES_BYTES
    serials = range(1 << 150, (1 << 150) + 88)
    lists = b"".join(ca.revocation_list(serials=serials) for ca in reversed(cas))
    assert 0.9 * MAX_REVOCATION_LISTS_BYTES < len(lists) <= MAX_REVOCATION_LISTS_BYTES
    return {"ca.crt": bundle, "ca.crl": lists}


@pytest.mark.parametrize("signatures", ["v3", "v1"])
@pytest.mark.parametrize("trust", [one_ca_with_a_long_list, a_hundred_cas_of_one_name])
def test_the_loop_is_not_held_by_the_largest_material(
    trust: Callable[[], dict[str, bytes]], signatures: str
) -> None:
    files = trust()

    async def story() -> LoopMeter:
        async with RealWorld() as world:
            world.rds.config(signatures=signatures, durations={"change": 0.5})
            world.add_instance("a")
            world.write("Secret", "a-tls", chain_of_ten(world))
            world.write("ConfigMap", "a-ca", files)
            with measured() as meter:
                world.declare_custom("a", clientAuthentication=TRUST)
                await world.settled("a")
                world.write("ConfigMap", "a-ca", files)  # Another version, all is read again.
                await asyncio.sleep(0.8)
            assert len(world.modifies("a")) == 1
            return meter

    assert held(story) == []


def shows(**fields: str) -> tuple[int, bytes]:
    """Answer as a PostgreSQL with SSL on does."""
    return 200, json.dumps({"SSLEnabled": "on", **fields}).encode()


def many_cas() -> str:
    """Give more CAs than are ever sent, half of them such that no strict parser takes them."""
    root = pki.make_root()
    odd = odd_pem.to_block(odd_pem.with_written_default(root.certificate, root.key))
    return (root.pem + odd).decode() * 1_300


def long_list() -> str:
    return pki.make_root().revocation_list(serials=range(1 << 150, (1 << 150) + 34_000)).decode()


HOSTILE: Mapping[str, tuple[int, bytes]] = {
    "a million objects": (200, b'{"a": [' + b"{}," * 690_000 + b"1]}"),
    "a million lists": (200, b'{"a": [' + b"[]," * 690_000 + b"1]}"),
    "as many rows as are read": (200, b'{"a": [' + b'{"Type": "hostssl"},' * 4_900 + b"1]}"),
    "a word that is long": (200, json.dumps({"SSLEnabled": "\x01" * 340_000}).encode()),
    "an endpoint that is long": (
        200,
        json.dumps({"SSLEnabled": "Yes", "ConnectionString": ":1" * 1_000_000}).encode(),
    ),
    "a reason that is long": (
        200,
        json.dumps({"SSLEnabled": "No", "ModifyStatusReason": "é" * 340_000}).encode(),
    ),
    "many CAs": shows(ClientCACert=many_cas()),
    "a long list": shows(ClientCertRevocationList=long_list()),
    "lines that are none of PEM": shows(ServerCert="-----BEGI\n" * 150_000),
    "a nesting": (200, b'{"a": ' * 340_000),
    "a message that is long": (
        400,
        json.dumps({"Code": "X", "Message": "m " * 1_000_000}).encode(),
    ),
    "a message of runs": (
        400,
        json.dumps({"Code": "X", "Message": ("a" * 31 + " ") * 2_000}).encode(),
    ),
    "a code that is long": (400, json.dumps({"Code": "\n" * 1_000_000}).encode()),
    "XML": (400, b"<Error>" + b"<" * 2_000_000),
    "XML of many fields": (400, b"<Error>" + b"<a>b</a>" * 250_000),
    "dashes": (400, json.dumps({"Code": "X", "Message": "-----BEGIN" * 6_000}).encode()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_loop_is_not_held_by_a_hostile_answer(name: str) -> None:
    status, content = HOSTILE[name]
    assert len(content) <= ANSWER_BYTES
    key = pki.key_pem(pki.make_key(pki.KeyType.RSA_2048)).decode()
    parameters = {"ServerCert": "A" * 200_000, "ServerKey": SecretText(key)}

    async def story() -> LoopMeter:
        http = httpx.MockTransport(lambda _: httpx.Response(status, content=content))
        api = RdsApi(
            transport=Transport(http, now=pki.real_now),
            endpoint="https://rds.invalid",
            provider=StaticProvider(
                Credentials(access_key_id="A", access_key_secret=SecretText("S" * 30))
            ),
            limiter=RateLimiter(0),
        )
        wanted = ("pgm-a", "cn-hangzhou")
        calls = (
            api.describe_ssl(*wanted, priority=Priority.RESYNC),
            api.describe_attribute(*wanted, priority=Priority.RESYNC),
            api.describe_endpoints(*wanted, priority=Priority.RESYNC),
            api.describe_hostssl_rows(*wanted, priority=Priority.RESYNC),
            api.modify_ssl(*wanted, parameters),
        )
        with measured() as meter:
            for call in calls:
                with contextlib.suppress(AliyunError, ObservationError):
                    await call
                # Each in a callback of its own.
                await asyncio.sleep(0)
        return meter

    assert held(story) == []


def key_of(text: bytes) -> None:
    """Read a private key; it fits no certificate."""
    leaf = pki.make_root().leaf("a.example.com")
    pem.parse_server_certificate(leaf.chain_pem, text, certificate_field="crt", key_field="key")


def signatures(cas: int, *, bits: int, exponent_bits: int = 64) -> None:
    """Look for the CA of a list that none of a bundle has signed."""
    bundle = hostile_der.slow_namesakes(cas, bits=bits, exponent_bits=exponent_bits)
    crl = hostile_der.list_signed_with_rsa(bits=bits)
    signed_lists(
        pem.parse_client_ca(bundle, field="ca"), pem.parse_revocation_list(crl, field="crl")
    )


def constrained(names: int) -> None:
    """Read a chain of as many names, and as many constraints, as are compared."""
    host = "a.h99.example.com"
    allowed = [pki.x509.DNSName(f"h{number}.example.com") for number in range(100)]
    constraints = pki.x509.NameConstraints(allowed, None)
    root = pki.make_root()
    issuer = root.intermediate(extras=pki.Extras(constraints=constraints))
    leaf = issuer.leaf(*([host] * names))
    pem.parse_server_certificate(
        leaf.chain_pem + root.pem, leaf.key_pem(), certificate_field="crt", key_field="key"
    )


def shown(certificate: Callable[[pki.Authority], bytes]) -> Callable[[], object]:
    text = odd_pem.to_block(certificate(pki.make_root()))
    return lambda: pem.parse_certificates(text, field="ServerCert")


N, P = hostile_der.odd(8192), hostile_der.odd(4096)

COSTLY: Mapping[str, Callable[[], Callable[[], object]]] = {
    "a key with a Diffie-Hellman group": lambda: functools.partial(
        key_of, hostile_der.diffie_hellman_key()
    ),
    "a key with huge primes": lambda: functools.partial(
        key_of, hostile_der.rsa_key((N, 65537, N, hostile_der.odd(9000), N, N, N, N))
    ),
    "the largest key": lambda: functools.partial(
        key_of, hostile_der.rsa_key((N, hostile_der.odd(256), N, P, P, P, P, P))
    ),
    "a certificate with a Diffie-Hellman group": lambda: shown(
        lambda ca: hostile_der.with_public_key(
            ca,
            hostile_der.DHX + hostile_der.diffie_hellman_group(),
            hostile_der.integer(4),
        )
    ),
    "a certificate with a huge modulus": lambda: shown(
        lambda ca: hostile_der.with_rsa_public_key(ca, bits=12_000_000)
    ),
    "a name of many parts": lambda: shown(lambda ca: hostile_der.with_name(ca, 60_000)),
    "signatures of the largest keys": lambda: functools.partial(signatures, 3, bits=16_384),
    "signatures with the largest exponents": lambda: functools.partial(
        signatures, 3, bits=3072, exponent_bits=256
    ),
    "name constraints": lambda: functools.partial(constrained, 100),
}


@pytest.mark.parametrize("case", COSTLY)
def test_the_lock_is_not_kept_by_what_is_costly_though_small(case: str) -> None:
    read = COSTLY[case]()

    def work() -> None:
        with contextlib.suppress(MaterialError):
            read()

    assert min(longest_hold(work) for _ in range(ATTEMPTS)) < MOST
