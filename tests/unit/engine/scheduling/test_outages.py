"""Who probes a silent endpoint, and who waits."""

import asyncio
from dataclasses import replace

from rds_ssl.core.errors import ApiError, NoAnswer, NotSent
from rds_ssl.engine.places import Place
from rds_ssl.engine.scheduling.outages import (
    NO_FREE_CONNECTION,
    PROBE_EVERY,
    PROBER_SILENT,
    Outages,
)
from support.engine_world import NAMESPACE, EngineWorld, played

PLACE = Place(endpoint="https://rds", identity="one", namespace="shop")
NO_CONNECTION = NotSent(action="DescribeDBInstanceSSL", kind="no connection")

A, B, C = (("shop", name) for name in "abc")


async def two_ready(world: EngineWorld) -> None:
    """Bring the objects ``a``, of other credentials, and ``b`` to Ready."""
    world.write_credentials("own")
    for name in "ab":
        world.add_instance(name)
    world.declare("a", credentialsSecretRef={"name": "own"})
    world.declare("b")
    await world.run(300)
    assert world.ready("a") == world.ready("b") == ("True", "Verified")


def calls_to(world: EngineWorld, instance_id: str) -> int:
    """Count what was called for an instance, answered or not."""
    return sum(each.about == instance_id and each.port == "cloud" for each in world.line.calls)


@played
async def test_a_prober_that_lost_its_credentials_makes_room_for_another() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        world.rds.fault({"kind": "reset-before"}, times=9999)
        world.ask("a", "now")
        await world.run(0.5)  # It is the prober now.
        world.edit("b", suspend=True)
        await world.run(0.5)
        before = calls_to(world, "pgm-b")

        world.kube.delete_data("Secret", (NAMESPACE, "own"))
        await world.run(5)

        assert calls_to(world, "pgm-b") > before
        world.rds.clear_faults()
        await world.run(30)
        assert world.status("b")["observedGeneration"] == 2
        assert "Reconciling" not in world.conditions("b")


@played
async def test_a_prober_that_is_silent_is_replaced() -> None:
    async with EngineWorld() as world:
        outages = Outages(lambda _key, _seconds: None)
        outages.failed(PLACE, A, NO_CONNECTION)
        assert outages.blocks(PLACE, B)

        await world.run(PROBER_SILENT + 1)

        assert not outages.blocks(PLACE, B)
        assert outages.blocks(PLACE, A)


# -- how wide an outage is ------------------------------------------------------------------------

OTHERS = replace(PLACE, identity="another", namespace="elsewhere")
SAME_KEY = replace(PLACE, namespace="elsewhere")

ACTION = "DescribeDBInstanceSSL"
PAGE = NoAnswer(action=ACTION, kind="HTTP 400 without an error code", http_status=400)
SILENCE = NoAnswer(action=ACTION, kind="time-out")
REFUSED = ApiError(action=ACTION, code="SignatureDoesNotMatch", http_status=403)


def quiet() -> Outages:
    return Outages(lambda _key, _seconds: None)


@played
async def test_an_endpoint_that_takes_no_connection_is_down_for_everybody() -> None:
    outages = quiet()
    outages.failed(PLACE, A, NO_CONNECTION)

    assert outages.blocks(OTHERS, B) is NO_CONNECTION


@played
async def test_a_page_of_the_gateway_keeps_nobody_else_from_calling() -> None:
    outages = quiet()
    for place, key in ((PLACE, A), (replace(PLACE, identity="a second"), C)):
        outages.failed(place, key, PAGE)

    assert outages.blocks(PLACE, B) is PAGE
    assert outages.blocks(OTHERS, B) is None
    assert outages.blocks(SAME_KEY, B) is None


@played
async def test_an_endpoint_from_which_two_get_nothing_is_down_and_one_alone_proves_nothing() -> (
    None
):
    outages = quiet()
    outages.failed(PLACE, A, SILENCE)
    outages.failed(SAME_KEY, C, SILENCE)
    assert outages.blocks(OTHERS, B) is None

    outages.failed(OTHERS, B, SILENCE)

    assert outages.blocks(replace(PLACE, identity="a third"), C) is SILENCE


@played
async def test_ones_own_connections_that_are_all_in_use_are_no_outage_of_the_endpoint() -> None:
    outages = quiet()
    outages.failed(PLACE, A, NotSent(action=ACTION, kind=NO_FREE_CONNECTION))

    assert outages.blocks(OTHERS, B) is None


