"""
The vendor's own library for credentials as an oracle: what it sends and reads, and what we do.

It runs as a program of its own: it reads the environment when it is imported, adds handlers to the
log, and holds an event loop (docs/decisions/014-own-credentials.md).
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.own import own_provider
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sources import AssumedSource
from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts, sts_url
from rds_ssl.aliyun.transport import Transport, make_http_transport
from rds_ssl.core.errors import NoCredentials
from rds_ssl.core.secret_text import SecretText
from rds_ssl.own_identity import own_identity
from rds_ssl.settings import load
from support.identities import Issuer, trusts, trusts_oidc, trusts_service
from support.polling import patience
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Caller, Simulator

Json = dict[str, Any]

ACCOUNT = "acs:ram::1234567890123456"
ROLE_ARN = f"{ACCOUNT}:role/rds-ssl"
PROVIDER_ARN = f"{ACCOUNT}:oidc-provider/ack-rrsa-c1"
ISSUER = Issuer()

VENDOR = """
import json, os, sys
from urllib.parse import urlsplit
from Tea.core import TeaCore

asked = []
usual = TeaCore.compose_url

def compose_url(request):
    # Its addresses are fixed, and none of them is to be reached by a test.
    url = urlsplit(usual(request))
    asked.append(url.hostname)
    return os.environ["SIMULATOR"] + url.path + ("?" + url.query if url.query else "")

TeaCore.compose_url = staticmethod(compose_url)
from alibabacloud_credentials.client import Client
from alibabacloud_credentials.models import Config

given = json.loads(sys.stdin.read())
try:
    found = (Client(Config(**given)) if given else Client()).get_credential()
    key = [found.access_key_id, found.access_key_secret, found.security_token or ""]
except Exception:
    key = None
print(json.dumps({"key": key, "asked": asked}))
sys.stdout.flush()
os._exit(0)  # It leaves threads behind.
"""

# What either of the two adds to a request of its own accord.
_OF_A_SIGNATURE = frozenset(
    {"AccessKeyId", "Signature", "SignatureMethod", "SignatureNonce", "SignatureVersion"}
    | {"Action", "Format", "Timestamp", "Version"}
)


class Found(NamedTuple):
    """Who one of the two is then, and which host it has asked first; empty: nobody, none."""

    principal: str
    asked: str


@pytest.fixture(scope="module")
def program() -> Iterator[Simulator]:
    """A running simulator."""
    with Simulator("--max-url-bytes", "65536") as program:
        yield program


@pytest.fixture
def rds(program: Simulator) -> Simulator:
    """The running simulator with a role that everybody here may take."""
    program.put_oidc_provider("ack-rrsa-c1", **ISSUER.provider())
    trust = trusts_oidc(PROVIDER_ARN, ISSUER.url)
    trust["Statement"] += trusts_service("ecs.aliyuncs.com")["Statement"]
    trust["Statement"] += trusts(f"{ACCOUNT}:root", external_id="x-1")["Statement"]
    program.put_role("rds-ssl", trust)
    program.metadata(role="rds-ssl")
    program.clear_faults()
    program.clear_calls()
    return program


def principal(rds: Simulator, key: tuple[str, str, str] | None) -> str:
    """Ask the simulator who has a key; a session's name does not count."""
    if key is None:
        return ""
    caller = Caller(rds.url, key_id=key[0], secret=key[1], token=key[2] or None)
    caller.version = STS_VERSION
    answer: Json = caller.call("GetCallerIdentity").json()
    caller.close()
    return "/".join(answer["Arn"].split("/")[:2])


def theirs(rds: Simulator, environ: Mapping[str, str], config: Json | None = None) -> Found:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", VENDOR],
        input=json.dumps(config),
        env={**kept, **environ, "SIMULATOR": rds.url, "HOME": "/nonexistent", "NO_PROXY": "*"},
        capture_output=True,
        text=True,
        timeout=patience(60),
        check=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return Found(
        principal=principal(rds, tuple(told["key"]) if told["key"] else None),
        asked=(told["asked"] or [""])[0],
    )


def ours(rds: Simulator, environ: Mapping[str, str]) -> Found:
    settings = load(environ)
    own = own_identity(settings)
    asked = ""
    if own.key is None and own.oidc is not None:
        url = sts_url(
            settings.sts_endpoint, region=settings.sts_region, vpc=settings.vpc_endpoint_enabled
        )
        asked = urlsplit(url).hostname or ""
    elif own.key is None and own.ecs_role is not None:
        asked = urlsplit(settings.ecs_metadata_url).hostname or ""

    async def work() -> tuple[str, str, str] | None:
        async with make_http_transport() as http:
            sts = Sts(Transport(http, now=now, version=STS_VERSION), rds.url)
            metadata = Metadata(http, now=now, url=rds.url, version_1=not settings.imdsv1_disabled)
            provider = own_provider(own, sts=sts, metadata=metadata)
            if provider is None:
                return None
            try:
                return shown(await provider.credentials())
            except NoCredentials:
                return None

    return Found(principal=principal(rds, asyncio.run(work())), asked=asked)


def now() -> datetime:
    return datetime.now(UTC)


