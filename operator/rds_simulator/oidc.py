"""
Tokens of OpenID Connect, verified: RS256 against the keys that the administrator gave.

Nothing is fetched: a provider is registered with its issuer, its audiences and its JWKS. The order
of the checks and the codes are those that the vendor's pages of AssumeRoleWithOIDC and of RRSA
name; the sentences are theirs.
"""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from rds_simulator.refusals import Refusal

MIN_TOKEN, MAX_TOKEN = 4, 20_000
"""Characters of a token."""

_PREFIX = "AuthenticationFail.OIDCToken"
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An identity provider as it was registered."""

    arn: str
    issuer: str
    audiences: tuple[str, ...]
    keys: Mapping[str, rsa.RSAPublicKey]
    """By key id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a verified token says."""

    issuer: str
    subject: str
    audiences: tuple[str, ...]
    """Those that the provider has, too."""
    issued_at: datetime | None
    expires_at: datetime


def read_jwks(document: Mapping[str, object]) -> dict[str, rsa.RSAPublicKey]:
    """
    Read the RSA keys of a JWKS, by key id.

    Raises:
        ValueError: If a key is not RSA for RS256, has no id of its own, or there is none.
    """
    keys = document.get("keys")
    if not isinstance(keys, list) or not keys:
        raise ValueError("a JWKS has a list of keys")
    found: dict[str, rsa.RSAPublicKey] = {}
    for each in keys:
        if not isinstance(each, dict) or each.get("kty") != "RSA":
            raise ValueError("every key has to be an RSA key (kty: RSA)")
        if each.get("alg", "RS256") != "RS256":
            raise ValueError("every key has to be for RS256")
        key_id = str(each.get("kid", ""))
        if key_id in found:
            raise ValueError("two keys have one kid")
        exponent, modulus = (_number(each.get(name)) for name in ("e", "n"))
        found[key_id] = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return found


def _number(value: object) -> int:
    if not isinstance(value, str) or not value or not _BASE64URL.fullmatch(value):
        raise ValueError("n and e of a key are Base64 for URLs, without padding")
    return int.from_bytes(_bytes(value), "big")


def verify(token: str, provider: Provider, at: datetime) -> Claims:
    """
    Verify a token as STS does, at a moment of the instances' time.

    Raises:
        Refusal: With what is wrong first.
    """
    if not token:
        raise _invalid("The OIDCToken can not empty.")
    if not MIN_TOKEN <= len(token) <= MAX_TOKEN:
        raise _invalid("The length of the OIDCToken is invalid.")
    parts = token.split(".")
    if len(parts) != 3:
        raise _invalid("The number of Jwt field should be divided into 3 parts with '.' .")
    if not all(part and _BASE64URL.fullmatch(part) for part in parts):
        raise _invalid("Cannot decode base64 encoded response(format invalided).")
    header, claims = _json(parts[0]), _json(parts[1])
    if header.get("alg") != "RS256":
        raise _invalid("The algorithm that be specified in Jwt header is unknown.")
    if claims.get("iss") != provider.issuer:
        raise _refused(
            "IssuerNotMatch",
            "The issuer in the OIDC Token doesn't match the OIDC Provider registered.",
        )
    _check_signature(parts, header, provider)
    return _check_claims(claims, provider, at)


def _check_signature(
    parts: Sequence[str], header: Mapping[str, object], provider: Provider
) -> None:
    key = provider.keys.get(str(header.get("kid", "")))
    refused = _refused("InvalidSignature", "OIDC token validate failed: invalid signature.")
    if key is None:
        raise refused
    signed = f"{parts[0]}.{parts[1]}".encode()
    try:
        key.verify(_decode(parts[2]), signed, padding.PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise refused from error


def _check_claims(claims: Mapping[str, object], provider: Provider, at: datetime) -> Claims:
    expires = _time(claims, "exp")
    if expires is None:
        raise _invalid("The Jwt content is invalid that cannot be recognized.")
    if at >= expires:
        raise _refused("Expired", "This JsonWebToken is expired.")
    issued = _time(claims, "iat")
    begins = [each for each in (issued, _time(claims, "nbf")) if each]
    if any(each > at for each in begins):
        raise _invalid("The JsonWebToken is not valid yet.")
    audience = claims.get("aud")
    named = [audience] if isinstance(audience, str) else audience
    if not isinstance(named, list):
        named = []
    audiences = tuple(str(each) for each in named if each in provider.audiences)
    if not audiences:
        raise _refused("AudienceNotMatch", "Invalid audience.")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject:
        raise _invalid("The Jwt content is invalid that cannot be recognized.")
    return Claims(
        issuer=provider.issuer,
        subject=subject,
        audiences=audiences,
        issued_at=issued,
        expires_at=expires,
    )


def _time(claims: Mapping[str, object], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _invalid("The Jwt content is invalid that cannot be recognized.")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise _invalid("The Jwt content is invalid that cannot be recognized.") from error


def _json(part: str) -> dict[str, object]:
    try:
        value = json.loads(_decode(part))
    except (ValueError, RecursionError) as error:
        raise _invalid("The Jwt content is invalid that cannot be recognized.") from error
    if not isinstance(value, dict):
        raise _invalid("The Jwt content is invalid that cannot be recognized.")
    return value


def _bytes(text: str) -> bytes:
    """Decode Base64 for URLs without padding, whose characters were checked."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _decode(text: str) -> bytes:
    try:
        return _bytes(text)
    except ValueError as error:
        raise _invalid("Cannot decode base64 encoded response(format invalided).") from error


def _invalid(message: str) -> Refusal:
    return _refused("Invalid", message)


def _refused(kind: str, message: str) -> Refusal:
    return Refusal(f"{_PREFIX}.{kind}", status=401, message=message)
