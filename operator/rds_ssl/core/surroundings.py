"""
What surrounds the SSL settings of an instance: its endpoints, and who has to come by SSL.

Neither is written by this operator. Both are advice for a plan and names for a message, so a field
that is missing costs that field; a list that is missing is a failed read: "none" would be a claim.

Source: DescribeDBInstanceNetInfo and DescribePGHbaConfig.
"""

import re
from collections.abc import Mapping, Sequence

from rds_ssl.core.errors import ObservationError
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import Endpoint

NORMAL = "Normal"
"""ConnectionStringType of an endpoint that may have SSL."""

READ_WRITE_SPLITTING = "ReadWriteSplitting"
"""ConnectionStringType of an endpoint that never has it."""

HBA_CHARACTERS = 200
"""Of a row of pg_hba.conf in a message."""

_MOST_CHARACTERS = 1000
"""Of a value: more than a host name or a row has."""

_KINDS = {kind.lower(): kind for kind in (NORMAL, READ_WRITE_SPLITTING)}
_UNPRINTABLE = re.compile(r"[^ -~]")


def read_endpoints(body: Mapping[str, object]) -> tuple[Endpoint, ...]:
    """
    Read the body of DescribeDBInstanceNetInfo, in its order.

    An entry without a host name is left out, one without a type counts as `NORMAL`: the API has the
    last word on whether it may have SSL.

    Raises:
        ObservationError: ``DBInstanceNetInfos.DBInstanceNetInfo`` is missing or no list of objects.
    """
    found = []
    for fields in _listed(
        body, "DescribeDBInstanceNetInfo", "DBInstanceNetInfos", "DBInstanceNetInfo"
    ):
        host = host_name(_text(fields, "ConnectionString"))
        port = _text(fields, "Port")
        kind = _text(fields, "ConnectionStringType") or NORMAL
        if host:
            found.append(
                Endpoint(
                    host=host,
                    port=int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 0,
                    kind=_KINDS.get(kind.lower(), kind),
                    ip_type=_text(fields, "IPType"),
                )
            )
    return tuple(found)


def read_hostssl_rows(body: Mapping[str, object]) -> tuple[str, ...]:
    """
    Read the rows of the running pg_hba.conf that let clients in by SSL only.

    Args:
        body: Of DescribePGHbaConfig. Its ``DefaultHbaItems`` are what a reset would bring back.

    Returns:
        A line each, ``hostssl all all 0.0.0.0/0 scram-sha-256``, in their order. Options are left
        out: LDAP's hold a password.

    Raises:
        ObservationError: ``RunningHbaItems.HbaItem`` is missing or no list of objects.
    """
    names = ("Type", "Database", "User", "Address", "Mask", "Method")
    return tuple(
        " ".join(filter(None, (_text(fields, name) for name in names)))[:HBA_CHARACTERS]
        for fields in _listed(body, "DescribePGHbaConfig", "RunningHbaItems", "HbaItem")
        if _text(fields, "Type").lower() == "hostssl"
    )


def _listed(
    body: Mapping[str, object], action: str, outer: str, inner: str
) -> Sequence[Mapping[str, object]]:
    holder = body.get(outer)
    items = holder.get(inner) if isinstance(holder, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise ObservationError(f"{action}: {outer}.{inner} is missing")
    return items


def _text(fields: Mapping[str, object], name: str) -> str:
    # Strings are documented, numbers and the word "null" are in the vendor's own examples.
    value = fields.get(name)
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return "" if text in {"-", "null"} else _UNPRINTABLE.sub("?", text[:_MOST_CHARACTERS])
