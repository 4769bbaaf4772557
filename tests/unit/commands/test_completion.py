"""Completion in shells and in kubectl, and the plugin as kubectl and krew find it."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from rds_ssl import cli
from rds_ssl.cli import main
from rds_ssl.commands import completion
from rds_ssl.commands.types import Access
from support import krew

ROOT = Path(__file__).parents[3]


def completed(*words: str, **environ: str) -> list[str]:
    """Ask as bash does, for the last of *words*."""
    ended = subprocess.run(
        [sys.executable, "-m", "rds_ssl"],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "_RDS_SSL_COMPLETE": "bash_complete",
            "COMP_WORDS": " ".join(("rds-ssl", *words)),
            "COMP_CWORD": str(len(words)),
            **environ,
        },
    )
    assert ended.stderr == ""
    return [line.partition(",")[2] for line in ended.stdout.split()]


def for_kubectl(*words: str) -> list[str]:
    return list(completion.for_kubectl(main, words))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_each_shell_asks_the_program_itself(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert f"_RDS_SSL_COMPLETE={shell}_complete" in result.output


def test_the_script_is_one_that_bash_can_read() -> None:
    script = CliRunner().invoke(main, ["completion", "bash"]).output

    ended = subprocess.run(["bash", "-n"], input=script, text=True, check=False)

    assert ended.returncode == 0


def test_names_that_cannot_be_asked_for_are_none_and_no_error() -> None:
    assert completed("plan", "or", KUBECONFIG="/nonexistent", HOME="/nonexistent") == []


def test_a_cluster_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text("{")

    assert completion.object_names(Access(kubeconfig=str(kubeconfig)), "o", given=()) == []


def test_kubectl_gets_words_with_their_help_and_how_to_go_on() -> None:
    assert for_kubectl("recon") == ["reconcile\tHave the operator look again, now.", ":4"]
    assert for_kubectl("explain", "awaitingw") == ["AwaitingWindow", ":4"]
    assert "plan\tList the changes that are pending, or show one." in for_kubectl()
    assert for_kubectl("lint", "x") == [":0"]


def test_kubectl_finds_the_plugin_by_the_names_of_its_programs() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]

    for name in ("kubectl-rds_ssl", "kubectl_complete-rds_ssl"):
        module, _, function = scripts[name].partition(":")
        assert module == "rds_ssl.cli"
        assert callable(getattr(cli, function))


def test_the_plugin_calls_itself_as_it_was_called(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl-rds_ssl", "explain", "--help"])

    with pytest.raises(SystemExit):
        cli.plugin()

    assert capsys.readouterr().out.startswith("Usage: kubectl rds-ssl explain ")


# --- krew -----------------------------------------------------------------------------------------


def test_the_manifest_of_krew_keeps_its_rules() -> None:
    # kubernetes-sigs/krew, internal/index/validation/validate.go.
    manifest = yaml.safe_load(krew.MANIFEST.read_text())
    spec = manifest["spec"]

    assert manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2"
    assert manifest["kind"] == "Plugin"
    assert manifest["metadata"] == {"name": krew.MANIFEST.stem}
    assert re.fullmatch(r"v\d+\.\d+\.\d+", spec["version"])
    assert spec["shortDescription"]
    assert "\n" not in spec["shortDescription"]
    for platform in spec["platforms"]:
        assert platform["uri"].endswith(f"/{spec['version']}/{krew.ARCHIVE}")
        assert {each["key"] for each in platform["selector"]["matchExpressions"]} <= {"os", "arch"}
        assert platform["bin"] in {each["from"] for each in platform["files"]}
        assert all(each["from"] and each["to"] for each in platform["files"])


def test_the_manifest_has_the_sum_of_the_archive_and_the_version_of_the_project() -> None:
    spec = yaml.safe_load(krew.MANIFEST.read_text())["spec"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert [each["sha256"] for each in spec["platforms"]] == [krew.checksum()], "make krew"
    assert spec["version"] == f"v{project['version']}"


def test_what_krew_installs_hands_over_or_says_what_is_missing(tmp_path: Path) -> None:
    launcher = ROOT / "deploy" / "krew" / "kubectl-rds_ssl"
    program = tmp_path / "rds-ssl"
    program.write_text('#!/bin/sh\necho "[$*]"\n')
    program.chmod(0o755)

    def run(path: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["/bin/sh", str(launcher), "plan", "-A"],
            env={"PATH": path}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert run(str(tmp_path)).stdout == "[plan -A]\n"
    missing = run("/nonexistent")
    assert missing.returncode == 1
    assert "needs the program rds-ssl on PATH" in missing.stderr
