"""What people store as server certificate and key, with its verdict; see `Case`."""

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, x25519
from cryptography.hazmat.primitives.serialization import pkcs12

from rds_ssl.core.model import Reason
from support import odd_pem, pki
from support.bad_input import AGO, LATER, LONG_AGO, NOW, TOMORROW, YESTERDAY, Case, Stored
from support.pki_world import HOST, World

INVALID = Reason.MATERIAL_INVALID
IDN = "xn--bcher-kva.pg.rds.aliyuncs.com"


def crt(world: World, certificate: bytes) -> Stored:
    """Store this beside the good EC key."""
    return Stored(crt=certificate, key=world.leaf.key_pem())


def key(world: World, private_key: bytes) -> Stored:
    """Store this beside the good EC certificate."""
    return Stored(crt=world.leaf.chain_pem, key=private_key)


def pair(leaf: pki.Leaf, endpoint: str = HOST) -> Stored:
    """Store a certificate with its chain and key."""
    return Stored(crt=leaf.chain_pem, key=leaf.key_pem(), endpoint=endpoint)


def new(*names: str, endpoint: str = HOST, **more: object) -> Stored:
    """Store a certificate of a good chain that is special in *more*."""
    issuer = pki.make_root(extras=LONG_AGO).intermediate(extras=LONG_AGO)
    return pair(issuer.leaf(*names, **more), endpoint)  # type: ignore[arg-type]  # As told.


def signed(world: World, certificate: bytes) -> Stored:
    """Store a leaf that was changed and signed anew (DER), with its intermediate."""
    return crt(world, odd_pem.to_block(certificate) + world.intermediate.pem)


def foreign_key(kind: str) -> bytes:
    """Make a key of a kind that no TLS server has."""
    made = (
        x25519.X25519PrivateKey.generate() if kind == "x25519" else dsa.generate_private_key(2048)
    )
    return made.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def openssh(world: World) -> bytes:
    """Write the key as ssh-keygen does."""
    return world.leaf.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )


def public(world: World) -> bytes:
    """Write the public half."""
    return world.leaf.key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def pfx(world: World) -> bytes:
    """Make a PKCS#12 file."""
    return pkcs12.serialize_key_and_certificates(
        b"orders", world.rsa.key, world.rsa.certificate, None, serialization.NoEncryption()
    )


def foreign_san(world: World, encoding: str) -> bytes:
    """Make a certificate whose SAN holds a host name that is not ASCII."""
    name = "bücher.example.com".encode(encoding)
    bare = world.intermediate.leaf(HOST, sans=False, key=world.leaf.key).certificate
    names = bytes([0x30, len(name) + 2, 0x82, len(name)]) + name
    return odd_pem.with_extension(bare, world.intermediate.key, "2.5.29.17", names, critical=False)


def others(*names: x509.GeneralName) -> Stored:
    """Store a certificate whose SAN has no host name."""
    issuer = pki.make_root(extras=LONG_AGO).intermediate(extras=LONG_AGO)
    own = pki.make_key()
    made = issuer.leaf(HOST, sans=False, key=own)
    names_der = x509.SubjectAlternativeName(names).public_bytes()
    content = odd_pem.with_extension(
        made.certificate, issuer.key, "2.5.29.17", names_der, critical=False
    )
    return Stored(crt=odd_pem.to_block(content) + issuer.pem, key=pki.key_pem(own))


LONG_HOST = f"{'o' * 45}.pg.rds.aliyuncs.com"
"""One character more than a common name can have: 65."""

