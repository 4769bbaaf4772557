"""
A process dies after its n-th request to the outside, for every n; the next one makes it good.

After the n-th request was executed nothing passes any more, memory is thrown away, and a new
process starts from what the API server and the cloud hold.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from rds_ssl.core.operation import Limits
from rds_ssl.engine.work import Pace
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, played
from support.simulator import ACCESS_KEY_SECRET

AFTERWARDS = 3000.0
"""Seconds for the next process: a settle time, ten minutes between attempts, and several looks."""

PACE = Pace(quiet_period=0.0, limits=Limits(settle=60.0))
"""A settle time that is three times shorter than usual: fewer requests, and the same ones."""

MOST = 150
"""No run makes that many requests."""


def enable(world: EngineWorld) -> None:
    """Declare SSL for an instance that has it off."""
    world.declare_custom("a")


def rotate(world: EngineWorld) -> None:
    """Write a new certificate."""
    world.write_pair("a")


def delete(world: EngineWorld) -> None:
    """Delete the object."""
    world.kube.delete((NAMESPACE, "a"))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One change, and what must have come of it whenever the process died."""

    change: Callable[[EngineWorld], None] = enable
    declared: bool = False
    """An object is there and Ready before the change."""
    fault: dict[str, object] = field(default_factory=dict)
    times: int = 1
    accepted: int = 1
    """Calls that the cloud accepted, each of which restarted the instance."""
    ready: tuple[str, str] = ("True", "Verified")
    gone: bool = False
    calls: int = 2
    """At most: what may have been under way is repeated after proof that it had no effect."""
    may_give_up: bool = False
    """A second unknown outcome without any trace ends the attempts, even if nothing was sent."""
    lasts: float = 60.0
    """Seconds that it takes without a crash."""


CASES = {
    "enable": Case(),
    "rotation": Case(change=rotate, declared=True),
    "rejected": Case(
        fault={"code": "InvalidServerCertOrPrivateKey", "status": 400},
        times=99,
        accepted=0,
        ready=("False", "ServerCertificateRejected"),
    ),
    "failed": Case(fault={"kind": "async-failed"}, accepted=2, calls=3, lasts=700.0),
    "reset-after": Case(fault={"kind": "reset-after"}),
    "reset-before": Case(fault={"kind": "reset-before"}, may_give_up=True, lasts=120.0),
    "throttled": Case(fault={"code": "Throttling.User", "status": 400}),
    "deletion": Case(change=delete, declared=True, gone=True),
}


async def prepared(world: EngineWorld, case: Case) -> None:
    """Bring the world to where the change is to be made."""
    world.add_instance("a")
    world.write_pair("a")
    if case.declared:
        world.declare_custom("a", **({"deletionPolicy": "Disable"} if case.gone else {}))
        await world.run(100)
        assert world.ready("a") == ("True", "Verified")
    else:
        await world.run(1)


def secret_lines(world: EngineWorld) -> set[str]:
    """Give what must not be seen anywhere: the lines of all keys, and the access key's secret."""
    pair = world.kube.data["Secret", (NAMESPACE, "a-tls")].data["tls.key"].decode()
    return {ACCESS_KEY_SECRET, *pair.splitlines()[1:-1]}


def check(world: EngineWorld, case: Case, *, before: tuple[int, int], modified: int) -> None:
    """Say what must hold in the end."""
    calls = len(world.modifies("a")) - modified
    accepted, restarts = (now - then for now, then in zip(world.cost("a"), before, strict=True))
    assert not any(each.overlaps for each in world.accepted)
    assert calls <= case.calls
    if case.gone:
        assert (NAMESPACE, "a") not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]
    elif case.may_give_up and accepted == 0:
        assert world.ready("a") == ("False", "ApplyTimedOut")
        assert calls >= 1
        return
    else:
        assert world.ready("a") == case.ready
        assert "Reconciling" not in world.conditions("a")
        assert not world.status("a").get("plan")
    assert (accepted, restarts) == (case.accepted, case.accepted)


@played
@pytest.mark.parametrize("down", [0.0, 60.0], ids=["at once", "a minute later"])
@pytest.mark.parametrize("name", CASES)
async def test_a_crash_after_any_request_costs_no_restart_and_no_verdict(
    name: str, down: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    case = CASES[name]
    crashes = 0
    for number in range(1, MOST):
        async with EngineWorld(pace=PACE) as world:
            await prepared(world, case)
            before, modified = world.cost("a"), len(world.modifies("a"))
            if case.fault:
                world.rds.fault(case.fault, action=MODIFY, times=case.times)
            world.line.cut_after = len(world.line.calls) + number
            case.change(world)
            try:
                async with asyncio.timeout(case.lasts):
                    await world.line.is_cut.wait()
            except TimeoutError:
                break  # There are not as many requests.
            crashes += 1
            last = world.line.calls[-1]
            await world.crash()
            await world.run(down)
            world.start()
            await world.run(AFTERWARDS)
            try:
                check(world, case, before=before, modified=modified)
            except AssertionError as error:
                error.add_note(f"crashed after request {number}, {last.what} {last.phase}")
                raise
            seen = "".join(world.kube.written) + caplog.text
            assert not [each for each in secret_lines(world) if each in seen]
        caplog.clear()

    assert 8 <= crashes < MOST - 1
