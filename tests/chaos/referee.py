"""
Whether an operator kept its promises, told by what was asked and what the instances went through.

Pure: what people asked for and when, the calls that the cloud accepted with the state before and
after each, the objects at the end. The operator's own word counts for nothing but its status, which
is held against the truth.

For each instance, all of it:

- a call is accepted only if it makes a difference;
- never while another one is in flight;
- it leads to a state that was declared, later than all that were carried out before: so a change
  is carried out once at most, and what was given up for a later one never;
- a change that no later one replaced is carried out, and one that was replaced only if that came
  within `REPLACED_WITHIN`;
- as many restarts as accepted calls, since every change here restarts, and no more calls than
  changes;
- at the end what is in force is what is declared, and the status says so and nothing else.

Together they mean: exactly one restart for each change that was carried out, none for what has no
meaning.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.plan import Mode, State

Json = dict[str, Any]

REPLACED_WITHIN = 240.0
"""
Seconds in which a change may wait unsent for a later one.

Under storms a leader works for seconds at a time, and looks at all objects first: the last of 100
waited for 171 s on a loaded machine, and nothing was lost. So this is for runs longer than three
minutes; what is lost in a shorter one is not in force at the end.
"""

OVERDUE = 5.0
"""Seconds by which clocks of ledger and driver, and an answer on its way, may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A change that was asked for; the times are between trying and knowing that it was written."""

    state: State
    began: float
    """When it can have been written first."""
    done: float
    """When it was known to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call that the cloud accepted."""

    at: float
    before: State | None
    """What would have held without it; None: a state that nobody declared."""
    target: State | None
    overlaps: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """All there is to know of an object and its instance."""

    name: str
    asked: Sequence[Asked]
    """Oldest first; neighbours differ. The first is what it was created with."""
    calls: Sequence[Call]
    restarts: int
    in_force: State | None
    manifest: Json | None
    """The object at the end; None: it is gone."""
    deleted: bool = False
    """Somebody deleted it."""
    disables: bool = False
    """Its deletion turns SSL off."""
    applied_when_deleted: bool = True
    """Its operator had applied something by then; if not, SSL stays as it is."""
    marks: Mapping[str, str] = field(default_factory=dict)
    """Fingerprints by what the status calls them, for the certificate that is declared last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What became of the changes of an object."""

    changes: int
    """That were asked for."""
    carried_out: int
    replaced: int
    """By a later one, before they were sent."""
    calls: int
    restarts: int
    waits: tuple[float, ...]
    """Of each change that was carried out: seconds from when it was written to the call."""
    complaints: tuple[str, ...]


def judge(life: Life) -> Verdict:
    """Hold a life to the promises."""
    sent: dict[int, Call] = {}
    found = [*_of_calls(life, sent)]
    found += _of_changes(life, sent)
    found += _of_counts(life)
    found += _of_the_end(life)
    return Verdict(
        changes=len(life.asked),
        carried_out=len(sent),
        replaced=len(life.asked) - len(sent),
        calls=len(life.calls),
        restarts=life.restarts,
        waits=tuple(max(call.at - life.asked[at].done, 0.0) for at, call in sent.items()),
        complaints=tuple(f"{life.name}: {each}" for each in found),
    )


def _of_calls(life: Life, sent: dict[int, Call]) -> Iterator[str]:
    """Match each call with the change that it carries out, in *sent*."""
    last = -1
    for call in life.calls:
        what = f"the call at {call.at:.1f} to {call.target}"
        if call.overlaps:
            yield f"{what} was sent while another change was in flight"
        if call.before == call.target:
            yield f"{what} made no difference"
            continue
        later = [
            number
            for number, each in enumerate(life.asked)
            if number > last and each.state == call.target and each.began <= call.at + OVERDUE
        ]
        if not later:
            known = any(each.state == call.target for each in life.asked)
            why = "what was not declared any more" if known else "what was never declared"
            yield f"{what} sent {why}"
            continue
        last = later[0]
        sent[last] = call


def _of_changes(life: Life, sent: Mapping[int, Call]) -> Iterator[str]:
    """Every change is sent, or replaced by a later one in time, or in force already."""
    in_force: State | None = State(Mode.OFF)
    for number, each in enumerate(life.asked):
        call = sent.get(number)
        if call is not None:
            in_force = call.target
            continue
        if each.state == in_force:
            continue  # There and back before anything was sent.
        later = life.asked[number + 1 : number + 2]
        if later:
            if later[0].began - each.done > REPLACED_WITHIN:
                waited = later[0].began - each.done
                yield f"{each.state} was not sent in {waited:.0f} s before it was replaced"
        elif not life.deleted:
            yield f"{each.state}, asked for at {each.done:.1f}, was never sent"


def _of_counts(life: Life) -> Iterator[str]:
    if len(life.calls) > len(life.asked):
        yield f"{len(life.calls)} accepted calls for {len(life.asked)} changes"
    if life.restarts != len(life.calls):
        yield f"{life.restarts} restarts for {len(life.calls)} accepted calls"


def _of_the_end(life: Life) -> Iterator[str]:
    wanted = life.asked[-1].state
    if life.deleted:
        if life.manifest is not None:
            yield f"deleted, and still there: {_told(life.manifest)}"
        if life.disables and life.applied_when_deleted and life.in_force != State(Mode.OFF):
            yield f"deleted to turn SSL off, but {life.in_force} is in force"
        return
    if life.in_force != wanted:
        yield f"{life.in_force} is in force, but {wanted} is declared"
    if life.manifest is None:
        yield "gone, though nobody deleted it"
        return
    problem = unrest(life.manifest, wanted, life.marks)
    if problem:
        yield problem


def unrest(manifest: Json, wanted: State, marks: Mapping[str, str]) -> str | None:
    """Say what of a status is not what it is to be when nothing is left to do; None: nothing."""
    status = manifest.get("status") or {}
    if status.get("observedGeneration") != manifest["metadata"]["generation"]:
        return f"its generation was not looked at: {_told(manifest)}"
    conditions = {each["type"]: each["status"] for each in status.get("conditions", [])}
    if conditions.get("Ready") != "True":
        return f"not Ready: {_told(manifest)}"
    busy = {"Reconciling", "Stalled", "ChangePending"} & conditions.keys()
    if busy or status.get("plan"):
        return f"Ready, but {', '.join(sorted(busy)) or 'a plan is left'}: {_told(manifest)}"
    if (status.get("operation") or {}).get("phase") in {"Sending", "Accepted"}:
        return f"its record was not closed: {_told(manifest)}"
    applied = (status.get("applied") or {}).get("state") or {}
    for name, value in {**_declared(wanted), **(marks if wanted.leaf else {})}.items():
        if applied.get(name) != value:
            return f"its status says that {name} {applied.get(name)} was applied, not {value}"
    return None


def _declared(wanted: State) -> Json:
    if wanted.mode is Mode.OFF:
        return {"enabled": False}
    return {"enabled": True, "caType": "custom" if wanted.leaf else "aliyun"}


def _told(manifest: Json) -> str:
    """Tell what an object says of itself."""
    status = manifest.get("status") or {}
    conditions = {
        each["type"]: f"{each['status']} {each['reason']}" for each in status.get("conditions", [])
    }
    operation = status.get("operation") or {}
    record = {name: operation[name] for name in ("phase", "code", "startTime") if name in operation}
    return f"{conditions}, record {record}"
