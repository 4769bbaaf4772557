"""The cloud as the commands reach it: by the operator's own settings and identity, to read."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.metadata import version

from rds_ssl.aliyun.aiohttp_transport import Proxy
from rds_ssl.aliyun.dialects import Dialect, Dialects
from rds_ssl.aliyun.endpoints import RegionEndpoint, endpoint_of
from rds_ssl.aliyun.names import Names
from rds_ssl.aliyun.questions import Questions
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import OnCall, Transport, make_http_transport
from rds_ssl.core.errors import AliyunError, ApiError, CommandRefused, NoCredentials, NotSent
from rds_ssl.core.model import Disposition, Reason
from rds_ssl.core.rds import faults
from rds_ssl.own_identity import make_own_provider, make_sts
from rds_ssl.settings import Settings

NO_IDENTITY = (
    "There are no credentials. The commands act as the operator does by its own identity: set"
    " ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET, or the variables of RRSA, or"
    " RDS_SSL_ECS_ROLE=true; docs/credentials.md has all of them."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """RDS in a region, as the caller."""

    region_id: str
    rds: RdsApi
    """What the operator asks; its writes are nobody's here."""
    questions: Questions
    legacy: Questions
    """The same with signature V1, whichever the endpoint reads."""
    signature: Callable[[], Dialect]
    """Which signature the endpoint was found to read so far."""
    skew: Callable[[], float | None]
    """By how many seconds this machine's clock is ahead of the API's; None before an answer."""


@asynccontextmanager
async def opened(
    settings: Settings,
    region_id: str,
    *,
    now: Callable[[], datetime],
    on_call: OnCall = lambda _action, _outcome, _seconds: None,
) -> AsyncIterator[Account]:
    """
    Give a way to RDS in a region, and close it.

    Raises:
        CommandRefused: There are no credentials, or the region is none.
    """
    agent = f"rds-ssl-operator/{version('rds-ssl-operator')}"
    proxy = Proxy(url=settings.proxy, credentials=settings.proxy_credentials)
    http = make_http_transport(
        ca_bundle=settings.ca_bundle, proxy=proxy if settings.proxy else None
    )
    try:
        sts = make_sts(settings, http, now=now, on_call=on_call, user_agent=agent)
        provider = make_own_provider(settings, http, sts=sts, now=now)
        if provider is None:
            raise CommandRefused(NO_IDENTITY)
        endpoint = _endpoint(settings, region_id)
        dialects = Dialects()

        def transport_with(known: Dialects) -> Transport:
            return Transport(
                http,
                now=now,
                on_call=on_call,
                user_agent=agent,
                allow_http=settings.allow_http,
                dialects=known,
            )

        transport = transport_with(dialects)
        limiter = RateLimiter(settings.api_rate)
        asked = Questions(
            transport=transport, endpoint=endpoint.url, provider=provider, limiter=limiter
        )
        yield Account(
            region_id=region_id,
            rds=RdsApi(
                transport=transport,
                endpoint=endpoint.url,
                provider=provider,
                limiter=limiter,
                region_host=endpoint.host,
                names=Names(),
            ),
            questions=asked,
            legacy=replace(asked, transport=transport_with(Dialects([endpoint.url]))),
            signature=lambda: dialects.of(endpoint.url),
            skew=lambda: transport.clock_skew,
        )
    finally:
        await http.aclose()


def _endpoint(settings: Settings, region_id: str) -> RegionEndpoint:
    try:
        return endpoint_of(
            region_id,
            network=settings.network,
            override=settings.api_url,
            allow_http=settings.allow_http,
        )
    except ValueError as error:
        raise CommandRefused(f"--region {region_id}: {error}") from None


def concerns_all(error: AliyunError) -> bool:
    """True if every further question would have the same end: keys, the way, the region."""
    if isinstance(error, NoCredentials | NotSent):
        return True
    fault = faults.classify(error, write=False)
    invalid = fault.reason in {Reason.CREDENTIALS_INVALID, Reason.ACCOUNT_BLOCKED}
    return fault.disposition is Disposition.BLOCKED and invalid


def said(error: AliyunError) -> str:
    """Return what an error means, with its code, as a condition would have it."""
    return faults.message(error, write=False)


def is_ineligible(error: AliyunError) -> bool:
    """True if RDS says that the instance cannot have SSL."""
    fault = faults.classify(error, write=False)
    return isinstance(error, ApiError) and fault.disposition is Disposition.INELIGIBLE
