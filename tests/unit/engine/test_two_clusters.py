"""
Two clusters declare one instance: two operators that know nothing of each other, one cloud.

Nothing tells them apart from a person in the console, so that each takes the other for a foreign
hand. What bounds the restarts: a foreign change of the same fields is put back once a day, half an
hour after it was seen, and whatever happens an operator restarts an instance three times a day.
"""

from itertools import pairwise

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support.engine_world import EngineWorld, played

HOUR, DAY = 3600.0, 86400.0

PACE = Timings()
"""As shipped."""

FIRST_DAY = 4
"""Restarts: either declaration is applied once, and either is put back once."""

MOST_A_DAY = 4
"""Of two that rotate daily: either may send its new certificate, and put one back."""

BOLD = {"adoptionPolicy": "Overwrite", "approvalRequired": [], "driftPolicy": "Correct"}
"""Nothing waits for a person."""


def restarts(*worlds: EngineWorld) -> list[float]:
    """Give when the calls of all operators were accepted, in seconds from the first on."""
    every = sorted(each.at for world in worlds for each in world.accepted)
    return [each - every[0] for each in every]


def in_a_day(times: list[float]) -> int:
    """Give the most that fall into 24 hours, whenever these begin."""
    return max(sum(0 <= each - first < DAY for each in times) for first in times)


def message(world: EngineWorld, kind: str) -> str:
    found = world.condition(kind, "a")
    return found["message"] if found else ""


async def meet(one: EngineWorld, two: EngineWorld) -> None:
    """Declare the instance in one cluster and, ten minutes later, otherwise in the other."""
    one.add_instance("a")
    one.write_pair("a")
    two.write_pair("a")
    one.declare_custom("a", **BOLD)
    await one.run(600)


@played
async def test_two_clusters_that_want_an_instance_otherwise_stop_after_a_correction_each() -> None:
    async with (
        EngineWorld(timings=PACE) as one,
        EngineWorld(timings=PACE, seed=2, cloud=one) as two,
    ):
        await meet(one, two)
        two.declare("a", **BOLD)
        await one.run(3 * DAY)

        assert len(restarts(one, two)) == one.truth("a")["restarts"] == FIRST_DAY
        assert restarts(one, two)[-1] < 2 * HOUR
        # Half an hour, and no less, to suspend one of the two.
        applied, *corrections = restarts(one, two)[1:]
        assert all(
            each - before > PACE.drift_delay for before, each in pairwise((applied, *corrections))
        )
        assert one.conditions("a")["Ready"] == ("False", "Drifted")
        assert "somebody else, perhaps another operator" in message(one, "ChangePending")
        # What the other one declares is in force: it is Ready, and its history has the quarrel.
        assert two.ready("a") == ("True", "Verified")
        assert [each["cause"] for each in two.status("a")["history"]] == ["drift", "spec"]


@played
async def test_whoever_gave_way_says_so_until_the_other_cluster_lets_go() -> None:
    async with (
        EngineWorld(timings=PACE) as one,
        EngineWorld(timings=PACE, seed=2, cloud=one) as two,
    ):
        await meet(one, two)
        two.declare("a", **BOLD)
        await one.run(DAY)
        two.edit("a", suspend=True)
        plan = one.status("a")["plan"]["digest"]
        one.kube.annotate(("shop", "a"), approve=plan)
        await one.run(DAY)

        assert one.ready("a") == ("True", "Verified")
        assert two.conditions("a")["ChangePending"] == ("True", "Suspended")
        assert len(restarts(one, two)) == FIRST_DAY + 1


@played
@pytest.mark.parametrize("apart", [12, 0])
async def test_two_clusters_that_rotate_daily_restart_the_instance_no_more_than_four_times_a_day(
    apart: int,
) -> None:
    """Either rotates every day, *apart* hours one after the other."""
    async with (
        EngineWorld(timings=PACE) as one,
        EngineWorld(timings=PACE, seed=2, cloud=one) as two,
    ):
        await meet(one, two)
        two.declare_custom("a", **BOLD)
        for _ in range(3):
            await one.run(3 * HOUR)
            one.write_pair("a")
            await one.run(apart * HOUR)
            two.write_pair("a")
            await one.run((21 - apart) * HOUR)

        times = restarts(one, two)
        later = [each for each in times if each >= DAY]
        assert in_a_day(times) <= 2 * PACE.max_changes_per_day
        assert in_a_day(later) <= MOST_A_DAY
        assert one.truth("a")["restarts"] == len(times)
        # One of them has what it declares, and the other says why it has not.
        states = sorted(
            ((world.ready("a"), world) for world in (one, two)), key=lambda each: each[0]
        )
        (lost, loser), (won, _) = states
        assert won == ("True", "Verified")
        assert lost[0] == "False"
        assert "somebody else" in message(loser, "ChangePending")
