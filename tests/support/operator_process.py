"""The operator as its users run it: a process of its own, against a control plane and a cloud."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from support import polling

TESTS = Path(__file__).parents[1]

START_SECONDS = 60.0
STOP_SECONDS = 25.0

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


class OperatorProcess:
    """
    ``rds-ssl run``; *settings* by name without the prefix.

    With *ahead* its clock is ahead by so many seconds; move the simulator's as well, see
    `Simulator.move`, or RDS refuses its signatures.

    Its log goes to a file, so that no pipe can fill up; the file is shown if a wait fails.
    """

    def __init__(
        self,
        *,
        kubeconfig: Path,
        api_url: str,
        environ: dict[str, str] | None = None,
        ahead: float = 0.0,
        **settings: str,
    ) -> None:
        handle, name = tempfile.mkstemp(prefix="rds-ssl-operator-", suffix=".log")
        self.log_file = Path(name)
        chosen = {
            "API_URL": api_url,
            "HTTP_BIND": "127.0.0.1:0",
            "LOG_LEVEL": "info",
            **QUICK,
            **settings,
        }
        program = ["support.operator_ahead", str(ahead)] if ahead else ["rds_ssl"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *program, "run"],
            env={
                **{
                    name: value
                    for name, value in os.environ.items()
                    if not name.startswith(("RDS_SSL_", "ALIBABA_CLOUD_"))
                },
                **({"PYTHONPATH": str(TESTS)} if ahead else {}),
                "KUBECONFIG": str(kubeconfig),
                **{f"RDS_SSL_{name}": value for name, value in chosen.items()},
                **(environ or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
        os.close(handle)
        self.pid = self._process.pid
        # Ends the operator however this process ends: the kernel closes the pipe then.
        self._watchdog = subprocess.Popen(
            ["sh", "-c", 'read -r _; kill -9 "$1"; rm -f "$2"', "sh", str(self.pid), name],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        """Everything it has written so far."""
        return self.log_file.read_text(errors="replace")

    @property
    def port(self) -> int | None:
        """The port of probes and metrics, once it is known."""
        found = re.search(r"http_port=(\d+)", self.log)
        return int(found.group(1)) if found else None

    def wait_ready(self) -> Self:
        """
        Wait until /readyz says so.

        Raises:
            RuntimeError: If it ends instead, with its log.
            TimeoutError: If it takes longer than START_SECONDS.
        """

        def problem() -> str | None:
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"the operator has ended with {self._process.returncode}:\n{self.log}"
                )
            if self.port is None:
                return "no port yet"
            status, text = self.get("/readyz")
            return None if status == 200 else f"/readyz: {status} {text}\n{self.log[-3000:]}"

        polling.wait(problem, seconds=START_SECONDS)
        return self

    def get(self, path: str) -> tuple[int, str]:
        """Ask its HTTP server; status 0 if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as reply:
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

    def rss_mib(self) -> float:
        """Its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        return int(found.group(1)) / 1024 if found else 0.0

    def poll(self) -> int | None:
        """Give the exit status, or None while it runs."""
        return self._process.poll()

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """End it as Kubernetes does; give the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """End it somehow, and remove its log."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._watchdog.kill()
        self._watchdog.communicate()
        self.log_file.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            sys.stderr.write(f"--- operator's log ---\n{self.log[-4000:]}\n")
        self.stop()
