"""From an object to its client of the cloud API: whose credentials, which endpoint, which rate."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rds_ssl.aliyun.credentials import from_secret, identity_of
from rds_ssl.aliyun.endpoints import Network, endpoint_of
from rds_ssl.aliyun.identity.own import OWN
from rds_ssl.aliyun.identity.roles import Role, role_from_secret, session_name
from rds_ssl.aliyun.names import Names
from rds_ssl.aliyun.pace import Pace, RateLimits
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.errors import KubeNotFound, KubeRefused, MaterialError
from rds_ssl.core.model import Endpoint, Instance, Observed, Priority, Reason
from rds_ssl.core.rds.undeclared import undeclared_fields
from rds_ssl.core.secret_text import SecretText
from rds_ssl.engine.gather.identities import Identities, Identity
from rds_ssl.engine.gather.refused import forbidden
from rds_ssl.engine.objects import Key
from rds_ssl.engine.places import Place
from rds_ssl.kube.resources import Kind, Resources

Version = tuple[str, str]


class Cloud:
    """RDS for one object; tells *answered* whenever the endpoint said anything at all."""

    def __init__(
        self,
        api: RdsApi,
        *,
        place: Place,
        account: str,
        identity: Identity,
        answered: Callable[[Place], None],
        skew: Callable[[str], float | None],
    ) -> None:
        self._api = api
        self._answered = answered
        self._skew = skew
        self.place = place
        self.account = account
        """As whom it is called: the same for all keys of one role."""
        self.identity = identity

    @property
    def clock_skew(self) -> float | None:
        """See `Transport.skew_of`."""
        return self._skew(self.place.endpoint)

    async def describe_ssl(
        self,
        declaration: Declaration,
        *,
        priority: Priority,
        engine: str | None,
        in_flight: bool,
    ) -> Observed:
        """See `RdsApi.describe_ssl`; *in_flight*: a call of the object may be at work."""
        observed = await self._api.describe_ssl(
            declaration.instance_id,
            declaration.region_id,
            priority=priority,
            engine=engine,
            undeclared=undeclared_fields(declaration, in_flight=in_flight),
        )
        self._answered(self.place)
        return observed

    async def describe_attribute(self, declaration: Declaration, *, priority: Priority) -> Instance:
        """See `RdsApi.describe_attribute`."""
        instance = await self._api.describe_attribute(
            declaration.instance_id, declaration.region_id, priority=priority
        )
        self._answered(self.place)
        return instance

    async def describe_endpoints(
        self, declaration: Declaration, *, priority: Priority
    ) -> tuple[Endpoint, ...]:
        """See `RdsApi.describe_endpoints`."""
        endpoints = await self._api.describe_endpoints(
            declaration.instance_id, declaration.region_id, priority=priority
        )
        self._answered(self.place)
        return endpoints

    async def describe_hostssl_rows(
        self, declaration: Declaration, *, priority: Priority
    ) -> tuple[str, ...]:
        """See `RdsApi.describe_hostssl_rows`."""
        rows = await self._api.describe_hostssl_rows(
            declaration.instance_id, declaration.region_id, priority=priority
        )
        self._answered(self.place)
        return rows

    async def reserve(self, priority: Priority) -> None:
        """See `RdsApi.reserve`."""
        await self._api.reserve(priority)

    async def modify_ssl(
        self, declaration: Declaration, parameters: Mapping[str, str | SecretText]
    ) -> str:
        """See `RdsApi.modify_ssl`."""
        request_id = await self._api.modify_ssl(
            declaration.instance_id, declaration.region_id, parameters
        )
        self._answered(self.place)
        return request_id


Allowed = Callable[[str, str, str], bool]
"""
Tells whether the objects of a namespace may act on an instance by the operator's own identity, and
if a role's ARN is given, in that role. Namespace, instance, role; an empty role is none.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    version: Version
    identity: Identity


