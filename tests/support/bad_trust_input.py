"""What people store as client CAs and revocation lists, with its verdict; see `Case`."""

from datetime import datetime

from cryptography import x509

from rds_ssl.core.model import Reason
from support import odd_pem, pki
from support.bad_input import AGO, LATER, LONG_AGO, TOMORROW, YESTERDAY, Case, Stored
from support.pki_world import HOST, World

INVALID = Reason.MATERIAL_INVALID
EMPTY_SCOPE = b"\x30\x00"
INDIRECT = b"\x30\x03\x84\x01\xff"
ONLY_CAS = b"\x30\x03\x82\x01\xff"
SCOPE = "2.5.29.28"
"""issuingDistributionPoint."""


def ca(text: bytes) -> Stored:
    """Store a bundle without a list."""
    return Stored(ca=text)


def crl(world: World, text: bytes) -> Stored:
    """Store lists beside the root."""
    return Stored(ca=world.root.pem, crl=text)


def old(name: str, *, start: datetime = AGO, end: datetime = YESTERDAY) -> pki.Authority:
    """Make a root that lives at another time."""
    return pki.make_root(name, extras=pki.Extras(not_before=start, not_after=end))


def usage(*, cert_sign: bool, crl_sign: bool) -> pki.Authority:
    """Make a root with this key usage."""
    return pki.make_root(
        extras=pki.Extras(key_usage=pki.key_usage(cert_sign=cert_sign, crl_sign=crl_sign))
    )


def both(*cas: pki.Authority) -> Stored:
    """Store CAs, each with its list."""
    return Stored(
        ca=b"".join(each.pem for each in cas), crl=b"".join(each.revocation_list() for each in cas)
    )


def marked(world: World, oid: str, value: bytes, *, critical: bool = True) -> Stored:
    """Store a list of the root with one more extension."""
    (plain,) = [x509.load_pem_x509_crl(world.root.revocation_list())]
    changed = odd_pem.with_extension(plain, world.root.key, oid, value, critical=critical)
    return crl(world, odd_pem.to_block(changed, "X509 CRL"))


def with_dead_list(world: World, dead: pki.Authority) -> Stored:
    """Store a CA that has expired, and its last list, beside the root with its own."""
    stale = dead.revocation_list(this_update=AGO, next_update=YESTERDAY)
    return Stored(ca=world.root.pem + dead.pem, crl=world.crl + stale)


def critical_ca() -> bytes:
    """Make a root with a critical extension that nobody knows."""
    root = pki.make_root()
    return odd_pem.to_block(
        odd_pem.with_extension(root.certificate, root.key, "1.2.3.4", b"\x05\x00")
    )


BUNDLES: dict[str, Case] = {
    "a root": Case(lambda w: ca(w.root.pem), None),
    "root and intermediate": Case(lambda w: ca(w.root.pem + w.intermediate.pem), None),
    "the same CA twice": Case(lambda w: ca(w.root.pem * 2), None),
    "an intermediate only": Case(
        lambda w: ca(w.intermediate.pem), None, "is an intermediate whose issuer CN=Test root"
    ),
    "a leaf among the CAs": Case(
        lambda w: ca(w.root.pem + w.leaf.pem), INVALID, f"CN={HOST} is not a CA"
    ),
    "a CA that may not issue": Case(
        lambda _: ca(usage(cert_sign=False, crl_sign=True).pem), INVALID, "is not a CA"
    ),
    "an expired CA among valid ones": Case(
        lambda w: ca(old("Old").pem + w.root.pem), None, "CN=Old expired at"
    ),
    "all expired": Case(
        lambda _: ca(old("A", end=AGO + pki.DAY).pem + old("B").pem),
        INVALID,
        "no CA is valid any more; CN=B expired at",
    ),
    "valid tomorrow": Case(
        lambda _: ca(old("B", start=TOMORROW, end=LATER).pem),
        Reason.NOT_YET_VALID,
        "no CA is valid yet; CN=B",
    ),
    "a version 1 root": Case(
        lambda w: ca(pki.pem(odd_pem.as_v1(w.root.certificate, w.root.key))), None
    ),
    "a version 1 intermediate": Case(
        lambda w: ca(pki.pem(odd_pem.as_v1(w.intermediate.certificate, w.root.key))),
        INVALID,
        "is not a CA",
    ),
    "a weak CA": Case(
        lambda _: ca(pki.make_root(kind=pki.KeyType.RSA_1024).pem), None, "RSA key of 1024 bits"
    ),
    "an unknown critical extension": Case(
        lambda _: ca(critical_ca()),
        None,
        "a critical extension that OpenSSL does not know (1.2.3.4",
    ),
    "CAs in DER": Case(lambda w: ca(odd_pem.to_der(w.root.pem)), INVALID, "DER"),
    "CAs in UTF-16": Case(lambda w: ca(odd_pem.to_utf16(w.root.pem)), INVALID, "UTF-16"),
    "a list in place of the CAs": Case(
        lambda w: ca(w.crl), INVALID, "no CERTIFICATE block, but X509 CRL"
    ),
    "a key beside the CA": Case(lambda w: ca(w.root.pem + w.leaf.key_pem()), None),
}

