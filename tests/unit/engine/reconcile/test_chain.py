"""The intermediates behind a certificate: sent when they change, told as far as they are known."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import NAMESPACE, EngineWorld, Json, played

DAY = 86400.0
CLOSED: Json = {"windows": [{"schedule": "0 3 1 1 *", "duration": "1h"}]}


def served(world: EngineWorld) -> list[str]:
    """Give the fingerprints of what the instance serves, leaf first."""
    return list(world.truth("a")["ssl"]["chain_sha256"])


def digests(leaf: pki.Leaf) -> list[str]:
    """Give the same of what a Secret holds."""
    return [
        hashlib.sha256(pki.der(each)).hexdigest()
        for each in (leaf.certificate, *leaf.intermediates)
    ]


def alone(world: EngineWorld) -> pki.Leaf:
    """Make a certificate of the intermediate without it."""
    return replace(world.issuer.leaf(world.host("a")), intermediates=())


def reissued(authority: pki.Authority, root: pki.Authority) -> x509.Certificate:
    """Make another certificate of an intermediate: same name, same key."""
    return pki.build_certificate(
        subject=authority.certificate.subject.rfc4514_string().removeprefix("CN="),
        key=authority.key,
        issuer=root,
        extras=pki.Extras(ca=True),
    )


def strip(world: EngineWorld) -> None:
    """Take from the record what an older version has not kept there."""
    state = {"chain": None, "intermediates": None}
    world.kube.put_status((NAMESPACE, "a"), {"applied": {"state": state}})


def message(world: EngineWorld, kind: str) -> str:
    """Give the message of a condition; empty if it is not there."""
    found = world.condition(kind, "a")
    return str(found["message"]) if found else ""


ECHOES = [
    pytest.param("postgresql-14", "no", id="PostgreSQL shows the certificate alone"),
    pytest.param("postgresql-14", "yes", id="PostgreSQL shows the chain"),
    pytest.param("mysql-8.0", "no", id="MySQL shows nothing"),
]


@pytest.mark.parametrize(("profile", "echo"), ECHOES)
@played
async def test_an_intermediate_that_is_added_renewed_and_taken_away_is_sent_each_time(
    profile: str, echo: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.rds.config(switches={"echo-chain": echo})
        leaf = world.write_pair("a", alone(world))
        world.declare_custom("a")
        await world.run(100)
        assert "no intermediate" in message(world, "MaterialReady")
        issuer = world.issuer.certificate
        renewed = reissued(world.issuer, world.root)
        chains: list[tuple[x509.Certificate, ...]] = [(issuer,), (renewed,), (renewed, issuer), ()]

        for number, intermediates in enumerate(chains, start=2):
            newer = replace(leaf, intermediates=intermediates)
            world.write_pair("a", newer)
            await world.run(400)

            assert served(world) == digests(newer)
            assert world.ready("a") == ("True", "Verified")
            assert world.cost("a") == (number, number)
        assert {each["cause"] for each in world.status("a")["history"][:4]} == {"rotation"}


@pytest.mark.parametrize(("profile", "echo"), ECHOES)
@played
async def test_an_object_that_an_older_version_applied_is_not_sent_again(
    profile: str, echo: str
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a", profile=profile)
        world.rds.config(switches={"echo-chain": echo})
        leaf = world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        await world.crash()
        strip(world)
        world.kube.events.clear()
        world.start()

        await world.run(8000)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)
        told = [each for each in world.kube.events if "intermediates are in force" in str(each)]
        assert len(told) == (0 if echo == "yes" else 1)

        world.write_pair("a", replace(leaf, intermediates=()))
        await world.run(400)

        assert served(world) == digests(leaf)[:1]
        assert world.cost("a") == (2, 2)


@played
async def test_a_certificate_that_is_in_force_at_first_contact_is_adopted_whatever_its_chain() -> (
    None
):
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.write_pair("a")
        only = replace(leaf, intermediates=())
        world.meddle(
            "a",
            enabled=True,
            server_cert=only.chain_pem.decode(),
            server_key=only.key_pem().decode(),
        )

        world.declare_custom("a", adoptionPolicy="Overwrite")
        await world.run(8000)

        assert world.ready("a") == ("True", "Adopted")
        assert world.cost("a") == (0, 0)
        assert any("intermediates are in force" in str(each) for each in world.kube.events)


@played
async def test_a_chain_that_waits_for_its_window_is_told_beside_what_is_in_force() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.write_pair("a", alone(world))
        world.declare_custom("a")
        await world.run(100)
        world.edit("a", maintenance=CLOSED)
        await world.run(100)
        whole = replace(leaf, intermediates=(world.issuer.certificate,))

        world.write_pair("a", whole)
        await world.run(100)

        assert world.ready("a") == ("True", "Verified")
        assert world.conditions("a")["ChangePending"] == ("True", "AwaitingWindow")
        assert "serverCertificate.chain: no intermediate → CN=Shop issuer" in message(
            world, "ChangePending"
        )
        assert "without an intermediate" in message(world, "MaterialReady")
        assert served(world) == digests(leaf)[:1]


@pytest.mark.parametrize(("profile", "echo"), ECHOES)
@played
async def test_an_intermediate_in_force_that_ends_is_told_at_its_moment(
    profile: str, echo: str
) -> None:
    slow = Timings(quiet_period=0.0, resync=400 * DAY)
    async with EngineWorld(timings=slow) as world:
        end = world.clock() + timedelta(days=60)
        world.add_instance("a", profile=profile)
        world.rds.config(switches={"echo-chain": echo})
        short = world.root.intermediate("Short", extras=pki.Extras(not_after=end))
        leaf = world.write_pair("a", short.leaf(world.host("a")))
        world.declare_custom("a")
        await world.run(29 * DAY)
        assert "CertificateExpiring" not in world.conditions("a")

        await world.run(2 * DAY)
        assert "The intermediate CN=Short of the server certificate expires" in message(
            world, "CertificateExpiring"
        )
        assert world.ready("a") == ("True", "Verified")

        await world.run(30 * DAY)
        assert world.ready("a") == ("False", "CertificateExpired")
        assert world.cost("a") == (1, 1)

        world.write_pair("a", replace(leaf, intermediates=(reissued(short, world.root),)))
        await world.run(400)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (2, 2)


@played
async def test_a_chain_of_which_nothing_is_seen_is_not_called_sent_before_it_is_settled() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.write_pair("a")
        world.declare_custom("a")
        await world.run(100)
        world.rds.fault({"kind": "reset-before"}, action="ModifyDBInstanceSSL", times=1)

        world.write_pair("a", replace(leaf, intermediates=()))
        await world.run(2000)

        assert served(world) == digests(leaf)
        assert world.ready("a") == ("False", "ApplyTimedOut")
        assert world.cost("a") == (1, 1)


@played
async def test_intermediates_that_somebody_else_has_put_there_are_not_undone_in_passing() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.config(switches={"echo-chain": "yes"})
        leaf = world.write_pair("a")
        world.declare_custom("a", driftPolicy="Report")
        await world.run(100)
        other = replace(leaf, intermediates=(world.root.intermediate("Other").certificate,))
        pair = {"server_cert": other.chain_pem.decode(), "server_key": other.key_pem().decode()}
        world.meddle("a", **pair)
        await world.run(4000)
        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")

        world.write_pair("a", replace(leaf, intermediates=()))
        await world.run(4000)

        assert world.conditions("a")["ChangePending"] == ("True", "Drifted")
        assert world.cost("a") == (1, 1)


@pytest.mark.parametrize("upgraded", [True, False])
@played
async def test_a_certificate_taken_over_alone_is_not_called_alone_before_it_is_sent(
    *, upgraded: bool
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        whole = world.issuer.leaf(world.host("a"))
        if upgraded:
            world.write_pair("a", whole)
            world.declare_custom("a")
            await world.run(100)
            await world.crash()
            strip(world)
            world.start()
        else:
            world.meddle(
                "a",
                enabled=True,
                server_cert=whole.chain_pem.decode(),
                server_key=whole.key_pem().decode(),
            )
            world.declare_custom("a")
        world.write_pair("a", replace(whole, intermediates=()))
        await world.run(100)
        assert world.ready("a")[0] == "True"
        assert "In force is" not in message(world, "MaterialReady")

        # Those in force, of which nobody knows, may be others.
        await world.crash()
        world.edit("a", maintenance=CLOSED)
        world.write_pair("a", whole)
        world.start()
        await world.run(100)

        plan = world.status("a")["plan"]
        assert "TrustChanges" in plan["impacts"]
        assert "from no intermediate" not in plan["summary"]
