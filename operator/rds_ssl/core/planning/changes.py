"""
What a plan changes, in words for people. Pure.

Names of certificates come from outside: they are cut and made printable.
"""

from collections.abc import Iterator

from rds_ssl.core.formats import shown
from rds_ssl.core.model import UNTOLD, CertificateFacts, Change, Observed, RevocationListFacts
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import ROWS, Comparison, Field
from rds_ssl.core.x509.facts import list_title, title
from rds_ssl.core.x509.revocation import serials_left


def changes(desired: Desired, observed: Observed, comparison: Comparison) -> tuple[Change, ...]:
    """Put into words what a call would change, in the order of the spec."""
    named = comparison.different | comparison.unknown
    if Field.ENABLED in named and desired.enabled:
        # Off shows nothing else: what is turned on is named as a whole.
        named |= {
            field
            for field, row in ROWS.items()
            if row.wanted(desired.state) and not row.while_off and field is not Field.RENEWAL
        }
    words = {field: _words(field, desired, observed) for field in ROWS if field in named}
    return tuple(
        Change(field=field.value, before=before, after=after)
        for field, (before, after) in words.items()
    )


def notes(desired: Desired, observed: Observed) -> Iterator[str]:
    """Return what the reader should know beside the changes: who is not revoked any more."""
    if not (observed.enabled and desired.enabled):
        return
    left = serials_left(observed.revocation_list or (), desired.revocation_list)
    for issuer, serials in left.items():
        named = ", ".join(f"{each:x}" for each in serials[:10])
        more = f" and {len(serials) - 10} more" if len(serials) > 10 else ""
        yield f"No longer revoked by {shown(issuer)}: {named}{more}."


def _words(field: Field, desired: Desired, observed: Observed) -> tuple[str, str]:
    """Put *field* into words, before and after."""
    row = ROWS[field]
    match field:
        case Field.SERVER_CERTIFICATE:
            before = _certificate(observed.server_certificate)
            after = _certificate(desired.server_certificate)
        case Field.CLIENT_CA:
            before, after = _bundle(observed.client_ca), _bundle(desired.client_ca)
        case Field.REVOCATION_LIST:
            before, after = _lists(observed.revocation_list), _lists(desired.revocation_list)
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
