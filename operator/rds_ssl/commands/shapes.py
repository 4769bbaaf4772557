"""
Answers of RDS as shapes: what kind of value, how long, in which form. Pure.

A value is shown only where it is a word of a vocabulary, and looks like one: short, without digits
or with few. Everything else is told by its kind and its length, so that a report can be given to
strangers whatever RDS has put where.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping

from rds_ssl.core.secret_text import SecretText

ABSENT = "not in the answer"

SSL_FIELDS = (
    "SSLEnabled",
    "ConnectionString",
    "CAType",
    "SSLCreateTime",
    "SSLExpireTime",
    "RequireUpdate",
    "RequireUpdateItem",
    "RequireUpdateReason",
    "LastModifyStatus",
    "ModifyStatusReason",
    "ServerCAUrl",
    "ServerCert",
    "ServerKey",
    "ClientCACert",
    "ClientCACertExpireTime",
    "ClientCertRevocationList",
    "ACL",
    "ReplicationACL",
    "ForceEncryption",
    "TlsVersion",
)
"""The fields that the page of DescribeDBInstanceSSL names."""

ATTRIBUTE_FIELDS = (
    "Engine",
    "EngineVersion",
    "Category",
    "DBInstanceStorageType",
    "DBInstanceStatus",
    "DBInstanceType",
    "DBInstanceClassType",
    "PayType",
    "LockMode",
    "InstanceNetworkType",
    "ConnectionMode",
    "ConnectionString",
    "Port",
    "CurrentKernelVersion",
    "LatestKernelVersion",
    "MaintainTime",
    "CreationTime",
    "MasterInstanceId",
    "ServerlessConfig",
)
"""Of DescribeDBInstanceAttribute those that say what an instance is, and how its times are spelled.
No others are told: names and descriptions are of people."""

WORDS = frozenset(
    {
        "SSLEnabled",
        "CAType",
        "RequireUpdate",
        "LastModifyStatus",
        "ACL",
        "ReplicationACL",
        "ForceEncryption",
        "TlsVersion",
        "Engine",
        "EngineVersion",
        "Category",
        "DBInstanceStorageType",
        "DBInstanceStatus",
        "DBInstanceType",
        "DBInstanceClassType",
        "PayType",
        "LockMode",
        "InstanceNetworkType",
        "ConnectionMode",
        "CurrentKernelVersion",
        "LatestKernelVersion",
        "ConnectionStringType",
        "IPType",
        "Type",
        "TaskType",
        "Status",
    }
)
"""Fields whose values are a vocabulary, which is what somebody wants to know of them."""

_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,19}", re.ASCII)
_VERSION = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,2}){0,2}(?:_[a-z]{2,4}){0,2}", re.ASCII)
_KERNEL = re.compile(r"[a-z]{2,8}(?:_[a-z0-9]{2,8}){0,2}_20[0-9]{6}", re.ASCII)
_DISK = re.compile(r"[a-z]{4,8}_[a-z]{3,5}[0-9]?", re.ASCII)
_TIME = re.compile(r"[0-9TZ:.+ /-]{5,40}", re.ASCII)
_HOST = re.compile(r"[a-z0-9-]{1,63}\.(?:[a-z0-9-]{1,30}\.){1,4}aliyuncs\.com", re.ASCII)
_URL = re.compile(r"https?://", re.ASCII)
_LABEL = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,40})-----")
_FIELD = re.compile(r"[A-Za-z]{1,40}", re.ASCII)

_MOST_SHOWN = 10
"""Of a number: 0, 1, 1.2; a longer one may be an account's."""


def shapes_of(fields: Mapping[str, object], named: Collection[str]) -> dict[str, str]:
    """Return the shape of each field of *named*, in that order; also of one that is not there."""
    return {name: shape(name, fields[name]) if name in fields else ABSENT for name in named}


def others(fields: Mapping[str, object], named: Collection[str]) -> dict[str, str]:
    """Return the kinds of fields that no page names; of their values nothing else."""
    found = sorted(set(fields) - {*named, "RequestId"})
    return {
        name if _FIELD.fullmatch(name) else f"(a name of {len(name)} characters)": _kind(
            fields[name]
        )
        for name in found
    }


def shape(name: str, value: object) -> str:
    """Return what kind of value a field has: a word where that is one, never anything longer."""
    if isinstance(value, SecretText):
        return _secret(value.reveal())
    if isinstance(value, bool):
        return f"the truth value {str(value).lower()}"
    if isinstance(value, int | float) and name in WORDS and abs(value) < _MOST_SHOWN:
        return f"the number {value:g}"
    if not isinstance(value, str):
        return _kind(value)
    if "-----BEGIN" in value:
        return _pem(value)
    if name in WORDS and is_word(value):
        return f'"{value}"'
    return _text(value)


def is_word(text: str) -> bool:
    """True if a text can be a word of a vocabulary, or a version, and no part of anything else."""
    forms = (_WORD, _VERSION, _KERNEL, _DISK)
    return any(each.fullmatch(text) for each in forms)


def _kind(value: object) -> str:
    if isinstance(value, SecretText):
        return _secret(value.reveal())
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return f"an object with {len(value)} fields"
    return _text(value) if isinstance(value, str) else "something else"


def _text(value: str) -> str:
    if value in {"", "-"}:
        return f'the text "{value}"'
    if _TIME.fullmatch(value):
        # The form alone: not when somebody's databases are maintained.
        return f"a time, {re.sub('[0-9]', '9', value)}"
    if _HOST.fullmatch(value):
        return f"a host, *.{value.partition('.')[2]}"
    if _URL.match(value):
        return f"a URL of {len(value)} characters"
    return f"a text of {len(value)} characters"


def _pem(value: str) -> str:
    labels = Counter(_LABEL.findall(value))
    blocks = " and ".join(f"{count} x {label}" for label, count in labels.items()) or "cut off"
    ends = {"\r\n": "CRLF", "\n": "LF"}
    line_end = next((name for end, name in ends.items() if end in value), "no line ends")
    last = "a line end" if value.endswith(("\n", "\r")) else "no line end"
    return f"PEM: {blocks}; {len(value)} characters, {line_end}, {last} at the end"


def _secret(value: str) -> str:
    if value in {"", "-"}:
        return f'the text "{value}"'
    if set(value) <= {"*", "x", "X"}:
        return f"masked, {len(value)} characters"
    return _pem(value) if "-----BEGIN" in value else f"withheld, {len(value)} characters"