@played
async def test_refused_credentials_are_tried_by_one_of_their_namespace_until_one_is_known() -> None:
    outages = quiet()
    outages.refused(PLACE, A, REFUSED, again_after=60.0)
    assert outages.blocks(PLACE, B) is REFUSED
    assert outages.blocks(SAME_KEY, B) is None
    assert outages.blocks(PLACE, A) is None
    outages.answered(PLACE, known=False)
    assert outages.blocks(PLACE, B) is REFUSED

    outages.answered(PLACE)

    assert outages.blocks(PLACE, B) is None


@played
async def test_whoever_asks_for_another_try_gets_it() -> None:
    outages = quiet()
    outages.refused(PLACE, A, REFUSED, again_after=60.0)

    assert outages.blocks(PLACE, B, asks=True) is None


@played
async def test_a_prober_that_has_to_wait_for_its_turn_makes_room_for_another() -> None:
    woken: list[tuple[tuple[str, str], float]] = []
    outages = Outages(lambda key, seconds: woken.append((key, seconds)))
    outages.failed(PLACE, A, NO_CONNECTION)
    assert outages.blocks(PLACE, B)

    outages.passes_on(A)

    assert woken[-1] == (B, 0.0)
    assert outages.blocks(PLACE, B) is None


@played
async def test_an_object_that_goes_elsewhere_leaves_nothing_behind() -> None:
    outages = quiet()
    for number in range(50):
        place = replace(PLACE, endpoint=f"https://rds-{number}")
        assert outages.blocks(place, A) is None
        outages.failed(place, A, NO_CONNECTION)

    assert len(vars(outages)["_outages"]) == 1


@played
async def test_all_say_the_same_of_an_outage() -> None:
    outages = quiet()
    first = outages.failed(PLACE, A, NO_CONNECTION)

    later = NotSent(action=ACTION, kind="connect time-out")

    assert outages.failed(PLACE, A, later) is outages.failed(OTHERS, B, later) is first


# -- how often it is probed -----------------------------------------------------------------------


@played
async def test_a_prober_that_comes_before_its_time_waits_for_it() -> None:
    woken: list[tuple[tuple[str, str], float]] = []
    outages = Outages(lambda key, seconds: woken.append((key, seconds)))
    outages.answered(PLACE)
    outages.failed(PLACE, A, NO_CONNECTION)
    await asyncio.sleep(0.5)

    assert outages.blocks(PLACE, A) is NO_CONNECTION

    assert woken[-1] == (A, PROBE_EVERY - 0.5)
    await asyncio.sleep(1.5)
    assert outages.blocks(PLACE, A) is None


@played
async def test_a_second_namespace_that_gets_nothing_shares_the_probe_of_the_first() -> None:
    outages = quiet()
    outages.failed(PLACE, A, SILENCE)
    elsewhere = ("elsewhere", "d")

    outages.failed(SAME_KEY, elsewhere, SILENCE)

    await asyncio.sleep(PROBE_EVERY)
    blocked = [outages.blocks(PLACE, A), outages.blocks(SAME_KEY, elsewhere)]
    assert blocked.count(None) == 1
    assert outages.blocks(OTHERS, B) is None
    outages.answered(PLACE)
    assert not outages.blocks(PLACE, A)
    assert not outages.blocks(SAME_KEY, elsewhere)


@played
async def test_a_wider_outage_takes_in_those_that_wait_for_a_part_of_it() -> None:
    woken: list[tuple[str, str]] = []
    outages = Outages(lambda key, _seconds: woken.append(key))
    outages.failed(PLACE, A, SILENCE)
    assert outages.blocks(PLACE, C) is SILENCE

    outages.failed(OTHERS, B, SILENCE)
    woken.clear()

    outages.answered(OTHERS)

    assert C in woken
    assert outages.blocks(PLACE, A) is None


@played
async def test_a_wider_outage_keeps_those_from_calling_that_were_in_a_part_of_it() -> None:
    outages = quiet()
    outages.failed(PLACE, A, SILENCE)
    outages.failed(OTHERS, B, SILENCE)

    assert outages.blocks(PLACE, A) is SILENCE
    assert outages.blocks(PLACE, C) is SILENCE


@played
async def test_those_that_all_have_to_wait_do_not_ask_each_other_without_end() -> None:
    woken: list[tuple[tuple[str, str], float]] = []
    outages = Outages(lambda key, seconds: woken.append((key, seconds)))
    outages.failed(PLACE, A, NO_CONNECTION)
    for key in (B, C):
        assert outages.blocks(PLACE, key)

    for _ in range(10):
        outages.passes_on(woken[-1][0])

    assert sum(seconds == 0.0 for _, seconds in woken) <= 3
    assert woken[-1][1] == PROBE_EVERY
