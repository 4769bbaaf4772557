"""From an object to its client of the cloud API: whose credentials, which endpoint, which rate."""

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rds_ssl.aliyun.credentials import Credentials, from_secret, identity_of
from rds_ssl.aliyun.endpoints import Network, endpoint_of
from rds_ssl.aliyun.names import Names
from rds_ssl.aliyun.pace import Pace
from rds_ssl.aliyun.rate_limit import RateLimits
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.errors import KubeNotFound, MaterialError
from rds_ssl.core.model import Endpoint, Instance, Observed, Priority, Reason, SecretText
from rds_ssl.core.rds.undeclared import undeclared_fields
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
        answered: Callable[[Place], None],
        skew: Callable[[str], float | None],
    ) -> None:
        self._api = api
        self._answered = answered
        self._skew = skew
        self.place = place
        self.account = account

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    version: Version
    credentials: Credentials


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
        own: Credentials | None,
        identity_namespaces: tuple[str, ...],
        network: Network,
        api_url: str,
        names: Names | None = None,
    ) -> None:
        """*names* is asked when a region has no host; None: the names of the machine's DNS."""
        self._transport = transport
        self._resources = resources
        self._version = version
        self._limits = limits
        self._answered = answered
        self._own = own
        self._identity_namespaces = identity_namespaces
        self._network = network
        self._api_url = api_url
        self._names = names or Names()
        self._kept: dict[tuple[str, str], _Kept] = {}

    async def open(
        self, declaration: Declaration, key: tuple[str, str]
    ) -> tuple[Cloud, Credentials]:
        """
        Return the client of one pass of an object, by its namespace and name.

        Raises:
            MaterialError: No credentials, faulty ones, or none that this namespace may use.
            KubeError: The API server.
        """
        credentials = await self._credentials(declaration, key[0])
        region = endpoint_of(declaration.region_id, network=self._network, override=self._api_url)
        place = Place(endpoint=region.url, identity=identity_of(credentials), namespace=key[0])
        api = RdsApi(
            transport=self._transport,
            endpoint=place.endpoint,
            credentials=credentials,
            limiter=Pace(self._limits.of(place.endpoint, place.identity), key),
            region_host=region.host,
            names=self._names,
        )
        cloud = Cloud(
            api,
            place=place,
            account=credentials.access_key_id,
            answered=self._answered,
            skew=self._transport.skew_of,
        )
        return cloud, credentials

    def forget(self, name: tuple[str, str]) -> None:
        """Drop the credentials of a Secret that no object refers to."""
        self._kept.pop(name, None)

    async def _credentials(self, declaration: Declaration, namespace: str) -> Credentials:
        reference = declaration.credentials_secret_ref
        if reference is None:
            return self._identity(namespace)
        name = (namespace, reference.name)
        kept = self._kept.get(name)
        if kept is not None and kept.version == self._version("Secret", name):
            return kept.credentials
        try:
            source = await self._resources.read_data("Secret", *name)
        except KubeNotFound:
            self._kept.pop(name, None)
            where = f"Secret {reference.name}"
            raise MaterialError(
                f"{where} does not exist in namespace {namespace} (spec.credentialsSecretRef names"
                " it); create it with accessKeyId and accessKeySecret.",
                reason=Reason.CREDENTIALS_NOT_FOUND,
                field=where,
            ) from None
        credentials = from_secret(source.data, name=reference.name)
        if kept is not None and kept.credentials == credentials:
            credentials = kept.credentials
        version = (source.uid, source.resource_version)
        self._kept[name] = _Kept(version=version, credentials=credentials)
        return credentials

    def _identity(self, namespace: str) -> Credentials:
        allowed = any(
            fnmatch.fnmatchcase(namespace, pattern) for pattern in self._identity_namespaces
        )
        if not allowed:
            raise MaterialError(
                f"spec.credentialsSecretRef is absent, and namespace {namespace} may not use the"
                " operator's own identity; name a Secret, or let the operator's administrator add"
                " the namespace to RDS_SSL_IDENTITY_NAMESPACES.",
                reason=Reason.CREDENTIALS_NOT_ALLOWED,
                field="spec.credentialsSecretRef",
            )
        if self._own is None:
            raise MaterialError(
                "spec.credentialsSecretRef is absent, and the operator has no identity of its own"
                " (ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET); name a Secret, or let the operator's"
                " administrator set them.",
                reason=Reason.CREDENTIALS_NOT_FOUND,
                field="spec.credentialsSecretRef",
            )
        return self._own
