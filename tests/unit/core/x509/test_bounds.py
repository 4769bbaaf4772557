"""
What is small and costs seconds is refused, with a sentence, before a library is given it.

That it takes no time is measured in tests/unit/engine/test_no_stall.py.
"""

import re
from collections.abc import Callable

import pytest
from cryptography import x509

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.x509 import bounds
from rds_ssl.core.x509.pem import (
    parse_certificates,
    parse_client_ca,
    parse_revocation_list,
    parse_revocation_lists,
    parse_server_certificate,
)
from rds_ssl.core.x509.pem_blocks import MAX_PRIVATE_KEY_DER_BYTES
from rds_ssl.core.x509.signers import signed_lists
from support import hostile_der, odd_pem, pki
from support.hostile_der import integer, odd, rsa_key, sequence
from support.pki_world import CA, CRL, CRT, KEY

HOST = "orders.pg.rds.aliyuncs.com"


@pytest.fixture(scope="module")
def leaf() -> pki.Leaf:
    return pki.make_root().leaf(HOST)


N, P = odd(4096), odd(2048)
SMALL = (P, P, 1, 1, 1)
"""Factors, exponents and coefficient that fit `N` in length."""

KEYS: dict[str, tuple[Callable[[], bytes], str]] = {
    "a Diffie-Hellman group": (hostile_der.diffie_hellman_key, "of a kind that serves no TLS"),
    "an agreement key": (
        lambda: hostile_der.key_in_pkcs8(hostile_der.X25519, b"\4\x20" + b"x" * 32),
        "of a kind that serves no TLS",
    ),
    "an algorithm that nobody knows": (
        lambda: hostile_der.key_in_pkcs8(bytes.fromhex("06032a0304"), b"\5\0"),
        "of a kind that serves no TLS",
    ),
    "a huge modulus": (
        lambda: rsa_key((odd(8193), 65537, 3, *SMALL)),
        "larger than RSA with 8192 bits",
    ),
    "huge primes": (
        lambda: rsa_key((N, 65537, 3, odd(16_000), odd(16_000), 1, 1, 1)),
        "cannot be read",
    ),
    "one huge prime": (lambda: rsa_key((N, 65537, 3, odd(4096), 3, 1, 1, 1)), "cannot be read"),
    "a huge public exponent": (
        lambda: rsa_key((N, odd(257), 3, *SMALL)),
        "a public exponent of more than 256 bits",
    ),
    "a huge private exponent": (
        lambda: rsa_key((N, 65537, odd(4096 + 65), *SMALL)),
        "cannot be read",
    ),
    "huge CRT numbers": (lambda: rsa_key((N, 65537, 3, P, P, odd(8000), 1, 1)), "cannot be read"),
    "a huge coefficient": (lambda: rsa_key((N, 65537, 3, P, P, 1, 1, odd(8000))), "cannot be read"),
    "three primes": (
        lambda: rsa_key(
            (N, 65537, 3, *SMALL),
            version=1,
            more=sequence(sequence(integer(P), integer(1), integer(1))),
        ),
        "more than two primes",
    ),
    "three primes that it does not admit": (
        lambda: rsa_key((N, 65537, 3, *SMALL), more=sequence()),
        "more than two primes",
    ),
    "too few numbers": (lambda: rsa_key((N, 65537, 3)), "cannot be read"),
    "no numbers": (
        lambda: hostile_der.key_in_pkcs8(hostile_der.RSA + b"\5\0", b"\x30\0"),
        "cannot be read",
    ),
}


def problem(parse: Callable[[], object]) -> MaterialError:
    with pytest.raises(MaterialError) as caught:
        parse()
    return caught.value


@pytest.mark.parametrize("case", KEYS)
def test_a_private_key_beyond_the_bounds_is_refused_from_its_outline(
    leaf: pki.Leaf, case: str
) -> None:
    make, words = KEYS[case]
    key = make()

    def parse() -> object:
        return parse_server_certificate(leaf.chain_pem, key, certificate_field=CRT, key_field=KEY)

    error = problem(parse)

    assert len(key) < 1.4 * MAX_PRIVATE_KEY_DER_BYTES
    assert error.reason is Reason.MATERIAL_INVALID
    assert str(error).startswith(f"{KEY} ")
    assert re.search(rf"{words}.*(?:; (?:use|store|make)|, with)", str(error))


