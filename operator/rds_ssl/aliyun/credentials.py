"""Access keys of the cloud account: where they may come from, and what a usable one looks like."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeGuard

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.secret_text import SecretText

ACCESS_KEY_ID = "accessKeyId"
ACCESS_KEY_SECRET = "accessKeySecret"  # noqa: S105  # The name of a key, no password.
SECURITY_TOKEN = "securityToken"  # noqa: S105  # The name of a key, no password.

MOST_CHARACTERS: Mapping[str, int] = {
    ACCESS_KEY_ID: 128,
    ACCESS_KEY_SECRET: 256,
    SECURITY_TOKEN: 16_384,
}
"""
Of what a key of the Secret holds, more than any has: ids have up to 30, secrets up to 44, tokens
1,000. A Secret holds a megabyte, and an id is in headers, in logs, and the name of what is kept.
"""

# Id and token travel in headers: what could end a header, or the id's field in it, must not get
# there. Secrets are of the same alphabet.
_TEXT = re.compile(r"[!-+\--~]+", re.ASCII)

_SALT = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """An access key, with a token if it is a temporary one of STS."""

    access_key_id: str
    """Not secret: it names the caller in logs and metrics."""
    access_key_secret: SecretText
    security_token: SecretText | None = None


def identity_of(credentials: Credentials) -> str:
    """
    Return a name for whoever has these credentials, whole: it is the same for nobody else.

    An access key's id alone anybody can write into a Secret; what is kept of an account (its rate,
    its outages) must not be shared by that. No secret can be told from it, and it means nothing to
    another process.
    """
    token = credentials.security_token
    parts = (
        credentials.access_key_id,
        credentials.access_key_secret.reveal(),
        token.reveal() if token else "",
    )
    whole = "\0".join(parts).encode()  # No part holds a NUL, see `_TEXT`.
    return hashlib.blake2b(whole, key=_SALT, digest_size=16).hexdigest()


def from_secret(data: Mapping[str, bytes], *, name: str) -> Credentials:
    """
    Read an access key from the decoded data of a Secret.

    Keys ``accessKeyId``, ``accessKeySecret`` and, for a temporary key, ``securityToken``.
    Surrounding white space does not count: ``echo … | base64`` leaves a newline.

    Args:
        name: The Secret's name, for the error.

    Raises:
        MaterialError: A key is missing, empty, too long or not text; *field* names Secret and key.
            The text never holds the value.
    """
    texts = {
        key: text_of(data.get(key), field=f"Secret {name}, key {key}", most=MOST_CHARACTERS[key])
        for key in (ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    }
    token = ""
    if data.get(SECURITY_TOKEN):
        where, most = f"Secret {name}, key {SECURITY_TOKEN}", MOST_CHARACTERS[SECURITY_TOKEN]
        token = text_of(data[SECURITY_TOKEN], field=where, most=most)
    for key, text in {**texts, SECURITY_TOKEN: token}.items():
        if text and not _TEXT.fullmatch(text):
            raise invalid(f"Secret {name}, key {key}", "holds characters that no access key has")
    return Credentials(
        access_key_id=texts[ACCESS_KEY_ID],
        access_key_secret=SecretText(texts[ACCESS_KEY_SECRET]),
        security_token=SecretText(token) if token else None,
    )


def is_key_text(text: object) -> TypeGuard[str]:
    """True if it can be a part of a key: nothing that could end the header that it travels in."""
    most = max(MOST_CHARACTERS.values())
    return isinstance(text, str) and len(text) <= most and bool(_TEXT.fullmatch(text))


def text_of(value: bytes | None, *, field: str, most: int) -> str:
    """
    Read what a key of a Secret holds, without white space around it; *field* names it in errors.

    Raises:
        MaterialError: It is missing, empty, longer than *most* bytes or not text.
    """
    if value is None:
        raise invalid(field, "is missing")
    if len(value.strip()) > most:
        raise invalid(field, f"is longer than {most} characters, which no such key is")
    try:
        text = value.decode().strip()
    except UnicodeDecodeError:
        # Not chained: a UnicodeDecodeError holds the bytes.
        raise invalid(field, "is not text") from None
    if not text:
        raise invalid(field, "is empty")
    return text


def invalid(field: str, fault: str) -> MaterialError:
    """Return the error of a key of a Secret."""
    return MaterialError(f"{field} {fault}", reason=Reason.CREDENTIALS_INVALID, field=field)
