"""A program with a log that does not outlive the process that started it."""

import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from support.polling import patience

STOP_SECONDS = 25.0


class WatchedProcess:
    """
    ``python -m`` *program*, under exactly the environment *environ*.

    Its log goes to a file, so that no pipe can fill up; the file is shown if a wait fails.
    """

    def __init__(self, name: str, program: Sequence[str], *, environ: Mapping[str, str]) -> None:
        self.name = name
        handle, path = tempfile.mkstemp(prefix=f"rds-ssl-{name}-", suffix=".log")
        self.log_file = Path(path)
        self._process = subprocess.Popen(
            [sys.executable, "-m", *program],
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=handle,
            stderr=handle,
            start_new_session=True,
        )
        os.close(handle)
        self.pid = self._process.pid
        # Ends the program however this process ends: the kernel closes the pipe then.
        self._watchdog = subprocess.Popen(
            ["sh", "-c", 'read -r _; kill -9 "$1"; rm -f "$2"', "sh", str(self.pid), path],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def log(self) -> str:
        """Everything it has written so far."""
        return self.log_file.read_text(errors="replace")

    def rss_mib(self) -> float:
        """Its resident memory."""
        return self.memory_mib("VmRSS")

    def memory_mib(self, of: str) -> float:
        """Give a figure of its memory by the kernel's name: ``VmHWM`` is the most so far."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(rf"{of}:\s+(\d+) kB", status)
        return int(found.group(1)) / 1024 if found else 0.0

    def limit_memory(self, mib: float) -> None:
        """
        Let it have so much memory of its own and no more: the next piece is a MemoryError.

        Libraries on disk do not count, as in the limit of a container that can drop them; what is
        reserved counts before it is touched, so that this is the stricter limit.
        """
        size = int(mib * 2**20)
        resource.prlimit(self.pid, resource.RLIMIT_DATA, (size, size))

    def poll(self) -> int | None:
        """Give the exit status, or None while it runs."""
        return self._process.poll()

    def wait_ended(self) -> int:
        """Wait until it has ended by itself; give the exit status."""
        return self._process.wait(patience(STOP_SECONDS))

    def kill(self) -> None:
        """End it as a crash does."""
        self._process.kill()
        self._process.wait()

    def terminate(self) -> int:
        """End it as Kubernetes does; give the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(patience(STOP_SECONDS))

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
            sys.stderr.write(f"--- log of {self.name} ---\n{self.log[-4000:]}\n")
        self.stop()
