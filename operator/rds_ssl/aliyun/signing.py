"""
Signatures of the cloud API: V3 (ACS3-HMAC-SHA256) and its predecessor V1 (HMAC-SHA1).

Pure: date and nonce are parameters. V3 is what is sent; V1 is for a gateway that does not read V3
with a form body (`rds_ssl.aliyun.dialects`).

Source: https://www.alibabacloud.com/help/en/doc-detail/2593177.htm (V3) and
https://help.aliyun.com/en/sdk/product-overview/rpc-mechanism (V1).
"""

import base64
import hashlib
import hmac
import string
from collections.abc import Mapping

from rds_ssl.core.secret_text import SecretText

FORM = "application/x-www-form-urlencoded"
"""Content type of a body made by `form`."""

_ALGORITHM_V3 = "ACS3-HMAC-SHA256"

_UNRESERVED = (string.ascii_letters + string.digits + "-_.~").encode("ascii")


def percent_encode(text: str) -> str:
    """Encode as RFC 3986 has it: all but ``A-Za-z0-9-_.~``, over UTF-8; a space is ``%20``."""
    encoded = text.encode()
    # Each byte that occurs is replaced everywhere at once, five of them in PEM; to look at each
    # character, as urllib's quote does, takes 50 ms for a megabyte instead of 2. The percent sign
    # comes first, for it is in all that takes the place of another.
    for byte in sorted({*encoded.translate(None, delete=_UNRESERVED)}, key=ord("%").__ne__):
        encoded = encoded.replace(bytes((byte,)), b"%%%02X" % byte)
    return encoded.decode("ascii")


def form(parameters: Mapping[str, str]) -> str:
    """
    Join *parameters*, sorted and percent-encoded: ``a=1&b=%20``; empty if there are none.

    It is the canonical query of both signatures and, as ASCII, a form body: decoders of forms take
    ``%20`` as well as ``+``.
    """
    # Encoded names are sorted, not plain ones: that is what the gateway does.
    pairs = sorted(
        (percent_encode(name), percent_encode(value)) for name, value in parameters.items()
    )
    return "&".join(f"{name}={value}" for name, value in pairs)


def canonical_request(
    *, method: str, query: Mapping[str, str], headers: Mapping[str, str], payload_sha256: str
) -> str:
    """
    Return the V3 canonical request.

    All *headers* given are signed: ``host``, ``content-type`` if there is a body, every
    ``x-acs-*``. *payload_sha256* is lower-case hex over the body; without a body, over nothing.
    """
    lines = sorted((name.lower(), value.strip()) for name, value in headers.items())
    return "\n".join(
        (
            method,
            "/",
            form(query),
            "".join(f"{name}:{value}\n" for name, value in lines),
            ";".join(name for name, _ in lines),
            payload_sha256,
        )
    )


def authorization_v3(canonical: str, *, access_key_id: str, access_key_secret: SecretText) -> str:
    """Return the value of ``Authorization`` for a canonical request."""
    to_sign = f"{_ALGORITHM_V3}\n{_sha256(canonical.encode())}"
    signature = hmac.new(
        access_key_secret.reveal().encode(), to_sign.encode(), hashlib.sha256
    ).hexdigest()
    # The last line but one of a canonical request holds the names of the signed headers.
    signed_headers = canonical.rsplit("\n", 2)[-2]
    return (
        f"{_ALGORITHM_V3} Credential={access_key_id},"
        f"SignedHeaders={signed_headers},Signature={signature}"
    )


def sign_v3(
    *,
    host: str,
    action: str,
    version: str,
    date: str,
    nonce: str,
    access_key_id: str,
    access_key_secret: SecretText,
    security_token: SecretText | None = None,
    method: str = "POST",
    query: Mapping[str, str] | None = None,
    body: bytes = b"",
    content_type: str = "",
    extra_headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """
    Return all headers of a V3 request, ``authorization`` included.

    Args:
        host: As in the Host header, with a port unless it is the scheme's own.
        date: UTC, ``2026-01-02T03:04:05Z``; the gateway takes 15 minutes either way.
        nonce: Fresh for every attempt; a repeated one is ``SignatureNonceUsed``.
        body: Exactly the bytes that are sent.
        content_type: Needed with a body (`FORM`), left out without one.
        extra_headers: Further headers that are to be signed; lower-case names.
    """
    payload_sha256 = _sha256(body)
    headers = {
        **(extra_headers or {}),
        "host": host,
        "x-acs-action": action,
        "x-acs-version": version,
        "x-acs-date": date,
        "x-acs-signature-nonce": nonce,
        "x-acs-content-sha256": payload_sha256,
    }
    if content_type:
        headers["content-type"] = content_type
    if security_token is not None:
        headers["x-acs-security-token"] = security_token.reveal()
    canonical = canonical_request(
        method=method, query=query or {}, headers=headers, payload_sha256=payload_sha256
    )
    headers["authorization"] = authorization_v3(
        canonical, access_key_id=access_key_id, access_key_secret=access_key_secret
    )
    return headers


def common_parameters_v1(
    *,
    action: str,
    version: str,
    date: str,
    nonce: str,
    access_key_id: str,
    security_token: SecretText | None = None,
) -> dict[str, str]:
    """Return the parameters that each V1 request carries besides those of its operation."""
    parameters = {
        "Action": action,
        "Version": version,
        # The gateway answers in XML if Format is left out.
        "Format": "json",
        "Timestamp": date,
        "SignatureNonce": nonce,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": access_key_id,
    }
    if security_token is not None:
        parameters["SecurityToken"] = security_token.reveal()
    return parameters


def string_to_sign_v1(method: str, parameters: Mapping[str, str]) -> str:
    """
    Return the text that V1 signs.

    *parameters* are all of them, common and own, whether they travel in the query or the body.
    """
    return f"{method}&%2F&{percent_encode(form(parameters))}"


def signature_v1(
    method: str, parameters: Mapping[str, str], *, access_key_secret: SecretText
) -> str:
    """Return the V1 parameter ``Signature``: HMAC-SHA1, Base64. See `string_to_sign_v1`."""
    mac = hmac.new(
        f"{access_key_secret.reveal()}&".encode(),
        string_to_sign_v1(method, parameters).encode(),
        hashlib.sha1,
    )
    return base64.b64encode(mac.digest()).decode()


def sign_v1(
    parameters: Mapping[str, str],
    *,
    action: str,
    version: str,
    date: str,
    nonce: str,
    access_key_id: str,
    access_key_secret: SecretText,
    security_token: SecretText | None = None,
    method: str = "POST",
) -> dict[str, str]:
    """
    Return all parameters of a V1 request, ``Signature`` included; where they travel is not signed.

    Args:
        parameters: The operation's own.
        date: As for `sign_v3`, as is *nonce*.
    """
    signed = {
        **parameters,
        **common_parameters_v1(
            action=action,
            version=version,
            date=date,
            nonce=nonce,
            access_key_id=access_key_id,
            security_token=security_token,
        ),
    }
    signature = signature_v1(method, signed, access_key_secret=access_key_secret)
    return {**signed, "Signature": signature}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
