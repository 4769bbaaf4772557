"""
What is sent under which policy, and what tools see of it, played through the whole engine.

    PYTHONPATH=tests python -m support.policies

writes the table of docs/conditions.md anew. What was sent comes from the simulator's ledger, all
else from the object's status: once while something is to be done, once at rest.
"""

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

from rds_ssl.engine.reconcile.ports import Timings
from support import pki, virtual_time
from support.engine_world import EngineWorld, Json

PAGE = Path(__file__).parents[2] / "docs" / "conditions.md"

NAME = "a"
DAY = 86_400.0

PACE = Timings(resync=DAY)
"""The defaults, but for looks in between that would only take time."""

LOOK = 0.5
"""Seconds between two looks at the object."""

MEANWHILE, AT_REST = 60.0, 3600.0
"""Seconds: longer than a quiet period and a change, and longer than a foreign change stands."""

CHANGES = ("spec", "rotation", "drift", "renewal")

POLICIES: Mapping[str, Json] = {
    "managementPolicy": {"Enforce": {}, "Observe": {"managementPolicy": "Observe"}},
    "driftPolicy": {"Correct": {}, "Report": {"driftPolicy": "Report"}},
    "suspend": {"false": {}, "true": {"suspend": True}},
}
"""Fields of the spec, their values, and what declares them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What tools see of an object."""

    ready: str
    pending: str
    """The reason of ChangePending, or nothing."""
    kstatus: str

    def __str__(self) -> str:
        pending = f", `{self.pending}`" if self.pending else ""
        return f"Ready={self.ready}{pending}, {self.kstatus}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A combination of policies and a change, and what came of it."""

    policies: tuple[str, ...]
    change: str
    sent: str
    meanwhile: Seen
    """While it is held, or at work."""
    at_rest: Seen


def kstatus(conditions: Mapping[str, tuple[str, str]]) -> str:
    """
    Judge as kstatus does for an object whose generation was observed.

    Args:
        conditions: By type: status and reason.
    """
    if conditions.get("Reconciling", ("", ""))[0] == "True":
        return "InProgress"
    if conditions.get("Stalled", ("", ""))[0] == "True":
        return "Failed"
    return "Current" if conditions["Ready"][0] == "True" else "InProgress"


def _new_certificate(world: EngineWorld) -> None:
    world.write_pair(NAME)


def _another_declaration(world: EngineWorld) -> None:
    world.write("ConfigMap", "ca", {"ca.crt": pki.pem(world.root.certificate)})
    ca = {"configMapKeyRef": {"name": "ca"}}
    world.edit(NAME, clientAuthentication={"ca": ca})


def _foreign_certificate(world: EngineWorld) -> None:
    leaf = world.issuer.leaf(world.host(NAME))
    pair = {"server_cert": leaf.chain_pem.decode(), "server_key": leaf.key_pem().decode()}
    world.meddle(NAME, **pair)
    world.ask(NAME, "look")


def _wait(_world: EngineWorld) -> None:
    """Let the cloud certificate come near its end."""


_ACTS: Mapping[str, Callable[[EngineWorld], None]] = {
    "spec": _another_declaration,
    "rotation": _new_certificate,
    "drift": _foreign_certificate,
    "renewal": _wait,
}


def play(policies: Mapping[str, str], change: str) -> Row:
    """Play one combination."""
    spec: dict[str, Any] = {}
    for field, value in policies.items():
        spec |= POLICIES[field][value]
    found: list[Row] = []

    async def story() -> None:
        found.append(replace(await _play(spec, change), policies=tuple(policies.values())))

    virtual_time.run(story())
    return found[0]


async def _play(spec: Json, change: str) -> Row:
    async with EngineWorld(timings=PACE) as world:
        if change == "renewal":
            world.add_instance(NAME, profile="mysql-8.0")
            lives = {"cloud-lifetime": 2 * DAY, "auto-renewal": 0.0}
            world.rds.config(durations=lives, instance=f"pgm-{NAME}")
            world.declare(NAME, serverCertificate={"renewBefore": "24h"})
        else:
            world.add_instance(NAME)
            world.write_pair(NAME)
            world.declare_custom(NAME)
        await world.run(120)
        if world.ready(NAME)[0] != "True":
            raise AssertionError(f"{change}: {world.conditions(NAME)}")
        world.edit(NAME, **spec)
        await world.run(60)
        accepted = world.cost(NAME)[0]
        _ACTS[change](world)
        limit = DAY + 600 if change == "renewal" else MEANWHILE
        meanwhile = await _first_unlike_rest(world, seconds=limit)
        await world.run(MEANWHILE)
        at_once = world.cost(NAME)[0] > accepted
        await world.run(AT_REST)
        later = world.cost(NAME)[0] > accepted
        return Row(
            policies=(),
            change=change,
            sent="yes" if at_once else "after `RDS_SSL_DRIFT_DELAY`" if later else "no",
            meanwhile=meanwhile,
            at_rest=_seen(world),
        )


async def _first_unlike_rest(world: EngineWorld, *, seconds: float) -> Seen:
    """Wait until something is to be done, past the quiet period, and give what is seen then."""
    end = world.monotonic() + seconds
    while world.monotonic() < end:
        plan = world.status(NAME).get("plan")
        if plan and plan.get("heldBy") != "QuietPeriod":
            return _seen(world)
        await asyncio.sleep(LOOK)
    raise AssertionError(f"nothing was to be done: {world.status(NAME)}")


def _seen(world: EngineWorld) -> Seen:
    found = world.conditions(NAME)
    return Seen(
        ready=found["Ready"][0],
        pending=found.get("ChangePending", ("", ""))[1],
        kstatus=kstatus(found),
    )


def rows() -> Iterator[Row]:
    """Play all combinations."""
    for values in product(*(each for each in POLICIES.values())):
        for change in CHANGES:
            yield play(dict(zip(POLICIES, values, strict=True)), change)


BEGIN = "| managementPolicy |"


def page(played: Sequence[Row], *, text: str) -> str:
    """Give *text* with another table in place of the one that begins with `BEGIN`."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition("\n\n")
    head = (*POLICIES, "change", "sent", "meanwhile", "at rest")
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in played:
        policies = (f"`{each}`" for each in row.policies)
        cells = (*policies, row.change, row.sent, str(row.meanwhile), str(row.at_rest))
        lines.append(f"| {' | '.join(cells)} |")
    return before + "\n".join(lines) + "\n\n" + after


def main() -> int:
    """Command line."""
    argparse.ArgumentParser(prog="python -m support.policies").parse_args()
    logging.getLogger("rds_ssl").addHandler(logging.NullHandler())
    PAGE.write_text(page(list(rows()), text=PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