class Clouds:
    """Opens a `Cloud` for each object; credentials are kept while their Secret stands."""

    def __init__(
        self,
        *,
        transport: Transport,
        resources: Resources,
        version: Callable[[Kind, tuple[str, str]], Version | None],
        limits: RateLimits,
        answered: Callable[[Place], None],
        identities: Identities,
        allowed: Allowed,
        network: Network,
        api_url: str,
        allow_http: bool = False,
        external_id_prefix: str = "rds-ssl",
        names: Names | None = None,
    ) -> None:
        """
        Make it.

        Args:
            external_id_prefix: Before the namespace, in the external id of a role that is assumed
                for one: a role that trusts one namespace is of no use to another.
            names: Asked when a region has no host; None: the names of the machine's DNS.
        """
        self._transport = transport
        self._resources = resources
        self._version = version
        self._limits = limits
        self._answered = answered
        self._identities = identities
        self._allowed = allowed
        self._endpoint_of = functools.partial(
            endpoint_of, network=network, override=api_url, allow_http=allow_http
        )
        self._external_id_prefix = external_id_prefix
        self._names = names or Names()
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def open(self, declaration: Declaration, key: Key, *, asked: bool = False) -> Cloud:
        """
        Return the client of one pass of an object, by its namespace and name.

        *asked*: a person wants another look; if there were no keys, they are asked for again.

        Raises:
            MaterialError: No credentials, faulty ones, or none that this namespace may use.
            KubeError: The API server.
        """
        identity = await self._identity(declaration, key[0])
        region = self._endpoint_of(declaration.region_id)
        place = Place(endpoint=region.url, identity=_proved_by(identity), namespace=key[0])
        provider = self._identities.provider(identity, user=key)
        if asked:
            provider.hurry()
        api = RdsApi(
            transport=self._transport,
            endpoint=place.endpoint,
            provider=provider,
            limiter=Pace(self._limits.of(place.endpoint, place.identity), key),
            region_host=region.host,
            names=self._names,
        )
        return Cloud(
            api,
            place=place,
            account=provider.principal,
            identity=identity,
            answered=self._answered,
            skew=self._transport.skew_of,
        )

    def forget(self, name: tuple[str, str]) -> None:
        """Drop the credentials of a Secret that no object refers to."""
        self._kept.pop(name, None)

    def gone(self, key: Key) -> None:
        """Drop the keys of an identity that no other object acts as."""
        self._identities.release(key)

    async def _identity(self, declaration: Declaration, namespace: str) -> Identity:
        if declaration.credentials_secret_ref is None:
            return self._of_the_operator(declaration, namespace)
        name = (namespace, declaration.credentials_secret_ref.name)
        kept = self._kept.get(name)
        if kept is not None and kept.version == self._version("Secret", name):
            return kept.identity
        try:
            source = await self._resources.read_data("Secret", *name)
        except KubeNotFound:
            self._kept.pop(name, None)
            where = f"Secret {name[1]}"
            raise MaterialError(
                f"{where} does not exist in namespace {namespace} (spec.credentialsSecretRef names"
                " it); create it with accessKeyId and accessKeySecret.",
                reason=Reason.CREDENTIALS_NOT_FOUND,
                field=where,
            ) from None
        except KubeRefused as error:
            raise forbidden(error, "Secret", name, field="spec.credentialsSecretRef") from None
        key = from_secret(source.data, name=name[1])
        session = session_name("rds-ssl", namespace)
        role = role_from_secret(source.data, name=name[1], session=session)
        label = f"Secret {name[1]}"
        identity = Identity(place=("Secret", *name), label=label, key=key, role=role)
        if kept is not None and kept.identity == identity:
            identity = kept.identity
        version = (source.uid, source.resource_version)
        self._kept[name] = _Kept(version=version, identity=identity)
        return identity

    def _of_the_operator(self, declaration: Declaration, namespace: str) -> Identity:
        wanted = declaration.identity
        arn = wanted.role_arn if wanted else ""
        field = "spec.identity.roleARN" if wanted else "spec.credentialsSecretRef"
        if not self._allowed(namespace, declaration.instance_id, arn):
            raise MaterialError(
                _not_allowed(namespace, declaration.instance_id, arn),
                reason=Reason.CREDENTIALS_NOT_ALLOWED,
                field=field,
            )
        if not self._identities.has_own:
            lacking = f"{field} names a role" if wanted else f"{field} is absent"
            raise MaterialError(
                f"{lacking}, and the operator has no identity of its own"
                " (ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET, an OIDC token or an ECS role); name a"
                " Secret in spec.credentialsSecretRef, or let the operator's administrator set"
                " them.",
                reason=Reason.CREDENTIALS_NOT_FOUND,
                field=field,
            )
        if not wanted:
            return Identity(place=(), label=OWN)
        role = Role(
            arn=arn,
            session_name=session_name("rds-ssl", namespace),
            external_id=f"{self._external_id_prefix}:{namespace}",
            made_up=True,
        )
        return Identity(place=("role", namespace, arn), label=f"role {arn}", role=role)


def _proved_by(identity: Identity) -> str:
    """
    Return a name for whoever acts as *identity*, for what must not be shared without the right to.

    Of a role with what assumes it: anybody can write down a role's ARN.
    """
    base = identity_of(identity.key) if identity.key is not None else OWN
    return f"{base}/{identity.role.arn}" if identity.role is not None else base


def _not_allowed(namespace: str, instance_id: str, arn: str) -> str:
    if arn:
        return (
            f"Namespace {namespace} may not act in role {arn} on instance {instance_id}"
            " (spec.identity.roleARN); name a Secret in spec.credentialsSecretRef, or let the"
            " operator's administrator grant the role (RDS_SSL_IDENTITY_FILE)."
        )
    return (
        f"spec.credentialsSecretRef is absent, and namespace {namespace} may not use the"
        f" operator's own identity on instance {instance_id}; name a Secret, or let the operator's"
        " administrator add the namespace to RDS_SSL_IDENTITY_NAMESPACES or RDS_SSL_IDENTITY_FILE."
    )
