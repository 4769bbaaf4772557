"""
Verification of signatures: V3 (ACS3-HMAC-SHA256) and V1 (HMAC-SHA1).

Written from the published description (the team's API notes 6.3, 6.4), without a line of the
client's code: two implementations that agree are the test.
"""

import base64
import functools
import hashlib
import hmac
import urllib.parse
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from rds_simulator.accounts import AccessKey, Accounts
from rds_simulator.call import Call
from rds_simulator.config import Signatures
from rds_simulator.refusals import Code, Refusal, missing

ALGORITHM = "ACS3-HMAC-SHA256"
CLOCK_TOLERANCE = timedelta(minutes=15)
"""Both ways; a nonce is remembered for twice as long."""

_MANDATORY = (
    "host",
    "x-acs-action",
    "x-acs-version",
    "x-acs-date",
    "x-acs-signature-nonce",
    "x-acs-content-sha256",
)
_MANDATORY_V1 = (
    "Timestamp",
    "SignatureNonce",
    "SignatureMethod",
    "SignatureVersion",
    "AccessKeyId",
    "Signature",
)


class Nonces:
    """Nonces that were used, per access key, for as long as a replay would be in time."""

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._order: deque[tuple[datetime, tuple[str, str]]] = deque()

    def use(self, key_id: str, nonce: str, now: datetime) -> None:
        """
        Remember a nonce.

        Raises:
            Refusal: SignatureNonceUsed.
        """
        while self._order and now - self._order[0][0] > 2 * CLOCK_TOLERANCE:
            self._seen.discard(self._order.popleft()[1])
        entry = (key_id, nonce)
        if entry in self._seen:
            raise Refusal(Code.NONCE_USED)
        self._seen.add(entry)
        self._order.append((now, entry))


def percent_encode(text: str) -> str:
    """Encode as RFC 3986 does; the signed form never has ``+`` for a space."""
    return urllib.parse.quote(text, safe="~")


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Sorted by encoded name, joined by ``&``."""
    encoded = sorted((percent_encode(k), percent_encode(v)) for k, v in parameters.items())
    return "&".join(f"{name}={value}" for name, value in encoded)


def check_dialect(call: Call, accepted: Signatures) -> None:
    """
    Refuse a signature that this gateway does not read.

    Raises:
        Refusal: MissingAction for V3, which names the operation in a header; for V1
            InvalidSignatureMethod.
    """
    if call.legacy and accepted == "v3":
        raise Refusal(Code.SIGNATURE_METHOD)
    if "authorization" in call.headers and accepted == "v1":
        raise missing("Action")


def authenticate(call: Call, accounts: Accounts, nonces: Nonces, now: datetime) -> AccessKey:
    """
    Check who signed a call; *now* is the gateway's time. The security token is not compared here.

    Raises:
        Refusal: With the documented code.
    """
    if call.legacy:
        return _authenticate_v1(call, accounts, nonces, now)
    return _authenticate_v3(call, accounts, nonces, now)


def _authenticate_v3(call: Call, accounts: Accounts, nonces: Nonces, now: datetime) -> AccessKey:
    key_id, signed, signature = _authorization(call)
    for name in _MANDATORY:
        if not call.headers.get(name):
            raise Refusal(Code.INCOMPLETE_SIGNATURE, message=f"The header {name} is missing.")
        if name not in signed:
            raise Refusal(Code.INCOMPLETE_SIGNATURE, message=f"The header {name} is not signed.")
    loose = [name for name in call.headers if name.startswith("x-acs-") and name not in signed]
    if call.body and "content-type" in call.headers and "content-type" not in signed:
        loose.append("content-type")
    if loose:
        raise Refusal(Code.INCOMPLETE_SIGNATURE, message=f"{loose[0]} is not signed.")
    _check_time(call.headers["x-acs-date"], now)
    key = accounts.get(key_id)
    payload = hashlib.sha256(call.body).hexdigest()
    if not hmac.compare_digest(payload, call.headers["x-acs-content-sha256"]):
        raise Refusal(Code.SIGNATURE_MISMATCH)
    if not hmac.compare_digest(signature_v3(call, key.secret, signed), signature):
        raise Refusal(Code.SIGNATURE_MISMATCH)
    nonces.use(key.id, call.headers["x-acs-signature-nonce"], now)
    return key


def _authorization(call: Call) -> tuple[str, list[str], str]:
    """Key id, signed headers in their order, signature."""
    algorithm, _, rest = call.headers.get("authorization", "").partition(" ")
    if algorithm and algorithm != ALGORITHM:
        raise Refusal(Code.SIGNATURE_METHOD)
    fields = dict(item.strip().partition("=")[::2] for item in rest.split(","))
    key_id, names = fields.get("Credential", ""), fields.get("SignedHeaders", "")
    signature = fields.get("Signature", "")
    if not (key_id and names and signature):
        raise Refusal(Code.INCOMPLETE_SIGNATURE)
    return key_id, names.split(";"), signature


def signature_v3(call: Call, secret: str, signed: list[str]) -> str:
    """
    Compute the V3 signature, lower-case hexadecimal.

    Raises:
        Refusal: If a header that is said to be signed was not sent.
    """
    if any(name not in call.headers for name in signed):
        raise Refusal(Code.INCOMPLETE_SIGNATURE)
    headers = "".join(f"{name}:{call.headers[name].strip()}\n" for name in sorted(signed))
    request = "\n".join(
        (
            call.method,
            call.path,
            canonical_query(call.query),
            headers,
            ";".join(signed),
            hashlib.sha256(call.body).hexdigest(),
        )
    )
    digest = hashlib.sha256(request.encode()).hexdigest()
    return hmac.new(secret.encode(), f"{ALGORITHM}\n{digest}".encode(), "sha256").hexdigest()


def _authenticate_v1(call: Call, accounts: Accounts, nonces: Nonces, now: datetime) -> AccessKey:
    parameters = call.parameters
    for name in _MANDATORY_V1:
        if not parameters.get(name):
            raise missing(name)
    if (parameters["SignatureMethod"], parameters["SignatureVersion"]) != ("HMAC-SHA1", "1.0"):
        raise Refusal(Code.SIGNATURE_METHOD)
    _check_time(parameters["Timestamp"], now)
    key = accounts.get(parameters["AccessKeyId"])
    if not hmac.compare_digest(signature_v1(call, key.secret), parameters["Signature"]):
        raise Refusal(Code.SIGNATURE_MISMATCH)
    nonces.use(key.id, parameters["SignatureNonce"], now)
    return key


def signature_v1(call: Call, secret: str) -> str:
    """Compute the V1 signature, Base64."""
    parameters = {name: text for name, text in call.parameters.items() if name != "Signature"}
    text = f"{call.method}&%2F&{percent_encode(canonical_query(parameters))}"
    return base64.b64encode(
        hmac.new(f"{secret}&".encode(), text.encode(), "sha1").digest()
    ).decode()


def _check_time(text: str, now: datetime) -> None:
    try:
        at = _read_time(text)
    except ValueError as error:
        raise Refusal(Code.TIMESTAMP_FORMAT) from error
    if abs(now - at) > CLOCK_TOLERANCE:
        raise Refusal(Code.TIMESTAMP_EXPIRED)


@functools.lru_cache(maxsize=64)
def _read_time(text: str) -> datetime:
    """Read what all calls of a second have in common."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
