"""The operator's own identity: from what it is told to a provider of keys."""

from dataclasses import dataclass
from pathlib import Path

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.providers import Provider, RenewingProvider, StaticProvider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sources import AssumedSource, EcsSource, OidcSource
from rds_ssl.aliyun.identity.sts import Sts

OWN = "the operator's own identity"
"""What it is called in conditions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oidc:
    """A role for the token of the operator's ServiceAccount (RRSA)."""

    role: Role
    provider_arn: str
    token_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnIdentity:
    """Where the operator's own keys come from: the first that is there."""

    key: Credentials | None = None
    oidc: Oidc | None = None
    ecs_role: str | None = None
    """The RAM role of the ECS instance; empty: whichever it has; None: it is not asked."""
    assumed: Role | None = None
    """A role, of another account perhaps, that all of these only serve to assume."""


def own_provider(own: OwnIdentity, *, sts: Sts, metadata: Metadata) -> Provider | None:
    """Return the provider of the operator's own keys; None if it has none."""
    provider = _first(own, sts=sts, metadata=metadata)
    if provider is None or own.assumed is None:
        return provider
    source = AssumedSource(sts=sts, base=provider, role=own.assumed, label=OWN)
    return RenewingProvider(source, principal=own.assumed.arn)


def _first(own: OwnIdentity, *, sts: Sts, metadata: Metadata) -> Provider | None:
    if own.key is not None:
        return StaticProvider(own.key)
    if own.oidc is not None:
        oidc = OidcSource(
            sts=sts,
            role=own.oidc.role,
            provider_arn=own.oidc.provider_arn,
            token_file=own.oidc.token_file,
            label=OWN,
        )
        return RenewingProvider(oidc, principal=own.oidc.role.arn)
    if own.ecs_role is not None:
        ecs = EcsSource(metadata=metadata, role_name=own.ecs_role, label=OWN)
        return RenewingProvider(ecs, principal=f"ecs-role/{own.ecs_role}")
    return None
