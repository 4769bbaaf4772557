"""
Server chains and client CA bundles that are odd, for our verdict and for that of real peers.

Each is made when it is asked for. What the peers said when they were asked stands beside it, and
`tests/contract/test_peers.py` asks them again.
"""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448
from cryptography.x509.oid import ExtendedKeyUsageOID

from rds_ssl.core.model import Reason
from support import pki
from support.bad_input import LATER, LONG_AGO, NOW, TOMORROW, YESTERDAY
from support.pki_world import HOST

SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
INVALID = Reason.MATERIAL_INVALID
DEAD = pki.Extras(not_before=LONG_AGO.not_before, not_after=YESTERDAY)

_USAGES = (
    "digital_signature",
    "content_commitment",
    "key_encipherment",
    "data_encipherment",
    "key_agreement",
    "key_cert_sign",
    "crl_sign",
    "encipher_only",
    "decipher_only",
)


CLIENTS = ("OpenSSL", "TLS 1.2", "Go")
"""OpenSSL's client, the same with TLS 1.2 at most, and one in Go."""

ALL = frozenset(CLIENTS)
OPENSSL = frozenset({"OpenSSL", "TLS 1.2"})
TLS_1_2 = frozenset({"TLS 1.2"})
GO = frozenset({"Go"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server's chain and key, and the root that its clients trust."""

    root: pki.Authority
    leaf: pki.Leaf


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCase:
    """What is served, our verdict, and whether clients connect."""

    make: Callable[[], Served]
    reason: Reason | None = None
    """None: it is sent."""
    words: str = ""
    """Of the sentence, or of a warning; empty: accepted without a word."""
    refused_by: frozenset[str] = frozenset()
    """Which of `CLIENTS` do not connect."""
    apart: str = ""
    """Why our verdict is another one than theirs, where it is."""


def for_usages(*names: str) -> x509.KeyUsage:
    """Make a key usage of these and no others."""
    return x509.KeyUsage(**{each: each in names for each in _USAGES})


def root(name: str = "Test root", **more: object) -> pki.Authority:
    """Make a root that is older than all that it signs here."""
    return pki.make_root(name, extras=replace(LONG_AGO, **more))  # type: ignore[arg-type]  # As told.


def below(above: pki.Authority, name: str = "Test intermediate", **more: object) -> pki.Authority:
    """Make a CA below another one."""
    extras = pki.Extras(**more)  # type: ignore[arg-type]  # As told.
    return above.intermediate(name, extras=extras)


def leaf_of(
    issuer: pki.Authority,
    *,
    key: object = None,
    subject: str | None = HOST,
    names: tuple[str, ...] = (HOST,),
    usage: x509.ObjectIdentifier | None = SERVER,
    **more: object,
) -> pki.Leaf:
    """Make a leaf that is special in *more*, with the CAs above it."""
    own = key or pki.make_key()
    certificate = pki.build_certificate(
        subject=subject,
        key=own,  # type: ignore[arg-type]  # Of any kind.
        issuer=issuer,
        names=names,
        extras=pki.Extras(usage=usage, **more),  # type: ignore[arg-type]  # As told.
    )
    is_root = issuer.certificate.subject == issuer.certificate.issuer
    above = () if is_root else (issuer.certificate, *issuer.above)
    return pki.Leaf(certificate=certificate, key=own, intermediates=above)  # type: ignore[arg-type]  # The same.


def served(**more: object) -> Served:
    """Serve a leaf that is special in *more*, below a good intermediate."""
    top = root()
    return Served(root=top, leaf=leaf_of(below(top), **more))  # type: ignore[arg-type]  # As told.


def through(**more: object) -> Served:
    """Serve a good leaf below an intermediate that is special in *more*."""
    top = root()
    return Served(root=top, leaf=leaf_of(below(top, **more)))  # type: ignore[arg-type]  # As told.


def allowing(*permitted: x509.GeneralName, excluded: x509.GeneralName | None = None) -> Served:
    """Serve a good leaf below an intermediate with name constraints."""
    return through(
        constraints=x509.NameConstraints(permitted or None, [excluded] if excluded else None)
    )


def sent_with(*others: x509.Certificate, first: bool = False) -> Served:
    """Serve a good chain with more certificates before or behind the intermediate."""
    good = served()
    own = good.leaf.intermediates
    chain = (*others, *own) if first else (*own, *others)
    return replace(good, leaf=replace(good.leaf, intermediates=chain))


def with_namesake() -> Served:
    """Serve a leaf with another intermediate of the name of its own."""
    good = served()
    return replace(good, leaf=replace(good.leaf, intermediates=(below(good.root).certificate,)))


def below_a_leaf() -> Served:
    """Serve a leaf that was signed with the key of another leaf."""
    top = root()
    middle = leaf_of(top, subject="Test intermediate", names=(), usage=None)
    leaf = leaf_of(pki.Authority(certificate=middle.certificate, key=middle.key))
    return Served(root=top, leaf=leaf)


def stacked(length: int) -> Served:
    """Serve a leaf below two intermediates, of which the upper has a path length."""
    top = root()
    return Served(root=top, leaf=leaf_of(below(below(top, "Upper", path_length=length), "Lower")))


def reversed_chain() -> Served:
    """Serve the upper intermediate before the lower one."""
    top = root()
    leaf = leaf_of(below(below(top, "Upper"), "Lower"))
    return Served(root=top, leaf=replace(leaf, intermediates=tuple(reversed(leaf.intermediates))))


def alone() -> Served:
    """Serve a leaf without its intermediate."""
    good = served()
    return replace(good, leaf=replace(good.leaf, intermediates=()))


def in_another_case() -> Served:
    """Serve a leaf whose issuer is spelt otherwise than the intermediate's subject."""
    top = root()
    own = below(top, "Orders  issuing CA")
    twin = pki.build_certificate(
        subject="orders issuing ca", key=own.key, issuer=top, extras=pki.Extras(ca=True)
    )
    leaf = leaf_of(own)
    return Served(root=top, leaf=replace(leaf, intermediates=(twin,)))


def dns(name: str) -> x509.DNSName:
    """Name a domain in a constraint."""
    return x509.DNSName(name)


NO_CA = "is not a CA"

SERVERS: dict[str, ServerCase] = {
    "a good chain": ServerCase(make=served),
    "the intermediate's namesake, another key": ServerCase(
        make=with_namesake, reason=INVALID, words="is not signed with the key of", refused_by=ALL
    ),
    "an intermediate that is no CA": ServerCase(
        make=below_a_leaf, reason=INVALID, words=NO_CA, refused_by=ALL
    ),
    "an intermediate without keyCertSign": ServerCase(
        make=lambda: through(key_usage=pki.key_usage(cert_sign=False, crl_sign=True)),
        reason=INVALID,
        words=NO_CA,
        refused_by=ALL,
    ),
    "an intermediate valid tomorrow": ServerCase(
        make=lambda: through(not_before=TOMORROW, not_after=LATER),
        reason=Reason.NOT_YET_VALID,
        words="in the chain is valid from",
        refused_by=ALL,
    ),
    "an intermediate that has expired": ServerCase(
        make=lambda: through(not_before=NOW - 50 * pki.DAY, not_after=YESTERDAY),
        words="in the chain expired at",
        apart="clients that have its successor in their store take the chain",
        refused_by=ALL,
    ),
    "an intermediate for clientAuth": ServerCase(
        make=lambda: through(usage=CLIENT),
        reason=INVALID,
        words="its extended key usage lacks serverAuth",
        refused_by=ALL,
    ),
    "an intermediate for serverAuth": ServerCase(make=lambda: through(usage=SERVER)),
    "an intermediate for anyExtendedKeyUsage": ServerCase(
        make=lambda: through(usage=ANY),
        words="OpenSSL refuses what it has issued",
        refused_by=OPENSSL,
    ),
    "name constraints that exclude the host": ServerCase(
        make=lambda: allowing(excluded=dns("aliyuncs.com")),
        reason=INVALID,
        words="a name constraint",
        refused_by=ALL,
    ),
    "name constraints for another domain": ServerCase(
        make=lambda: allowing(dns("example.org")),
        reason=INVALID,
        words="a name constraint",
        refused_by=ALL,
    ),
    "name constraints for this domain": ServerCase(make=lambda: allowing(dns("aliyuncs.com"))),
    "name constraints with a dot before": ServerCase(make=lambda: allowing(dns(".aliyuncs.com"))),
    "name constraints for addresses": ServerCase(
        make=lambda: allowing(x509.IPAddress(ipaddress.ip_network("10.0.0.0/8")))
    ),
    "path length 0 above another CA": ServerCase(
        make=lambda: stacked(0), reason=INVALID, words="has a path length of 0", refused_by=ALL
    ),
    "path length 1 above another CA": ServerCase(make=lambda: stacked(1)),
    "intermediates in the wrong order": ServerCase(
        make=reversed_chain,
        words="is not followed by its issuer",
        apart="RFC 5246 asks for the order, and older clients of TLS 1.2 do",
    ),
    "a certificate that is of no use": ServerCase(
        make=lambda: sent_with(pki.make_root("Else").certificate),
        words="is not followed by its issuer",
        apart="as above",
    ),
    "a namesake of the root sent along": ServerCase(make=lambda: sent_with(root().certificate)),
    "issuers in another case": ServerCase(
        make=in_another_case,
        words="in another spelling than that of",
        refused_by=GO,
    ),
    "the leaf alone": ServerCase(make=alone, words="has no intermediate", refused_by=ALL),
    "a leaf for keyCertSign and cRLSign only": ServerCase(
        make=lambda: served(key_usage=for_usages("key_cert_sign", "crl_sign")),
        words="is for no key exchange of TLS",
        refused_by=OPENSSL,
    ),
    "a leaf for contentCommitment only": ServerCase(
        make=lambda: served(key_usage=for_usages("content_commitment")),
        words="is for no key exchange of TLS",
        refused_by=OPENSSL,
    ),
    "a leaf without digitalSignature": ServerCase(
        make=lambda: served(key_usage=for_usages("key_encipherment", "key_agreement")),
        words="lacks digitalSignature",
        refused_by=TLS_1_2,
    ),
    "an RSA leaf without digitalSignature": ServerCase(
        make=lambda: served(
            key=pki.make_key(pki.KeyType.RSA_2048), key_usage=for_usages("key_encipherment")
        ),
        words="lacks digitalSignature",
        apart="s_server falls back to RSA key exchange, which many servers do not offer",
    ),
    "a leaf for clientAuth": ServerCase(
        make=lambda: served(usage=CLIENT),
        words="lacks serverAuth",
        apart="a warning since the first version: clients that do not verify connect",
        refused_by=ALL,
    ),
    "a leaf for anyExtendedKeyUsage": ServerCase(
        make=lambda: served(usage=ANY), words="OpenSSL refuses it", refused_by=OPENSSL
    ),
    "a leaf without extended key usage": ServerCase(make=lambda: served(usage=None)),
    "a leaf without SAN": ServerCase(
        make=lambda: served(names=()), words="has no SAN", refused_by=GO
    ),
    "a leaf that is a CA": ServerCase(
        make=lambda: served(ca=True),
        reason=INVALID,
        words="is a CA, not a server certificate",
        apart="clients built on webpki refuse it, and its key could issue certificates",
    ),
    "a key on P-384": ServerCase(make=lambda: served(key=ec.generate_private_key(ec.SECP384R1()))),
    "a key on P-521": ServerCase(make=lambda: served(key=ec.generate_private_key(ec.SECP521R1()))),
    "a key on P-224": ServerCase(
        make=lambda: served(key=ec.generate_private_key(ec.SECP224R1())),
        reason=INVALID,
        words="on the curve secp224r1",
        refused_by=ALL,
    ),
    "a key on P-192": ServerCase(
        make=lambda: served(key=ec.generate_private_key(ec.SECP192R1())),
        reason=INVALID,
        words="on the curve secp192r1",
        refused_by=ALL,
    ),
    "a key on secp256k1": ServerCase(
        make=lambda: served(key=ec.generate_private_key(ec.SECP256K1())),
        reason=INVALID,
        words="on the curve secp256k1",
        refused_by=ALL,
    ),
    "a key on brainpoolP256r1": ServerCase(
        make=lambda: served(key=ec.generate_private_key(ec.BrainpoolP256R1())),
        reason=INVALID,
        words="on the curve brainpoolP256r1",
        refused_by=ALL,
    ),
    "an Ed25519 key": ServerCase(make=lambda: served(key=pki.make_key(pki.KeyType.ED25519))),
    "an Ed448 key": ServerCase(
        make=lambda: served(key=ed448.Ed448PrivateKey.generate()),
        words="has an Ed448 key",
        refused_by=GO,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trusted:
    """A client CA bundle, its lists, and two clients: of the CA in question, and of the root."""

    ca: bytes
    crl: bytes | None = None
    its: pki.Leaf
    others: pki.Leaf | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustCase:
    """What is trusted, our verdict, and whom PostgreSQL lets in."""

    make: Callable[[], Trusted]
    reason: Reason | None = None
    words: str = ""
    its: bool = True
    others: bool = True
    apart: str = ""


def client(ca: pki.Authority, *, usage: x509.ObjectIdentifier | None = CLIENT) -> pki.Leaf:
    """Make a client's certificate, with the CAs above it."""
    return leaf_of(ca, subject="app", names=(), usage=usage)


def beside(
    ca: pki.Authority,
    *,
    lists: bool = False,
    more: tuple[pki.Authority, ...] = (),
    own: bytes | None = None,
    its: pki.Leaf | None = None,
) -> Trusted:
    """Trust *ca*, and CAs above it, beside a good root; with the root's list, and perhaps its."""
    top = root("Good root")
    crl = top.revocation_list() + (own or b"") if lists else None
    bundle = b"".join(each.pem for each in (top, ca, *more))
    return Trusted(ca=bundle, crl=crl, its=its or client(ca), others=client(top))


def dead_one(*, stale: bool) -> Trusted:
    """Trust a CA that has expired, with its last list or without, beside a living one."""
    dead = pki.make_root("Dead", extras=DEAD)
    last = dead.revocation_list(this_update=NOW - 50 * pki.DAY, next_update=YESTERDAY)
    return beside(dead, lists=True, own=last if stale else None)


def entry(extension: x509.ExtensionType, *, critical: bool = True) -> Trusted:
    """Trust a root whose list has an entry with an extension."""
    top = root()
    revoked = x509.RevokedCertificateBuilder().serial_number(7).revocation_date(YESTERDAY)
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(top.certificate.subject)
        .last_update(YESTERDAY)
        .next_update(TOMORROW)
        .add_revoked_certificate(revoked.add_extension(extension, critical=critical).build())
        .sign(top.key, hashes.SHA256())
    )
    return Trusted(ca=top.pem, crl=pki.pem(crl), its=client(top))


def special(**more: object) -> Trusted:
    """Trust a root that is special in *more* beside a good one."""
    return beside(root("Special", **more))


def keyed(key: object, *, lists: bool = True) -> Trusted:
    """Trust a root with that key, and its list, beside a good one."""
    ca = pki.make_root("Keyed", key=key)  # type: ignore[arg-type]  # Of any kind.
    return beside(ca, lists=lists, own=ca.revocation_list())


def nested(above: pki.Authority, *, trusted: bool = True) -> Trusted:
    """Trust a CA below *above*, and that one, if so."""
    return beside(below(above, "Lower"), more=(above,) if trusted else ())


def below_namesake() -> Trusted:
    """Trust a CA whose issuer is a namesake of the root that is trusted."""
    return beside(below(root("Good root"), "Lower"))


def otherwise_spelt() -> Trusted:
    """Trust a CA, with a list and a client whose issuer is spelt otherwise."""
    ca = pki.make_root("Clients  OF orders")
    same = pki.make_root("clients of Orders", key=ca.key)
    return beside(ca, lists=True, own=same.revocation_list(), its=client(same))


def some_dsa_key() -> object:
    """Make a DSA key."""
    return dsa.generate_private_key(2048)


def twice(ca: pki.Authority) -> Trusted:
    """Trust *ca* with a list, of its own key, beside a good one."""
    return beside(ca, lists=True, own=ca.revocation_list())


def on_hold() -> x509.ExtensionType:
    """Give a reason of a revocation."""
    return x509.CRLReason(x509.ReasonFlags.key_compromise)


BUNDLES: dict[str, TrustCase] = {
    "a good root": TrustCase(make=special),
    "an expired CA, no list of its own": TrustCase(
        make=lambda: dead_one(stale=False), words="CN=Dead expired at", its=False
    ),
    "an expired CA, its stale list": TrustCase(
        make=lambda: dead_one(stale=True), words="CN=Dead expired at", its=False
    ),
    "a living CA without a list": TrustCase(
        make=lambda: beside(root("Special"), lists=True),
        reason=INVALID,
        words="has no revocation list of CN=Special",
        its=False,
    ),
    "a CA of tomorrow without a list": TrustCase(
        make=lambda: beside(
            pki.make_root("New", extras=pki.Extras(not_before=TOMORROW)), lists=True
        ),
        words="CN=New is valid from",
        its=False,
    ),
    "a root for serverAuth": TrustCase(
        make=lambda: special(usage=SERVER), reason=INVALID, words="lacks clientAuth", its=False
    ),
    "a root for anyExtendedKeyUsage": TrustCase(
        make=lambda: special(usage=ANY), reason=INVALID, words="lacks clientAuth", its=False
    ),
    "a root for clientAuth": TrustCase(make=lambda: special(usage=CLIENT)),
    "an intermediate for serverAuth": TrustCase(
        make=lambda: beside(below(top := root(), "Lower", usage=SERVER), more=(top,)),
        reason=INVALID,
        words="lacks clientAuth",
        its=False,
    ),
    "root and intermediate": TrustCase(make=lambda: nested(root())),
    "an intermediate without its root": TrustCase(
        make=lambda: nested(root(), trusted=False),
        words="is an intermediate whose issuer",
        its=False,
    ),
    "an intermediate of a namesake root": TrustCase(
        make=below_namesake, words="is not signed with the key of CN=Good root", its=False
    ),
    "an intermediate below path length 0": TrustCase(
        make=lambda: nested(root("Short", path_length=0)), words="is too deep below", its=False
    ),
    "an intermediate of an expired root": TrustCase(
        make=lambda: nested(pki.make_root("Dead", extras=DEAD)),
        words="is below CN=Dead, which expired at",
        its=False,
    ),
    "an intermediate of a root of tomorrow": TrustCase(
        make=lambda: nested(pki.make_root("New", extras=pki.Extras(not_before=TOMORROW))),
        words="is below CN=New, which is valid from",
        its=False,
    ),
    "a root that may not sign lists": TrustCase(
        make=lambda: twice(
            root("Special", key_usage=pki.key_usage(cert_sign=True, crl_sign=False))
        ),
        reason=INVALID,
        words="lacks cRLSign",
        its=False,
    ),
    "an RSA root of 1024 bits": TrustCase(
        make=lambda: keyed(pki.make_key(pki.KeyType.RSA_1024)),
        words="RSA key of 1024 bits",
        its=False,
    ),
    "a DSA root and its list": TrustCase(make=lambda: keyed(some_dsa_key())),
    "a root on secp256k1 and its list": TrustCase(
        make=lambda: keyed(ec.generate_private_key(ec.SECP256K1()))
    ),
    "an Ed25519 root and its list": TrustCase(
        make=lambda: keyed(pki.make_key(pki.KeyType.ED25519))
    ),
    "issuers in another case": TrustCase(make=otherwise_spelt),
    "an entry with a reason": TrustCase(make=lambda: entry(on_hold(), critical=False)),
    "an entry with a critical reason": TrustCase(
        make=lambda: entry(on_hold()), reason=INVALID, words="2.5.29.21", its=False
    ),
    "an entry with an unknown critical extension": TrustCase(
        make=lambda: entry(
            x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
        ),
        reason=INVALID,
        words="1.2.3.4",
        its=False,
    ),
    "an entry with a critical certificateIssuer": TrustCase(
        make=lambda: entry(x509.CertificateIssuer([x509.DirectoryName(pki.name("Test root"))])),
    ),
}
