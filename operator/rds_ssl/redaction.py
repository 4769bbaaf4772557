"""What must not be in a log, whoever wrote it: found by its look, or because it is in use."""

import json
import re
from dataclasses import dataclass
from urllib.parse import quote

from rds_ssl.core.secret_text import SecretText

REDACTED = "[redacted]"


@dataclass(frozen=True, slots=True)
class _Secret:
    """What must not be in a log whoever wrote it, and what stands in its place."""

    pattern: re.Pattern[str]
    replacement: str = REDACTED
    words: tuple[str, ...] = ("",)
    """One of these is in each match, case folded: a text without them needs no search."""


_NAMES = (
    "(?i)((?:security|x-acs-security|session)-?_?token|access-?_?key-?_?secret|signature"
    "|server-?_?key|password|proxy-?_?credentials)"
)
NAMED = re.compile(_NAMES)
"""What is called so is a secret."""

SECRETS = (
    # PEM, whole or cut, with line breaks as they are, escaped (repr, JSON) or in a URL.
    _Secret(
        re.compile(
            r"-----BEGIN[A-Za-z0-9 +%]*-----"
            r"(?:(?:(?!-----BEGIN).)*?-----END[A-Za-z0-9 +%]*-----|[A-Za-z0-9+/=%\\\s]*)",
            re.DOTALL,
        ),
        words=("-----begin",),
    ),
    # The same in base64, as the data of a Secret is.
    _Secret(re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]*"), words=("ls0tls1crudjti",)),
    # A line out of the middle of one. A fingerprint is 64 hexadecimal digits and may be shown.
    _Secret(
        re.compile(
            r"(?<![A-Za-z0-9+/])(?![0-9a-f]{64}(?![A-Za-z0-9+/]))[A-Za-z0-9+/]{64,}={0,2}",
        )
    ),
    _Secret(
        re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1 {REDACTED}",
        words=("bearer", "basic"),
    ),
    # Ids of access keys; those of STS come with a token, which begins with CAIS.
    _Secret(re.compile(r"\b(LTAI|STS\.)[A-Za-z0-9]{8,}"), rf"\1{REDACTED}", words=("ltai", "sts.")),
    _Secret(re.compile(r"\bCAIS[A-Za-z0-9+/=]{20,}"), words=("cais",)),
    # By name, in a query, a header, JSON or Python's repr; to its end if it stands in quotes.
    _Secret(
        re.compile(
            _NAMES + r"(\\*[\"']?\s*[=:]\s*\[?)"
            r"(?:(b?\\*\")[^\"]+|(b?\\*')[^']+|[^\s\"'&,;)}\\]+)"
        ),
        rf"\1\2\3\4{REDACTED}",
        words=("token", "secret", "signature", "key", "password", "credentials"),
    ),
)

_SHORTEST_SECRET = 8
"""Characters: what is shorter is a part of too many words."""

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
"""What is written in the same way everywhere."""

_SIGNS = (
    "-----begin rsa private key----- -----begin ec private key----- -----begin private key-----"
    " -----end rsa private key----- -----end ec private key----- -----end private key-----"
    " accesskeysecret access-key-secret securitytoken security-token serverkey server-key"
    " proxy-authorization signature password"
)
"""By what the patterns know secrets. Nobody's password takes these away."""


def redact(text: str) -> str:
    """Replace what looks like a key, a certificate, a token or an access key's id."""
    folded = text.casefold()
    for secret in SECRETS:
        if any(word in folded for word in secret.words):
            text = secret.pattern.sub(secret.replacement, text)
    return text


def redact_exception(text: str) -> str:
    """
    Replace in a traceback also the secrets in use themselves, and their lines.

    A bug may say any variable of any function, where a password is a word like any other. Bugs are
    rare: to look for each secret takes a millisecond for a hundred of them.
    """
    for secret in SecretText.alive():
        whole = secret.reveal()
        for part in {whole, *whole.splitlines()}:
            if len(part) >= _SHORTEST_SECRET and part.casefold() not in _SIGNS:
                for form in _forms(part):
                    text = text.replace(form, REDACTED)
    return redact(text)


def _forms(secret: str) -> set[str]:
    """Return what a secret looks like as it is, in repr(), JSON, a URL, and twice in a URL."""
    if _PLAIN.fullmatch(secret):
        return {secret}  # Those of a thousand access keys take 6 ms, with all forms 30.
    once = quote(secret, safe="")
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], once, quote(once, safe="")}
