"""
A CA that has expired in the bundle holds nothing up, and goes without anybody's approval.

A living one that another replaces needs it, also where clients need no certificate.
"""

from support import pki
from support.engine_world import EngineWorld, played

NOW = pki.real_now()
REFERENCE = {"configMapKeyRef": {"name": "a-ca"}}
TRUST = {"ca": REFERENCE, "revocationList": REFERENCE, "acl": "cert", "replicationACL": "cert"}


def dead_ca() -> pki.Authority:
    lived = pki.Extras(not_before=NOW - 60 * pki.DAY, not_after=NOW - pki.DAY)
    return pki.make_root("Dead", extras=lived)


async def trusting_both(world: EngineWorld, dead: pki.Authority) -> None:
    """Bring an instance to a living CA with its list, and a dead one without."""
    world.add_instance("a")
    world.write_pair("a")
    lists = world.root.revocation_list(number=1)
    world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem + dead.pem, "ca.crl": lists})
    world.declare_custom("a", clientAuthentication=TRUST)
    await world.run(300)
    assert world.ready("a") == ("True", "Verified")


@played
async def test_new_revocations_go_out_although_a_ca_of_the_bundle_has_expired() -> None:
    async with EngineWorld() as world:
        dead = dead_ca()
        await trusting_both(world, dead)

        lists = world.root.revocation_list(serials=[7], number=2)
        world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem + dead.pem, "ca.crl": lists})
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2


@played
async def test_a_dead_ca_is_dropped_without_approval_and_a_living_one_is_not() -> None:
    async with EngineWorld() as world:
        dead = dead_ca()
        await trusting_both(world, dead)

        lists = world.root.revocation_list(number=2)
        world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem, "ca.crl": lists})
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2

        other = pki.make_root("Other")
        files = {"ca.crt": other.pem, "ca.crl": other.revocation_list()}
        world.write("ConfigMap", "a-ca", files)
        await world.run(300)
        assert world.status("a")["plan"]["heldBy"] == "AwaitingApproval"
        assert "DropsTrust" in world.status("a")["plan"]["impacts"]


@played
async def test_a_ca_that_another_replaces_waits_for_approval_though_no_certificate_is_needed() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem})
        world.declare_custom("a", clientAuthentication={"ca": REFERENCE})
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")

        other = pki.make_root("Other")
        world.write("ConfigMap", "a-ca", {"ca.crt": other.pem})
        await world.run(300)
        plan = world.status("a")["plan"]
        assert (plan["heldBy"], plan["impacts"]) == ("AwaitingApproval", ["Restart", "DropsTrust"])
        assert world.cost("a") == (1, 1)

        world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem + other.pem})
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (2, 2)


@played
async def test_a_ca_that_is_taken_away_drops_no_trust_where_no_certificate_is_needed() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem})
        world.declare_custom(
            "a", clientAuthentication={"ca": REFERENCE}, approvalRequired=["DropsTrust"]
        )
        await world.run(300)

        world.edit("a", clientAuthentication=None)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert not world.truth("a")["ssl"]["client_ca_sha256"]
