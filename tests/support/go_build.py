"""
The control plane's programs: built from tests/controlplane once per machine, or the user's own.

One binary is etcd, API server and controller manager, by the name it is called. kubectl is the one
on PATH if the API server is within the versions that it supports, else another binary.
They live outside the tree, in ``${XDG_CACHE_HOME:-~/.cache}/rds-ssl-operator/controlplane/<key>/``,
so that a second clone or a clean-up does not cost another build.
"""

import contextlib
import dataclasses
import fcntl
import functools
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from support import build_progress, go_command
from support.go_command import MODULE, BuildError, Doing, Say
from support.polling import patience

PROGRAMS = {
    "controlplane": ("etcd", "kube-apiserver", "kube-controller-manager"),
    "kubectl": ("kubectl",),
}
"""The names under which each binary is called."""
PACKAGES = {"controlplane": ".", "kubectl": "./kubectl"}
"""What each is built from."""
KUBECTL_SKEW = 1
"""Minor versions between kubectl and API server, either way, that Kubernetes supports."""
LEFT_OUT = ("k8s.io/apiserver", "pkg/admission/plugin/policy/generic/policy_test_context.go")
"""
Module and a file of it that is for tests, but is not named as one.

Alone it brings the fakes of all clients into an API server: 66 packages, a fifteenth of the build.
"""

