"""
Which revocation list which CA has issued, by verifying signatures.

Apart from `rds_ssl.core.x509.pem` because it is the costliest thing that is done with certificates:
its bounds stand here, and what it will cost is reckoned before anything is verified.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from rds_ssl.core.x509 import bounds, pem_errors
from rds_ssl.core.x509.facts import ClientCAMaterial, RevocationListMaterial, canonical
from rds_ssl.core.x509.pem_blocks import own_blocks
from rds_ssl.core.x509.reading import attempt, extension

_PublicKey = (
    rsa.RSAPublicKey
    | ec.EllipticCurvePublicKey
    | ed25519.Ed25519PublicKey
    | ed448.Ed448PublicKey
    | dsa.DSAPublicKey
)

_UNVERIFIABLE = (
    ValueError,
    TypeError,
    OverflowError,
    exceptions.InternalError,
    exceptions.UnsupportedAlgorithm,
)
"""All that cryptography raises for a signature that it cannot verify."""

MOST_SECONDS = 4.0
"""
That all signatures of one bundle may take: twice what a hundred CAs of one name take, with keys of
RSA-4096 and lists without a key identifier. What is large waits behind it, of all tenants.
"""

_P256_SECONDS, _CURVE_SECONDS, _ED_SECONDS = 110e-6, 1.6e-3, 300e-6
"""Of one signature: with P-256, with the slowest curve (brainpoolP512r1), with Ed448."""

_RSA_SECONDS, _RSA_BIT_SECONDS = 6e-6, 0.37e-6
"""The same for a modulus of 1,024 bits, by whose square it grows: at least, and for each bit of the
exponent."""

_DSA_SECONDS = 130e-6
"""The same of DSA."""

_HASH_SECONDS = 5e-9
"""For each byte that is signed."""


@dataclass(frozen=True, slots=True)
class _Signer:
    """A key that may have signed lists, and the CAs that have it (a CA that was issued again)."""

    key: _PublicKey
    key_ids: set[bytes | None] = field(default_factory=set)
    """What the CAs call it; None: one of them does not say."""
    cas: list[str] = field(default_factory=list)
    """Their sha256."""

    def seconds(self, size: int) -> float:
        """Return what a signature over *size* bytes takes at most."""
        return _seconds(self.key) + size * _HASH_SECONDS


@dataclass(frozen=True, slots=True)
class _List:
    sha256: str
    crl: x509.CertificateRevocationList
    size: int
    """Bytes of DER."""
    signers: Sequence[_Signer]
    """Who may have signed it, the likeliest first."""


def signed_lists(
    client_ca: ClientCAMaterial,
    revocation_list: RevocationListMaterial,
    *,
    where: str = "revocation list",
) -> Mapping[str, frozenset[str]]:
    """
    Return which lists each CA of a bundle has issued, by verifying the signatures.

    Costly: a tenth of a millisecond and more for each list and each key that its issuer may have.
    A list that names a key is not held against another one, as in OpenSSL (X509_check_akid).

    Args:
        where: Of the lists, in the words of the user.

    Returns:
        The CA's sha256 → the sha256 of its lists; every CA of the bundle has an entry.

    Raises:
        MaterialError: It would take more than `MOST_SECONDS`; nothing is verified then.
    """
    signers = _signers(client_ca)
    signed: dict[str, set[str]] = {ca.certificate.sha256: set() for ca in client_ca.cas}
    lists = tuple(_lists(revocation_list, signers))
    if sum(each.seconds(one.size) for one in lists for each in one.signers) > MOST_SECONDS:
        raise pem_errors.many_signers(where)
    for one in lists:
        for each in one.signers:
            if _has_signed(each.key, one.crl):
                for ca in each.cas:
                    signed[ca].add(one.sha256)
                break  # No other key has.
    return {ca: frozenset(lists) for ca, lists in signed.items()}


def unverified(key: object) -> str:
    """Return why no list is held against a CA with *key*, after its name; empty if they are."""
    if not isinstance(key, _PublicKey):
        return "has a key of a kind with which no signature is verified"
    # The modulus has its bound from where it was read.
    if (
        isinstance(key, rsa.RSAPublicKey)
        and key.public_numbers().e.bit_length() > bounds.MAX_EXPONENT_BITS
    ):
        return (
            f"has an RSA key with a public exponent of more than {bounds.MAX_EXPONENT_BITS}"
            " bits, with which no signature is verified"
        )
    return ""


def _lists(
    revocation_list: RevocationListMaterial, signers: Mapping[str, Sequence[_Signer]]
) -> Iterator[_List]:
    ders = own_blocks(revocation_list.pem)
    for facts, der in zip(revocation_list.lists, ders, strict=True):
        crl = x509.load_der_x509_crl(der)
        named = signers.get(canonical(facts.issuer), ())
        wanted = attempt(partial(extension, crl, x509.AuthorityKeyIdentifier))
        key_id = wanted.key_identifier if wanted else None
        if key_id is not None:
            named = [each for each in named if each.key_ids & {key_id, None}]
            # Those that bear the name first, which sorts False before True.
            named = sorted(named, key=partial(_is_called_otherwise, key_id))
        yield _List(facts.sha256, crl, len(der), named)


def _is_called_otherwise(key_id: bytes, signer: _Signer) -> bool:
    return key_id not in signer.key_ids


def _signers(client_ca: ClientCAMaterial) -> Mapping[str, Sequence[_Signer]]:
    """
    Return all keys that may have signed for a name.

    Of two CAs with one name only the key tells which has signed a list; a CA issued again with its
    old key is the same for this.
    """
    signers: dict[str, dict[bytes, _Signer]] = {}
    for ca, der in zip(client_ca.cas, own_blocks(client_ca.pem), strict=True):
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        if isinstance(key, _PublicKey) and not unverified(key):
            spki = key.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            of_name = signers.setdefault(canonical(ca.certificate.subject), {})
            signer = of_name.setdefault(spki, _Signer(key))
            own = attempt(partial(extension, certificate, x509.SubjectKeyIdentifier))
            signer.key_ids.add(own.digest if own else None)
            signer.cas.append(ca.certificate.sha256)
    return {name: tuple(of_name.values()) for name, of_name in signers.items()}


def _seconds(key: _PublicKey) -> float:
    """Return what a signature with *key* takes at most; measured, tests hold it."""
    match key:
        case rsa.RSAPublicKey():
            exponent = key.public_numbers().e.bit_length()
            per_square = _RSA_SECONDS + _RSA_BIT_SECONDS * exponent
            return (key.key_size / 1024) ** 2 * per_square
        case dsa.DSAPublicKey():
            return (key.key_size / 1024) ** 2 * _DSA_SECONDS
        case ec.EllipticCurvePublicKey():
            return _P256_SECONDS if isinstance(key.curve, ec.SECP256R1) else _CURVE_SECONDS
        case _:
            return _ED_SECONDS


def _has_signed(key: _PublicKey, crl: x509.CertificateRevocationList) -> bool:
    try:
        return crl.is_signature_valid(key)
    except _UNVERIFIABLE:
        return False
