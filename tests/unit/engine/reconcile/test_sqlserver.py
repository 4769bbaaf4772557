"""SQL Server: a PFX file that nobody can read back, its password, SSLEnabled=2, the TLS minimum."""

import asyncio
import base64
import hashlib
import json
import logging
from typing import Any

import pytest

from rds_ssl.core.checks.contents import MAX_PASSWORD_BYTES
from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played


async def sqlserver(world: EngineWorld, **spec: Any) -> None:  # noqa: ANN401  # JSON.
    """Bring a SQL Server to what is declared."""
    world.add_instance("a", profile="sqlserver-2019")
    world.write("Secret", "a-pfx", {"password": b"correct horse"})
    world.declare("a", approvalRequired=[], **spec)
    await world.run(300)
    assert world.ready("a")[0] == "True"


DAY = 86_400.0
SLOW = Timings(quiet_period=0.0, resync=DAY / 2)
"""A year is played through: no look every ten minutes."""

PROFILE = "sqlserver-2019"
PASSWORD = "correct horse battery staple"
SHORT = "geh3im!"
"""Shorter than what is taken for a secret elsewhere; SQL Server asks for no length."""

FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:orders-1.pfx"
OTHER_FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:orders-2.pfx"
RENEW = {"serverCertificate": {"renewBefore": "720h"}}
"""Thirty days before the end of 365."""


def pfx(file: str = FILE) -> Json:
    """Give the part of a spec that names a PFX file."""
    password = {"name": "a-pfx", "key": "password"}
    return {"serverCertificate": {"pfx": {"ossObject": file, "passwordSecretKeyRef": password}}}


def write_password(world: EngineWorld, password: str = PASSWORD) -> None:
    world.write("Secret", "a-pfx", {"password": f"{password}\n".encode()})


def sent(world: EngineWorld) -> dict[str, str]:
    """Give the parameters of the last call that are no secret, but for the endpoint."""
    values: dict[str, str] = world.modifies("a")[-1]["values"]
    return {name: value for name, value in values.items() if name != "ConnectionString"}


def names(world: EngineWorld) -> set[str]:
    """Give the names of all parameters of the last call."""
    return set(world.modifies("a")[-1]["body_parameters"])


def message(world: EngineWorld, kind: str = "Ready") -> str:
    return str((world.condition(kind, "a") or {})["message"])


UNSEEN = ("True", "AppliedNotEchoed")
"""Ready with a PFX file, of which nothing can be read back."""


async def on(world: EngineWorld, **spec: Any) -> None:  # noqa: ANN401  # JSON.
    """Bring an instance to what is declared."""
    world.add_instance("a", profile=PROFILE)
    write_password(world)
    world.declare("a", **spec)
    await world.run(300)
    assert (
        world.ready("a") == UNSEEN
        if "pfx" in spec.get("serverCertificate", {})
        else ("True", "Verified")
    )


# -- the PFX file ---------------------------------------------------------------------------------


@played
async def test_a_pfx_file_is_one_call_and_none_after_a_restart_of_the_operator() -> None:
    async with EngineWorld() as world:
        await on(world, **pfx())
        assert sent(world) == {"SSLEnabled": "1", "Certificate": FILE}
        assert "PassWord" in names(world)
        assert not {"CAType", "ServerCert", "ServerKey"} & names(world)
        assert world.truth("a")["ssl"]["pfx"] == FILE

        await world.restart()
        await world.run(3600)

        assert world.ready("a") == UNSEEN
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("password", [PASSWORD, SHORT])
@pytest.mark.parametrize("refused", [False, True])
async def test_the_password_of_a_pfx_file_goes_to_the_cloud_and_nowhere_else(
    refused: bool,  # noqa: FBT001  # A parameter.
    password: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE)
        write_password(world, password)
        if refused:
            # What the API says may hold what was sent.
            code, told = "InvalidServerCertOrPrivateKey", f"{password} does not open the file."
            world.rds.fault({"code": code, "status": 400, "message": told}, action=MODIFY)
        world.declare("a", **pfx())
        await world.run(300)
        assert len(world.modifies("a")) == 1
        assert "PassWord" in names(world)

        told = "".join(
            (
                json.dumps(list(world.kube.objects.values())),
                *world.kube.written,
                json.dumps(world.kube.events),
                caplog.text,
                repr([vars(each) for each in caplog.records]),
                repr(world.rds.calls()),
            )
        )
        digest = hashlib.sha256(password.encode()).hexdigest()[:16]
        for trace in (password, base64.b64encode(password.encode()).decode(), digest):
            assert trace not in told
        assert not any(each["key_in_url"] for each in world.calls("a"))


