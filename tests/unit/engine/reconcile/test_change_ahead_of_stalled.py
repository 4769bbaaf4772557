"""A certificate is replaced although the declaration asks for what the instance cannot have."""

from datetime import timedelta

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import EngineWorld, Json, played

DAY = 86400.0
SLOW = Timings(quiet_period=0.0, max_changes_per_day=0, resync=3 * DAY)
WITHIN = 1300.0
"""Until an object that cannot be carried out was looked at twice."""

_CA = {"configMapKeyRef": {"name": "a-ca"}}


NO_HOST = "no-such-host.pg.rds.aliyuncs.com"


def newer(world: EngineWorld, *hosts: str) -> pki.Leaf:
    """Write a newer certificate, by default for the endpoint protected and for one that is none."""
    end = world.clock() + timedelta(days=80)
    names = hosts or (world.host("a"), NO_HOST)
    return world.write_pair("a", world.issuer.leaf(*names, not_after=end))


async def stalled(world: EngineWorld, reason: str, profile: str, **edit: object) -> None:
    """Let an edit of an object be one that cannot be carried out."""
    minor = {"kernel_version": "rds_20240731"} if profile.startswith("mysql") else {}
    world.add_instance("a", profile=profile, **minor)
    world.write_pair("a", world.issuer.leaf(world.host("a"), NO_HOST))
    world.write("ConfigMap", "a-ca", {"ca.crt": world.root.pem})
    world.declare_custom("a", approvalRequired=[])
    await world.run(100)
    assert world.ready("a")[0] == "True"
    world.edit("a", **edit)
    await world.run(100)
    assert world.conditions("a")["Stalled"] == ("True", reason)


EDITS = [
    pytest.param(
        "EndpointNotFound",
        "postgresql-14",
        {"connectionString": NO_HOST},
        id="an endpoint that is none",
    ),
    pytest.param(
        "EngineNotSupported",
        "mysql-8.0",
        {"clientAuthentication": {"ca": _CA}},
        id="a field of another engine",
    ),
    pytest.param(
        "EngineNotSupported",
        "postgresql-14",
        {"serverCertificate": {"renewBefore": "720h"}},
        id="a renewal that the vendor makes",
    ),
    pytest.param(
        "EngineNotSupported", "mysql-8.0", {"forceEncryption": True}, id="an old minor version"
    ),
    pytest.param(
        "EngineNotSupported",
        "postgresql-11",
        {"clientAuthentication": {"ca": _CA, "acl": "verify-full"}},
        id="an old version",
    ),
    pytest.param(
        "MaterialInvalid",
        "postgresql-14",
        {"connectionString": "another.example.com"},
        id="an endpoint that the certificate does not cover",
    ),
]


@pytest.mark.parametrize(("reason", "profile", "edit"), EDITS)
@played
async def test_newer_material_goes_out_although_the_edit_beside_it_cannot(
    reason: str, profile: str, edit: Json
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        await stalled(world, reason, profile, **edit)
        before = world.truth("a")["ssl"]

        leaf = newer(world)
        await world.run(WITHIN)

        after = world.truth("a")["ssl"]
        assert after["server_sha256"] == leaf.sha256
        moved = {"server_sha256", "chain_sha256", "expire_time", "last_modify_status"}
        assert {name: after[name] for name in after.keys() - moved} == {
            name: before[name] for name in before.keys() - moved
        }
        assert world.cost("a") == (2, 2)
        assert world.conditions("a")["Stalled"] == ("True", reason)
        assert world.ready("a") == ("False", reason)
        assert "rotation" not in world.status("a")
        await world.run(2 * DAY)
        assert world.cost("a") == (2, 2)


@played
async def test_newer_material_beside_an_edit_that_cannot_go_waits_for_its_own_window() -> None:
    async with EngineWorld(timings=SLOW) as world:
        far = {"windows": [{"schedule": "0 3 1 1 *", "duration": "1h"}]}
        await stalled(
            world,
            "EndpointNotFound",
            "postgresql-14",
            connectionString=NO_HOST,
            maintenance=far,
        )
        newer(world)

        await world.run(WITHIN)

        assert world.cost("a") == (1, 1)
        assert world.status("a")["rotation"]["heldBy"] == "AwaitingWindow"
        assert world.conditions("a")["Stalled"] == ("True", "EndpointNotFound")
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingWindow")


@pytest.mark.parametrize("edit", [{"suspend": True}, {"managementPolicy": "Observe"}])
@played
async def test_nothing_goes_ahead_of_an_edit_that_cannot_go_while_nothing_may(edit: Json) -> None:
    async with EngineWorld(timings=SLOW) as world:
        await stalled(world, "EndpointNotFound", "postgresql-14", connectionString=NO_HOST)
        world.edit("a", **edit)
        newer(world)

        await world.run(WITHIN)

        assert world.cost("a") == (1, 1)


@played
async def test_a_certificate_for_an_endpoint_that_is_none_does_not_go_ahead() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await stalled(world, "EndpointNotFound", "postgresql-14", connectionString=NO_HOST)
        newer(world, NO_HOST)

        await world.run(WITHIN)

        assert world.cost("a") == (1, 1)
