"""
When what is in force expires.

Pure, over facts. Sentences name the object and its date, never the days that are left: they are
written to conditions, and a text that changes every day would be a PATCH every day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rds_ssl.core.facts import shown, title
from rds_ssl.core.model import CertificateFacts, Reason, RevocationListFacts

EXPIRY_WARNING = timedelta(days=30)
"""Default of the setting of that name: how long before the end a warning begins."""

WARNING_SHARE = 0.2
"""Of the lifetime: a certificate of a day would otherwise be expiring from its first minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """One thing that expires soon (CertificateExpiring) or has expired (CertificateExpired)."""

    reason: Reason
    at: datetime
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The life of one thing; *last* says that nothing else stands in for it after its end."""

    what: str
    start: datetime
    end: datetime
    last: bool
    afterwards: str

    def warns_at(self, warning: timedelta) -> datetime:
        return self.end - min(warning, (self.end - self.start) * WARNING_SHARE)


def expiry(
    *,
    server: CertificateFacts | None,
    client_ca: Sequence[CertificateFacts] = (),
    revocation_list: Sequence[RevocationListFacts] = (),
    now: datetime,
    warning: timedelta = EXPIRY_WARNING,
) -> tuple[Expiry, ...]:
    """
    Say what of the material in force has expired or will soon: the expired first, then by date.

    The warning begins *warning* or a fifth of the lifetime before the end, whichever is later.
    An expired CA counts as expiring for as long as another CA of the bundle is valid. Of several
    lists of one issuer the one that lives longest counts; one without nextUpdate does not expire.
    """
    found: list[Expiry] = []
    for span in _spans(server, client_ca, revocation_list):
        if now < span.warns_at(warning):
            continue
        ended = now >= span.end
        when = span.end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        found.append(
            Expiry(
                reason=Reason.CERTIFICATE_EXPIRED
                if ended and span.last
                else Reason.CERTIFICATE_EXPIRING,
                at=span.end,
                message=f"{span.what} {'expired' if ended else 'expires'} at {when};"
                f" {span.afterwards}.",
            )
        )
    return tuple(
        sorted(found, key=lambda one: (one.reason is not Reason.CERTIFICATE_EXPIRED, one.at))
    )


def next_expiry_change(
    *,
    server: CertificateFacts | None,
    client_ca: Sequence[CertificateFacts] = (),
    revocation_list: Sequence[RevocationListFacts] = (),
    now: datetime,
    warning: timedelta = EXPIRY_WARNING,
) -> datetime | None:
    """Give the first moment after *now* at which `expiry` has another answer, if there is one."""
    moments = [
        moment
        for span in _spans(server, client_ca, revocation_list)
        for moment in (span.warns_at(warning), span.end)
        if moment > now
    ]
    return min(moments, default=None)


def _spans(
    server: CertificateFacts | None,
    client_ca: Sequence[CertificateFacts],
    revocation_list: Sequence[RevocationListFacts],
) -> Iterator[_Span]:
    if server is not None:
        yield _Span(
            what=f"The server certificate {title(server)}",
            start=server.not_before,
            end=server.not_after,
            last=True,
            afterwards="clients that verify it refuse it from then on",
        )
    last_end = max((ca.not_after for ca in client_ca), default=None)
    for ca in client_ca:
        yield _Span(
            what=f"The client CA {title(ca)}",
            start=ca.not_before,
            end=ca.not_after,
            last=ca.not_after == last_end,
            afterwards="its clients are refused from then on",
        )
    for issuer in sorted({one.issuer for one in revocation_list}):
        lists = [one for one in revocation_list if one.issuer == issuer]
        ends = [(one.next_update, one.this_update) for one in lists if one.next_update is not None]
        if len(ends) == len(lists):
            end, start = max(ends)
            yield _Span(
                what=f"The revocation list of {shown(issuer)}",
                start=start,
                end=end,
                last=True,
                afterwards="all clients of that CA are refused from then on",
            )
