"""Words of RDS that nobody knows: said, and guessed at never."""

import pytest

from support.engine_world import EngineWorld, played


def ready_message(world: EngineWorld) -> str:
    """Give the message of Ready."""
    condition = world.condition("Ready", "a")
    return condition["message"] if condition else ""


@played
@pytest.mark.parametrize("profile", ["mysql-8.0", "sqlserver-2019"])
@pytest.mark.parametrize("forced", [True, False])
async def test_forced_encryption_that_is_shown_as_a_word_is_read(
    profile: str, *, forced: bool
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.rds.config(switches={"numbers": "words"})
        world.meddle("a", enabled=True, force_encryption=not forced)
        world.declare("a", forceEncryption=forced, adoptionPolicy="Overwrite", approvalRequired=[])
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["force_encryption"] is forced
        assert world.cost("a")[0] == 1


@played
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ForceEncryption", "maybe"),
        ("RequireUpdate", "soon"),
        ("SSLExpireTime", "next year"),
        ("ACL", "deny"),
        ("LastModifyStatus", "thinking"),
    ],
)
async def test_a_word_on_which_nothing_declared_rests_is_said_and_holds_nothing(
    field: str, value: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.meddle("a", enabled=True)
        world.rds.patch_instance("pgm-a", answers={field: value})
        world.declare("a")
        await world.run(700)

        assert world.ready("a") == ("True", "Adopted")
        assert f'{field} has the value "{value}"' in ready_message(world)
        assert world.modifies("a") == []


@played
async def test_a_word_of_what_is_declared_is_named_and_nothing_is_sent() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.meddle("a", enabled=True)
        world.rds.patch_instance("pgm-a", answers={"ForceEncryption": "maybe"})
        world.declare("a", forceEncryption=True, adoptionPolicy="Overwrite", approvalRequired=[])
        await world.run(4000)

        assert world.ready("a") == ("Unknown", "ApiUnavailable")
        assert 'ForceEncryption has the value "maybe"' in ready_message(world)
        assert world.modifies("a") == []

        world.rds.patch_instance("pgm-a", answers={})
        await world.run(700)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_what_a_call_may_reset_because_its_word_is_not_understood_weakens() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="sqlserver-2019")
        world.declare("a")
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        world.meddle("a", tls_version="1.2")
        world.rds.patch_instance("pgm-a", answers={"TlsVersion": "modern"})

        world.edit("a", forceEncryption=True)
        await world.run(700)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        plan = world.status("a")["plan"]
        assert "Weakens" in plan["impacts"]
        assert 'TlsVersion has the value "modern"' in ready_message(world)
        assert world.truth("a")["ssl"]["tls_version"] == "1.2"
        assert world.cost("a")[0] == 1


@played
async def test_how_a_change_ends_is_not_guessed_at() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.patch_instance("pgm-a", answers={"LastModifyStatus": "thinking"})
        world.declare("a", adoptionPolicy="Overwrite")
        await world.run(1500)

        assert world.ready("a")[0] != "True"
        assert 'LastModifyStatus has the value "thinking"' in ready_message(world)
        assert world.cost("a")[0] == 1
        world.rds.patch_instance("pgm-a", answers={})
        await world.run(700)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 1
