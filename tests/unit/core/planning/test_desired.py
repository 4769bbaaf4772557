from dataclasses import replace
from datetime import timedelta

import pytest

from rds_ssl.core.api import spec as declaration
from rds_ssl.core.model import ACL, CAType
from rds_ssl.core.planning.desired import (
    Desired,
    beside_material,
    desired_of,
    inputs_digest,
    settings_of,
)
from rds_ssl.core.x509.facts import ClientCAFacts, Link, MaterialFacts, ServerFacts
from support import states
from support.states import CLOUD, CRL, CUSTOM, HOST, LEAF, MUTUAL, OFF, certificate, postgresql

CHAIN = ServerFacts(
    links=tuple(
        Link(certificate=each, rsa_bits=None, signature_hash="sha256")
        for each in (LEAF, certificate("intermediate"))
    ),
    common_name=HOST,
    issuer_common_name="issuer",
    is_ca=False,
    for_servers=True,
)
CLIENT_CA = (ClientCAFacts(certificate=states.CA, is_ca=True, may_sign_lists=True),)
EVERYTHING = MaterialFacts(server=CHAIN, client_ca=CLIENT_CA, revocation_list=(CRL,))


def declare(**spec: object) -> declaration.Declaration:
    return declaration.parse_spec({"instanceID": "pgm-1", "regionID": "cn-hangzhou", **spec})


SECRET = {"serverCertificate": {"secretRef": {"name": "tls"}}}
CLIENTS = {
    "ca": {"configMapKeyRef": {"name": "ca"}},
    "revocationList": {"configMapKeyRef": {"name": "ca"}},
    "acl": "verify-ca",
    "replicationACL": "verify-ca",
}
WHOLE = declare(**SECRET, clientAuthentication=CLIENTS)


@pytest.mark.parametrize(
    ("spec", "material", "state"),
    [
        pytest.param({}, MaterialFacts(), CLOUD, id="nothing but the instance"),
        pytest.param(
            SECRET,
            MaterialFacts(server=CHAIN),
            replace(CUSTOM, chain=CHAIN.chain),
            id="a certificate of one's own",
        ),
        pytest.param(
            {**SECRET, "clientAuthentication": CLIENTS},
            EVERYTHING,
            replace(MUTUAL, chain=CHAIN.chain),
            id="everything",
        ),
        pytest.param(
            {"forceEncryption": True},
            MaterialFacts(),
            replace(CLOUD, force_encryption=True),
            id="encryption forced",
        ),
        pytest.param(
            {"enabled": False, **SECRET, "clientAuthentication": CLIENTS},
            MaterialFacts(),
            OFF,
            id="off, whatever else is declared and cannot be read",
        ),
    ],
)
def test_a_declaration_and_its_material_make_the_state(
    spec: dict[str, object], material: MaterialFacts, state: Desired
) -> None:
    assert desired_of(declare(**spec), material, endpoint=HOST) == state


@pytest.mark.parametrize(
    ("declared", "material"),
    [
        pytest.param(WHOLE, replace(EVERYTHING, server=None), id="server certificate"),
        pytest.param(WHOLE, replace(EVERYTHING, client_ca=()), id="client CA"),
        pytest.param(WHOLE, replace(EVERYTHING, revocation_list=()), id="revocation list"),
        pytest.param(declare(), EVERYTHING, id="material without a reference"),
    ],
)
def test_material_that_was_not_read_is_never_taken_for_a_removal(
    declared: declaration.Declaration, material: MaterialFacts
) -> None:
    with pytest.raises(ValueError, match="not that of the references"):
        desired_of(declared, material, endpoint=HOST)


def test_beside_the_material_that_is_shown_only_the_settings_are_as_declared() -> None:
    shown = replace(postgresql(MUTUAL), client_ca=(states.OTHER_CA,))

    beside = beside_material(WHOLE, shown, endpoint=HOST)

    assert beside == replace(MUTUAL, client_ca=(states.OTHER_CA,))
    assert beside_material(declare(enabled=False), shown, endpoint=HOST) == OFF
    assert beside_material(declare(), shown, endpoint=HOST).server_certificate is None


@pytest.mark.parametrize(
    ("declared", "material"),
    [
        pytest.param(declare(), MaterialFacts(), id="cloud"),
        pytest.param(declare(enabled=False), MaterialFacts(), id="off"),
        pytest.param(declare(**SECRET), MaterialFacts(server=CHAIN), id="custom"),
        pytest.param(WHOLE, EVERYTHING, id="everything"),
        pytest.param(declare(forceEncryption=True), MaterialFacts(), id="forced"),
    ],
)
def test_the_settings_are_the_same_with_and_without_their_material(
    declared: declaration.Declaration, material: MaterialFacts
) -> None:
    state = desired_of(declared, material, endpoint=HOST)

    assert settings_of(declared, endpoint=HOST) == state.state.settings


