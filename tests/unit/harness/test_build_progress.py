"""What a newcomer is told while the control plane is built, and whether kubectl has to be."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support import build_progress
from support.build_progress import Progress
from support.go_build import kubectl_fits, kubectl_on_path

PROGRESS = Progress(
    sizes={"unsafe": 0, "k8s.io/api/core/v1": 600, "io": 200, "rds-ssl.dev/controlplane": 200},
    commands=frozenset({"rds-ssl.dev/controlplane"}),
)


def test_nothing_is_compiled_before_it_is_known_what() -> None:
    assert PROGRESS.line("", seconds=3) == "looking at what there is to compile"


def test_what_is_left_follows_from_the_source_that_is_behind_and_not_from_the_packages() -> None:
    line = PROGRESS.line("k8s.io/api/core/v1\nio\n", seconds=80)

    assert line == "compiling, 2 of 4 packages, about 20 s more, now io"


def test_too_little_is_no_ground_for_a_guess() -> None:
    assert PROGRESS.line("unsafe\n", seconds=80) == "compiling, 1 of 4 packages, now unsafe"


def test_the_programs_themselves_are_linked() -> None:
    assert PROGRESS.line("io\nrds-ssl.dev/controlplane\n", seconds=1) == "linking"


def test_what_is_no_package_does_not_count() -> None:
    output = "go: downloading k8s.io/api v0.36.3\nio\n# k8s.io/api: a warning\n"

    assert PROGRESS.line(output, seconds=8) == "compiling, 1 of 4 packages, about 30 s more, now io"


def test_twice_the_cores_take_half_the_time_until_the_longest_chain_decides() -> None:
    two, four, many = (
        build_progress.seconds_for(cores=cores, slowdown=1.0) for cores in (2, 4, 64)
    )

    assert two == pytest.approx(2 * four)
    assert many == build_progress.ALONE_SECONDS


def test_cores_that_are_busy_or_slow_take_as_much_longer() -> None:
    idle, busy = (build_progress.seconds_for(cores=2, slowdown=each) for each in (1.0, 3.0))

    assert busy == pytest.approx(3 * idle)


def test_the_trial_of_this_machine_gives_a_time() -> None:
    assert build_progress.expected_seconds() > 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(4, "about 10 s"), (34, "about 30 s"), (55, "about 1 min"), (200, "about 3 min")],
)
def test_a_time_is_said_no_more_exactly_than_it_is_known(seconds: float, said: str) -> None:
    assert build_progress.in_words(seconds) == said


@pytest.mark.parametrize("version", ["v1.35.0", "v1.36.3", "v1.37.12"])
def test_a_kubectl_that_the_api_server_supports_need_not_be_built(version: str) -> None:
    assert kubectl_fits(version, "v1.36.3")


@pytest.mark.parametrize("version", ["v1.34.9", "v1.38.0", "v2.36.3", "v1.36.3-dispatcher", ""])
def test_another_kubectl_is_built(version: str) -> None:
    assert not kubectl_fits(version, "v1.36.3")


@pytest.fixture
def path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Give the only folder of PATH but the shell's."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    kubectl_on_path.cache_clear()
    yield tmp_path
    kubectl_on_path.cache_clear()


def kubectl(path: Path, says: str) -> Path:
    program = path / "kubectl"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    return program


def test_a_kubectl_on_path_that_fits_is_taken(path: Path) -> None:
    version = '{"clientVersion": {"gitVersion": "v1.36.0"}}'

    program = kubectl(path, f"echo '{version}'")

    assert kubectl_on_path() == program


@pytest.mark.parametrize(
    "says",
    [
        """echo '{"clientVersion": {"gitVersion": "v1.29.0"}}'""",
        "echo v1.36.0",
        "exit 1",
    ],
)
def test_one_that_is_too_old_or_cannot_say_what_it_is_is_not(path: Path, says: str) -> None:
    kubectl(path, says)

    assert kubectl_on_path() is None
