"""Roles of RAM: what is said of one in a Secret, a spec or a setting, and what STS takes of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from rds_ssl.aliyun.credentials import invalid, text_of
from rds_ssl.core.formats import ROLE_ARN_PATTERN

ROLE_ARN = "roleArn"
EXTERNAL_ID = "externalId"
SESSION_NAME = "sessionName"
POLICY = "policy"

SESSION_NAME_CHARACTERS = 64
"""The most that STS takes."""

# Source: the vendor's pages on AssumeRole.
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9=,.@:/_-]{2,1224}", re.ASCII)
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}", re.ASCII)
_POLICY_CHARACTERS = 2048
_MOST_CHARACTERS = 16_384
"""Of what a key of a Secret holds; each is judged below, where it has a length of its own."""
_ROLE_ARN = re.compile(ROLE_ARN_PATTERN, re.ASCII)
_NOT_IN_A_SESSION_NAME = re.compile(r"[^A-Za-z0-9.@_-]", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role that is to be assumed, and with what."""

    arn: str
    session_name: str
    """Seen in the audit log of the account; nothing depends on it."""
    external_id: str = field(default="", repr=False)
    """Empty: none. No secret to the vendor, but some take it for one."""
    policy: str = ""
    """A session policy: what is in it *and* in the role's is allowed. Empty: all of the role's."""
    made_up: bool = False
    """The operator has made the external id, so that it may be told."""


def session_name(*words: str) -> str:
    """Return a session name of *words*: ``rds-ssl-shop``."""
    return _NOT_IN_A_SESSION_NAME.sub("-", "-".join(words))[:SESSION_NAME_CHARACTERS]


def is_role_arn(text: str) -> bool:
    """True if it is the ARN of a role: ``acs:ram::1234567890123456:role/rds-ssl``."""
    return _ROLE_ARN.fullmatch(text) is not None


def is_external_id(text: str) -> bool:
    """True if STS takes it for an external id."""
    return _EXTERNAL_ID.fullmatch(text) is not None


def is_session_name(text: str) -> bool:
    """True if STS takes it for a session name."""
    return _SESSION_NAME.fullmatch(text) is not None


def role_from_secret(data: Mapping[str, bytes], *, name: str, session: str) -> Role | None:
    """
    Read the role that the key of a Secret is to assume; None if none is named.

    Keys ``roleArn`` and, with it only, ``externalId``, ``sessionName`` and ``policy``.

    Args:
        name: The Secret's name, for the error.
        session: The session's name unless the Secret has one.

    Raises:
        MaterialError: As `rds_ssl.aliyun.credentials.from_secret`.
    """
    texts = {
        key: text_of(data[key], field=f"Secret {name}, key {key}", most=_MOST_CHARACTERS)
        for key in (ROLE_ARN, EXTERNAL_ID, SESSION_NAME, POLICY)
        if data.get(key)
    }
    if ROLE_ARN not in texts:
        for key in texts:
            # To leave a policy out that was meant to narrow would widen.
            raise invalid(f"Secret {name}, key {key}", "counts only beside a key roleArn")
        return None
    for key, fits, what in (
        (ROLE_ARN, is_role_arn, "is no ARN of a role, such as acs:ram::1234567890123456:role/name"),
        (EXTERNAL_ID, is_external_id, "is no external ID: 2 to 1224 of A-Z a-z 0-9 and =,.@:/_-"),
        (SESSION_NAME, is_session_name, "is no session name: 2 to 64 of A-Z a-z 0-9 and .@_-"),
        (POLICY, _is_policy, "is no policy: JSON of at most 2048 characters"),
    ):
        if key in texts and not fits(texts[key]):
            raise invalid(f"Secret {name}, key {key}", what)
    return Role(
        arn=texts[ROLE_ARN],
        session_name=texts.get(SESSION_NAME, session),
        external_id=texts.get(EXTERNAL_ID, ""),
        policy=texts.get(POLICY, ""),
    )


def _is_policy(text: str) -> bool:
    try:
        return len(text) <= _POLICY_CHARACTERS and isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
