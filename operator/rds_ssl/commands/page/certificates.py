"""
What of the material in force ends when, as far as a status tells. Pure.

How soon "soon" is follows `rds_ssl.core.checks.expiry` where the whole life is known. A status has
the begin of server certificates alone: of anything else it is soon if the operator warns of the
object, by CertificateExpiring.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rds_ssl.commands.page.items import Item, Moment
from rds_ssl.core.api.conditions import CERTIFICATE_EXPIRING
from rds_ssl.core.api.states import ObservedStatus, StateStatus
from rds_ssl.core.checks.expiry import EXPIRY_WARNING, WARNING_SHARE
from rds_ssl.core.model import CAType
from rds_ssl.core.moments import shifted


class Kind(StrEnum):
    """What ends, in the order in which a chain is read."""

    SERVER = "Server certificate"
    INTERMEDIATE = "Intermediate"
    CLIENT_CA = "Client CA"
    REVOCATION_LIST = "Revocation list"


class Life(StrEnum):
    """How much is left of it."""

    ENDED = "ended"
    SOON = "soon"
    GOOD = "good"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """One thing that ends: a certificate, or a revocation list."""

    kind: Kind
    subject: str
    issuer: str = ""
    names: tuple[str, ...] = ()
    sha256: str = ""
    note: str = ""
    start: datetime | None = None
    end: datetime | None = None
    life: Life
    starts: Moment | None = None
    ends: Moment | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 as people compare it: pairs with ``:`` between them, as OpenSSL writes it."""
        digits = self.sha256.upper()
        return ":".join(digits[place : place + 2] for place in range(0, len(digits), 2))

    @property
    def common_name(self) -> str:
        """The common name of the subject, or all of it."""
        return common_name(self.subject)

    @property
    def issuer_name(self) -> str:
        """The common name of the issuer, or all of it."""
        return common_name(self.issuer)


def common_name(subject: str) -> str:
    r"""Return the CN of a name as RFC 4514 writes it; all of it if there is none (``CN=a\,b``)."""
    for part in _attributes(subject):
        kind, _, value = part.partition("=")
        if kind.strip().upper() == "CN" and value:
            return value
    return subject


def _attributes(name: str) -> Iterator[str]:
    part, escaped = "", False
    for each in name:
        if escaped:
            part, escaped = part + each, False
        elif each == "\\":
            escaped = True
        elif each in ",+":
            yield part
            part = ""
        else:
            part += each
    yield part


def certificates_of(item: Item, now: datetime) -> list[Certificate]:
    """Return all that ends of what is in force, the server certificate first; none with SSL off."""
    return list(_certificates(item, now))


def _certificates(item: Item, now: datetime) -> Iterator[Certificate]:
    observed = item.seen.status.observed
    if observed is None or not observed.enabled:
        return
    warned = item.is_true(CERTIFICATE_EXPIRING)
    yield from _server(item, observed, now)
    yield from _intermediates(item, observed, now)
    for ca in observed.client_ca or ():
        yield _made(
            now,
            kind=Kind.CLIENT_CA,
            subject=ca.subject or "",
            sha256=ca.sha256,
            end=ca.not_after,
            warned=warned,
        )
    for one in observed.revocation_list or ():
        yield _made(
            now,
            kind=Kind.REVOCATION_LIST,
            subject=one.issuer or "",
            sha256=one.sha256,
            note=f"{one.revoked_count or 0} revoked",
            end=one.next_update,
            warned=warned,
        )


def _server(item: Item, observed: ObservedStatus, now: datetime) -> Iterator[Certificate]:
    leaf = observed.server_certificate
    if leaf is not None:
        yield _made(
            now,
            kind=Kind.SERVER,
            subject=leaf.subject or "",
            issuer=leaf.issuer or "",
            names=leaf.dns_names,
            sha256=leaf.sha256,
            start=leaf.not_before,
            end=leaf.not_after or item.end,
        )
    elif item.end is not None:
        own = observed.ca_type is CAType.CUSTOM
        state = _state_in_force(item, observed)
        yield _made(
            now,
            kind=Kind.SERVER,
            subject="A certificate of your own" if own else "A certificate of the cloud",
            sha256=(state.server_certificate or "") if state else "",
            note="RDS shows its end and nothing else",
            end=item.end,
            warned=item.is_true(CERTIFICATE_EXPIRING),
        )


def _intermediates(item: Item, observed: ObservedStatus, now: datetime) -> Iterator[Certificate]:
    state = _state_in_force(item, observed)
    for each in state.intermediates if state else ():
        yield _made(
            now,
            kind=Kind.INTERMEDIATE,
            subject=each.subject or "",
            issuer=each.issuer or "",
            sha256=each.sha256,
            end=each.not_after,
            warned=item.is_true(CERTIFICATE_EXPIRING),
        )


def _state_in_force(item: Item, observed: ObservedStatus) -> StateStatus | None:
    """Find what was applied, if its own certificate is the one in force."""
    applied, leaf = item.seen.status.applied, observed.server_certificate
    if applied is None or applied.state is None or applied.state.server_certificate is None:
        return None
    if leaf is None:
        end = applied.expire_time or applied.state.not_after
        return applied.state if end is not None and end == item.end else None
    return applied.state if applied.state.server_certificate == leaf.sha256 else None


def _made(
    now: datetime,
    *,
    kind: Kind,
    subject: str,
    issuer: str = "",
    names: tuple[str, ...] = (),
    sha256: str = "",
    note: str = "",
    start: datetime | None = None,
    end: datetime | None = None,
    warned: bool = False,
) -> Certificate:
    return Certificate(
        kind=kind,
        subject=subject,
        issuer=issuer,
        names=names,
        sha256=sha256,
        note=note,
        start=start,
        end=end,
        life=life(start, end, now, warned=warned),
        starts=Moment.of(start, now),
        ends=Moment.of(end, now),
    )


def life(
    start: datetime | None, end: datetime | None, now: datetime, *, warned: bool = False
) -> Life:
    """
    Return how much is left.

    SOON is the last 30 days, or the last fifth of a shorter life; where *start* is not known, the
    last 30 days if the operator warns of something.
    """
    if end is None:
        return Life.UNTOLD
    if end <= now:
        return Life.ENDED
    if start is None or start >= end:
        soon = warned and shifted(end, -EXPIRY_WARNING) <= now
    else:
        soon = shifted(end, -min(EXPIRY_WARNING, (end - start) * WARNING_SHARE)) <= now
    return Life.SOON if soon else Life.GOOD
