"""
Everything there is to say about readable material: the first problem, and what warns.

Pure, over facts. It depends on the clock (see `next_validation`) and on what is in force.
Only what would be newly sent can be a problem. What is in force already and would be refused
today, as well as what may hurt clients, is a warning. Source: docs/conditions.md, "The material".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.checks import certificates
from rds_ssl.core.formats import fingerprint, host_name, shown
from rds_ssl.core.model import ACL, Finding, Observed, RevocationListFacts
from rds_ssl.core.planning.chain import is_alone
from rds_ssl.core.planning.desired import material_of
from rds_ssl.core.x509.facts import ClientCAFacts, MaterialFacts, ServerFacts, title

MAX_WARNINGS = 10
"""More are only counted: they stand in one condition, whose message has 32 KiB at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """*warnings* are sentences, the same on each pass; they stop nothing."""

    problem: Finding | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Judged:
    problem: Finding
    in_force: bool


@dataclass(frozen=True, slots=True)
class _InForce:
    """What the instance has already; *applied* tells where the certificate is not echoed."""

    observed: Observed
    applied: AppliedStatus | None

    def server(self, server: ServerFacts) -> bool:
        observed, leaf = self.observed, server.leaf
        was = self.applied.state if self.applied else None
        chain = fingerprint((each.sha256 for each in server.chain), ordered=True)
        if not observed.enabled or (was is not None and was.chain not in {None, chain}):
            return False
        if observed.server_certificate is not None:
            return observed.server_certificate.sha256 == leaf.sha256
        if was is None or observed.expire_time not in {None, leaf.not_after}:
            return False
        return was.material == material_of(
            server_certificate=leaf,
            client_ca=observed.client_ca or (),
            revocation_list=observed.revocation_list or (),
        )

    def server_alone(self, server: ServerFacts) -> bool:
        """True if the leaf is served without the intermediates that are declared with it."""
        was = self.applied.state if self.applied else None
        same = was is not None and was.server_certificate == server.leaf.sha256
        return same and len(server.chain) > 1 and is_alone(self.observed, self.applied)

    def protects(self, endpoint: str) -> bool:
        protected = self.observed.connection_string
        return protected is None or host_name(protected) == host_name(endpoint)

    def client_ca(self, cas: Sequence[ClientCAFacts]) -> bool:
        shown = self.observed.client_ca or ()
        return {each.certificate.sha256 for each in cas} == {each.sha256 for each in shown}

    def revocation_list(self, lists: Sequence[RevocationListFacts]) -> bool:
        shown = self.observed.revocation_list or ()
        return {each.sha256 for each in lists} == {each.sha256 for each in shown}


def validate(
    declaration: Declaration,
    facts: MaterialFacts,
    signed: Mapping[str, frozenset[str]] | None,
    observed: Observed,
    *,
    applied: AppliedStatus | None,
    endpoint: str,
    now: datetime,
) -> Validation:
    """
    Judge all that the references hold.

    Args:
        signed: See `rds_ssl.core.checks.certificates.check_revocation_list`; None: no CA or list.
        applied: Resolves what the API does not echo.
        endpoint: What the certificate has to cover; empty: not known yet.
    """
    if not declaration.enabled:
        return Validation()
    in_force = _InForce(observed, applied)
    found = list(_problems(declaration, facts, signed, in_force, endpoint=endpoint, now=now))
    new = next((each.problem for each in found if not each.in_force), None)
    if new is not None:
        return Validation(problem=new)
    warnings = [each.problem.message for each in found]
    if facts.server is not None:
        warnings += certificates.server_warnings(
            facts.server, endpoint=endpoint or None, now=now, updates_restart=True
        )
        if in_force.server_alone(facts.server):
            warnings.append(
                f"In force is {title(facts.server.leaf)} without an intermediate: clients must"
                f" trust {shown(facts.server.leaf.issuer)} itself until the change is done."
            )
    warnings += certificates.client_ca_warnings(facts.client_ca, now=now)
    if signed is not None:
        warnings += certificates.revocation_list_warnings(facts.client_ca, signed, now=now)
    warnings += _plain_connections(declaration)
    return Validation(warnings=_bounded(warnings))


def next_validation(facts: MaterialFacts, *, now: datetime) -> datetime | None:
    """Return the first moment after *now* at which `validate` may answer otherwise; None: never."""
    links = facts.server.chain if facts.server else ()
    moments: list[datetime | None] = []
    for each in (*links, *(ca.certificate for ca in facts.client_ca)):
        moments += (each.not_before, each.not_after)
    for one in facts.revocation_list:
        moments += (one.this_update, one.next_update)
    return min((each for each in moments if each is not None and each > now), default=None)


def _problems(
    declaration: Declaration,
    facts: MaterialFacts,
    signed: Mapping[str, frozenset[str]] | None,
    in_force: _InForce,
    *,
    endpoint: str,
    now: datetime,
) -> Iterator[_Judged]:
    """Yield what the checks find, in the order of the design; what is in force is told apart."""
    places = _places(declaration)
    if facts.server is not None:
        where, known = places["serverCertificate"], in_force.server(facts.server)
        problem = certificates.check_server_certificate(facts.server, now=now, where=where)
        if problem is not None:
            yield _Judged(problem, known)
        if endpoint:
            problem = certificates.check_names(facts.server, endpoint=endpoint, where=where)
            if problem is not None:
                # For another endpoint than that in force it is sent anew.
                yield _Judged(problem, known and in_force.protects(endpoint))
    same_ca = in_force.client_ca(facts.client_ca)
    if facts.client_ca:
        problem = certificates.check_client_ca(facts.client_ca, now=now, where=places["ca"])
        if problem is not None:
            yield _Judged(problem, same_ca)
    if signed is not None:
        lists, where = facts.revocation_list, places["revocationList"]
        problem = certificates.check_revocation_list(
            lists, facts.client_ca, signed, now=now, where=where
        )
        if problem is not None:
            yield _Judged(problem, same_ca and in_force.revocation_list(lists))


def _places(declaration: Declaration) -> dict[str, str]:
    """Return where each part comes from, by its field: serverCertificate, ca, revocationList."""
    places: dict[str, str] = {}
    for each in declaration.material_references:
        path = each.field.split(".")
        part = path[1] if path[1] == "serverCertificate" else path[2]
        places.setdefault(part, f"{each.kind} {each.name}, key {each.key}")
    return places


def _plain_connections(declaration: Declaration) -> Iterator[str]:
    clients = declaration.client_authentication
    if clients.ca is None:
        return  # Without one there is no rule that could ask for anything.
    loose = [name for name, acl in clients.acls.items() if acl is ACL.PREFER]
    if loose:
        yield (
            f"{' and '.join(loose)} prefer still {'accept' if len(loose) > 1 else 'accepts'}"
            " connections without TLS and without a client certificate."
        )


def _bounded(warnings: list[str]) -> tuple[str, ...]:
    distinct = list(dict.fromkeys(warnings))
    if len(distinct) <= MAX_WARNINGS:
        return tuple(distinct)
    rest = len(distinct) - MAX_WARNINGS
    return (*distinct[:MAX_WARNINGS], f"And {rest} more of the kind.")
