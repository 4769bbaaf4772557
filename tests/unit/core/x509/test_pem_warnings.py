from collections.abc import Callable

import pytest

from rds_ssl.core.x509.facts import ServerMaterial
from rds_ssl.core.x509.pem import parse_server_certificate
from support import odd_pem, pki
from support.pki_world import CRT, HOST, KEY, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


def parse(certificate: bytes, key: bytes) -> ServerMaterial:
    return parse_server_certificate(certificate, key, certificate_field=CRT, key_field=KEY)


@pytest.mark.parametrize(
    ("leaf", "words"),
    [
        pytest.param(
            lambda w: w.intermediate.leaf(HOST, kind=pki.KeyType.RSA_1024),
            "has an RSA key of 1024 bits",
            id="a short RSA key",
        ),
        pytest.param(lambda w: w.root.leaf(HOST), "no intermediate", id="a lone leaf"),
        pytest.param(
            lambda w: w.intermediate.leaf(HOST, client=True), "lacks serverAuth", id="a client's"
        ),
    ],
)
def test_a_weakness_is_a_warning(
    world: World, leaf: Callable[[World], pki.Leaf], words: str
) -> None:
    made = leaf(world)

    (warning,) = parse(made.chain_pem, made.key_pem()).warnings

    assert words in warning


def test_a_sha1_signature_is_a_warning(world: World) -> None:
    marked = odd_pem.with_sha1_mark(world.leaf.certificate, world.intermediate.key)

    (warning,) = parse(pki.pem(marked) + world.intermediate.pem, world.leaf.key_pem()).warnings

    assert warning == f"CN={HOST} is signed with SHA1, which those who verify it may refuse."


def test_an_issuer_missing_in_the_middle_of_a_chain_is_a_warning(world: World) -> None:
    (warning,) = parse(world.leaf.pem + world.root.pem, world.leaf.key_pem()).warnings

    assert "not followed by its issuer" in warning


def test_a_good_chain_and_a_self_signed_certificate_have_no_warnings(world: World) -> None:
    own = pki.self_signed(HOST)

    assert parse(world.leaf.chain_pem, world.leaf.key_pem()).warnings == ()
    assert parse(own.pem, own.key_pem()).warnings == ()
