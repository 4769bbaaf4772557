"""
When a cloud certificate is to be renewed by a call. Pure.

The vendor renews those of PostgreSQL by itself; on MySQL and SQL Server that is left to the user.
One call per SSLExpireTime that is shown: the state wanted names it, and a renewal that did not move
it is not sent again. Source: the vendor's pages on SSL encryption of each engine.
"""

from collections.abc import Sequence
from datetime import datetime

from rds_ssl.core.declaration import Declaration
from rds_ssl.core.model import CAType, Engine, Observed, Phase
from rds_ssl.core.status import HistoryEntry

ENGINES = frozenset({Engine.MYSQL, Engine.SQLSERVER})
"""Whose cloud certificates are not renewed by the vendor."""


def renewal_at(declaration: Declaration, observed: Observed, *, engine: str) -> datetime | None:
    """Give the time from which the certificate in force is to be renewed; None: by no call."""
    margin = declaration.server_certificate.renew_before
    if margin is None or observed.expire_time is None:
        return None
    if not (declaration.enabled and observed.enabled) or engine not in ENGINES:
        return None
    if declaration.effective_ca_type is not CAType.ALIYUN:
        return None
    return observed.expire_time - margin


def tried(history: Sequence[HistoryEntry], renews: datetime | None) -> bool:
    """Whether a renewal of the certificate that ends at *renews* was without effect already."""
    return renews is not None and any(
        each.renews == renews and each.result in {Phase.NOT_CONVERGING, Phase.TIMED_OUT}
        for each in history
    )
