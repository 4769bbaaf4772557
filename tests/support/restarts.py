"""
What restarts a database: every change of a declaration, played through the whole engine.

    PYTHONPATH=tests python -m support.restarts

writes the tables of docs/restarts.md anew; the text above them is written by hand. Everything in
them comes from the simulator's ledger, the instance's truth and the object's status.
"""

import argparse
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rds_ssl.engine.reconcile.ports import Timings
from support import virtual_time
from support.engine_world import EngineWorld, Json
from support.restart_scenarios import DAY, NAME, SCENARIOS, Scenario

PAGE = Path(__file__).parents[2] / "docs" / "restarts.md"

EVERY_CALL, TABLE = "every-call", "semantic-changes"
"""Values of the simulator's switch ``restart``; the first is its default."""

SETTLED_SECONDS = 120.0
"""Until what was declared before is applied: an instance changes for 2.3 s."""

_PACE = Timings(quiet_period=0.0, resync=5 * DAY)
"""No looks between that would only take time: what is due on a date is looked at on that date."""

_ALWAYS = frozenset({"DBInstanceId", "RegionId", "ConnectionString", "SSLEnabled"})


class NotAsPlannedError(AssertionError):
    """A scenario did not end with the declared state in force, and told as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What a change came to."""

    engine: str
    version: str
    change: str
    accepted: int
    steps: int
    """Of the plan, as the first call's record has it; 0: there was no plan."""
    sent: tuple[str, ...]
    """Each call's parameters: names, with the values that are no secret. Refused ones, too."""
    predicted: str
    """``Expected``, ``None``, ``Unknown``; empty where nothing was sent."""
    impacts: tuple[str, ...]
    stalled: str
    """The reason, if it was refused before any call."""
    restarts: int
    """Under the simulator's default: every accepted call restarts."""
    restarts_by_table: int = 0
    """Under ``restart=semantic-changes``: as the vendor's table has it."""


def play(engine: str, version: str, scenario: Scenario) -> Row:
    """
    Play a change twice, with both answers to what restarts.

    Raises:
        NotAsPlannedError: If it does not end as it should, or the two differ in more than restarts.
    """
    found: dict[str, Row] = {}
    for restart in (EVERY_CALL, TABLE):

        async def story(restart: str = restart) -> None:
            found[restart] = await _play(engine, version, scenario, restart)

        virtual_time.run(story())
    worst, table = found[EVERY_CALL], found[TABLE]
    if replace(worst, restarts=table.restarts) != table:
        raise NotAsPlannedError(f"{worst} is not {table}")
    return replace(worst, restarts_by_table=table.restarts)


async def _play(engine: str, version: str, scenario: Scenario, restart: str) -> Row:
    async with EngineWorld(timings=_PACE) as world:
        world.add_instance(NAME, profile=scenario.profile)
        world.rds.config(switches={"restart": restart, **scenario.switches})
        if scenario.before is not None:
            scenario.before(world)
            await world.run(SETTLED_SECONDS)
            _check_ready(world, scenario)
        calls, known, told = len(world.modifies(NAME)), len(world.accepted), _history(world)
        accepted, restarts = world.cost(NAME)
        scenario.act(world)
        await world.run(scenario.seconds)
        if scenario.stalled:
            _check_stalled(world, scenario)
        else:
            _check_ready(world, scenario)
        first = world.accepted[known].manifest if len(world.accepted) > known else None
        plan: Json = first["status"]["plan"] if first else {}
        now_accepted, now_restarts = world.cost(NAME)
        if _history(world) - told != now_accepted - accepted:
            raise NotAsPlannedError(f"{scenario.change}: the history does not tell every call")
        return Row(
            engine=engine,
            version=version,
            change=scenario.change,
            accepted=now_accepted - accepted,
            steps=len(plan.get("steps", ())),
            sent=tuple(_spell(world, each) for each in world.modifies(NAME)[calls:]),
            predicted=plan.get("restart", ""),
            impacts=tuple(plan.get("impacts", ())),
            stalled=scenario.stalled,
            restarts=now_restarts - restarts,
        )


def _check_ready(world: EngineWorld, scenario: Scenario) -> None:
    found = world.conditions(NAME)
    if found.keys() != {"Ready", "MaterialReady"} or found["Ready"][0] != "True":
        raise NotAsPlannedError(f"{scenario.profile}, {scenario.change}: {found}")


def _check_stalled(world: EngineWorld, scenario: Scenario) -> None:
    found = world.conditions(NAME)
    if found.get("Stalled") != ("True", scenario.stalled):
        raise NotAsPlannedError(f"{scenario.profile}, {scenario.change}: {found}")


def _history(world: EngineWorld) -> int:
    """Count the changes that the object's history tells; there may be no object yet."""
    known = world.kube.objects.values()
    return sum(len(each["status"].get("history", ())) for each in known)


def _spell(world: EngineWorld, call: Json) -> str:
    """Spell a call of the ledger; the endpoint only where it is not the internal one."""
    values: Mapping[str, str] = call["values"]
    names = set(call["body_parameters"])
    if not names >= _ALWAYS or call["query_parameters"]:
        raise NotAsPlannedError(f"a call with {call['parameters']}")
    silent = {"DBInstanceId", "RegionId"}
    if values["ConnectionString"] == world.host(NAME):
        silent.add("ConnectionString")
    shown = sorted(names - silent)
    told = " ".join(f"{each}={values[each]}" if each in values else each for each in shown)
    return told if call["accepted"] else f"{told} ({call['code']})"


def rows() -> Iterator[Row]:
    """Play every change; 10 s on an idle machine."""
    for engine, versions in SCENARIOS.items():
        for version, scenarios in versions.items():
            for each in scenarios:
                yield play(engine, version, each)


HEAD = """\
| version | change | calls | sent | predicted | restarts | impacts |
|---|---|---|---|---|---|---|
"""


def page(played: Sequence[Row], *, text: str) -> str:
    """Give *text* with other tables; versions of an engine that behave alike share a line."""
    tables: dict[str, dict[tuple[str, ...], list[str]]] = {}
    for row in played:
        tables.setdefault(row.engine, {}).setdefault(_cells(row), []).append(row.version)
    parts = [text.partition("\n## ")[0]]
    for engine, lines in tables.items():
        parts.append(f"\n## {engine}\n\n{HEAD}")
        parts += [f"| {' | '.join((', '.join(of), *cells))} |\n" for cells, of in lines.items()]
    return "".join(parts)


def _cells(row: Row) -> tuple[str, ...]:
    nothing = f"nothing: `{row.stalled}`" if row.stalled else "nothing"
    return (
        row.change,
        str(row.accepted),
        ", then ".join(f"`{each}`" for each in row.sent) or nothing,
        f"`{row.predicted}`" if row.predicted else "",
        f"{row.restarts_by_table} / {row.restarts}",
        ", ".join(row.impacts),
    )


def main() -> int:
    """Command line."""
    argparse.ArgumentParser(prog="python -m support.restarts").parse_args()
    logging.getLogger("rds_ssl").addHandler(logging.NullHandler())
    PAGE.write_text(page(list(rows()), text=PAGE.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