@played
@pytest.mark.parametrize("excess", [0, 1])
async def test_a_password_of_more_than_a_kilobyte_is_not_sent(excess: int) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE)
        password = "p" * (MAX_PASSWORD_BYTES - 1 + excess)
        write_password(world, password)
        world.declare("a", **pfx())

        await world.run(300)

        assert world.ready("a") == (("False", "MaterialInvalid") if excess else UNSEEN)
        assert len(world.modifies("a")) == 1 - excess


@played
async def test_another_pfx_file_is_one_call_and_another_password_alone_is_none() -> None:
    async with EngineWorld() as world:
        await on(world, **pfx())
        digests = world.status("a")["applied"]

        write_password(world, "something else")
        await world.run(1200)
        await world.restart()
        await world.run(1200)
        assert world.cost("a") == (1, 1)
        assert world.status("a")["applied"] == digests
        assert world.ready("a") == UNSEEN

        world.edit("a", **pfx(OTHER_FILE))
        await world.run(300)

        assert world.ready("a") == UNSEEN
        assert world.cost("a") == (2, 2)
        assert world.truth("a")["ssl"]["pfx"] == OTHER_FILE


@played
@pytest.mark.parametrize("fault", ["reset-after", "reset-before"])
async def test_a_pfx_file_whose_call_had_no_answer_is_not_applied_twice(fault: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE)
        write_password(world)
        world.rds.fault({"kind": fault}, action=MODIFY)
        world.declare("a", **pfx())

        await world.run(900)

        assert world.ready("a")[0] == "True"
        assert world.cost("a") == (1, 1)


@played
async def test_a_missing_password_is_told_and_its_arrival_is_noticed_at_once() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a", profile=PROFILE)
        world.declare("a", **pfx())
        await world.run(10)
        assert world.ready("a") == ("False", "SecretNotFound")
        assert "a-pfx" in message(world, "MaterialReady")
        world.write("Secret", "a-pfx", {"pass": b"x"})
        await world.run(10)
        assert world.ready("a") == ("False", "SecretKeyMissing")
        world.write("Secret", "a-pfx", {"password": "Passwört".encode("utf-16")})
        await world.run(10)
        assert world.ready("a") == ("False", "MaterialInvalid")
        assert world.modifies("a") == []

        write_password(world)
        await world.run(60)

        assert world.ready("a") == UNSEEN
        assert world.cost("a") == (1, 1)


@played
@pytest.mark.parametrize("code", ["InvalidServerCertOrPrivateKey", "InvalidParam"])
async def test_a_refused_pfx_file_is_sent_again_when_its_password_is_another_and_not_before(
    code: str,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE)
        write_password(world, "wrong")
        world.rds.fault({"code": code, "status": 400}, action=MODIFY)
        world.declare("a", **pfx())
        await world.run(1200)
        assert world.conditions("a")["Stalled"][0] == "True"
        if code == "InvalidServerCertOrPrivateKey":
            assert f"{FILE} in OSS, whose password is in Secret a-pfx" in message(world)
        await world.restart()
        world.kube.label((NAMESPACE, "a"), team="orders")
        await world.run(7200)
        assert len(world.modifies("a")) == 1

        write_password(world)
        await world.run(120)

        assert world.ready("a") == UNSEEN
        assert len(world.modifies("a")) == 2
        assert world.cost("a") == (1, 1)


# -- first contact --------------------------------------------------------------------------------


@played
@pytest.mark.parametrize("in_force", [FILE, OTHER_FILE, None], ids=["same", "other", "cloud"])
async def test_a_pfx_file_waits_at_first_contact_because_nobody_can_say_what_is_in_force(
    in_force: str | None,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE, ssl={"enabled": True, "pfx": in_force or ""})
        write_password(world)
        world.declare("a", **pfx())
        await world.run(1200)
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert "serverCertificate.pfx: not shown" in message(world, "ChangePending")
        assert world.modifies("a") == []

        world.edit("a", adoptionPolicy="Overwrite", approvalRequired=[])
        await world.run(300)

        assert world.ready("a") == UNSEEN
        assert world.cost("a") == (1, 1)
        assert world.truth("a")["ssl"]["pfx"] == FILE


