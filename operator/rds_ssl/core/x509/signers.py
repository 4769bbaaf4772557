"""
Which revocation list which CA has issued, by verifying signatures.

Apart from `rds_ssl.core.x509.pem` because it is the costliest thing that is done with certificates:
its bounds stand here.
"""

from collections.abc import Mapping

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, rsa

from rds_ssl.core.x509.facts import ClientCAMaterial, RevocationListMaterial, canonical
from rds_ssl.core.x509.pem_blocks import own_blocks

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

_MAX_MODULUS_BITS = 16384
"""
Of an RSA key that a signature is verified with; OpenSSL, also PostgreSQL's, refuses a larger one.
Source: OPENSSL_RSA_MAX_MODULUS_BITS.
"""

_MAX_EXPONENT_BITS = 256
"""
The same of its public exponent: FIPS 186-5 has keys end there, and all in use have 17 bits. OpenSSL
takes as many as the modulus has, up to 3,072, which is 8 ms for each signature instead of 0.1 ms,
and refuses more than 64 with a larger modulus. What is left takes 10 ms at most.
"""


_MAX_DSA_BITS = 4096
"""Of a DSA key: 3 ms for a signature. PostgreSQL takes lists of such a CA (measured)."""


def signed_lists(
    client_ca: ClientCAMaterial, revocation_list: RevocationListMaterial
) -> Mapping[str, frozenset[str]]:
    """
    Return which lists each CA of a bundle has issued, by verifying the signatures.

    Costly: a tenth of a millisecond and more for each list and each key that its issuer may have.

    Returns:
        The CA's sha256 → the sha256 of its lists; every CA of the bundle has an entry.
    """
    signers = _signers(client_ca)
    signed: dict[str, set[str]] = {ca.certificate.sha256: set() for ca in client_ca.cas}
    ders = own_blocks(revocation_list.pem)
    for facts, der in zip(revocation_list.lists, ders, strict=True):
        crl = x509.load_der_x509_crl(der)
        for key, cas in signers.get(canonical(crl.issuer.rfc4514_string()), {}).values():
            if _has_signed(key, crl):
                for ca in cas:
                    signed[ca].add(facts.sha256)
                break  # No other key has.
    return {ca: frozenset(lists) for ca, lists in signed.items()}


def _signers(
    client_ca: ClientCAMaterial,
) -> Mapping[str, Mapping[bytes, tuple[_PublicKey, list[str]]]]:
    """
    Return all keys that may have signed for a name, each with the sha256 of the CAs that have it.

    Of two CAs with one name only the key tells which has signed a list; a CA issued again with its
    old key is the same for this.
    """
    signers: dict[str, dict[bytes, tuple[_PublicKey, list[str]]]] = {}
    for ca, der in zip(client_ca.cas, own_blocks(client_ca.pem), strict=True):
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        if isinstance(key, _PublicKey) and _verifies(key):
            spki = key.public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            of_name = signers.setdefault(canonical(ca.certificate.subject), {})
            of_name.setdefault(spki, (key, []))[1].append(ca.certificate.sha256)
    return signers


def _verifies(key: _PublicKey) -> bool:
    """True if a signature is verified with *key*; with one beyond the bounds nothing is signed."""
    if isinstance(key, dsa.DSAPublicKey):
        return key.key_size <= _MAX_DSA_BITS
    return not isinstance(key, rsa.RSAPublicKey) or (
        key.key_size <= _MAX_MODULUS_BITS
        and key.public_numbers().e.bit_length() <= _MAX_EXPONENT_BITS
    )


def _has_signed(key: _PublicKey, crl: x509.CertificateRevocationList) -> bool:
    try:
        return crl.is_signature_valid(key)
    except _UNVERIFIABLE:
        return False
