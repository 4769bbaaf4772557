"""Each sample of deploy/samples, applied as it is and brought to the state that it says."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from support import pki
from support.operator_process import OperatorProcess
from support.shop import Shop
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET

# What SQL Server does not show is verified once it has settled.
OPERATOR = {"SETTLE": "0.5s", "POLL": "0.5s"}

SAMPLES = Path(__file__).parents[2] / "deploy" / "samples"

INSTANCES = {
    "billing": "mysql-5.7",
    "inventory": "postgresql-14",
    "ledger": "sqlserver-2019",
    "orders": "postgresql-14",
    "payments": "postgresql-14",
    "reports": "postgresql-14",
}
"""Engine and version that each object of the samples is for."""

Json = dict[str, Any]


def objects() -> dict[str, Json]:
    """Give the objects of the samples by name."""
    read = [
        each for path in SAMPLES.glob("*.yaml") for each in yaml.safe_load_all(path.read_text())
    ]
    return {each["metadata"]["name"]: each for each in read if each["kind"] != "Secret"}


def ends() -> dict[str, str]:
    """Give what the comment of each sample says of its state, by the name of its object."""
    said = {}
    for path in SAMPLES.glob("*.yaml"):
        head, _, rest = path.read_text().partition("\napiVersion:")
        (name,) = re.findall(r"^  name: (\S+)$", rest, re.MULTILINE)[:1]
        if found := re.search(r"^# Ends as: (.*?)^#$", head + "\n", re.DOTALL | re.MULTILINE):
            said[name] = " ".join(found[1].replace("\n# ", " ").split())
    return said


def is_open(now: datetime) -> bool:
    """Whether the sample's window is open: Saturdays, three to a quarter to five, in Shanghai."""
    there = now.astimezone(ZoneInfo("Asia/Shanghai"))
    return there.weekday() == 5 and (3, 0) <= (there.hour, there.minute) < (4, 45)


@pytest.fixture
def applied(shop: Shop, operator: OperatorProcess) -> Shop:
    """A namespace with what the samples refer to, and then all samples in it."""
    assert operator.poll() is None
    for name, each in objects().items():
        spec = each["spec"]
        fields: Json = {"profile": INSTANCES[name], "region": spec["regionID"]}
        if host := spec.get("connectionString"):
            fields["connection_string"] = host
        shop.rds.put_instance(spec["instanceID"], **fields)
    orders, payments = (
        shop.rds.instance(objects()[name]["spec"]["instanceID"])["endpoints"][0]["host"]
        for name in ("orders", "payments")
    )
    shop.write_pair(shop.root.leaf(orders))
    shop.write_pair(shop.root.leaf(payments), "payments")
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem, clients.revocation_list())
    shop.cluster.secret(shop.namespace, "ledger-pfx", {"password": "to-be-changed"})
    texts = [path.read_text() for path in sorted(SAMPLES.glob("*.yaml"))]
    # As the comment of the first one asks.
    texts[0] = texts[0].replace("REPLACE-WITH-ACCESS-KEY-ID", ACCESS_KEY_ID)
    texts[0] = texts[0].replace("REPLACE-WITH-ACCESS-KEY-SECRET", ACCESS_KEY_SECRET)
    shop.cluster.control_plane.kubectl(
        *("apply", "--server-side", "--force-conflicts", "--validate=strict"),
        *("--namespace", shop.namespace, "-f", "-"),
        input="\n---\n".join(texts),
    )
    return shop


def test_each_sample_comes_to_the_state_that_its_comment_says(applied: Shop) -> None:
    shop, declared = applied, objects()
    assert ends().keys() == declared.keys() == INSTANCES.keys()

    held = {name: by for name, said in ends().items() for by in re.findall(r"held by (\w+)", said)}
    if is_open(datetime.now(UTC)):
        del held["payments"]
    for name in declared:
        if name in held:
            shop.wait("ChangePending", "True", held[name], name=name)
            shop.wait("Ready", "False", name=name)
        else:
            (reason,) = re.findall(r"Ready=True \((\w+)\)", ends()[name])
            shop.wait_ready(name, reason=reason)

    truth = {name: shop.rds.instance(each["spec"]["instanceID"]) for name, each in declared.items()}
    cost = {name: each["accepted"] for name, each in truth.items()}
    assert cost == {name: int(name not in held) for name in declared}
    ssl = {name: each["ssl"] for name, each in truth.items()}
    assert (ssl["billing"]["ca_type"], ssl["billing"]["force_encryption"]) == ("aliyun", True)
    assert (ssl["inventory"]["enabled"], ssl["inventory"]["ca_type"]) == (True, "aliyun")
    assert ssl["ledger"]["pfx"].endswith(":certificates:ledger-2026.pfx")
    assert (ssl["ledger"]["force_encryption"], ssl["ledger"]["tls_version"]) == (True, "1.2")
    assert (ssl["orders"]["acl"], ssl["orders"]["replication_acl"]) == ("verify-full", "cert")
    assert ssl["orders"]["crl_sha256"]
    assert not ssl["reports"]["enabled"]
    if "payments" in held:
        opens = datetime.fromisoformat(shop.status("payments")["plan"]["notBefore"])
        assert is_open(opens)


def test_a_sample_that_observes_an_instance_as_it_is_declared_is_ready(applied: Shop) -> None:
    assert "Ready=True (Adopted)" in ends()["reports"]
    reports = objects()["reports"]["spec"]["instanceID"]
    applied.wait("ChangePending", "True", "Observing", name="reports")

    applied.rds.patch_instance(reports, ssl={"enabled": True})
    applied.look_again("reports")

    applied.wait_ready("reports", reason="Adopted")
    assert applied.rds.instance(reports)["accepted"] == 0
