"""
From text to the bytes between BEGIN and END, and a good sentence where that fails.

Tolerant of what does not change the meaning, because all of it is written anew before it is sent:
CRLF, indentation, comments, line breaks lost (the vendor's own examples) or written as a backslash
and an n, and blocks beside that are known to be harmless. Any other block, and any line that looks
like the beginning of one, is refused with its line: left out, a CA locks out its clients. What is
in a block that was asked for must be clean base64.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rds_ssl.core.x509.lax_der import first_element
from rds_ssl.core.x509.pem_text import Block, Scanned, cleaned, invalid, scan

MAX_REVOCATION_LISTS_BYTES = 512 * 1024
"""
Half of what one Secret or ConfigMap can hold (1 MiB, all its keys together). The vendor documents
no limit. A CRL entry takes some 50 bytes of PEM: this is a list of about 10,000 certificates.
"""

MAX_REVOCATION_LISTS = 100
"""One for every CA of the largest bundle."""

MAX_CERTIFICATES_BYTES = 256 * 1024
"""
Room for `MAX_CERTIFICATES` of 2.6 KB each, the size of an RSA-4096 certificate with a long list of
names. The vendor documents no limit.
"""

MAX_CERTIFICATES = 100
"""Status lists every client CA in force with some 200 bytes, and an object should stay small."""

MAX_PRIVATE_KEY_BYTES = 64 * 1024
"""A key is 1.7 KB (RSA-2048) to 6.5 KB (RSA-8192); the rest is room for a chain beside it."""

MAX_PRIVATE_KEY_DER_BYTES = 5 * 1024
"""An RSA-8192 key in PKCS#8 is 4.7 KB; to check a larger one holds the loop for seconds."""

