"""
What an error of the cloud API means: a look-up in `rds_ssl.core.rds.fault_codes`, and the sentence.

What each disposition does: docs/conditions.md.
"""

from collections.abc import Mapping

from rds_ssl.core.errors import (
    AliyunError,
    ApiError,
    NoAnswer,
    NoCredentials,
    NotSent,
    TransportError,
)
from rds_ssl.core.model import Disposition
from rds_ssl.core.rds import sts_codes
from rds_ssl.core.rds.fault_codes import (
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

__all__ = [
    "WORDS",
    "Fault",
    "classify",
    "lookup",
    "message",
    "renews",
    "sentence",
    "skew_words",
]

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
    "denial": "whoever administers RAM has to allow it for this instance, and to check that the"
    " instance belongs to this account",
    "skew": "more than 15 minutes off",
}
"""Names that a caller may fill in a sentence, and what stands there if it does not."""

PRINCIPAL_CHARACTERS = 64
"""Of the name of a RAM user or role, as RAM itself allows, and of an action."""

_OF_A_SESSION = frozenset(
    {
        "InvalidSecurityToken.Expired",
        "InvalidSecurityToken.MismatchWithAccessKey",
        "InvalidSecurityToken.Malformed",
        "InvalidAccessKeyId.NotFound",
        "InvalidAccessKeyId.Inactive",
    }
)
"""
Codes of a refusal at the door by which a temporary key has ended, or was revoked. The gateway looks
at the key before it looks at anything else, so that nothing was executed.
"""

_PRINCIPALS = {"SubUser": "RAM user", "AssumedRoleUser": "role"}
"""AuthPrincipalType, in words; others are an identity."""

_POLICIES = {
    "AccountLevelIdentityBasedPolicy": "a policy of its own",
    "ResourceGroupLevelIdentityBasedPolicy": "a policy of a resource group",
    "AssumeRolePolicy": "the role's trust policy",
    "SessionPolicy": "the session policy",
    "ControlPolicy": "a control policy of the resource directory",
}
"""PolicyType, in words; others are a policy."""


def lookup(code: str, http_status: int, access_denied: Mapping[str, str] | None = None) -> Fault:
    """
    Return the fault of a code as it counts for a write: `Disposition.UNKNOWN` is possible.

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
    Return the fault of an error of a call that was to change something, or of a read.

    For a write, `UNKNOWN` means that it may have been executed; every other disposition, that it
    was not. A read is never `UNKNOWN`.
    """
    if isinstance(error, NoCredentials):
        return sts_codes.lookup(error.code, error.http_status)
    if isinstance(error, ApiError):
        fault = lookup(error.code, error.http_status, error.access_denied)
    elif isinstance(error, NotSent):
        fault = UNAVAILABLE
    elif isinstance(error, NoAnswer) and error.http_status == 429 and not write:
        fault = THROTTLED
    else:
        fault = UNKNOWN
    if fault.disposition is Disposition.UNKNOWN and not write:
        return FAILED_READ
    return fault


def sentence(fault: Fault, code: str, **words: str) -> str:
    """
    Return the text of a condition: the same on every attempt.

    Args:
        code: The API's, or a `TransportError`'s kind; stands at the end.
        words: For the names in `WORDS`; others, and empty ones, do no harm.
    """
    filled = {**WORDS, **sts_codes.WORDS, **{name: word for name, word in words.items() if word}}
    return f"{fault.remedy.format_map(filled)} ({code})"


def message(error: AliyunError, *, write: bool, **words: str) -> str:
    """
    Return the text of a condition from the error itself; see `classify` and `sentence`.

    Who lacks which permission comes from the error, if the API has told.
    """
    code = type(error).__name__
    if isinstance(error, TransportError):
        code = error.kind
    elif isinstance(error, ApiError):
        code = error.code
        words = {**_denial(error.access_denied, f"rds:{error.action}"), **words}
    elif isinstance(error, NoCredentials):
        code = error.code or error.service
        words = {**words, **_of_credentials(error)}
    return sentence(classify(error, write=write), code, **words)


def renews(error: ApiError) -> bool:
    """True if a temporary key was refused at the door: with a new one it may be sent again."""
    return error.code in _OF_A_SESSION


def skew_words(seconds: float | None) -> str:
    """
    Return how far a clock is ahead of another, in whole minutes: ``about 17 minutes ahead of``.

    Empty if nobody knows, or if it is less than a minute.
    """
    minutes = round(abs(seconds or 0.0) / 60)
    if not minutes:
        return ""
    unit = "minute" if minutes == 1 else "minutes"
    return f"about {minutes} {unit} {'ahead of' if (seconds or 0.0) > 0 else 'behind'}"


def _of_credentials(error: NoCredentials) -> dict[str, str]:
    """Return what a sentence may name of credentials that nobody gave."""
    denied = error.access_denied
    trust = "its trust policy has to name who takes it"
    if error.external_id:
        trust += f", with sts:ExternalId {error.external_id}"
    told = _denial(denied, f"sts:{error.action}")
    by = ""
    if denied.get("NoPermissionType") == "ExplicitDeny":
        policy = _POLICIES.get(denied.get("PolicyType", ""), "a policy")
        by = f"{policy} denies it, and "
    return {
        **told,
        "credentials": error.label,
        "service": error.service,
        "role": error.role,
        "skew": skew_words(error.skew),
        "denial": f"{by}whoever administers RAM has to allow it for this role, and {trust}",
    }


def _denial(access_denied: Mapping[str, str], permission: str) -> dict[str, str]:
    """
    Return who lacks which permission and why, as far as the answer tells (AccessDeniedDetail).

    What differs between attempts is left out: a role's session has a name of its own each time.
    *permission* is the one that the call needs as a rule.
    """
    told = {name: _short(value) for name, value in access_denied.items()}
    kind, name = told.get("AuthPrincipalType", ""), told.get("AuthPrincipalDisplayName", "")
    if kind == "AssumedRoleUser":
        name = name.partition(":")[0]
    account = told.get("AuthPrincipalOwnerId", "")
    principal = f"{_PRINCIPALS.get(kind, 'identity')} {name}".strip() if name or kind else ""
    if principal and account:
        principal += f" of account {account}"
    denial = ""
    if told.get("NoPermissionType") == "ExplicitDeny":
        policy = _POLICIES.get(told.get("PolicyType", ""), "a policy")
        denial = (
            f"{policy} denies it, so that whoever administers RAM has to take that denial away: to"
            " allow it elsewhere does not help"
        )
    elif told.get("NoPermissionType") == "ImplicitDeny":
        denial = (
            "no policy allows it, so that whoever administers RAM has to allow it for this"
            " instance, and to check that the instance belongs to this account"
        )
    return {
        "principal": principal,
        "permission": told.get("AuthAction") or permission,
        "denial": denial,
    }


def _short(value: str) -> str:
    # Names of people are in any script, and none has a line break or a mark of direction.
    return "".join(each if each.isprintable() else "?" for each in value)[:PRINCIPAL_CHARACTERS]
