"""What is fuzzed, and what must hold of each input: it is read, or refused with a sentence."""

import asyncio
import functools
import json
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st

from fuzz import inputs
from fuzz.fuzzer import Hostile, Target, files
from fuzz.inputs import Json
from rds_ssl.aliyun.credentials import Credentials, from_secret
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.api.spec import parse_spec
from rds_ssl.core.api.status import parse_status
from rds_ssl.core.errors import AliyunError, KubeError, MaterialError, ObservationError
from rds_ssl.core.model import Observed, Priority
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.signers import signed_lists
from rds_ssl.engine.gather.materials import Materials
from rds_ssl.kube.access import from_kubeconfig
from rds_ssl.kube.resources import DataObject, Kind
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld
from support.line import Connection
from support.virtual_time import run as in_virtual_time

SHORTEST_ECHO = 24
"""Characters of a secret in a row that are a leak wherever they stand."""


def said_well(error: Exception, *, secrets: Sequence[str] = ()) -> None:
    """Raise unless the text of an error can be shown, and tells nothing of *secrets*."""
    text = str(error)
    if not text or not text.isprintable() or len(text) > 4_000:
        raise Hostile(f"not fit to be shown: {text[:200]!r}")
    for secret in secrets:
        runs = re.findall(rf"[A-Za-z0-9+/=]{{{SHORTEST_ECHO},}}", secret)
        for run in runs:
            starts = range(len(run) - SHORTEST_ECHO + 1)
            if any(run[at : at + SHORTEST_ECHO] in text for at in starts):
                raise Hostile("a part of a secret is shown")


# -- PEM, DER, keys ---------------------------------------------------------------------------


def check_pem(given: bytes | tuple[bytes, bytes]) -> None:
    """Read certificates and lists, as declared and as shown."""
    text, other = given if isinstance(given, tuple) else (given, given)
    cas, lists = None, None
    for read in (
        lambda: pem.parse_certificates(text, field="ServerCert"),
        lambda: pem.parse_revocation_lists(other, field="CRL"),
        lambda: pem.client_ca_in_force(text.decode("latin-1"), field="ClientCACert"),
        lambda: pem.revocation_list_in_force(other.decode("latin-1"), field="CRL"),
    ):
        try:
            read()
        except MaterialError as error:
            said_well(error)
    try:
        cas = pem.parse_client_ca(text, field="Secret a, key ca.crt")
        lists = pem.parse_revocation_list(other, field="Secret a, key ca.crl")
        signed_lists(cas, lists, where="Secret a, key ca.crl")
    except MaterialError as error:
        said_well(error)
    for facts in cas.certificates if cas else ():
        if not (facts.subject + facts.issuer + "".join(facts.dns_names)).isprintable():
            raise Hostile("a name steers a terminal")


@functools.cache
def _leaf() -> pki.Leaf:
    return pki.make_root().leaf("a.example.com")


def check_key(given: bytes) -> None:
    """Read a private key, beside a certificate and as one."""
    fields = {"certificate_field": "Secret a, key tls.crt", "key_field": "Secret a, key tls.key"}
    for certificate, key in ((_leaf().chain_pem, given), (given, given)):
        try:
            pem.parse_server_certificate(certificate, key, **fields)
        except MaterialError as error:
            said_well(error, secrets=[given.decode("latin-1")])


PEM = st.tuples(
    st.one_of(
        inputs.in_pem("CERTIFICATE", inputs.certificates),
        inputs.mutated(inputs.in_pem("CERTIFICATE", inputs.certificates)),
        inputs.mutated(st.sampled_from([each.read_bytes() for each in files("pem")])),
    ),
    st.one_of(
        inputs.in_pem("X509 CRL", inputs.revocation_lists),
        inputs.mutated(inputs.in_pem("X509 CRL", inputs.revocation_lists)),
    ),
)
KEYS = st.one_of(
    inputs.in_pem("PRIVATE KEY", inputs.private_keys),
    inputs.in_pem("RSA PRIVATE KEY", inputs.private_keys),
    inputs.mutated(inputs.in_pem("EC PRIVATE KEY", inputs.private_keys)),
)

# -- answers of the API -----------------------------------------------------------------------

