"""A server's chain and a client CA bundle are judged by their signatures, not by names alone."""

import pytest

from rds_ssl.core.x509.chains import signed_by
from support import odd_pem, pki
from support.bad_input import Stored, verdict
from support.chain_cases import BUNDLES, SERVERS
from support.pki_world import CA, CRL, CRT, HOST, KEY


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_chain_has_its_verdict(name: str) -> None:
    case = SERVERS[name]
    leaf = case.make().leaf

    reason, sentences = verdict(Stored(crt=leaf.chain_pem, key=leaf.key_pem()))

    assert reason == case.reason, sentences
    told(sentences, case.words, refused=reason is not None)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_client_ca_bundle_has_its_verdict(name: str) -> None:
    case = BUNDLES[name]
    trusted = case.make()

    reason, sentences = verdict(Stored(ca=trusted.ca, crl=trusted.crl))

    assert reason == case.reason, sentences
    told(sentences, case.words, refused=reason is not None)


def told(sentences: tuple[str, ...], words: str, *, refused: bool) -> None:
    assert any(words in each for each in sentences) or not words, sentences
    assert words or sentences == ()
    if refused:
        (sentence,) = sentences
        assert sentence.startswith((CRT, KEY, CA, CRL))
    assert all(each.endswith(".") for each in sentences)


def test_a_signature_of_rsa_counts_and_one_of_a_namesake_does_not() -> None:
    for kind in pki.KeyType:
        root, namesake = pki.make_root(kind=kind), pki.make_root(kind=kind)
        leaf = root.leaf(HOST).certificate

        assert signed_by(leaf, root.certificate)
        assert not signed_by(leaf, namesake.certificate)


def test_a_key_that_takes_long_to_verify_with_is_taken_at_its_word() -> None:
    key = odd_pem.with_exponent(pki.make_key(pki.KeyType.RSA_2048), bits=65)
    root = pki.make_root(key=key)

    assert signed_by(pki.make_root().leaf(HOST).certificate, root.certificate)
    assert signed_by(root.leaf(HOST).certificate, root.certificate)


def test_of_two_roots_of_one_key_that_counts_which_lives_longer() -> None:
    new = pki.make_root()
    old = pki.make_root(
        key=new.key,
        extras=pki.Extras(
            not_before=pki.real_now() - 400 * pki.DAY, not_after=pki.real_now() - pki.DAY
        ),
    )
    bundle = old.pem + new.pem + new.intermediate().pem

    reason, sentences = verdict(Stored(ca=bundle))

    assert reason is None
    assert [each.split(" expired")[0] for each in sentences] == ["CN=Test root"]


def test_a_bundle_of_cas_that_have_signed_each_other_has_an_end() -> None:
    a, b = pki.make_root("A"), pki.make_root("B")
    crossed = [
        pki.build_certificate(subject=name, key=key, issuer=issuer, extras=pki.Extras(ca=True))
        for name, key, issuer in (("A", a.key, b), ("B", b.key, a))
    ]

    reason, sentences = verdict(Stored(ca=pki.pem(*crossed)))

    assert reason is None
    assert len(sentences) == 2
