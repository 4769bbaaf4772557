"""
Programs of other projects that tests/peers runs: built from their Go modules when needed.

Each has a folder in tests/peers/tools with a go.mod that pins it, and a main.go where the project
has no command that can be had. They are built once per machine, beside the control plane, in
``${XDG_CACHE_HOME:-~/.cache}/rds-ssl-operator/tools/<name>-<key>/<name>``.
"""

import dataclasses
import hashlib
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from support import go_build, go_command
from support.go_command import ROOT, Say

MODULES = ROOT / "tests" / "peers" / "tools"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """How one program is built."""

    package: str = "."
    """Import path, or ``.`` for the main.go beside the go.mod."""
    tags: str = ""
    """Build tags, separated by commas."""


TOOLS: Mapping[str, Tool] = {
    "helm": Tool(package="helm.sh/helm/v4/cmd/helm"),
    # The oldest that the chart promises to work with.
    "helm-3": Tool(package="helm.sh/helm/v3/cmd/helm"),
    # Without the tag it brings the client libraries of all clouds, and builds for half an hour.
    "promtool": Tool(package="github.com/prometheus/prometheus/cmd/promtool", tags="remove_all_sd"),
    "kstatus": Tool(),
    "cert-manager": Tool(),
    "krew": Tool(package="sigs.k8s.io/krew/cmd/krew"),
    "kustomize-controller": Tool(package="github.com/fluxcd/kustomize-controller"),
}
"""By the name of folder and program."""


def tool(name: str, say: Say) -> Path:
    """
    Return the program of this name, building it first if need be (minutes).

    Several processes may call this at once: one builds, the others wait for it.

    Args:
        name: A key of TOOLS.
        say: Called now and then while it is built, else never.

    Raises:
        BuildError: If there is no Go, or the build fails.
    """
    program = _cached(name)
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        with go_build.alone(program.parent / "lock", say):
            if not program.exists():
                _build(name, program, say)
    return program


def source(name: str, module: str, say: Say) -> Path:
    """
    Return the source of a module that this program is built of, for its CRDs; read-only.

    Args:
        name: A key of TOOLS.
        module: Its import path; ``module@version`` if the program is not built of it.
        say: As in `tool`.

    Raises:
        BuildError: If it cannot be had.
    """
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"
        go, _ = go_command.find(log, say)
        command = [str(go), "mod", "download", "-json", module]
        said = go_command.run(command, cwd=MODULES / name, log=log, say=say, doing=_doing)
    return Path(json.loads(said[said.index("{") :])["Dir"])


def _cached(name: str) -> Path:
    module = MODULES / name
    key = hashlib.sha256(repr((TOOLS[name], sys.platform, platform.machine())).encode())
    for path in sorted([module / "go.mod", module / "go.sum", *module.rglob("*.go")]):
        key.update(path.relative_to(module).as_posix().encode() + b"\0" + path.read_bytes())
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute()
    return caches / "rds-ssl-operator" / "tools" / f"{name}-{key.hexdigest()[:16]}" / name


def _build(name: str, program: Path, say: Say) -> None:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(dir=program.parent, prefix="building-") as scratch:
        log = Path(scratch) / "log"
        go, version = go_command.find(log, say)
        say(f"building {name} with go {version}: once per machine, minutes")
        result = Path(scratch) / name
        tags = [f"-tags={TOOLS[name].tags}"] if TOOLS[name].tags else []
        command = [str(go), "build", "-v", "-trimpath", *tags, "-ldflags=-s -w"]
        go_command.run(
            [*command, "-o", str(result), TOOLS[name].package],
            cwd=MODULES / name,
            log=log,
            say=say,
            doing=_doing,
        )
        result.rename(program)
    say(f"built {name} in {time.monotonic() - started:.0f} s: {program}")


def _doing(output: str, *, seconds: float) -> str:
    del seconds
    return (output.splitlines()[-1:] or ["looking at what there is to compile"])[0]
