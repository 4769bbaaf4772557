"""What is in force and ends is told at its moment, through the whole engine, in virtual time."""

from datetime import datetime, timedelta

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, played

DAY = 86400.0
SLOW = Timings(quiet_period=0.0, resync=40 * DAY)
"""No resync comes to help: what is seen was looked for."""

REFUSAL = {"code": "InvalidServerCertOrPrivateKey", "status": 400}

CA = {"ca": {"configMapKeyRef": {"name": "a-ca"}}, "acl": "cert", "replicationACL": "cert"}
BOTH = {**CA, "revocationList": {"configMapKeyRef": {"name": "a-ca"}}}

EXPIRES: dict[str, str] = {
    "the certificate": "The server certificate CN=pgm-a",
    "a client CA": "The client CA CN=Short",
    "a list": "The revocation list of CN=Shop root",
    "a certificate that is not echoed": "The server certificate expires",
}


@played
@pytest.mark.parametrize("what", EXPIRES)
async def test_an_expiry_is_told_at_its_moment_although_nothing_else_happens(what: str) -> None:
    async with EngineWorld(timings=SLOW) as world:
        end = world.clock() + timedelta(days=100)
        start = world.clock() - timedelta(seconds=1)
        short = pki.make_root("Short", extras=pki.Extras(not_before=start, not_after=end))
        warns = 20 * DAY  # A fifth of a life of a hundred days.
        if what == "a certificate that is not echoed":
            world.add_instance("a", profile="mysql-8.0")
            world.rds.config(durations={"auto-renewal": 0.0, "require-update": 0.0})
            world.declare("a")
        else:
            world.add_instance("a")
            spans = {"not_before": start, "not_after": end} if what == "the certificate" else {}
            world.write_pair(
                "a",
                world.issuer.leaf(
                    world.host("a"), **(spans or {"not_after": end + timedelta(days=900)})
                ),
            )
            cas = world.root.pem + (short.pem if what == "a client CA" else b"")
            lists = world.root.revocation_list(
                this_update=start, next_update=end if what == "a list" else end + pki.CA_LIFETIME
            )
            world.write("ConfigMap", "a-ca", {"ca.crt": cas, "ca.crl": lists})
            world.declare_custom("a", clientAuthentication=BOTH if what == "a list" else CA)
        await world.run(100)
        assert world.ready("a")[0] == "True"
        if what == "a certificate that is not echoed":
            shown = world.status("a")["observed"]["expireTime"]
            end, warns = datetime.fromisoformat(shown), 30 * DAY
        sent, writes = len(world.modifies("a")), world.kube.writes["patch_status"]

        await world.run((end - world.clock()).total_seconds() - warns - 60)
        assert "CertificateExpiring" not in world.conditions("a")
        await world.run(120)

        warning = world.condition("CertificateExpiring", "a")
        assert warning is not None
        assert warning["reason"] == "CertificateExpiring"
        assert warning["message"].startswith(EXPIRES[what])
        assert world.ready("a")[0] == "True"
        await world.run(warns)
        if what == "a client CA":
            assert world.ready("a")[0] == "True"  # Another one is valid.
            assert "Short expired" in (world.condition("CertificateExpiring", "a") or {})["message"]
        else:
            assert world.ready("a") == ("False", "CertificateExpired")
            assert world.conditions("a")["Stalled"] == ("True", "CertificateExpired")
        assert len(world.modifies("a")) == sent
        assert world.kube.writes["patch_status"] - writes <= 3


@played
async def test_what_rds_renews_by_itself_in_time_is_told_as_a_warning_only() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(100)
        end = datetime.fromisoformat(world.status("a")["observed"]["expireTime"])

        await world.run((end - world.clock()).total_seconds() - 8 * DAY)
        assert world.conditions("a")["CertificateExpiring"] == ("True", "CertificateExpiring")
        assert world.ready("a") == ("True", "Verified")
        await world.run(41 * DAY)

        assert world.conditions("a").keys() == {"Ready", "MaterialReady"}
        assert len(world.modifies("a")) == 1


def declare_for_ten_days(world: EngineWorld) -> None:
    """Declare an instance with a certificate that ends in ten days."""
    world.add_instance("a")
    end = world.clock() + timedelta(days=10)
    world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))
    world.declare_custom("a")


@played
async def test_without_a_long_resync_a_warning_comes_at_its_moment_as_well() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=3600.0)) as world:
        declare_for_ten_days(world)
        await world.run(7 * DAY)
        assert "CertificateExpiring" not in world.conditions("a")
        writes = world.kube.writes["patch_status"]

        await world.run(2 * DAY)

        assert world.conditions("a")["CertificateExpiring"] == ("True", "CertificateExpiring")
        assert world.kube.writes["patch_status"] == writes + 1
        assert len(world.modifies("a")) == 1


@played
@pytest.mark.parametrize("trouble", ["refused", "credentials", "no answer"])
async def test_a_warning_stays_while_nothing_can_be_renewed(trouble: str) -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=900.0)) as world:
        declare_for_ten_days(world)
        await world.run(9 * DAY)
        warning = world.condition("CertificateExpiring", "a")
        assert warning is not None

        if trouble == "refused":
            world.rds.fault(REFUSAL, action="ModifyDBInstanceSSL", times=9999)
            world.write_pair("a")
        elif trouble == "credentials":
            world.kube.delete_data("Secret", (NAMESPACE, CREDENTIALS))
        else:
            world.rds.fault({"kind": "reset-before"}, times=9999)
        await world.run(3600)

        assert world.ready("a")[0] == ("Unknown" if trouble == "no answer" else "False")
        assert world.condition("CertificateExpiring", "a") == warning


@played
async def test_a_warning_comes_although_a_person_has_to_act_first() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=3600.0)) as world:
        declare_for_ten_days(world)
        await world.run(100)
        world.rds.fault(REFUSAL, action="ModifyDBInstanceSSL", times=9999)
        world.write_pair("a")
        await world.run(7 * DAY)
        assert world.conditions("a").keys() == {"Ready", "MaterialReady", "Stalled"}

        await world.run(2 * DAY)

        assert world.conditions("a")["CertificateExpiring"] == ("True", "CertificateExpiring")


@played
async def test_who_loses_the_instance_to_another_object_warns_of_nothing_there() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=3600.0)) as world:
        world.declare("older", instanceID="pgm-a", managementPolicy="Observe")
        await world.run(5)
        declare_for_ten_days(world)
        await world.run(9 * DAY)
        assert "CertificateExpiring" in world.conditions("a")

        world.edit("older", managementPolicy="Enforce")
        await world.run(2 * 3600)

        assert world.ready("a") == ("False", "Conflict")
        assert "CertificateExpiring" not in world.conditions("a")
        assert "observed" not in world.status("a")
