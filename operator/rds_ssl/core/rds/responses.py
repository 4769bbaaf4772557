"""
What the API's answers say, as facts with three values: yes, no, not told.

A field that is absent is "not told" (None). A field whose word nobody has documented is neither
that nor "no": the read fails and names the field, because a plan made from a guess may restart a
database; unless nothing that is declared rests on it. Odd spellings and the vocabularies of the
engines end here.

Source: DescribeDBInstanceSSL and DescribeDBInstanceAttribute.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Concatenate, ParamSpec, TypeVar

from rds_ssl.core.errors import MaterialError, ObservationError
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import (
    ACL,
    CAType,
    CertificateFacts,
    Endpoint,
    Engine,
    Instance,
    Observed,
    RevocationListFacts,
)
from rds_ssl.core.x509.pem import parse_certificates, parse_revocation_lists

MODIFY_STATUS_CHARACTERS = 200
"""Of ModifyStatusReason, which is free text of the vendor for people."""

_HOST_CHARACTERS = 1000
"""Of an endpoint: a host name has 253, and a port."""

_ON = frozenset({"yes", "on", "1", "true"})
_OFF = frozenset({"no", "off", "0", "false"})

# The old SDK and two schemas of Terraform spell it so; nobody knows which servers do.
_ACL_SPELLINGS: Mapping[str, str] = {"perfer": ACL.PREFER}

_MODIFY_STATUSES = frozenset({"", "success", "setting", "failed"})

_TLS_VERSION = re.compile(r"(?:tlsv?)?(1(?:\.[0-3])?)", re.IGNORECASE)
_UNPRINTABLE = re.compile(r"[^ -~…]")
_RUN = re.compile(r"[A-Za-z0-9+/=%]{32,}")
"""A line of base64, perhaps of a key; no word is as long."""

_Word = TypeVar("_Word", bound=StrEnum)
_Value = TypeVar("_Value")
_Rest = ParamSpec("_Rest")

# As a JSON number 1 may come as 1.0, and as text that was made of one.
_FRACTION = re.compile(r"\.0+\Z")


def read_ssl(
    fields: Mapping[str, object], engine: str | None, *, undeclared: Collection[str] = ()
) -> Observed:
    """
    Read the body of DescribeDBInstanceSSL.

    With SSL off only ``SSLEnabled``, ``ForceEncryption``, the endpoint and the status of the last
    change are read: the rest is left over, or empty in ways of its own.

    Args:
        fields: The body, without ServerKey (`rds_ssl.aliyun.rds` drops it).
        engine: As DescribeDBInstanceAttribute has it; None if it is not known, then ``on`` and
            ``off`` tell a PostgreSQL. PostgreSQL alone shows client CA and CRL, so an empty field
            means "none" there and "not told" elsewhere.
        undeclared: See `rds_ssl.core.rds.undeclared`: a word there that nobody knows fails no
            read. It is "not told", and said in `Observed.not_understood`.

    Raises:
        ObservationError: SSLEnabled or another field cannot be understood; the text names it.
    """
    enabled = _flag(fields, "SSLEnabled")
    if enabled is None:
        raise ObservationError("DescribeDBInstanceSSL: SSLEnabled is missing")
    told = _Answer(fields, undeclared)
    off = Observed(
        enabled=False,
        connection_string=_host(fields, "ConnectionString"),
        force_encryption=told.read(_flag, "ForceEncryption"),
        last_modify_status=told.read(_modify_status, "LastModifyStatus") or "",
        modify_status_reason=_shown(_text(fields, "ModifyStatusReason") or ""),
    )
    if not enabled:
        return replace(off, not_understood=told.not_understood)
    on = (_text(fields, "SSLEnabled") or "").lower() == "on"
    echoes_trust = engine == Engine.POSTGRESQL if engine is not None else on
    chain = _certificates(fields, "ServerCert", empty_is_none=True) or ()
    shown = Observed(
        enabled=True,
        ca_type=told.read(_word, "CAType", CAType),
        connection_string=off.connection_string,
        server_certificate=chain[0] if chain else None,
        intermediates=chain[1:],
        client_ca=_certificates(fields, "ClientCACert", empty_is_none=not echoes_trust),
        revocation_list=_revocation_lists(
            fields, "ClientCertRevocationList", empty_is_none=not echoes_trust
        ),
        acl=told.read(_word, "ACL", ACL, _ACL_SPELLINGS),
        replication_acl=told.read(_word, "ReplicationACL", ACL, _ACL_SPELLINGS),
        force_encryption=off.force_encryption,
        minimum_tls_version=told.read(_tls_version, "TlsVersion"),
        expire_time=told.read(_time, "SSLExpireTime"),
        renewal_required=told.read(_flag, "RequireUpdate") or False,
        last_modify_status=off.last_modify_status,
        modify_status_reason=off.modify_status_reason,
        client_ca_pem=_text(fields, "ClientCACert") or "",
        revocation_list_pem=_text(fields, "ClientCertRevocationList") or "",
    )
    return replace(shown, not_understood=told.not_understood)


class _Answer:
    """An answer, of which some fields may hold what nobody knows."""

    def __init__(self, fields: Mapping[str, object], undeclared: Collection[str]) -> None:
        self._fields = fields
        self._undeclared = undeclared
        self.not_understood: tuple[tuple[str, str], ...] = ()

    def read(
        self,
        reader: Callable[Concatenate[Mapping[str, object], str, _Rest], _Value | None],
        name: str,
        *args: _Rest.args,
        **kwargs: _Rest.kwargs,
    ) -> _Value | None:
        """Read a field; what is not understood of one that is undeclared is not told."""
        try:
            return reader(self._fields, name, *args, **kwargs)
        except ObservationError as error:
            if name not in self._undeclared:
                raise
            self.not_understood += ((name, str(error)),)
            return None


def has_no_instance(body: Mapping[str, object]) -> bool:
    """True if DescribeDBInstanceAttribute has answered with an empty list."""
    items = body.get("Items")
    listed = items.get("DBInstanceAttribute") if isinstance(items, Mapping) else None
    return isinstance(listed, Sequence) and not isinstance(listed, str) and not listed


def read_attribute(body: Mapping[str, object]) -> Instance:
    """
    Read the body of DescribeDBInstanceAttribute: the first instance of ``Items``.

    Raises:
        ObservationError: There is none (see `has_no_instance`), or it is without Engine,
            EngineVersion or DBInstanceStatus.
    """
    items = body.get("Items")
    listed = items.get("DBInstanceAttribute") if isinstance(items, Mapping) else None
    first = listed[0] if isinstance(listed, list) and listed else None
    if not isinstance(first, Mapping):
        raise ObservationError("DescribeDBInstanceAttribute: Items is without an instance")

    def required(name: str) -> str:
        text = _text(first, name)
        if text is None:
            raise ObservationError(f"DescribeDBInstanceAttribute: {name} is missing")
        return text

    def optional(name: str) -> str:
        return _text(first, name) or ""

    engine = required("Engine")
    return Instance(
        # Some operations write "mysql"; the enum's spelling is the one to compare with.
        engine=next((known for known in Engine if known.lower() == engine.lower()), engine),
        engine_version=required("EngineVersion"),
        category=optional("Category"),
        storage_type=optional("DBInstanceStorageType"),
        status=required("DBInstanceStatus"),
        connection_string=_host(first, "ConnectionString") or "",
        lock_mode=optional("LockMode"),
        kernel_version=optional("CurrentKernelVersion"),
        master_instance_id=optional("MasterInstanceId"),
        maintain_time=optional("MaintainTime"),
        pay_type=optional("PayType"),
        region_id=optional("RegionId"),
    )


def _text(fields: Mapping[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    # Strings are documented, numbers are in the vendor's own examples.
    if not isinstance(value, str | int | float):
        raise ObservationError(f"{name} is {type(value).__name__}, not text")
    text = str(value).strip()
    return None if text in {"", "-"} else text


def _flag(fields: Mapping[str, object], name: str) -> bool | None:
    text = _text(fields, name)
    if text is None:
        return None
    word = _FRACTION.sub("", text.lower())
    if word in _ON:
        return True
    if word in _OFF:
        return False
    raise _not_understood(name, text)


def _modify_status(fields: Mapping[str, object], name: str) -> str:
    status = (_text(fields, name) or "").lower()
    if status not in _MODIFY_STATUSES:
        raise _not_understood(name, status)
    return status


def _word(
    fields: Mapping[str, object],
    name: str,
    words: type[_Word],
    spellings: Mapping[str, str] | None = None,
) -> _Word | None:
    text = _text(fields, name)
    if text is None:
        return None
    word = text.lower()
    try:
        return words((spellings or {}).get(word, word))
    except ValueError:
        raise _not_understood(name, text) from None


def _host(fields: Mapping[str, object], name: str) -> str | None:
    text = _text(fields, name)
    return None if text is None else host_name(text[:_HOST_CHARACTERS])


def _tls_version(fields: Mapping[str, object], name: str) -> str | None:
    text = _text(fields, name)
    if text is None:
        return None
    match = _TLS_VERSION.fullmatch(text)
    if match is None:
        raise _not_understood(name, text)
    # As a JSON number 1.0 may come as 1.
    return "1.0" if match[1] == "1" else match[1]


def _time(fields: Mapping[str, object], name: str) -> datetime | None:
    text = _text(fields, name)
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
        time = time.replace(microsecond=0)  # As it stands in a status, to be compared with it.
        # Documented as UTC; without a zone that is all there is to go by.
        return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    except (ValueError, OverflowError):  # The first and the last day of the calendar, in UTC.
        raise _not_understood(name, text) from None


def _certificates(
    fields: Mapping[str, object], name: str, *, empty_is_none: bool
) -> tuple[CertificateFacts, ...] | None:
    text = _text(fields, name)
    if text is None:
        return None if empty_is_none or fields.get(name) is None else ()
    try:
        found = parse_certificates(text, field=name)
    except MaterialError as error:
        raise ObservationError(f"{name} is not readable PEM") from error
    if not found:
        raise ObservationError(f"{name} is without a certificate")
    return found


def _revocation_lists(
    fields: Mapping[str, object], name: str, *, empty_is_none: bool
) -> tuple[RevocationListFacts, ...] | None:
    text = _text(fields, name)
    if text is None:
        return None if empty_is_none or fields.get(name) is None else ()
    try:
        found = parse_revocation_lists(text, field=name)
    except MaterialError as error:
        raise ObservationError(f"{name} is not readable PEM") from error
    if not found:
        raise ObservationError(f"{name} is without a revocation list")
    return found


def _not_understood(name: str, text: str) -> ObservationError:
    # The word goes into a condition: short, and never a PEM that has come in the wrong field.
    word = "PEM" if "-----BEGIN" in text else _UNPRINTABLE.sub("?", _RUN.sub("…", text)[:40])
    return ObservationError(f'{name} has the value "{word}", which is not understood')


def _shown(text: str) -> str:
    # Before it is cut, for the beginning of a line of a key is one as well.
    shown = _RUN.sub("…", text.partition("-----BEGIN")[0])[:MODIFY_STATUS_CHARACTERS]
    return _UNPRINTABLE.sub("?", shown).strip()


NORMAL = "Normal"
"""ConnectionStringType of an endpoint that may have SSL."""


READ_WRITE_SPLITTING = "ReadWriteSplitting"
"""ConnectionStringType of an endpoint that never has it."""


HBA_CHARACTERS = 200
"""Of a row of pg_hba.conf in a message."""


_MOST_CHARACTERS = 1000
"""Of a value: more than a host name or a row has."""


_KINDS = {kind.lower(): kind for kind in (NORMAL, READ_WRITE_SPLITTING)}


_UNPRINTABLE_of_list = re.compile(r"[^ -~]")


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
        host = host_name(_text_of_list(fields, "ConnectionString"))
        port = _text_of_list(fields, "Port")
        kind = _text_of_list(fields, "ConnectionStringType") or NORMAL
        if host:
            found.append(
                Endpoint(
                    host=host,
                    port=int(port) if re.fullmatch(r"[0-9]{1,5}", port) else 0,
                    kind=_KINDS.get(kind.lower(), kind),
                    ip_type=_text_of_list(fields, "IPType"),
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
        " ".join(filter(None, (_text_of_list(fields, name) for name in names)))[:HBA_CHARACTERS]
        for fields in _listed(body, "DescribePGHbaConfig", "RunningHbaItems", "HbaItem")
        if _text_of_list(fields, "Type").lower() == "hostssl"
    )


def _listed(
    body: Mapping[str, object], action: str, outer: str, inner: str
) -> Sequence[Mapping[str, object]]:
    holder = body.get(outer)
    items = holder.get(inner) if isinstance(holder, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise ObservationError(f"{action}: {outer}.{inner} is missing")
    return items


def _text_of_list(fields: Mapping[str, object], name: str) -> str:
    # Strings are documented, numbers and the word "null" are in the vendor's own examples.
    value = fields.get(name)
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return "" if text in {"-", "null"} else _UNPRINTABLE_of_list.sub("?", text[:_MOST_CHARACTERS])