SPELLINGS: dict[str, Case] = {
    "DER instead of PEM": Case(
        lambda w: crt(w, odd_pem.to_der(w.leaf.pem)), INVALID, "is binary (DER or PKCS#12), not PEM"
    ),
    "DER key": Case(
        lambda w: Stored(crt=w.rsa.pem, key=odd_pem.to_der(w.rsa.key_pem())), INVALID, "DER"
    ),
    "short DER key": Case(
        lambda w: key(w, odd_pem.to_der(w.leaf.key_pem(pki.KeyFormat.SEC1))), INVALID, "key tls.key"
    ),
    "PKCS#12": Case(lambda w: crt(w, pfx(w)), INVALID, "DER or PKCS#12"),
    "PKCS#7": Case(
        lambda w: crt(w, odd_pem.to_block(b"0\x03\x02\x01\x01", "PKCS7")), INVALID, "but PKCS7"
    ),
    "a request": Case(
        lambda w: crt(w, odd_pem.to_block(b"0\x03\x02\x01\x01", "CERTIFICATE REQUEST")),
        INVALID,
        "but CERTIFICATE REQUEST",
    ),
    "OpenSSL's TRUSTED CERTIFICATE": Case(
        lambda w: crt(w, odd_pem.to_block(odd_pem.to_der(w.leaf.pem), "TRUSTED CERTIFICATE")),
        INVALID,
        "no CERTIFICATE block, but TRUSTED CERTIFICATE",
    ),
    "the old label": Case(
        lambda w: crt(
            w,
            odd_pem.to_block(odd_pem.to_der(w.leaf.pem), "X509 CERTIFICATE") + w.intermediate.pem,
        ),
        None,
    ),
    "UTF-16": Case(lambda w: crt(w, odd_pem.to_utf16(w.leaf.pem)), INVALID, "is UTF-16 text"),
    "UTF-32": Case(lambda w: crt(w, odd_pem.to_utf32(w.leaf.pem)), INVALID, "NUL bytes"),
    "NUL bytes at the end": Case(lambda w: crt(w, w.leaf.pem + b"\0" * 9), INVALID, "NUL bytes"),
    "1 MiB of blocks": Case(lambda w: crt(w, w.leaf.pem * 1700), INVALID, "larger than 256 KiB"),
    "1 MiB of text": Case(lambda w: crt(w, b"#" * 2**20), INVALID, "larger than 256 KiB"),
    "101 certificates": Case(lambda w: crt(w, w.leaf.pem * 101), INVALID, "more than 100"),
    "duplicated blocks": Case(lambda w: crt(w, w.leaf.chain_pem * 3), None),
    "text around the blocks": Case(lambda w: crt(w, odd_pem.commented(w.leaf.chain_pem)), None),
    "CRLF": Case(lambda w: crt(w, odd_pem.to_crlf(w.leaf.chain_pem)), None),
    "old Mac line ends": Case(lambda w: crt(w, w.leaf.chain_pem.replace(b"\n", b"\r")), None),
    "UTF-8 with BOM": Case(lambda w: crt(w, b"\xef\xbb\xbf" + w.leaf.chain_pem), None),
    "indented": Case(lambda w: crt(w, odd_pem.indented(w.leaf.chain_pem)), None),
    "on one line": Case(lambda w: crt(w, odd_pem.on_one_line(w.leaf.chain_pem)), None),
    "escaped line ends": Case(lambda w: crt(w, odd_pem.escaped(w.leaf.chain_pem)), None),
    "truncated": Case(lambda w: crt(w, w.leaf.pem[:-40]), INVALID, "without its END line"),
    "a line of base64 lost": Case(
        lambda w: crt(w, b"\n".join(w.leaf.pem.split(b"\n")[:3] + w.leaf.pem.split(b"\n")[4:])),
        INVALID,
        "cannot be read (number 1 of 1)",
    ),
    "no base64": Case(
        lambda w: crt(w, w.leaf.pem.replace(b"\nMI", b"\n\xc3\xbc")), INVALID, "is not base64"
    ),
    "encoded twice": Case(
        lambda w: crt(w, odd_pem.to_block(w.leaf.pem).splitlines()[1]), INVALID, "encoded twice"
    ),
    "empty": Case(lambda w: crt(w, b""), INVALID, "is empty"),
    "white space": Case(lambda w: key(w, b" \r\n\t"), INVALID, "is empty"),
    "a placeholder": Case(lambda w: crt(w, b"changeme"), INVALID, "store the PEM file itself"),
    "a host name in UTF-8": Case(
        lambda w: signed(w, foreign_san(w, "utf-8")), INVALID, "but bücher.example.com"
    ),
    "a host name in Latin-1": Case(
        lambda w: signed(w, foreign_san(w, "latin-1")), INVALID, "one of its extensions"
    ),
}

