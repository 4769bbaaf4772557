"""
What people do and what breaks in a run, and when: a pure function of seed, length and size.

::

    plan = make_plan(seed=7, seconds=180, objects=100, operators=2)
    assert plan == make_plan(seed=7, seconds=180, objects=100, operators=2)
    for line in plan.lines():
        print(line)

Nobody looks at a clock or at a program here. The programs take their own time, so a run is repeated
in what is done to them and in which order, not in what they are at when it happens.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from chaos.breakage import Fault, draw

QUIET_END = 1.0
"""Seconds before the end in which nothing new breaks."""

FINALE = 8.0
"""Seconds before the end in which many edit at once, so that there is much left to come to rest."""

IN_THE_FINALE = 0.5
"""Share of the objects that are edited then."""


class Mode(StrEnum):
    """What a spec declares."""

    OFF = "off"
    CLOUD = "cloud"
    CUSTOM = "custom"
    CLIENTS = "clients"
    """An own certificate, and a client CA."""


OWN = frozenset({Mode.CUSTOM, Mode.CLIENTS})
"""Modes with a certificate of the Secret."""


@dataclass(frozen=True, slots=True)
class State:
    """What an instance is to be: two that differ are a restart apart."""

    mode: Mode
    leaf: int = 0
    """Number of the object's certificate; 0 where none of its own is in use."""

    def __str__(self) -> str:
        return f"{self.mode} {self.leaf}" if self.leaf else str(self.mode)


class Deed(StrEnum):
    """What somebody does to an object."""

    DECLARE = "edit the spec"
    ROTATE = "rotate the certificate"
    RESPELL = "spell the Secret otherwise"
    NOTE = "edit the spec without meaning"
    LABEL = "label the object"
    DELETE = "delete"


DEEDS = {Deed.DECLARE: 4, Deed.ROTATE: 5, Deed.RESPELL: 3, Deed.NOTE: 2, Deed.LABEL: 1}
"""How often each is chosen, among each other; deletions have a share of their own."""

DELETED = 0.1
"""Share of the objects that are deleted on the way."""

SOON = 0.3
"""Share of the edits that follow the one before within four seconds."""

DISABLES = 0.4
"""Share of the objects whose deletion turns SSL off, and which have a finalizer for that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Something that somebody does."""

    at: float
    """Seconds since the beginning."""
    name: str
    deed: Deed
    mode: Mode
    """What the spec declares afterwards."""
    leaf: int
    """Number of the certificate in the Secret afterwards."""
    change: State | None = None
    """What the instance is to be from now on, if that is something else than before."""

    def __str__(self) -> str:
        what = f" -> {self.change}" if self.change else ""
        return f"{self.at:7.2f}  {self.name}: {self.deed}{what}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An object at the beginning."""

    name: str
    mode: Mode
    disables: bool
    """Whether its deletion turns SSL off."""

    @property
    def state(self) -> State:
        """What its instance is to be first; the certificate in its Secret has number 1."""
        return state_of(self.mode, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run."""

    seed: int
    seconds: float
    operators: int
    subjects: tuple[Subject, ...]
    edits: tuple[Edit, ...] = field(repr=False)
    faults: tuple[Fault, ...] = field(repr=False)

    def lines(self) -> Iterator[str]:
        """Tell everything in the order of time."""
        for each in self.subjects:
            yield f"{0.0:7.2f}  {each.name}: create, {each.state}" + ", disables" * each.disables
        both: list[Edit | Fault] = [*self.edits, *self.faults]
        yield from map(str, sorted(both, key=lambda each: each.at))


def state_of(mode: Mode, leaf: int) -> State:
    """Give what an instance is to be with that spec and that Secret."""
    return State(mode, leaf if mode in OWN else 0)


def make_plan(*, seed: int, seconds: float, objects: int, operators: int) -> Plan:
    """Draw a run of *seconds*; the same arguments give the same one."""
    # Each part has a stream of its own: more objects do not move the faults.
    modes = random.Random(f"{seed} subjects")  # noqa: S311  # Nothing secret.
    subjects = tuple(
        Subject(
            name=f"db-{number:03}",
            mode=modes.choices([Mode.CUSTOM, Mode.CLIENTS, Mode.CLOUD], [5, 2, 2])[0],
            disables=modes.random() < DISABLES,
        )
        for number in range(objects)
    )
    edits = [
        edit
        for each in subjects
        for edit in _edits(random.Random(f"{seed} {each.name}"), each, seconds)  # noqa: S311
    ]
    faults = draw(random.Random(f"{seed} faults"), seconds - QUIET_END, operators)  # noqa: S311
    return Plan(
        seed=seed,
        seconds=seconds,
        operators=operators,
        subjects=subjects,
        edits=tuple(sorted(edits, key=lambda each: (each.at, each.name))),
        faults=tuple(faults),
    )


def _times(chance: random.Random, last: float) -> Iterator[float]:
    """Some follow at once, so that two changes may become one; most do not."""
    at = chance.uniform(2.0, 30.0)
    while at < last:
        yield at
        soon = chance.random() < SOON
        at += chance.uniform(0.2, 4.0) if soon else chance.uniform(12.0, 60.0)


def _edits(chance: random.Random, subject: Subject, seconds: float) -> Iterator[Edit]:
    mode, leaf = subject.mode, 1
    ends = chance.uniform(seconds / 3, seconds) if chance.random() < DELETED else None
    last = ends or seconds - QUIET_END
    times = list(_times(chance, last))
    if ends is None and chance.random() < IN_THE_FINALE:
        times = sorted([*times, last - chance.uniform(0.0, FINALE)])
    for at in times:
        deed = chance.choices(list(DEEDS), list(DEEDS.values()))[0]
        before = state_of(mode, leaf)
        if deed is Deed.DECLARE:
            mode = chance.choice([each for each in Mode if each is not mode])
        if deed is Deed.ROTATE:
            leaf += 1
        after = state_of(mode, leaf)
        change = after if after != before else None
        yield Edit(at=at, name=subject.name, deed=deed, mode=mode, leaf=leaf, change=change)
    if ends is not None:
        off = State(Mode.OFF)
        turned_off = subject.disables and state_of(mode, leaf) != off
        yield Edit(
            at=ends,
            name=subject.name,
            deed=Deed.DELETE,
            mode=mode,
            leaf=leaf,
            change=off if turned_off else None,
        )
