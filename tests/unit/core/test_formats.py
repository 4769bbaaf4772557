"""Foreign text where people read it: visible, on one line, and not too long."""

import logging

import pytest

from rds_ssl.core.formats import counted, escaped, shown
from rds_ssl.telemetry import configure_logging
from support import pki
from support.engine_world import EngineWorld, played
from support.simulator import Json

EVIL = "\x1b[2J\x9b31m\u202eevil\u200b\ud800\n\tx"
VISIBLE = "\\x1b[2J\\x9b31m\\u202eevil\\u200b\\ud800\\n\\tx"


def test_what_steers_a_terminal_is_shown_escaped() -> None:
    assert escaped(EVIL) == VISIBLE
    assert escaped("Müller & 日本 é") == "Müller & 日本 é"
    assert escaped("\U000e0001") == "\\U000e0001"


def test_a_long_name_is_cut_before_it_is_escaped() -> None:
    assert shown("\x1b" * 300) == "\\x1b" * 160 + "…"


def test_a_huge_number_is_told_by_its_length() -> None:
    assert [counted(7), counted(-7)] == ["7", "-7"]
    assert counted((1 << 160) - 1) == str((1 << 160) - 1)
    assert counted(1 << 20_000) == "one of 20001 bits"


def fail() -> None:
    raise ValueError(EVIL)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_log_shows_what_steers_a_terminal(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    before, level = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logging(form, "info")  # type: ignore[arg-type]
        try:
            fail()
        except ValueError:
            logging.getLogger("rds_ssl.test").exception(EVIL, extra={"code": EVIL})
    finally:
        logging.basicConfig(level=level, handlers=before, force=True)
        logging.captureWarnings(capture=False)

    told = capsys.readouterr().err
    assert "evil" in told
    assert all(line.replace("\t", "").isprintable() for line in told.splitlines())


@played
async def test_a_name_that_steers_a_terminal_is_escaped_in_status_and_events() -> None:
    def strings(value: Json) -> list[str]:
        if isinstance(value, dict):
            return [text for each in value.values() for text in strings(each)]
        if isinstance(value, list):
            return [text for each in value for text in strings(each)]
        return [value] if isinstance(value, str) else []

    async with EngineWorld() as world:
        world.add_instance("a")
        evil = pki.make_root("Shop \x1b[2J\u202eroot").leaf(world.host("a"))
        world.write_pair("a", evil)
        world.declare_custom("a")
        await world.run(600)

        assert world.ready("a") == ("True", "Verified")
        status = world.status("a")
        issuer = status["observed"]["serverCertificate"]["issuer"]
        assert issuer == "CN=Shop \\x1b[2J\\u202eroot"
        assert all(each.isprintable() for each in strings(status))
        assert all(each.isprintable() for event in world.kube.events for each in strings(event))
        assert world.cost("a") == (1, 1)