MAX_CHAIN = 10
"""Java's default for jdk.tls.maxCertificateChainLength: its clients refuse a longer chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """One kind of file: what is read of it, and what may stand beside."""

    labels: tuple[str, ...]
    max_bytes: int
    max_blocks: int
    harmless: Mapping[str, str]
    """Labels that are left out without a word, each with the reason why nothing is lost."""


_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_CRL_LABELS = ("X509 CRL",)
_KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")

_OTHER_KEYS = ("DSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY")

_PARAMETERS = {
    "EC PARAMETERS": "openssl ecparam -genkey writes the curve before the key, which names it too",
    "DH PARAMETERS": "HAProxy and others keep them in one file with the certificate",
    "DSA PARAMETERS": "as EC PARAMETERS",
}

_REQUESTS = dict.fromkeys(
    ("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"), "it asks for a certificate and is none"
)

_PUBLIC_KEYS = dict.fromkeys(("PUBLIC KEY", "RSA PUBLIC KEY"), "the certificate holds the same")

_CERTIFICATES = _Kind(
    labels=_CERTIFICATE_LABELS,
    max_bytes=MAX_CERTIFICATES_BYTES,
    max_blocks=MAX_CERTIFICATES,
    harmless=dict.fromkeys((*_KEY_LABELS, *_OTHER_KEYS), "a key is no certificate, and trusts none")
    | dict.fromkeys(_CRL_LABELS, "a list beside its CA; it has a field of its own")
    | _PARAMETERS
    | _REQUESTS
    | _PUBLIC_KEYS,
)

_REVOCATION_LISTS = _Kind(
    labels=_CRL_LABELS,
    max_bytes=MAX_REVOCATION_LISTS_BYTES,
    max_blocks=MAX_REVOCATION_LISTS,
    harmless=dict.fromkeys(
        (*_CERTIFICATE_LABELS, "TRUSTED CERTIFICATE"), "the CA beside its list; it revokes nothing"
    )
    | dict.fromkeys((*_KEY_LABELS, *_OTHER_KEYS), "a key revokes nothing")
    | _PARAMETERS
    | _REQUESTS
    | _PUBLIC_KEYS,
)

_PRIVATE_KEYS = _Kind(
    labels=_KEY_LABELS,
    max_bytes=MAX_PRIVATE_KEY_BYTES,
    max_blocks=MAX_PRIVATE_KEY_BYTES,
    harmless=dict.fromkeys(
        (*_CERTIFICATE_LABELS, *_CRL_LABELS, "TRUSTED CERTIFICATE"),
        "files for HAProxy and the like hold certificate and key; the chain has its own",
    )
    | _PARAMETERS
    | _REQUESTS
    | _PUBLIC_KEYS,
)

_REMEDIES: Mapping[str, str] = {
    "TRUSTED CERTIFICATE": "write it as a plain one (openssl x509 -in … -out …)",
    "PKCS7": "take its certificates out (openssl pkcs7 -print_certs -in … -out …)",
    "CMS": "take its certificates out (openssl cms -verify -certsout …)",
}
"""What to do about a label that is not read, where there is more to say than to remove it."""

_KNOWN_LABELS = frozenset(_REMEDIES).union(
    *((*kind.labels, *kind.harmless) for kind in (_CERTIFICATES, _REVOCATION_LISTS, _PRIVATE_KEYS))
)

_LINE = 64
"""Characters of base64 in a line of PEM."""

_BASE64_LINE = re.compile(r"[A-Za-z0-9+/=\s]*")

_DOUBLE_ENCODED = "LS0tLS1CRUdJTi"
"""How the base64 of ``-----BEGIN `` begins."""


def certificate_blocks(text: str | bytes, *, field: str) -> list[bytes]:
    """
    Decode the CERTIFICATE blocks of *text*, in order; never empty.

    Raises:
        MaterialError: If *text* is no PEM, has no such block, has one that would be left out
            although it may be meant for one, or has too much.
    """
    return _selected(_scanned(text, _CERTIFICATES, field=field), _CERTIFICATES, field=field)


def revocation_list_blocks(text: str | bytes, *, field: str) -> list[bytes]:
    """
    Decode the X509 CRL blocks of *text*, in order; never empty.

    Raises:
        MaterialError: As of `certificate_blocks`.
    """
    return _selected(_scanned(text, _REVOCATION_LISTS, field=field), _REVOCATION_LISTS, field=field)


def private_key_block(text: bytes, *, field: str) -> bytes:
    """
    Decode the one private key of *text*: PKCS#8, PKCS#1 or SEC1, not encrypted.

    Raises:
        MaterialError: If there is none, or two that differ, or an encrypted one, or something
            that looks like one and is not understood.
    """
    scanned = _scanned(text, _PRIVATE_KEYS, field=field)
    for block in scanned.blocks:
        # Proc-Type is the header of OpenSSL's older, encrypted form; base64 has no colon.
        if block.label == "ENCRYPTED PRIVATE KEY" or "Proc-Type:" in block.body:
            raise invalid(
                field,
                "is an encrypted private key, and RDS takes no passphrase;"
                " store it unencrypted (openssl pkey -in … -out …).",
            )
    keys = set(_selected(scanned, _PRIVATE_KEYS, field=field))
    if len(keys) > 1:
        raise invalid(field, "holds more than one private key; keep the one of the certificate.")
    key = keys.pop()
    if len(key) > MAX_PRIVATE_KEY_DER_BYTES:
        raise invalid(field, "is a private key larger than RSA with 8192 bits; use a smaller one.")
    return key


def shown_certificate_blocks(text: str | bytes, *, field: str) -> list[bytes]:
    """
    Decode the certificates that an instance shows, in order; never empty.

    Leniently: any number of them, OpenSSL's own form, lines of comment within. But each must be a
    SEQUENCE to its end; what is not is no certificate that a server could have loaded, so that the
    answer was cut off or says something else.

    Raises:
        MaterialError: If *text* is no PEM, or has no such block, or one that is no SEQUENCE.
    """
    return _shown(text, (*_CERTIFICATE_LABELS, "TRUSTED CERTIFICATE"), field=field)


def shown_revocation_list_blocks(text: str | bytes, *, field: str) -> list[bytes]:
    """
    Decode the revocation lists that an instance shows, in order; never empty.

    Raises:
        MaterialError: As of `shown_certificate_blocks`.
    """
    return _shown(text, _CRL_LABELS, field=field)


def write_block(der: bytes, label: str) -> str:
    """Write one block; it ends in a newline."""
    body = base64.b64encode(der).decode()
    lines = (body[at : at + _LINE] for at in range(0, len(body), _LINE))
    return "\n".join((f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""))


def own_blocks(pem: str) -> list[bytes]:
    """Decode all blocks of PEM that this program has written; no limit, they were kept before."""
    return [_decoded(block, field="") for block in scan(pem, field="").blocks]


def _scanned(text: str | bytes, kind: _Kind, *, field: str) -> Scanned:
    if len(text) > kind.max_bytes:
        raise invalid(
            field,
            f"is larger than {kind.max_bytes // 1024} KiB, more than is ever sent;"
            " remove what is not needed.",
        )
    return scan(plain_text(text, field=field), field=field)


def _selected(scanned: Scanned, kind: _Kind, *, field: str) -> list[bytes]:
    """Decode the blocks of *kind*: at least one, and nothing else that could be meant for one."""
    label = kind.labels[0]
    for odd in scanned.odd:
        raise invalid(
            field,
            f"has a line {odd.line} ({odd.label}) that looks like the BEGIN line of a block and is"
            f" none: a block begins with -----BEGIN {label}-----, five hyphens at the start of a"
            " line and capital letters; correct the line, or remove it with what belongs to it.",
        )
    selected = [block for block in scanned.blocks if block.label in kind.labels]
    if not selected:
        found = sorted({block.label for block in scanned.blocks} & _KNOWN_LABELS)
        if found:
            raise invalid(field, f"holds no {label} block, but {' and '.join(found)}.")
        raise invalid(field, f"holds no {label} block; store the PEM file itself.")
    for block in scanned.blocks:
        if block.label not in kind.labels and block.label not in kind.harmless:
            remedy = _REMEDIES.get(block.label, f"correct it to {label}")
            raise invalid(
                field,
                f"has a block {cleaned(block.label)} (line {block.line}), which is not read, so"
                f" that what is in it would be left out; {remedy}, or remove it.",
            )
    if len(selected) > kind.max_blocks:
        raise invalid(field, f"holds more than {kind.max_blocks} {label} blocks; remove some.")
    return [_decoded(block, field=field) for block in selected]


def _shown(text: str | bytes, labels: tuple[str, ...], *, field: str) -> list[bytes]:
    scanned = scan(plain_text(text, field=field), field=field)
    found = []
    for block in scanned.blocks:
        if block.label in labels:
            body = "".join(filter(_BASE64_LINE.fullmatch, block.body.splitlines(keepends=True)))
            der = _decoded(Block(block.label, body, block.line), field=field)
            if not first_element(der):
                raise invalid(field, f"has a {block.label} block that holds none.")
            found.append(der)
    if not found:
        raise invalid(field, f"holds no {labels[0]} block.")
    return found


def _decoded(block: Block, *, field: str) -> bytes:
    der: bytes | None
    try:
        der = base64.b64decode("".join(block.body.split()), validate=True)
    except ValueError:
        der = None
    # Raised outside of `except`, so that no error of a library hangs on to ours.
    if not der:
        raise invalid(
            field,
            f"has a {block.label} block whose content is not base64 (cut off, or edited);"
            " store the file again.",
        )
    return der


def plain_text(text: str | bytes, *, field: str) -> str:
    """Turn *text* into characters, or say what it is instead of PEM."""
    plain = text if isinstance(text, str) else _decoded_text(text)
    if plain.startswith(("\xff\xfe", "\xfe\xff")) or "-\x00-\x00" in plain:
        raise invalid(field, "is UTF-16 text; store it as UTF-8 or ASCII.")
    if _looks_like_der(plain):
        raise invalid(
            field,
            "is binary (DER or PKCS#12), not PEM; convert it, for example with"
            " openssl x509 -inform DER, openssl crl -inform DER or openssl pkcs12.",
        )
    if "\x00" in plain:
        raise invalid(field, "holds NUL bytes, so it is no PEM text; store the file again.")
    bare = plain.lstrip("\ufeff").removeprefix("\xef\xbb\xbf")
    if not bare.strip():
        raise invalid(field, "is empty.")
    if bare.lstrip().startswith(_DOUBLE_ENCODED):
        raise invalid(
            field,
            "is base64 of PEM: it was encoded twice; under data of a Secret it is encoded once,"
            " under stringData not at all.",
        )
    return bare  # Not stripped: its lines are numbered.


def _looks_like_der(plain: str) -> bool:
    """True if *plain* begins as a SEQUENCE of more than 127 bytes, as every certificate does."""
    return len(plain) > 1 and plain[0] == "0" and "\x80" <= plain[1] <= "\x84"


def _decoded_text(text: bytes) -> str:
    """Read UTF-8, or else Latin-1, which takes every byte: comments may have any encoding."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")
