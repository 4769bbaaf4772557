"""
What can be known to be wrong with material before it is sent (promise P5).

Checks over facts, pure: time and endpoint are parameters. Each returns the first `Finding` or None;
warnings are asked for apart and stop nothing. A sentence is the same on every attempt: it names the
object and its dates, never the time of the check. Only what would be newly sent is checked.

Source: docs/conditions.md, "The material"; for PostgreSQL and CRLs OpenSSL 3.0 and PostgreSQL 15,
measured (no list, an expired one or a foreign one: all clients of that CA are refused).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.formats import host_name, shown
from rds_ssl.core.model import CertificateFacts, Finding, Reason, RevocationListFacts
from rds_ssl.core.x509.facts import (
    CERT_MANAGER,
    ClientCAFacts,
    ServerFacts,
    canonical,
    is_self_issued,
    title,
)

TRANSIENT = frozenset(
    {
        Reason.KEY_MISMATCH,
        Reason.NOT_YET_VALID,
        Reason.SECRET_KEY_MISSING,
        Reason.SECRET_NOT_FOUND,
        Reason.SECRET_FORBIDDEN,
        Reason.TEMPORARY_CERTIFICATE,
        Reason.CREDENTIALS_NOT_FOUND,
    }
)
"""Reasons that may be a moment's state: Reconciling for a while before they are Stalled."""

MAX_COMMON_NAME = 64
"""Characters of a common name (X.520, ub-common-name): a longer host can be in a SAN only."""

SHORT_LIFETIME = timedelta(days=7)
"""A certificate that lives shorter costs more than one change a week."""


def problem_of(error: MaterialError) -> Finding:
    """Return why something cannot be sent, out of what the parser raised."""
    return Finding(reason=error.reason, message=str(error))


def check_server_certificate(facts: ServerFacts, *, now: datetime, where: str) -> Finding | None:
    """
    Check a server certificate whose key is known to fit; its names apart, see `check_names`.

    A temporary certificate comes first: whatever else is wrong with it, the real one will differ.
    A chain that no client takes is refused; one that some take warns, see `server_warnings`.
    A leaf that is a CA is refused: clients built on webpki do not take it for a server's, and
    with its key whoever manages the instance could issue certificates that clients trust.

    Args:
        where: The certificate's place, for the message.
    """
    leaf = facts.leaf
    name = title(leaf)
    if facts.issuer_common_name == CERT_MANAGER:
        return _problem(
            Reason.TEMPORARY_CERTIFICATE,
            where,
            f"{name} is cert-manager's temporary certificate (issuer {CERT_MANAGER});"
            " the issued one is awaited. If it does not come, look at the Certificate's events.",
        )
    if now < leaf.not_before:
        return _problem(
            Reason.NOT_YET_VALID,
            where,
            f"{name} is valid from {_when(leaf.not_before)} only; it is sent from then on.",
        )
    if now >= leaf.not_after:
        return _invalid(where, f"{name} expired at {_when(leaf.not_after)}; renew it.")
    if facts.is_ca:
        return _invalid(
            where,
            f"{name} is a CA, not a server certificate; issue a certificate for the server"
            " (a self-signed one with basicConstraints CA:FALSE).",
        )
    if facts.fault:
        return _invalid(where, facts.fault)
    for link in facts.way[1:]:
        if now < link.not_before and not is_self_issued(link):
            return _problem(
                Reason.NOT_YET_VALID,
                where,
                f"{title(link)} in the chain is valid from {_when(link.not_before)} only, and until"
                " then clients refuse what it has signed; it is sent from then on.",
            )
    return None


def check_names(facts: ServerFacts, *, endpoint: str, where: str) -> Finding | None:
    """Check that a server certificate covers *endpoint*, the host name that clients ask for."""
    leaf = facts.leaf
    if covers(leaf, endpoint):
        return None
    return _invalid(
        where,
        f"{title(leaf)} does not cover the endpoint {host_name(endpoint)}, but {_names(facts)};"
        " issue it for that name, or choose another connectionString.",
    )


def server_warnings(
    facts: ServerFacts, *, endpoint: str | None, now: datetime, updates_restart: bool
) -> tuple[str, ...]:
    """
    Return what clients, or the instance, may suffer from; one sentence each.

    Args:
        updates_restart: Whether a new certificate restarts this instance.
    """
    return tuple(
        _server_warnings(facts, endpoint=endpoint, now=now, updates_restart=updates_restart)
    )