SECRET = "S3cretOfTheAccessKeyWith30Chars"
PASSWORD = "pa55 w0rd/of+the=pfx"


def check_answer(given: bytes | tuple[int, bytes, Mapping[str, str]]) -> None:
    """Give one answer to all five operations."""
    status, content, headers = given if isinstance(given, tuple) else (200, given, {})
    asyncio.run(_answered(status, content, headers))
    if not isinstance(given, tuple):
        asyncio.run(_answered(400, content, headers))


async def _answered(status: int, content: bytes, headers: Mapping[str, str]) -> None:
    http = httpx.MockTransport(
        lambda _: httpx.Response(status, stream=_Stream(content), headers=headers)
    )
    api = RdsApi(
        transport=Transport(http, now=lambda: inputs.NOW),
        endpoint="https://rds.invalid",
        provider=StaticProvider(
            Credentials(access_key_id="LTAIx", access_key_secret=SecretText(SECRET))
        ),
        limiter=RateLimiter(0),
    )
    wanted = ("pgm-a", "cn-hangzhou")
    calls = (
        lambda: api.describe_ssl(*wanted, priority=Priority.RESYNC, engine="PostgreSQL"),
        lambda: api.describe_attribute(*wanted, priority=Priority.RESYNC),
        lambda: api.describe_endpoints(*wanted, priority=Priority.RESYNC),
        lambda: api.describe_hostssl_rows(*wanted, priority=Priority.RESYNC),
        lambda: api.modify_ssl(*wanted, {"PassWord": SecretText(PASSWORD)}),
    )
    for call in calls:
        # A read knows no password that it could look for.
        sent = (SECRET, PASSWORD) if call is calls[-1] else (SECRET,)
        try:
            found = await call()
        except (AliyunError, ObservationError) as error:
            said_well(error, secrets=sent)
            told = f"{getattr(error, 'request_id', '')} {getattr(error, 'message', '')}"
        else:
            shown = not isinstance(found, Observed) or found.modify_status_reason.isprintable()
            if not shown:
                raise Hostile("a reason steers a terminal")
            told = found if isinstance(found, str) else ""
        if any(secret in told for secret in sent):
            raise Hostile("a secret is shown")
        told.encode()


