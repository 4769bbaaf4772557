"""Whole lives of an instance, in every spelling of the cloud."""

import pytest

from rds_simulator.config import SWITCH_VALUES
from support import pki
from support.engine_world import NAMESPACE, EngineWorld, Json, played
from support.random_histories import REFUSES_ALL

FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:orders-1.pfx"


CUSTOM = {"serverCertificate": {"secretRef": {"name": "a-tls"}}}


def pfx(file: str = FILE) -> Json:
    """Give the part of a spec that names a PFX file."""
    password = {"name": "a-pfx", "key": "password"}
    return {"serverCertificate": {"pfx": {"ossObject": file, "passwordSecretKeyRef": password}}}


SWITCHES = [
    (switch, value)
    for switch, values in SWITCH_VALUES.items()
    for value in values[1:]
    if (switch, value) not in REFUSES_ALL
]


PUBLIC = "pgm-a-public.pg.rds.aliyuncs.com"


def clients(**others: str) -> Json:
    """Give a block of client authentication."""
    reference = {"configMapKeyRef": {"name": "a-ca"}}
    return {"clientAuthentication": {"ca": reference, "revocationList": None, **others}}


def write_trust(world: EngineWorld, root: pki.Authority) -> None:
    """Write a client CA with its list."""
    lists = root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(root.certificate), "ca.crl": lists})


def with_list(**others: str) -> Json:
    """Give a block of client authentication with a revocation list."""
    whole = clients(**others)
    whole["clientAuthentication"]["revocationList"] = {"configMapKeyRef": {"name": "a-ca"}}
    return whole


POSTGRESQL: list[tuple[Json | str, int]] = [
    (CUSTOM, 1),
    (with_list(acl="cert", replicationACL="prefer"), 1),
    ("rotate", 1),
    ("replace trust", 1),
    (with_list(acl="verify-ca", replicationACL="verify-full"), 1),
    (clients(acl="verify-ca", replicationACL="verify-full"), 1),
    ({"connectionString": PUBLIC}, 1),
    ({"connectionString": None}, 0),
    ({"clientAuthentication": None}, 2),
    ({"serverCertificate": None}, 1),
    ({"enabled": False}, 1),
    ({"enabled": True, **CUSTOM, **clients(acl="prefer")}, 1),
    ({"clientAuthentication": None}, 1),
    ({"enabled": False}, 1),
]


MYSQL: list[tuple[Json | str, int]] = [
    ({}, 1),
    ({"forceEncryption": True}, 1),
    (CUSTOM, 1),
    ("rotate", 1),
    ({"forceEncryption": None}, 1),
    ({"serverCertificate": None}, 1),
    ({"enabled": False}, 1),
    ({"enabled": True, "forceEncryption": True, **CUSTOM}, 1),
    ({"enabled": False, "forceEncryption": None}, 1),
]


SQLSERVER: list[tuple[Json | str, int]] = [
    ({}, 1),
    ({"minimumTLSVersion": "1.2"}, 1),
    ({"forceEncryption": True}, 1),
    ({"minimumTLSVersion": None}, 0),
    (pfx(), 1),
    ({"minimumTLSVersion": "1.1", **pfx(FILE.replace("1", "2"))}, 1),
    ({"forceEncryption": None}, 1),
]


LIVES = {
    "postgresql-14": POSTGRESQL,
    "mysql-8.0": MYSQL,
    "mysql-5.7": MYSQL,
    "sqlserver-2019": SQLSERVER,
}


def write_both(world: EngineWorld) -> pki.Leaf:
    """Write a certificate for both endpoints."""
    return world.write_pair("a", world.issuer.leaf(world.host("a"), PUBLIC))


def in_force(world: EngineWorld, leaf: pki.Leaf, root: pki.Authority) -> None:
    """Compare what is true with what is declared."""
    spec, truth = world.kube.objects[NAMESPACE, "a"]["spec"], world.truth("a")["ssl"]
    enabled = spec.get("enabled", True)
    assert truth["enabled"] is enabled
    if not enabled:
        return
    server = spec.get("serverCertificate") or {}
    assert (truth["ca_type"] == "custom") is bool(server)
    if "secretRef" in server:
        assert truth["server_sha256"] == leaf.sha256
    assert truth["pfx"] == server.get("pfx", {}).get("ossObject", "")
    assert truth["force_encryption"] is bool(spec.get("forceEncryption"))
    asked = spec.get("clientAuthentication") or {}
    assert bool(truth["client_ca_sha256"]) is bool(asked)
    if asked:
        assert truth["client_ca_sha256"] == [root.sha256]
        assert truth["acl"] == asked.get("acl", "prefer")
        assert truth["replication_acl"] == asked.get("replicationACL", "prefer")
        assert bool(truth["crl_sha256"]) is ("revocationList" in asked)
    if spec.get("minimumTLSVersion"):
        assert truth["tls_version"] == spec["minimumTLSVersion"]


@played
@pytest.mark.parametrize("profile", LIVES)
@pytest.mark.parametrize(("switch", "value"), SWITCHES)
async def test_a_whole_life_costs_one_call_a_change_whatever_the_cloud_is_like(
    switch: str, value: str, profile: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.rds.config(switches={switch: value}, instance="pgm-a")
        leaf, root, declared = write_both(world), world.root, False
        write_trust(world, root)
        world.write("Secret", "a-pfx", {"password": b"correct horse"})
        for change, cost in LIVES[profile]:
            before = world.cost("a")[0]
            if change == "rotate":
                leaf = write_both(world)
            elif change == "replace trust":
                root = pki.make_root("Another root")
                write_trust(world, root)
            elif declared:
                world.edit("a", **change)
            else:
                world.declare("a", approvalRequired=[], **change)
                declared = True
            await world.run(400)

            assert world.ready("a")[0] == "True", (change, world.condition("Ready", "a"))
            assert world.cost("a")[0] - before == cost, change
            assert len(world.modifies("a")) == world.cost("a")[0], change
            in_force(world, leaf, root)
        await world.restart()
        before = world.cost("a")[0]
        await world.run(2000)
        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == before
