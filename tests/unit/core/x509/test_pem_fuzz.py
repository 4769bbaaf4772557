import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.x509.facts import ServerMaterial
from rds_ssl.core.x509.pem import (
    parse_certificates,
    parse_client_ca,
    parse_revocation_list,
    parse_revocation_lists,
    parse_server_certificate,
)
from support import odd_pem
from support.pki_world import CA, CRL, CRT, KEY, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


def parse(certificate: bytes, key: bytes) -> ServerMaterial:
    return parse_server_certificate(certificate, key, certificate_field=CRT, key_field=KEY)


def refused_or_read(certificate: bytes, key: bytes, crl: bytes) -> None:
    """Give all parsers something; anything but a `MaterialError` goes up."""
    for attempt in (
        lambda: parse_certificates(certificate, field=CRT),
        lambda: parse_certificates(certificate.decode("latin-1"), field=CRT),
        lambda: parse_client_ca(certificate, field=CA),
        lambda: parse_revocation_lists(crl, field=CRL),
        lambda: parse_revocation_list(crl, field=CRL),
        lambda: parse(certificate, key),
    ):
        try:
            attempt()
        except MaterialError as error:
            assert error.reason in {Reason.MATERIAL_INVALID, Reason.KEY_MISMATCH}  # noqa: PT017


fuzz = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


# Not bounded by a length, for lengths of signatures differ from run to run.
POSITION = st.integers(0, 9_999)


@fuzz
@given(noise=st.binary(max_size=300))
def test_random_bytes_are_refused_and_nothing_else(noise: bytes) -> None:
    refused_or_read(noise, noise, noise)
    for label in ("CERTIFICATE", "PRIVATE KEY", "X509 CRL"):
        block = odd_pem.to_block(noise, label)
        refused_or_read(block, block, block)


@fuzz
@given(data=st.data())
def test_random_changes_of_good_text_are_refused_or_read(world: World, data: st.DataObject) -> None:
    def mutated(text: bytes) -> bytes:
        changed = bytearray(text)
        for _ in range(data.draw(st.integers(1, 4))):
            position = data.draw(POSITION) % len(changed)
            changed[position : position + data.draw(st.integers(0, 3))] = data.draw(
                st.binary(max_size=3)
            )
        return bytes(changed)

    refused_or_read(
        mutated(world.leaf.chain_pem), mutated(world.leaf.key_pem()), mutated(world.crl)
    )


@fuzz
@given(data=st.data())
def test_random_changes_within_good_der_are_refused_or_read(
    world: World, data: st.DataObject
) -> None:
    def mutated(block: bytes, label: str) -> bytes:
        content = bytearray(odd_pem.to_der(block))
        for _ in range(data.draw(st.integers(1, 3))):
            content[data.draw(POSITION) % len(content)] = data.draw(st.integers(0, 255))
        return odd_pem.to_block(bytes(content), label)

    refused_or_read(
        mutated(world.leaf.pem, "CERTIFICATE"),
        mutated(world.leaf.key_pem(), "PRIVATE KEY"),
        mutated(world.crl, "X509 CRL"),
    )
