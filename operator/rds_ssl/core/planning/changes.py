"""
What a plan changes, in words for people. Pure.

Names of certificates come from outside: they are cut and made printable.
"""

from collections.abc import Iterator

from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.formats import shown
from rds_ssl.core.model import UNTOLD, CertificateFacts, Change, Observed, RevocationListFacts
from rds_ssl.core.planning.chain import intermediates_in_force, is_alone
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import ROWS, Comparison, Field
from rds_ssl.core.x509.facts import list_title, title
from rds_ssl.core.x509.revocation import serials_left


def changes(
    desired: Desired,
    observed: Observed,
    comparison: Comparison,
    *,
    applied: AppliedStatus | None = None,
) -> tuple[Change, ...]:
    """
    Put into words what a call would change, in the order of the spec.

    Args:
        applied: Tells which intermediates are in force, where they are not shown.
    """
    named = comparison.different | comparison.unknown
    if Field.ENABLED in named and desired.enabled:
        # Off shows nothing else: what is turned on is named as a whole.
        named |= {
            field
            for field, row in ROWS.items()
            if row.wanted(desired.state)
            and not row.while_off
            and field not in {Field.RENEWAL, Field.CHAIN}
        }
    words = {field: _words(field, desired, observed, applied) for field in ROWS if field in named}
    return tuple(
        Change(field=field.value, before=before, after=after)
        for field, (before, after) in words.items()
    )


_SERIAL = 40
"""Hexadecimal digits of a serial number: 20 octets (RFC 5280, 4.1.2.2)."""


def notes(desired: Desired, observed: Observed) -> Iterator[str]:
    """Return what the reader should know beside the changes, and who is not revoked any more."""
    for _, sentence in observed.not_understood:
        yield f"{sentence}; it counts as not told."
    if not (observed.enabled and desired.enabled):
        return
    left = serials_left(observed.lists_in_force or (), desired.revocation_list)
    for issuer, serials in left.items():
        named = ", ".join(shown(f"{each:x}", _SERIAL) for each in serials[:10])
        more = f" and {len(serials) - 10} more" if len(serials) > 10 else ""
        yield f"No longer revoked by {shown(issuer)}: {named}{more}."


def _words(
    field: Field, desired: Desired, observed: Observed, applied: AppliedStatus | None
) -> tuple[str, str]:
    """Put *field* into words, before and after."""
    row = ROWS[field]
    match field:
        case Field.SERVER_CERTIFICATE:
            before = _certificate(observed.server_certificate)
            after = _certificate(desired.server_certificate)
        case Field.CHAIN:
            before = _chain_in_force(observed, applied)
            after = _bundle(desired.chain[1:]) if desired.chain[1:] else _ALONE
        case Field.CLIENT_CA:
            before, after = _bundle(observed.client_ca), _bundle(desired.client_ca)
        case Field.REVOCATION_LIST:
            before, after = _lists(observed.lists_in_force), _lists(desired.revocation_list)
        case Field.RENEWAL:
            before, after = f"a cloud certificate until {desired.renews:%Y-%m-%d}", "a new one"
        case _:
            value = row.shown(observed)
            before = row.absent if value is None else _text(value)
            after = _text(row.wanted(desired.state))
    if not observed.enabled:
        # There is nothing that could be shown.
        before = _text(bool(row.shown(observed))) if row.while_off else "none"
    return before, after


def _text(value: object) -> str:
    return ("on" if value else "off") if isinstance(value, bool) else str(value)


def _certificate(facts: CertificateFacts | None) -> str:
    if facts is None:
        return "not shown"
    end = "" if facts.not_after == UNTOLD else f", until {facts.not_after:%Y-%m-%d}"
    return f"{title(facts)} ({facts.sha256[:16]}{end})"


_ALONE = "no intermediate"


def _chain_in_force(observed: Observed, applied: AppliedStatus | None) -> str:
    if is_alone(observed, applied):
        return _ALONE
    known = intermediates_in_force(observed, applied)
    names = (f"{shown(each.subject or '')} ({each.sha256[:16]})" for each in known)
    return ", ".join(names) or "not shown"


def _bundle(cas: tuple[CertificateFacts, ...] | None) -> str:
    if not cas:
        return "none"
    return ", ".join(f"{title(each)} ({each.sha256[:16]})" for each in cas)


def _lists(lists: tuple[RevocationListFacts, ...] | None) -> str:
    if not lists:
        return "none"
    return ", ".join(
        f"{list_title(each)} ({each.sha256[:16]}"
        f"{'' if each.unreadable else f', {each.revoked_count} revoked'})"
        for each in lists
    )
