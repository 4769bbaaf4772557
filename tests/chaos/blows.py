"""What a fault of the plan is on the stage, and how it ends."""

from collections.abc import Callable

from chaos.breakage import CLOUD, EVERY_WAY_TO_THE_CLOUD, LEADER, Blow, Fault
from chaos.stage import Stage


def begin(stage: Stage, fault: Fault) -> Callable[[], None]:
    """Let something break; give what mends it."""
    target = fault.target
    if LEADER in target:
        target = target.replace(LEADER, stage.leader())
    match fault.blow:
        case Blow.KILL:
            stage.kill(target, seconds=fault.seconds)
            return lambda: None  # It is started again by `Stage.keep`.
        case Blow.TERM:
            stage.terminate(target, seconds=fault.seconds)
            return lambda: None
        case Blow.STOP:
            stage.freeze(target)
            return lambda: stage.thaw(target)
        case Blow.ANSWERS:
            stage.rds.fault(_answer(fault), times=fault.times)
            return stage.rds.clear_faults
    ways = [each for name, each in stage.ways.items() if _is_meant(target, name)]
    assert fault.trouble is not None
    for each in ways:
        each.spoil(fault.trouble)

    def mend() -> None:
        for each in ways:
            each.forward()

    return mend


def _is_meant(target: str, name: str) -> bool:
    return name == target or (target == EVERY_WAY_TO_THE_CLOUD and name.endswith(f"- {CLOUD}"))


def _answer(fault: Fault) -> dict[str, object]:
    match fault.answer:
        case "throttle":
            return {"kind": "throttle", "retry_after_ms": 500}
        case "code":
            return {"kind": "code", "code": "ServiceUnavailable", "status": 503}
        case "delay":
            return {"kind": "delay", "seconds": 8.0}
    return {"kind": fault.answer}
