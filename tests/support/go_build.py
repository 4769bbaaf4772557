"""
The control plane's programs: built from tests/controlplane once per machine, or the user's own.

One binary is all of them, by the name it is called.
It lives outside the tree, in ``${XDG_CACHE_HOME:-~/.cache}/rds-ssl-operator/controlplane/<key>/``,
so that a second clone or a clean-up does not cost another build.
"""

import contextlib
import dataclasses
import fcntl
import hashlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "tests" / "controlplane"
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
PROGRESS_SECONDS = 5.0
"""Between two lines to the person who waits."""

GO_ENVIRONMENT = {
    "CGO_ENABLED": "0",
    "GOFLAGS": "-mod=readonly -buildvcs=false",  # The tree need not be under version control.
    "GOTOOLCHAIN": "local",  # Never download another Go behind the developer's back.
    "GOWORK": "off",
}
"""Set for every call of go. GOCACHE and GOMODCACHE stay what they are."""

GO_UNSET = ("GOROOT", "GOOS", "GOARCH")
"""A Go finds its own root, and the binary has to run here."""

REMEDIES = (
    (
        r"module lookup disabled|dial tcp|no such host|i/o timeout|proxyconnect|TLS handshake",
        "The Go modules could not be downloaded: check the network, HTTPS_PROXY and GOPROXY.",
    ),
    (
        r"no space left on device",
        "The build needs 5 GB of disk: see GOCACHE and GOMODCACHE in `go env`, and ~/.cache.",
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


class BuildError(Exception):
    """The programs cannot be had; the message says what to do about it."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Programs:
    """Paths of the executables."""

    etcd: Path
    kube_apiserver: Path
    kubectl: Path
    kube_controller_manager: Path | None
    """None if KUBEBUILDER_ASSETS is set and its folder has none."""


def programs(say: Say) -> Programs:
    """
    Find the control plane's programs, building them first if need be (3 to 6 minutes).

    Several processes may call this at once: one builds, the others wait for it.

    Args:
        say: Called every PROGRESS_SECONDS while there is something to wait for, else never.

    Raises:
        BuildError: If KUBEBUILDER_ASSETS lacks a program, there is no Go, or the build fails.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return _assets(Path(assets).absolute())  # The programs run in another directory.
    folder = cache_folder()
    if not _is_complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent / "lock", say):
            if not _is_complete(folder):  # Another process may have built it meanwhile.
                _build(folder, say)
    return _programs_in(folder)


def cache_folder() -> Path:
    """Where the binary for the present module is, or will be."""
    key = hashlib.sha256()
    for name in ("go.mod", "go.sum", "main.go"):
        key.update((MODULE / name).read_bytes())
    key.update(repr((_build_flags(), sys.platform, platform.machine())).encode())
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches.absolute() / "rds-ssl-operator" / "controlplane" / key.hexdigest()[:16]


def is_cached() -> bool:
    """Whether ``programs`` would find everything there."""
    return bool(os.environ.get("KUBEBUILDER_ASSETS")) or _is_complete(cache_folder())


def _assets(folder: Path) -> Programs:
    missing = [
        name
        for name in PROGRAMS
        if name != "kube-controller-manager" and not _can_run(folder, name)
    ]
    if missing:
        raise BuildError(
            f"KUBEBUILDER_ASSETS is {folder}, which has no {', '.join(missing)}."
            " Unset it to build the programs from tests/controlplane."
        )
    return _programs_in(folder)


def _programs_in(folder: Path) -> Programs:
    manager = folder / "kube-controller-manager"
    return Programs(
        etcd=folder / "etcd",
        kube_apiserver=folder / "kube-apiserver",
        kubectl=folder / "kubectl",
        kube_controller_manager=manager if manager.exists() else None,
    )


def _is_complete(folder: Path) -> bool:
    return all(_can_run(folder, name) for name in PROGRAMS)


def _can_run(folder: Path, name: str) -> bool:
    return os.access(folder / name, os.X_OK)


@contextlib.contextmanager
def _alone(lock: Path, say: Say) -> Iterator[None]:
    started = last_said = time.monotonic()
    with lock.open("w") as file:  # The kernel gives the lock back however this process ends.
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                if now - last_said >= PROGRESS_SECONDS:
                    last_said = now
                    say(f"{now - started:.0f} s, waiting for the build of another process")
                time.sleep(0.2)
        yield


def _build(folder: Path, say: Say) -> None:
    for leftover in folder.parent.glob("building-*"):  # Its builder was killed; we have the lock.
        shutil.rmtree(leftover, ignore_errors=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as scratch:
        log = Path(scratch) / "log"
        go, version = _go(log, say)
        say(
            f"building {', '.join(PROGRAMS)} {_kubernetes_version()} with go {version}:"
            " once per machine, 3 to 6 minutes on two cores"
        )
        result = Path(scratch) / "result"
        result.mkdir()
        command = [str(go), "build", "-v", *_build_flags(), "-o", str(result / "controlplane"), "."]
        try:
            _run(command, cwd=MODULE, log=log, say=say, doing=_stage)
        except BuildError as error:
            settings = " ".join(f"{key}='{value}'" for key, value in GO_ENVIRONMENT.items())
            by_hand = f"To try by hand: cd {MODULE} && {settings} {go} build -o /dev/null ."
            raise BuildError(f"{error}\n{by_hand}") from error
        for name in PROGRAMS:
            (result / name).symlink_to("controlplane")
        shutil.rmtree(folder, ignore_errors=True)  # There is one only if it was incomplete.
        result.rename(folder)
    say(f"built in {time.monotonic() - started:.0f} s: {folder}")


def _build_flags() -> list[str]:
    version = _kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    # Without a version kubectl complains that it cannot parse its own.
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    linker = " ".join(f"-X k8s.io/component-base/version.{key}={stamps[key]}" for key in stamps)
    return ["-trimpath", f"-ldflags=-s -w {linker}"]


def _kubernetes_version() -> str:
    return _in_go_mod(r"^\s+k8s\.io/kubernetes (v\d+\.\d+\.\d+)")


def _in_go_mod(pattern: str) -> str:
    match = re.search(pattern, (MODULE / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise BuildError(f"{MODULE / 'go.mod'} has no line like {pattern}.")
    return match[1]


def _go(log: Path, say: Say) -> tuple[Path, str]:
    wanted = _in_go_mod(r"^go (\S+)$")
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
        _run(command, cwd=ROOT, log=log, say=say, doing=lambda _: "installing Go")
    except BuildError as error:
        raise BuildError(f"{error}\n{_have_go(wanted)}") from error


def _have_go(wanted: str) -> str:
    return (
        f"Install Go {wanted} or newer, or run this with the Python of the project's environment"
        " (`make setup`), or set KUBEBUILDER_ASSETS to a folder with etcd, kube-apiserver, kubectl."
    )


def _run(
    command: list[str], *, cwd: Path, log: Path, say: Say, doing: Callable[[str], str]
) -> None:
    """
    Run *command* to its end, telling every few seconds what *doing* makes of its output.

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
                say(f"{time.monotonic() - started:.0f} s, {doing(log.read_text(errors='replace'))}")
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if process.returncode != 0:
        raise BuildError(_failure(command, process.returncode, log.read_text(errors="replace")))


def _go_environment() -> dict[str, str]:
    inherited = {key: value for key, value in os.environ.items() if key not in GO_UNSET}
    # uv would take the .venv beside pyproject.toml, which need not be the one that runs.
    return inherited | GO_ENVIRONMENT | {"UV_PROJECT_ENVIRONMENT": sys.prefix}


def _stage(output: str) -> str:
    lines = output.splitlines() or [""]
    compiled = [line for line in lines if _is_package(line)]
    if lines[-1].startswith("go: downloading "):
        return f"downloading modules, now {lines[-1].removeprefix('go: downloading ')}"
    if not compiled:
        return "looking at what there is to compile"
    if compiled[-1] == _in_go_mod(r"^module (\S+)$"):
        return "linking"
    return f"compiling, {len(compiled)} packages so far, now {compiled[-1]}"


def _is_package(line: str) -> bool:
    # go build -v prints nothing but the import path of each package that it compiles.
    return re.fullmatch(r"[\w.~/-]+", line) is not None


def _failure(command: list[str], status: int, output: str) -> str:
    said = [line for line in output.splitlines() if line and not _is_package(line)]
    advice = [advice for pattern, advice in REMEDIES if re.search(pattern, output)]
    return "\n".join(
        [
            f"`{' '.join(command[:3])} ...` ended with status {status}:",
            *(f"    {line}" for line in said[-20:]),
            *advice[:1],
        ]
    )
