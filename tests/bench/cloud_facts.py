"""What the simulated cloud has seen since its ledger was cleared, by its own clock."""

from collections.abc import Collection
from datetime import datetime

from bench.naming import instance_of, number_of
from support import polling
from support.simulator import Simulator

MODIFY, DESCRIBE = "ModifyDBInstanceSSL", "DescribeDBInstanceSSL"

ASK_SECONDS = 0.25
"""Between two questions to the simulator, which works for the program as well."""


def count(rds: Simulator, action: str) -> int:
    """Count the calls that were answered well."""
    codes: dict[str, int] = rds.stats()["actions"].get(action, {})
    return codes.get("OK", 0)


def accepted_at(rds: Simulator) -> dict[int, float]:
    """Tell when the first change of each instance was accepted, in seconds of the epoch."""
    found: dict[int, float] = {}
    for call in rds.calls(action=MODIFY):
        if call["accepted"]:
            found.setdefault(number_of(call["instance"]), _epoch(call["time"]))
    return found


def described_at(rds: Simulator) -> dict[int, float]:
    """Tell when each instance was first looked at, in seconds of the epoch."""
    found: dict[int, float] = {}
    for call in rds.calls(action=DESCRIBE):
        if call["code"] == "OK":
            found.setdefault(number_of(call["instance"]), _epoch(call["time"]))
    return found


def wait_accepted(rds: Simulator, numbers: Collection[int], *, seconds: float) -> dict[int, float]:
    """
    Wait until each of these instances has accepted a change; tell when.

    Raises:
        TimeoutError: If one does not.
    """

    def problem() -> str | None:
        # The counter costs little; the ledger is read when it may be complete.
        if count(rds, MODIFY) < len(numbers):
            return f"{count(rds, MODIFY)} of {len(numbers)} changes are accepted"
        missing = {instance_of(each) for each in numbers if each not in accepted_at(rds)}
        return f"no change of {', '.join(sorted(missing))}" if missing else None

    polling.wait(problem, seconds=seconds, every=ASK_SECONDS)
    return accepted_at(rds)


def wait_described(rds: Simulator, objects: int, *, seconds: float) -> float:
    """
    Wait until so many instances were looked at; give the time at which the last one was.

    Raises:
        TimeoutError: If they are not.
    """

    def problem() -> str | None:
        if count(rds, DESCRIBE) < objects:
            return f"{count(rds, DESCRIBE)} of {objects} instances were looked at"
        seen = len(described_at(rds))
        return None if seen >= objects else f"{seen} of {objects} instances were looked at"

    polling.wait(problem, seconds=seconds, every=ASK_SECONDS)
    return max(described_at(rds).values())


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
