"""
Does a change restart the instance? Pure.

By engine, version and what is sent. Source: the vendor's pages on SSL encryption of each engine.
"""

from rds_ssl.core.comparison import Comparison
from rds_ssl.core.fields import Field
from rds_ssl.core.model import Engine, Restart

_QUIET = frozenset(
    {Field.ACL, Field.REPLICATION_ACL, Field.FORCE_ENCRYPTION, Field.MINIMUM_TLS_VERSION}
)
"""Fields of which no page says that changing them restarts."""


def predict_restart(comparison: Comparison, *, engine: str, engine_version: str) -> Restart:
    """
    Predict from what is *sent*, which is always the complete set.

    On, off, endpoint, own certificate, client CA, CRL and a renewal restart; only the renewal on
    MySQL 8.0 does not (documented). An ACL alone is documented without a restart and of forced
    encryption and the TLS minimum nothing is, but they go with SSLEnabled=1, which may re-issue
    the certificate and restart: nobody has proved otherwise.
    """
    named = comparison.different | comparison.unknown
    if named <= _QUIET:
        return Restart.UNKNOWN
    if named == {Field.RENEWAL} and engine == Engine.MYSQL and engine_version == "8.0":
        return Restart.NONE
    return Restart.EXPECTED
