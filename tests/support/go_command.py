"""
Go: which one builds the control plane, how it is called, and what went wrong.

It comes from PATH, or is a package of the development dependencies that is installed when it is
needed.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from support import build_progress

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "tests" / "controlplane"
PROGRESS_SECONDS = 5.0
"""Between two lines to the person who waits."""

ENVIRONMENT = {
    "CGO_ENABLED": "0",
    # Of the compiler, of which each core has one: less time for more memory.
    "GOGC": "off",
    "GOMEMLIMIT": "1000MiB",
    "GOFLAGS": "-mod=readonly -buildvcs=false",  # The tree need not be under version control.
    "GOTOOLCHAIN": "local",  # Never download another Go behind the developer's back.
    "GOWORK": "off",
}
"""Set for every call of go. GOCACHE and GOMODCACHE stay what they are."""

UNSET = ("GOROOT", "GOOS", "GOARCH")
"""A Go finds its own root, and the binary has to run here."""

REMEDIES = (
    (
        r"module lookup disabled|dial tcp|no such host|i/o timeout|proxyconnect|TLS handshake",
        "The Go modules could not be downloaded: check the network, HTTPS_PROXY and GOPROXY.",
    ),
    (
        r"no space left on device",
        "The build needs 4 GB of disk: see GOCACHE and GOMODCACHE in `go env`, and ~/.cache.",
    ),
    (r"signal: killed", "Something killed the compiler, probably for its memory: 4 GB are enough."),
    (
        r"missing go\.sum entry|updates to go\.mod needed",
        "go.mod and go.sum do not fit together: run `go mod tidy` in tests/controlplane.",
    ),
)
"""Pattern in go's output to advice; the first match counts."""

Say = Callable[[str], None]
"""Takes one line for the person who waits."""


class Doing(Protocol):
    """Says what a program is doing."""

    def __call__(self, output: str, /, *, seconds: float) -> str:
        """Return it, from all that the program wrote within so many seconds."""


class BuildError(Exception):
    """The programs cannot be had; the message says what to do about it."""


def in_go_mod(pattern: str) -> str:
    """Return the first group of a pattern that a line of go.mod has to match."""
    match = re.search(pattern, (MODULE / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise BuildError(f"{MODULE / 'go.mod'} has no line like {pattern}.")
    return match[1]


def find(log: Path, say: Say) -> tuple[Path, str]:
    """
    Return a Go that is new enough, and its version; it is installed if there is none.

    Raises:
        BuildError: There is none to be had.
    """
    wanted = in_go_mod(r"^go (\S+)$")
    in_environment = Path(sys.prefix) / "bin" / "go"
    candidates = [Path(found)] if (found := shutil.which("go")) else []
    for candidate in (*candidates, in_environment):
        version = _go_version(candidate)
        if version and _numbers(version) >= _numbers(wanted):
            return candidate, version
    _install_go(wanted, log, say)
    version = _go_version(in_environment)
    if version is None:
        raise BuildError(
            f"The dependency group `go` brought no {in_environment}. {_have_go(wanted)}"
        )
    return in_environment, version


def _go_version(go: Path) -> str | None:
    try:
        said = subprocess.run(
            [go, "version"], env=_go_environment(), capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\bgo(\d+\.\d+(?:\.\d+)?)", said)
    return match[1] if match else None


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _install_go(wanted: str, log: Path, say: Say) -> None:
    if sys.prefix == sys.base_prefix:  # uv would install into the system's Python.
        raise BuildError(f"There is no Go {wanted} or newer on PATH. {_have_go(wanted)}")
    say(f"no Go {wanted} or newer on PATH: installing the dependency group `go`")
    command = [sys.executable, "-m", "uv", "sync", "--frozen", "--inexact", "--group", "go"]
    try:
        run(command, cwd=ROOT, log=log, say=say, doing=_installing)
    except BuildError as error:
        raise BuildError(f"{error}\n{_have_go(wanted)}") from error


def _installing(output: str, *, seconds: float) -> str:
    del output, seconds
    return "installing Go"


def _have_go(wanted: str) -> str:
    return (
        f"Install Go {wanted} or newer, or run this with the Python of the project's environment"
        " (`make setup`), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kubectl."
    )


def run(command: list[str], *, cwd: Path, log: Path, say: Say, doing: Doing) -> str:
    """
    Run *command* to its end, telling every few seconds what *doing* makes of its output.

    Returns what it wrote, to both.

    Raises:
        BuildError: If it fails; with the end of the output, and advice.
    """
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            # A killed go leaves its scratch files; beside the log they are removed with it.
            env=_go_environment() | {"GOTMPDIR": str(log.parent)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # So that its compilers can be killed with it.
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(PROGRESS_SECONDS)
                    break
                passed = time.monotonic() - started
                say(f"{passed:.0f} s, {doing(log.read_text(errors='replace'), seconds=passed)}")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0:
        raise BuildError(_failure(command, process.returncode, log.read_text(errors="replace")))
    return log.read_text(errors="replace")


def _go_environment() -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in UNSET}
    # uv would take the .venv beside pyproject.toml, which need not be the one that runs.
    return inherited | ENVIRONMENT | {"UV_PROJECT_ENVIRONMENT": sys.prefix}


def _failure(command: list[str], status: int, output: str) -> str:
    said = [line for line in output.splitlines() if line and not build_progress.is_package(line)]
    advice = [advice for pattern, advice in REMEDIES if re.search(pattern, output)]
    return "\n".join(
        [
            f"`{' '.join(command[:3])} ...` ended with status {status}:",
            *(f"    {line}" for line in said[-20:]),
            *advice[:1],
        ]
    )
