"""
What a newer revocation list gives up. Pure, over facts.

A list that revokes less than the one in force has the impact `Weakens`; docs/conditions.md, "The
plan in status".
"""

from collections.abc import Sequence

from rds_ssl.core.formats import counted, shown
from rds_ssl.core.model import RevocationListFacts
from rds_ssl.core.x509.facts import canonical, list_title


def revocation_weakens(
    before: Sequence[RevocationListFacts], after: Sequence[RevocationListFacts]
) -> str | None:
    """
    Return why clients that are refused now would be let in again; None if none would.

    Lists are matched by issuer; one that stays is not compared. A list that goes is compared with
    the newest new one of its issuer: a lower number, an older thisUpdate, or serials gone without
    a higher number weaken. An issuer without any list afterwards weakens nothing, for PostgreSQL
    refuses all clients of a CA without one; unless no list at all is left, which checks nobody.
    A list in force that cannot be read may revoke anything, so that whatever replaces it weakens.
    """
    if before and not after:
        return "no revocation list is left"
    staying = {one.sha256 for one in before} & {one.sha256 for one in after}
    for old in before:
        if old.sha256 in staying:
            continue
        if old.unreadable:
            return f"what the revocation list of {list_title(old)} revokes is not known"
        issuer = canonical(old.issuer)
        of_issuer = [one for one in after if canonical(one.issuer) == issuer]
        if not of_issuer:
            continue
        new = [one for one in of_issuer if one.sha256 not in staying]
        fault = _step_back(old, _newest(new or of_issuer))
        if fault:
            return f"the revocation list of {shown(old.issuer)} {fault}"
    return None


def serials_left(
    before: Sequence[RevocationListFacts], after: Sequence[RevocationListFacts]
) -> dict[str, tuple[int, ...]]:
    """
    Return what is no longer revoked: issuer → serial numbers, ascending; only issuers with some.

    An issuer without any list afterwards is not named (see `revocation_weakens`).
    """
    left: dict[str, tuple[int, ...]] = {}
    names = {canonical(one.issuer): one.issuer for one in (*after, *before)}
    for name, issuer in sorted(names.items()):
        gone = _serials(before, name) - _serials(after, name)
        if gone and any(canonical(one.issuer) == name for one in after):
            left[issuer] = tuple(sorted(gone))
    return left


def _newest(lists: Sequence[RevocationListFacts]) -> RevocationListFacts:
    return max(lists, key=lambda one: (-1 if one.number is None else one.number, one.this_update))


def _step_back(old: RevocationListFacts, new: RevocationListFacts) -> str | None:
    if old.number is not None and new.number is not None and new.number < old.number:
        return f"goes back from number {counted(old.number)} to {counted(new.number)}"
    if new.this_update < old.this_update:
        return "is replaced by an older one"
    higher = old.number is not None and new.number is not None and new.number > old.number
    gone = len(old.serials - new.serials)
    if gone and not higher:
        return f"loses {gone} revoked serial number(s) without a higher CRL number"
    return None


def _serials(lists: Sequence[RevocationListFacts], issuer: str) -> frozenset[int]:
    own = (one.serials for one in lists if canonical(one.issuer) == issuer)
    return frozenset[int]().union(*own)