class _Stream(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> Any:  # noqa: ANN401
        for at in range(0, len(self._content), 4096):
            yield self._content[at : at + 4096]


BODIES = inputs.answer_bodies()
JSONS = st.sampled_from(list(BODIES.values())).flatmap(inputs.changed) | inputs.ANY_JSON
ECHOES = st.sampled_from([SECRET, SECRET[:12], SECRET[5:20], PASSWORD, f"x{PASSWORD}x"]).flatmap(
    lambda echo: st.sampled_from(["Code", "RequestId", "Message", "SSLEnabled"]).map(
        lambda name: {**BODIES["error"], **BODIES["ssl"], name: echo}
    )
)
ANSWERS = st.tuples(
    st.sampled_from([200, 200, 200, 202, 302, 400, 403, 404, 429, 500, 503]),
    st.one_of(
        (JSONS | ECHOES).map(lambda body: json.dumps(body).encode()),
        inputs.mutated(JSONS.map(lambda body: json.dumps(body).encode())),
        inputs.mutated(st.sampled_from([each.read_bytes() for each in files("answers")])),
    ),
    st.dictionaries(
        st.sampled_from(["date", "content-encoding", "retry-after", "x-acs-retry-after"]),
        st.sampled_from(
            [
                "Sat, 01 Jan 2000 00:00:00 +99999999999999",
                "Fri, 31 Dec 9999 23:59:59 -2359",
                "gzip",
                "1e9",
                "9" * 300,
                "nan",
                "",
            ]
        ),
        max_size=2,
    ),
)

# -- Secrets and ConfigMaps -------------------------------------------------------------------

SPEC = {
    "instanceID": "pgm-a",
    "regionID": "cn-hangzhou",
    "serverCertificate": {"secretRef": {"name": "a"}},
    "clientAuthentication": {
        "ca": {"configMapKeyRef": {"name": "a"}},
        "revocationList": {"secretKeyRef": {"name": "a"}},
        "acl": "cert",
        "replicationACL": "cert",
    },
}
DATA_KEYS = ("tls.crt", "tls.key", "ca.crt", "ca.crl", "accessKeyId", "accessKeySecret")


class _Stored:
    """A cluster with one Secret, and one ConfigMap, that hold the same."""

    def __init__(self, data: Mapping[str, bytes]) -> None:
        self._data = data

    async def read_data(self, _kind: Kind, _namespace: str, _name: str) -> DataObject:
        return DataObject(uid="u", resource_version="1", data=self._data)


def check_data(given: Mapping[str, bytes]) -> None:
    """Gather what an object refers to, and read its credentials."""
    resources: Any = _Stored(given)
    materials = Materials(resources, lambda _kind, _name: ("u", "1"))
    found = asyncio.run(materials.gather(parse_spec(SPEC), "shop"))
    if found.problem is not None:
        said_well(ValueError(found.problem.message))
    try:
        from_secret(given, name="a")
    except MaterialError as error:
        said_well(error)


DATA = st.dictionaries(
    st.sampled_from(DATA_KEYS) | st.text(max_size=8),
    st.one_of(
        st.binary(max_size=40),
        st.sampled_from([each.encode("utf-8", "surrogatepass") for each in inputs.TEXTS]),
        inputs.in_pem("CERTIFICATE", inputs.certificates),
        inputs.in_pem("X509 CRL", inputs.revocation_lists),
        KEYS,
    ),
    max_size=6,
)

# -- the engine -------------------------------------------------------------------------------


def check_status(given: Json) -> None:
    """Let somebody else write a status, let hours pass, and mend it: the object comes to rest."""
    parse_status(given)
    if isinstance(given, dict):
        # What the API server stores is JSON in UTF-8, with numbers that Go can read.
        stored = json.loads(json.dumps(_storable(given)))
        in_virtual_time(_with_status(stored))


def _storable(value: Json) -> Json:
    if isinstance(value, dict):
        return {_storable(key): _storable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_storable(each) for each in value[:50]]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, float | int) and not -(2**63) <= value < 2**63:
        return 0
    return value


async def _with_status(status: Json) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(300)
        accepted = world.cost("a")[0]
        world.kube.put_status((NAMESPACE, "a"), status)
        await world.run(30)
        await world.restart()
        await world.run(4 * 3600)
        if world.cost("a")[0] > accepted:
            raise Hostile("a forged status has changed an instance that was as declared")
        # Whoever wrote it takes it away: nothing that a process remembers may be in the way.
        world.kube.put_status((NAMESPACE, "a"), dict.fromkeys(status))
        await world.restart()
        await world.run(4 * 3600)
        if world.ready("a")[0] != "True":
            raise Hostile(f"the object does not recover: {world.conditions('a')}")


@functools.cache
def statuses() -> Sequence[Json]:
    """Give statuses that the operator has written: at rest, and in the midst of a change."""
    found: list[Json] = []

    async def story() -> None:
        async with EngineWorld() as world:
            world.add_instance("a")
            world.declare("a", approvalRequired=["Restart"])
            await world.run(60)
            found.append(json.loads(json.dumps(world.status("a"))))
            world.edit("a", approvalRequired=[])
            await world.run(5)
            found.append(json.loads(json.dumps(world.status("a"))))
            await world.run(300)
            found.append(json.loads(json.dumps(world.status("a"))))

    in_virtual_time(story())
    return found


STATUSES = st.deferred(lambda: st.sampled_from(statuses())).flatmap(inputs.changed)


class _Spoilt(EngineWorld):
    """A world whose cloud gives, from some answer on, what nobody writes, for so many answers."""

    def __init__(self, *, first: int, number: int, content: bytes, status: int) -> None:
        super().__init__()
        self._answers = iter(range(10**9))
        self._spoilt = range(first, first + number)
        self._content, self._status = content, status

    def cloud_transport(self, connection: Connection) -> httpx.MockTransport:
        whole = super().cloud_transport(connection)

        async def answer(request: httpx.Request) -> httpx.Response:
            good = await whole.handle_async_request(request)
            if next(self._answers) in self._spoilt:
                return httpx.Response(self._status, stream=_Stream(self._content))
            return good

        return httpx.MockTransport(answer)


