"""The programs that are compared, and how each is started."""

import json
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.usage import Usage
from support import polling
from support.operator_process import TESTS, OperatorProcess
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET
from support.watched_process import WatchedProcess

VERIFY_AFTER, POLL, RESYNC = "3s", "10s", 60
"""The operator's pace where a scenario names none; `RESYNC` in seconds."""


class Program(StrEnum):
    """Who is measured."""

    OURS = "ours"
    ORDINARY = "ordinary"
    FLOOR = "floor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who a program is to the API server."""

    kubeconfig: Path
    user: str
    """As the audit log names it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Settings that scenarios choose."""

    resync: int = RESYNC
    """Seconds."""
    api_rate: int = 0
    """Calls per second; 0: no limit. The ordinary operator knows no such thing."""


def start_ours(
    account: Account,
    *,
    api_url: str,
    pace: Pace,
    module: str = "bench.held",
    environ: dict[str, str] | None = None,
) -> OperatorProcess:
    """Start our operator, as *module* runs it; *api_url* is the cloud's."""
    return OperatorProcess(
        kubeconfig=account.kubeconfig,
        api_url=api_url,
        module=module,
        environ=environ,
        QUIET_PERIOD="0s",
        MAX_CONCURRENT_CHANGES="0",
        MAX_CHANGES_PER_DAY="0",
        API_RATE=str(pace.api_rate),
        VERIFY_AFTER=VERIFY_AFTER,
        POLL=POLL,
        RESYNC=f"{pace.resync}s",
    )


def start(program: Program, account: Account, *, api_url: str, pace: Pace) -> WatchedProcess:
    """Start an operator; *api_url* is the cloud's."""
    if program is Program.OURS:
        return start_ours(account, api_url=api_url, pace=pace)
    given = {
        "RDS_ENDPOINT": api_url.removeprefix("http://"),
        "RESYNC_SECONDS": str(pace.resync),
    }
    return WatchedProcess(
        "ordinary", ["bench.ordinary"], environ={**_environment(account), **given}
    )


class FloorProcess(WatchedProcess):
    """The bare calls for so many objects of a namespace; it ends by itself."""

    def __init__(self, account: Account, *, api_url: str, namespace: str, objects: int) -> None:
        super().__init__(
            "floor",
            ["bench.floor", namespace, str(objects)],
            environ={**_environment(account), "RDS_URL": api_url},
        )

    def wait_end(self, *, seconds: float) -> Usage:
        """
        Wait until it has done its work; give what it has used.

        Raises:
            RuntimeError: It failed.
            TimeoutError: It takes longer.
        """
        polling.wait(
            lambda: "the floor is at work" if self.poll() is None else None, seconds=seconds
        )
        if self.poll() != 0:
            raise RuntimeError(f"the floor has ended with {self.poll()}:\n{self.log}")
        told = json.loads(self.log.splitlines()[-1])
        return Usage(rss_mib=told["rss_peak_mib"], **told)


def _environment(account: Account) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(TESTS),
        "KUBECONFIG": str(account.kubeconfig),
        "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
    }
