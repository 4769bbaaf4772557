"""MySQL: what it does not show, what it cannot do, and what is sent to it."""

from datetime import timedelta
from typing import Any

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played

DAY = 86_400.0
RENEW = {"renewBefore": "720h"}
FORCE_REFUSED = {"code": "IncorrectMinorVersion", "status": 403}


def sent(world: EngineWorld) -> dict[str, str]:
    """Give the parameters of the last call, those that are no secret."""
    last = world.modifies("a")[-1]
    values: dict[str, str] = last["values"]
    return values


def ready_message(world: EngineWorld) -> str:
    """Give the message of Ready."""
    condition = world.condition("Ready", "a")
    return condition["message"] if condition else ""


def names(world: EngineWorld) -> set[str]:
    """Give the names of all parameters of the last call."""
    return set(world.modifies("a")[-1]["body_parameters"])


@played
@pytest.mark.parametrize("echo", ["no", "yes"])
async def test_a_certificate_of_ones_own_is_verified_whether_it_is_shown_or_not(echo: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(switches={"echo-custom-mysql": echo}, instance="pgm-a")
        leaf = world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.cost("a") == (1, 1)
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert {"CAType", "ServerCert", "ServerKey"} <= names(world)
        await world.restart()
        await world.run(2000)

        assert world.ready("a")[0] == "True"
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("echo", ["no", "yes"])
async def test_another_certificate_of_ones_own_is_one_call(echo: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(switches={"echo-custom-mysql": echo}, instance="pgm-a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        leaf = world.write_pair("a")  # Another key; its end may be the same second.
        await world.run(400)

        assert world.ready("a")[0] == "True"
        assert world.cost("a") == (2, 2)
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256


@played
async def test_a_certificate_out_of_sight_is_not_sent_again_when_its_object_is_made_anew() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        leaf = world.write_pair("a")
        world.declare_custom("a", adoptionPolicy="Overwrite")
        await world.run(300)
        assert world.cost("a") == (1, 1)
        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)

        world.declare_custom("a", adoptionPolicy="Overwrite")
        await world.run(2000)

        assert world.ready("a") == ("True", "Adopted")
        assert "SSLExpireTime" in ready_message(world)
        assert world.cost("a") == (1, 1)
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        await world.restart()
        await world.run(2000)
        assert world.ready("a") == ("True", "Adopted")
        assert "SSLExpireTime" in ready_message(world)
        assert len(world.modifies("a")) == 1


@played
async def test_a_certificate_is_sent_though_it_ends_with_the_one_that_was_told_by_its_end() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        end = world.clock() + timedelta(days=60)
        first = world.root.leaf(world.host("a"), not_after=end)
        in_force = {
            "server_cert": first.chain_pem.decode(),
            "server_key": first.key_pem().decode(),
        }
        world.meddle("a", enabled=True, **in_force)
        world.write_pair("a", first)
        world.declare_custom("a")
        await world.run(300)
        assert world.ready("a") == ("True", "Adopted")

        second = world.write_pair("a", world.root.leaf(world.host("a"), not_after=end))
        await world.run(400)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 1
        assert world.truth("a")["ssl"]["server_sha256"] == second.sha256


def soon(world: EngineWorld) -> pki.Leaf:
    """Make a certificate that ends in a day."""
    end = world.clock() + timedelta(days=1)
    return world.root.leaf(world.host("a"), not_after=end)


@played
async def test_a_certificate_that_is_in_force_out_of_sight_blocks_nothing_when_it_has_expired() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.write_pair("a", soon(world))
        world.declare_custom("a", approvalRequired=[])
        await world.run(300)
        await world.run(90_000)
        assert world.ready("a") == ("False", "CertificateExpired")

        world.edit("a", enabled=False)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert not world.truth("a")["ssl"]["enabled"]


@played
@pytest.mark.parametrize("echo", ["yes", "no"])
async def test_encryption_is_forced_and_not_forced_any_more(echo: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(switches={"echo-force-encryption": echo}, instance="pgm-a")
        world.declare("a", forceEncryption=True, approvalRequired=[])
        await world.run(300)
        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["force_encryption"]
        assert sent(world)["ForceEncryption"] == "1"

        world.edit("a", forceEncryption=False)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert not world.truth("a")["ssl"]["force_encryption"]
        assert sent(world)["ForceEncryption"] == "0"
        assert world.cost("a")[0] == 2


@played
async def test_forced_encryption_that_is_not_shown_is_not_lost_by_a_foreign_change() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        switches = {"echo-force-encryption": "no", "echo-custom-mysql": "yes"}
        world.rds.config(switches=switches, instance="pgm-a")
        world.write_pair("a")
        world.declare_custom("a", forceEncryption=True)
        await world.run(300)
        assert world.ready("a")[0] == "True"

        world.meddle("a", enabled=True, renew=True)  # A cloud certificate in place of ours.
        world.edit("a", forceEncryption=None)
        await world.run(300)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert "Weakens" in world.status("a")["plan"]["impacts"]
        assert world.truth("a")["ssl"]["force_encryption"]
        assert world.cost("a")[0] == 1


@played
@pytest.mark.parametrize("fault", ["reset-after", "reset-before"])
async def test_a_call_whose_effect_nobody_can_see_is_not_made_again_until_somebody_asks(
    fault: str,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(
            switches={"echo-force-encryption": "no", "enable-again": "nothing"},
            durations={"window": 1.5, "change": 0.2},  # Between two looks.
            instance="pgm-a",
        )
        world.declare("a")
        await world.run(300)
        world.rds.fault({"kind": fault}, action=MODIFY)
        world.edit("a", forceEncryption=True)
        await world.run(3000)

        assert world.ready("a") == ("False", "ApplyTimedOut")
        assert len(world.modifies("a")) == 2

        world.ask("a", "look")
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert len(world.modifies("a")) == 3
        assert world.truth("a")["ssl"]["force_encryption"]


@played
@pytest.mark.parametrize("fault", ["reset-after", "reset-before"])
async def test_an_edit_that_takes_back_a_call_without_answer_is_not_taken_for_applied(
    fault: str,
) -> None:
    """Encryption may be forced by now, and nothing that RDS shows tells."""
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(switches={"echo-force-encryption": "no"}, instance="pgm-a")
        world.declare("a")
        await world.run(300)
        world.rds.fault({"kind": fault}, action=MODIFY)
        world.edit("a", forceEncryption=True)
        await world.run(2)
        await world.crash()
        world.edit("a", forceEncryption=None)
        await world.restart()
        await world.run(3000)

        assert world.ready("a") == ("False", "AwaitingApproval")
        message = (world.condition("ChangePending", "a") or {})["message"]
        assert "forceEncryption: not shown → off" in message
        world.edit("a", approvalRequired=[])
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert not world.truth("a")["ssl"]["force_encryption"]
        assert sent(world)["ForceEncryption"] == "0"


@played
async def test_a_basic_edition_gets_ssl_where_rds_gives_it() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0-basic")
        world.rds.config(switches={"mysql-basic": "accepted"})
        world.declare("a")
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("reads_too", [True, False])
async def test_a_basic_edition_that_rds_refuses_is_told_as_such_and_asked_once(
    *, reads_too: bool
) -> None:
    """Whether DescribeDBInstanceSSL is refused as well, the documents do not say."""
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0-basic")
        if not reads_too:
            world.rds.config(switches={"mysql-basic": "accepted"})
            level = {"code": "InvalidInstanceLevel.Malformed", "status": 403}
            world.rds.fault(level, action=MODIFY, times=99)
        world.declare("a")
        await world.run(5000)

        assert world.ready("a") == ("False", "EngineNotSupported")
        assert "RDS offers no SSL" in ready_message(world)
        assert len(world.modifies("a")) == (0 if reads_too else 1)


@played
async def test_an_old_minor_version_is_named_and_nothing_is_sent() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0", kernel_version="rds_20231031")
        world.declare("a", forceEncryption=True)
        await world.run(60)

        assert world.conditions("a")["Stalled"] == ("True", "EngineNotSupported")
        message = (world.condition("Stalled", "a") or {})["message"]
        assert "20241130" in message
        assert "20231031" in message
        assert world.modifies("a") == []
        world.edit("a", forceEncryption=False)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert "ForceEncryption" not in names(world)  # Not even as 0: it does not know the word.


@played
async def test_an_upgraded_minor_version_is_noticed_by_itself() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0", kernel_version="rds_20231031")
        world.declare("a", forceEncryption=True)
        await world.run(60)
        world.rds.patch_instance("pgm-a", kernel_version="rds_20250131")

        await world.run(2400)

        assert world.ready("a")[0] == "True"
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"minimumTLSVersion": "1.2"}, "minimumTLSVersion"),
        (
            {
                "serverCertificate": {
                    "pfx": {
                        "ossObject": "oss-cn-hangzhou.aliyuncs.com:b:f.pfx",
                        "passwordSecretKeyRef": {"name": "a-tls", "key": "tls.key"},
                    }
                }
            },
            "serverCertificate.pfx",
        ),
        (
            {"clientAuthentication": {"ca": {"secretKeyRef": {"name": "a-tls", "key": "tls.crt"}}}},
            "clientAuthentication",
        ),
    ],
    ids=["TLS minimum", "PFX", "client CA"],
)
async def test_what_mysql_does_not_have_is_told_with_its_field(
    spec: dict[str, Any], field: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.write_pair("a")
        world.declare("a", **spec)
        await world.run(60)

        assert world.ready("a") == ("False", "EngineNotSupported")
        assert f"spec.{field}" in (world.condition("Stalled", "a") or {})["message"]
        assert world.modifies("a") == []


@played
async def test_a_refused_minor_version_of_the_api_is_told_as_such() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0", kernel_version="odd")
        world.rds.fault(FORCE_REFUSED, action=MODIFY)
        world.declare("a", forceEncryption=True)
        await world.run(60)

        assert world.ready("a") == ("False", "EngineNotSupported")
        assert len(world.modifies("a")) == 1


@played
@pytest.mark.parametrize("version", ["5.7", "8.0", "8.4"])
async def test_every_version_gets_a_cloud_certificate_with_one_call(version: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=f"mysql-{version}")
        world.declare("a")
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.cost("a") == (1, 1)
        assert sent(world) == {
            "CAType": "aliyun",
            "ConnectionString": world.host("a"),
            "SSLEnabled": "1",
        }


@played
@pytest.mark.parametrize("change", [{"forceEncryption": True}, {"serverCertificate": RENEW}])
async def test_what_was_adopted_unseen_is_not_replaced_without_approval(
    change: dict[str, Any],
) -> None:
    """The certificate in force may be somebody's own: MySQL does not say."""
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=DAY)) as world:
        world.add_instance("a", profile="mysql-8.0")
        end = world.clock() + timedelta(days=40)
        leaf = world.root.leaf(world.host("a"), not_after=end)
        world.meddle(
            "a",
            enabled=True,
            server_cert=leaf.chain_pem.decode(),
            server_key=leaf.key_pem().decode(),
        )
        world.declare("a")
        await world.run(60)
        assert world.ready("a") == ("True", "Adopted")

        world.edit("a", **change)
        await world.run(30 * DAY)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.modifies("a") == []
        world.edit("a", approvalRequired=[])
        await world.run(300)
        assert world.cost("a")[0] == 1


