"""
When what is in force expires.

Pure, over facts. Sentences name the object and its date, never the days that are left: they are
written to conditions, and a text that changes every day would be a PATCH every day.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from rds_ssl.core.api.states import IntermediateStatus
from rds_ssl.core.formats import shown
from rds_ssl.core.model import (
    CAType,
    CertificateFacts,
    Finding,
    Observed,
    Reason,
    RevocationListFacts,
)
from rds_ssl.core.moments import shifted
from rds_ssl.core.x509.facts import canonical, list_title, title

EXPIRY_WARNING = timedelta(days=30)
"""Default of the setting of that name: how long before the end a warning begins."""

WARNING_SHARE = 0.2
"""Of the lifetime: a certificate of a day would otherwise be expiring from its first minute."""


CLOUD_LIFETIME = timedelta(days=365)
"""Of a certificate that the vendor issues (MYSQL-SSL, PG-CLOUD: "valid for one year")."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry(Finding):
    """One thing that expires soon (CertificateExpiring) or has expired (CertificateExpired)."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Span:
    """The life of one thing; *last* says that nothing else stands in for it after its end."""

    what: str
    start: datetime | None
    """None: how long it lives is not known."""
    end: datetime
    last: bool
    afterwards: str
    few: bool = False
    """Whether others than those whom it locks out are still let in."""

    def warns_at(self, warning: timedelta) -> datetime:
        if self.start is None:
            return shifted(self.end, -warning)
        return shifted(self.end, -min(warning, (self.end - self.start) * WARNING_SHARE))


def expiry(
    observed: Observed,
    *,
    now: datetime,
    warning: timedelta = EXPIRY_WARNING,
    intermediates: Sequence[IntermediateStatus] = (),
) -> tuple[Expiry, ...]:
    """
    Return what of the material in force has expired or will soon: the expired first, then by date.

    The warning begins *warning* or a fifth of the lifetime before the end, whichever is later.
    A server certificate that is not echoed ends at SSLExpireTime; its lifetime is known of a cloud
    certificate only. An expired CA counts as expiring for as long as another CA of the bundle is
    valid. Of several lists of one issuer the one that lives longest counts; one without nextUpdate
    does not expire, and one of a CA that has expired matters to nobody. Of what has expired that is
    first which locks out everybody. An intermediate above the first may be one that clients do not
    need, such as a cross-signed root: its end is told, and is no end of the server certificate.

    Args:
        intermediates: Those in force, the nearest to the server certificate first.
    """
    found: list[tuple[bool, Expiry]] = []
    for span in _spans(observed, intermediates, now=now):
        if now < span.warns_at(warning):
            continue
        ended = now >= span.end
        when = span.end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        one = Expiry(
            reason=Reason.CERTIFICATE_EXPIRED
            if ended and span.last
            else Reason.CERTIFICATE_EXPIRING,
            at=span.end,
            message=f"{span.what} {'expired' if ended else 'expires'} at {when};"
            f" {span.afterwards}.",
        )
        expired = one.reason is Reason.CERTIFICATE_EXPIRED
        found.append((expired and span.few, one))
    found.sort(
        key=lambda each: (each[1].reason is not Reason.CERTIFICATE_EXPIRED, each[0], each[1].at)
    )
    return tuple(one for _, one in found)


def next_expiry_change(
    observed: Observed,
    *,
    now: datetime,
    warning: timedelta = EXPIRY_WARNING,
    intermediates: Sequence[IntermediateStatus] = (),
) -> datetime | None:
    """Return the first moment after *now* at which `expiry` has another answer, if there is one."""
    moments = [
        moment
        for span in _spans(observed, intermediates, now=now)
        for moment in (span.warns_at(warning), span.end)
        if moment > now
    ]
    return min(moments, default=None)


def _spans(
    observed: Observed, intermediates: Sequence[IntermediateStatus], *, now: datetime
) -> Iterator[_Span]:
    if not observed.enabled:
        return
    yield from _server_span(observed)
    yield from _intermediate_spans(intermediates)
    client_ca = observed.client_ca or ()
    last_end = max((ca.not_after for ca in client_ca), default=None)
    for ca in client_ca:
        yield _Span(
            what=f"The client CA {title(ca)}",
            start=ca.not_before,
            end=ca.not_after,
            last=ca.not_after == last_end,
            afterwards="its clients are refused from then on",
        )
    yield from _list_spans(observed.lists_in_force or (), client_ca, now=now)


def _list_spans(
    revocation_list: Sequence[RevocationListFacts],
    client_ca: Sequence[CertificateFacts],
    *,
    now: datetime,
) -> Iterator[_Span]:
    names = {canonical(ca.subject) for ca in client_ca}
    living = {canonical(ca.subject) for ca in client_ca if now < ca.not_after}
    for issuer in sorted({canonical(one.issuer) for one in revocation_list}):
        lists = [one for one in revocation_list if canonical(one.issuer) == issuer]
        ends = [(one.next_update, one.this_update) for one in lists if one.next_update is not None]
        # An issuer that is no CA of the bundle is a riddle, and told.
        if len(ends) == len(lists) and (issuer in living or issuer not in names):
            end, start = max(ends)
            yield _Span(
                what=f"The revocation list of {list_title(lists[0])}",
                start=start,
                end=end,
                last=True,
                few=bool(living - {issuer}),
                afterwards="all clients of that CA are refused from then on",
            )


def _intermediate_spans(intermediates: Sequence[IntermediateStatus]) -> Iterator[_Span]:
    issuer = intermediates[0].subject if intermediates else None
    of_issuer = [each.not_after for each in intermediates if each.subject == issuer]
    last = max((end for end in of_issuer if end), default=None)
    for each in intermediates:
        if each.not_after is None:
            continue
        needed = each.not_after == last and each.subject == issuer
        yield _Span(
            what=f"The intermediate {shown(each.subject or each.sha256[:16])} of the server"
            " certificate",
            start=None,
            end=each.not_after,
            last=needed,
            afterwards=f"{'' if needed else 'some '}clients that verify it refuse it from then on",
        )


def _server_span(observed: Observed) -> Iterator[_Span]:
    server, end = observed.server_certificate, observed.expire_time
    what, start = "The server certificate", None
    if server is not None:  # SSLExpireTime is its notAfter then.
        what, start, end = f"{what} {title(server)}", server.not_before, server.not_after
    elif end is not None and observed.ca_type is CAType.ALIYUN:
        start = shifted(end, -CLOUD_LIFETIME)
    if end is None:
        return
    yield _Span(
        what=what,
        start=start,
        end=end,
        last=True,
        afterwards="clients that verify it refuse it from then on",
    )
