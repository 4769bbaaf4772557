import gc
import weakref
from collections.abc import Callable

import pytest

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.x509 import pem_blocks
from rds_ssl.core.x509.pem import (
    parse_certificates,
    parse_client_ca,
    parse_revocation_list,
    parse_revocation_lists,
    revocation_list_in_force,
)
from rds_ssl.core.x509.signers import signed_lists
from support import odd_pem, pki
from support.pki_world import CA, CRL, CRT, HOST, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


def test_facts_are_those_of_the_certificate(world: World) -> None:
    start = pki.real_now()
    leaf = world.root.leaf(
        HOST,
        "*.example.com",
        "10.0.0.1",
        "fd00::1",
        common_name="orders",
        not_before=start,
        not_after=start + pki.DAY,
    )

    (facts,) = parse_certificates(leaf.pem, field=CRT)

    assert facts.sha256 == leaf.sha256
    assert (facts.subject, facts.issuer) == ("CN=orders", "CN=Test root")
    assert facts.dns_names == (HOST, "*.example.com")
    assert facts.ip_addresses == ("10.0.0.1", "fd00::1")
    assert (facts.not_before, facts.not_after) == (start, start + pki.DAY)
    assert facts.not_after.utcoffset() is not None


@pytest.mark.parametrize(
    ("leaf", "names"),
    [
        pytest.param(lambda w: w.root.leaf(HOST, sans=False), (HOST,), id="no SAN at all"),
        pytest.param(
            lambda w: w.root.leaf("10.0.0.1", common_name=HOST), (), id="a SAN of an address only"
        ),
        pytest.param(
            lambda w: w.root.leaf(HOST, common_name=None, sans=False), (), id="no name at all"
        ),
    ],
)
def test_the_common_name_counts_only_without_a_san(
    world: World, leaf: Callable[[World], pki.Leaf], names: tuple[str, ...]
) -> None:
    (facts,) = parse_certificates(leaf(world).pem, field=CRT)

    assert facts.dns_names == names


def test_the_apis_answer_may_repeat_and_reorder(world: World) -> None:
    text = (world.root.pem + world.intermediate.pem + world.root.pem).decode()

    facts = parse_certificates(text, field="ClientCACert")

    assert [one.sha256 for one in facts] == [
        world.root.sha256,
        world.intermediate.sha256,
        world.root.sha256,
    ]


def test_facts_that_are_held_are_not_made_again_and_nothing_else_is_kept() -> None:
    text = pki.make_root("Root of its own").intermediate().leaf("db.example").chain_pem

    first = parse_certificates(text, field=CRT)
    second = parse_certificates(b"Bag\n" + text + text, field="ServerCert")

    assert [id(each) for each in second] == [id(each) for each in (*first, *first)]
    held = weakref.ref(first[0])
    del first, second
    gc.collect()
    assert held() is None


def test_a_bundle_tells_which_certificates_are_cas(world: World) -> None:
    old = odd_pem.as_v1(world.root.certificate, world.root.key)
    no_crl = pki.Extras(key_usage=pki.key_usage(cert_sign=True, crl_sign=False))
    no_certificates = pki.Extras(key_usage=pki.key_usage(cert_sign=False, crl_sign=True))
    bundle = [
        world.root.pem,
        world.intermediate.pem,
        world.leaf.pem,
        pki.pem(old),
        pki.make_root("No lists", extras=no_crl).pem,
        pki.make_root("No certificates", extras=no_certificates).pem,
        world.root.pem,
    ]

    material = parse_client_ca(b"".join(bundle), field=CA)

    verdicts = [(ca.is_ca, ca.may_sign_lists) for ca in material.cas]
    assert verdicts == [
        (True, True),
        (True, True),
        (False, True),
        (True, True),
        (True, False),
        (False, True),
    ]
    assert material.pem.encode() == b"".join(bundle[:-1])


def test_a_revocation_list_is_read_as_facts(world: World) -> None:
    start = pki.real_now()
    text = world.root.revocation_list(
        serials=[7, 9], number=3, this_update=start, next_update=start + pki.DAY
    )

    (facts,) = parse_revocation_lists(text, field=CRL)

    assert facts.issuer == "CN=Test root"
    assert (facts.number, facts.serials) == (3, frozenset({7, 9}))
    assert (facts.this_update, facts.next_update) == (start, start + pki.DAY)