KEYS: dict[str, Case] = {
    "encrypted PKCS#8": Case(
        lambda w: key(w, w.leaf.key_pem(pki.KeyFormat.PKCS8_ENCRYPTED)),
        INVALID,
        "is an encrypted private key, and RDS takes no passphrase",
    ),
    "encrypted, older form": Case(
        lambda w: key(w, w.leaf.key_pem(pki.KeyFormat.LEGACY_ENCRYPTED)), INVALID, "encrypted"
    ),
    "EC key": Case(lambda w: pair(w.leaf), None),
    "EC key in SEC1": Case(lambda w: key(w, w.leaf.key_pem(pki.KeyFormat.SEC1)), None),
    "RSA key in PKCS#1": Case(
        lambda w: Stored(crt=w.rsa.chain_pem, key=w.rsa.key_pem(pki.KeyFormat.PKCS1)), None
    ),
    "PKCS#8 of version 2": Case(lambda w: key(w, odd_pem.in_second_version(w.leaf.key)), None),
    "PKCS#8 of version 2, RSA": Case(
        lambda w: Stored(crt=w.rsa.chain_pem, key=odd_pem.in_second_version(w.rsa.key)), None
    ),
    "a key on SM2's curve": Case(
        lambda w: key(w, odd_pem.on_another_curve(w.leaf.key)), INVALID, "serves no TLS"
    ),
    "a damaged key on P-256": Case(
        lambda w: key(w, odd_pem.off_the_curve(w.leaf.key)), INVALID, "it is damaged"
    ),
    "Ed25519 key": Case(lambda _: new(HOST, kind=pki.KeyType.ED25519), None),
    "P-384 key": Case(lambda _: new(HOST, kind=pki.KeyType.EC_P384), None),
    "RSA of 1024 bits": Case(
        lambda _: new(HOST, kind=pki.KeyType.RSA_1024), None, "has an RSA key of 1024 bits"
    ),
    "RSA bound to PSS": Case(
        lambda w: Stored(
            crt=odd_pem.to_block(odd_pem.with_pss_key(w.rsa.certificate, w.intermediate.key)),
            key=w.rsa.key_pem(),
        ),
        INVALID,
        "an RSA-PSS key",
    ),
    "a huge key": Case(
        lambda w: key(w, odd_pem.to_block(b"0" * 6000, "RSA PRIVATE KEY")), INVALID, "8192 bits"
    ),
    "DSA key": Case(lambda w: key(w, foreign_key("dsa")), INVALID, "serves no TLS"),
    "X25519 key": Case(lambda w: key(w, foreign_key("x25519")), INVALID, "serves no TLS"),
    "OpenSSH key": Case(lambda w: key(w, openssh(w)), INVALID, "but OPENSSH PRIVATE KEY"),
    "public key": Case(lambda w: key(w, public(w)), INVALID, "but PUBLIC KEY"),
    "certificate in place of the key": Case(
        lambda w: key(w, w.leaf.pem), INVALID, "no PRIVATE KEY block, but CERTIFICATE"
    ),
    "key in place of the certificate": Case(
        lambda w: crt(w, w.leaf.key_pem()), INVALID, "no CERTIFICATE block, but PRIVATE KEY"
    ),
    "two keys": Case(
        lambda w: key(w, w.leaf.key_pem() + w.other.key_pem()), INVALID, "more than one private key"
    ),
    "the same key twice": Case(lambda w: key(w, w.leaf.key_pem() * 2), None),
    "key of another certificate": Case(
        lambda w: key(w, w.other.key_pem()), Reason.KEY_MISMATCH, "is not the private key of"
    ),
    "damaged key": Case(
        lambda w: key(w, odd_pem.flipped(w.leaf.key_pem())), INVALID, "it is damaged"
    ),
    "a key and 64 KiB": Case(
        lambda w: key(w, w.leaf.key_pem() + b"#" * 2**16), INVALID, "larger than 64 KiB"
    ),
}

