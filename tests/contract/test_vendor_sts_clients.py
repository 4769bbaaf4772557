"""
The vendor's own clients of STS and of the metadata service against the simulator.

They are witnesses of the simulator: its signatures, parameters and answers are what these send and
read. Their library speaks https alone, so the requests go to the simulator on their way.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_credentials.exceptions import CredentialException
from alibabacloud_credentials.provider import ecs_ram_role, oidc, ram_role_arn
from alibabacloud_rds20140815.client import Client
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from darabonba.runtime import RuntimeOptions
from Tea.core import TeaCore

from rds_simulator.clock import wall_time
from support.identities import ACCOUNT, Issuer, allows, trusts, trusts_oidc, trusts_service
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Caller, Simulator

ROOT = f"acs:ram::{ACCOUNT}:root"


@pytest.fixture(scope="module")
def rds() -> Iterator[Simulator]:
    """A running simulator with an instance."""
    with Simulator() as simulator:
        simulator.put_instance("pg")
        yield simulator


@pytest.fixture
def to_simulator(rds: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    """The simulator, which what these clients send reaches wherever they send it."""
    host, _, port = rds.url.removeprefix("http://").partition(":")

    class ToSimulator:
        """Sends as the library does, to the simulator."""

        @staticmethod
        def do_action(request: Any, options: Any) -> Any:  # noqa: ANN401 - the library's.
            request.protocol, request.port = "http", int(port)
            request.headers["host"] = host
            return TeaCore.do_action(request, {**options, "noProxy": host})

    for module in (ecs_ram_role, oidc, ram_role_arn):
        monkeypatch.setattr(module, "TeaCore", ToSimulator)
    return rds


def may_read(rds: Simulator, credentials: Any) -> bool:  # noqa: ANN401 - the library's.
    caller = Caller(
        rds.url,
        key_id=credentials.get_access_key_id(),
        secret=credentials.get_access_key_secret(),
        token=credentials.get_security_token(),
    )
    answer = caller.call("DescribeDBInstanceSSL", DBInstanceId="pg")
    caller.close()
    return answer.status_code == 200


def test_the_vendors_client_assumes_a_role_with_an_external_id(to_simulator: Simulator) -> None:
    arn = to_simulator.put_role("a", trusts(ROOT, external_id="rds-ssl:team"))["arn"]

    def provider(external_id: str) -> Any:  # noqa: ANN401 - the library's.
        return ram_role_arn.RamRoleArnCredentialsProvider(
            access_key_id=ACCESS_KEY_ID,
            access_key_secret=ACCESS_KEY_SECRET,
            role_arn=arn,
            role_session_name="witness",
            external_id=external_id,
        )

    assert may_read(to_simulator, provider("rds-ssl:team").get_credentials())
    with pytest.raises(CredentialException, match="NoPermission"):
        provider("rds-ssl:other").get_credentials()


def test_the_vendors_client_assumes_a_role_with_a_session(to_simulator: Simulator) -> None:
    role = to_simulator.put_role("a", trusts(ROOT))["arn"]
    first = ram_role_arn.RamRoleArnCredentialsProvider(
        access_key_id=ACCESS_KEY_ID,
        access_key_secret=ACCESS_KEY_SECRET,
        role_arn=role,
        role_session_name="first",
    ).get_credentials()

    second = ram_role_arn.RamRoleArnCredentialsProvider(
        access_key_id=first.get_access_key_id(),
        access_key_secret=first.get_access_key_secret(),
        security_token=first.get_security_token(),
        role_arn=role,
        role_session_name="second",
    ).get_credentials()

    assert may_read(to_simulator, second)


def test_the_vendors_client_comes_with_a_token(to_simulator: Simulator, tmp_path: Path) -> None:
    issuer = Issuer()
    provider = to_simulator.put_oidc_provider("c1", **issuer.provider())["arn"]
    file = tmp_path / "token"
    client = oidc.OIDCRoleArnCredentialsProvider(
        role_arn=to_simulator.put_role("b", trusts_oidc(provider, issuer.url))["arn"],
        oidc_provider_arn=provider,
        oidc_token_file_path=str(file),
        role_session_name="witness",
    )
    file.write_text(issuer.token(at=wall_time(), audience="other"))
    with pytest.raises(CredentialException, match=r"AuthenticationFail\.OIDCToken\.Audience"):
        client.get_credentials()

    file.write_text(issuer.token(at=wall_time()))

    assert may_read(to_simulator, client.get_credentials())


@pytest.mark.parametrize("v1", [True, False])
@pytest.mark.parametrize("role_name", ["worker", ""])
def test_the_vendors_client_reads_the_metadata_service(
    to_simulator: Simulator, role_name: str, *, v1: bool
) -> None:
    to_simulator.put_role("worker", trusts_service("ecs.aliyuncs.com"))
    to_simulator.metadata(role="worker", v1=v1)
    client = ecs_ram_role.EcsRamRoleCredentialsProvider(
        role_name=role_name, async_update_enabled=False
    )

    assert may_read(to_simulator, client.get_credentials())

    asked = to_simulator.stats()["metadata"]["metadata-credentials"]
    assert set(asked) == {"v2"}


def test_the_vendors_client_knows_what_is_not_success(to_simulator: Simulator) -> None:
    to_simulator.put_role("worker", trusts_service("ecs.aliyuncs.com"))
    to_simulator.metadata(role="worker")
    client = ecs_ram_role.EcsRamRoleCredentialsProvider(
        role_name="worker", disable_imds_v1=True, async_update_enabled=False
    )
    to_simulator.fault({"code": "Failed", "status": 200}, action="metadata-credentials")

    with pytest.raises(CredentialException):
        client.get_credentials()


@pytest.mark.parametrize("algorithm", [None, "v2"])
def test_the_vendors_sdk_asks_who_it_is(rds: Simulator, algorithm: str | None) -> None:
    rds.put_access_key("LTAI5tWitness", secret="s", user="witness", policy=allows("rds:X"))
    client = Client(
        Config(
            access_key_id="LTAI5tWitness",
            access_key_secret="s",
            signature_algorithm=algorithm,
            endpoint=rds.url.removeprefix("http://"),
            protocol="http",
            no_proxy="127.0.0.1",
        )
    )
    call = Params(
        action="GetCallerIdentity",
        version="2015-04-01",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )

    answer = client.call_api(call, OpenApiRequest(), RuntimeOptions())

    assert answer["body"]["Arn"] == f"acs:ram::{ACCOUNT}:user/witness"
    assert answer["body"]["IdentityType"] == "RAMUser"
