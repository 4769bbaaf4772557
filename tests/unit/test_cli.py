"""The front door: what it prints, what it exits with, and what it does not import."""

import os
import subprocess
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

import rds_ssl
from rds_ssl.cli import main
from rds_ssl.settings import Settings, flags


class App(ModuleType):
    """Stands in for rds_ssl.app: keeps what it was started with and ends with 7."""

    def __init__(self) -> None:
        super().__init__("rds_ssl.app")
        self.started_with: list[Settings] = []

    def run(self, settings: Settings) -> int:
        self.started_with.append(settings)
        return 7


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> App:
    """An operator that does nothing, in place of the real one."""
    made = App()
    monkeypatch.setitem(sys.modules, "rds_ssl.app", made)
    monkeypatch.setattr(rds_ssl, "app", made, raising=False)
    return made


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for flag in flags():
        monkeypatch.delenv(flag.variable, raising=False)
    for name in ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN"):
        monkeypatch.delenv(f"ALIBABA_CLOUD_{name}", raising=False)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="rds-ssl")


def test_ctrl_c_ends_a_command_without_a_word(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Settings) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "run", interrupted)

    done = invoke("run")

    assert (done.exit_code, done.output) == (130, "")


@pytest.mark.parametrize("arguments", [("run",), ("plan",)])
def test_the_collector_of_garbage_never_looks_at_what_is_imported(
    arguments: tuple[str, ...],
) -> None:
    code = f"""
import gc
from rds_ssl import cli
try:
    cli.main({list(arguments)!r})
finally:
    assert gc.isenabled() and gc.get_freeze_count() > 30_000, gc.get_freeze_count()
"""
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "KUBECONFIG": "/nonexistent",
            "HOME": "/nonexistent",
            "RDS_SSL_HTTP_BIND": "127.0.0.1:0",
        },
    )
    assert "AssertionError" not in ended.stderr
    assert ended.returncode == 1  # There is no cluster.


@pytest.mark.parametrize(
    "arguments", [("--help",), ("run", "--help"), ("web", "--help"), ("--version",)]
)
def test_help_needs_neither_kopf_nor_a_client(arguments: tuple[str, ...]) -> None:
    code = f"""
import sys
from rds_ssl.cli import main
main({list(arguments)!r}, standalone_mode=False)
heavy = {{"kopf", "kubernetes", "httpx", "aiohttp", "cryptography", "prometheus_client", "jinja2"}}
sys.exit(",".join(heavy & set(sys.modules)) or None)
"""

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout


def test_no_command_but_web_pays_for_templates() -> None:
    code = """
import sys
from rds_ssl.cli import main
try:
    main(["plan", "--kubeconfig", "/nonexistent"])
except SystemExit:
    loaded = {"aiohttp", "jinja2"} & set(sys.modules)
print(sorted(loaded))
"""

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert ended.stdout == "['aiohttp']\n"


def test_neither_the_operator_nor_calls_of_the_cloud_pay_for_tables() -> None:
    code = """
import sys
import rds_ssl.app
import rds_ssl.commands.cloud
import httpx
print(sorted({"rich", "pygments"} & set(sys.modules)), callable(httpx.main))
"""

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert ended.stdout == "[] True\n"


def test_the_commands_are_listed_without_reading_settings() -> None:
    code = """
import sys
from rds_ssl.cli import main
main(["--help"], standalone_mode=False)
sys.exit("pydantic" in sys.modules)
"""

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)

    assert ended.returncode == 0


@pytest.mark.parametrize("command", ["lint", "completion"])
def test_lines_of_a_help_that_stand_below_each_other_stay_so(command: str) -> None:
    text = invoke(command, "--help").output

    assert "\\b" not in text
    first = "Exit code 0:" if command == "lint" else "bash: eval"
    assert [line for line in text.splitlines() if line.startswith(f"  {first}")]
    assert [line for line in text.splitlines() if line.strip().startswith(("2: a", "fish: rds-"))]


def test_the_version_is_the_distributions() -> None:
    result = invoke("--version")

    assert result.output.startswith("rds-ssl 0.")


def test_run_has_a_flag_for_each_setting_but_the_access_key() -> None:
    text = invoke("run", "--help").output

    for flag in flags():
        assert f"  {flag.option} " in text
    for secret in ("--access-key-id", "--access-key-secret", "--security-token"):
        assert secret not in text


def test_run_starts_the_operator_with_the_settings_and_exits_as_it_does(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDS_SSL_POLL", "2s")
    monkeypatch.setenv("RDS_SSL_WORKERS", "3")

    result = invoke("run", "--poll", "0.5s", "--read-only", "--max-concurrent-changes=1")

    assert result.exit_code == 7
    [settings] = app.started_with
    assert settings.poll == 0.5
    assert settings.workers == 3
    assert settings.read_only
    assert settings.max_concurrent_changes == 1


def test_a_switch_can_be_turned_off_by_flag(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RDS_SSL_READ_ONLY", "true")

    invoke("run", "--no-read-only")

    assert not app.started_with[0].read_only


@pytest.mark.parametrize("command", ["run", "settings"])
def test_faulty_settings_are_all_printed_one_a_line_and_nothing_is_started(
    command: str, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RDS_SSL_WORKERS", "many")

    result = invoke(command, "--poll", "soon", "--network", "lan")

    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 3
    assert {line.split(" ", 1)[0] for line in lines} == {
        "RDS_SSL_WORKERS",
        "RDS_SSL_POLL",
        "RDS_SSL_NETWORK",
    }
    assert app.started_with == []


def test_the_table_of_settings_shows_where_a_value_is_from_and_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RDS_SSL_SETTLE", "2m")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAI5tExample")
    monkeypatch.setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "hush")

    result = invoke("settings", "--resync", "1h")

    rows = {line.split()[0]: line.split()[1:] for line in result.output.splitlines()}
    assert result.exit_code == 0
    assert rows["RDS_SSL_SETTLE"][:2] == ["2m", "environment"]
    assert rows["RDS_SSL_RESYNC"][:2] == ["1h", "flag"]
    assert rows["RDS_SSL_POLL"][:2] == ["10s", "default"]
    assert rows["ALIBABA_CLOUD_ACCESS_KEY_SECRET"][:2] == ["set", "environment"]
    assert "hush" not in result.output
    assert "LTAI" not in result.output
