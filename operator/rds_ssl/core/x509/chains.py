"""
Which certificate has signed which, and whether anybody takes the way from a leaf to its top.

Signatures of links are verified here, and the rules that need more than one certificate. Whoever
verifies them in the end does it in an own way; what is a fault here is refused by all that were
asked (OpenSSL, Go, the webpki profile of cryptography), see docs/certificates.md and
docs/decisions/012-who-judges-a-chain.md.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from cryptography import exceptions, x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from rds_ssl.core.formats import shown
from rds_ssl.core.model import CertificateFacts
from rds_ssl.core.x509.facts import canonical, is_self_issued, title
from rds_ssl.core.x509.reading import Certificate, attempt, extension

_MAX_MODULUS_BITS = 16384
"""
Of an RSA key that a signature is verified with; OpenSSL, also PostgreSQL's, refuses a larger one.
Source: OPENSSL_RSA_MAX_MODULUS_BITS.
"""

_MAX_EXPONENT_BITS = 64
"""The same of its public exponent, with a large modulus; all in use have 17 bits."""

_MAX_CANDIDATES = 3
"""
Of one name, that are tried for one certificate: as many as a CA has when it is renewed. A signature
takes 0.1 to 0.5 ms, so that the longest chain takes 10 ms at most.
"""

_MAX_CONSTRAINED = 10_000
"""
Names of a leaf times name constraints above it. All pairs are compared in one call of the library,
which holds the interpreter's lock meanwhile: 360 ms for a million, 4 ms for as many.
"""

_SERVERS = frozenset({ExtendedKeyUsageOID.SERVER_AUTH})
_ANY = frozenset({ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE})

_CONSTRAINED = ("no permitted name constraints matched", "excluded name constraint matched")
"""
The words of cryptography's verifier for a name that a CA may not certify. Its others are of rules
that are judged here, or of its own profile, which is narrower than that of most clients.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A server's chain as clients go it, from the leaf by signatures to its end."""

    links: tuple[CertificateFacts, ...]
    """Leaf first, never empty."""
    fault: str
    """Why no client takes it, a sentence after the place; empty: some do. Not of the clock."""
    weaknesses: tuple[str, ...]
    """What some clients do not take of it, and others do; one sentence each."""


def server_way(chain: Sequence[Certificate]) -> Way:
    """Judge a server's chain, leaf first. Costly: see `_MAX_CANDIDATES`."""
    path, missing = _path(chain)
    return Way(
        links=tuple(facts for _, facts in path),
        fault=next(_faults(path), "") or missing or _constraint_fault(path),
        weaknesses=tuple(_weaknesses(path)),
    )


def _weaknesses(path: Sequence[Certificate]) -> Iterator[str]:
    for place, (certificate, facts) in enumerate(path):
        usages = _usages(certificate)
        if usages & _ANY and not usages & _SERVERS and (place == 0 or not is_self_issued(facts)):
            what = "what it has issued" if place else "it"
            yield (
                f"{title(facts)} is for any extended key usage and not for serverAuth:"
                f" OpenSSL refuses {what}."
            )
    for (below, facts), (issuer, issuer_facts) in pairwise(path):
        if below.issuer.public_bytes() != issuer.subject.public_bytes():
            yield (
                f"{title(facts)} names its issuer in another spelling than that of"
                f" {title(issuer_facts)} in the chain: OpenSSL takes them for the same, clients in"
                " Go do not; issue it again."
            )


def leaf_weaknesses(leaf: Certificate) -> Iterator[str]:
    """Yield what some clients do not take of a leaf's own key and what it is for."""
    certificate, facts = leaf
    usage = extension(certificate, x509.KeyUsage)
    if usage is not None and not usage.digital_signature:
        if not (usage.key_encipherment or usage.key_agreement):
            yield (
                f"{title(facts)} is for no key exchange of TLS: its key usage lacks"
                " digitalSignature, keyEncipherment and keyAgreement, so that OpenSSL refuses it."
            )
        else:
            yield (
                f"The key usage of {title(facts)} lacks digitalSignature: with TLS 1.2 and ECDHE"
                " no client connects."
            )
    if isinstance(certificate.public_key(), ed448.Ed448PublicKey):
        yield (
            f"{title(facts)} has an Ed448 key: clients with OpenSSL take it, those in Go do not;"
            " use Ed25519, ECDSA or RSA."
        )


def for_clients(ca: x509.Certificate) -> bool:
    """True if the extended key usage of a CA lets it issue certificates of clients, for OpenSSL."""
    usages = _usages(ca)
    return not usages or ExtendedKeyUsageOID.CLIENT_AUTH in usages


