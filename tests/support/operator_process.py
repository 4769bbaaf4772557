"""The operator as its users run it: a process of its own, against a control plane and a cloud."""

import os
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

from support import polling
from support.watched_process import WatchedProcess

TESTS = Path(__file__).parents[1]

START_SECONDS = 60.0

QUICK = {
    "QUIET_PERIOD": "0s",
    "VERIFY_AFTER": "5s",
    "SETTLE": "10s",
    "MAX_CONCURRENT_CHANGES": "50",
    "API_RATE": "0",
    # A test changes one instance more often in a minute than anybody may in a day.
    "MAX_CHANGES_PER_DAY": "0",
}
"""Settings for tests: no pacing, and unknown outcomes that are decided within seconds."""


class OperatorProcess(WatchedProcess):
    """
    ``rds-ssl run``; *settings* by name without the prefix.

    *module* is started in place of `rds_ssl`. With *ahead* its clock is ahead by so many seconds;
    move the simulator's as well, see `Simulator.move`, or RDS refuses its signatures.
    """

    def __init__(
        self,
        *,
        kubeconfig: Path,
        api_url: str,
        environ: dict[str, str] | None = None,
        ahead: float = 0.0,
        module: str = "rds_ssl",
        **settings: str,
    ) -> None:
        chosen = {
            "API_URL": api_url,
            "HTTP_BIND": "127.0.0.1:0",
            "LOG_LEVEL": "info",
            **QUICK,
            **settings,
        }
        program = ["support.operator_ahead", str(ahead)] if ahead else [module]
        super().__init__(
            "operator",
            [*program, "run"],
            environ={
                **{
                    name: value
                    for name, value in os.environ.items()
                    if not name.startswith(("RDS_SSL_", "ALIBABA_CLOUD_"))
                },
                **({"PYTHONPATH": str(TESTS)} if program != ["rds_ssl"] else {}),
                "KUBECONFIG": str(kubeconfig),
                **{f"RDS_SSL_{name}": value for name, value in chosen.items()},
                **(environ or {}),
            },
        )

    @property
    def port(self) -> int | None:
        """The port of probes and metrics, once it is known."""
        found = re.search(r'http_port(?:=|": )(\d+)', self.log)
        return int(found.group(1)) if found else None

    def wait_ready(self) -> Self:
        """
        Wait until /readyz says so.

        Raises:
            RuntimeError: If it ends instead, with its log.
            TimeoutError: If it takes longer than START_SECONDS.
        """

        def problem() -> str | None:
            if (status := self.poll()) is not None:
                raise RuntimeError(f"the operator has ended with {status}:\n{self.log}")
            if self.port is None:
                return "no port yet"
            status, text = self.get("/readyz")
            return None if status == 200 else f"/readyz: {status} {text}\n{self.log[-3000:]}"

        polling.wait(problem, seconds=START_SECONDS)
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTP server; status 0 if it does not answer."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self.port}{path}", timeout=polling.patience(5)
            ) as reply:
                return int(reply.status), reply.read().decode()
        except urllib.error.HTTPError as error:
            return int(error.code), error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str, **labels: str) -> float:
        """Give the sum of a metric's samples with these labels."""
        total = 0.0
        for line in self.get("/metrics")[1].splitlines():
            full, _, value = line.rpartition(" ")
            if full.partition("{")[0] == name and all(
                f'{label}="{wanted}"' in full for label, wanted in labels.items()
            ):
                total += float(value)
        return total
