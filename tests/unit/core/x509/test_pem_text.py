"""A block that is not understood is refused with its line; what is known to be harmless is not."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.x509.pem import (
    parse_client_ca,
    parse_revocation_list,
    parse_server_certificate,
)
from rds_ssl.core.x509.pem_text import cleaned
from support import odd_pem, pki
from support.pki_world import CA, CRL, CRT, KEY, World, make_world


@pytest.fixture(scope="module")
def world() -> World:
    """Some certificates that fit together."""
    return make_world()


def relabelled(text: bytes, label: str) -> bytes:
    return text.replace(b"CERTIFICATE", label.encode())


def begun(text: bytes, line: str) -> bytes:
    """Spell the BEGIN line otherwise."""
    return text.replace(b"-----BEGIN CERTIFICATE-----", line.encode())


Spelt = Callable[[bytes], bytes]

NOT_UNDERSTOOD: dict[str, tuple[Spelt, str]] = {
    # A second CA spelt so, and how its label is shown.
    "OpenSSL's own": (lambda ca: relabelled(ca, "TRUSTED CERTIFICATE"), "TRUSTED CERTIFICATE"),
    "PKCS#7": (lambda ca: relabelled(ca, "PKCS7"), "PKCS7"),
    "CMS": (lambda ca: relabelled(ca, "CMS"), "CMS"),
    "a misspelt label": (lambda ca: relabelled(ca, "CERTIFCATE"), "CERTIFCATE"),
    "a lower-case label": (lambda ca: relabelled(ca, "certificate"), "certificate"),
    "a plural": (lambda ca: relabelled(ca, "CERTIFICATES"), "CERTIFICATES"),
    "two blanks": (lambda ca: relabelled(ca, " CERTIFICATE"), "CERTIFICATE"),
    "an empty label": (lambda ca: relabelled(ca, ""), "block"),
    "another begin": (lambda ca: begun(ca, "-----Begin CERTIFICATE-----"), "Begin CERTIFICATE"),
    "lower case": (lambda ca: ca.lower().replace(b"mii", b"MII"), "begin certificate"),
    "four dashes": (lambda ca: begun(ca, "----BEGIN CERTIFICATE----"), "BEGIN CERTIFICATE"),
    "six dashes": (lambda ca: begun(ca, "------BEGIN CERTIFICATE------"), "BEGIN CERTIFICATE"),
    "five before, six after": (
        lambda ca: begun(ca, "-----BEGIN CERTIFICATE------"),
        "BEGIN CERTIFICATE",
    ),
    "five before, four after": (
        lambda ca: begun(ca, "-----BEGIN CERTIFICATE----"),
        "BEGIN CERTIFICATE",
    ),
    "no dashes after": (lambda ca: begun(ca, "-----BEGIN CERTIFICATE"), "BEGIN CERTIFICATE"),
    "no dashes before": (lambda ca: begun(ca, "BEGIN CERTIFICATE-----"), "BEGIN CERTIFICATE"),
    "en dashes": (lambda ca: begun(ca, "–BEGIN CERTIFICATE–"), "BEGIN CERTIFICATE"),  # noqa: RUF001
    "em dashes": (lambda ca: begun(ca, "——BEGIN CERTIFICATE——"), "BEGIN CERTIFICATE"),
    "en dashes of Windows": (
        lambda ca: ca.replace(b"-----", b"\x96"),
        "BEGIN CERTIFICATE",
    ),
    "a blank after the dashes": (
        lambda ca: begun(ca, "----- BEGIN CERTIFICATE -----"),
        "BEGIN CERTIFICATE",
    ),
    "a misspelt begin": (lambda ca: begun(ca, "-----BEGN CERTIFICATE-----"), "BEGN CERTIFICATE"),
    "a lost begin": (lambda ca: ca.split(b"\n", 1)[1], "line 1"),
    "quoted as a string": (lambda ca: b'"' + ca.rstrip() + b'"\n', "BEGIN CERTIFICATE"),
    "quoted as mail is": (
        lambda ca: b"".join(b"> " + line + b"\n" for line in ca.splitlines()),
        "BEGIN CERTIFICATE",
    ),
    "text before": (lambda ca: b"ca: " + ca, "BEGIN CERTIFICATE"),
    "text before, on one line": (
        lambda ca: b"ca: " + odd_pem.on_one_line(ca) + b"\n",
        "BEGIN CERTIFICATE",
    ),
    "a misspelt begin on one line": (
        lambda ca: odd_pem.on_one_line(begun(ca, "-----BEGN CERTIFICATE-----")) + b"\n",
        "BEGN CERTIFICATE",
    ),
    "an end alone": (lambda _: b"-----END CERTIFICATE-----\n", "END CERTIFICATE"),
}


@pytest.mark.parametrize("case", NOT_UNDERSTOOD)
@pytest.mark.parametrize("first", [True, False])
def test_a_second_ca_that_is_not_understood_is_refused_with_its_line(
    world: World, case: str, *, first: bool
) -> None:
    spell, label = NOT_UNDERSTOOD[case]
    odd, good = spell(pki.make_root("Second").pem), b"# Good.\n" + world.root.pem
    text = odd + good if first else good + b"\n" + odd

    with pytest.raises(MaterialError) as caught:
        parse_client_ca(text, field=CA)

    told = str(caught.value)
    line = 1 if first else good.count(b"\n") + 2
    assert f"line {line}" in told
    assert label.replace("line 1", f"line {line}") in told
    assert told.endswith(("remove it with what belongs to it.", "or remove it."))


@pytest.mark.parametrize("case", NOT_UNDERSTOOD)
def test_the_same_in_a_server_chain_is_refused(world: World, case: str) -> None:
    text = world.leaf.pem + NOT_UNDERSTOOD[case][0](world.intermediate.pem)

    line = len(world.leaf.pem.splitlines()) + 1

    with pytest.raises(MaterialError, match=rf"line {line}\b"):
        parse_server_certificate(text, world.leaf.key_pem(), certificate_field=CRT, key_field=KEY)


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda key: key.replace(b"PRIVATE KEY", b"PRIVAT KEY"), id="misspelt"),
        pytest.param(lambda key: key.replace(b"PRIVATE KEY", b"private key"), id="lower case"),
        pytest.param(lambda key: key.replace(b"-----BEGIN", b"----BEGIN"), id="four dashes"),
        pytest.param(lambda key: key.replace(b"PRIVATE KEY", b"ANY PRIVATE KEY"), id="any"),
        pytest.param(lambda key: key.replace(b"PRIVATE", b"OPENSSH PRIVATE"), id="OpenSSH"),
        pytest.param(lambda key: key.replace(b"PRIVATE", b"DSA PRIVATE"), id="DSA"),
        pytest.param(lambda key: key.split(b"\n", 1)[1], id="a lost begin"),
        pytest.param(
            lambda key: key.replace(b"-----BEGIN PRIVATE KEY-----\n", b"-----BEGIN "),
            id="a begin that runs into the key",
        ),
    ],
)
def test_beside_a_key_what_may_be_another_one_is_refused_and_nothing_of_it_is_told(
    world: World, spell: Spelt
) -> None:
    text = world.leaf.key_pem() + spell(world.other.key_pem())

    with pytest.raises(MaterialError) as caught:
        parse_server_certificate(world.leaf.chain_pem, text, certificate_field=CRT, key_field=KEY)

    told = str(caught.value)
    assert told.startswith(f"{KEY} ")
    assert "line 6" in told or "line 7" in told
    body = b"".join(world.other.key_pem().split(b"\n")[1:-2]).decode()
    assert not any(body[at : at + 8] in told for at in range(len(body) - 8))


PAGE = Path(__file__).parents[4] / "docs" / "certificates.md"


def documented() -> list[tuple[str, tuple[str, ...]]]:
    """Give the rows of the page: a label, and what becomes of it in each kind of file."""
    _, _, after = PAGE.read_text().partition("## What is read of a file")
    rows = [line.split("|")[1:-1] for line in after.split("\n## ")[0].splitlines() if "`" in line]
    return [
        (label, tuple(each.strip() for each in cells[1:4]))
        for cells in rows
        if len(cells) == 5
        for label in re.findall("`([^`]+)`", cells[0])
    ]


@pytest.mark.parametrize(("label", "fates"), documented())
def test_each_label_is_treated_as_the_page_says(
    world: World, label: str, fates: tuple[str, ...]
) -> None:
    block = odd_pem.to_block(odd_pem.to_der(world.intermediate.pem), label)
    key = odd_pem.to_block(odd_pem.to_der(world.other.key_pem()), label)
    attempts = (
        lambda: parse_client_ca(world.root.pem + block, field=CA),
        lambda: parse_revocation_list(world.crl + block, field=CRL),
        lambda: parse_server_certificate(
            world.leaf.chain_pem, world.leaf.key_pem() + key, certificate_field=CRT, key_field=KEY
        ),
    )

    for attempt, fate in zip(attempts, fates, strict=True):
        if fate == "left out":
            attempt()
        elif fate == "refused":
            with pytest.raises(MaterialError, match=r"left out|encrypted"):
                attempt()
        else:
            assert fate == "read"


def test_the_page_has_all_labels_that_are_known() -> None:
    known = {label for label, _ in documented()}

    assert set(HARMLESS_BESIDE_CERTIFICATES) < known
    assert {"CERTIFICATE", "PKCS7"} < known


HARMLESS_BESIDE_CERTIFICATES = (
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "DSA PRIVATE KEY",
    "ENCRYPTED PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "EC PARAMETERS",
    "DH PARAMETERS",
    "DSA PARAMETERS",
    "X509 CRL",
    "CERTIFICATE REQUEST",
    "NEW CERTIFICATE REQUEST",
    "PUBLIC KEY",
    "RSA PUBLIC KEY",
)


@pytest.mark.parametrize("label", HARMLESS_BESIDE_CERTIFICATES)
def test_what_is_known_to_be_harmless_may_stand_beside_certificates(
    world: World, label: str
) -> None:
    text = odd_pem.to_block(b"0\x03\x02\x01\x01", label) + world.root.pem

    assert parse_client_ca(text, field=CA).pem.encode() == world.root.pem


@pytest.mark.parametrize(
    "label", ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "PRIVATE KEY"]
)
def test_a_ca_may_stand_beside_its_list(world: World, label: str) -> None:
    text = odd_pem.to_block(odd_pem.to_der(world.root.pem), label) + world.crl

    assert parse_revocation_list(text, field=CRL).pem.encode() == world.crl


@pytest.mark.parametrize("label", ["PKCS7", "CRL", "x509 crl", "X509 CRLS"])
def test_a_list_that_is_not_understood_beside_one_that_is_refused(world: World, label: str) -> None:
    text = world.crl + odd_pem.to_block(odd_pem.to_der(world.crl), label)

    with pytest.raises(MaterialError, match="would be left out"):
        parse_revocation_list(text, field=CRL)


def no_block(text: bytes) -> bytes:
    return b"".join(b"# " + line + b"\n" for line in text.splitlines())


COMMENTS: dict[str, Spelt] = {
    "every line commented out": no_block,
    "with a semicolon": lambda ca: no_block(ca).replace(b"# ", b";"),
    "indented and commented out": lambda ca: no_block(ca).replace(b"# ", b"   # "),
    "its BEGIN alone commented out": lambda ca: b"# " + ca,
    "on one line": lambda ca: b"# " + odd_pem.on_one_line(ca) + b"\n",
    "quoted": lambda _: b'The block "-----BEGIN CERTIFICATE-----" of the old CA was here.\n',
    "quoted alone": lambda _: b'"-----BEGIN CERTIFICATE-----"\n',
    "in a comment of HTML": lambda _: b"<!-- -----BEGIN CERTIFICATE----- -->\n",
    "quoted at the end of a line": lambda _: b"It began with -----BEGIN CERTIFICATE-----\n",
    "a rule": lambda _: b"-----\n----- Root of the orders team -----\n-----\n",
    "a bullet": lambda _: b"- begin with the root\n- then the rest\n",
    "of a tool": lambda _: b"# BEGIN ANSIBLE MANAGED BLOCK\n",
    "a fingerprint": lambda _: b"4d" * 32 + b"\n",
    "of openssl s_client": lambda _: b" 0 s:CN = a\n   i:CN = b\n---\nServer certificate\n",
    "many": lambda _: b"#\n" * 1000,
}


@pytest.mark.parametrize("case", COMMENTS)
def test_what_stands_in_a_comment_is_no_block(world: World, case: str) -> None:
    comment = COMMENTS[case](pki.make_root("Commented out").pem)

    for text in (comment + world.root.pem, world.root.pem + comment):
        assert parse_client_ca(text, field=CA).pem.encode() == world.root.pem


@pytest.mark.parametrize(
    "join",
    [
        pytest.param(lambda a, b: a.rstrip() + b, id="END and BEGIN on one line"),
        pytest.param(lambda a, b: a.rstrip() + b" \t" + b, id="blanks between them"),
        pytest.param(lambda a, b: b"  " + a + b"\t" + b, id="blanks before"),
        pytest.param(lambda a, b: a + b"\xef\xbb\xbf" + b, id="a byte order mark between files"),
        pytest.param(lambda a, b: odd_pem.on_one_line(a + b), id="all on one line"),
        pytest.param(lambda a, b: odd_pem.escaped(a + b), id="escaped"),
        pytest.param(lambda a, b: b"-----\n" + a + b"=====\n" + b, id="rules between"),
    ],
)
def test_a_begin_counts_where_it_starts_a_line_or_follows_an_end(
    world: World, join: Callable[[bytes, bytes], bytes]
) -> None:
    text = join(world.root.pem, world.intermediate.pem)

    assert len(parse_client_ca(text, field=CA).cas) == 2


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("TRUSTED CERTIFICATE", "TRUSTED CERTIFICATE"),
        ("-----begin certificate", "begin certificate"),
        ("X509 CRL", "X509 CRL"),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEF", "…"),
        ("CERTIFICATE hunter2", "CERTIFICATE …"),
        ("line\x1b[31m", "…"),
        ("A B C D E F G H", "A B C D E F …"),
    ],
)
def test_of_a_label_only_words_are_shown(label: str, shown: str) -> None:
    assert cleaned(label) == shown
