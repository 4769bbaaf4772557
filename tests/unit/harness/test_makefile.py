"""The Makefile, as far as it goes without a network: what it lists, and which Python it takes."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.polling import patience

ROOT = Path(__file__).parents[3]
TARGETS = {
    "help",
    "setup",
    "demo",
    "test",
    "test-peers",
    "test-image",
    "sbom",
    "dist",
    "release-notes",
    "pictures",
    "cover",
    "soak",
    "faults",
    "fuzz",
    "leaks",
    "year",
    "bench",
    "chaos",
    "check",
    "fmt",
    "crds",
    "explanations",
    "krew",
    "render",
    "site",
    "controlplane",
}

WITHOUT_PYTHON = {"help", "release-notes"}

# `make test` tells a make below it what it was told itself.
ENVIRON = {
    name: value for name, value in os.environ.items() if not re.match("MAKE|MFLAGS|PYTHON", name)
}

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone as it is before the first make."""
    for name in ("Makefile", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(clone: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=clone,
        env=ENVIRON,
        capture_output=True,
        text=True,
        check=False,
        timeout=patience(30),
    )


def program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_make_alone_lists_every_target_with_what_it_does(clone: Path) -> None:
    listed = make(clone).stdout.splitlines()

    assert {line.split()[1] for line in listed} == TARGETS
    assert all(len(line.split()) > 3 for line in listed)


@pytest.mark.parametrize("target", sorted(TARGETS - WITHOUT_PYTHON))
def test_a_target_that_finds_no_python_that_fits_says_which_one_it_needs(
    clone: Path, target: str
) -> None:
    too_old = program(clone / "python3.10", "exit 1")

    done = make(clone, target, f"PYTHON={too_old}")

    assert done.returncode != 0
    assert f"Python 3.11, 3.12 or 3.13 is needed, and {too_old} is none." in done.stderr
    assert f"make {target} PYTHON=" in done.stderr
    assert not (clone / ".venv").exists()


def test_an_environment_that_cannot_be_made_leaves_no_half_of_it(clone: Path) -> None:
    halfway = program(
        clone / "python", 'case "$1" in -m) mkdir -p .venv/bin; exit 1 ;; esac; echo Python 3.12'
    )

    done = make(clone, "setup", f"PYTHON={halfway}")

    assert done.returncode != 0
    assert "python3-venv" in done.stderr
    assert not (clone / ".venv").exists()


def test_an_environment_that_is_up_to_date_is_left_alone(clone: Path) -> None:
    python = program(clone / "python", "exit 1")
    (clone / ".venv" / "bin").mkdir(parents=True)
    program(clone / ".venv" / "bin" / "python", 'echo "$@"')
    (clone / ".venv" / ".synced").touch()

    done = make(clone, "demo", "KEEP=1", f"PYTHON={python}")

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["-m support.controlplane build", "-m demo --keep"]


def test_the_check_stops_at_the_first_fault(clone: Path) -> None:
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / ".synced").touch()
    program(clone / ".venv" / "bin" / "ruff", 'test "$1" = check')

    done = make(clone, "check")

    assert done.returncode != 0
    assert done.stdout.splitlines() == ["== ruff check", "== ruff format --check"]


CHANGES = """# Changes

## 0.2.0 (unreleased)

The second.

### It does

- More.

## 0.1.0

The first.
"""


@pytest.mark.parametrize(
    ("version", "notes"),
    [
        ("0.2.0", ["The second.", "### It does", "- More."]),
        ("0.1.0", ["The first."]),
    ],
)
def test_the_notes_of_a_release_are_its_part_of_the_changes(
    clone: Path, version: str, notes: list[str]
) -> None:
    (clone / "CHANGELOG.md").write_text(CHANGES)

    done = make(clone, "release-notes", f"VERSION={version}")

    assert [line for line in done.stdout.splitlines() if line] == notes


def test_a_release_without_notes_is_an_error(clone: Path) -> None:
    (clone / "CHANGELOG.md").write_text(CHANGES)

    assert make(clone, "release-notes", "VERSION=0.3.0").returncode != 0