def ways_to_root(
    bundle: Sequence[Certificate],
) -> Sequence[tuple[tuple[CertificateFacts, ...], str]]:
    """
    Return for each CA of a bundle those above it, and why its clients are refused all the same.

    The reason is a sentence that goes on after the name of the CA, empty if there is none:
    PostgreSQL takes a way that ends in a root only. Each CA's signature is verified once.
    """
    named = _by_name(bundle)
    issuers: dict[str, tuple[Certificate | None, str]] = {}
    for ca in bundle:
        issuers[ca[1].sha256] = _issuer(ca, named)
    return [_way_to_root(ca, issuers) for ca in bundle]


def _by_name(certificates: Iterable[Certificate]) -> Mapping[str, Sequence[Certificate]]:
    """Return them by their canonical subject: to make that of a long name takes a while."""
    found: defaultdict[str, list[Certificate]] = defaultdict(list)
    for each in certificates:
        found[canonical(each[1].subject)].append(each)
    return found


def _issuer(
    ca: Certificate, bundle: Mapping[str, Sequence[Certificate]]
) -> tuple[Certificate | None, str]:
    """Return who has signed *ca*, or what is said where that is not known; a root needs nobody."""
    if is_self_issued(ca[1]):
        return None, ""
    named = _named_as_issuer(ca, bundle, but=[ca])
    for each in named:
        if signed_by(ca[0], each[0]):
            return each, ""
    if named:
        return None, (
            f"is not signed with the key of {title(named[0][1])} in the bundle, although that bears"
            " the name of its issuer: PostgreSQL refuses its clients; add its own issuer"
        )
    return None, (
        f"is an intermediate whose issuer {shown(ca[1].issuer)} is not in the bundle:"
        " PostgreSQL refuses its clients; add the root"
    )


def _way_to_root(
    ca: Certificate, issuers: Mapping[str, tuple[Certificate | None, str]]
) -> tuple[tuple[CertificateFacts, ...], str]:
    path = [ca]
    while True:
        issuer, fault = issuers[path[-1][1].sha256]
        if issuer in path:
            fault, issuer = (
                "has no root above it: PostgreSQL refuses its clients; add the root",
                None,
            )
        if issuer is None:
            of = f"is below {title(path[-1][1])}, which " if fault and len(path) > 1 else ""
            return tuple(facts for _, facts in path[1:]), of + fault
        length = _path_length(issuer[0])
        if length is not None and length < len(path):
            return tuple(facts for _, facts in path[1:]), (
                f"is too deep below {title(issuer[1])}, whose path length is {length}:"
                " PostgreSQL refuses its clients; issue one of the two again"
            )
        path.append(issuer)


def signed_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """
    True if *certificate* is signed with the key of *issuer*.

    Also where that cannot be verified, or takes too long: what has the right name is not accused.
    """
    try:
        return attempt(lambda: _verified(certificate, issuer.public_key())) is not False
    except exceptions.InvalidSignature:
        return False


def _verified(certificate: x509.Certificate, key: CertificatePublicKeyTypes) -> bool:
    signature, content = certificate.signature, certificate.tbs_certificate_bytes
    parameters = certificate.signature_algorithm_parameters
    algorithm = certificate.signature_hash_algorithm
    match key:
        case rsa.RSAPublicKey():
            too_large = key.key_size > _MAX_MODULUS_BITS
            if too_large or key.public_numbers().e.bit_length() > _MAX_EXPONENT_BITS:
                return True
            if isinstance(parameters, ec.ECDSA) or algorithm is None:
                return False
            # They are missing where the hash is an old one.
            key.verify(signature, content, parameters or padding.PKCS1v15(), algorithm)
        case ec.EllipticCurvePublicKey() if algorithm is not None:
            key.verify(signature, content, ec.ECDSA(algorithm))
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            key.verify(signature, content)
        case dsa.DSAPublicKey() if algorithm is not None:
            key.verify(signature, content, algorithm)
        case _:
            return False
    return True


def _path(chain: Sequence[Certificate]) -> tuple[list[Certificate], str]:
    """Follow the signatures from the leaf up; also give the fault where they end, or nothing."""
    path, by_name = [chain[0]], _by_name(chain)
    while not is_self_issued(path[-1][1]):
        below = path[-1]
        named = _named_as_issuer(below, by_name, but=path)
        issuer = next((each for each in named if signed_by(below[0], each[0])), None)
        if issuer is not None:
            path.append(issuer)
            continue
        # A root that is sent is nobody's anchor: whoever trusts another one takes that.
        wrong = next((each for each in named if not is_self_issued(each[1])), None)
        if wrong is None:
            break
        return path, (
            f"{title(below[1])} is not signed with the key of {title(wrong[1])} in the chain,"
            " although that bears the name of its issuer; put its own issuer there."
        )
    return path, ""


