"""The plugin as krew installs it, from what `make krew` writes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support import krew

Run = Callable[..., "subprocess.CompletedProcess[str]"]

PROGRAMS = Path(sys.executable).parent


@pytest.fixture
def run(tool: Callable[[str], Path], tmp_path: Path) -> Run:
    """Run krew, which keeps all it has in a folder of its own and asks nobody for newer ones."""
    # An empty index, in place of the public one, without which it neither lists nor uninstalls.
    index = tmp_path / "krew" / "index" / "default"
    subprocess.run(["git", "init", "--quiet", str(index)], check=True)
    own = {"KREW_ROOT": str(tmp_path / "krew"), "KREW_NO_UPGRADE_CHECK": "1"}

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [str(tool("krew")), *arguments],
            env={**os.environ, **own},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def install(run: Run, archive: Path) -> "subprocess.CompletedProcess[str]":
    return run("install", f"--manifest={krew.MANIFEST}", f"--archive={archive}")


def test_krew_installs_the_plugin_and_takes_it_away(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / krew.ARCHIVE
    archive.write_bytes(krew.archive())

    installed = install(run, archive)

    assert installed.returncode == 0, installed.stderr
    assert run("list").stdout.split() == ["detached/rds-ssl"]
    plugin = tmp_path / "krew" / "bin" / "kubectl-rds_ssl"
    told = [
        subprocess.run(
            [str(program), "--version"],
            env={**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for program in (plugin, PROGRAMS / "rds-ssl")
    ]
    assert told[0] == told[1]

    assert run("uninstall", "rds-ssl").returncode == 0
    assert not plugin.exists()


def test_krew_refuses_another_archive(run: Run, tmp_path: Path) -> None:
    archive = tmp_path / krew.ARCHIVE
    archive.write_bytes(krew.archive() + b"\0")

    refused = install(run, archive)

    assert refused.returncode == 1
    assert "checksum does not match" in refused.stderr
