"""What an instance shows is read, however odd it is; never an exception, never equal by mistake."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import UNTOLD
from rds_ssl.core.x509 import pem_blocks
from rds_ssl.core.x509.facts import title
from rds_ssl.core.x509.pem import (
    client_ca_in_force,
    parse_certificates,
    parse_client_ca,
    parse_revocation_lists,
    revocation_list_in_force,
)
from rds_ssl.core.x509.reading import shown_certificate, shown_revocation_list
from rds_ssl.core.x509.revocation import revocation_weakens
from support import odd_pem, pki
from support.pki_world import HOST, World, make_world

NEGATIVE = "it has a negative serial number, which RFC 5280 forbids"
LAX = "it is not written in strict DER (a default written out, or a length too long)"
BEHIND = "it has data behind its end, as OpenSSL's TRUSTED CERTIFICATE has"
KIND = "it has a key of a kind, or on a curve, that is not supported"


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


def negative(world: World) -> bytes:
    return odd_pem.with_serial(world.leaf.certificate, world.intermediate.key, -5)


def lax(world: World) -> bytes:
    return odd_pem.with_written_default(world.leaf.certificate, world.intermediate.key)


def unknown_key(world: World) -> bytes:
    return odd_pem.with_unknown_key(world.leaf.certificate, world.intermediate.key)


def trusted(world: World) -> bytes:
    return pki.der(world.leaf.certificate) + bytes.fromhex("300c300a06082b06010505070301")


ODD: dict[str, tuple[Callable[[World], bytes], str]] = {
    "a negative serial number": (negative, NEGATIVE),
    "a default written out": (lax, LAX),
    "a key of an unknown kind": (unknown_key, KIND),
    "OpenSSL's own form": (trusted, BEHIND),
    "an extension that does not parse": (
        lambda w: odd_pem.with_broken_extensions(w.leaf.certificate, w.intermediate.key),
        "its version, or one of its extensions, cannot be read",
    ),
}


@pytest.mark.parametrize("case", ODD)
def test_an_odd_certificate_is_known_by_its_digest_with_its_name_and_dates(
    world: World, case: str
) -> None:
    make, fault = ODD[case]
    der = make(world)
    good = world.leaf.certificate

    (facts,) = parse_certificates(odd_pem.to_block(der), field="ServerCert")

    assert facts.unreadable == fault
    assert (facts.subject, facts.issuer) == (f"CN={HOST}", "CN=Test intermediate")
    assert (facts.not_before, facts.not_after) == (
        good.not_valid_before_utc,
        good.not_valid_after_utc,
    )
    assert facts.sha256 != world.leaf.sha256
    assert title(facts) == f"CN={HOST}, not to be read ({fault})"


@pytest.mark.parametrize("case", ODD)
def test_the_same_is_refused_where_it_is_declared_and_told_so(world: World, case: str) -> None:
    make, fault = ODD[case]

    with pytest.raises(MaterialError) as caught:
        parse_client_ca(odd_pem.to_block(make(world)), field="ConfigMap client-ca, key ca.crt")

    assert fault in str(caught.value)
    assert "store the file again" not in str(caught.value)


def test_a_certificate_in_openssls_form_without_more_in_it_is_the_plain_one(world: World) -> None:
    block = odd_pem.to_block(odd_pem.to_der(world.leaf.pem), "TRUSTED CERTIFICATE")

    (facts,) = parse_certificates(block, field="ServerCert")

    assert (facts.sha256, facts.unreadable) == (world.leaf.sha256, "")


def test_comments_within_a_block_that_is_shown_are_left_out(world: World) -> None:
    begin, rest = world.leaf.pem.split(b"\n", 1)
    text = begin + b"\n# Old one!\nfriendlyName: orders\n\n" + rest

    (facts,) = parse_certificates(text, field="ServerCert")

    assert facts.sha256 == world.leaf.sha256


def test_there_is_no_limit_to_what_an_instance_shows(world: World) -> None:
    many = pem_blocks.MAX_CERTIFICATES + 1
    long = world.root.revocation_list(serials=range(1 << 150, (1 << 150) + 13_000))
    assert len(long) > pem_blocks.MAX_REVOCATION_LISTS_BYTES

    cas = parse_certificates(world.root.pem * many, field="ClientCACert")
    (facts,) = parse_revocation_lists(long, field="ClientCertRevocationList")

    assert len(cas) == many
    assert (facts.revoked_count, facts.unreadable) == (13_000, "")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"words", id="words"),
        pytest.param(odd_pem.to_block(b"\0\0\0"), id="no DER"),
        pytest.param(odd_pem.to_block(b"\x30\x82\x05\x00cut off"), id="cut off"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nMIIB", id="without an end"),
    ],
)
def test_what_no_server_could_have_loaded_is_no_answer(text: bytes) -> None:
    for parse in (parse_certificates, parse_revocation_lists):
        with pytest.raises(MaterialError):
            parse(text, field="ServerCert")


def test_a_list_that_cannot_be_read_has_its_issuer_and_dates_and_may_revoke_anything(
    world: World,
) -> None:
    (plain,) = [x509.load_pem_x509_crl(world.crl)]
    der = odd_pem.with_written_default(plain, world.root.key)

    (facts,) = parse_revocation_lists(odd_pem.to_block(der, "X509 CRL"), field="CRL")
    (after,) = parse_revocation_lists(world.root.revocation_list(number=9), field="CRL")

    assert facts.unreadable == LAX
    assert facts.issuer == "CN=Test root"
    assert (facts.this_update, facts.next_update) == (
        plain.last_update_utc,
        plain.next_update_utc,
    )
    assert revocation_weakens([facts], [facts]) is None
    assert "revokes is not known" in (revocation_weakens([facts], [after]) or "")


def test_what_is_in_force_is_sent_again_as_it_is(world: World) -> None:
    odd = odd_pem.to_block(lax(world)) + world.root.pem * 2
    odd += odd_pem.to_block(trusted(world), "TRUSTED CERTIFICATE")
    (plain,) = [x509.load_pem_x509_crl(world.crl)]
    lists = odd_pem.to_block(odd_pem.with_written_default(plain, world.root.key), "X509 CRL")

    cas = client_ca_in_force(odd.decode(), field="ClientCACert")
    kept = revocation_list_in_force(lists.decode(), field="CRL")

    shown = parse_certificates(odd, field="ClientCACert")
    assert set(cas.certificates) == set(shown)
    assert parse_certificates(cas.pem, field="ClientCACert") == (shown[0], shown[1], shown[3])
    assert cas.pem.count("-----BEGIN TRUSTED CERTIFICATE-----") == 1
    assert odd_pem.to_der(kept.pem.encode()) == odd_pem.to_der(lists)


def test_a_date_that_cannot_be_read_is_not_known() -> None:
    facts = shown_certificate(bytes.fromhex("3003020101"))

    assert facts.not_after == UNTOLD
    assert facts.not_before == datetime.min.replace(tzinfo=UTC)
    assert facts.unreadable == "it is damaged"


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=200))
def test_random_bytes_are_facts(noise: bytes) -> None:
    for content in (noise, b"\x30\x80" + noise, b"\x30" + bytes([len(noise) % 128]) + noise):
        assert len(shown_certificate(content).sha256) == 64
        assert len(shown_revocation_list(content).sha256) == 64


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_random_changes_of_a_good_certificate_are_facts(data: st.DataObject) -> None:
    root = pki.make_root()
    for content in (pki.der(root.certificate), odd_pem.to_der(root.revocation_list(serials=[7]))):
        changed = bytearray(content)
        for _ in range(data.draw(st.integers(1, 3))):
            changed[data.draw(st.integers(0, 9_999)) % len(changed)] = data.draw(
                st.integers(0, 255)
            )

        facts = shown_certificate(bytes(changed))
        lists = shown_revocation_list(bytes(changed))

        assert facts.not_before.tzinfo is UTC
        assert lists.this_update.tzinfo is UTC
        assert title(facts).isprintable()