def shown(key: Credentials) -> tuple[str, str, str]:
    token = key.security_token.reveal() if key.security_token else ""
    return key.access_key_id, key.access_key_secret.reveal(), token


def parameters(rds: Simulator, action: str) -> list[set[str]]:
    """Give the names of what was sent by each call, but for what signs it."""
    return [
        {*each["query_parameters"], *each["body_parameters"]} - _OF_A_SIGNATURE
        for each in rds.calls(action=action)
    ]


KEY = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
}
RRSA = {
    "ALIBABA_CLOUD_ROLE_ARN": ROLE_ARN,
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": PROVIDER_ARN,
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "TOKEN",
}
REGION = {"ALIBABA_CLOUD_STS_REGION": "cn-hangzhou"}
ECS = {"ALIBABA_CLOUD_ECS_METADATA": "rds-ssl"}
OFF = {"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true"}
AS_ROLE = ":assumed-role/rds-ssl"
METADATA = "100.100.100.200"


@pytest.mark.parametrize(
    ("environ", "who", "asked"),
    [
        ({**KEY, **OFF}, f":user/user-of-{ACCESS_KEY_ID}", ""),
        ({**KEY, **RRSA, **OFF}, f":user/user-of-{ACCESS_KEY_ID}", ""),
        ({**RRSA, **OFF}, AS_ROLE, "sts.aliyuncs.com"),
        ({**RRSA, **REGION, **OFF}, AS_ROLE, "sts.cn-hangzhou.aliyuncs.com"),
        (
            {**RRSA, **REGION, **OFF, "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true"},
            AS_ROLE,
            "sts-vpc.cn-hangzhou.aliyuncs.com",
        ),
        (
            {**RRSA, **OFF, "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true"},
            AS_ROLE,
            "sts.aliyuncs.com",
        ),
        ({**RRSA, **ECS}, AS_ROLE, "sts.aliyuncs.com"),
        (ECS, AS_ROLE, METADATA),
        ({**ECS, **OFF}, "", ""),
        ({"ALIBABA_CLOUD_ROLE_ARN": ROLE_ARN, **OFF}, "", ""),
        ({}, "", ""),
    ],
    ids=[
        "key",
        "key and RRSA",
        "RRSA",
        "RRSA in a region",
        "RRSA in a VPC",
        "RRSA in a VPC of no region",
        "RRSA and a machine with a role",
        "a machine with a role",
        "no metadata service",
        "a role alone",
        "nothing",
    ],
)
def test_the_same_environment_makes_the_same_caller(
    rds: Simulator, tmp_path: Path, environ: dict[str, str], who: str, asked: str
) -> None:
    file = tmp_path / "token"
    file.write_text(ISSUER.token(at=now() - timedelta(seconds=5)))
    given = {name: str(file) if value == "TOKEN" else value for name, value in environ.items()}
    if not environ:
        given = dict(OFF)  # Without being asked to, the vendor's looks for a metadata service.

    found = ours(rds, given)

    assert found == theirs(rds, given)
    assert found.asked == asked
    assert found.principal.endswith(who) if who else not found.principal


def test_assume_role_has_the_same_parameters(rds: Simulator) -> None:
    policy = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
    vendor = theirs(
        rds,
        {},
        {
            "type": "ram_role_arn",
            "access_key_id": ACCESS_KEY_ID,
            "access_key_secret": ACCESS_KEY_SECRET,
            "role_arn": ROLE_ARN,
            "role_session_name": "orders",
            "external_id": "x-1",
            "policy": policy,
        },
    )
    key = Credentials(access_key_id=ACCESS_KEY_ID, access_key_secret=SecretText(ACCESS_KEY_SECRET))
    role = Role(arn=ROLE_ARN, session_name="orders", external_id="x-1", policy=policy)

    async def work() -> Credentials:
        async with make_http_transport() as http:
            sts = Sts(Transport(http, now=now, version=STS_VERSION), rds.url)
            source = AssumedSource(sts=sts, base=StaticProvider(key), role=role, label="x")
            return (await source.issue()).credentials

    mine = principal(rds, shown(asyncio.run(work())))

    assert mine == vendor.principal
    one, other = parameters(rds, "AssumeRole")
    assert one == other


def test_the_token_of_the_vendor_is_in_the_url_and_ours_is_not(
    rds: Simulator, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(ISSUER.token(at=now() - timedelta(seconds=5)))
    environ = {**RRSA, **OFF, "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(file)}

    ours(rds, environ)
    assert rds.stats()["keys_in_url"] == 0
    theirs(rds, environ)

    assert rds.stats()["keys_in_url"] == 1
    one, other = parameters(rds, "AssumeRoleWithOIDC")
    assert one == other


@pytest.mark.parametrize("disabled", ["true", "false"])
def test_version_1_of_the_metadata_service_is_asked_by_both_or_by_none(
    rds: Simulator, disabled: str
) -> None:
    rds.fault({"code": "X", "status": 404}, action="metadata-token", times=100)
    environ = {**ECS, "ALIBABA_CLOUD_IMDSV1_DISABLED": disabled}

    found = ours(rds, environ)

    assert found == theirs(rds, environ)
    assert bool(found.principal) is (disabled == "false")
