"""The harness of `make faults`: in a repository of one rule and two tests."""

from pathlib import Path

import pytest

from faults.__main__ import run
from faults.catalogue import FAULTS
from faults.fault import Fault
from faults.workshop import Outcome, Report

RULE = "def doubled(number: int) -> int:\n    return 2 * number\n"
TESTS = """
from rds_ssl.rule import doubled

def test_twice_two_is_four() -> None:
    assert doubled(2) == 4

def test_twice_nothing_is_nothing() -> None:
    assert doubled(0) == 0
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository."""
    here = Path(__file__).parents[3]
    for name, text in {
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = ['--import-mode=importlib']\n",
        "operator/rds_ssl/__init__.py": "",
        "operator/rds_ssl/rule.py": RULE,
        "tests/unit/test_rule.py": TESTS,
        "tests/faults/witness.py": (here / "tests/faults/witness.py").read_text(),
        "tests/faults/__init__.py": "",
    }.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "root"


def fault(name: str, old: str, new: str) -> Fault:
    return Fault(name=name, where="doubled", old=old, new=new, tests=("test_rule.py",))


def test_each_fault_is_told_with_the_tests_that_noticed_or_with_what_is_wrong_with_it(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults = [
        fault("four", "2 * number", "4"),
        fault("no end", "    return", "    while number:\n        pass\n    return"),
        fault("the same", "2 * number", "number + number"),
        fault("elsewhere", "3 * number", "number"),
        fault("in several places", "number", "figure"),
        fault("no code", "2 * number", "2 * number +"),
    ]

    status = run(faults, root, patience=1.0)

    told = capsys.readouterr().out
    assert status == 1
    assert "four → 1\n    test_rule.py::test_twice_nothing_is_nothing\n" in told
    assert "no end → 1\n    test_rule.py::test_twice_two_is_four\n" in told
    assert "the same → SURVIVED\n    2 tests passed: test_rule.py\n" in told
    assert "elsewhere → STALE" in told
    assert "in several places → STALE" in told
    assert "no code → UNUSABLE" in told
    assert "SyntaxError" in told
    assert "2 of 6 faults were caught" in told
    assert (root / "operator/rds_ssl/rule.py").read_text() == RULE


def test_faults_that_are_all_caught_are_a_success(root: Path) -> None:
    assert run([fault("four", "2 * number", "4")], root) == 0


@pytest.mark.parametrize(
    ("report", "outcome"),
    [
        pytest.param(Report(passed=3), Outcome.SURVIVED, id="all pass"),
        pytest.param(Report(passed=3, failed=("one",)), Outcome.CAUGHT, id="one fails"),
        pytest.param(Report(hung="one"), Outcome.CAUGHT, id="one runs when the time is up"),
        pytest.param(Report(), Outcome.UNUSABLE, id="none ran before the time was up"),
        pytest.param(Report(passed=3, unusable=("f",)), Outcome.UNUSABLE, id="a file is broken"),
    ],
)
def test_only_a_test_that_ran_can_notice_a_fault(report: Report, outcome: Outcome) -> None:
    assert report.outcome is outcome


def test_nothing_is_tried_while_the_tests_fail_without_any_fault(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / "operator/rds_ssl/rule.py").write_text(RULE.replace("2 *", "3 *"))

    assert run([fault("four", "3 * number", "4")], root) == 1

    assert "nothing was tried" in capsys.readouterr().out


def test_each_fault_of_the_catalogue_has_a_name_of_its_own_and_tests_that_exist() -> None:
    here = Path(__file__).parents[3]

    assert len({each.name for each in FAULTS}) == len(FAULTS) >= 15
    files = {here / test.partition("::")[0] for each in FAULTS for test in each.selection}
    assert [path for path in files if not path.exists()] == []


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_each_fault_fits_the_source(fault: Fault) -> None:
    """Who changes a line that a fault breaks is told now, not by the next `make faults`."""
    package = Path(__file__).parents[3] / "operator" / "rds_ssl"
    file = fault.file(package)

    assert file is not None
    assert fault.broken(file.relative_to(package), file.read_text()) is not None


def test_a_fault_is_found_by_what_it_breaks_wherever_that_stands(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "other.py").write_text("def halved(number: int) -> int:\n    return number // 2\n")
    (tmp_path / "deep" / "rule.py").write_text(f"LEAST = 2 * 1\n\n\n{RULE}")
    given = fault("four", "2 * number", "4")

    file = given.file(tmp_path)

    assert file == tmp_path / "deep" / "rule.py"
    broken = given.broken(Path("deep/rule.py"), file.read_text())
    assert broken == f"LEAST = 2 * 1\n\n\n{RULE.replace('2 * number', '4')}"
    (tmp_path / "other.py").write_text(RULE)
    assert given.file(tmp_path) is None