def covers(certificate: CertificateFacts, endpoint: str) -> bool:
    """
    True if *certificate* is for *endpoint*, a host name or an IPv4 address.

    RFC 6125, as clients apply it: without case; the endpoint without port and trailing dot, while
    OpenSSL takes a dot at the end of a certificate's name for another name (measured); a wildcard
    is the whole left-most label, stands for exactly one, and has two or more to its right.
    """
    host = host_name(endpoint)
    try:
        return str(ip_address(host)) in certificate.ip_addresses
    except ValueError:
        return any(_matches(pattern, host) for pattern in certificate.dns_names)


def check_client_ca(cas: Sequence[ClientCAFacts], *, now: datetime, where: str) -> Finding | None:
    """Check a client CA bundle: each may issue for clients, at least one is valid now."""
    for ca in cas:
        if not ca.is_ca:
            return _invalid(
                where,
                f"{title(ca.certificate)} is not a CA (basic constraints or key usage do not allow"
                " it to issue certificates); keep only CAs in the bundle.",
            )
        if not ca.for_clients and now < ca.certificate.not_after:
            return _invalid(
                where,
                f"{title(ca.certificate)} may not issue certificates of clients (its extended key"
                " usage lacks clientAuth), so that PostgreSQL refuses all of them; issue it again,"
                " or remove it from the bundle.",
            )
    certificates = [ca.certificate for ca in cas]
    if any(_is_valid(one, now=now) for one in certificates):
        return None
    coming = [one for one in certificates if now < one.not_before]
    if coming:
        first = min(coming, key=lambda one: one.not_before)
        return _problem(
            Reason.NOT_YET_VALID,
            where,
            f"no CA is valid yet; {title(first)} is from {_when(first.not_before)} on.",
        )
    last = max(certificates, key=lambda one: one.not_after)
    return _invalid(
        where, f"no CA is valid any more; {title(last)} expired at {_when(last.not_after)}."
    )


def client_ca_warnings(cas: Sequence[ClientCAFacts], *, now: datetime) -> tuple[str, ...]:
    """Return what some clients may suffer from; one sentence each."""
    return tuple(_client_ca_warnings(cas, now=now))


def check_revocation_list(
    lists: Sequence[RevocationListFacts],
    cas: Sequence[ClientCAFacts],
    signed: Mapping[str, frozenset[str]],
    *,
    now: datetime,
    where: str,
) -> Finding | None:
    """
    Check that every CA that is valid has a current list of its own, and none is of another CA.

    A list without nextUpdate does not expire. An older list beside a current one does no harm, and
    neither does a stale one of a CA that has expired: a client of it is refused before its list is
    looked at, and the others do not need it.

    Args:
        cas: The bundle that is in force, or sent with it.
        signed: The CA's sha256 → sha256 of its lists, as
            `rds_ssl.core.x509.signers.signed_lists` gives them.
    """
    for ca in cas:
        if ca.unverified and _is_valid(ca.certificate, now=now):
            return _invalid(
                where,
                f"{title(ca.certificate)} {ca.unverified}, so that nobody can tell which list is"
                " its own; issue the CA again with another key, or use no list.",
            )
    known = frozenset[str]().union(*signed.values())
    for one in lists:
        if one.sha256 not in known:
            return _invalid(where, _foreign(one, cas))
    by_digest = {one.sha256: one for one in lists}
    for ca in cas:
        if not _is_valid(ca.certificate, now=now):
            continue
        own = [by_digest[each] for each in signed.get(ca.certificate.sha256, ())]
        problem = _check_lists_of(ca, own, now=now, where=where)
        if problem is not None:
            return problem
    return None


def revocation_list_warnings(
    cas: Sequence[ClientCAFacts], signed: Mapping[str, frozenset[str]], *, now: datetime
) -> tuple[str, ...]:
    """Return for which CAs there has to be a list once they are valid; one sentence each."""
    return tuple(
        f"{title(ca.certificate)} is valid from {_when(ca.certificate.not_before)} on and has no"
        " revocation list: from then on its clients are refused; add that CA's list before."
        for ca in cas
        if now < ca.certificate.not_before and not signed.get(ca.certificate.sha256)
    )


def _is_valid(certificate: CertificateFacts, *, now: datetime) -> bool:
    return certificate.not_before <= now < certificate.not_after


