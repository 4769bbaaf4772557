"""
The vendor's own SDK against the simulator: it signs, sends, decodes and judges as customers do.

Everything is sent as the SDK does it, parameters and private key in the query string, unless a
test says otherwise.
"""

from collections.abc import Iterator

import pytest
from alibabacloud_rds20140815 import models
from alibabacloud_rds20140815.client import Client
from alibabacloud_tea_openapi.exceptions import (
    ClientException,
    ServerException,
    ThrottlingException,
)
from alibabacloud_tea_openapi.models import Config, OpenApiRequest, Params
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions

from support import pki
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Simulator

PG = "pgm-bp1234567890abcde"
PG_HOST = f"{PG}.pg.rds.aliyuncs.com"
MY = "rm-bp1234567890abcde"


@pytest.fixture(scope="module")
def program() -> Iterator[Simulator]:
    """A running simulator that takes URLs as long as the SDK makes them."""
    with Simulator("--max-url-bytes", "65536") as program:
        yield program


@pytest.fixture
def rds(program: Simulator) -> Simulator:
    """The running simulator with a fresh PostgreSQL and a fresh MySQL, and an empty ledger."""
    program.put_instance(PG, profile="postgresql-14")
    program.put_instance(MY, profile="mysql-8.0")
    program.clear_faults()
    program.clear_calls()
    return program


def sdk(
    rds: Simulator,
    *,
    key_id: str = ACCESS_KEY_ID,
    secret: str = ACCESS_KEY_SECRET,
    token: str | None = None,
    algorithm: str | None = None,
) -> Client:
    config = Config(
        access_key_id=key_id,
        access_key_secret=secret,
        security_token=token,
        signature_algorithm=algorithm,
        endpoint=rds.url.removeprefix("http://"),
        protocol="http",
        # A proxy that the environment names must not see these calls.
        no_proxy="127.0.0.1",
    )
    return Client(config)


@pytest.fixture
def client(rds: Simulator) -> Client:
    """The SDK's client with the key that may do everything."""
    return sdk(rds)


def describe(client: Client, instance_id: str) -> models.DescribeDBInstanceSSLResponseBody:
    request = models.DescribeDBInstanceSSLRequest(dbinstance_id=instance_id)
    return client.describe_dbinstance_ssl(request).body


def modify(client: Client, **fields: object) -> models.ModifyDBInstanceSSLResponseBody:
    request = models.ModifyDBInstanceSSLRequest(
        **{"dbinstance_id": PG, "connection_string": PG_HOST, "sslenabled": 1, **fields}
    )
    return client.modify_dbinstance_ssl(request).body


def test_a_cloud_certificate_is_switched_on_and_read_back(rds: Simulator, client: Client) -> None:
    accepted = modify(client, catype="aliyun")
    rds.clock(advance=60)

    body = describe(client, PG)

    assert accepted.request_id
    assert (body.sslenabled, body.catype, body.connection_string) == ("on", "aliyun", PG_HOST)
    assert body.last_modify_status == "success"
    assert body.server_cert.startswith("-----BEGIN CERTIFICATE-----")
    assert body.sslexpire_time.endswith("Z")


def test_custom_material_survives_the_sdks_query_string(rds: Simulator, client: Client) -> None:
    root = pki.make_root()
    leaf = root.intermediate().leaf(PG_HOST, kind=pki.KeyType.RSA_2048)

    modify(
        client,
        catype="custom",
        server_cert=leaf.chain_pem.decode(),
        server_key=leaf.key_pem().decode(),
        client_caenabled=1,
        client_cacert=root.pem.decode(),
        client_crl_enabled=1,
        client_cert_revocation_list=root.revocation_list(serials=[7]).decode(),
        acl="verify-full",
        replication_acl="cert",
    )
    rds.clock(advance=60)

    body = describe(client, PG)
    assert body.server_cert == leaf.pem.decode().strip()
    assert body.client_cacert == root.pem.decode().strip()
    assert (body.acl, body.replication_acl) == ("verify-full", "cert")
    call = rds.calls(action="ModifyDBInstanceSSL")[0]
    assert (call["place"], call["key_in_url"]) == ("query", True)


