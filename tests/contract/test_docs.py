"""The documents say what the code does, and every link and command in them leads somewhere."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_simulator.profiles import PROFILES
from rds_ssl.cli import main
from rds_ssl.core.api import conditions
from rds_ssl.core.api import spec as declaration
from rds_ssl.core.checks import eligibility
from rds_ssl.core.gates.gate import DELETION_GATES, GATES
from rds_ssl.core.model import (
    API_GROUP,
    API_VERSION,
    APPROVE_ANNOTATION,
    KIND,
    RECONCILE_ANNOTATION,
    Reason,
)
from rds_ssl.core.rds.fault_codes import BY_CODE
from rds_ssl.core.rds.faults import lookup
from rds_ssl.core.rds.sts_codes import BY_STS_CODE
from rds_ssl.settings import Settings, describe, flags
from support.documents import (
    DOCS,
    DOCUMENTS,
    FENCE,
    README,
    ROOT,
    SUPPORT,
    anchors,
    code,
    links,
    relative,
    rows,
    section,
    without_fences,
)

CONDITIONS = DOCS / "conditions.md"
OPERATIONS = DOCS / "operations.md"


def readme_objects() -> list[dict[str, Any]]:
    blocks = (text for kind, text in FENCE.findall(README.read_text()) if kind == "yaml")
    return [each for block in blocks for each in yaml.safe_load_all(block)]


def test_every_reason_has_one_row_and_every_row_is_a_reason() -> None:
    named = [code(cells[0]) for cells in rows(section(CONDITIONS, "## Reasons"))]

    assert sorted(named) == sorted(Reason)


def test_a_row_of_a_reason_says_where_it_stands_what_it_means_and_who_acts() -> None:
    incomplete = [
        cells[0]
        for cells in rows(section(CONDITIONS, "## Reasons"))
        if len(cells) != 4 or not all(cells)
    ]

    assert incomplete == []


def test_the_table_of_error_codes_has_each_with_what_it_means() -> None:
    told = [
        (one, code(cells[0]), code(cells[1]))
        for cells in rows(section(CONDITIONS, "## Error codes of RDS"))
        if len(cells) == 3
        for one in re.findall(r"`([^`]+)`", cells[2])
    ]

    assert sorted(told) == sorted(
        (one, fault.disposition.value, fault.reason.value) for one, fault in BY_CODE.items()
    )


def test_the_table_of_codes_of_sts_has_each_with_what_it_means() -> None:
    told = [
        (one, code(cells[0]), code(cells[1]))
        for cells in rows(section(CONDITIONS, "## Error codes of STS"))
        for one in re.findall(r"`([^`]+)`", cells[2])
    ]

    assert sorted(told) == sorted(
        (one, fault.disposition.value, fault.reason.value) for one, fault in BY_STS_CODE.items()
    )


def test_the_table_of_other_codes_says_what_an_unheard_code_means() -> None:
    told = [
        (one.replace("…", "X"), int(status or 400), tuple(map(code, cells[2:])))
        for cells in rows(section(CONDITIONS, "## Error codes of RDS"))
        if len(cells) == 4
        for one in re.findall(r"`([^`]+)`", cells[0])
        for status in cells[1].replace("any", "").split(",")
    ]

    assert told
    found = [(one, status, lookup(one, status)) for one, status, _ in told]
    assert told == [
        (one, status, (fault.disposition.value, fault.reason.value)) for one, status, fault in found
    ]


@pytest.mark.parametrize("document", [README, CONDITIONS], ids=relative)
def test_every_type_of_condition_is_in_the_table(document: Path) -> None:
    heading = "## Conditions" if document == README else "## Types"

    named = [code(cells[0]) for cells in rows(section(document, heading))]

    assert named == list(conditions.OWN)


def test_the_annotations_are_those_that_the_code_knows() -> None:
    named = {
        code(cells[0]).partition(":")[0] for cells in rows(section(CONDITIONS, "## Annotations"))
    }

    assert named == {RECONCILE_ANNOTATION, APPROVE_ANNOTATION}


def test_every_setting_has_one_row_with_its_default_and_every_row_is_a_setting() -> None:
    told = [
        (code(name), code(default)) for name, default, _ in rows(section(OPERATIONS, "## Settings"))
    ]

    assert told == [(flag.variable, flag.default) for flag in flags()]


def test_settings_without_a_flag_are_named_too() -> None:
    named = section(OPERATIONS, "## Settings")

    missing = [each.name for each in describe(Settings()) if f"`{each.name}`" not in named]

    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_a_document_names_no_setting_that_does_not_exist(document: Path) -> None:
    named = set(re.findall(r"RDS_SSL_[A-Z_]*[A-Z]", document.read_text()))

    assert named <= {each.name for each in describe(Settings())}


def test_the_objects_in_the_readme_can_be_pasted() -> None:
    (pasted,) = readme_objects()

    assert (pasted["apiVersion"], pasted["kind"]) == (f"{API_GROUP}/{API_VERSION}", KIND)
    declared = declaration.parse_spec(pasted["spec"])
    assert declared.model_dump(by_alias=True, exclude_unset=True) == pasted["spec"]
    assert eligibility.unusable(declared) is None
    assert declared.credentials_secret_ref is not None


def test_the_profiles_of_the_simulator_are_those_that_it_has() -> None:
    page = (DOCS / "simulator.md").read_text()
    (line,) = re.findall(r"^Profiles: .*$", page, re.MULTILINE)

    assert set(re.findall(r"`([^`]+)`", line)) == set(PROFILES)


def test_the_files_in_the_architecture_exist() -> None:
    page = section(DOCS / "architecture.md", "## Where is what")

    named = re.findall(r"`([\w/]+\.(?:py|yaml))`", page)

    assert named
    folders = (ROOT, ROOT / "operator" / "rds_ssl", ROOT / "operator" / "rds_simulator")
    assert [name for name in named if not any((each / name).exists() for each in folders)] == []


def test_the_table_of_gates_is_the_chain_that_a_plan_goes_through() -> None:
    *table, slot = rows(section(OPERATIONS, "## What may start, and when"))

    assert table == [
        [each.name, each.holds, each.let_go_by, "meets it" if each in DELETION_GATES else ""]
        for each in GATES
    ]
    assert slot[0] == "changes at a time"


def test_the_map_of_what_tests_share_has_every_module_once_and_no_other() -> None:
    told = [code(cells[0]) for cells in rows(section(SUPPORT, "## Modules"))]

    assert sorted(told) == sorted(
        each.stem for each in SUPPORT.parent.glob("*.py") if each.stem != "__init__"
    )


def test_what_the_map_says_to_take_is_in_it() -> None:
    told = {code(cells[0]) for cells in rows(section(SUPPORT, "## Modules"))}
    *_, taken = zip(*rows(section(SUPPORT, "## Which to use")), strict=True)

    named = {name for cell in taken for name in re.findall(r"`(\w+)`", cell)}

    assert named
    assert named <= told


def test_the_example_of_a_test_is_one_that_runs() -> None:
    text = section(SUPPORT, "## An example")
    (file,) = re.findall(r"^From `([\w/.]+)`", text, re.MULTILINE)
    (example,) = (block for kind, block in FENCE.findall(text) if kind == "python")

    assert f"\n\n{example}\n\n" in (ROOT / file).read_text()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_module_and_file_that_a_document_names_exists(document: Path) -> None:
    packages = (ROOT / "operator" / "rds_ssl", ROOT / "operator" / "rds_simulator", ROOT / "tests")
    named = {
        name.replace(".", "/")
        for name in re.findall(
            r"`((?:core|engine|kube|aliyun|commands|bench)\.\w+)`", document.read_text()
        )
    }
    files = set(re.findall(r"`((?:operator|tests|crds|deploy)/[\w/.-]+)`", document.read_text()))

    missing = {
        name
        for name in named
        if not any((each / f"{name}.py").exists() or (each / name).is_dir() for each in packages)
    }
    assert missing | {name for name in files if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for link in links(document.read_text()):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        inside = target.is_relative_to(ROOT) and target.exists()
        if not inside or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=relative)
def test_every_make_command_is_a_target_of_the_makefile(document: Path) -> None:
    text = document.read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = [block for kind, block in FENCE.findall(text) if kind == "sh"]
    shown += re.findall(r"`([^`\n]+)`", without_fences(text))

    named = {
        target for each in shown for target in re.findall(r"^ *make ([a-z-]+)", each, re.MULTILINE)
    }

    assert named <= targets
    if document == README:
        assert {"demo", "test"} <= named


def test_every_command_has_its_place_in_the_page_about_them_and_no_other_is_named() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()

    named = set(re.findall(r"\brds-ssl ([a-z]+)", page.replace("kubectl rds-ssl", "rds-ssl")))

    assert set(main.commands) - named == set()
    assert named - set(main.commands) == set()


def test_every_flag_that_the_page_about_commands_names_is_one_of_theirs() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    theirs = {
        option
        for command in main.commands.values()
        for parameter in command.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }

    named = {
        flag
        for line in re.findall(r"\brds-ssl [^`|\n]*|`--?[a-z][^`\n]*`", page)
        for flag in re.findall(r"(?<![\w-])--?[a-zA-Z][a-z-]*", line)
    }

    assert named - {*theirs, "--help"} == set()