def _check_lists_of(
    ca: ClientCAFacts, own: Sequence[RevocationListFacts], *, now: datetime, where: str
) -> Finding | None:
    name = title(ca.certificate)
    if not ca.may_sign_lists:
        return _invalid(
            where,
            f"{name} may not sign revocation lists (its key usage lacks cRLSign), so that all its"
            " clients would be refused; issue the CA again, or use no list.",
        )
    if not own:
        return _invalid(
            where,
            f"has no revocation list of {name}, and PostgreSQL refuses all clients of a CA"
            " without one; add that CA's list (an empty one will do).",
        )
    started = [one for one in own if one.this_update <= now]
    if any(one.next_update is None or now < one.next_update for one in started):
        return None
    coming = [one for one in own if now < one.this_update]
    if coming:
        first = min(one.this_update for one in coming)
        return _problem(
            Reason.NOT_YET_VALID,
            where,
            f"the revocation list of {name} is valid from {_when(first)} only;"
            " it is sent from then on.",
        )
    last = max(one.next_update for one in own if one.next_update is not None)
    return _invalid(
        where,
        f"the revocation list of {name} expired at {_when(last)}, and PostgreSQL refuses all"
        " clients of a CA with an expired one; let the CA issue a new list.",
    )


def _foreign(one: RevocationListFacts, cas: Sequence[ClientCAFacts]) -> str:
    issuer = shown(one.issuer)
    if any(canonical(ca.certificate.subject) == canonical(one.issuer) for ca in cas):
        return (
            f"the revocation list of {issuer} is not signed with the key of that CA in the client"
            " CA bundle; add the CA that signed it, or its list from the present key."
        )
    return (
        f"holds a revocation list of {issuer}, which is not in the client CA bundle;"
        " remove it, or add that CA."
    )


def _server_warnings(
    facts: ServerFacts, *, endpoint: str | None, now: datetime, updates_restart: bool
) -> Iterator[str]:
    yield from facts.warnings
    leaf = facts.leaf
    for certificate in facts.chain[1:]:
        if now >= certificate.not_after:
            yield (
                f"{title(certificate)} in the chain expired at {_when(certificate.not_after)};"
                " many clients will refuse the server."
            )
    if (
        endpoint is not None
        and len(host_name(endpoint)) <= MAX_COMMON_NAME
        and not _matches(facts.common_name.lower(), host_name(endpoint))
    ):
        yield (
            f"The common name of {title(leaf)} is not the endpoint {host_name(endpoint)}:"
            " clients that do not read the SAN will refuse it."
        )
    if updates_restart and leaf.not_after - leaf.not_before < SHORT_LIFETIME:
        yield (
            f"{title(leaf)} lives less than {SHORT_LIFETIME.days} days, and each renewal restarts"
            " the instance."
        )


def _client_ca_warnings(cas: Sequence[ClientCAFacts], *, now: datetime) -> Iterator[str]:
    for ca in cas:
        yield from ca.weaknesses
        certificate = ca.certificate
        if now >= certificate.not_after:
            yield (
                f"{title(certificate)} expired at {_when(certificate.not_after)}:"
                " its clients are refused; remove it from the bundle."
            )
        if ca.way_fault:
            yield f"{title(certificate)} {ca.way_fault}."
        for above in ca.above:
            if not _is_valid(above, now=now):
                ended = now >= above.not_after
                yield (
                    f"{title(certificate)} is below {title(above)}, which"
                    f" {'expired at' if ended else 'is valid from'}"
                    f" {_when(above.not_after if ended else above.not_before)}"
                    f"{'' if ended else ' only'}: its clients are refused; renew that, or remove"
                    " both."
                )


def _matches(pattern: str, host: str) -> bool:
    wanted = pattern.lower()
    if not wanted.startswith("*."):
        return bool(wanted) and wanted == host
    label, _, parent = host.partition(".")
    return bool(label) and parent == wanted[2:] and "." in parent


def _names(facts: ServerFacts) -> str:
    names = (*facts.leaf.dns_names, *facts.leaf.ip_addresses)
    if names:
        return shown(", ".join(names))
    if facts.other_names:
        return f"has only {' and '.join(facts.other_names)} in its SAN"
    return "has an empty SAN" if facts.has_san and facts.common_name else "no name at all"


def _when(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _problem(reason: Reason, where: str, sentence: str) -> Finding:
    link = " " if sentence.startswith(("has ", "holds ")) else ": "
    return Finding(reason=reason, message=f"{where}{link}{sentence}")


def _invalid(where: str, sentence: str) -> Finding:
    return _problem(Reason.MATERIAL_INVALID, where, sentence)
