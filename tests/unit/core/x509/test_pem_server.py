import gc
import traceback
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, x25519

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
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


def other_key(kind: str) -> bytes:
    """A key of a kind that no TLS server has."""
    key = x25519.X25519PrivateKey.generate() if kind == "x25519" else dsa.generate_private_key(2048)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


Server = Callable[[World], tuple[bytes, bytes]]

READABLE: dict[str, Server] = {
    "leaf and intermediate": lambda w: (w.leaf.chain_pem, w.leaf.key_pem()),
    "a lone leaf": lambda w: (w.leaf.pem, w.leaf.key_pem()),
    "CRLF": lambda w: (odd_pem.to_crlf(w.leaf.chain_pem), odd_pem.to_crlf(w.leaf.key_pem())),
    "indented": lambda w: (odd_pem.indented(w.leaf.chain_pem), odd_pem.indented(w.leaf.key_pem())),
    "text around": lambda w: (
        odd_pem.commented(w.leaf.chain_pem),
        odd_pem.commented(w.leaf.key_pem()),
    ),
    "on one line": lambda w: (
        odd_pem.on_one_line(w.leaf.chain_pem),
        odd_pem.on_one_line(w.leaf.key_pem()),
    ),
    "escaped": lambda w: (odd_pem.escaped(w.leaf.chain_pem), odd_pem.escaped(w.leaf.key_pem())),
    "UTF-8 with BOM": lambda w: (
        b"\xef\xbb\xbf" + w.leaf.chain_pem,
        b"\xef\xbb\xbf" + w.leaf.key_pem(),
    ),
    "no newline at the end": lambda w: (w.leaf.chain_pem.strip(), w.leaf.key_pem().strip()),
    "duplicated blocks": lambda w: (w.leaf.chain_pem * 2, w.leaf.key_pem() * 2),
    "key before the certificate": lambda w: (
        w.leaf.key_pem() + w.leaf.chain_pem,
        w.leaf.chain_pem + w.leaf.key_pem(),
    ),
    "old label": lambda w: (
        odd_pem.to_block(odd_pem.to_der(w.leaf.pem), "X509 CERTIFICATE"),
        w.leaf.key_pem(),
    ),
    "EC key, SEC1": lambda w: (w.leaf.pem, w.leaf.key_pem(pki.KeyFormat.SEC1)),
    "EC key after its parameters": lambda w: (
        w.leaf.pem,
        odd_pem.to_block(bytes.fromhex("06082a8648ce3d030107"), "EC PARAMETERS")
        + w.leaf.key_pem(pki.KeyFormat.SEC1),
    ),
    "RSA key, PKCS#1": lambda w: (w.rsa.pem, w.rsa.key_pem(pki.KeyFormat.PKCS1)),
    "RSA key, PKCS#8": lambda w: (w.rsa.pem, w.rsa.key_pem()),
}


@pytest.mark.parametrize("case", READABLE)
def test_a_pair_is_read_and_written_anew(world: World, case: str) -> None:
    certificate, key = READABLE[case](world)

    material = parse(certificate, key)

    assert material.leaf.dns_names == (HOST,)
    blocks = x509.load_pem_x509_certificates(material.certificate_pem.encode())
    assert material.certificate_pem.encode() == pki.pem(*blocks)
    assert [one.fingerprint(hashes.SHA256()).hex() for one in blocks] == [
        one.sha256 for one in material.chain
    ]
    written = material.private_key_pem.reveal()
    assert written.startswith("-----BEGIN PRIVATE KEY-----\n")
    loaded = serialization.load_pem_private_key(written.encode(), None)
    assert loaded.public_key() == blocks[0].public_key()


def test_an_ed25519_key_is_read(world: World) -> None:
    leaf = world.root.leaf(HOST, kind=pki.KeyType.ED25519)

    material = parse(leaf.pem, leaf.key_pem())

    assert material.private_key_pem.reveal() == leaf.key_pem().decode()


