"""Temporary keys: renewed early, once for all who ask, and slowly while nobody gives one."""

import asyncio
from collections.abc import Callable

import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.providers import (
    LONGEST_LIFE,
    LONGEST_PAUSE,
    Issued,
    RenewingProvider,
    StaticProvider,
)
from rds_ssl.core.errors import NoCredentials
from rds_ssl.core.secret_text import SecretText
from support.engine_world import played

HOUR = 3600.0


def key(number: int) -> Credentials:
    return Credentials(
        access_key_id=f"STS.{number}",
        access_key_secret=SecretText("hush"),
        security_token=SecretText(f"token-{number}"),
    )


class Service:
    """Gives keys that are numbered, one second after it was asked, unless it is down."""

    def __init__(self, life: float = HOUR) -> None:
        self.life = life
        self.down = False
        self.asked: list[float] = []
        self.retry_after: float | None = None
        self.code = ""
        self.hurried = 0

    def hurry(self) -> None:
        self.hurried += 1

    async def issue(self) -> Issued:
        self.asked.append(asyncio.get_running_loop().time())
        number = len(self.asked)
        await asyncio.sleep(1)
        if self.down:
            raise NoCredentials(
                action="AssumeRole",
                service="STS",
                code=self.code,
                kind="time-out",
                retry_after=self.retry_after,
            )
        return Issued(credentials=key(number), life=self.life)


def provider(
    service: Service, spread: Callable[[float, float], float] = lambda low, _: low
) -> RenewingProvider:
    return RenewingProvider(service, principal="acs:ram::1:role/r", spread=spread)


@played
async def test_all_who_ask_at_the_same_time_share_one_call() -> None:
    service = Service()
    keys = provider(service)

    given = await asyncio.gather(*(keys.credentials() for _ in range(100)))

    assert given == [key(1)] * 100
    assert len(service.asked) == 1


@played
async def test_who_is_cancelled_while_waiting_takes_the_key_from_nobody() -> None:
    service = Service()
    keys = provider(service)
    first = asyncio.create_task(keys.credentials())
    second = asyncio.create_task(keys.credentials())
    await asyncio.sleep(0.5)

    first.cancel()

    assert await second == key(1)
    assert len(service.asked) == 1


@played
async def test_a_key_is_renewed_in_the_last_quarter_of_its_life_and_nobody_waits_for_it() -> None:
    service = Service()
    keys = provider(service)
    loop = asyncio.get_running_loop()
    await keys.credentials()
    await asyncio.sleep(HOUR * 0.7)
    assert await keys.credentials() == key(1)
    assert len(service.asked) == 1

    await asyncio.sleep(HOUR * 0.15)
    began = loop.time()
    given = [await keys.credentials() for _ in range(100)]

    assert given == [key(1)] * 100
    assert loop.time() == began
    await asyncio.sleep(2)
    assert await keys.credentials() == key(2)
    assert len(service.asked) == 2


@played
async def test_a_key_that_nobody_asks_for_is_not_renewed() -> None:
    service = Service()
    keys = provider(service)
    await keys.credentials()

    await asyncio.sleep(24 * HOUR)

    assert len(service.asked) == 1
    assert await keys.credentials() == key(2)


@played
async def test_while_nobody_renews_it_a_key_is_used_to_its_end_and_asked_for_more_slowly() -> None:
    service = Service()
    keys = provider(service)
    await keys.credentials()
    service.down = True

    await asyncio.sleep(HOUR * 0.8)
    for _ in range(590):
        assert await keys.credentials() == key(1)
        await asyncio.sleep(1)

    # 2, 4, 8, 16, 32 s after one another and then every minute, each a fifth shorter by chance.
    assert 10 <= len(service.asked) - 1 <= 20


@played
async def test_without_a_key_all_are_told_at_once_what_the_last_attempt_has_brought() -> None:
    service = Service()
    service.down = True
    keys = provider(service)
    loop = asyncio.get_running_loop()
    with pytest.raises(NoCredentials) as first:
        await keys.credentials()

    began = loop.time()
    with pytest.raises(NoCredentials) as second:
        await keys.credentials()

    assert loop.time() == began
    assert str(second.value) == str(first.value)
    assert second.value is not first.value
    assert len(service.asked) == 1


@played
async def test_an_hour_without_the_service_is_no_stampede_and_heals_within_a_minute() -> None:
    service = Service()
    service.down = True
    keys = provider(service)

    async def asks() -> None:
        while True:
            try:
                await keys.credentials()
            except NoCredentials:
                await asyncio.sleep(15)
            else:
                return

    async with asyncio.TaskGroup() as group:
        for _ in range(20):
            group.create_task(asks())
        await asyncio.sleep(HOUR)
        calls, healed = len(service.asked), asyncio.get_running_loop().time()
        service.down = False

    assert calls <= HOUR / (LONGEST_PAUSE * 0.8) + 8
    assert asyncio.get_running_loop().time() - healed < LONGEST_PAUSE + 30
    assert len(service.asked) == calls + 1