@pytest.mark.parametrize(
    ("text", "number", "expires"),
    [
        pytest.param(lambda w: w.root.revocation_list(expires=False), 1, False, id="no nextUpdate"),
        pytest.param(lambda w: w.root.revocation_list(number=None), None, True, id="no number"),
        pytest.param(lambda w: odd_pem.to_crlf(w.root.revocation_list()), 1, True, id="CRLF"),
        pytest.param(lambda w: odd_pem.commented(w.root.revocation_list()), 1, True, id="text"),
        pytest.param(lambda w: odd_pem.on_one_line(w.root.revocation_list()), 1, True, id="a line"),
        pytest.param(lambda w: w.root.pem + w.root.revocation_list(), 1, True, id="with its CA"),
        pytest.param(lambda w: w.root.revocation_list(number=1) * 2, 1, True, id="twice"),
    ],
)
def test_an_unusual_revocation_list_is_read(
    world: World, text: Callable[[World], bytes], number: int | None, *, expires: bool
) -> None:
    material = parse_revocation_list(text(world), field=CRL)

    (facts,) = material.lists
    assert facts.number == number
    assert (facts.next_update is not None) is expires
    assert material.pem.count("BEGIN") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(lambda _: b"", "is empty", id="empty"),
        pytest.param(lambda w: odd_pem.to_der(w.crl), "DER", id="DER"),
        pytest.param(lambda w: odd_pem.to_utf16(w.crl), "UTF-16", id="UTF-16"),
        pytest.param(lambda w: w.crl + b"\0", "NUL bytes", id="NUL bytes"),
        pytest.param(lambda w: w.root.pem, "no X509 CRL block, but CERTIFICATE", id="a CA"),
        pytest.param(lambda w: odd_pem.flipped(w.crl), "cannot be read", id="damaged"),
        pytest.param(lambda w: w.crl[:-30], "without its END line", id="cut off"),
        pytest.param(
            lambda w: odd_pem.to_block(odd_pem.to_der(w.crl) + b"\0", "X509 CRL"),
            "cannot be read",
            id="trailing data",
        ),
        pytest.param(
            lambda w: odd_pem.to_block(odd_pem.to_der(w.root.pem), "X509 CRL"),
            "cannot be read",
            id="a certificate under the label of a list",
        ),
        pytest.param(lambda w: w.root.revocation_list(delta_of=1), "a delta list", id="delta"),
        pytest.param(lambda w: w.crl * 101, "more than 100 X509 CRL blocks", id="101 lists"),
        pytest.param(lambda w: w.crl * 3000, "larger than 512 KiB", id="a megabyte"),
    ],
)
def test_a_revocation_list_that_cannot_be_sent_is_refused(
    world: World, text: Callable[[World], bytes], words: str
) -> None:
    with pytest.raises(MaterialError, match=words) as caught:
        parse_revocation_list(text(world), field=CRL)

    assert (caught.value.reason, caught.value.field) == (Reason.MATERIAL_INVALID, CRL)


def test_a_list_that_is_not_all_of_a_cas_may_stay_where_it_is_in_force(world: World) -> None:
    text = world.root.revocation_list(delta_of=1)

    kept = revocation_list_in_force(text.decode(), field=CRL)

    assert kept.pem.encode() == text


def test_a_list_counts_for_the_ca_whose_key_signed_it(world: World) -> None:
    namesake = pki.make_root()
    again = pki.make_root(key=world.root.key)
    cas = [world.root, namesake, again, world.intermediate]
    bundle = parse_client_ca(b"".join(ca.pem for ca in cas), field=CA)
    lists = parse_revocation_list(world.crl + namesake.revocation_list(), field=CRL)

    signed = signed_lists(bundle, lists)

    first, second = (one.sha256 for one in lists.lists)
    assert signed == {
        world.root.sha256: {first},
        namesake.sha256: {second},
        again.sha256: {first},
        world.intermediate.sha256: frozenset(),
    }


def test_signatures_are_verified_for_lists_as_large_as_the_limit(world: World) -> None:
    text = world.root.revocation_list(serials=range(1 << 150, (1 << 150) + 9_900))
    compact = odd_pem.to_block(b"").replace(b"CERTIFICATE", b"X509 CRL").splitlines()
    one_line = b"".join([compact[0], *text.splitlines()[1:-1], compact[-1]])
    size = pem_blocks.MAX_REVOCATION_LISTS_BYTES
    lists = parse_revocation_list(one_line + b" " * (size - len(one_line)), field=CRL)

    signed = signed_lists(parse_client_ca(world.root.pem, field=CA), lists)

    assert signed == {world.root.sha256: {lists.lists[0].sha256}}


@pytest.mark.parametrize(("bits", "counts"), [(17, True), (256, True), (257, False), (2047, False)])
def test_a_list_counts_only_if_its_signature_takes_no_long_exponent(
    *, bits: int, counts: bool
) -> None:
    ca = pki.make_root(key=odd_pem.with_exponent(pki.make_key(pki.KeyType.RSA_2048), bits=bits))
    lists = parse_revocation_list(ca.revocation_list(), field=CRL)

    signed = signed_lists(parse_client_ca(ca.pem, field=CA), lists)

    assert signed == {ca.sha256: {lists.lists[0].sha256} if counts else set()}


def test_a_list_is_of_the_namesake_whose_key_signed_it_however_many_there_are() -> None:
    namesakes = [pki.make_root() for _ in range(20)]
    bundle = parse_client_ca(b"".join(ca.pem for ca in namesakes), field=CA)
    text = b"".join(ca.revocation_list() for ca in reversed(namesakes))
    lists = parse_revocation_list(text, field=CRL)

    signed = signed_lists(bundle, lists)

    of = [one.sha256 for one in reversed(lists.lists)]
    assert signed == {ca.sha256: {one} for ca, one in zip(namesakes, of, strict=True)}