REFUSED_SERVER: dict[str, tuple[Server, str, str]] = {
    # Case: the pair, the field that is named, words of the message.
    "DER certificate": (
        lambda w: (odd_pem.to_der(w.leaf.pem), w.leaf.key_pem()),
        CRT,
        "DER or PKCS#12",
    ),
    "DER key": (lambda w: (w.rsa.pem, odd_pem.to_der(w.rsa.key_pem())), KEY, "DER or PKCS#12"),
    "UTF-16 certificate": (
        lambda w: (odd_pem.to_utf16(w.leaf.pem), w.leaf.key_pem()),
        CRT,
        "UTF-16",
    ),
    "UTF-16 key": (lambda w: (w.leaf.pem, odd_pem.to_utf16(w.leaf.key_pem())), KEY, "UTF-16"),
    "UTF-16 without BOM": (
        lambda w: (w.leaf.pem.decode().encode("utf-16-be"), w.leaf.key_pem()),
        CRT,
        "UTF-16",
    ),
    "NUL bytes": (lambda w: (w.leaf.pem + b"\0\0", w.leaf.key_pem()), CRT, "NUL bytes"),
    "NUL bytes within a key": (
        lambda w: (w.leaf.pem, w.leaf.key_pem().replace(b"\n", b"\0")),
        KEY,
        "NUL bytes",
    ),
    "no certificate": (lambda w: (b"", w.leaf.key_pem()), CRT, "is empty"),
    "no key": (lambda w: (w.leaf.pem, b" \r\n"), KEY, "is empty"),
    "plain words": (lambda w: (b"to be filled in", w.leaf.key_pem()), CRT, "no CERTIFICATE block"),
    "encoded twice": (
        lambda w: (odd_pem.to_block(w.leaf.pem).splitlines()[1], w.leaf.key_pem()),
        CRT,
        "encoded twice",
    ),
    "fields swapped": (
        lambda w: (w.leaf.key_pem(), w.leaf.pem),
        CRT,
        "no CERTIFICATE block, but PRIVATE KEY",
    ),
    "certificate as key": (
        lambda w: (w.leaf.pem, w.leaf.pem),
        KEY,
        "no PRIVATE KEY block, but CERTIFICATE",
    ),
    "a request": (
        lambda w: (odd_pem.to_block(b"0\x03\x02\x01\x01", "CERTIFICATE REQUEST"), w.leaf.key_pem()),
        CRT,
        "but CERTIFICATE REQUEST",
    ),
    "PKCS#7": (
        lambda w: (odd_pem.to_block(b"0\x03\x02\x01\x01", "PKCS7"), w.leaf.key_pem()),
        CRT,
        "but PKCS7",
    ),
    "cut off within a block": (
        lambda w: (w.leaf.pem[:-40], w.leaf.key_pem()),
        CRT,
        "without its END line",
    ),
    "key cut off": (lambda w: (w.leaf.pem, w.leaf.key_pem()[:90]), KEY, "without its END line"),
    "END line lost between blocks": (
        lambda w: (w.leaf.pem.replace(b"-----END", b"END") + w.leaf.pem, w.leaf.key_pem()),
        CRT,
        "without its END line",
    ),
    "BEGIN line damaged": (
        lambda w: (
            w.leaf.pem.replace(b"CERTIFICATE-----\n", b"CERTIFICATE\n", 1),
            w.leaf.key_pem(),
        ),
        CRT,
        "BEGIN line",
    ),
    "label of unknown origin": (
        lambda w: (odd_pem.to_block(b"content", "HUNTER2"), w.leaf.key_pem()),
        CRT,
        "holds no CERTIFICATE block; store",
    ),
    "no base64": (
        lambda w: (w.leaf.pem.replace(b"\nMI", b"\n??"), w.leaf.key_pem()),
        CRT,
        "not base64",
    ),
    "base64 garbage in a key": (
        lambda w: (w.leaf.pem, w.leaf.key_pem().replace(b"\nMI", b"\n**")),
        KEY,
        "not base64",
    ),
    "an empty block": (lambda w: (odd_pem.to_block(b""), w.leaf.key_pem()), CRT, "not base64"),
    "a block of other DER": (
        lambda w: (odd_pem.to_block(b"0\x03\x02\x01\x01"), w.leaf.key_pem()),
        CRT,
        "cannot be read (number 1 of 1)",
    ),
    "DER with trailing data": (
        lambda w: (odd_pem.to_block(odd_pem.to_der(w.leaf.pem) + b"\0"), w.leaf.key_pem()),
        CRT,
        "cannot be read",
    ),
    "key with trailing data": (
        lambda w: (
            w.leaf.pem,
            odd_pem.to_block(odd_pem.to_der(w.leaf.key_pem()) + b"\0", "PRIVATE KEY"),
        ),
        KEY,
        "private key that cannot be read",
    ),
    "a damaged intermediate": (
        lambda w: (w.leaf.pem + odd_pem.flipped(w.intermediate.pem), w.leaf.key_pem()),
        CRT,
        "cannot be read (number 2 of 2)",
    ),
    "a damaged key": (
        lambda w: (w.leaf.pem, odd_pem.flipped(w.leaf.key_pem())),
        KEY,
        "private key that cannot be read",
    ),
    "an extension that does not parse": (
        lambda w: (
            odd_pem.to_block(
                odd_pem.with_broken_extensions(w.leaf.certificate, w.intermediate.key)
            ),
            w.leaf.key_pem(),
        ),
        CRT,
        "one of its extensions",
    ),
    "a negative serial number": (
        lambda w: (
            odd_pem.to_block(odd_pem.with_serial(w.leaf.certificate, w.intermediate.key, -5)),
            w.leaf.key_pem(),
        ),
        CRT,
        "negative serial number",
    ),
    "PKCS#8, encrypted": (
        lambda w: (w.leaf.pem, w.leaf.key_pem(pki.KeyFormat.PKCS8_ENCRYPTED)),
        KEY,
        "encrypted private key",
    ),
    "SEC1, encrypted": (
        lambda w: (w.leaf.pem, w.leaf.key_pem(pki.KeyFormat.LEGACY_ENCRYPTED)),
        KEY,
        "encrypted private key",
    ),
    "encrypted and CRLF": (
        lambda w: (w.rsa.pem, odd_pem.to_crlf(w.rsa.key_pem(pki.KeyFormat.LEGACY_ENCRYPTED))),
        KEY,
        "encrypted private key",
    ),
    "two keys": (
        lambda w: (w.leaf.pem, w.leaf.key_pem() + w.other.key_pem()),
        KEY,
        "more than one private key",
    ),
    "a DSA key": (lambda w: (w.leaf.pem, other_key("dsa")), KEY, "serves no TLS"),
    "an X25519 key": (lambda w: (w.leaf.pem, other_key("x25519")), KEY, "serves no TLS"),
    "a key larger than any": (
        lambda w: (w.leaf.pem, odd_pem.to_block(b"0" * 6000, "PRIVATE KEY")),
        KEY,
        "larger than RSA with 8192 bits",
    ),
    "an OpenSSH key": (
        lambda w: (w.leaf.pem, odd_pem.to_block(b"openssh-key-v1", "OPENSSH PRIVATE KEY")),
        KEY,
        "but OPENSSH PRIVATE KEY",
    ),
    "chain in the wrong order": (
        lambda w: (w.leaf.wrong_order_pem, w.leaf.key_pem()),
        CRT,
        f"the private key fits CN={HOST}, which is not the first",
    ),
    "1 MiB of certificates": (
        lambda w: (w.leaf.pem * (1024 * 1024 // len(w.leaf.pem) + 1), w.leaf.key_pem()),
        CRT,
        "larger than 256 KiB",
    ),
    "a megabyte of text": (
        lambda w: (b"#" * 1024 * 1024 + w.leaf.pem, w.leaf.key_pem()),
        CRT,
        "larger than 256 KiB",
    ),
    "a key with a megabyte of text": (
        lambda w: (w.leaf.pem, w.leaf.key_pem() + b"#" * 1024 * 1024),
        KEY,
        "larger than 64 KiB",
    ),
    "more than a hundred certificates": (
        lambda w: (w.leaf.pem * 101, w.leaf.key_pem()),
        CRT,
        "more than 100 CERTIFICATE blocks",
    ),
    "a chain that Java refuses": (
        lambda w: (
            w.leaf.pem + b"".join(pki.make_root(f"Root {n}").pem for n in range(10)),
            w.leaf.key_pem(),
        ),
        CRT,
        "more than 10 certificates",
    ),
}


@pytest.mark.parametrize("case", REFUSED_SERVER)
def test_a_pair_that_cannot_be_sent_is_refused_with_its_field(world: World, case: str) -> None:
    pair, field, words = REFUSED_SERVER[case]

    with pytest.raises(MaterialError) as caught:
        parse(*pair(world))

    assert (caught.value.reason, caught.value.field) == (Reason.MATERIAL_INVALID, field)
    assert str(caught.value).startswith(f"{field} ")
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize(
    "certificate_and_key",
    [
        pytest.param(lambda w: (w.leaf.chain_pem, w.other.key_pem()), id="another key of its kind"),
        pytest.param(lambda w: (w.leaf.chain_pem, w.rsa.key_pem()), id="a key of another kind"),
        pytest.param(lambda w: (w.rsa.chain_pem, w.leaf.key_pem()), id="EC key, RSA certificate"),
    ],
)
def test_a_key_that_does_not_fit_may_be_a_moments_state(
    world: World, certificate_and_key: Server
) -> None:
    with pytest.raises(MaterialError, match="is not the private key of") as caught:
        parse(*certificate_and_key(world))

    assert (caught.value.reason, caught.value.field) == (Reason.KEY_MISMATCH, KEY)


def test_a_message_is_the_same_on_every_attempt(world: World) -> None:
    def attempt() -> str:
        with pytest.raises(MaterialError) as caught:
            parse(world.leaf.chain_pem, world.other.key_pem())
        return str(caught.value)

    assert attempt() == attempt()


@pytest.mark.parametrize("case", REFUSED_SERVER)
def test_no_error_tells_anything_of_a_private_key(world: World, case: str) -> None:
    pair, _, _ = REFUSED_SERVER[case]
    certificate, key = pair(world)

    with pytest.raises(MaterialError) as caught:
        parse(certificate, key)

    error = caught.value
    assert error.__cause__ is None
    assert error.__context__ is None
    told = "".join(traceback.format_exception(error)) + repr(vars(error)) + repr(error.args)
    secrets = {world.leaf.key_pem(), world.rsa.key_pem(), world.other.key_pem(), key}
    for secret in secrets - {certificate}:
        body = b"".join(secret.split(b"-----")[2::4]).replace(b"\r", b"")
        for line in filter(lambda line: len(line) > 8, body.split()):
            assert line.decode("latin-1") not in told


def test_material_does_not_show_its_key_and_facts_do_not_hold_it(world: World) -> None:
    material = parse(world.leaf.chain_pem, world.leaf.key_pem())

    secret = world.leaf.key_pem().split()[3].decode()
    assert secret in material.private_key_pem.reveal()
    assert secret not in repr(material)
    assert material.private_key_pem not in gc.get_referents(material.facts)
    assert not hasattr(material.facts, "private_key_pem")
