"""
From text to the bytes between BEGIN and END, and a good sentence where that fails.

Tolerant of what does not change the meaning, because all of it is written anew before it is sent:
CRLF, indentation, comments and other blocks around, line breaks lost (the vendor's own examples)
or written as a backslash and an n. What is in a block that was asked for must be clean base64.
"""

import base64
from dataclasses import dataclass

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason

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

_CERTIFICATE_LABELS = ("CERTIFICATE", "X509 CERTIFICATE")
_CRL_LABELS = ("X509 CRL",)
_KEY_LABELS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")

_BEGIN = "-----BEGIN "
_DASHES = "-----"
_MAX_LABEL = 64
_KNOWN_LABELS = frozenset(
    {
        "CERTIFICATE",
        "CERTIFICATE REQUEST",
        "DSA PRIVATE KEY",
        "EC PARAMETERS",
        "EC PRIVATE KEY",
        "ENCRYPTED PRIVATE KEY",
        "OPENSSH PRIVATE KEY",
        "PKCS7",
        "PRIVATE KEY",
        "PUBLIC KEY",
        "RSA PRIVATE KEY",
        "TRUSTED CERTIFICATE",
        "X509 CERTIFICATE",
        "X509 CRL",
    }
)
"""Labels that a message may repeat; any other is text of unknown origin, perhaps of a key."""

_DOUBLE_ENCODED = "LS0tLS1CRUdJTi"
"""How the base64 of ``-----BEGIN `` begins."""


@dataclass(frozen=True, slots=True)
class _Block:
    """
    One block; *body* is the text between its lines, not decoded yet.

    repr() leaves the body out: it may be a private key.
    """

    label: str
    body: str

    def __repr__(self) -> str:
        return f"_Block({self.label!r})" if self.label in _KNOWN_LABELS else "_Block(…)"


def invalid(field: str, sentence: str) -> MaterialError:
    """Return the error for text that cannot be used; *sentence* goes on after the field's name."""
    return MaterialError(f"{field} {sentence}", reason=Reason.MATERIAL_INVALID, field=field)


def certificate_blocks(text: str | bytes, *, field: str) -> list[bytes]:
    """
    Decode the CERTIFICATE blocks of *text*, in order; never empty.

    Raises:
        MaterialError: If *text* is no PEM, has no such block, or has too much.
    """
    blocks = _split(text, field=field, max_bytes=MAX_CERTIFICATES_BYTES)
    return _selected(blocks, _CERTIFICATE_LABELS, field=field, max_blocks=MAX_CERTIFICATES)


def revocation_list_blocks(text: str | bytes, *, field: str) -> list[bytes]:
    """
    Decode the X509 CRL blocks of *text*, in order; never empty.

    Raises:
        MaterialError: If *text* is no PEM, has no such block, or has too much.
    """
    blocks = _split(text, field=field, max_bytes=MAX_REVOCATION_LISTS_BYTES)
    return _selected(blocks, _CRL_LABELS, field=field, max_blocks=MAX_REVOCATION_LISTS)


def private_key_block(text: bytes, *, field: str) -> bytes:
    """
    Decode the one private key of *text*: PKCS#8, PKCS#1 or SEC1, not encrypted.

    Raises:
        MaterialError: If there is none, or two that differ, or an encrypted one.
    """
    blocks = _split(text, field=field, max_bytes=MAX_PRIVATE_KEY_BYTES)
    for block in blocks:
        # Proc-Type is the header of OpenSSL's older, encrypted form; base64 has no colon.
        if block.label == "ENCRYPTED PRIVATE KEY" or "Proc-Type:" in block.body:
            raise invalid(
                field,
                "is an encrypted private key, and RDS takes no passphrase;"
                " store it unencrypted (openssl pkey -in … -out …).",
            )
    keys = set(_selected(blocks, _KEY_LABELS, field=field, max_blocks=len(blocks)))
    if len(keys) > 1:
        raise invalid(field, "holds more than one private key; keep the one of the certificate.")
    key = keys.pop()
    if len(key) > MAX_PRIVATE_KEY_DER_BYTES:
        raise invalid(field, "is a private key larger than RSA with 8192 bits; use a smaller one.")
    return key


