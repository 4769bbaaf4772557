"""What `rds-ssl import` makes of the answers of RDS."""

import asyncio
import json
from collections.abc import Sequence

import httpx
import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.dialects import Dialect
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.questions import Questions
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.commands.adoption import Found, LeftOut
from rds_ssl.commands.cloud import Account
from rds_ssl.commands.reading import read_of
from rds_ssl.core.errors import CommandRefused
from rds_ssl.core.secret_text import SecretText
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, InProcess

REGION = "cn-hangzhou"


@pytest.fixture
def rds() -> InProcess:
    """A cloud with an instance."""
    rds = InProcess()
    rds.put_instance("rm-1", profile="mysql-8.0", ssl={"enabled": True})
    return rds


def show(rds: InProcess, **fields: str) -> None:
    """Let each answer about SSL have *fields* as well."""
    cloud = rds.transport

    def answer(request: httpx.Request) -> httpx.Response:
        response = cloud.handle_request(request)
        body = json.loads(response.read())
        if "SSLEnabled" not in body:
            return response
        return httpx.Response(response.status_code, json={**body, **fields})

    rds.transport = httpx.MockTransport(answer)


def read(
    rds: InProcess, *instance_ids: str, tags: Sequence[tuple[str, str]] = ()
) -> list[Found | LeftOut]:
    """Read instances, or without ids those with the tags."""
    credentials = Credentials(
        access_key_id=ACCESS_KEY_ID, access_key_secret=SecretText(ACCESS_KEY_SECRET)
    )

    async def whole() -> list[Found | LeftOut]:
        transport = Transport(rds.transport, now=lambda: rds.now, allow_http=True)
        provider, limiter = StaticProvider(credentials), RateLimiter(0)
        questions = Questions(
            transport=transport, endpoint=rds.url, provider=provider, limiter=limiter
        )
        account = Account(
            region_id=REGION,
            rds=RdsApi(transport=transport, endpoint=rds.url, provider=provider, limiter=limiter),
            questions=questions,
            legacy=questions,
            signature=lambda: Dialect.V3,
            skew=lambda: None,
        )
        return await read_of(account, instance_ids, tags, lambda: rds.now)

    return asyncio.run(whole())


@pytest.mark.parametrize("tags", [(), [("team", "shop")]], ids=["all", "tag"])
def test_a_list_that_is_not_understood_is_refused_in_one_sentence(
    rds: InProcess, tags: Sequence[tuple[str, str]]
) -> None:
    rds.fault({"kind": "bare"}, action="DescribeDBInstances")

    with pytest.raises(CommandRefused, match="not understood") as refused:
        read(rds, tags=tags)

    assert "Items.DBInstance" in str(refused.value)
    assert "by their ids" in str(refused.value)
    assert refused.value.__suppress_context__


def test_an_answer_of_one_instance_that_is_not_understood_leaves_out_that_one(
    rds: InProcess,
) -> None:
    rds.put_instance("rm-2", profile="mysql-8.0")
    rds.fault({"kind": "bare"}, action="DescribeDBInstanceSSL", instance="rm-1")

    first, second = read(rds)

    assert isinstance(first, LeftOut)
    assert "not understood" in first.why
    assert isinstance(second, Found)


def test_a_tls_version_that_nobody_knows_is_no_matter_where_none_can_be_declared(
    rds: InProcess,
) -> None:
    rds.put_instance("pgm-1", profile="postgresql-14", ssl={"enabled": True})
    rds.put_instance("ms-1", profile="sqlserver-2019", ssl={"enabled": True})
    show(rds, TlsVersion="newest")

    mysql, postgresql, sqlserver = read(rds, "rm-1", "pgm-1", "ms-1")

    assert isinstance(mysql, Found), mysql
    assert isinstance(postgresql, Found), postgresql
    assert mysql.observed.minimum_tls_version is None
    assert isinstance(sqlserver, LeftOut)
    assert "TlsVersion" in sqlserver.why
