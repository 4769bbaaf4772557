"""
`rds-ssl import` from the simulated cloud to the real API server: nothing is changed by it.

The operator makes what was imported Ready, and the cloud's ledger has no call that changes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from support import pki
from support.polling import patience
from support.ram_templates import template
from support.shop import Shop
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET

Json = dict[str, Any]
Ended = subprocess.CompletedProcess[str]

PROGRAM = Path(sys.executable).parent / "rds-ssl"
SECONDS = 60
PLURALS = {
    "DBInstanceSSL": "/apis/rds-ssl.dev/v1alpha1/namespaces/{}/dbinstancessls",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
}


class Importer:
    """A person at a shell, with the access key in the environment as the operator has it."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.tag = f"shop={shop.token}"
        self.leaf: pki.Leaf | None = None

    def add(self, name: str, **fields: object) -> str:
        """Create an instance with the tag of the test."""
        return self.shop.add_instance(name, tags={"shop": self.shop.token}, **fields)

    def add_each(self) -> list[str]:
        """Create an instance of each kind, as somebody has set it up; give their names."""
        on = {"enabled": True}
        clients = pki.make_root("Clients")
        self.add("mysql", profile="mysql-8.0", ssl={**on, "force_encryption": True})
        self.add("mysql-off", profile="mysql-5.7")
        self.add("sqlserver", profile="sqlserver-2019", ssl={**on, "tls_version": "1.2"})
        self.add("pg-off", profile="postgresql-14")
        self.add("pg-cloud", profile="postgresql-14", ssl=on)
        self.add("pg-own", profile="postgresql-16", description="The shop's orders")
        self.leaf = self.shop.leaf("pg-own")
        self.shop.set_pair(self.leaf, "pg-own")
        self.shop.meddle(
            "pg-own",
            client_ca=clients.pem.decode(),
            crl=clients.revocation_list().decode(),
            acl="verify-full",
            replication_acl="verify-ca",
        )
        return ["mysql", "mysql-off", "sqlserver", "pg-off", "pg-cloud", "pg-own"]

    def run(self, *arguments: str, **environ: str) -> Ended:
        """Run ``rds-ssl import``."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KUBE", "RDS_SSL_"))}
        given = {
            "RDS_SSL_API_URL": self.shop.rds.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
            **environ,
        }
        return subprocess.run(
            [PROGRAM, "import", "--region", "cn-hangzhou", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience(SECONDS),
            check=False,
            env={**kept, **given},
        )

    def apply(self, text: str) -> dict[str, str]:
        """Create what was written; give the names of the objects by their instances."""
        names = {}
        for each in yaml.safe_load_all(text):
            path = PLURALS[each["kind"]].format(self.shop.namespace)
            self.shop.cluster.request("POST", path, each)
            if each["kind"] == "DBInstanceSSL":
                names[each["spec"]["instanceID"]] = each["metadata"]["name"]
        return names


@pytest.fixture
def importer(shop: Shop) -> Importer:
    """A namespace, and instances with a tag of their own."""
    return Importer(shop)


@pytest.mark.usefixtures("operator")
def test_instances_of_every_kind_are_adopted_without_a_call(importer: Importer) -> None:
    shop, instances = importer.shop, importer.add_each()

    ended = importer.run(
        *("--tag", importer.tag, "-n", shop.namespace, "--credentials-secret", "rds-credentials")
    )
    assert ended.returncode == 0, ended.stderr
    names = importer.apply(ended.stdout)
    assert importer.leaf is not None
    own = names[shop.instance_id("pg-own")]
    shop.cluster.secret(
        shop.namespace,
        f"{own}-tls",
        {"tls.crt": importer.leaf.chain_pem, "tls.key": importer.leaf.key_pem()},
    )

    assert own == "the-shop-s-orders"
    assert set(names) == {shop.instance_id(each) for each in instances}
    for instance in instances:
        ready = shop.wait_ready(names[shop.instance_id(instance)], reason="Adopted")
        assert "plan" not in ready["status"]
        assert shop.cost(instance) == (0, 0, 0)
    key = importer.leaf.key_pem().decode()
    assert not [line for line in key.splitlines()[1:-1] if line in ended.stdout + ended.stderr]


def test_what_cannot_be_managed_is_told_with_the_reason_and_by_the_exit_code(
    importer: Importer,
) -> None:
    importer.add("maria", profile="mariadb-10.3")
    importer.add("local", profile="postgresql-14-local-ssd")
    importer.add("busy", profile="mysql-8.0", status="Rebooting")
    importer.add("fine", profile="mysql-8.0")

    importer.shop.rds.put_access_key(
        "LTAI5tReader", secret="s", policy=template("import-and-doctor")
    )

    ended = importer.run(
        *("--tag", importer.tag),
        ALIBABA_CLOUD_ACCESS_KEY_ID="LTAI5tReader",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="s",
    )

    assert ended.returncode == 3
    (declared,) = yaml.safe_load_all(ended.stdout)
    assert declared["spec"]["instanceID"] == importer.shop.instance_id("fine")
    assert "namespace" not in declared["metadata"]
    for name, told in (("maria", "MariaDB"), ("local", "local_ssd"), ("busy", "Rebooting")):
        (line,) = [
            each
            for each in ended.stderr.splitlines()
            if each.startswith(importer.shop.instance_id(name))
        ]
        assert told in line


def test_files_are_written_once_and_never_over_others(importer: Importer, tmp_path: Path) -> None:
    instance_id = importer.add("fine", profile="mysql-8.0")
    folder = tmp_path / "new"

    first = importer.run(instance_id, "--output-dir", str(folder))
    again = importer.run(instance_id, "--output-dir", str(folder))

    (file,) = folder.iterdir()
    assert first.stdout == f"{file}\n"
    assert yaml.safe_load(file.read_text())["spec"]["instanceID"] == instance_id
    assert (first.returncode, again.returncode) == (0, 1)
    assert str(file) in again.stderr


def test_a_whole_region_is_read_page_by_page_although_the_account_is_throttled(
    importer: Importer,
) -> None:
    rds = importer.shop.rds
    region = f"cn-{importer.shop.token}"
    rds.put_instances(
        *(
            {"id": f"rm-{importer.shop.token}-{number}", "profile": "mysql-8.0", "region": region}
            for number in range(101)
        )
    )
    rds.fault({"kind": "throttle", "retry_after_ms": 10}, action="DescribeDBInstances", times=2)

    ended = importer.run("--all", "--region", region, RDS_SSL_API_RATE="0")

    assert ended.returncode == 0, ended.stderr
    assert len(list(yaml.safe_load_all(ended.stdout))) == 101


@pytest.mark.parametrize(
    ("environ", "code", "told"),
    [
        (
            {"ALIBABA_CLOUD_ACCESS_KEY_ID": "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ""},
            1,
            "There are no credentials",
        ),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, 1, "SignatureDoesNotMatch"),
        ({"RDS_SSL_API_URL": "http://rds.example"}, 2, "RDS_SSL_API_URL"),
    ],
)
def test_what_keeps_all_from_being_read_is_said_once(
    importer: Importer, environ: dict[str, str], code: int, told: str
) -> None:
    ended = importer.run("rm-1", "rm-2", **environ)

    assert ended.returncode == code, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.count(told) == 1
    assert "Traceback" not in ended.stderr


def test_a_right_that_is_lacking_for_one_instance_leaves_out_that_one(importer: Importer) -> None:
    first, second = (importer.add(each, profile="mysql-8.0") for each in ("a", "b"))
    importer.shop.rds.put_access_key(
        "LTAI5tImporter",
        secret="s",
        user="importer",
        actions=["DescribeDBInstanceAttribute", "DescribeDBInstanceSSL"],
        instances=[first],
    )

    ended = importer.run(
        first,
        second,
        ALIBABA_CLOUD_ACCESS_KEY_ID="LTAI5tImporter",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="s",
    )

    assert ended.returncode == 3
    assert yaml.safe_load(ended.stdout)["spec"]["instanceID"] == first
    assert f"{second} is left out" in ended.stderr
    assert "rds:DescribeDBInstanceAttribute" in ended.stderr


@pytest.mark.usefixtures("operator")
def test_a_state_of_terraform_gives_objects_that_adopt_and_says_what_leaves_it(
    importer: Importer, tmp_path: Path
) -> None:
    shop = importer.shop
    importer.add("orders", profile="mysql-8.0")
    leaf = shop.leaf()
    shop.set_pair(leaf)
    state = tmp_path / "terraform.tfstate"
    attributes = {
        "id": shop.instance_id(),
        "engine": "MySQL",
        "engine_version": "8.0",
        "zone_id": "cn-hangzhou-h",
        "ssl_action": "Open",
        "ssl_connection_string": shop.host(),
        "ca_type": "custom",
        "server_cert": leaf.chain_pem.decode(),
        "server_key": leaf.key_pem().decode(),
    }
    resource = {"mode": "managed", "type": "alicloud_db_instance", "name": "orders"}
    state.write_text(
        json.dumps(
            {"version": 4, "resources": [{**resource, "instances": [{"attributes": attributes}]}]}
        )
    )

    ended = importer.run(
        *("--terraform", str(state), "--credentials-secret", "rds-credentials"),
        RDS_SSL_API_URL="http://127.0.0.1:9",
        ALIBABA_CLOUD_ACCESS_KEY_ID="",
        ALIBABA_CLOUD_ACCESS_KEY_SECRET="",
    )
    assert ended.returncode == 0, ended.stderr
    importer.apply(ended.stdout)
    shop.write_pair(leaf)

    shop.wait_ready(reason="Adopted")
    assert shop.cost() == (0, 0, 0)
    assert "ignore_changes = [ssl_action, ssl_connection_string, ca_type" in ended.stderr
    key = leaf.key_pem().decode()
    assert not [line for line in key.splitlines()[1:-1] if line in ended.stdout + ended.stderr]