LISTS: dict[str, Case] = {
    "its list": Case(lambda w: crl(w, w.crl), None),
    "of an Ed25519 CA": Case(lambda _: both(pki.make_root(kind=pki.KeyType.ED25519)), None),
    "of a P-384 CA": Case(lambda _: both(pki.make_root(kind=pki.KeyType.EC_P384)), None),
    "of an RSA CA": Case(lambda _: both(pki.make_root(kind=pki.KeyType.RSA_2048)), None),
    "a list for each": Case(lambda w: both(w.root, w.intermediate), None),
    "a list for one of two CAs": Case(
        lambda w: Stored(ca=w.root.pem + w.intermediate.pem, crl=w.crl),
        INVALID,
        "has no revocation list of CN=Test intermediate",
    ),
    "no list for an expired CA": Case(
        lambda w: Stored(ca=w.root.pem + old("Old").pem, crl=w.crl), None, "CN=Old expired at"
    ),
    "a stale list of an expired CA": Case(
        lambda w: with_dead_list(w, old("Old")), None, "CN=Old expired at"
    ),
    "no list for a CA to come": Case(
        lambda w: Stored(ca=w.root.pem + old("New", start=TOMORROW, end=LATER).pem, crl=w.crl),
        None,
        "CN=New is valid from",
    ),
    "a list of another CA": Case(
        lambda w: crl(w, pki.make_root("Else").revocation_list()),
        INVALID,
        "holds a revocation list of CN=Else, which is not in the client CA bundle",
    ),
    "a list of a namesake": Case(
        lambda w: crl(w, pki.make_root().revocation_list()),
        INVALID,
        "is not signed with the key of that CA",
    ),
    "a list with a damaged signature": Case(
        lambda w: crl(w, odd_pem.to_block(odd_pem.to_der(w.crl)[:-1] + b"\x01", "X509 CRL")),
        INVALID,
        "is not signed with the key of that CA",
    ),
    "stale": Case(
        lambda w: crl(w, w.root.revocation_list(this_update=AGO, next_update=YESTERDAY)),
        INVALID,
        "the revocation list of CN=Test root expired at",
    ),
    "a stale list beside a current one": Case(
        lambda w: crl(w, w.root.revocation_list(this_update=AGO, next_update=YESTERDAY) + w.crl),
        None,
    ),
    "thisUpdate in the future": Case(
        lambda w: crl(w, w.root.revocation_list(this_update=TOMORROW)),
        Reason.NOT_YET_VALID,
        "is valid from",
    ),
    "without nextUpdate": Case(lambda w: crl(w, w.root.revocation_list(expires=False)), None),
    "without a number": Case(lambda w: crl(w, w.root.revocation_list(number=None)), None),
    "a delta list": Case(
        lambda w: crl(w, w.root.revocation_list(delta_of=1)), INVALID, "holds a delta list of"
    ),
    "an indirect list": Case(lambda w: marked(w, SCOPE, INDIRECT), INVALID, "of limited scope"),
    "a list for CAs only": Case(lambda w: marked(w, SCOPE, ONLY_CAS), INVALID, "of limited scope"),
    "a list with a critical extension": Case(
        lambda w: marked(w, "1.2.3.4", b"\x05\x00"),
        INVALID,
        "with a critical extension that OpenSSL refuses (1.2.3.4)",
    ),
    "a list with an extension nobody knows": Case(
        lambda w: marked(w, "1.2.3.4", b"\x05\x00", critical=False), None
    ),
    "a CA that may not sign lists": Case(
        lambda _: both(usage(cert_sign=True, crl_sign=False)), INVALID, "lacks cRLSign"
    ),
    "a list in DER": Case(lambda w: crl(w, odd_pem.to_der(w.crl)), INVALID, "DER"),
    "a list in UTF-16": Case(lambda w: crl(w, odd_pem.to_utf16(w.crl)), INVALID, "UTF-16"),
    "a list with NUL bytes": Case(lambda w: crl(w, w.crl + b"\0"), INVALID, "NUL bytes"),
    "no list": Case(lambda w: crl(w, b""), INVALID, "is empty"),
    "a truncated list": Case(lambda w: crl(w, w.crl[:-30]), INVALID, "without its END line"),
    "a damaged list": Case(lambda w: crl(w, odd_pem.flipped(w.crl)), INVALID, "it is damaged"),
    "1 MiB of lists": Case(lambda w: crl(w, w.crl * 3000), INVALID, "larger than 512 KiB"),
    "101 lists": Case(lambda w: crl(w, w.crl * 101), INVALID, "more than 100 X509 CRL blocks"),
    "a CA in place of the list": Case(
        lambda w: crl(w, w.root.pem), INVALID, "no X509 CRL block, but CERTIFICATE"
    ),
    "a CA beside the list": Case(lambda w: crl(w, w.root.pem + w.crl), None),
    "a list without a CA that signed it, by an old root": Case(
        lambda w: Stored(
            ca=w.root.pem, crl=w.crl + pki.make_root("Gone", extras=LONG_AGO).revocation_list()
        ),
        INVALID,
        "remove it, or add that CA",
    ),
}