@played
async def test_a_certificate_that_somebody_put_there_unseen_is_not_replaced_without_approval() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.declare("a")
        await world.run(300)
        leaf = world.root.leaf(world.host("a"))
        world.meddle(
            "a",
            enabled=True,
            server_cert=leaf.chain_pem.decode(),
            server_key=leaf.key_pem().decode(),
        )

        world.edit("a", forceEncryption=True)
        await world.run(1500)

        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.cost("a")[0] == 1
        world.edit("a", approvalRequired=[])
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2


@played
async def test_a_rotation_is_verified_by_the_next_process_although_the_secret_is_newer() -> None:
    """What was sent stands in the record, not in the Secret."""
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(durations={"change": 60.0})
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        assert world.ready("a")[0] == "True"
        day = timedelta(days=1)
        sent, newer = (
            world.root.leaf(world.host("a"), not_after=world.clock() + days * day)
            for days in (50, 60)
        )
        world.write_pair("a", sent)
        await world.run(5)
        assert world.status("a")["operation"]["phase"] == "Accepted"
        await world.crash()
        world.write_pair("a", newer)
        await world.run(120)

        world.start()
        await world.run(300)

        assert world.truth("a")["ssl"]["server_sha256"] == newer.sha256
        assert world.ready("a")[0] == "True"
        assert not {"ChangeTimedOut", "ChangeNotConverging"} & set(world.events("a"))
        assert world.cost("a") == (3, 3)