def check_engine(given: tuple[int, int, int, bytes]) -> None:
    """Spoil answers, those after a write as well; each pass has an end, and the object recovers."""
    first, number, status, content = given
    in_virtual_time(_with_answers(first, number, status, content))


async def _with_answers(first: int, number: int, status: int, content: bytes) -> None:
    async with _Spoilt(first=first, number=number, content=content, status=status) as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(3600)
        if len([each for each in world.modifies("a") if each["accepted"]]) > 2:
            raise Hostile(f"{MODIFY} was accepted more than twice")
        for message in (each["message"] for each in world.status("a")["conditions"]):
            if not message.isprintable():
                raise Hostile(f"not fit to be shown: {message!r}")
        # Whoever looks after it asks anew, and names the endpoint: the choice of one that a
        # believable answer has shown is kept.
        world.edit("a", driftPolicy="Report", connectionString=world.host("a"))
        await world.run(timedelta(hours=9).total_seconds())
        if world.ready("a")[0] != "True":
            raise Hostile(f"the object does not recover: {world.conditions('a')}")


ENGINE = st.tuples(
    st.integers(0, 12),
    st.integers(1, 6),
    st.sampled_from([200, 200, 200, 400, 500]),
    st.one_of(
        JSONS.map(lambda body: json.dumps(body).encode()),
        st.sampled_from([each.read_bytes() for each in files("answers")]),
    ),
)

# -- kubeconfigs ------------------------------------------------------------------------------

KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
    "current-context": "x",
    "users": [
        {
            "name": "u",
            "user": {
                "token": "abc",
                "client-certificate-data": "Z2FyYmFnZQ==",
                "client-key-data": "Z2FyYmFnZQ==",
                "as": "somebody",
                "as-groups": ["g"],
                "as-user-extra": {"k": ["v"]},
                "exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "no-such"},
                "auth-provider": {"name": "oidc", "config": {"id-token": "a.b.c"}},
            },
        }
    ],
}


@contextmanager
def _without_programs() -> Any:  # noqa: ANN401
    async def refused(*_: object, **__: object) -> None:
        raise OSError(2, "no program is started here")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio, "create_subprocess_exec", refused)
        yield


def check_kubeconfig(given: bytes) -> None:
    """Read a kubeconfig, and all that a connection takes of it."""

    async def work(file: Path) -> None:
        credentials = await from_kubeconfig(str(file))
        await credentials.authorization()
        credentials.tls()

    with tempfile.TemporaryDirectory() as folder, _without_programs():
        file = Path(folder) / "config"
        file.write_bytes(given)
        try:
            asyncio.run(work(file))
        except KubeError as error:
            if not isinstance(str(error), str) or not str(error):
                raise Hostile("nothing is said") from error


def _yaml(value: Json) -> bytes:
    return json.dumps(value).encode()  # Which is YAML, and takes any depth.


KUBECONFIGS = st.one_of(
    inputs.changed(KUBECONFIG).map(_yaml),
    inputs.mutated(st.just(_yaml(KUBECONFIG))),
    inputs.mutated(st.sampled_from([each.read_bytes() for each in files("kubeconfigs")])),
)

Check = Callable[[Any], None]

TARGETS = (
    Target(name="pem", inputs=PEM, check=check_pem, seconds=1.0, folder="pem"),
    Target(name="keys", inputs=KEYS, check=check_key, seconds=0.5),
    Target(name="answers", inputs=ANSWERS, check=check_answer, seconds=0.5, folder="answers"),
    Target(name="data", inputs=DATA, check=check_data, seconds=0.5),
    Target(
        name="kubeconfigs",
        inputs=KUBECONFIGS,
        check=check_kubeconfig,
        seconds=5.0,  # PyYAML is slow, and a kubeconfig is the user's own.
        weight=8,
        folder="kubeconfigs",
    ),
    Target(name="statuses", inputs=STATUSES, check=check_status, seconds=20.0, weight=40),
    Target(name="engine", inputs=ENGINE, check=check_engine, seconds=20.0, weight=40),
)