def _named_as_issuer(
    below: Certificate, among: Mapping[str, Sequence[Certificate]], *, but: Sequence[Certificate]
) -> list[Certificate]:
    """Return those that bear the name of the issuer: the likeliest first, and not too many."""
    name, known = canonical(below[1].issuer), {facts.sha256 for _, facts in but}
    wanted = attempt(lambda: extension(below[0], x509.AuthorityKeyIdentifier))
    key_id = wanted.key_identifier if wanted else None

    def likely(each: Certificate) -> tuple[bool, datetime]:
        own = attempt(lambda: extension(each[0], x509.SubjectKeyIdentifier))
        return own is not None and own.digest == key_id, each[1].not_after

    named = [each for each in among.get(name, ()) if each[1].sha256 not in known]
    return sorted(named, key=likely, reverse=True)[:_MAX_CANDIDATES]


def _faults(path: Sequence[Certificate]) -> Iterator[str]:
    """Yield what makes a link of a way useless to everybody; a root at its end does not matter."""
    links = [each for each in path[1:] if not is_self_issued(each[1])]
    for depth, (certificate, facts) in enumerate(links):
        name = f"{title(facts)} in the chain"
        if not may_issue(certificate):
            yield (
                f"{name} is not a CA (basic constraints or key usage do not allow it to issue"
                " certificates), so that clients refuse what it has signed; issue it again."
            )
        usages = _usages(certificate)
        if usages and not usages & (_SERVERS | _ANY):
            yield (
                f"{name} may not issue certificates of servers: its extended key usage lacks"
                " serverAuth; issue it again."
            )
        length = _path_length(certificate)
        if length is not None and length < depth:
            yield (
                f"{name} has a path length of {length}, and {depth} more CA(s) below it;"
                " issue it again, or the certificate with fewer between."
            )


def may_issue(certificate: x509.Certificate) -> bool:
    """True if OpenSSL takes it for a CA (check_ca in crypto/x509)."""
    basic = extension(certificate, x509.BasicConstraints)
    usage = extension(certificate, x509.KeyUsage)
    if basic is None:
        is_ca = certificate.version is x509.Version.v1 and certificate.subject == certificate.issuer
    else:
        is_ca = basic.ca
    return is_ca and (usage is None or usage.key_cert_sign)


def _constraint_fault(path: Sequence[Certificate]) -> str:
    """Return that a name constraint forbids the leaf's names, as cryptography's verifier finds."""
    links = [certificate for certificate, _ in path]
    constraints = [extension(each, x509.NameConstraints) for each in links[1:]]
    if not any(constraints):
        return ""
    names = extension(links[0], x509.SubjectAlternativeName)
    if _count(constraints) * max(1, len(tuple(names or ()))) > _MAX_CONSTRAINED:
        return (
            f"the names of {title(path[0][1])} and the name constraints above it are too many to be"
            f" compared (more than {_MAX_CONSTRAINED} pairs); issue it for fewer names, or from a"
            " CA with fewer constraints."
        )
    start = max(facts.not_before for _, facts in path)
    policy = verification.ExtensionPolicy
    builder = (
        verification.PolicyBuilder()
        .store(verification.Store([links[-1]]))
        .time(start.astimezone(UTC).replace(tzinfo=None))
        .max_chain_depth(len(links))
        .extension_policies(
            ca_policy=policy.permit_all().require_present(
                x509.BasicConstraints, verification.Criticality.AGNOSTIC, None
            ),
            ee_policy=policy.permit_all(),
        )
    )
    try:
        builder.build_client_verifier().verify(links[0], links[1:-1])
    except verification.VerificationError as error:
        if any(words in str(error) for words in _CONSTRAINED):
            return (
                f"a name constraint in the chain does not allow the names of {title(path[0][1])},"
                " so that clients refuse it; issue it for other names, or from another CA."
            )
    return ""


def _count(constraints: Iterable[x509.NameConstraints | None]) -> int:
    return sum(
        len(each.permitted_subtrees or ()) + len(each.excluded_subtrees or ())
        for each in constraints
        if each is not None
    )


def _usages(certificate: x509.Certificate) -> frozenset[x509.ObjectIdentifier]:
    usages = extension(certificate, x509.ExtendedKeyUsage)
    return frozenset(usages) if usages else frozenset()


def _path_length(certificate: x509.Certificate) -> int | None:
    basic = extension(certificate, x509.BasicConstraints)
    return basic.path_length if basic else None
