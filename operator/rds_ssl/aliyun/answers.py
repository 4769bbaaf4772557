"""
Answers of the cloud API, read with care: bounded, and without what the request held.

Pure. A gateway, a proxy or a load balancer may answer in place of the API, so everything here may
be anything.
"""

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from rds_ssl.aliyun.signing import percent_encode

MESSAGE_CHARACTERS = 300
"""Of the API's text in a log line or an Event (a note of an Event ends at 1,024)."""

MOST_PARTS = 10_000
"""
Objects, lists and commas in an answer: what takes long to decode are many values, not long ones
(2 MiB of ``{},`` 100 ms, 2 MiB of PEM 3 ms). 1,000 rows of pg_hba.conf are as many; all else has
some hundred.
"""

ERROR_BYTES = 64 * 1024
"""
Of an error whose text is shown. Those of the API have 1 KB; to look through a megabyte for what
must not be shown takes 50 ms and more, and whoever writes that much is not the API.
"""

_NAME_CHARACTERS = 100
# Codes become parts of condition messages and metrics, request ids of log lines.
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._:-]")

_PEM = re.compile(r"-----BEGIN.*?(?:-----END[^-]*-----|\Z)", re.DOTALL)
# A line of Base64, also percent-encoded (the answer to a wrong signature quotes what was signed).
# 32 is less than a line of PEM, and more than any word of a sentence.
_RUN = re.compile(r"[A-Za-z0-9+/=%]{32,}")
# Shorter values ("1", "custom") are no secret, and replacing them would spoil every other word.
_SHORTEST_VALUE = 8
# Of a secret: replacing less would spoil every sentence and hide nothing.
_SHORTEST = 4

_ACCESS_DENIED_FIELDS = (
    "AuthAction",
    "AuthPrincipalType",
    "AuthPrincipalDisplayName",
    "AuthPrincipalOwnerId",
    "NoPermissionType",
    "PolicyType",
)
"""Of AccessDeniedDetail; its EncodedDiagnosticMessage is long and says nothing to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorBody:
    """An error of the API as its body tells it; absent texts are empty."""

    code: str
    request_id: str
    message: str
    access_denied: Mapping[str, str]


def read_object(raw: bytes) -> dict[str, object] | None:
    """Decode a JSON object; None if *raw* is none, or one of more than `MOST_PARTS`."""
    if len(raw) > MOST_PARTS and sum(map(raw.count, (b",", b"[", b"{"))) > MOST_PARTS:
        return None
    try:
        body = json.loads(raw)
    # A hostile nesting exhausts the stack of the decoder.
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def read_error(raw: bytes, *, sent: Collection[str], secrets: Collection[str]) -> ErrorBody | None:
    """
    Read an error body, JSON or XML; None if it holds no ``Code`` (an HTML page, nothing).

    Args:
        raw: The body of an answer with an error status.
        sent: The values of the request's parameters; none of them is in the result.
        secrets: The same for keys and tokens, whose lines are looked for one by one too: an echo
            may be cut or re-wrapped.

    Of a body over `ERROR_BYTES` there are code and RequestId only.

    Source: the vendor's pages on error bodies, and its SDK.
    """
    fields = read_object(raw) or _xml_fields(raw[:ERROR_BYTES])
    if len(raw) > ERROR_BYTES:
        fields = {name: fields.get(name) for name in ("Code", "RequestId")}
    hidden = {*secrets, *(line for secret in secrets for line in secret.splitlines())}
    # What V1 signs has its values encoded twice, and an answer may quote it.
    once = {percent_encode(secret) for secret in hidden}
    pieces = {*sent, *hidden, *once, *(percent_encode(secret) for secret in once)}
    # The longest first: a value may begin with another one.
    values = sorted((one for one in pieces if len(one) >= _SHORTEST_VALUE), key=len, reverse=True)
    # A password may be short. A code is no place for it, and would be spoilt.
    short = {one for one in {*secrets, *map(percent_encode, secrets)} if len(one) >= _SHORTEST}
    short -= {*values}

    def clean(value: object, length: int) -> str:
        return (
            scrubbed(value, (*values, *sorted(short, key=len, reverse=True)))[:length]
            if isinstance(value, str)
            else ""
        )

    whole = fields.get("Code")
    code = _name(whole)
    # Also what begins in the code and is cut with it, and what is not safe to print.
    if (
        not isinstance(whole, str)
        or not code
        or any(
            value in code or value in whole.strip()[: _NAME_CHARACTERS + len(value) - 1]
            for value in values
        )
    ):
        return None
    detail = fields.get("AccessDeniedDetail")
    return ErrorBody(
        code=code,
        request_id=read_request_id(fields),
        message=clean(fields.get("Message"), MESSAGE_CHARACTERS),
        access_denied={
            name: clean(detail[name], _NAME_CHARACTERS)
            for name in _ACCESS_DENIED_FIELDS
            if isinstance(detail.get(name), str)
        }
        if isinstance(detail, dict)
        else {},
    )


def read_request_id(fields: Mapping[str, object]) -> str:
    """Return the ``RequestId`` of a body, cut and safe to print; empty if there is none."""
    return _name(fields.get("RequestId"))


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """
    Return the wait that the API asks for, in seconds; None if it asks for none.

    ``x-acs-retry-after`` is in milliseconds (the unit is the SDK's reading, no page has it),
    ``Retry-After`` in seconds; its other form, a date, is not used by this API.
    """
    for name, unit in (("x-acs-retry-after", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        # Digits only: "nan", "inf" and "-1" are floats to Python.
        if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text):
            return float(text) * unit
    return None


def scrubbed(text: str, values: Iterable[str] = ()) -> str:
    """Replace *values*, PEM, and runs of Base64 in *text* by an ellipsis."""
    for value in values:
        text = text.replace(value, "…")
    return _RUN.sub("…", _PEM.sub("…", text))


def _name(value: object) -> str:
    return (
        _NOT_IN_A_NAME.sub("_", value.strip()[:_NAME_CHARACTERS]) if isinstance(value, str) else ""
    )


def _xml_fields(raw: bytes) -> dict[str, object]:
    # A few flat elements: a pattern reads them without entities, DTDs and what comes with them.
    text = raw.decode(errors="replace")
    if "<Error>" not in text:
        return {}
    before, opened, rest = text.partition("<AccessDeniedDetail>")
    detail, _, after = rest.partition("</AccessDeniedDetail>")
    fields: dict[str, object] = dict(_elements(before + after))
    if opened:
        fields["AccessDeniedDetail"] = dict(_elements(detail))
    return fields


def _elements(text: str) -> Iterator[tuple[str, str]]:
    for match in re.finditer(r"<([A-Za-z]{1,40})>([^<]*)</\1>", text):
        yield match[1], html.unescape(match[2])