SETTINGS = [
    pytest.param({"enabled": False}, id="off"),
    pytest.param({"connection_string": "other.example.com"}, id="endpoint"),
    pytest.param({"ca_type": CAType.ALIYUN}, id="whose certificate"),
    pytest.param({"client_ca": ()}, id="client CA gone"),
    pytest.param({"revocation_list": ()}, id="list gone"),
    pytest.param({"acl": ACL.CERT}, id="ACL"),
    pytest.param({"replication_acl": ACL.CERT}, id="replication ACL"),
    pytest.param({"force_encryption": True}, id="encryption forced"),
]


@pytest.mark.parametrize("change", SETTINGS)
def test_another_setting_is_another_state(change: dict[str, object]) -> None:
    other = replace(MUTUAL, **change)  # type: ignore[arg-type]

    assert other.state.settings != MUTUAL.state.settings
    assert other.digest != MUTUAL.digest


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"server_certificate": certificate("renewed")}, id="leaf"),
        pytest.param({"client_ca": (states.CA, states.OTHER_CA)}, id="client CAs"),
        pytest.param({"revocation_list": (states.revocation_list(number=6),)}, id="list"),
    ],
)
def test_other_material_is_another_state_and_no_other_setting(
    change: dict[str, object],
) -> None:
    other = replace(MUTUAL, **change)  # type: ignore[arg-type]

    assert other.state.material != MUTUAL.state.material
    assert other.state.settings == MUTUAL.state.settings
    assert other.digest != MUTUAL.digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(CLOUD, replace(CLOUD, connection_string=f"{HOST.upper()}.:3306"), id="host"),
        pytest.param(CLOUD, replace(CLOUD, acl=ACL.CERT), id="an ACL without a CA"),
        pytest.param(
            replace(MUTUAL, client_ca=(states.CA, states.OTHER_CA)),
            replace(MUTUAL, client_ca=(states.OTHER_CA, states.CA)),
            id="order of CAs",
        ),
        pytest.param(
            MUTUAL, replace(MUTUAL, client_ca=(states.CA, states.CA)), id="a CA twice in a bundle"
        ),
        pytest.param(OFF, replace(MUTUAL, enabled=False), id="what is declared beside off"),
        pytest.param(OFF, replace(OFF, connection_string="elsewhere"), id="the endpoint of off"),
        pytest.param(
            CUSTOM,
            replace(CUSTOM, server_certificate=replace(LEAF, not_after=LEAF.not_before)),
            id="dates of the same fingerprint",
        ),
    ],
)
def test_what_makes_no_difference_makes_no_other_digest(one: Desired, other: Desired) -> None:
    assert one.digest == other.digest


def test_another_chain_is_another_state_of_the_same_material() -> None:
    whole, leaf = replace(CUSTOM, chain=CHAIN.chain), replace(CUSTOM, chain=CHAIN.chain[:1])

    assert whole.digest != leaf.digest
    assert whole.state.material == leaf.state.material
    assert not whole.state.same_material(leaf.state)


def test_a_chain_that_nobody_has_recorded_makes_no_other_material() -> None:
    whole = replace(CUSTOM, chain=CHAIN.chain).state

    assert whole.same_material(CUSTOM.state)
    assert CUSTOM.state.same_material(whole)


def test_the_digest_of_a_certificate_without_intermediates_does_not_speak_of_them() -> None:
    # Written into status, see below.
    assert replace(CUSTOM, chain=CHAIN.chain[:1]).digest == CUSTOM.digest


def test_a_digest_stays_what_it_is_from_version_to_version() -> None:
    # Written into status: another spelling would make every instance a changed one.
    assert OFF.digest == "2ff6a61910cef2af"
    assert CLOUD.digest == "0473aa213232ac02"
    assert MUTUAL.digest == "6131390361566cad"


def test_a_refusal_rests_on_state_chain_and_surroundings() -> None:
    digest = inputs_digest(MUTUAL, chain=("leaf", "intermediate"), surroundings="15")

    assert digest == inputs_digest(MUTUAL, chain=("leaf", "intermediate"), surroundings="15")
    assert digest != inputs_digest(CUSTOM, chain=("leaf", "intermediate"), surroundings="15")
    assert digest != inputs_digest(MUTUAL, chain=("leaf", "other"), surroundings="15")
    assert digest != inputs_digest(MUTUAL, chain=("leaf", "intermediate"), surroundings="16")


def test_the_digest_of_material_holds_no_date() -> None:
    later = replace(CRL, next_update=CRL.this_update + timedelta(days=99))

    assert replace(MUTUAL, revocation_list=(later,)).digest == MUTUAL.digest
