"""
Answers of the cloud API, read with care: bounded, and without what the request held.

Pure. A gateway, a proxy or a load balancer may answer in place of the API, so everything here may
be anything.
"""

import html
import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rds_ssl.aliyun.signing import percent_encode
from rds_ssl.core.rds.fault_codes import BY_CODE

MESSAGE_CHARACTERS = 300
"""Of the API's text in a log line or an Event (a note of an Event ends at 1,024)."""

MOST_PARTS = 10_000
"""
Objects, lists and commas in an answer: what takes long to decode are many values, not long ones
(2 MiB of ``{},`` 100 ms, 2 MiB of PEM 3 ms). 1,000 rows of pg_hba.conf are as many; all else has
some hundred.
"""

MOST_DEPTH = 128
"""Objects and lists within each other; those of the API have five. At 480 calls of Python end."""

ERROR_BYTES = 64 * 1024
"""
Of an error whose text is shown. Those of the API have 1 KB; to look through a megabyte for what
must not be shown takes 50 ms and more, and whoever writes that much is not the API.
"""

_NAME_CHARACTERS = 100
_ID_CHARACTERS = 64
"""Of a RequestId, which is a UUID of 36."""

WITHHELD = "withheld"
"""In place of a RequestId that is none, or repeats a part of a secret."""

SHOWN = 4096
"""Characters of a text of which a part may be shown; what is longer is PEM, and read for facts."""

PEM = "-----BEGIN"
"""
From here on a text is read for facts alone. It is left as it is: a certificate and its private key
have the public half in common, and with it whole lines, by chance of where it stands.
"""

_MOST_SHORT = 512 * 1024
"""Characters of all those together: 1,000 rows of pg_hba.conf have a quarter."""

_BLOCK = 12
"""Characters of a secret that are looked for, one block of it after the other."""

_RUN_OF_A_SECRET = 8
"""Letters and digits of a secret by which a name is taken for an echo, be it cut or re-wrapped."""

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
    """
    Decode a JSON object; None if *raw* is none, or one that nobody writes.

    That is: of more than `MOST_PARTS`, nested deeper than `MOST_DEPTH`, with a name twice in one
    object (of which one value would decide, and nobody says which), with NaN or an infinity. Half a
    surrogate pair in a text, which no encoding has, becomes a replacement character.
    """
    if len(raw) > MOST_PARTS and sum(map(raw.count, (b",", b"[", b"{"))) > MOST_PARTS:
        return None
    try:
        # The decoder itself would take UTF-16 for it as well, and half a surrogate pair.
        text = raw.decode("utf-8-sig")
        body = json.loads(text, object_pairs_hook=_without_twins, parse_constant=_no_number)
    # A hostile nesting exhausts the stack of the decoder.
    except (ValueError, RecursionError):
        return None
    if not isinstance(body, dict) or _is_deep(body):
        return None
    return _with_whole_letters(body) if _SURROGATE.search(raw) else body


def read_body(raw: bytes, *, secrets: Collection[str]) -> dict[str, object] | None:
    """
    Return `read_object` of an answer to a call that held *secrets*, without an echo of them.

    Its RequestId is safe. Of its other texts those that are long are read for facts alone; any
    other may be shown, so that one with a part of a secret is withheld.
    """
    body = read_object(raw)
    if body is None:
        return None
    if isinstance(body.get("RequestId"), str):
        body["RequestId"] = _request_id(body, secrets)
    short = "\0".join(_short_texts(body))
    if len(short) > _MOST_SHORT:
        return None
    blocks = [block for secret in secrets for block in _blocks(secret)]
    found = [block for block in blocks if block in short]
    return _withheld(body, found) if found else body


def _short_texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) <= SHOWN:
            yield value.partition(PEM)[0]
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _short_texts(each)


def _blocks(secret: str) -> Iterator[str]:
    """Yield pieces of which at least one is in any run of twice their length, but for one less."""
    if len(secret) < _SHORTEST_VALUE:
        return  # A part of too many words.
    for form in {secret, percent_encode(secret)}:
        yield from (
            form[at : at + _BLOCK] for at in range(0, max(1, len(form) - _BLOCK + 1), _BLOCK)
        )


def _withheld(value: Any, blocks: Sequence[str]) -> Any:  # noqa: ANN401  # JSON in, JSON out.
    if isinstance(value, str):
        before, begin, block_of_pem = value.partition(PEM)
        echo = len(value) <= SHOWN and any(block in before for block in blocks)
        return f"{WITHHELD}{begin}{block_of_pem}" if echo else value
    if isinstance(value, dict):
        return {name: _withheld(each, blocks) for name, each in value.items()}
    return [_withheld(each, blocks) for each in value] if isinstance(value, list) else value


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _without_twins(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _no_number(_constant: str) -> object:
    raise ValueError("NaN and infinities are no JSON")


def _is_deep(body: object) -> bool:
    level = [body]
    for _ in range(MOST_DEPTH):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner += [value for value in each.values() if isinstance(value, dict | list)]
            elif isinstance(each, list):
                inner += [value for value in each if isinstance(value, dict | list)]
        if not inner:
            return False
        level = inner
    return True


def _with_whole_letters(value: Any) -> Any:  # noqa: ANN401  # JSON in, JSON out.
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, dict):
        return {_with_whole_letters(key): _with_whole_letters(each) for key, each in value.items()}
    return [_with_whole_letters(each) for each in value] if isinstance(value, list) else value


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
        or _echoes(whole.strip()[:_NAME_CHARACTERS], secrets, code=code)
    ):
        return None
    detail = fields.get("AccessDeniedDetail")
    return ErrorBody(
        code=code,
        request_id=_request_id(fields, secrets),
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
    """Return the ``RequestId`` of `read_body`, safe to print; empty if there is none."""
    return _name(fields.get("RequestId"))


def _request_id(fields: Mapping[str, object], secrets: Collection[str]) -> str:
    whole = fields.get("RequestId")
    name = _name(whole)
    if isinstance(whole, str) and name:
        # Compared before anything is cut, or replaced.
        whole = whole.strip()
        if len(whole) > _ID_CHARACTERS or _echoes(whole, secrets):
            return WITHHELD
    return name


def _echoes(name: str, secrets: Collection[str], *, code: str = "") -> bool:
    """
    True if *name* repeats a part of one of *secrets*, or all of a short one.

    *code*: if the API documents it, what it has in common with a secret is chance.
    """
    if code in BY_CODE:
        return False
    runs = _letters(name)
    windows = {runs[at : at + _RUN_OF_A_SECRET] for at in range(len(runs) - _RUN_OF_A_SECRET + 1)}
    for secret in secrets:
        for form in (secret, percent_encode(secret)):
            letters = _letters(form)
            if any(window in letters for window in windows):
                return True
            if len(form) >= _SHORTEST and form in name:
                return True
    return False


def _letters(text: str) -> str:
    return _NO_LETTERS.sub("", text)


_NO_LETTERS = re.compile(r"[^A-Za-z0-9]+")
"""What a cut, a new line or another encoding may change of a secret."""


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
    return _RUN.sub("…", _PEM.sub("…", replaced(text, values)))


def replaced(text: str, values: Iterable[str]) -> str:
    """Replace *values* in *text* by an ellipsis, in their order."""
    for value in values:
        text = text.replace(value, "…")
    return text


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