@played
async def test_a_cloud_certificate_that_is_on_already_is_adopted() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE, ssl={"enabled": True, "tls_version": "1.1"})
        world.declare("a")
        await world.run(300)

        assert world.ready("a") == ("True", "Adopted")
        assert world.modifies("a") == []


# -- the TLS minimum and forced encryption --------------------------------------------------------


@played
async def test_a_tls_minimum_that_is_not_managed_is_sent_as_it_is() -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE, ssl={"enabled": True, "tls_version": "1.1"})
        world.declare("a", approvalRequired=[])
        await world.run(60)
        world.edit("a", forceEncryption=True)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert sent(world) == {"SSLEnabled": "1", "ForceEncryption": "1", "TlsVersion": "1.1"}
        assert world.truth("a")["ssl"]["tls_version"] == "1.1"
        assert world.cost("a") == (1, 1)


@played
async def test_a_tls_minimum_is_raised_at_once_lowered_after_approval_and_left_alone() -> None:
    async with EngineWorld() as world:
        await on(world, minimumTLSVersion="1.1")
        assert sent(world)["TlsVersion"] == "1.1"
        world.edit("a", minimumTLSVersion="1.2")
        await world.run(300)
        assert world.truth("a")["ssl"]["tls_version"] == "1.2"
        world.edit("a", minimumTLSVersion="1.0")
        await world.run(300)
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingApproval")
        assert len(world.modifies("a")) == 2

        world.edit("a", minimumTLSVersion=None)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert "ChangePending" not in world.conditions("a")
        assert world.truth("a")["ssl"]["tls_version"] == "1.2"
        assert len(world.modifies("a")) == 2


@played
async def test_encryption_is_forced_beside_a_pfx_file_with_the_whole_set() -> None:
    async with EngineWorld() as world:
        await on(world, approvalRequired=[], **pfx())
        world.edit("a", forceEncryption=True, minimumTLSVersion="1.2")
        await world.run(300)
        whole = {"SSLEnabled": "1", "Certificate": FILE, "TlsVersion": "1.2"}
        assert sent(world) == {**whole, "ForceEncryption": "1"}
        assert "PassWord" in names(world)

        world.edit("a", forceEncryption=False)
        await world.run(300)

        assert sent(world) == {**whole, "ForceEncryption": "0"}
        assert "PassWord" in names(world)
        assert world.ready("a") == UNSEEN
        ssl = world.truth("a")["ssl"]
        assert (ssl["pfx"], ssl["force_encryption"]) == (FILE, False)
        assert world.cost("a") == (3, 3)


# -- renewal --------------------------------------------------------------------------------------


@played
async def test_a_cloud_certificate_is_renewed_with_2() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await on(world, **RENEW)
        first = world.truth("a")["ssl"]["expire_time"]
        await world.run(334 * DAY)
        assert world.cost("a")[0] == 1

        await world.run(2 * DAY)

        assert world.cost("a") == (2, 2)
        assert sent(world) == {"SSLEnabled": "2", "TlsVersion": "1.0"}
        assert world.truth("a")["ssl"]["expire_time"] > first
        assert world.ready("a") == ("True", "Verified")


@played
@pytest.mark.parametrize("restarted_after", [None, 0.0, 0.01, 0.04])
async def test_a_server_that_does_not_know_2_is_sent_1_exactly_once(
    restarted_after: float | None,
) -> None:
    async with EngineWorld(timings=SLOW) as world:
        await on(world, **RENEW)
        world.rds.config(switches={"update-value": "refused"})
        refused = asyncio.Event()
        world.line.after.append(lambda call: refused.set() if call.what == MODIFY else None)
        await refused.wait()
        if restarted_after is not None:
            await world.run(restarted_after)
            await world.restart()
        await world.run(DAY)

        values = [each["values"]["SSLEnabled"] for each in world.modifies("a")]
        assert values == ["1", "2", "1"]
        assert world.cost("a") == (2, 2)
        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_renewal_that_is_refused_both_ways_is_told_and_not_tried_further() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await on(world, **RENEW)
        code = {"code": "InvalidSSLStatus", "status": 400}
        world.rds.fault(code, action=MODIFY, times=9)
        await world.run(336 * DAY)
        assert world.conditions("a")["Stalled"] == ("True", "SSLStatusRejected")
        await world.restart()
        await world.run(2 * DAY)

        assert [each["values"]["SSLEnabled"] for each in world.modifies("a")] == ["1", "2", "1"]
        assert world.cost("a")[0] == 1


