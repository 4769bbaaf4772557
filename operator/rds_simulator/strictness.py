"""
What a gateway may look at in certificates and lists that parse, and an easier one does not.

Each is a switch, for no document says how strict the real one is.
"""

import re
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from rds_simulator.certificates import Bundle
from rds_simulator.config import Rules, Switch

_ONE_LINE = re.compile(r"-----BEGIN [A-Z0-9 ]+-----[ \t]*\S")


def refuses_text(text: str, rules: Rules) -> bool:
    """Whether PEM is refused for its lines alone."""
    return rules.has(Switch.ONE_LINE_PEM, "refused") and bool(_ONE_LINE.search(text))


def refuses_server(leaf_pem: str, host: str, rules: Rules) -> bool:
    """Whether a server certificate is refused: for the kind of its key, or for its names."""
    leaf = x509.load_pem_x509_certificate(leaf_pem.encode())
    if rules.has(Switch.EC_KEYS, "refused") and _is_ec(leaf):
        return True
    return rules.has(Switch.UNCOVERED_HOST, "refused") and not _covers(leaf, host)


def refuses_client_ca(bundle: Bundle, rules: Rules) -> bool:
    """Whether a client CA is refused for the kind of its key."""
    return rules.has(Switch.EC_KEYS, "refused") and any(map(_is_ec, _cas(bundle)))


def refuses_crl(crl: Bundle, client_ca: Bundle, rules: Rules, now: datetime) -> bool:
    """Whether revocation lists are refused: their number, their age, or who signed them."""
    if rules.has(Switch.CRL_BLOCKS, "refused") and len(crl.blocks) > 1:
        return True
    if not rules.has(Switch.BAD_CRL, "refused"):
        return False
    lists = [x509.load_pem_x509_crl(block.encode()) for block in crl.blocks]
    return any(_is_bad(each, client_ca, now) for each in lists)


def _is_bad(crl: x509.CertificateRevocationList, client_ca: Bundle, now: datetime) -> bool:
    end = crl.next_update_utc
    if crl.last_update_utc > now or (end is not None and end < now):
        return True
    signers = [each for each in _cas(client_ca) if each.subject == crl.issuer]
    return not any(_signed(crl, each) for each in signers)


def _signed(crl: x509.CertificateRevocationList, ca: x509.Certificate) -> bool:
    try:
        return crl.is_signature_valid(ca.public_key())  # type: ignore[arg-type]  # Of any kind.
    except (TypeError, ValueError):
        return False


def _cas(bundle: Bundle) -> list[x509.Certificate]:
    return [x509.load_pem_x509_certificate(block.encode()) for block in bundle.blocks]


def _is_ec(certificate: x509.Certificate) -> bool:
    return isinstance(certificate.public_key(), ec.EllipticCurvePublicKey)


def _covers(leaf: x509.Certificate, host: str) -> bool:
    try:
        names = leaf.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value.get_values_for_type(x509.DNSName)
    except x509.ExtensionNotFound:
        return False
    parent = host.partition(".")[2]
    return any(name.lower() in {host, f"*.{parent}"} for name in names)
