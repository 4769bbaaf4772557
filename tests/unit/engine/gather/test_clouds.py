"""As whom an object acts: keys, roles, the operator's own identity, and how long they are kept."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.own import Oidc, OwnIdentity
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.core.secret_text import SecretText
from support.engine_world import EngineWorld, played
from support.identities import Issuer, allows, trusts, trusts_oidc, trusts_service
from support.line import Call
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET

ACCOUNT = "acs:ram::1234567890123456"
ROLE_ARN = f"{ACCOUNT}:role/rds-ssl"
ROOT = f"{ACCOUNT}:root"
KEY = Credentials(access_key_id=ACCESS_KEY_ID, access_key_secret=SecretText(ACCESS_KEY_SECRET))
ISSUER = Issuer()
HOUR = 3600.0


def with_role(world: EngineWorld, name: str = "rds-credentials", **extra: str) -> None:
    """Write a Secret whose key assumes the role."""
    texts = {
        "accessKeyId": ACCESS_KEY_ID,
        "accessKeySecret": ACCESS_KEY_SECRET,
        "roleArn": ROLE_ARN,
        **extra,
    }
    world.write("Secret", name, {key: text.encode() for key, text in texts.items()})


def assumed(world: EngineWorld) -> int:
    """Give how often STS was asked for a session."""
    return sum(each["action"].startswith("AssumeRole") for each in world.rds.calls())


def message(world: EngineWorld, name: str = "a") -> str:
    condition = world.condition("Ready", name)
    return condition["message"] if condition else ""


async def fleet(world: EngineWorld, count: int, **spec: object) -> list[str]:
    """Bring so many instances to Ready."""
    names = [f"i{number}" for number in range(count)]
    for name in names:
        world.add_instance(name)
        world.declare(name, **spec)
    await world.run(200)
    assert {world.ready(name)[0] for name in names} == {"True"}
    return names


# -- each source reaches Ready --------------------------------------------------------------------


@played
async def test_a_key_that_assumes_a_role_acts_as_the_role() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT, external_id="shop-7"))
        with_role(world, externalId="shop-7", sessionName="shop")
        world.add_instance("a")
        world.declare("a")

        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)
        principals = {each["principal"] for each in world.calls("a")}
        assert principals == {"acs:ram::1234567890123456:assumed-role/rds-ssl/shop"}
        assert assumed(world) == 1


@played
async def test_the_operators_own_key_takes_the_role_that_an_object_names() -> None:
    async with EngineWorld(started=False) as world:
        world.rds.put_role("rds-ssl", trusts(ROOT, external_id="rds-ssl:shop"))
        world.own = OwnIdentity(key=KEY)
        world.start()
        world.add_instance("a")
        world.declare("a", credentialsSecretRef=None, identity={"roleARN": ROLE_ARN})

        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        principals = {each["principal"] for each in world.calls("a")}
        assert principals == {"acs:ram::1234567890123456:assumed-role/rds-ssl/rds-ssl-shop"}


@pytest.mark.parametrize("source", ["key", "oidc", "ecs", "assumed"])
def test_the_operator_acts_as_itself(source: str, tmp_path: Path) -> None:
    @played
    async def story() -> None:
        async with EngineWorld(started=False) as world:
            world.own = own(world, source, tmp_path)
            world.start()
            world.add_instance("a")
            world.declare("a", credentialsSecretRef=None)

            await world.run(60)

            assert world.ready("a") == ("True", "Verified")

    story()


def own(world: EngineWorld, source: str, directory: Path) -> OwnIdentity:
    """Set up an identity for the operator."""
    provider = f"{ACCOUNT}:oidc-provider/c1"
    world.rds.put_oidc_provider("c1", **ISSUER.provider())
    trust = trusts_oidc(provider, ISSUER.url)
    trust["Statement"] += trusts_service("ecs.aliyuncs.com")["Statement"]
    world.rds.put_role("rds-ssl", trust)
    world.rds.put_role("other", trusts(ROOT, external_id="x1"))
    world.rds.metadata(role="rds-ssl")
    file = directory / "token"
    file.write_text(ISSUER.token(at=world.clock(), lasts=timedelta(days=2)))
    role = Role(arn=ROLE_ARN, session_name="rds-ssl")
    other = Role(arn=f"{ACCOUNT}:role/other", session_name="rds-ssl", external_id="x1")
    return {
        "key": OwnIdentity(key=KEY),
        "oidc": OwnIdentity(oidc=Oidc(role=role, provider_arn=provider, token_file=file)),
        "ecs": OwnIdentity(ecs_role=""),
        "assumed": OwnIdentity(key=KEY, assumed=other),
    }[source]


# -- who may not ----------------------------------------------------------------------------------


@played
async def test_a_role_that_the_namespace_may_not_have_is_not_asked_for() -> None:
    async with EngineWorld(started=False) as world:
        world.own = OwnIdentity(key=KEY)
        world.allowed = lambda _namespace, _instance_id, role_arn: not role_arn
        world.start()
        world.add_instance("a")
        world.declare("a", credentialsSecretRef=None, identity={"roleARN": ROLE_ARN})

        await world.run(60)

        assert world.ready("a") == ("False", "CredentialsNotAllowed")
        assert ROLE_ARN in message(world)
        assert "spec.identity.roleARN" in message(world)
        assert world.rds.calls() == []


@played
async def test_a_role_without_anybody_to_take_it_is_told_so() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a", credentialsSecretRef=None, identity={"roleARN": ROLE_ARN})

        await world.run(60)

        assert world.ready("a") == ("False", "CredentialsNotFound")


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"roleArn": "rds-ssl"}, "key roleArn is no ARN of a role"),
        ({"externalId": "a b"}, "key externalId is no external ID"),
        ({"sessionName": "x"}, "key sessionName is no session name"),
        ({"policy": "{"}, "key policy is no policy"),
        ({"roleArn": "", "policy": "{}"}, "key policy counts only beside a key roleArn"),
        ({"roleArn": "", "externalId": "x1"}, "key externalId counts only beside a key roleArn"),
    ],
)
@played
async def test_a_half_written_secret_is_refused_with_the_name_of_the_key(
    extra: dict[str, str], words: str
) -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world, **extra)
        world.add_instance("a")
        world.declare("a")

        await world.run(20)

        assert world.ready("a") == ("False", "CredentialsInvalid")
        assert words in message(world)
        assert world.rds.calls() == []
        with_role(world)
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")


# -- a session ends -------------------------------------------------------------------------------


@played
async def test_many_objects_cost_one_call_of_sts_an_hour_and_none_fails() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        names = await fleet(world, 10)
        before = len(world.kube.written)

        await world.run(4 * HOUR)

        # A key lives for 3600 s and is renewed by whoever asks first in its last quarter.
        assert 5 <= assumed(world) <= 6
        refused = [each for each in world.rds.calls() if each["status"] >= 400]
        assert refused == []
        assert {world.ready(name) for name in names} == {("True", "Verified")}
        assert len(world.kube.written) == before


@pytest.mark.parametrize("how", ["expire", "forget"])
@played
async def test_a_session_that_was_revoked_is_renewed_once_for_all(how: str) -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        names = await fleet(world, 12)
        written, calls = len(world.kube.written), assumed(world)
        world.rds.end_sessions(how=how)

        await world.run(900)

        assert assumed(world) == calls + 1
        assert {world.ready(name) for name in names} == {("True", "Verified")}
        assert len(world.kube.written) == written


@played
async def test_a_write_that_was_refused_for_its_key_is_made_once() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        world.add_instance("a")
        world.declare("a")

        def revoke(call: Call) -> None:
            if call.phase == "Sending":
                world.rds.end_sessions(how="expire")

        world.line.after.append(revoke)
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)
        assert world.modifies("a")[0]["code"] == "InvalidSecurityToken.Expired"
        assert len(world.modifies("a")) == 2


@played
async def test_a_call_that_was_refused_for_another_reason_is_not_made_again() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT), policy=allows("rds:Describe*"))
        with_role(world)
        world.add_instance("a")
        world.declare("a")

        await world.run(30)

        assert world.ready("a") == ("False", "Forbidden")
        assert len(world.modifies("a")) == 1
        assert assumed(world) == 1


@played
async def test_an_sts_that_is_down_says_nothing_of_rds() -> None:
    async with EngineWorld() as world:
        with_role(world, "by-role")
        for number in range(10):
            world.add_instance(f"i{number}")
            secret = "by-role" if number < 5 else "rds-credentials"
            world.declare(f"i{number}", credentialsSecretRef={"name": secret})
        asked: list[str] = []

        def down(call: Call) -> None:
            if call.port == "cloud":
                asked.append(call.what)
                raise httpx.ConnectTimeout("down")

        world.line.before.append(down)
        await world.run(300)

        # RDS is probed ever more seldom, and who has no key says nothing of it.
        assert len([each for each in asked if each != "AssumeRole"]) <= 90
        assert asked.count("AssumeRole") <= 12


@played
async def test_a_write_without_a_key_is_not_sent_and_tried_again() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        world.add_instance("a")
        world.declare("a")

        def revoke(call: Call) -> None:
            if call.phase == "Sending" and not world.modifies("a"):
                world.rds.end_sessions(how="expire")
                world.rds.fault({"kind": "html"}, action="AssumeRole", times=2)

        world.line.after.append(revoke)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_a_role_that_is_gone_is_told_and_heals_by_itself() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        names = await fleet(world, 10)
        before = assumed(world)
        world.rds.remove_role("rds-ssl")

        await world.run(HOUR)

        assert {world.ready(name) for name in names} == {("False", "CredentialsInvalid")}
        assert f"STS knows no role {ROLE_ARN}" in message(world, "i0")
        assert assumed(world) - before < 80
        world.rds.put_role("rds-ssl", trusts(ROOT))
        await world.run(900)
        assert {world.ready(name)[0] for name in names} == {"True"}


@played
async def test_sts_down_for_an_hour_changes_nothing_and_is_no_stampede() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        names = await fleet(world, 15)
        await world.run(0.8 * HOUR)  # So that the key ends within the hour.
        before, written = assumed(world), len(world.kube.written)

        def down(call: Call) -> None:
            if call.what == "AssumeRole":
                attempts.append(world.monotonic())
                raise httpx.ConnectTimeout("down")

        attempts: list[float] = []
        world.line.before.append(down)
        await world.run(HOUR)

        assert {world.ready(name)[0] for name in names} <= {"True", "Unknown"}
        # At most one text for each object, when nobody could be asked for three resyncs.
        assert len(world.kube.written) - written <= 15
        assert len(attempts) <= 90
        assert assumed(world) == before
        world.line.before.remove(down)
        await world.run(130)
        assert {world.ready(name) for name in names} == {("True", "Verified")}
        assert assumed(world) == before + 1


@played
async def test_an_hour_without_sts_that_ends_before_the_key_does_shows_nowhere() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        await fleet(world, 10)
        written = len(world.kube.written)

        def down(call: Call) -> None:
            if call.what == "AssumeRole":
                raise httpx.ConnectTimeout("down")

        world.line.before.append(down)
        await world.run(0.9 * HOUR)
        world.line.before.remove(down)
        await world.run(HOUR)

        assert len(world.kube.written) == written


@played
async def test_a_new_object_says_that_sts_cannot_be_reached() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        world.add_instance("a")
        world.rds.fault({"kind": "html"}, action="AssumeRole", times=3)
        world.declare("a")
        await world.run(5)

        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        assert "STS gives no usable answer" in message(world)
        await world.run(120)
        assert world.ready("a") == ("True", "Verified")


# -- limits and budgets, and what is kept ---------------------------------------------------------


@played
async def test_a_renewed_session_has_the_slot_of_the_one_before() -> None:
    async with EngineWorld(budget=1) as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        world.rds.config(durations={"change": 600})
        for name in ("a", "b"):
            world.add_instance(name)
            world.declare(name)
        await world.run(60)
        world.rds.end_sessions(how="expire")
        await world.run(60)

        for name in ("a", "b"):
            world.ask(name, "look")
        await world.run(60)

        assert assumed(world) == 2
        assert sum(len(world.modifies(name)) for name in ("a", "b")) == 1


@played
async def test_an_identity_is_kept_as_long_as_an_object_acts_by_it() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        with_role(world, "other", sessionName="other")
        await fleet(world, 3)
        assert world.engine is not None
        identities = world.engine.identities
        assert len(identities) == 1

        world.edit("i0", credentialsSecretRef={"name": "other"})
        await world.run(60)
        assert len(identities) == 2

        for name in ("i0", "i1"):
            world.kube.delete(("shop", name))
        await world.run(60)
        assert len(identities) == 1
        world.kube.delete(("shop", "i2"))
        await world.run(60)
        assert len(identities) == 0


@played
async def test_a_secret_that_names_another_role_takes_effect_at_once() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        world.rds.put_role("other", trusts(ROOT))
        with_role(world)
        await fleet(world, 1)

        with_role(world, roleArn=f"{ACCOUNT}:role/other")
        await world.run(5)

        assert world.calls("i0")[-1]["principal"].split("/")[1] == "other"
        assert world.engine is not None
        assert len(world.engine.identities) == 1


@played
async def test_a_renewed_session_is_no_new_fact_to_look_at() -> None:
    async with EngineWorld() as world:
        world.rds.put_role("rds-ssl", trusts(ROOT))
        with_role(world)
        await fleet(world, 1)
        await world.run(HOUR)
        calls = len(world.calls("i0"))
        world.rds.end_sessions(how="expire")
        world.write("ConfigMap", "unrelated", {})

        await world.run(5)

        assert len(world.calls("i0")) == calls
