"""What a state of Terraform says, and what of it nobody looks at."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from rds_ssl.commands.adoption import Found, LeftOut, Manifest, Place, manifest_of
from rds_ssl.commands.terraform import Resource, farewell, read_state
from rds_ssl.commands.yaml_text import yaml_of
from rds_ssl.core.errors import CommandRefused
from rds_ssl.core.model import ACL, CAType
from support import pki

Json = dict[str, Any]

HOST = "pgm-1.pg.rds.aliyuncs.com"
POSTGRESQL: Json = {
    "id": "pgm-1",
    "engine": "PostgreSQL",
    "engine_version": "14.0",
    "db_instance_storage_type": "cloud_essd",
    "zone_id": "cn-hangzhou-h",
    "status": "Running",
    "ssl_action": "Open",
    "ssl_connection_string": HOST,
    "ca_type": "aliyun",
    "client_ca_cert": "",
    "client_cert_revocation_list": "",
    "acl": "",
    "replication_acl": "",
    "server_key": "",
    "force_encryption": None,
}


@pytest.fixture(scope="module")
def root() -> pki.Authority:
    """A CA, for servers and clients."""
    return pki.make_root()


def file(*instances: Json, **fields: object) -> str:
    """Write a state file with one resource."""
    resource = {
        "mode": "managed",
        "type": "alicloud_db_instance",
        "name": "orders",
        "instances": [{"schema_version": 0, **each} for each in instances],
        **fields,
    }
    return json.dumps({"version": 4, "terraform_version": "1.9.5", "resources": [resource]})


def one(attributes: Mapping[str, object], region_id: str = "cn-hangzhou") -> Resource:
    (found,) = read_state(file({"attributes": {**POSTGRESQL, **attributes}}), region_id)
    return found


def found(attributes: Mapping[str, object]) -> Found:
    each = one(attributes).found
    assert isinstance(each, Found), each
    return each


def why_not(attributes: Mapping[str, object]) -> str:
    each = one(attributes).found
    assert isinstance(each, LeftOut), each
    return each.why


def made(attributes: Mapping[str, object]) -> Manifest:
    manifest = manifest_of(found(attributes), "orders", Place())
    assert isinstance(manifest, Manifest), manifest
    return manifest


def shown(root: Json) -> str:
    """Write what ``terraform show -json`` prints."""
    return json.dumps({"format_version": "1.0", "values": {"root_module": root}})


def test_both_forms_of_a_state_say_the_same() -> None:
    resource = {"mode": "managed", "type": "alicloud_db_instance", "name": "orders"}
    whole = {**resource, "address": "alicloud_db_instance.orders", "values": POSTGRESQL}

    from_file = read_state(file({"attributes": POSTGRESQL}), "cn-hangzhou")
    from_show = read_state(shown({"resources": [whole]}), "cn-hangzhou")

    assert from_file == from_show
    assert [each.address for each in from_file] == ["alicloud_db_instance.orders"]


def test_instances_of_modules_and_with_an_index_are_found_by_their_addresses() -> None:
    address = 'module.shop.alicloud_db_instance.orders["a"]'
    whole = {"type": "alicloud_db_instance", "address": address, "values": POSTGRESQL}
    by_key = {"index_key": "a", "attributes": POSTGRESQL}

    (shown_one,) = read_state(
        shown({"child_modules": [{"child_modules": [{"resources": [whole]}]}]}), "cn-hangzhou"
    )
    (filed_one,) = read_state(file(by_key, module="module.shop"), "cn-hangzhou")

    assert shown_one == filed_one
    assert filed_one.address == address
    assert isinstance(filed_one.found, Found)
    assert filed_one.found.title == "orders-a"


def test_data_sources_and_other_resources_are_passed_by() -> None:
    assert read_state(file({"attributes": POSTGRESQL}, mode="data"), "cn-hangzhou") == []
    assert read_state(file({"attributes": POSTGRESQL}, type="alicloud_vpc"), "cn-hangzhou") == []
    assert read_state('{"format_version": "1.0"}', "cn-hangzhou") == []


def test_an_instance_that_was_replaced_and_is_yet_to_be_destroyed_is_passed_by() -> None:
    old = {**POSTGRESQL, "id": "pgm-0"}
    whole = {"type": "alicloud_db_instance", "address": "alicloud_db_instance.orders"}

    from_file = read_state(
        file({"deposed": "00000001", "attributes": old}, {"attributes": POSTGRESQL}), "cn-hangzhou"
    )
    from_show = read_state(
        shown(
            {
                "resources": [
                    {**whole, "values": POSTGRESQL},
                    {**whole, "deposed_key": "00000001", "values": old},
                ]
            }
        ),
        "cn-hangzhou",
    )

    assert [each.found.instance_id for each in from_file] == ["pgm-1"]
    assert from_show == from_file


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("resource {}", "no state of Terraform"),
        ("[]", "no state of Terraform"),
        ("{}", "no state of Terraform"),
        ('{"version": 3, "modules": []}', "not of version 4"),
    ],
)
def test_what_is_no_state_is_refused_with_the_way_to_get_one(text: str, told: str) -> None:
    with pytest.raises(CommandRefused, match=told) as refused:
        read_state(text, "cn-hangzhou")

    assert "terraform show -json" in str(refused.value)


def test_the_error_of_what_is_no_json_does_not_hold_the_text() -> None:
    with pytest.raises(CommandRefused) as refused:
        read_state('{"server_key": "hush', "cn-hangzhou")

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "hush" not in str(refused.value)


def test_everything_of_postgresql_is_taken_over_and_the_misspelt_acl_understood(
    root: pki.Authority,
) -> None:
    leaf = root.leaf(HOST)
    attributes = {
        "ca_type": "custom",
        "server_cert": leaf.chain_pem.decode(),
        "server_key": leaf.key_pem().decode(),
        "client_ca_enabled": 1,
        "client_ca_cert": root.pem.decode(),
        "client_crl_enabled": 1,
        "client_cert_revocation_list": root.revocation_list().decode(),
        "acl": "perfer",
        "replication_acl": "cert",
    }

    observed = found(attributes).observed
    manifest = made(attributes)

    assert observed.ca_type is CAType.CUSTOM
    assert observed.acls == (ACL.PREFER, ACL.CERT)
    assert observed.server_certificate is not None
    assert observed.server_certificate.sha256 == leaf.sha256
    assert manifest.spec["serverCertificate"] == {"secretRef": {"name": "orders-tls"}}
    assert sorted(manifest.config_map) == ["ca.crl", "ca.crt"]


def test_no_key_and_no_password_of_a_state_is_written(root: pki.Authority) -> None:
    leaf = root.leaf(HOST)
    key = leaf.key_pem().decode()
    attributes = {
        "ca_type": "custom",
        "server_cert": leaf.chain_pem.decode() + key,
        "server_key": key,
        "client_ca_cert": root.pem.decode() + key,
        "acl": "cert",
        "replication_acl": "cert",
        "ssl_password": "hush",
    }

    text = yaml_of(made(attributes)) + "\n".join(farewell([one(attributes)]))

    assert "PRIVATE KEY" not in text
    assert not [line for line in key.splitlines()[1:-1] if line in text]
    assert "hush" not in text


@pytest.mark.parametrize(("action", "enabled"), [("Open", True), ("Close", False)])
def test_the_verb_of_terraform_says_whether_ssl_is_on(action: str, enabled: bool) -> None:  # noqa: FBT001
    assert found({"ssl_action": action}).observed.enabled is enabled


@pytest.mark.parametrize("action", ["", "Update", None])
def test_a_state_that_does_not_prove_whether_ssl_is_on_sends_you_to_rds(
    action: str | None,
) -> None:
    assert "import it from RDS, by its id" in why_not({"ssl_action": action})


@pytest.mark.parametrize("action", ["Open", "Close"])
def test_what_an_older_provider_never_read_back_sends_you_to_rds(action: str) -> None:
    attributes = {**POSTGRESQL, "ssl_action": action, "connection_string": HOST}
    del attributes["ssl_connection_string"]

    (each,) = read_state(file({"attributes": attributes}), "cn-hangzhou")

    assert isinstance(each.found, LeftOut)
    assert "import it from RDS, by its id" in each.found.why


@pytest.mark.parametrize(
    ("zone", "region_id"),
    [
        ("cn-hangzhou-h", "cn-hangzhou"),
        ("cn-hangzhou-MAZ10(h,i)", "cn-hangzhou"),
        ("ap-southeast-1c", "ap-southeast-1"),
        ("ap-southeast-1MAZ1(a,b)", "ap-southeast-1"),
        ("ap-northeast-1a", "ap-northeast-1"),
        ("cn-shanghai-finance-1a", "cn-shanghai-finance-1"),
        ("", "cn-hangzhou"),
    ],
)
def test_an_instance_of_the_region_is_found_however_its_zones_are_spelt(
    zone: str, region_id: str
) -> None:
    each = one({"zone_id": zone}, region_id).found

    assert isinstance(each, Found), each
    assert each.region_id == region_id


@pytest.mark.parametrize(
    ("zone", "region_id"),
    [
        ("cn-beijing-c", "cn-hangzhou"),
        ("cn-shanghai-finance-1a", "cn-shanghai"),
        ("cn-shanghai-finance-1MAZ1(a,b)", "cn-shanghai"),
        ("ap-southeast-1a", "ap-southeast-3"),
    ],
)
def test_an_instance_of_another_region_is_left_out(zone: str, region_id: str) -> None:
    each = one({"zone_id": zone}, region_id).found

    assert isinstance(each, LeftOut), each
    assert zone in each.why
    assert f"not in region {region_id}" in each.why


@pytest.mark.parametrize("shown", ["", None])
def test_an_endpoint_that_the_state_does_not_show_is_no_object(shown: str | None) -> None:
    attributes = {"ssl_connection_string": shown, "connection_string": HOST}

    left_out = manifest_of(found(attributes), "orders", Place())

    assert isinstance(left_out, LeftOut)
    assert "connectionString" in left_out.why


def test_forced_encryption_is_a_number_in_a_state() -> None:
    attributes = {"engine": "MySQL", "engine_version": "8.0", "force_encryption": 1}

    assert made(attributes).spec["forceEncryption"] is True


def test_a_word_that_nobody_knows_is_no_guess() -> None:
    assert "CAType" in why_not({"ca_type": "lets-encrypt"})


def test_the_pfx_file_of_sql_server_is_no_object() -> None:
    attributes = {"engine": "SQLServer", "ssl_certificate": "oss-cn-hangzhou.aliyuncs.com:b:f.pfx"}

    left_out = manifest_of(found(attributes), "orders", Place())

    assert isinstance(left_out, LeftOut)
    assert "pfx" in left_out.why


def test_what_has_to_leave_the_configuration_is_told_by_resource() -> None:
    attributes = {"server_key": "x", "client_ca_enabled": 0}

    told = farewell([one(attributes)])

    assert told[1] == "  alicloud_db_instance.orders"
    assert told[2] == "    remove: ssl_action, ssl_connection_string, ca_type, server_key"
    assert told[3] == (
        "    add:    lifecycle { ignore_changes ="
        " [ssl_action, ssl_connection_string, ca_type, server_key] }"
    )
    assert "in clear" in told[-1]
    assert farewell([]) == []
    assert "in clear" not in "\n".join(farewell([one({})]))