def test_the_sdk_passes_numbers_through_where_strings_are_declared(
    rds: Simulator, client: Client
) -> None:
    modify(
        client,
        dbinstance_id=MY,
        connection_string=f"{MY}.mysql.rds.aliyuncs.com",
        force_encryption="1",
    )
    rds.clock(advance=60)

    body = describe(client, MY)

    assert (body.sslenabled, body.require_update) == ("Yes", "No")
    assert body.force_encryption == 1


def test_attributes_are_decoded(client: Client) -> None:
    request = models.DescribeDBInstanceAttributeRequest(dbinstance_id=PG)

    attribute = client.describe_dbinstance_attribute(request).body.items.dbinstance_attribute[0]

    assert (attribute.engine, attribute.engine_version) == ("PostgreSQL", "14.0")
    assert attribute.dbinstance_status == "Running"
    assert attribute.dbinstance_storage_type == "cloud_essd"
    assert attribute.connection_string == PG_HOST
    assert attribute.lock_mode == "Unlock"


def test_endpoints_are_decoded(client: Client) -> None:
    request = models.DescribeDBInstanceNetInfoRequest(dbinstance_id=PG)

    found = client.describe_dbinstance_net_info(request).body.dbinstance_net_infos

    assert [each.connection_string_type for each in found.dbinstance_net_info] == [
        "Normal",
        "Normal",
        "ReadWriteSplitting",
    ]
    assert found.dbinstance_net_info[0].connection_string == PG_HOST


def test_lists_are_decoded(client: Client) -> None:
    request = models.DescribeDBInstancesRequest(region_id="cn-hangzhou", page_size=1)

    body = client.describe_dbinstances(request).body

    assert (body.page_record_count, body.total_record_count) == (1, 2)
    assert body.items.dbinstance[0].engine == "PostgreSQL"


def test_tags_narrow_a_list_and_past_tasks_are_decoded(client: Client) -> None:
    tagged = models.DescribeDBInstancesRequest(region_id="cn-hangzhou", tags='{"team": "none"}')
    past = models.DescribeHistoryTasksRequest(
        region_id="cn-hangzhou",
        instance_id=PG,
        from_start_time="2000-01-01T00:00:00Z",
        to_start_time="2100-01-01T00:00:00Z",
        page_size=100,
    )

    found = client.describe_dbinstances(tagged).body
    tasks = client.describe_history_tasks(past).body

    assert found.total_record_count == 0
    assert tasks.total_count == len(tasks.items)
    assert {each.instance_id for each in tasks.items} <= {PG}


def test_pg_hba_rows_are_decoded(client: Client) -> None:
    request = models.DescribePGHbaConfigRequest(dbinstance_id=PG)

    rows = client.describe_pghba_config(request).body.running_hba_items.hba_item

    assert (rows[0].type, rows[0].database) == ("host", "all")


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"acl": "cert"}, 403, "InvalidACL.Permission"),
        ({"catype": "other"}, 400, "InvalidCAType.NotFound"),
        ({"connection_string": "other.example"}, 404, "Endpoint.NotFound"),
        ({"dbinstance_id": "no"}, 400, "InvalidDBInstanceId.NotFound"),
    ],
)
def test_a_refusal_is_decoded_with_its_code(
    client: Client, fields: dict[str, str], status: int, code: str
) -> None:
    with pytest.raises(ClientException) as raised:
        modify(client, **fields)

    assert (raised.value.status_code, raised.value.code) == (status, code)
    assert raised.value.request_id


def test_a_missing_permission_is_decoded_with_its_detail(rds: Simulator) -> None:
    rds.put_access_key("LTAI5tReader", secret="s", actions=["rds:Describe*"])

    with pytest.raises(ClientException) as raised:
        modify(sdk(rds, key_id="LTAI5tReader", secret="s"))

    assert (raised.value.status_code, raised.value.code) == (403, "NoPermission")
    assert raised.value.access_denied_detail["AuthAction"] == "rds:ModifyDBInstanceSSL"


