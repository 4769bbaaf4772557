"""Every deadline of a test is as patient as the machine needs, by one factor for all of them."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from support import polling

TESTS = Path(__file__).parents[2]

OWN = {
    "support/polling.py": "the factor itself",
    "support/supervisor.py": "runs without the other modules; after it more force, no failure",
    "support/go_command.py": "the time between two lines to who waits",
    "demo/story.py": "the time between two lines to who waits",
    "demo/stage.py": "how long nothing may happen",
    "soak/crew.py": "the time between two looks",
    "chaos/people.py": "the time between two attempts",
    "contract/test_tcp_proxy.py": "how long nothing may come",
}
"""Files that have a time of their own which is no deadline, or whose end is no failure."""

IN_VAIN = 0.1
"""Seconds: nobody takes so few for a deadline, only for a wait that is meant to be in vain."""

VIRTUAL = re.compile(r"virtual_time|engine_world|\bplayed\b")
"""In a file that plays in a time of its own, a deadline costs nothing and no machine is slow."""

REAL = "time.monotonic"
"""What a file among them has that plays in real time nevertheless."""


def deadlines(tree: ast.AST) -> Iterator[ast.expr]:
    """Yield what is given as a deadline, in the ways that these tests have."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(attr="timeout", value=ast.Name(id="asyncio"))):
                yield from node.args
            case ast.Call(func=ast.Attribute(attr="wait_for"), args=[_, limit]):
                yield limit
            case ast.Call(func=ast.Attribute(attr="wait" | "settimeout"), args=[limit]):
                yield limit
            case ast.Call(func=ast.Attribute(attr="select"), args=[_, _, _, limit]):
                yield limit
            case ast.BinOp(op=ast.Add(), left=now, right=limit) if is_now(now):
                yield limit
            case ast.Compare(left=passed, ops=[ast.Lt() | ast.LtE()], comparators=[limit]) if any(
                is_now(each) for each in ast.walk(passed)
            ):
                yield limit
        if isinstance(node, ast.Call):
            yield from (each.value for each in node.keywords if each.arg == "timeout")


def is_now(node: ast.AST) -> bool:
    """True if an expression is the time of a clock that goes by itself."""
    match node:
        case ast.Call(func=ast.Attribute(attr="monotonic" | "time" | "perf_counter"), args=[]):
            return True
    return False


def is_fixed(node: ast.expr) -> bool:
    """True if it is a number, or a constant with a name, or made of such."""
    match node:
        case ast.Constant(value=(int() | float()) as value):
            return value > IN_VAIN
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name.isupper()
        case ast.BinOp(left=left, right=right):
            return is_fixed(left) and is_fixed(right)
    return False


def impatient(source: str) -> list[str]:
    """Return what is not patient in a module, with its line."""
    tree = ast.parse(source)
    fixed = [f"{each.lineno}: {ast.unparse(each)}" for each in deadlines(tree) if is_fixed(each)]
    told = [
        f"{each.lineno}: {each.value}"
        for each in ast.walk(tree)
        if isinstance(each, ast.Constant)
        and isinstance(each.value, str)
        and re.fullmatch(r"--(request-)?timeout=\d+\w*", each.value)
    ]
    return fixed + told


def test_no_deadline_in_real_time_is_fixed() -> None:
    sources = {str(path.relative_to(TESTS)): path.read_text() for path in TESTS.rglob("*.py")}

    found = {
        name: problems
        for name, source in sorted(sources.items())
        if (REAL in source or not VIRTUAL.search(source)) and (problems := impatient(source))
    }

    assert found.keys() <= OWN.keys(), {name: found[name] for name in found.keys() - OWN.keys()}


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(command, timeout=30)",
        "process.wait(STOP_SECONDS)",
        "asyncio.timeout(5)",
        "asyncio.wait_for(read(), 5)",
        "connection.settimeout(2.0)",
        "select.select([pipe], [], [], START_SECONDS)",
        "deadline = time.monotonic() + SECONDS",
        "assert time.monotonic() - began < 2 * STOP_SECONDS",
        'kubectl("delete", "namespace", "--timeout=30s")',
    ],
)
def test_a_fixed_deadline_is_found(line: str) -> None:
    assert impatient(line)


@pytest.mark.parametrize(
    "line",
    [
        "subprocess.run(command, timeout=patience(30))",
        "asyncio.wait_for(read(), polling.patience(5))",
        "asyncio.wait_for(never(), 0.05)",
        "process.wait(seconds)",
        "assert time.monotonic() - began > SETTLE_SECONDS",
    ],
)
def test_a_patient_one_is_not(line: str) -> None:
    assert not impatient(line)


def test_no_example_of_a_property_has_a_deadline() -> None:
    default = hypothesis.settings()

    assert default.deadline is None
    assert hypothesis.HealthCheck.too_slow in default.suppress_health_check


def test_the_timeout_of_a_test_is_as_patient(request: pytest.FixtureRequest) -> None:
    written = float(request.config.getini("timeout"))

    assert float(request.config.getoption("timeout")) >= written


@pytest.mark.timeout(7)
def test_a_timeout_of_its_own_is_as_patient(request: pytest.FixtureRequest) -> None:
    own = request.node.get_closest_marker("timeout")

    assert own.args == (polling.patience(7),)


def test_one_variable_makes_all_of_them_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(polling.FACTOR_VARIABLE, "12.5")

    assert polling.patience(2) == 25


def test_without_it_they_are_generous(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(polling.FACTOR_VARIABLE, raising=False)

    assert polling.patience(1) >= 4


@pytest.mark.parametrize("given", ["much", "0", "-1", "nan"])
def test_a_factor_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv(polling.FACTOR_VARIABLE, given)

    with pytest.raises(ValueError, match=rf"{polling.FACTOR_VARIABLE}|could not convert"):
        polling.patience(1)


def test_a_wait_in_vain_says_how_long_it_was_and_for_what(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(polling.FACTOR_VARIABLE, "0.5")

    with pytest.raises(TimeoutError, match=r"not served yet \(waited 0 s\)"):
        polling.wait(lambda: "not served yet", seconds=0.02, every=0.001)