CERTIFICATES: dict[str, tuple[Callable[[pki.Authority], bytes], str]] = {
    "a Diffie-Hellman group": (
        lambda ca: hostile_der.with_public_key(
            ca, hostile_der.DHX + hostile_der.diffie_hellman_group(), integer(4)
        ),
        "it has a key of a kind",
    ),
    "an older Diffie-Hellman group": (
        lambda ca: hostile_der.with_public_key(
            ca, hostile_der.DH + sequence(integer(odd(8192)), integer(2)), integer(4)
        ),
        "it has a key of a kind",
    ),
    "a huge modulus": (
        lambda ca: hostile_der.with_rsa_public_key(ca, bits=16_385),
        "it has an RSA key of more than 16384 bits",
    ),
    "a name of many parts": (
        lambda ca: hostile_der.with_name(ca, 5_000),
        "it has a name of more than 8 KiB",
    ),
}


@pytest.mark.parametrize("case", CERTIFICATES)
def test_a_certificate_beyond_the_bounds_is_refused_or_shown_as_unreadable(case: str) -> None:
    make, words = CERTIFICATES[case]
    text = odd_pem.to_block(make(pki.make_root()))

    error = problem(lambda: parse_client_ca(text, field=CA))
    (shown,) = parse_certificates(text, field="ServerCert")

    assert error.reason is Reason.MATERIAL_INVALID
    assert f"{CA} has a certificate that cannot be read (number 1 of 1): {words}" in str(error)
    assert str(error).endswith("; issue it again, by other means.")
    assert shown.unreadable.startswith(words)


def test_the_largest_rsa_key_that_openssl_takes_is_taken() -> None:
    largest = hostile_der.with_rsa_public_key(pki.make_root(), bits=bounds.MAX_MODULUS_BITS)

    found = parse_client_ca(odd_pem.to_block(largest), field=CA)

    assert found.cas[0].rsa_bits == bounds.MAX_MODULUS_BITS


def test_a_list_whose_issuer_has_a_long_name_is_refused_or_shown_as_unreadable() -> None:
    crl = hostile_der.list_with_name(pki.make_root(), 5_000)
    text = odd_pem.to_block(crl, "X509 CRL")

    error = problem(lambda: parse_revocation_list(text, field=CRL))
    (shown,) = parse_revocation_lists(text, field="ClientCertRevocationList")

    assert "it has a name of more than 8 KiB; issue it again" in str(error)
    assert shown.unreadable == "it has a name of more than 8 KiB"


def test_more_signatures_than_can_be_verified_in_time_are_refused_before_the_first() -> None:
    bundle = parse_client_ca(hostile_der.slow_namesakes(40, bits=16_384), field=CA)
    # Of different ends, for a list that stands there twice is one.
    text = b"".join(pki.make_root("Clients").revocation_list(number=each) for each in range(40))
    lists = parse_revocation_list(text, field=CRL)

    error = problem(lambda: signed_lists(bundle, lists, where=CRL))

    # Each takes 8 ms: 12 s, and 77 s for a hundred of both.
    assert str(error).startswith(f"{CRL} has revocation lists that too many CAs of one name may")
    assert "issue the lists with an authority key identifier, or remove CAs" in str(error)


def test_a_list_that_names_its_key_is_held_against_that_key_alone() -> None:
    cas = [pki.make_root("Clients") for _ in range(3)]
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(cas[1].key.public_key())
    other = x509.AuthorityKeyIdentifier.from_issuer_public_key(cas[2].key.public_key())
    right, wrong = cas[1].revocation_list(key_id=issuer), cas[1].revocation_list(key_id=other)
    bundle = parse_client_ca(b"".join(ca.pem for ca in cas), field=CA)
    lists = parse_revocation_list(right + wrong, field=CRL)

    signed = signed_lists(bundle, lists)

    # As OpenSSL has it: a list that names another key is not the CA's, whoever has signed it.
    assert signed[cas[1].sha256] == {lists.lists[0].sha256}
    assert signed[cas[0].sha256] == signed[cas[2].sha256] == frozenset()


def test_names_and_constraints_that_are_too_many_to_be_compared_are_refused() -> None:
    constraints = x509.NameConstraints(
        [x509.DNSName(f"h{number}.example.com") for number in range(600)], None
    )
    issuer = pki.make_root().intermediate(extras=pki.Extras(constraints=constraints))
    leaf = issuer.leaf(*(["a.h599.example.com"] * 600))
    root = pki.make_root()
    text = leaf.chain_pem + root.pem

    material = parse_server_certificate(text, leaf.key_pem(), certificate_field=CRT, key_field=KEY)

    assert "too many to be compared (more than 10000 pairs); issue it for fewer names" in (
        material.facts.fault
    )