CERTIFICATES: dict[str, Case] = {
    "chain in the wrong order": Case(
        lambda w: crt(w, w.leaf.wrong_order_pem), INVALID, "is not the first certificate"
    ),
    "no intermediate": Case(lambda w: crt(w, w.leaf.pem), None, "has no intermediate"),
    "a root in between": Case(
        lambda w: crt(w, w.leaf.pem + w.root.pem), None, "not followed by its issuer"
    ),
    "eleven certificates": Case(
        lambda w: crt(w, w.leaf.pem + b"".join(pki.make_root(f"{n}").pem for n in range(10))),
        INVALID,
        "more than 10 certificates",
    ),
    "another host": Case(
        lambda _: new("db.example.com"), INVALID, f"does not cover the endpoint {HOST}, but db"
    ),
    "wildcard": Case(lambda _: new("*.pg.rds.aliyuncs.com"), None, ""),
    "wildcard two levels up": Case(lambda _: new("*.rds.aliyuncs.com"), INVALID, "not cover"),
    "wildcard for part of a label": Case(
        lambda _: new("o*.pg.rds.aliyuncs.com"), INVALID, "not cover"
    ),
    "IP address only": Case(lambda _: new("10.0.0.1"), INVALID, "but 10.0.0.1"),
    "IP address beside the host": Case(lambda _: new(HOST, "10.0.0.1", "fd00::1"), None),
    "common name only": Case(lambda _: new(HOST, sans=False), None, "has no SAN"),
    "common name beside a SAN of another host": Case(
        lambda _: new("db.example.com", common_name=HOST), INVALID, "but db.example.com"
    ),
    "another common name": Case(
        lambda _: new(HOST, common_name="orders"), None, "is not the endpoint"
    ),
    "an email address only": Case(
        lambda _: others(x509.RFC822Name("dba@example.com")),
        INVALID,
        "but has only an email address in its SAN",
    ),
    "a URI and an email address only": Case(
        lambda _: others(
            x509.UniformResourceIdentifier("spiffe://orders/db"), x509.RFC822Name("a@example.com")
        ),
        INVALID,
        "but has only a URI and an email address in its SAN",
    ),
    "a host of more than 64 characters": Case(
        lambda _: new(LONG_HOST, common_name="orders", endpoint=LONG_HOST), None
    ),
    "a host of 64 characters": Case(
        lambda _: new(LONG_HOST[1:], common_name="orders", endpoint=LONG_HOST[1:]),
        None,
        "is not the endpoint",
    ),
    "no name at all": Case(
        lambda _: new(HOST, common_name=None, sans=False), INVALID, "no name at all"
    ),
    "trailing dot in the SAN": Case(lambda _: new(f"{HOST}."), INVALID, f"but {HOST}."),
    "trailing dot of the endpoint": Case(lambda _: new(HOST, endpoint=f"{HOST}."), None),
    "upper case": Case(lambda _: new(HOST.upper()), None),
    "IDN host": Case(lambda _: new(IDN, endpoint=IDN), None),
    "expired yesterday": Case(
        lambda _: new(HOST, not_before=AGO, not_after=YESTERDAY), INVALID, "expired at"
    ),
    "expires this second": Case(
        lambda _: new(HOST, not_before=AGO, not_after=NOW), INVALID, "expired at"
    ),
    "valid tomorrow": Case(
        lambda _: new(HOST, not_before=TOMORROW, not_after=LATER),
        Reason.NOT_YET_VALID,
        "valid from",
    ),
    "lives two days": Case(
        lambda _: new(HOST, not_before=NOW, not_after=NOW + 2 * pki.DAY), None, "lives less than 7"
    ),
    "expired intermediate": Case(
        lambda _: pair(
            pki.make_root(extras=LONG_AGO)
            .intermediate(extras=pki.Extras(not_before=AGO, not_after=YESTERDAY))
            .leaf(HOST)
        ),
        None,
        "in the chain expired at",
    ),
    "CA as leaf": Case(lambda _: pair(pki.self_signed(HOST, ca=True)), INVALID, "is a CA, not a"),
    "self-signed": Case(lambda _: pair(pki.self_signed(HOST)), None),
    "cert-manager's temporary certificate": Case(
        lambda _: pair(pki.cert_manager_temporary(HOST)),
        Reason.TEMPORARY_CERTIFICATE,
        "the issued one is awaited",
    ),
    "for clients": Case(lambda _: new(HOST, client=True), None, "lacks serverAuth"),
    "SHA-1": Case(
        lambda w: crt(
            w,
            pki.pem(odd_pem.with_sha1_mark(w.leaf.certificate, w.intermediate.key))
            + w.intermediate.pem,
        ),
        None,
        "is signed with SHA1",
    ),
    "version 1": Case(
        lambda w: crt(
            w, pki.pem(odd_pem.as_v1(w.leaf.certificate, w.intermediate.key)) + w.intermediate.pem
        ),
        None,
        "has no SAN",
    ),
    "version 9": Case(
        lambda w: signed(w, odd_pem.with_version(w.leaf.certificate, w.intermediate.key, 9)),
        INVALID,
        "cannot be read (number 1 of 2)",
    ),
    "serial number zero": Case(
        lambda w: signed(w, odd_pem.with_serial(w.leaf.certificate, w.intermediate.key, 0)), None
    ),
    "negative serial number": Case(
        lambda w: signed(w, odd_pem.with_serial(w.leaf.certificate, w.intermediate.key, -5)),
        INVALID,
        "which RFC 5280 forbids",
    ),
    "unknown critical extension": Case(
        lambda w: signed(
            w,
            odd_pem.with_extension(
                w.leaf.certificate, w.intermediate.key, "1.2.3.4.500", b"\x05\x00"
            ),
        ),
        None,
        "a critical extension that OpenSSL does not know (1.2.3.4.500)",
    ),
    "unknown extension, not critical": Case(
        lambda w: signed(
            w,
            odd_pem.with_extension(
                w.leaf.certificate, w.intermediate.key, "1.2.3.4", b"\x05\x00", critical=False
            ),
        ),
        None,
    ),
    "an extension twice": Case(
        lambda w: signed(
            w,
            odd_pem.with_extension(
                w.leaf.certificate, w.intermediate.key, "2.5.29.19", b"\x30\x00"
            ),
        ),
        INVALID,
        "one of its extensions",
    ),
    "extensions that do not parse": Case(
        lambda w: signed(w, odd_pem.with_broken_extensions(w.leaf.certificate, w.intermediate.key)),
        INVALID,
        "one of its extensions",
    ),
    "trailing data": Case(
        lambda w: crt(w, odd_pem.to_block(odd_pem.to_der(w.leaf.pem) + b"\0")),
        INVALID,
        "cannot be read",
    ),
}