@pytest.mark.parametrize(("code", "least", "most"), [("", 60, 90), ("EntityNotExist.Role", 12, 30)])
@played
async def test_where_somebody_has_to_act_first_the_service_is_asked_less_often(
    code: str, least: int, most: int
) -> None:
    service = Service()
    service.down, service.code = True, code
    keys = provider(service)

    for _ in range(3600):
        with pytest.raises(NoCredentials) as caught:
            await keys.credentials()
        await asyncio.sleep(1)

    assert least <= len(service.asked) <= most
    assert 0 <= caught.value.retry_in <= 300


@played
async def test_a_person_who_asks_does_not_wait_for_the_next_attempt() -> None:
    service = Service()
    service.down, service.code = True, "EntityNotExist.Role"
    keys = provider(service)
    for _ in range(300):
        with pytest.raises(NoCredentials):
            await keys.credentials()
        await asyncio.sleep(1)
    service.down = False

    keys.hurry()

    assert (await keys.credentials()).access_key_id == f"STS.{len(service.asked)}"
    assert service.hurried == 1


@played
async def test_who_asks_again_and_again_is_no_stampede_either() -> None:
    service = Service()
    service.down = True
    keys = provider(service)

    for _ in range(600):
        keys.hurry()
        with pytest.raises(NoCredentials):
            await keys.credentials()
        await asyncio.sleep(0.1)

    # One attempt takes a second, and two follow the end of it.
    assert len(service.asked) <= 35


@played
async def test_a_hint_of_the_service_is_obeyed_within_limits() -> None:
    service = Service()
    service.down, service.retry_after = True, 40.0
    keys = provider(service)
    with pytest.raises(NoCredentials):
        await keys.credentials()

    await asyncio.sleep(39)
    with pytest.raises(NoCredentials):
        await keys.credentials()
    assert len(service.asked) == 1

    await asyncio.sleep(2)
    with pytest.raises(NoCredentials):
        await keys.credentials()
    assert len(service.asked) == 2


@played
async def test_a_key_that_was_refused_is_renewed_once_for_all_whose_calls_it_signed() -> None:
    service = Service()
    keys = provider(service)
    refused = await keys.credentials()

    others = await asyncio.gather(*(keys.after_refusal(refused) for _ in range(100)))

    assert others == [key(2)] * 100
    # Whoever hears of the refusal later has only to take the new one.
    assert await keys.after_refusal(refused) == key(2)
    assert len(service.asked) == 2


@played
async def test_a_new_key_that_is_refused_as_well_is_not_replaced_at_once() -> None:
    service = Service()
    keys = provider(service)
    first = await keys.credentials()
    second = await keys.after_refusal(first)
    assert second is not None

    assert await keys.after_refusal(second) is None

    for _ in range(600):
        last = await keys.credentials()
        await keys.after_refusal(last)
        await asyncio.sleep(1)
    assert len(service.asked) <= 16


@played
async def test_a_key_that_was_accepted_and_then_revoked_is_replaced_at_once() -> None:
    service = Service()
    keys = provider(service)
    first = await keys.credentials()
    second = await keys.after_refusal(first)
    assert second is not None
    keys.accepted(second)

    assert await keys.after_refusal(second) == key(3)


@played
async def test_a_refused_key_is_not_used_again_while_there_is_no_other() -> None:
    service = Service()
    keys = provider(service)
    refused = await keys.credentials()
    service.down = True

    with pytest.raises(NoCredentials):
        await keys.after_refusal(refused)
    with pytest.raises(NoCredentials):
        await keys.credentials()


@pytest.mark.parametrize("life", [-HOUR, 0.0])
@played
async def test_a_key_that_was_over_when_it_came_is_tried_for_a_moment(life: float) -> None:
    service = Service(life)
    keys = provider(service)

    assert [await keys.credentials() for _ in range(3)] == [key(1)] * 3

    await asyncio.sleep(40)
    assert await keys.credentials() == key(2)


@played
async def test_an_end_that_no_session_has_is_not_believed() -> None:
    service = Service(life=1e12)
    keys = provider(service)
    await keys.credentials()

    await asyncio.sleep(LONGEST_LIFE)

    assert await keys.credentials() == key(2)


@played
async def test_a_key_is_not_used_in_its_last_seconds() -> None:
    service = Service(life=100)
    keys = provider(service)
    await keys.credentials()

    await asyncio.sleep(95)

    assert await keys.credentials() == key(2)


@played
async def test_identities_that_began_together_are_not_renewed_together() -> None:
    services = [Service(), Service()]
    one = provider(services[0], lambda low, _: low)
    other = provider(services[1], lambda _, high: high)
    await asyncio.gather(one.credentials(), other.credentials())

    await asyncio.sleep(HOUR * 0.72)
    await asyncio.gather(one.credentials(), other.credentials())

    assert [len(each.asked) for each in services] == [1, 2]


@played
async def test_a_key_that_stays_has_no_other() -> None:
    static = StaticProvider(key(1))

    assert await static.credentials() == key(1)
    assert await static.after_refusal(key(1)) is None
    assert static.principal == "STS.1"
