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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from support.tcp_proxy import Kind, Trouble

QUIET_START = 5.0
"""Seconds without faults: the operators begin, so that there is something to break."""

QUIET_END = 1.0
"""Seconds before the end in which nothing new breaks."""

LONGEST_STOP = 20.0
"""Seconds for which an operator is frozen at most."""

LONGEST_TROUBLE = 12.0
"""
Seconds for which a way is spoilt at most.

Less than SETTLE of the run: a call that leaves a black hole later than that has been given up for
lost, and nobody could tell it from a second one (docs/operations.md, on SETTLE).
"""


FINALE = 8.0
"""Seconds before the end in which many edit at once, so that there is much left to come to rest."""

IN_THE_FINALE = 0.5
"""Share of the objects that are edited then."""


AIMED = 0.5
"""Share of the faults that wait for a change to be accepted: by chance few hit an open call."""

AIM_SECONDS = 5.0
"""How long such a one waits at most."""


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


class Blow(StrEnum):
    """What happens to a program, or to a way between two."""

    KILL = "SIGKILL"
    STOP = "SIGSTOP"
    SPOIL = "spoil"
    ANSWERS = "answer badly"


LEADER = "leader"
"""In place of an operator's name: whichever leads when it happens."""

API_SERVER, ETCD, CLOUD = "kube-apiserver", "etcd", "cloud"


def operator(number: int) -> str:
    """Name an operator; the first is 0."""
    return f"operator-{number}"


def way(source: str, target: str) -> str:
    """Name the way between two programs."""
    return f"{source} - {target}"


EVERY_WAY_TO_THE_CLOUD = way("operators", CLOUD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that breaks, and for how long."""

    at: float
    """Seconds since the beginning."""
    blow: Blow
    target: str
    """A program, `LEADER`, or a way."""
    seconds: float
    """Until it is mended, or started again."""
    trouble: Trouble | None = None
    """Of a way."""
    answer: str = ""
    """A kind of fault that the simulated cloud knows, for its next `times` calls."""
    times: int = 0
    aimed: bool = False
    """It waits for the next change that the cloud accepts, and comes before the answer to it."""

    @property
    def kind(self) -> str:
        """What it is, for a table: without the number of an operator."""
        target = self.target
        if target.startswith("operator-"):
            target = "operator" + target[len(operator(0)) :]
        what = self.trouble.kind if self.trouble else self.answer
        return f"{self.blow} {target}{f': {what}' if what else ''}"

    @property
    def ends(self) -> float:
        """Seconds since the beginning; at the latest."""
        return self.at + self.seconds + AIM_SECONDS * self.aimed

    def __str__(self) -> str:
        what = ""
        if self.trouble:
            what = f" {self.trouble.kind}"
            what += f" {self.trouble.seconds:.2f} s" * bool(self.trouble.seconds)
            what += f" {self.trouble.after} bytes" * (self.trouble.kind is Kind.TRUNCATE)
        if self.answer:
            what = f" {self.answer} x {self.times}"
        what += f" for {self.seconds:.1f} s{', as a change is accepted' if self.aimed else ''}"
        return f"{self.at:7.2f}  {self.blow} {self.target}{what}"


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
    faults = _faults(random.Random(f"{seed} faults"), seconds, operators)  # noqa: S311
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


ANSWERS = ("throttle", "html", "empty", "bare", "reset-before", "reset-after", "code", "delay")
"""Kinds of `rds_simulator.faults` that say nothing of how a change ends."""


def _faults(chance: random.Random, seconds: float, operators: int) -> Iterator[Fault]:
    """One after the other, a few seconds apart; several may last at a time, one on each target."""
    busy: dict[str, float] = {}
    at = QUIET_START + chance.uniform(0.0, 3.0)
    last = seconds - QUIET_END
    while at < last:
        fault = _fault(chance, at, last, operators)
        if chance.random() < AIMED and at + AIM_SECONDS < last:
            lasts = min(fault.seconds, last - at - AIM_SECONDS)
            fault = replace(fault, aimed=True, seconds=lasts)
        free = max((busy.get(each, 0.0) for each in _touched(fault, operators)), default=0.0)
        if free <= at:
            for each in _touched(fault, operators):
                busy[each] = fault.ends + 1.0
            yield fault
        at += chance.uniform(1.0, 6.0)


def _fault(chance: random.Random, at: float, last: float, operators: int) -> Fault:
    workers = [operator(number) for number in range(operators)]
    leader = LEADER if operators > 1 else workers[0]
    lasts = _within(at, last)
    kind = chance.choices(
        ["kill", "stop", "control plane", "way", "cut", "answers"], [3, 3, 4, 8, 1, 3]
    )[0]
    match kind:
        case "kill":
            target = chance.choice([leader, *workers])
            return Fault(
                at=at, blow=Blow.KILL, target=target, seconds=lasts(chance.uniform(0.5, 5.0))
            )
        case "stop":
            target = chance.choice([leader, *workers])
            length = chance.choice([chance.uniform(0.5, 5.0), chance.uniform(8.0, LONGEST_STOP)])
            return Fault(at=at, blow=Blow.STOP, target=target, seconds=lasts(length))
        case "control plane":
            blow = chance.choice([Blow.KILL, Blow.STOP])
            target = chance.choice([API_SERVER, ETCD])
            return Fault(at=at, blow=blow, target=target, seconds=lasts(chance.uniform(0.5, 8.0)))
        case "cut":
            trouble = Trouble(kind=chance.choice([Kind.REFUSE, Kind.BLACK_HOLE]))
            seconds = lasts(chance.uniform(2.0, LONGEST_TROUBLE))
            target = EVERY_WAY_TO_THE_CLOUD
            return Fault(at=at, blow=Blow.SPOIL, target=target, seconds=seconds, trouble=trouble)
        case "answers":
            return Fault(
                at=at,
                blow=Blow.ANSWERS,
                target=CLOUD,
                seconds=lasts(5.0),
                answer=chance.choice(ANSWERS),
                times=chance.randint(1, 6),
            )
    ways = [way(each, to) for each in workers for to in (API_SERVER, CLOUD)]
    target = chance.choice([*ways, way(API_SERVER, ETCD)])
    kinds = [each for each in Kind if each is not Kind.REFUSE]
    return Fault(
        at=at,
        blow=Blow.SPOIL,
        target=target,
        seconds=lasts(chance.uniform(1.0, LONGEST_TROUBLE)),
        trouble=_trouble(chance, chance.choice(kinds)),
    )


class _within:  # noqa: N801  # Used like a function.
    """Shortens what would last beyond the end."""

    def __init__(self, at: float, last: float) -> None:
        self._left = last - at

    def __call__(self, seconds: float) -> float:
        return max(min(seconds, self._left), 0.1)


def _trouble(chance: random.Random, kind: Kind) -> Trouble:
    return Trouble(
        kind=kind,
        seconds=chance.uniform(0.05, 1.5) if kind is Kind.LATENCY else 0.0,
        after=chance.choice([0, 10, 200, 2000]) if kind is Kind.TRUNCATE else 0,
    )


def _touched(fault: Fault, operators: int) -> Sequence[str]:
    """Give what may have no second fault meanwhile."""
    if fault.target == LEADER:  # Whichever that is.
        return [operator(number) for number in range(operators)]
    if fault.target == EVERY_WAY_TO_THE_CLOUD:
        return [way(operator(number), CLOUD) for number in range(operators)]
    return [fault.target]
