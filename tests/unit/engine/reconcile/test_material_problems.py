"""Broken material and warnings through the whole engine, in virtual time."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support import odd_pem, pki
from support.engine_world import NAMESPACE, EngineWorld, played

DAY = 86400.0
SLOW = Timings(quiet_period=0.0, resync=40 * DAY)
"""No resync comes to help: what is seen was looked for."""

CA = {"ca": {"configMapKeyRef": {"name": "a-ca"}}, "acl": "cert", "replicationACL": "cert"}
BOTH = {**CA, "revocationList": {"configMapKeyRef": {"name": "a-ca"}}}


@dataclass(frozen=True, kw_only=True)
class Broken:
    """What is stored wrongly; what is not given is good."""

    pair: Callable[[EngineWorld], dict[str, bytes]] | None = None
    trust: Callable[[EngineWorld], dict[str, bytes]] | None = None
    reason: str = "MaterialInvalid"
    words: str
    stalled: bool = True
    """At once; else Reconciling for five minutes before."""
    spec: dict[str, object] = field(default_factory=dict)


def good(world: EngineWorld) -> dict[str, bytes]:
    leaf = world.issuer.leaf(world.host("a"))
    return {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()}


def without(world: EngineWorld, key: str) -> dict[str, bytes]:
    return {name: value for name, value in good(world).items() if name != key}


def leaf(world: EngineWorld, made: pki.Leaf) -> dict[str, bytes]:
    del world
    return {"tls.crt": made.chain_pem, "tls.key": made.key_pem()}


def changed(world: EngineWorld, key: str, change: Callable[[bytes], bytes]) -> dict[str, bytes]:
    pair = good(world)
    return {**pair, key: change(pair[key])}


def trust(world: EngineWorld, **more: bytes) -> dict[str, bytes]:
    return {"ca.crt": world.root.pem, "ca.crl": world.root.revocation_list(), **more}


def encrypted(world: EngineWorld) -> dict[str, bytes]:
    made = world.issuer.leaf(world.host("a"))
    key = made.key_pem(pki.KeyFormat.PKCS8_ENCRYPTED)
    return {"tls.crt": made.chain_pem, "tls.key": key}


BROKEN: dict[str, Broken] = {
    "no Secret": Broken(
        pair=lambda _: {}, reason="SecretNotFound", words="does not exist", stalled=False
    ),
    "no key in the Secret": Broken(
        pair=lambda w: without(w, "tls.key"),
        reason="SecretKeyMissing",
        words="(keys present: tls.crt)",
        stalled=False,
    ),
    "key of another certificate": Broken(
        pair=lambda w: {**good(w), "tls.key": good(w)["tls.key"]},
        reason="KeyMismatch",
        words="made together",
        stalled=False,
    ),
    "cert-manager's temporary certificate": Broken(
        pair=lambda w: leaf(w, pki.cert_manager_temporary(w.host("a"))),
        reason="TemporaryCertificate",
        words="the issued one is awaited",
        stalled=False,
    ),
    "encrypted key": Broken(pair=encrypted, words="RDS takes no passphrase"),
    "DER": Broken(pair=lambda w: changed(w, "tls.crt", odd_pem.to_der), words="is binary (DER"),
    "truncated key": Broken(
        pair=lambda w: changed(w, "tls.key", lambda key: key[:-30]), words="without its END line"
    ),
    "another host": Broken(
        pair=lambda w: leaf(w, w.issuer.leaf("db.example.com")), words="does not cover the endpoint"
    ),
    "expired": Broken(
        pair=lambda w: leaf(
            w,
            w.issuer.leaf(
                # Certainly over: the world's clock began before this moment.
                w.host("a"),
                not_before=pki.real_now() - pki.DAY,
                not_after=pki.real_now() - pki.HOUR,
            ),
        ),
        words="renew it",
    ),
    "CA as leaf": Broken(
        pair=lambda w: leaf(w, pki.self_signed(w.host("a"), ca=True)), words="is a CA, not a server"
    ),
    "no CA in the ConfigMap": Broken(
        trust=lambda w: trust(w, **{"ca.crt": b""}),
        reason="SecretKeyMissing",
        words="key ca.crt",
        stalled=False,
    ),
    "a leaf in the bundle": Broken(
        trust=lambda w: trust(w, **{"ca.crt": w.issuer.leaf("x").pem}), words="is not a CA"
    ),
    "a list of another CA": Broken(
        trust=lambda w: trust(w, **{"ca.crl": pki.make_root("Else").revocation_list()}),
        words="holds a revocation list of CN=Else",
    ),
    "no list for one of two CAs": Broken(
        trust=lambda w: trust(w, **{"ca.crt": w.root.pem + w.issuer.pem}),
        words="has no revocation list of CN=Shop issuer",
    ),
    "a delta list": Broken(
        trust=lambda w: trust(w, **{"ca.crl": w.root.revocation_list(delta_of=1)}),
        words="holds a delta list",
    ),
}


def told(world: EngineWorld, caplog: pytest.LogCaptureFixture) -> str:
    """Give everything that has left the engine but for the call itself."""
    logs = "".join(repr(vars(record)) for record in caplog.records)
    return "".join((*world.kube.written, logs, caplog.text))


def lines_of_keys(*pairs: dict[str, bytes]) -> set[str]:
    """Give the lines of base64 that make up private keys, and their beginnings in DER."""
    blocks = [
        block
        for pair in pairs
        for block in re.findall(
            rb"PRIVATE KEY-----\n(.*?)(?:-----|$)", pair.get("tls.key", b""), re.DOTALL
        )
    ]
    return {line.decode() for block in blocks for line in block.split() if len(line) > 30}


@played
@pytest.mark.parametrize("name", BROKEN)
async def test_broken_material_is_named_costs_no_call_and_heals_by_itself(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    case = BROKEN[name]
    caplog.set_level(logging.DEBUG)
    async with EngineWorld() as world:
        world.add_instance("a")
        pair = case.pair(world) if case.pair else good(world)
        if pair:
            world.write("Secret", "a-tls", pair)
        world.write("ConfigMap", "a-ca", case.trust(world) if case.trust else trust(world))
        world.declare_custom("a", clientAuthentication=BOTH)
        await world.run(30)

        found = world.conditions("a")
        assert found["Ready"] == ("False", case.reason)
        assert found["MaterialReady"] == ("False", case.reason)
        assert ("Stalled" in found) is case.stalled
        assert ("Reconciling" in found) is not case.stalled
        message = world.condition("MaterialReady", "a")
        assert message is not None
        assert case.words in message["message"]

        await world.run(400)
        assert world.conditions("a")["Stalled"] == ("True", case.reason)
        assert world.events("a") == [case.reason]
        assert world.modifies("a") == []

        mended = good(world)
        world.write("Secret", "a-tls", mended)
        world.write("ConfigMap", "a-ca", trust(world))
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.conditions("a")["MaterialReady"] == ("True", "MaterialAccepted")
        assert "Stalled" not in world.conditions("a")
        assert len(world.modifies("a")) == 1
        secrets = lines_of_keys(pair, mended)
        assert secrets
        assert not [line for line in secrets if line in told(world, caplog)]


@played
async def test_a_secret_with_a_thousand_keys_fits_into_a_condition() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write("Secret", "a-tls", {f"{n:0>200}": b"x" for n in range(1000)})
        world.declare_custom("a")

        await world.run(10)

        assert world.ready("a") == ("False", "SecretKeyMissing")
        assert len((world.condition("Ready", "a") or {})["message"]) < 1000


@played
async def test_broken_material_leaves_an_earlier_version_ready_and_what_mends_it_is_sent() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.write("ConfigMap", "a-ca", trust(world))
        world.declare_custom("a", clientAuthentication=BOTH)
        await world.run(100)

        world.write("ConfigMap", "a-ca", trust(world, **{"ca.crl": world.root.pem}))
        await world.run(400)
        assert world.ready("a") == ("True", "Verified")
        assert world.conditions("a")["MaterialReady"] == ("False", "MaterialInvalid")
        assert world.conditions("a")["Stalled"] == ("True", "MaterialInvalid")
        world.write("ConfigMap", "a-ca", trust(world))
        await world.run(60)

        assert world.conditions("a").keys() == {"Ready", "MaterialReady"}
        assert len(world.modifies("a")) == 2


@played
async def test_a_certificate_of_tomorrow_is_sent_when_it_becomes_valid() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        start = world.clock() + timedelta(days=2)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_before=start))
        world.declare_custom("a")
        await world.run(10)
        assert world.conditions("a")["Reconciling"] == ("True", "NotYetValid")
        await world.run(2 * DAY - 20)
        assert world.conditions("a")["Stalled"] == ("True", "NotYetValid")
        assert world.modifies("a") == []

        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert len(world.modifies("a")) == 1


@played
async def test_a_verdict_changes_with_the_clock_although_no_fact_changes() -> None:
    async with EngineWorld(timings=Timings(quiet_period=0.0, resync=DAY)) as world:
        world.add_instance("a")
        end = world.clock() + timedelta(days=10)
        world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))
        world.declare_custom("a", suspend=True)
        await world.run(9 * DAY)
        assert world.conditions("a")["MaterialReady"] == ("True", "MaterialAccepted")
        reads = sum(each.what == "read_data" for each in world.line.calls)

        await world.run(3 * DAY)

        assert world.conditions("a")["MaterialReady"] == ("False", "MaterialInvalid")
        assert world.modifies("a") == []
        assert sum(each.what == "read_data" for each in world.line.calls) == reads


@played
async def test_a_warning_is_told_once_and_stays_in_the_condition() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a", world.root.leaf(world.host("a")))
        world.declare_custom("a")
        await world.run(100)
        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert message.startswith("Secret a-tls: can be used. The chain has no intermediate")
        assert world.ready("a") == ("True", "Verified")
        assert world.events("a").count("MaterialWarning") == 1
        writes = world.kube.writes.copy()

        world.kube.label((NAMESPACE, "a"), team="orders")
        await world.run(4 * 3600)
        await world.restart()
        await world.run(3600)

        assert world.kube.writes == writes
        assert len(world.modifies("a")) == 1


@played
async def test_only_a_new_warning_is_told_of_a_renewed_certificate() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a", world.root.leaf(world.host("a")))
        world.declare_custom("a")
        await world.run(100)
        world.write_pair("a", world.root.leaf(world.host("a"), common_name="orders"))

        await world.run(100)

        first, second = [each for each in world.kube.events if each["reason"] == "MaterialWarning"]
        assert "no intermediate" in first["message"]
        assert second["message"].startswith("The common name of CN=orders is not the endpoint")
        assert "no intermediate" not in second["message"]
        assert first["warning"]


@played
async def test_prefer_beside_a_client_ca_warns_until_it_is_declared_otherwise() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write("ConfigMap", "a-ca", trust(world))
        world.declare("a", clientAuthentication={"ca": CA["ca"], "acl": "cert"})
        await world.run(100)
        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert "replicationACL prefer still accepts" in message
        assert world.events("a").count("MaterialWarning") == 1

        world.edit("a", clientAuthentication=CA)
        await world.run(100)

        assert world.ready("a") == ("True", "Verified")
        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert message == "ConfigMap a-ca: can be used."


@played
async def test_a_list_that_goes_stale_in_force_warns_and_blocks_no_new_certificate() -> None:
    async with EngineWorld(timings=SLOW) as world:
        world.add_instance("a")
        world.write_pair("a")
        end = world.clock() + timedelta(days=30)
        lists = world.root.revocation_list(next_update=end)
        world.write("ConfigMap", "a-ca", trust(world, **{"ca.crl": lists}))
        world.declare_custom("a", clientAuthentication=BOTH)
        await world.run(100)
        assert world.ready("a") == ("True", "Verified")

        await world.run(30 * DAY)
        assert world.ready("a") == ("False", "CertificateExpired")
        assert world.conditions("a")["MaterialReady"] == ("True", "MaterialAccepted")
        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert "the revocation list of CN=Shop root expired at" in message
        assert world.events("a").count("MaterialWarning") == 1
        fresh = world.write_pair("a")
        await world.run(100)

        assert len(world.modifies("a")) == 2
        assert world.status("a")["observed"]["serverCertificate"]["sha256"] == fresh.sha256
        assert world.conditions("a")["MaterialReady"] == ("True", "MaterialAccepted")
