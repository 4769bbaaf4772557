"""
STS: temporary keys of a role, for another key or for the token of a ServiceAccount.

AssumeRole is signed as every call; AssumeRoleWithOIDC is not, for the token proves the caller. It
goes in the body: a URL is written into logs by proxies and gateways.

Source: the vendor's pages on both operations; how they are sent, its libraries for Go and Python.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from rds_ssl.aliyun.credentials import Credentials, is_key_text
from rds_ssl.aliyun.endpoints import checked_url
from rds_ssl.aliyun.identity.providers import Issued
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import ApiError, NoAnswer, NoCredentials, TransportError
from rds_ssl.core.secret_text import SecretText

STS_VERSION = "2015-04-01"
"""Version of the STS API (x-acs-version)."""

DEADLINE = 10.0
"""Seconds for a call, as in the vendor's library: somebody waits for the key, perhaps all do."""

DURATION = 3600
"""Seconds that a session is to last: the vendor's default, and the most that a role allows unless
its administrator has allowed more."""

_SERVICE = "STS"


def sts_url(endpoint: str, *, region: str, vpc: bool) -> str:
    """
    Return where STS is called.

    *endpoint* wins: a host, as ack-pod-identity-webhook sets it, or a URL. Of a *region* without
    one it is the region's own host, inside a VPC its host there; without both the central one.

    Raises:
        ValueError: It is refused by `rds_ssl.aliyun.endpoints.checked_url`.
    """
    if endpoint:
        return checked_url(endpoint if "://" in endpoint else f"https://{endpoint}")
    if not region:
        return "https://sts.aliyuncs.com"
    return checked_url(f"https://{'sts-vpc' if vpc else 'sts'}.{region}.aliyuncs.com")


class Sts:
    """STS at one endpoint."""

    def __init__(self, transport: Transport, endpoint: str) -> None:
        """*transport* has `STS_VERSION`."""
        self._transport = transport
        self._endpoint = endpoint

    async def assume_role(self, credentials: Credentials, role: Role) -> Issued:
        """
        Ask for a session of a role on behalf of a key.

        Raises:
            ApiError: STS refuses.
            TransportError: No usable answer.
        """
        parameters: dict[str, str | SecretText] = _of_role(role)
        if role.external_id:
            parameters["ExternalId"] = role.external_id
        return await self._issued("AssumeRole", parameters, credentials)

    async def assume_role_with_oidc(
        self, token: SecretText, role: Role, *, provider_arn: str
    ) -> Issued:
        """
        Ask for a session of a role on behalf of the bearer of a token.

        Raises:
            ApiError: STS refuses.
            TransportError: No usable answer.
        """
        parameters = {**_of_role(role), "OIDCProviderArn": provider_arn, "OIDCToken": token}
        return await self._issued("AssumeRoleWithOIDC", parameters, None)

    def no_credentials(
        self, error: ApiError | TransportError, *, label: str, role: Role
    ) -> NoReturn:
        """
        Say that there is no session, and why.

        Raises:
            NoCredentials: Always.
        """
        api = error if isinstance(error, ApiError) else None
        raise NoCredentials(
            action=error.action,
            service=_SERVICE,
            code=api.code if api else "",
            http_status=api.http_status if api else 0,
            label=label,
            role=role.arn,
            external_id=role.external_id if role.made_up else "",
            access_denied=api.access_denied if api else {},
            skew=self._transport.skew_of(self._endpoint),
            retry_after=api.retry_after if api else None,
            kind=error.kind if isinstance(error, TransportError) else "",
        ) from error

    async def _issued(
        self,
        action: str,
        parameters: Mapping[str, str | SecretText],
        credentials: Credentials | None,
    ) -> Issued:
        # Not a write: to have two sessions of a role does no harm.
        body = await self._transport.call(
            action, parameters, credentials, self._endpoint, write=False, deadline=DEADLINE
        )
        return read_issued(body.get("Credentials"), action=action, now=self._transport.their_now())


def read_issued(fields: object, *, action: str, now: datetime) -> Issued:
    """
    Read a temporary key as STS and the metadata service write it.

    Args:
        fields: ``AccessKeyId``, ``AccessKeySecret``, ``SecurityToken`` and ``Expiration``.
        action: For the error.
        now: By the clock of whoever has answered: the end is told by it.

    Raises:
        NoAnswer: Something is missing, or is nothing that a key has.
    """
    told = fields if isinstance(fields, Mapping) else {}
    key_id, secret, token = (
        told.get(name) for name in ("AccessKeyId", "AccessKeySecret", "SecurityToken")
    )
    ends = _time(told.get("Expiration"))
    if not (is_key_text(key_id) and is_key_text(secret) and is_key_text(token)) or ends is None:
        raise NoAnswer(action=action, kind="answer without credentials", http_status=200)
    return Issued(
        credentials=Credentials(
            access_key_id=key_id,
            access_key_secret=SecretText(secret),
            security_token=SecretText(token),
        ),
        life=(ends - now).total_seconds(),
    )


def _of_role(role: Role) -> dict[str, str | SecretText]:
    parameters: dict[str, str | SecretText] = {
        "RoleArn": role.arn,
        "RoleSessionName": role.session_name,
        "DurationSeconds": str(DURATION),
    }
    if role.policy:
        parameters["Policy"] = role.policy
    return parameters


def _time(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if found is None or found.tzinfo is None:
        return None
    try:
        return found.astimezone(UTC)
    except OverflowError:
        return None
