"""
When a cloud certificate is to be renewed by a call. Pure.

The vendor renews those of PostgreSQL by itself; on MySQL and SQL Server that is left to the user.
One call per SSLExpireTime that is shown: the state wanted names it, and a renewal that did not move
it is not sent again. Source: the vendor's pages on SSL encryption of each engine.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.api.states import IntermediateStatus
from rds_ssl.core.api.status import HistoryEntry
from rds_ssl.core.model import RENEWABLE_ENGINES, CAType, Observed, Phase
from rds_ssl.core.moments import shifted
from rds_ssl.core.planning.fields import SERVER, Field


def renewal_at(declaration: Declaration, observed: Observed, *, engine: str) -> datetime | None:
    """Return the time from which the certificate in force is to be renewed; None: by no call."""
    margin = declaration.server_certificate.renew_before
    if margin is None or observed.expire_time is None:
        return None
    if not (declaration.enabled and observed.enabled) or engine not in RENEWABLE_ENGINES:
        return None
    if declaration.effective_ca_type is not CAType.ALIYUN:
        return None
    return shifted(observed.expire_time, -margin)


def tried(history: Sequence[HistoryEntry], renews: datetime | None) -> bool:
    """True if a renewal of the certificate that ends at *renews* was without effect already."""
    return renews is not None and any(
        each.renews == renews and each.result in {Phase.NOT_CONVERGING, Phase.TIMED_OUT}
        for each in history
    )


def replaced_end(
    observed: Observed,
    fields: Collection[Field],
    *,
    intermediates: Sequence[IntermediateStatus] = (),
) -> datetime | None:
    """
    Return the earliest end of what is in force and is replaced; None if nothing ends.

    Args:
        fields: What is changed.
        intermediates: Those in force, as far as they are known.
    """
    if not observed.enabled:
        return None
    ends: list[datetime | None] = []
    if not SERVER.isdisjoint(fields):
        leaf = observed.server_certificate
        ends.append(leaf.not_after if leaf else observed.expire_time)
        ends += [each.not_after for each in intermediates]
    if Field.CLIENT_CA in fields:
        ends += [each.not_after for each in observed.client_ca or ()]
    if Field.REVOCATION_LIST in fields:
        ends += [each.next_update for each in observed.lists_in_force or ()]
    return min((each for each in ends if each is not None), default=None)
