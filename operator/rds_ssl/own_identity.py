"""
Where the operator's own keys come from, by its settings.

For the operator itself, and for the commands that ask the cloud with the same settings.
"""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from rds_ssl.aliyun.aiohttp_transport import AiohttpTransport
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.own import Oidc, OwnIdentity, own_provider
from rds_ssl.aliyun.identity.providers import Provider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts, sts_url
from rds_ssl.aliyun.transport import OnCall, Transport
from rds_ssl.settings import Settings


def own_identity(settings: Settings) -> OwnIdentity:
    """Return where the operator's own keys come from, by its settings."""
    key = oidc = assumed = None
    if settings.access_key_id is not None and settings.access_key_secret is not None:
        key = Credentials(
            access_key_id=settings.access_key_id,
            access_key_secret=settings.access_key_secret,
            security_token=settings.security_token,
        )
    if settings.role_arn and settings.oidc_provider_arn and settings.oidc_token_file:
        oidc = Oidc(
            role=Role(arn=settings.role_arn, session_name=settings.role_session_name),
            provider_arn=settings.oidc_provider_arn,
            token_file=Path(settings.oidc_token_file),
        )
    if settings.assume_role_arn:
        assumed = Role(
            arn=settings.assume_role_arn,
            session_name=settings.role_session_name,
            external_id=settings.assume_role_external_id,
        )
    ecs_role = settings.ecs_metadata or ("" if settings.ecs_role else None)
    return OwnIdentity(
        key=key,
        oidc=oidc,
        ecs_role=None if settings.ecs_metadata_disabled else ecs_role,
        assumed=assumed,
    )


def make_sts(
    settings: Settings,
    http: AiohttpTransport,
    *,
    now: Callable[[], datetime],
    on_call: OnCall,
    user_agent: str,
) -> Sts:
    """Return STS where the settings have it."""
    transport = Transport(
        http, now=now, on_call=on_call, version=STS_VERSION, user_agent=user_agent
    )
    vpc = settings.vpc_endpoint_enabled or settings.network == "vpc"
    return Sts(transport, sts_url(settings.sts_endpoint, region=settings.sts_region, vpc=vpc))


def make_own_provider(
    settings: Settings, http: AiohttpTransport, *, sts: Sts, now: Callable[[], datetime]
) -> Provider | None:
    """Return who gives the operator's own keys; None if the settings name none."""
    metadata = Metadata(
        http,
        now=now,
        url=settings.ecs_metadata_url,
        version_1=not settings.imdsv1_disabled,
    )
    return own_provider(own_identity(settings), sts=sts, metadata=metadata)