@pytest.mark.parametrize(
    ("key_id", "secret", "code"),
    [
        ("LTAI5tStranger", "s", "InvalidAccessKeyId.NotFound"),
        (ACCESS_KEY_ID, "wrong", "SignatureDoesNotMatch"),
    ],
)
def test_wrong_credentials_are_told_apart(
    rds: Simulator, key_id: str, secret: str, code: str
) -> None:
    with pytest.raises(ClientException) as raised:
        describe(sdk(rds, key_id=key_id, secret=secret), PG)

    assert raised.value.code == code


def test_a_session_token_is_accepted(rds: Simulator) -> None:
    rds.put_access_key("STS.Session", secret="s", token="CAISEXAMPLE//+=SecurityToken")

    body = describe(
        sdk(rds, key_id="STS.Session", secret="s", token="CAISEXAMPLE//+=SecurityToken"), PG
    )

    assert body.sslenabled == "off"


def test_the_older_signature_is_accepted_too(rds: Simulator) -> None:
    body = describe(sdk(rds, algorithm="v2"), PG)

    assert body.sslenabled == "off"
    assert "Signature" in rds.calls()[0]["query_parameters"]


@pytest.mark.parametrize(
    ("accepted", "algorithm", "code"),
    [("v1", None, "MissingAction"), ("v3", "v2", "InvalidSignatureMethod")],
)
def test_a_signature_that_the_gateway_does_not_read_is_refused(
    rds: Simulator, accepted: str, algorithm: str | None, code: str
) -> None:
    rds.config(signatures=accepted)
    try:
        with pytest.raises(ClientException) as raised:
            describe(sdk(rds, algorithm=algorithm), PG)
    finally:
        rds.config(signatures="any")

    assert (raised.value.status_code, raised.value.code) == (400, code)


@pytest.mark.parametrize(("accepted", "algorithm"), [("v1", "v2"), ("v3", None)])
def test_a_form_is_read_in_either_signature(
    rds: Simulator, accepted: str, algorithm: str | None
) -> None:
    params = Params(
        action="ModifyDBInstanceSSL",
        version="2014-08-15",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    body = {"DBInstanceId": PG, "ConnectionString": PG_HOST, "SSLEnabled": "1"}
    rds.config(signatures=accepted)
    try:
        answer = sdk(rds, algorithm=algorithm).call_api(
            params, OpenApiRequest(body=body), RuntimeOptions()
        )
    finally:
        rds.config(signatures="any")

    assert answer["body"]["RequestId"]
    assert rds.instance(PG)["accepted"] == 1
    assert {*body} <= set(rds.calls()[0]["body_parameters"])


def test_throttling_with_a_hint_is_recognised(rds: Simulator, client: Client) -> None:
    rds.fault({"kind": "throttle", "retry_after_ms": 1500})

    with pytest.raises(ThrottlingException) as raised:
        describe(client, PG)

    assert raised.value.code == "Throttling.User"
    assert raised.value.retry_after == 1500


def test_throttling_without_a_hint_is_a_plain_refusal(rds: Simulator, client: Client) -> None:
    rds.fault({"kind": "throttle"})

    with pytest.raises(ClientException) as raised:
        describe(client, PG)

    assert raised.value.code == "Throttling.User"


def test_a_fault_of_the_server_is_recognised(rds: Simulator, client: Client) -> None:
    rds.fault({"code": "ServiceUnavailable", "status": 503})

    with pytest.raises(ServerException) as raised:
        describe(client, PG)

    assert (raised.value.status_code, raised.value.code) == (503, "ServiceUnavailable")


@pytest.mark.parametrize("kind", ["html", "reset-before", "reset-after"])
def test_an_answer_that_is_none_is_not_decoded(rds: Simulator, client: Client, kind: str) -> None:
    rds.fault({"kind": kind})

    with pytest.raises(UnretryableException):
        describe(client, PG)


def test_the_sdks_form_style_is_accepted(rds: Simulator, client: Client) -> None:
    params = Params(
        action="DescribeDBInstanceSSL",
        version="2014-08-15",
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )

    answer = client.call_api(params, OpenApiRequest(body={"DBInstanceId": PG}), RuntimeOptions())

    assert answer["body"]["SSLEnabled"] == "off"
    assert rds.calls()[0]["place"] == "body"
