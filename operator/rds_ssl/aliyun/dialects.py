"""
Which signature an endpoint takes, and a request in either: all parameters in a form body.

V3 with a form body is documented for other operations of RDS and unproven for ModifyDBInstanceSSL.
A gateway that does not read it misses what is in the body or in the headers, and says so by a code
``Missing…``; V1 with a form body is what Terraform has sent to RDS for years. Nothing ever moves to
the query: a private key has no place in a URL.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.signing import FORM, form, sign_v1, sign_v3
from rds_ssl.core.errors import ApiError
from rds_ssl.core.model import Disposition
from rds_ssl.core.rds import faults

_log = logging.getLogger(__name__)

# Says that the credentials are incomplete, not that the request was not read.
_OF_CREDENTIALS = "MissingSecurityToken"

_SIGNATURE_METHOD = frozenset({"IncompleteSignature", "InvalidSignatureMethod"})

# Answers that may come from in front of whatever reads signatures.
_PROVE_NOTHING = frozenset({Disposition.THROTTLED, Disposition.UNAVAILABLE, Disposition.UNKNOWN})


class Dialect(StrEnum):
    """A version of the signature."""

    V1 = "V1"
    V3 = "V3"
    UNSIGNED = "unsigned"
    """None: for the one operation by which somebody without a key gets one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be sent by POST; the body holds a private key, perhaps."""

    headers: Mapping[str, str]
    content: bytes
    query: str = ""
    """Of what proves nothing and hides nothing: which operation, and when."""


def sign(
    dialect: Dialect,
    parameters: Mapping[str, str],
    credentials: Credentials | None,
    *,
    host: str,
    action: str,
    version: str,
    date: str,
    nonce: str,
) -> Request:
    """
    Return a signed request; see `rds_ssl.aliyun.signing.sign_v3` for *host*, *date*, *nonce*.

    Without *credentials* it is not signed, and sent as the vendor's library for Go does it.
    """
    if credentials is None or dialect is Dialect.UNSIGNED:
        names = {"Action": action, "Version": version, "Format": "JSON", "Timestamp": date}
        return Request(
            headers={"host": host, "content-type": FORM},
            content=form(parameters).encode("ascii"),
            query=form(names),
        )
    if dialect is Dialect.V1:
        signed = sign_v1(
            parameters,
            action=action,
            version=version,
            date=date,
            nonce=nonce,
            access_key_id=credentials.access_key_id,
            access_key_secret=credentials.access_key_secret,
            security_token=credentials.security_token,
        )
        return Request(
            headers={"host": host, "content-type": FORM}, content=form(signed).encode("ascii")
        )
    content = form(parameters).encode("ascii")
    headers = sign_v3(
        host=host,
        action=action,
        version=version,
        date=date,
        nonce=nonce,
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.access_key_secret,
        security_token=credentials.security_token,
        body=content,
        content_type=FORM,
    )
    return Request(headers=headers, content=content)


def unread(error: ApiError) -> bool:
    """True if a V3 request was refused as one whose parameters nobody has read."""
    return error.code.startswith("Missing") and error.code != _OF_CREDENTIALS


class Dialects:
    """
    Which endpoints take V1 only, for the life of the process; all others get V3.

    An endpoint is known by a V1 call that repeats a read and is understood (`learn`). That V3 has
    succeeded is no proof of the contrary: something in front of the API may have answered.
    """

    def __init__(self, v1: Iterable[str] = ()) -> None:
        """*v1*: endpoints that are known to take V1 only."""
        self._v1 = set(v1)

    def of(self, endpoint: str) -> Dialect:
        """Return the dialect for a call."""
        return Dialect.V1 if endpoint in self._v1 else Dialect.V3

    def learn(self, endpoint: str, error: ApiError | None = None) -> bool:
        """
        Note that a call in V1 has succeeded, or got *error*, where one in V3 was not read.

        Returns:
            Whether the call was understood: False for an error that says that it was not read.
        """
        if error is not None:
            if error.code.startswith("Missing") or error.code in _SIGNATURE_METHOD:
                return False
            fault = faults.lookup(error.code, error.http_status, error.access_denied)
            if fault.disposition in _PROVE_NOTHING:
                return True
        if endpoint not in self._v1:
            self._v1.add(endpoint)
            _log.info(
                "the API does not read signature V3 with a form body; V1 is used from now on",
                extra={"endpoint": endpoint},
            )
        return True
