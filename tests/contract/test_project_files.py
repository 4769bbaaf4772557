"""Workflow, forms, hooks and dev container say what the project does, as far as files tell."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
FORMS = sorted(
    path
    for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")
    if path.name != "config.yml"
)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SUPPORTED = ["3.11", "3.12", "3.13"]


def loaded(path: str) -> Any:  # noqa: ANN401 - what YAML holds.
    return yaml.safe_load((ROOT / path).read_text())


def workflow() -> Json:
    found: Json = loaded(".github/workflows/ci.yml")
    return found


def steps() -> list[Json]:
    return [step for job in workflow()["jobs"].values() for step in job["steps"]]


# --- the versions of Python ----------------------------------------------------------------------


def test_every_place_names_the_versions_that_are_supported() -> None:
    assert PROJECT["requires-python"] == ">=3.11,<3.14"
    assert workflow()["jobs"]["whole"]["strategy"]["matrix"]["python"] == SUPPORTED
    told = [each for each in PROJECT["classifiers"] if re.search(r":: 3\.", each)]
    assert told == [f"Programming Language :: Python :: {each}" for each in SUPPORTED]
    assert "(3, 11) <= sys.version_info[:2] <= (3, 13)" in (ROOT / "Makefile").read_text()
    assert "Python 3.11 to 3.13" in (ROOT / ".ci" / "run").read_text()


def test_the_newest_version_is_that_of_the_image_and_the_dev_container() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())

    assert "python:3.13-slim" in (ROOT / "Dockerfile").read_text()
    assert "python:3.13-" in container["image"]
    assert container["postCreateCommand"] == "make setup"


# --- the workflow --------------------------------------------------------------------------------


def test_the_workflow_runs_what_has_to_pass_before_a_change_goes_in() -> None:
    whole = workflow()["jobs"]["whole"]

    assert [step["run"] for step in whole["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow()[True]) == {"push", "pull_request"}


def test_each_make_in_the_workflow_is_a_target() -> None:
    lines = [line for step in steps() for line in step.get("run", "").splitlines()]

    asked = {target for line in lines for target in re.findall(r"\bmake ([a-z-]+)", line)}

    assert asked >= {"test-image", "test-peers", "sbom", "site"}
    assert asked <= TARGETS


def test_an_action_of_somebody_else_is_pinned_by_its_commit() -> None:
    text = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    used = re.findall(r"uses: (.*)", text)

    assert used
    assert all(re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each) for each in used)


def test_the_workflow_may_read_and_nothing_else_and_ends() -> None:
    found = workflow()

    assert found["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in found["jobs"].values())
    assert all(job["timeout-minutes"] <= 120 for job in found["jobs"].values())
    assert "secrets." not in (ROOT / ".github" / "workflows" / "ci.yml").read_text()


def test_what_the_workflow_caches_is_named_by_files_that_exist() -> None:
    keys = [step["with"]["key"] for step in steps() if "cache@" in step.get("uses", "")]
    patterns = [each for key in keys for each in re.findall(r"'([^']+)'", key)]

    assert patterns
    assert all(any(ROOT.glob(each)) for each in patterns)


# --- the forms -----------------------------------------------------------------------------------

KINDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_can_be_shown(path: Path) -> None:
    form = yaml.safe_load(path.read_text())

    assert form.keys() >= {"name", "description", "body"}
    assert form.keys() <= {"name", "description", "body", "labels", "title", "assignees"}
    fields = [each for each in form["body"] if each["type"] != "markdown"]
    assert {each["type"] for each in form["body"]} <= KINDS
    ids = [each["id"] for each in fields]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"[a-z_-]+", each) for each in ids)
    labels = [each["attributes"]["label"] for each in fields]
    assert len(set(labels)) == len(labels)
    assert any(each.get("validations", {}).get("required") for each in fields)
    for each in fields:
        if each["type"] == "dropdown":
            options = each["attributes"]["options"]
            assert len(set(options)) == len(options) > 1


def test_whoever_reports_is_asked_to_leave_keys_out_and_weaknesses_elsewhere() -> None:
    for path in FORMS:
        text = path.read_text()
        if "render" in text or "came back" in text:
            assert "Leave out keys" in text, path
    assert loaded(".github/ISSUE_TEMPLATE/config.yml") == {"blank_issues_enabled": False}
    assert "*Report a vulnerability*" in (ROOT / "SECURITY.md").read_text()


# --- the hooks -----------------------------------------------------------------------------------


def test_each_hook_of_ours_is_a_program_that_the_lock_pins() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    names = {each["name"] for each in lock["package"]}
    brought = {"lint-imports": "import-linter", "rds-ssl": "rds-ssl-operator"}
    (only,) = loaded(".pre-commit-config.yaml")["repos"]

    assert only["repo"] == "local"
    for hook in only["hooks"]:
        program, *rest = hook["entry"].split()
        assert hook["language"] == "system"
        if program == "make":
            assert set(rest) <= TARGETS
        else:
            name = program.removeprefix(".venv/bin/")
            assert brought.get(name, name) in names, hook["id"]


def test_the_hooks_do_what_make_check_does() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ncheck:")[2].partition("\n\n")[0]
    checks = set(re.findall(r"\$\(BIN\)/([a-z-]+(?: [a-z]+)?)", recipe))
    (only,) = loaded(".pre-commit-config.yaml")["repos"]
    hooks = {hook["name"] for hook in only["hooks"]}

    assert checks == {"ruff check", "ruff format", "mypy", "lint-imports"}
    assert checks <= hooks


def test_the_hook_for_others_is_a_command_of_the_operator() -> None:
    (hook,) = loaded(".pre-commit-hooks.yaml")

    assert hook["entry"] == "rds-ssl lint"
    assert hook["language"] == "python"
    assert hook["types"] == ["yaml"]
    assert "rds-ssl" in PROJECT["scripts"]


# --- types ---------------------------------------------------------------------------------------


def test_both_packages_carry_their_types_into_the_wheel() -> None:
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]

    packages = wheel["targets"]["wheel"]["packages"]

    assert packages == ["operator/rds_ssl", "operator/rds_simulator"]
    assert all((ROOT / each / "py.typed").is_file() for each in packages)
    assert "Typing :: Typed" in PROJECT["classifiers"]
    # Nothing is left out of them.
    assert wheel["targets"]["wheel"].keys() == {"packages"}
