"""
What breaks in a run, and when: drawn from a stream of chance, without a look at any program.

The names of programs and ways are those of `chaos.stage`.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from support.tcp_proxy import Kind, Trouble

QUIET_START = 5.0
"""Seconds without faults: the operators begin, so that there is something to break."""

LONGEST_STOP = 20.0
"""Seconds for which an operator is frozen at most."""

LONGEST_TROUBLE = 12.0
"""
Seconds for which a way is spoilt at most.

Less than SETTLE of the run: a call that leaves a black hole later than that has been given up for
lost, and nobody could tell it from a second one (docs/operations.md, on SETTLE).
"""

STORM = (3, 8)
"""Faults that follow each other closely, at least and at most."""

KINDS = {"kill": 4, "stop": 3, "control plane": 4, "way": 8, "cut": 1, "answers": 3}
"""What breaks, and how often, among each other."""

OPENING = {"kill": 4, "stop": 2, "call": 4}
"""The same of what a storm begins with, as a change is accepted: what has a hand in the call."""

LULL = (3.0, 7.0)
"""Seconds in which nothing is broken, so that what waits is sent, at least and at most."""

AIMED = 0.5
"""Share of the faults that wait for a change to be accepted: by chance few hit an open call."""

AIM_SECONDS = 5.0
"""How long such a one waits at most."""


class Blow(StrEnum):
    """What happens to a program, or to a way between two."""

    KILL = "SIGKILL"
    TERM = "SIGTERM"
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


ANSWERS = (
    *("throttle", "html", "empty", "reset-after", "reset-before", "reset-after", "code", "delay"),
)
"""
Kinds of `rds_simulator.faults` that say nothing of how a change ends; twice the one after which
nobody knows. Not ``bare``: a RequestId for a change that is not made is an acceptance, after which
an operator waits for `RDS_SSL_APPLY_TIMEOUT`, longer than a run.
"""


def draw(chance: random.Random, last: float, operators: int) -> Iterator[Fault]:
    """
    Draw them until *last*, in storms: some at a time, one on a target, then a lull.

    Without lulls nothing would ever be sent, and so nothing broken that matters.
    """
    at = QUIET_START + chance.uniform(0.0, 3.0)
    while at < last:
        busy: dict[str, float] = {}
        for number in range(chance.randint(*STORM)):
            if at >= last:
                return
            fault = _fault(chance, at, last, operators, opens=number == 0)
            if number == 0 or chance.random() < AIMED:
                fault = _aimed(fault, last)
            touched = _touched(fault, operators)
            if all(busy.get(each, 0.0) <= at for each in touched):
                busy.update(dict.fromkeys(touched, fault.ends + 1.0))
                yield fault
            at += chance.uniform(0.2, 4.0)
        at = max([at, *busy.values()]) + chance.uniform(*LULL)


def _aimed(fault: Fault, last: float) -> Fault:
    left = last - fault.at - AIM_SECONDS
    return replace(fault, aimed=True, seconds=min(fault.seconds, left)) if left > 0.0 else fault


def _fault(chance: random.Random, at: float, last: float, operators: int, *, opens: bool) -> Fault:
    workers = [operator(number) for number in range(operators)]
    leader = LEADER if operators > 1 else workers[0]
    kinds, hit = (OPENING, [leader]) if opens else (KINDS, [leader, *workers])
    lasts = _within(at, last)
    ways = [way(each, to) for each in workers for to in (API_SERVER, CLOUD)]
    ways.append(way(API_SERVER, ETCD))
    kind = chance.choices(list(kinds), list(kinds.values()))[0]
    match kind:
        case "kill":
            target = chance.choice(hit)
            length = chance.choice([chance.uniform(0.1, 0.5), chance.uniform(0.5, 5.0)])
            blow = chance.choices([Blow.KILL, Blow.TERM], [3, 1])[0]
            return Fault(at=at, blow=blow, target=target, seconds=lasts(length))
        case "stop":
            target = chance.choice(hit)
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
        case "call":
            ways = [way(leader, CLOUD)]
    target = chance.choice(ways)
    troubles = [each for each in Kind if each is not Kind.REFUSE]
    return Fault(
        at=at,
        blow=Blow.SPOIL,
        target=target,
        seconds=lasts(chance.uniform(1.0, LONGEST_TROUBLE)),
        trouble=_trouble(chance, chance.choice(troubles)),
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
    # Of the leader: whichever that is.
    if fault.target == LEADER:
        return [operator(number) for number in range(operators)]
    if fault.target in {EVERY_WAY_TO_THE_CLOUD, way(LEADER, CLOUD)}:
        return [way(operator(number), CLOUD) for number in range(operators)]
    return [fault.target]
