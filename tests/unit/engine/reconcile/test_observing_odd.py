"""An instance that serves what cannot be read, or more than is ever sent: it can be put right."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from rds_ssl.core.x509 import pem_blocks
from support import odd_pem, pki
from support.engine_world import EngineWorld, played
from support.simulator import Json

REFERENCE = {"configMapKeyRef": {"name": "a-ca"}}
TRUST = {"ca": REFERENCE, "acl": "verify-ca", "replicationACL": "cert"}


def plant(world: EngineWorld, **pem: str) -> None:
    """Let the instance show this in place of what was sent: server, client_ca or crl."""
    cloud = world.rds.cloud.world
    instance = cloud.get("pgm-a", world.clock())
    assert instance is not None
    ssl = instance.ssl
    for name, text in pem.items():
        part = replace(getattr(ssl, name), sent=text, blocks=(text.rstrip("\n"),))
        ssl = replace(ssl, **{name: part})
    cloud.put(replace(instance, ssl=ssl))


async def serving(world: EngineWorld, **more: object) -> pki.Leaf:
    """Bring an instance to an own certificate, a client CA and a list, as declared."""
    world.add_instance("a")
    leaf = world.write_pair("a")
    lists = world.root.revocation_list(serials=[7])
    world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem, "ca.crl": lists})
    world.declare_custom(
        "a",
        approvalRequired=[],
        driftPolicy="Correct",
        clientAuthentication={**TRUST, "revocationList": REFERENCE},
        **more,
    )
    await world.run(300)
    assert world.ready("a") == ("True", "Verified")
    return leaf


def odd_leaf(make: Callable[..., bytes]) -> Callable[[EngineWorld, pki.Leaf], str]:
    def made(world: EngineWorld, leaf: pki.Leaf) -> str:
        return odd_pem.to_block(make(leaf.certificate, world.issuer.key)).decode()

    return made


def trusted(_world: EngineWorld, leaf: pki.Leaf) -> str:
    more = bytes.fromhex("300c300a06082b06010505070301")
    return odd_pem.to_block(pki.der(leaf.certificate) + more, "TRUSTED CERTIFICATE").decode()


ODD: dict[str, tuple[Callable[[EngineWorld, pki.Leaf], str], str]] = {
    "a negative serial number": (
        odd_leaf(lambda certificate, key: odd_pem.with_serial(certificate, key, -5)),
        "negative serial number",
    ),
    "a default written out": (odd_leaf(odd_pem.with_written_default), "strict DER"),
    "a key of an unknown kind": (odd_leaf(odd_pem.with_unknown_key), "a key of a kind"),
    "OpenSSL's own form": (trusted, "data behind its end"),
}


def plan_of(world: EngineWorld) -> Json:
    plan: Json = world.status("a")["plan"]
    return plan


@pytest.mark.parametrize("case", ODD)
@played
async def test_a_certificate_in_force_that_cannot_be_read_is_named_and_replaced(case: str) -> None:
    async with EngineWorld() as world:
        leaf = await serving(world)
        make, words = ODD[case]
        plant(world, server=make(world, leaf))
        world.edit("a", suspend=True)
        await world.run(3600)

        (change,) = plan_of(world)["steps"][0]["changes"]
        assert words in change["from"]
        assert f"CN={world.host('a')}" in change["from"]
        assert world.condition("Ready", "a")["status"] != "Unknown"  # type: ignore[index]  # It is.

        world.edit("a", suspend=False)
        await world.run(2 * 86400)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.cost("a")[0] == 2


def many_cas(_: EngineWorld) -> dict[str, str]:
    return {
        "client_ca": "".join(
            pki.make_root(f"Root {number}").pem.decode()
            for number in range(pem_blocks.MAX_CERTIFICATES + 1)
        )
    }


def long_list(world: EngineWorld) -> dict[str, str]:
    serials = range(1 << 150, (1 << 150) + 13_000)
    return {"crl": world.root.revocation_list(serials=serials).decode()}


@pytest.mark.parametrize("more", [many_cas, long_list])
@played
async def test_more_than_is_ever_sent_can_be_read_and_replaced(
    more: Callable[[EngineWorld], dict[str, str]],
) -> None:
    async with EngineWorld() as world:
        await serving(world)
        plant(world, **more(world))

        await world.run(2 * 86400)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2


@played
async def test_a_client_ca_that_cannot_be_read_is_kept_for_a_step_and_taken_away() -> None:
    async with EngineWorld() as world:
        await serving(world)
        odd = odd_pem.with_serial(world.root.certificate, world.root.key, -5)
        plant(world, client_ca=odd_pem.to_block(odd).decode())

        world.edit("a", clientAuthentication=None)
        await world.run(2 * 86400)

        first, second = (each["values"] for each in world.modifies("a")[1:])
        assert (first["ClientCAEnabled"], first["ACL"]) == ("1", "prefer")
        assert second["ClientCAEnabled"] == "0"
        assert world.ready("a") == ("True", "Verified")