COMPILER_FLAGS = (
    # Nobody debugs these programs, and to write what a debugger needs is an eighth of the work.
    # To inline is a quarter of it, and the API server needs no more of the processor without it.
    "-gcflags=all=-dwarf=false -l",
    # What is called most stays as quick as it is: the runtime, TLS, JSON, locks.
    "-gcflags=std=-dwarf=false",
)


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
    Find the control plane's programs, building them first if need be (minutes).

    Several processes may call this at once: one builds, the others wait for it.

    Args:
        say: Called every PROGRESS_SECONDS while there is something to wait for, else never.

    Raises:
        BuildError: If KUBEBUILDER_ASSETS lacks a program, there is no Go, or the build fails.
    """
    if assets := os.environ.get("KUBEBUILDER_ASSETS"):
        return _assets(Path(assets).absolute())  # The programs run in another directory.
    folder = cache_folder()
    if _missing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with alone(folder.parent / "lock", say):
            if missing := _missing(folder):  # Another process may have built it meanwhile.
                _build(folder, missing, say)
    return _programs_in(folder)


def cache_folder() -> Path:
    """Where the binaries for the present module are, or will be."""
    key = hashlib.sha256()
    for path in sorted([MODULE / "go.mod", MODULE / "go.sum", *MODULE.rglob("*.go")]):
        key.update(path.relative_to(MODULE).as_posix().encode() + b"\0" + path.read_bytes())
    key.update(repr((LEFT_OUT, _build_flags(), sys.platform, platform.machine())).encode())
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches.absolute() / "rds-ssl-operator" / "controlplane" / key.hexdigest()[:16]


def is_cached() -> bool:
    """Whether ``programs`` would find everything there."""
    return bool(os.environ.get("KUBEBUILDER_ASSETS")) or not _missing(cache_folder())


def _assets(folder: Path) -> Programs:
    missing = [
        name
        for names in PROGRAMS.values()
        for name in names
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
    built = folder / "kubectl"
    return Programs(
        etcd=folder / "etcd",
        kube_apiserver=folder / "kube-apiserver",
        kubectl=(None if built.exists() else kubectl_on_path()) or built,
        kube_controller_manager=manager if manager.exists() else None,
    )


def _missing(folder: Path) -> list[str]:
    """Return the binaries that have to be built."""
    return [
        binary
        for binary, names in PROGRAMS.items()
        if not all(_can_run(folder, name) for name in names)
        and not (binary == "kubectl" and kubectl_on_path())
    ]


@functools.cache
def kubectl_on_path() -> Path | None:
    """Return the kubectl on PATH; None if there is none, or the API server is not for it."""
    found = shutil.which("kubectl")
    if found is None:
        return None
    try:
        said = subprocess.run(
            [found, "version", "--client", "--output=json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=patience(10),
        ).stdout
        version = str(json.loads(said)["clientVersion"]["gitVersion"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return None
    return Path(found).absolute() if kubectl_fits(version, _kubernetes_version()) else None


def kubectl_fits(version: str, server: str) -> bool:
    """
    True if a kubectl of this version may be used with that API server.

    Not one with a suffix of its own, such as ``v1.36.1-dispatcher``: it may be a program that
    chooses another.
    """
    ours, theirs = (re.fullmatch(r"v(\d+)\.(\d+)\.\d+", each) for each in (version, server))
    if ours is None or theirs is None or ours[1] != theirs[1]:
        return False
    return abs(int(ours[2]) - int(theirs[2])) <= KUBECTL_SKEW


def _can_run(folder: Path, name: str) -> bool:
    return os.access(folder / name, os.X_OK)


@contextlib.contextmanager
def alone(lock: Path, say: Say) -> Iterator[None]:
    """Wait until no other process builds, which is told now and then; *lock* is its file."""
    started = last_said = time.monotonic()
    with lock.open("w") as file:  # The kernel gives the lock back however this process ends.
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                now = time.monotonic()
                if now - last_said >= go_command.PROGRESS_SECONDS:
                    last_said = now
                    say(f"{now - started:.0f} s, waiting for the build of another process")
                time.sleep(0.2)
        yield


def _build(folder: Path, binaries: Sequence[str], say: Say) -> None:
    for leftover in folder.parent.glob("building-*"):  # Its builder was killed; we have the lock.
        shutil.rmtree(leftover, ignore_errors=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="building-") as scratch:
        log = Path(scratch) / "log"
        go, version = go_command.find(log, say)
        names = [name for binary in binaries for name in PROGRAMS[binary]]
        time_it_takes = build_progress.in_words(build_progress.expected_seconds())
        say(
            f"building {', '.join(names)} {_kubernetes_version()} with go {version}: once per"
            f" machine, {time_it_takes} on this one as busy as it is, and the download"
            " of 90 MB of modules"
        )
        result = Path(scratch) / "result"
        result.mkdir()
        without = f"-modfile={_leave_out(go, Path(scratch) / 'module', log, say)}"
        packages = [without, *(PACKAGES[binary] for binary in binaries)]
        progress = _progress(go, packages, log, say)
        command = [str(go), "build", "-v", *_build_flags(), "-o", f"{result}/", *packages]
        _run_go(command, log=log, say=say, doing=progress.line)
        folder.mkdir(exist_ok=True)
        for binary in binaries:
            (result / binary).rename(folder / binary)
            for name in PROGRAMS[binary]:
                if name != binary:
                    (result / name).symlink_to(binary)
                    (result / name).rename(folder / name)
    say(f"built in {time.monotonic() - started:.0f} s: {folder}")


def _leave_out(go: Path, place: Path, log: Path, say: Say) -> Path:
    """Return a go.mod like ours, with a copy in *place* of the module that lacks `LEFT_OUT`."""
    module, file = LEFT_OUT
    command = [str(go), "mod", "download", "-json", module]
    told = _run_go(command, log=log, say=say, doing=_downloading)
    found = re.search(r'"Dir": "(.+)"', told)
    if found is None:
        raise BuildError(f"`go mod download` did not say where {module} is:\n{told}")
    # Not what is allowed to whom: in the module cache nobody may write.
    shutil.copytree(found[1], place / "copy", copy_function=shutil.copyfile)
    for folder, _, _ in os.walk(place):
        Path(folder).chmod(0o700)
    (place / "copy" / file).unlink()
    shutil.copyfile(MODULE / "go.sum", place / "go.sum")
    replaced = rf"(^\s*{re.escape(module)} => ).+$"
    text, number = re.subn(
        replaced,
        lambda line: f'{line[1]}"{place}/copy"',
        (MODULE / "go.mod").read_text(),
        flags=re.MULTILINE,
    )
    if number != 1:
        raise BuildError(f"{MODULE / 'go.mod'} does not replace {module} in one line.")
    (place / "go.mod").write_text(text)
    return place / "go.mod"


def _progress(go: Path, packages: Sequence[str], log: Path, say: Say) -> build_progress.Progress:
    """Download the modules, and return what there is to compile."""
    fields = "{{.ImportPath}}\t{{.Name}}\t{{.Dir}}{{range .GoFiles}}\t{{.}}{{end}}"
    command = [str(go), "list", "-deps", "-f", fields, *packages]
    listed = _run_go(command, log=log, say=say, doing=_downloading)
    sizes, commands = {}, set()
    for line in listed.splitlines():
        if "\t" in line:  # Others tell of a download.
            path, name, folder, *files = line.split("\t")
            sizes[path] = sum((Path(folder) / file).stat().st_size for file in files)
            commands |= {path} if name == "main" else set()
    return build_progress.Progress(sizes=sizes, commands=frozenset(commands))


def _downloading(output: str, *, seconds: float) -> str:
    del seconds
    last = output.splitlines()[-1:] or [""]
    if not last[0].startswith("go: downloading "):
        return "looking at what there is to compile"
    return f"downloading modules, now {last[0].removeprefix('go: downloading ')}"


def _run_go(command: list[str], *, log: Path, say: Say, doing: Doing) -> str:
    try:
        return go_command.run(command, cwd=MODULE, log=log, say=say, doing=doing)
    except BuildError as error:
        settings = " ".join(f"{key}='{value}'" for key, value in go_command.ENVIRONMENT.items())
        by_hand = f"To try by hand: cd {MODULE} && {settings} {command[0]} build -o /dev/null ."
        raise BuildError(f"{error}\n{by_hand}") from error


def _build_flags() -> list[str]:
    version = _kubernetes_version()
    major, minor, _ = version.removeprefix("v").split(".", 2)
    # Without a version kubectl complains that it cannot parse its own.
    stamps = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    linker = " ".join(f"-X k8s.io/component-base/version.{key}={stamps[key]}" for key in stamps)
    return ["-trimpath", *COMPILER_FLAGS, f"-ldflags=-s -w {linker}"]


def _kubernetes_version() -> str:
    return go_command.in_go_mod(r"^\s+k8s\.io/kubernetes (v\d+\.\d+\.\d+)")
