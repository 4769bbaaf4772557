"""
The admin interface of RAM: access keys, roles, identity providers, sessions.

======  ============================  =========================================================
method  path                          body, answer
======  ============================  =========================================================
PUT     /_sim/access-keys/{id}        `KeyBody`; secret and token are never shown again
GET     /_sim/access-keys
DELETE  /_sim/access-keys/{id}
PUT     /_sim/roles/{ARN or name}     `RoleBody`: who may assume it, and what it may do
GET     /_sim/roles
DELETE  /_sim/roles/{ARN or name}     with all its sessions
PUT     /_sim/oidc-providers/{…}      `ProviderBody`, by ARN or name
GET     /_sim/oidc-providers
DELETE  /_sim/oidc-providers/{…}
GET     /_sim/sessions                of STS and of the metadata service, oldest first
DELETE  /_sim/sessions[/{which}]      ends all, that with a key id, or those of a role;
                                      with `?how=expire` the key is still known, as expired
PUT     /_sim/metadata                `MetadataBody`: the role that the machine has
GET     /_sim/metadata
======  ============================  =========================================================

A policy that uses what is not simulated is answered 400 with the reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Annotated

import pydantic

from rds_simulator.accounts import OWNER_ID, PROVIDER_ARN, ROLE_ARN, AccessKey, Role
from rds_simulator.admin_task import AdminTask, NotFoundError
from rds_simulator.ecs_metadata import SERVICE, can_have
from rds_simulator.oidc import Provider, read_jwks
from rds_simulator.ram_policy import (
    EVERYTHING,
    Policy,
    PolicyError,
    allowing,
    read_policy,
    read_trust,
)
from rds_simulator.wire import Fields

Document = dict[str, object]
"""A policy as JSON."""


class _Body(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="forbid")


class KeyBody(_Body):
    """An access key; `policy` is a RAM policy, in its place `actions` and `instances` will do."""

    secret: pydantic.SecretStr
    token: pydantic.SecretStr | None = None
    expires: datetime | None = None
    account: Annotated[str, pydantic.Field(pattern=r"^[0-9]{1,20}$")] = OWNER_ID
    user: str = ""
    """The RAM user's name, for who is named in errors and trusted by roles."""
    root: bool = False
    policy: Document | None = None
    actions: list[str] = ["*"]
    """Allowed operations, of RDS unless a service is named; ``*`` stands for any characters."""
    instances: list[str] = ["*"]
    """Allowed instance ids; ``*`` likewise."""
    active: bool = True

    def granted(self) -> Policy:
        """Return what the key may do, as a policy."""
        if self.policy is not None:
            return read_policy(self.policy)
        if self.actions == self.instances == ["*"]:
            return EVERYTHING
        if not (self.actions and self.instances):
            return Policy(statements=(), text="")
        actions = [each if ":" in each or each == "*" else f"rds:{each}" for each in self.actions]
        resources = [
            each if each == "*" else f"acs:rds:*:*:dbinstance/{each}" for each in self.instances
        ]
        return allowing(actions, resources)


class RoleBody(_Body):
    """A role: trust policy, policy (none: may do everything) and longest session in seconds."""

    trust: Document
    policy: Document | None = None
    max_session: Annotated[int, pydantic.Field(ge=3600, le=43200)] = 3600


class ProviderBody(_Body):
    """An identity provider: issuer, audiences (client ids) and its JWKS."""

    issuer: str
    audiences: Annotated[list[str], pydantic.Field(min_length=1)]
    jwks: Document


class MetadataBody(_Body):
    """The metadata service; what is left out stays."""

    role: str | None = None
    """ARN or name; empty: the machine has none."""
    v1: bool | None = None
    lasts: Annotated[float, pydantic.Field(ge=1)] | None = None
    """Seconds that credentials are valid, and `renews` seconds before that others are given."""
    renews: Annotated[float, pydantic.Field(ge=0)] | None = None


def _put_key(task: AdminTask) -> Fields:
    body = KeyBody.model_validate_json(task.body)
    key = AccessKey(
        id=task.name,
        secret=body.secret.get_secret_value(),
        token=body.token.get_secret_value() if body.token else None,
        expires=body.expires,
        account=body.account,
        user=body.user,
        root=body.root,
        policy=body.granted(),
        active=body.active,
    )
    task.world.accounts.put(key)
    return _show_key(key)


def _show_key(key: AccessKey) -> Fields:
    return {
        "id": key.id,
        "principal": key.principal,
        "needs_token": key.token is not None,
        "expires": key.expires.isoformat() if key.expires else None,
        "policy": key.policy.text,
        "active": key.active,
    }


def _get_keys(task: AdminTask) -> Fields:
    return {"access_keys": [_show_key(key) for key in task.world.accounts.all()]}


def _delete_key(task: AdminTask) -> Fields:
    if not task.world.accounts.remove(task.name):
        raise NotFoundError
    return {}


def _role_arn(name: str) -> str:
    arn = name if ":" in name else f"acs:ram::{OWNER_ID}:role/{name}"
    if not ROLE_ARN.fullmatch(arn):
        raise PolicyError(f"a role is named acs:ram::ACCOUNT:role/NAME or NAME, not {name}")
    return arn