@played
@pytest.mark.parametrize("echo", ["no", "yes"])
async def test_a_mysql_restored_with_an_older_certificate_is_told(echo: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.rds.config(switches={"echo-custom-mysql": echo}, instance="pgm-a")
        end = world.clock() + timedelta(days=50)
        old = world.root.leaf(world.host("a"), not_after=end)
        world.write_pair("a")
        world.declare_custom("a", approvalRequired=[])
        await world.run(300)
        world.meddle(
            "a", server_cert=old.pem.decode(), server_key=old.key_pem().decode(), ca_type="custom"
        )
        await world.run(1500)

        assert world.ready("a") == ("False", "Drifted")
        assert world.cost("a")[0] == 1
        leaf = world.write_pair("a")  # Whoever rotates then gets what he declares,
        await world.run(2400)  # where what somebody did is shown only after its half hour.
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.ready("a")[0] == "True"


@played
async def test_encryption_forced_by_another_hand_is_not_loosened_on_the_way() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-8.0")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        world.meddle("a", force_encryption=True)
        await world.run(60)
        world.write_pair("a")
        await world.run(1500)

        assert world.cost("a")[0] == 1
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert world.truth("a")["ssl"]["force_encryption"]


@played
async def test_mysql_5_6_takes_a_certificate_and_says_that_it_cannot_force() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile="mysql-5.6")
        leaf = world.write_pair("a")
        world.declare_custom("a", forceEncryption=True)
        await world.run(300)
        assert world.ready("a") == ("False", "EngineNotSupported")
        assert world.modifies("a") == []
        world.edit("a", forceEncryption=None)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["server_sha256"] == leaf.sha256
        assert world.cost("a") == (1, 1)
        world.rds.patch_instance("pgm-a", profile="mysql-8.0", kernel_version="rds_20250131")
        world.edit("a", forceEncryption=True)
        await world.run(300)
        assert world.ready("a")[0] == "True"
        assert world.cost("a")[0] == 2