def own_blocks(pem: str) -> list[bytes]:
    """Decode all blocks of PEM that this program has written; no limit, they were kept before."""
    return [_decoded(block, field="") for block in _split(pem, field="", max_bytes=len(pem))]


def _split(text: str | bytes, *, field: str, max_bytes: int) -> list[_Block]:
    """Find all blocks of *text*, whatever their labels, in order; there may be none."""
    if len(text) > max_bytes:
        raise invalid(
            field,
            f"is larger than {max_bytes // 1024} KiB, more than is ever sent;"
            " remove what is not needed.",
        )
    plain = _plain_text(text, field=field)
    blocks: list[_Block] = []
    position = plain.find(_BEGIN)
    while position >= 0:
        block, position = _block_at(plain, position, field=field)
        blocks.append(block)
        position = plain.find(_BEGIN, position)
    return blocks


def _selected(
    blocks: list[_Block], labels: tuple[str, ...], *, field: str, max_blocks: int
) -> list[bytes]:
    """Decode the blocks with one of *labels*: at least one, at most *max_blocks*."""
    selected = [block for block in blocks if block.label in labels]
    if not selected:
        found = sorted({block.label for block in blocks} & _KNOWN_LABELS)
        if found:
            raise invalid(field, f"holds no {labels[0]} block, but {' and '.join(found)}.")
        raise invalid(field, f"holds no {labels[0]} block; store the PEM file itself.")
    if len(selected) > max_blocks:
        raise invalid(field, f"holds more than {max_blocks} {labels[0]} blocks; remove some.")
    return [_decoded(block, field=field) for block in selected]


def _decoded(block: _Block, *, field: str) -> bytes:
    body = block.body.replace("\\r", "").replace("\\n", "")
    der: bytes | None
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
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


def _plain_text(text: str | bytes, *, field: str) -> str:
    """Turn *text* into characters, or say what it is instead of PEM."""
    # Latin-1 takes every byte: comments may have any encoding, and nothing can fail here.
    plain = text if isinstance(text, str) else text.decode("latin-1")
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
    stripped = plain.lstrip("\ufeff").removeprefix("\xef\xbb\xbf").strip()
    if not stripped:
        raise invalid(field, "is empty.")
    if stripped.startswith(_DOUBLE_ENCODED):
        raise invalid(
            field,
            "is base64 of PEM: it was encoded twice; under data of a Secret it is encoded once,"
            " under stringData not at all.",
        )
    return stripped


def _looks_like_der(plain: str) -> bool:
    """True if *plain* begins as a SEQUENCE of more than 127 bytes, as every certificate does."""
    return len(plain) > 1 and plain[0] == "0" and "\x80" <= plain[1] <= "\x84"


def _block_at(plain: str, begin: int, *, field: str) -> tuple[_Block, int]:
    """Read the block that begins at *begin*; also give the position after it."""
    label_at = begin + len(_BEGIN)
    label_end = plain.find(_DASHES, label_at, label_at + _MAX_LABEL + len(_DASHES))
    if label_end < 0:
        raise invalid(field, "has a BEGIN line that is damaged; store the file again.")
    label = plain[label_at:label_end]
    body_at = label_end + len(_DASHES)
    end_line = f"-----END {label}-----"
    end = plain.find(end_line, body_at)
    if end < 0 or _BEGIN in plain[body_at:end]:
        named = f"{label} block" if label in _KNOWN_LABELS else "block"
        raise invalid(
            field,
            f"has a {named} without its END line (cut off, or pasted wrongly);"
            " store the file again.",
        )
    return _Block(label, plain[body_at:end]), end + len(end_line)
