"""
What an error of the cloud API means: a look-up in `rds_ssl.core.fault_table`, and the sentence.

What each disposition does: docs/conditions.md.
"""

from collections.abc import Mapping

from rds_ssl.core.errors import AliyunError, ApiError, NoAnswer, NotSent, TransportError
from rds_ssl.core.fault_table import (
    BY_CODE,
    BY_PATTERN,
    FAILED_READ,
    FORBIDDEN,
    REFUSED,
    THROTTLED,
    UNAVAILABLE,
    UNKNOWN,
    Fault,
)

__all__ = ["WORDS", "Fault", "classify", "lookup", "message", "sentence"]

WORDS: Mapping[str, str] = {
    "server_certificate": "the declared Secret",
    "client_ca": "the declared reference",
    "revocation_list": "the declared reference",
    "credentials": "the credentials in use",
    "acl": "as declared",
    "engine": "this engine",
    "ca_type": "as declared",
    "endpoint": "the declared endpoint",
    "wanted": "as declared",
    "observed": "unknown",
    "principal": "the identity in use",
    "permission": "the RDS actions that the operator uses",
}
"""Names that a caller may fill in a sentence, and what stands there if it does not."""


def lookup(code: str, http_status: int, access_denied: Mapping[str, str] | None = None) -> Fault:
    """
    Give the fault of a code as it counts for a write: `Disposition.UNKNOWN` is possible.

    Looked up in this order: the code, its dotted parents, the patterns, the HTTP status.
    """
    part = code
    while part:
        if part in BY_CODE:
            return BY_CODE[part]
        part = part.rpartition(".")[0]
    for pattern, fault in BY_PATTERN:
        if pattern.fullmatch(code):
            return fault
    if http_status == 429:
        return THROTTLED
    if http_status == 401 or (http_status == 403 and access_denied):
        return FORBIDDEN
    # A status under 400 with an error is as good as none.
    return REFUSED if 400 <= http_status < 500 else UNKNOWN


def classify(error: AliyunError, *, write: bool) -> Fault:
    """
    Give the fault of an error of a call that was to change something, or of a read.

    For a write, `UNKNOWN` means that it may have been executed; every other disposition, that it
    was not. A read is never `UNKNOWN`.
    """
    if isinstance(error, ApiError):
        fault = lookup(error.code, error.http_status, error.access_denied)
    elif isinstance(error, NotSent):
        fault = UNAVAILABLE
    elif isinstance(error, NoAnswer) and error.http_status == 429 and not write:
        fault = THROTTLED
    else:
        fault = UNKNOWN
    if fault is UNKNOWN and not write:
        return FAILED_READ
    return fault


def sentence(fault: Fault, code: str, **words: str) -> str:
    """
    Make the text of a condition: the same on every attempt.

    Args:
        code: The API's, or a `TransportError`'s kind; stands at the end.
        words: For the names in `WORDS`; others, and empty ones, do no harm.
    """
    filled = {**WORDS, **{name: word for name, word in words.items() if word}}
    return f"{fault.remedy.format_map(filled)} ({code})"


def message(error: AliyunError, *, write: bool, **words: str) -> str:
    """
    Make the text of a condition from the error itself; see `classify` and `sentence`.

    Who lacks which permission comes from the error, if the API has told.
    """
    code = type(error).__name__
    if isinstance(error, TransportError):
        code = error.kind
    elif isinstance(error, ApiError):
        code = error.code
        words = {
            "principal": error.access_denied.get("AuthPrincipalDisplayName", ""),
            "permission": error.access_denied.get("AuthAction") or f"rds:{error.action}",
            **words,
        }
    return sentence(classify(error, write=write), code, **words)