@played
async def test_a_renewal_without_effect_is_told_and_never_sent_again_for_that_date() -> None:
    async with EngineWorld(timings=SLOW) as world:
        await on(world, **RENEW)
        world.rds.config(switches={"update-value": "refused", "enable-again": "nothing"})
        await world.run(336 * DAY)
        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert world.conditions("a")["Stalled"] == ("True", "RenewalHadNoEffect")
        assert world.cost("a") == (2, 1)

        for token in ("one", "two"):
            await world.restart()
            world.ask("a", token)
            await world.run(DAY)
        assert world.ready("a") == ("False", "RenewalHadNoEffect")
        assert len(world.modifies("a")) == 3

        world.meddle("a", renew=True)
        await world.run(DAY)
        assert world.ready("a")[0] == "True"
        assert len(world.modifies("a")) == 3


# -- off, and what cannot be ----------------------------------------------------------------------


@played
async def test_ssl_is_turned_off_with_its_forced_encryption() -> None:
    async with EngineWorld() as world:
        await on(world, forceEncryption=True, approvalRequired=[], **pfx())
        world.kube.delete_data("Secret", (NAMESPACE, "a-pfx"))  # Off reads no material.
        world.edit("a", enabled=False, forceEncryption=False)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert sent(world) == {"SSLEnabled": "0", "ForceEncryption": "0"}
        assert world.truth("a")["ssl"]["enabled"] is False
        assert world.cost("a") == (2, 2)


@played
async def test_a_server_that_cannot_be_turned_off_says_so_once() -> None:
    async with EngineWorld() as world:
        await on(world, approvalRequired=[])
        world.rds.config(switches={"sqlserver-off": "refused"})
        world.edit("a", enabled=False)
        await world.run(7200)

        assert world.conditions("a")["Stalled"] == ("True", "SSLStatusRejected")
        assert len(world.modifies("a")) == 2
        assert world.truth("a")["ssl"]["enabled"] is True


