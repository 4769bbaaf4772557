"""
Programs that do not outlive the process that asked for them, in a directory that goes with them.

This file is both sides: ``Supervisor`` for the parent, and a script that the parent runs by its
path. The script reads a pipe whose writing end only the parent has. The kernel closes that end
however the parent ends, SIGKILL included; the script then kills the programs and removes the
directory.

Why not PR_SET_PDEATHSIG on children of the parent's own: it would leave the directory, it fires
when the *thread* that forked ends (a test runner has several), it needs a preexec_fn, which is
unsafe beside threads, and only Linux has it. The script has one thread and so may use it for its
programs: they die with it should somebody kill the script itself.

Protocol, a line of JSON each way. The script first writes the path of its directory. Requests are
``["start", name, [argument, ...]]``, ``["kill", name]``, ``["look"]`` and ``["stop"]``; each but
the last is answered by the state of every program, ``{name: [process id, exit status or null]}``.
"""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

STOP_SECONDS = 10.0
"""Until all programs are gone; 0.1 s on an idle machine."""

PR_SET_PDEATHSIG = 1
"""From linux/prctl.h."""


class Supervisor:
    """
    Starts and kills programs by name; each runs in *directory* and logs to ``<name>.log`` there.

    Safe to use from several threads.
    """

    directory: Path
    """Empty at first, readable by its owner only, gone after ``stop``."""

    def __init__(self, *, prefix: str) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            # Isolated and without site-packages: it starts in 50 ms and imports nothing of ours.
            [sys.executable, "-I", "-S", __file__, prefix],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the parent, which decides what ends.
        )
        self._stopped = False
        self.directory = Path(self._read())

    def start(self, name: str, command: Sequence[str | Path]) -> None:
        """Start *command* as *name*, which must not be running."""
        self._ask(["start", name, [str(argument) for argument in command]])

    def kill(self, name: str) -> None:
        """Kill *name* and return when it is gone."""
        self._ask(["kill", name])

    def process_ids(self) -> dict[str, int]:
        """Ids of the programs that run."""
        return {name: pid for name, (pid, status) in self._ask(["look"]).items() if status is None}

    def stop(self) -> None:
        """Kill everything, remove the directory; a second call does nothing."""
        with self._lock:
            if self._stopped:
                return
            self._stopped = True
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            # Closing alone would not do if the parent has forked: the child holds the end, too.
            with contextlib.suppress(OSError):
                self._process.stdin.write(b'["stop"]\n')
                self._process.stdin.flush()
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)  # The programs are in its group.
                self._process.wait()
            self._process.stdout.close()
            shutil.rmtree(self.directory, ignore_errors=True)

    def _ask(self, request: list[Any]) -> dict[str, tuple[int, int | None]]:
        with self._lock:
            if self._stopped:
                raise RuntimeError("The supervisor has been stopped.")
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            return {name: (pid, status) for name, (pid, status) in self._read().items()}

    def _read(self) -> Any:  # noqa: ANN401 - what JSON holds.
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"The supervisor ended with status {self._process.wait()}.")
        return json.loads(line)


def main() -> None:
    """Serve requests until the pipe ends, then leave nothing behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())  # So that `finally` runs.
    programs: dict[str, subprocess.Popen[bytes]] = {}
    with tempfile.TemporaryDirectory(prefix=sys.argv[1], ignore_cleanup_errors=True) as directory:
        try:
            _answer(directory)
            for line in sys.stdin:
                request = json.loads(line)
                if request == ["stop"]:
                    break
                _obey(request, programs, Path(directory))
                _answer({name: [each.pid, each.poll()] for name, each in programs.items()})
        except BrokenPipeError:
            pass  # The parent ended before it could read.
        finally:
            for program in programs.values():
                program.kill()
            for program in programs.values():
                program.wait()


def _obey(request: list[Any], programs: dict[str, subprocess.Popen[bytes]], home: Path) -> None:
    match request:
        case ["start", name, command]:
            with (home / f"{name}.log").open("ab") as log:
                programs[name] = subprocess.Popen(
                    command,
                    cwd=home,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    preexec_fn=_die_with_this_process(),  # noqa: PLW1509 - there is one thread.
                )
        case ["kill", name]:
            programs[name].kill()
            programs[name].wait()


def _die_with_this_process() -> Callable[[], None] | None:
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # Looked up before the fork.
    this_process = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != this_process:
            os._exit(1)  # It ended before the line above, so no signal would come.

    return arrange


def _answer(value: object) -> None:
    # Not print: what is left in its buffer after a broken pipe would fail again at exit.
    os.write(sys.stdout.fileno(), json.dumps(value).encode() + b"\n")


if __name__ == "__main__":
    main()