def _put_role(task: AdminTask) -> Fields:
    body = RoleBody.model_validate_json(task.body)
    role = Role(
        arn=_role_arn(task.plain_name),
        trust=read_trust(body.trust),
        policy=EVERYTHING if body.policy is None else read_policy(body.policy),
        max_session=body.max_session,
    )
    task.world.accounts.roles[role.arn] = role
    return _show_role(role)


def _show_role(role: Role) -> Fields:
    return {
        "arn": role.arn,
        "trust": role.trust.text,
        "policy": role.policy.text,
        "max_session": role.max_session,
    }


def _get_roles(task: AdminTask) -> Fields:
    return {"roles": [_show_role(each) for each in task.world.accounts.roles.values()]}


def _delete_role(task: AdminTask) -> Fields:
    if not task.world.accounts.remove_role(_role_arn(task.plain_name)):
        raise NotFoundError
    return {}


def _provider_arn(task: AdminTask) -> str:
    name = task.plain_name
    arn = name if ":" in name else f"acs:ram::{OWNER_ID}:oidc-provider/{name}"
    if not PROVIDER_ARN.fullmatch(arn):
        raise PolicyError(f"a provider is named acs:ram::ACCOUNT:oidc-provider/NAME, not {name}")
    return arn


def _put_provider(task: AdminTask) -> Fields:
    body = ProviderBody.model_validate_json(task.body)
    try:
        keys = read_jwks(body.jwks)
    except ValueError as error:
        raise PolicyError(f"jwks: {error}") from error
    provider = Provider(
        arn=_provider_arn(task), issuer=body.issuer, audiences=tuple(body.audiences), keys=keys
    )
    task.world.accounts.providers[provider.arn] = provider
    return _show_provider(provider)


def _show_provider(provider: Provider) -> Fields:
    return {
        "arn": provider.arn,
        "issuer": provider.issuer,
        "audiences": list(provider.audiences),
        "keys": sorted(provider.keys),
    }


def _get_providers(task: AdminTask) -> Fields:
    providers = task.world.accounts.providers.values()
    return {"oidc_providers": [_show_provider(each) for each in providers]}


def _delete_provider(task: AdminTask) -> Fields:
    if task.world.accounts.providers.pop(_provider_arn(task), None) is None:
        raise NotFoundError
    return {}


def _show_session(key: AccessKey) -> Fields:
    return {
        "id": key.id,
        "principal": key.principal,
        "role": key.assumed.role if key.assumed else "",
        "expires": key.expires.isoformat() if key.expires else None,
    }


def _get_sessions(task: AdminTask) -> Fields:
    return {"sessions": [_show_session(each) for each in task.world.accounts.sessions()]}


def _delete_sessions(task: AdminTask) -> Fields:
    accounts = task.world.accounts
    which = task.plain_name
    if which and not which.startswith("STS."):
        which = _role_arn(which)
    ended = accounts.sessions(which)
    if which.startswith("STS.") and not ended:
        raise NotFoundError
    for each in ended:
        if task.query.get("how") == "expire":
            accounts.change_session(replace(each, expires=task.at))
        else:
            accounts.end_session(each.id)
    return {"ended": [each.id for each in ended]}


def _put_metadata(task: AdminTask) -> Fields:
    body = MetadataBody.model_validate_json(task.body)
    metadata = task.world.metadata
    if body.role:
        arn = _role_arn(body.role)
        if not can_have(task.world.accounts, arn):
            raise PolicyError(f"there is no role {arn} that trusts the service {SERVICE[1]}")
        metadata.role = arn
    elif body.role is not None:
        metadata.role = ""
    metadata.v1 = metadata.v1 if body.v1 is None else body.v1
    if body.lasts is not None:
        metadata.lasts = timedelta(seconds=body.lasts)
    if body.renews is not None:
        metadata.renews = timedelta(seconds=body.renews)
    return _get_metadata(task)


def _get_metadata(task: AdminTask) -> Fields:
    metadata = task.world.metadata
    return {
        "role": metadata.role,
        "v1": metadata.v1,
        "lasts": metadata.lasts.total_seconds(),
        "renews": metadata.renews.total_seconds(),
        "tokens": len(metadata.tokens),
    }


ROUTES: Mapping[tuple[str, str, bool], Callable[[AdminTask], Fields]] = MappingProxyType(
    {
        ("PUT", "access-keys", True): _put_key,
        ("GET", "access-keys", False): _get_keys,
        ("DELETE", "access-keys", True): _delete_key,
        ("PUT", "roles", True): _put_role,
        ("GET", "roles", False): _get_roles,
        ("DELETE", "roles", True): _delete_role,
        ("PUT", "oidc-providers", True): _put_provider,
        ("GET", "oidc-providers", False): _get_providers,
        ("DELETE", "oidc-providers", True): _delete_provider,
        ("GET", "sessions", False): _get_sessions,
        ("DELETE", "sessions", True): _delete_sessions,
        ("DELETE", "sessions", False): _delete_sessions,
        ("PUT", "metadata", False): _put_metadata,
        ("GET", "metadata", False): _get_metadata,
    }
)
"""By method, kind, and whether a name follows."""