@played
@pytest.mark.parametrize(
    ("profile", "spec", "words"),
    [
        (
            PROFILE,
            {"serverCertificate": {"secretRef": {"name": "a-tls"}}},
            "use spec.serverCertificate.pfx",
        ),
        (
            PROFILE,
            {"clientAuthentication": {"ca": {"secretKeyRef": {"name": "a-tls", "key": "tls.crt"}}}},
            "spec.clientAuthentication",
        ),
        ("sqlserver-2019-serverless", {}, "in this form of the instance"),
    ],
    ids=["PEM", "client CA", "serverless"],
)
async def test_what_cannot_be_is_refused_before_any_call(
    profile: str, spec: dict[str, Any], words: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.write_pair("a")
        world.declare("a", **spec)
        await world.run(1200)

        assert world.ready("a") == ("False", "EngineNotSupported")
        assert words in message(world, "Stalled")
        assert world.modifies("a") == []


@played
async def test_a_way_back_from_a_pfx_file_leads_over_off() -> None:
    async with EngineWorld() as world:
        await on(world, approvalRequired=[], **pfx())
        world.edit("a", serverCertificate=None)
        await world.run(1200)
        assert world.conditions("a")["Stalled"] == ("True", "EngineNotSupported")
        assert len(world.modifies("a")) == 1
        world.edit("a", enabled=False)
        await world.run(300)

        world.edit("a", enabled=True)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["pfx"] == ""
        assert world.cost("a") == (3, 3)


@played
async def test_a_failure_on_an_adopted_cloud_certificate_is_no_dead_end() -> None:
    """Nobody ever asked for a PFX file, so there is none to lead back from."""
    async with EngineWorld() as world:
        world.add_instance("a", profile=PROFILE, ssl={"enabled": True})
        world.declare("a")
        await world.run(60)
        world.edit("a", minimumTLSVersion="1.2")
        await world.run(60)
        world.rds.fault({"kind": "async-failed"}, action=MODIFY)
        world.kube.annotate((NAMESPACE, "a"), approve=world.status("a")["plan"]["digest"])
        await world.run(300)
        assert world.conditions("a")["Stalled"] == ("True", "NotConverging")

        world.kube.annotate((NAMESPACE, "a"), approve=world.status("a")["plan"]["digest"])
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["tls_version"] == "1.2"
        assert world.cost("a") == (2, 2)


@played
async def test_what_a_lost_call_may_have_brought_is_not_taken_for_a_cloud_certificate() -> None:
    """SQL Server shows neither: a call without the file may leave it in force."""
    async with EngineWorld() as world:
        world.add_instance("a", profile="sqlserver-2019")
        world.rds.config(switches={"omitted": "keeps"}, instance="pgm-a")
        world.write("Secret", "pfx", {"password": b"open sesame"})
        pfx = {
            "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:one.pfx",
            "passwordSecretKeyRef": {"name": "pfx", "key": "password"},
        }
        world.declare("a", serverCertificate={"pfx": pfx}, approvalRequired=[])
        while world.cost("a")[0] < 1:
            await world.run(0.01)
        await world.crash()
        world.edit("a", serverCertificate=None)
        world.start()
        await world.run(1500)

        assert world.ready("a") == ("False", "EngineNotSupported")
        assert world.cost("a") == (1, 1)
        world.edit("a", enabled=False)
        await world.run(300)
        world.edit("a", enabled=True)
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        assert world.truth("a")["ssl"]["ca_type"] == "aliyun"


@played
async def test_a_pfx_file_that_a_half_done_change_left_is_not_taken_for_the_clouds() -> None:
    async with EngineWorld() as world:
        await sqlserver(world)
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        world.edit("a", minimumTLSVersion="1.2", **pfx())
        await world.run(300)
        assert world.ready("a") == ("False", "NotConverging")
        assert world.truth("a")["ssl"]["pfx"] == FILE

        world.edit("a", minimumTLSVersion=None, serverCertificate=None)
        await world.run(1500)
        assert world.ready("a") == ("False", "EngineNotSupported")
        world.edit("a", enabled=False)
        await world.run(300)
        world.edit("a", enabled=True)
        await world.run(300)

        assert world.ready("a")[0] == "True"
        assert world.truth("a")["ssl"]["pfx"] == ""


@played
async def test_the_former_pfx_file_is_sent_again_after_another_was_left_half_applied() -> None:
    async with EngineWorld() as world:
        await sqlserver(world, **pfx())
        other = FILE.replace("-1", "-2")
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        world.edit("a", minimumTLSVersion="1.2", **pfx(other))
        await world.run(300)
        assert world.truth("a")["ssl"]["pfx"] == other

        world.edit("a", minimumTLSVersion=None, **pfx())
        await world.run(1500)

        assert world.truth("a")["ssl"]["pfx"] == FILE
        assert world.ready("a")[0] == "True"


@played
@pytest.mark.parametrize("omitted", ["resets", "keeps"])
async def test_a_tls_minimum_comes_goes_and_comes_back(omitted: str) -> None:
    async with EngineWorld() as world:
        await sqlserver(world, minimumTLSVersion="1.2")
        world.rds.config(switches={"omitted": omitted}, instance="pgm-a")
        for spec, calls, version in (
            ({"minimumTLSVersion": None}, 1, "1.2"),
            ({"forceEncryption": True}, 2, "1.2"),
            ({"minimumTLSVersion": "1.2"}, 2, "1.2"),
            ({"minimumTLSVersion": "1.1"}, 3, "1.1"),
            ({"minimumTLSVersion": None, "forceEncryption": None}, 4, "1.1"),
        ):
            world.edit("a", **spec)
            await world.run(300)
            assert world.ready("a")[0] == "True"
            assert world.cost("a")[0] == calls
            assert world.truth("a")["ssl"]["tls_version"] == version
