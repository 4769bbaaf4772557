"""A run from its beginning to the verdict."""

import heapq
import itertools
import json
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from chaos.blows import begin
from chaos.breakage import AIM_SECONDS, Fault
from chaos.people import NAMESPACE, People, instance_id
from chaos.plan import Plan
from chaos.referee import Call, Life, Verdict, judge, unrest
from chaos.secrecy import leaks
from chaos.stage import Stage
from support.simulator import ACCESS_KEY_SECRET

Json = dict[str, Any]
Say = Callable[[str], None]

CONVERGES_WITHIN = 60.0
"""Seconds from the last fault and the last edit until everything is at rest; no gate holds here."""

PATIENCE = 150.0
"""Seconds after which nobody waits any longer for what has not come to rest."""

HOLDS_FOR = 5.0
"""Seconds for which it has to stay at rest."""

LOOK_SECONDS = 0.5
BEAT_SECONDS = 0.05
AIM_BEAT_SECONDS = 0.01
SAY_SECONDS = 15.0


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a run."""

    plan: Plan
    faults: Counter[str] = field(default_factory=Counter)
    """By kind; those that were begun."""
    hits: int = 0
    """Faults that came right after a change was accepted, before the answer to it."""
    timeline: list[str] = field(default_factory=list)
    """What broke and what was mended, with the time of day in seconds."""
    edits: Counter[str] = field(default_factory=Counter)
    verdicts: list[Verdict] = field(default_factory=list)
    converged: list[float] = field(default_factory=list)
    """Of each object: seconds from the last fault, and the last edit, until it was at rest."""
    operators: int = 0
    """Processes that were started."""
    ended: list[str] = field(default_factory=list)
    """Programs that ended by themselves."""
    passes: int = 0
    """Of the operators that ran at the end."""
    complaints: list[str] = field(default_factory=list)
    kept: Path | None = None
    """Where everything is that helps to look into a complaint."""
    wall: float = 0.0


def play(plan: Plan, say: Say, *, source: Path | None = None, keep: bool = False) -> Report:
    """
    Play a plan on programs of its own, and judge what came of it.

    Args:
        plan: What happens.
        say: Tells how far it is.
        source: The operator's code; None: what is installed.
        keep: Whether to keep logs, ledger and objects even if nothing is amiss.
    """
    began = time.monotonic()
    report = Report(plan=plan)
    with Stage(plan.operators, source=source) as stage:
        people = People(stage.cluster, plan.subjects)
        stage.rds.put_instances(
            *({"id": instance_id(each.name), "profile": "postgresql-14"} for each in plan.subjects)
        )
        people.create()
        say(f"{len(plan.subjects)} objects are there, after {time.monotonic() - began:.0f} s")
        mended = _Storm(plan, stage, people, report, say).blow()
        _settle(stage, people, report, mended)
        say(f"at rest after {report.converged[-1]:.1f} s")
        _judge(stage, people, report)
        if report.complaints or keep:
            report.kept = _keep(stage, people, report)
    report.wall = time.monotonic() - began
    return report


class _Storm:
    """Begins and ends everything in its time."""

    def __init__(self, plan: Plan, stage: Stage, people: People, report: Report, say: Say) -> None:
        self._plan, self._stage, self._people = plan, stage, people
        self._report, self._say = report, say
        self._start = 0.0
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._aiming: list[tuple[float, Fault]] = []
        """Faults that wait for a change, with the time at which they do not wait any longer."""
        self._seen = 0
        """Calls of the ledger that have been looked at."""
        for edit in plan.edits:
            self._at(edit.at, partial(people.do, edit))
            report.edits[edit.deed] += 1
        for fault in plan.faults:
            self._at(fault.at, partial(self._aim if fault.aimed else self._begin, fault))

    def _at(self, seconds: float, work: Callable[[], None]) -> None:
        heapq.heappush(self._due, (seconds, next(self._numbers), work))

    def _begin(self, fault: Fault) -> None:
        self._report.faults[fault.kind] += 1
        self._report.timeline.append(f"{time.time():.2f}  {fault}")
        mend = begin(self._stage, fault)
        self._at(self._now() + fault.seconds, partial(self._mend, fault, mend))

    def _mend(self, fault: Fault, mend: Callable[[], None]) -> None:
        self._report.timeline.append(f"{time.time():.2f}  ends: {fault}")
        mend()

    def _aim(self, fault: Fault) -> None:
        if not self._aiming:
            self._accepted()  # Those of before do not count.
        self._aiming.append((fault.at + AIM_SECONDS, fault))

    def _strike(self) -> None:
        """Begin what was waiting for a change, if there is one, or if it has waited too long."""
        if not self._aiming:
            return
        hit = self._accepted()
        now = self._now()
        due = [fault for until, fault in self._aiming if hit or until <= now]
        self._aiming = [each for each in self._aiming if each[1] not in due]
        self._report.hits += len(due) if hit else 0
        for each in due:
            self._begin(each)

    def _accepted(self) -> bool:
        """Whether a change was accepted since it was asked last."""
        calls, self._seen = self._stage.rds.calls_since(self._seen, accepted="true")
        return bool(calls)

    def _now(self) -> float:
        return time.monotonic() - self._start

    def blow(self) -> float:
        """Play it, set right in the end what is not, and give the time at which it was."""
        self._stage.start()
        self._start = time.monotonic()
        beats = itertools.count(SAY_SECONDS, SAY_SECONDS)
        beat = next(beats)
        while self._due or self._aiming or self._now() < self._plan.seconds:
            now = self._now()
            while self._due and self._due[0][0] <= now:
                heapq.heappop(self._due)[2]()
            self._strike()
            self._stage.keep()
            if now >= beat:
                beat = next(beats)
                self._say(f"    ... {now:.0f} s, {self._report.faults.total()} faults")
            time.sleep(AIM_BEAT_SECONDS if self._aiming else BEAT_SECONDS)
        while not self._stage.is_whole():
            self._stage.keep()
            time.sleep(BEAT_SECONDS)
        return time.monotonic()


def _settle(stage: Stage, people: People, report: Report, mended: float) -> None:
    """Wait until everything is at rest, and note for how long that took."""
    if not people.finish(PATIENCE):
        report.complaints.append("edits could not be done in time")
    calm = max(mended, people.last_done)
    rests: dict[str, float] = {}
    """By object: since when it is at rest."""
    last: Mapping[str, str | None] = {}
    while (now := time.monotonic()) < calm + PATIENCE:
        stage.keep()
        try:
            last = _unrests(stage, people)
        except httpx.HTTPError:
            time.sleep(LOOK_SECONDS)
            continue
        for name, problem in last.items():
            if problem is None:
                rests.setdefault(name, now)
            else:
                rests.pop(name, None)
        if len(rests) == len(people.persons) and max(rests.values()) + HOLDS_FOR < now:
            break
        time.sleep(LOOK_SECONDS)
    report.converged = sorted(max(rests.get(name, now) - calm, 0.0) for name in people.persons)
    slow = [name for name in people.persons if rests.get(name, now) - calm > CONVERGES_WITHIN]
    for name in slow:
        took = f"after {rests[name] - calm:.0f} s only" if name in rests else "not at all"
        report.complaints.append(f"{name}: came to rest {took}: {last.get(name)}")


def _unrests(stage: Stage, people: People) -> dict[str, str | None]:
    """Say of each object what is not as it is to be in the end."""
    objects = {each["metadata"]["name"]: each for each in stage.cluster.list(NAMESPACE)}
    truths = {each["id"]: each for each in stage.rds.admin("GET", "instances")["instances"]}
    found: dict[str, str | None] = {}
    for name, person in people.persons.items():
        wanted = person.asked[-1].state
        if person.deleted:
            found[name] = "still there" if name in objects else None
        elif name not in objects:
            found[name] = "gone"
        elif people.state_of(name, truths[instance_id(name)]["ssl"]) != wanted:
            found[name] = f"{wanted} is not in force"
        else:
            found[name] = unrest(objects[name], wanted, _marks(people, name))
    return found


def _marks(people: People, name: str) -> dict[str, str]:
    person = people.persons[name]
    leaf = person.leaves.get(person.asked[-1].state.leaf)
    return {"serverCertificate": leaf.sha256} if leaf else {}


def _judge(stage: Stage, people: People, report: Report) -> None:
    objects = {each["metadata"]["name"]: each for each in stage.cluster.list(NAMESPACE)}
    for name, person in people.persons.items():
        truth = stage.rds.instance(instance_id(name))
        life = Life(
            name=name,
            asked=person.asked,
            calls=[
                Call(
                    at=datetime.fromisoformat(each["at"]).timestamp(),
                    before=people.state_of(name, each["before"]),
                    target=people.state_of(name, each["target"]),
                    overlaps=each["overlaps"],
                )
                for each in truth["events"]
                if each["what"] == "accepted"
            ],
            restarts=truth["restarts"],
            in_force=people.state_of(name, truth["ssl"]),
            manifest=objects.get(name),
            deleted=person.deleted,
            disables=person.subject.disables,
            applied_when_deleted=person.applied_when_deleted,
            marks=_marks(people, name),
        )
        verdict = judge(life)
        report.verdicts.append(verdict)
        report.complaints += verdict.complaints
    report.complaints += people.failed
    report.operators = len(list(stage.logs()))
    report.ended = stage.told.ended
    for name, each in stage.operators.items():
        report.passes += int(each.metric("rds_ssl_passes_total"))
        if each.metric("rds_ssl_passes_total", result="bug"):
            report.complaints.append(f"{name}: a pass ended by a bug")
    report.complaints += _leaks(stage, people)


def _leaks(stage: Stage, people: People) -> list[str]:
    texts = dict(stage.logs())
    bugs = [f"{name} has a traceback" for name, text in texts.items() if "Traceback" in text]
    texts["the objects"] = json.dumps(stage.cluster.list(NAMESPACE))
    texts["the Events"] = json.dumps(stage.cluster.events(NAMESPACE))
    for name, each in stage.operators.items():
        texts[f"the metrics of {name}"] = each.get("/metrics")[1]
    found = leaks(people.keys, texts)
    found += [f"{name} has the access key" for name in texts if ACCESS_KEY_SECRET in texts[name]]
    if stage.rds.stats()["keys_in_url"]:
        found.append("a private key was in a URL")
    return [*bugs, *found]


def _keep(stage: Stage, people: People, report: Report) -> Path:
    """Write everything that helps into a folder of its own."""
    place = Path(tempfile.mkdtemp(prefix=f"rds-ssl-chaos-seed-{report.plan.seed}-"))
    for name, text in stage.logs():
        (place / name).write_text(text)
    for name in ("etcd.log", "kube-apiserver.log"):
        log = stage.plane.directory / name
        if log.exists():
            (place / name).write_bytes(log.read_bytes())
    (place / "plan.txt").write_text("\n".join(report.plan.lines()))
    (place / "timeline.txt").write_text("\n".join(report.timeline))
    (place / "complaints.txt").write_text("\n".join(report.complaints))
    asked = {
        name: [{"state": str(e.state), "began": e.began, "done": e.done} for e in person.asked]
        for name, person in people.persons.items()
    }
    values = {
        "asked": asked,
        "objects": stage.cluster.list(NAMESPACE),
        "events": stage.cluster.events(NAMESPACE),
        "instances": stage.rds.admin("GET", "instances")["instances"],
        "calls": stage.rds.calls(),
    }
    for name, value in values.items():
        (place / f"{name}.json").write_text(json.dumps(value, indent=1))
    return place
