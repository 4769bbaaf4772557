"""Questions that commands for people ask: lists, patience, and what nobody may print."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.questions import ATTEMPTS, Questions, sealed
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import ApiError
from rds_ssl.core.secret_text import SecretText
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, InProcess
from support.virtual_time import run

T = TypeVar("T")

REGION = "cn-hangzhou"


@pytest.fixture
def rds() -> InProcess:
    """A cloud without instances."""
    return InProcess()


def asked(rds: InProcess, work: Callable[[Questions], Awaitable[T]]) -> T:
    """Do *work* with a client of the cloud, in no time."""

    async def whole() -> T:
        transport = Transport(rds.transport, now=lambda: rds.now, allow_http=True)
        credentials = Credentials(
            access_key_id=ACCESS_KEY_ID, access_key_secret=SecretText(ACCESS_KEY_SECRET)
        )
        questions = Questions(
            transport=transport,
            endpoint=rds.url,
            provider=StaticProvider(credentials),
            limiter=RateLimiter(0),
        )
        return await work(questions)

    return run(whole())


def names(rds: InProcess, *tags: tuple[str, str]) -> list[str]:
    found = asked(rds, lambda questions: questions.instances(REGION, tags))
    return [each.instance_id for each in found]


def test_a_list_is_read_to_its_last_page_and_each_instance_is_in_it_once(rds: InProcess) -> None:
    rds.put_instances(*({"id": f"rm-{each}", "profile": "mysql-8.0"} for each in range(200)))

    assert names(rds) == [f"rm-{each}" for each in range(200)]
    assert len(rds.calls()) == 3


def test_several_tags_find_what_has_all_of_them(rds: InProcess) -> None:
    rds.put_instance("a", tags={"team": "shop", "stage": "prod"})
    rds.put_instance("b", tags={"team": "shop"})
    rds.put_instance("c", tags={"stage": "prod"})

    assert names(rds, ("team", "shop")) == ["a", "b"]
    assert names(rds, ("team", "shop"), ("stage", "prod")) == ["a"]
    assert names(rds, ("team", "shop"), ("team", "bank")) == []


def test_what_is_throttled_is_asked_again_until_it_is_answered_and_not_for_ever(
    rds: InProcess,
) -> None:
    throttled = {"kind": "throttle"}
    rds.fault(throttled, action="DescribeDBInstances", times=ATTEMPTS - 1)
    assert names(rds) == []

    rds.fault(throttled, action="DescribeDBInstances", times=ATTEMPTS)
    with pytest.raises(ApiError, match="Throttling"):
        names(rds)
    assert len(rds.calls()) == 2 * ATTEMPTS


def test_a_refusal_is_asked_once(rds: InProcess) -> None:
    with pytest.raises(ApiError, match=r"InvalidDBInstanceId\.NotFound"):
        asked(rds, lambda it: it.ask("DescribeDBInstanceSSL", DBInstanceId="rm-none"))

    assert len(rds.calls()) == 1


def test_what_changes_something_is_never_asked(rds: InProcess) -> None:
    rds.put_instance("pg")

    with pytest.raises(ValueError, match="reads"):
        asked(rds, lambda it: it.ask("ModifyDBInstanceSSL", DBInstanceId="pg", SSLEnabled="0"))

    assert rds.calls() == []


def test_a_key_in_an_answer_is_a_text_that_nobody_can_print() -> None:
    whole = sealed({"ServerKey": "hush", "Items": [{"ClientKey": "hush", "PassWord": "hush"}]})

    assert "hush" not in repr(whole)
    assert whole["ServerKey"] == SecretText("hush")
