"""Logs without secrets."""

import asyncio
import io
import json
import logging
import re
import secrets
import warnings
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from typing import Literal
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl import redaction
from rds_ssl.core.secret_text import SecretText
from rds_ssl.redaction import redact
from rds_ssl.telemetry import RedactingHandler, configure_logging
from support.polling import patience

_log = logging.getLogger("rds_ssl.test")

BODY = "\n".join(b64encode(secrets.token_bytes(48)).decode() for _ in range(20))
KEY = f"-----BEGIN PRIVATE KEY-----\n{BODY}\nMIIE\n-----END PRIVATE KEY-----\n"
KEY_ID = "LTAI5t" + "Zz9Yy8Xx7Ww6Vv5U"
TOKEN = "CAIS" + b64encode(b"a temporary token of the cloud").decode()


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    levels = {
        name: logger.level
        for name, logger in logging.root.manager.loggerDict.items()
        if isinstance(logger, logging.Logger)
    }
    # What pytest has there must not be closed by configure_logging.
    root.handlers[:] = []
    yield
    root.setLevel(before[0])
    root.handlers[:] = before[1]
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.captureWarnings(capture=False)


def written(
    say: Callable[[], None],
    log_format: Literal["text", "json"] = "text",
    level: str = "info",
) -> str:
    """What *say* logs, as it is written."""
    stream = io.StringIO()
    configure_logging(log_format, level, stream=stream)
    say()
    return stream.getvalue()


def lines_of(secret: str) -> list[str]:
    return [line for line in secret.split() if len(line) > 20]


def test_a_line_for_people_has_time_level_logger_message_and_fields() -> None:
    text = written(
        lambda: _log.info(
            "change %s",
            "sent",
            extra={"namespace": "shop", "object_name": "orders", "seconds": 1.5},
        )
    )

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO rds_ssl\.test change sent"
        r" namespace=shop name=orders seconds=1\.5\n",
        text,
    )


def test_a_record_in_json_has_the_same_as_keys() -> None:
    text = written(
        lambda: _log.info(
            "change sent",
            extra={"namespace": "shop", "object_name": "orders", "seconds": 1.5, "done": True},
        ),
        "json",
    )

    record = json.loads(text)
    time = record.pop("time")
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", time)
    assert record == {
        "level": "INFO",
        "logger": "rds_ssl.test",
        "message": "change sent",
        "namespace": "shop",
        "name": "orders",
        "seconds": 1.5,
        "done": True,
    }


def test_a_line_break_cannot_pretend_to_be_another_record() -> None:
    text = written(
        lambda: _log.info("first\nsecond", extra={"reason": "x\ny z", "code": 'a"b', "empty": ""})
    )

    assert text.count("\n") == 1
    assert text.endswith("first\\nsecond reason='x\\ny z' code='a\"b' empty=''\n")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_traceback_is_written(log_format: Literal["text", "json"]) -> None:
    def fail() -> None:
        try:
            int("no number")
        except ValueError:
            _log.exception("failed")

    text = written(fail, log_format)

    assert "Traceback (most recent call last)" in text
    assert "ValueError: invalid literal" in text
    if log_format == "json":
        assert json.loads(text)["exc_info"].endswith("'no number'")


def in_message() -> None:
    _log.info("sending %s as %s with %s", KEY, KEY_ID, TOKEN)


def in_fields() -> None:
    _log.info(
        "sending",
        extra={"pem": KEY, "raw": KEY.encode(), "nested": {"a": [KEY, {KEY_ID: TOKEN}]}},
    )


def in_an_exception() -> None:
    cause = RuntimeError(f"POST https://host/?ServerKey={quote_plus(KEY)}&id={KEY_ID}")
    error = ValueError(f"{KEY!r} {TOKEN}")
    error.__cause__ = cause
    _log.error("failed", exc_info=error)


def in_the_stack() -> None:
    def deep(value: str) -> None:
        _log.info("here %s", value, stack_info=True)

    deep(json.dumps({"key": KEY, "id": KEY_ID}))


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("say", [in_message, in_fields, in_an_exception, in_the_stack])
def test_a_secret_is_not_written_wherever_in_a_record_it_is(
    say: Callable[[], None], log_format: Literal["text", "json"]
) -> None:
    text = written(say, log_format)

    assert "[redacted]" in text
    for line in (*lines_of(KEY), KEY_ID, TOKEN):
        assert line not in text
        assert quote_plus(line) not in text
    if log_format == "json":
        for line in text.splitlines():
            json.loads(line)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(KEY, id="PEM"),
        pytest.param(KEY[:400], id="PEM without its end"),
        pytest.param(KEY.replace("\n", "\r\n"), id="PEM with CRLF"),
        pytest.param(repr(KEY), id="repr of PEM"),
        pytest.param(repr(KEY.encode()), id="repr of bytes"),
        pytest.param(json.dumps({"key": KEY}), id="JSON of PEM"),
        pytest.param(quote_plus(KEY), id="PEM in a URL"),
        pytest.param(BODY[100:], id="lines out of the middle"),
        pytest.param(b64encode(KEY.encode()).decode(), id="data of a Secret"),
        pytest.param(f"Authorization: Bearer {BODY[:40]}", id="bearer token"),
        pytest.param(f"x-acs-security-token: {BODY[:40]}", id="header of a token"),
        pytest.param(f"{{'SecurityToken': '{BODY[:40]}'}}", id="token by name"),
        pytest.param(f"AccessKeySecret={BODY[:30]}&x=1", id="secret by name"),
        pytest.param(TOKEN, id="STS token"),
        pytest.param(KEY_ID, id="access key id"),
        pytest.param("STS.NUgYrLnoC37mZZCNnAbcdefg", id="temporary access key id"),
    ],
)
def test_what_looks_like_a_secret_is_redacted(text: str) -> None:
    shown = redact(f"before {text} after")

    assert "[redacted]" in shown
    assert shown.startswith("before ")
    longest = max(re.split(r"[\s\\]+", text), key=len)
    for start in range(0, len(longest) - 16, 8):
        piece = longest[start : start + 16]
        assert piece not in shown or "BEGIN" in piece or ":" in piece or "=" in piece


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"leaf {sha256(b'x').hexdigest()}", id="fingerprint"),
        pytest.param("3f0b2c9e-6f1e-4b8a-9a39-0a4c8c1d2e3f", id="request id"),
        pytest.param("rm-bp1234567890.mysql.rds.aliyuncs.com", id="endpoint"),
        pytest.param(
            "PATCH /apis/rds-ssl.dev/v1alpha1/namespaces/shop/dbinstancessls/orders", id="path"
        ),
        pytest.param("Secret orders-tls, key tls.key: the token is missing", id="sentence"),
        pytest.param("ALIBABA_CLOUD_ACCESS_KEY_SECRET needs a value", id="name of a variable"),
        pytest.param("SignatureDoesNotMatch", id="code"),
        pytest.param(
            'File "/usr/lib/python3.11/asyncio/runners.py", line 118, in run', id="traceback"
        ),
    ],
)
def test_what_a_reader_needs_stays(text: str) -> None:
    assert redact(text) == text


def test_a_text_that_must_not_be_shown_is_not_shown_as_a_field() -> None:
    text = written(lambda: _log.info("key", extra={"value": SecretText("hush")}), "json")

    assert "hush" not in text


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize(
    "say",
    [
        str,
        repr,
        lambda text: quote(text, safe=""),
        lambda text: quote(quote(text, safe=""), safe=""),
    ],
    ids=["as it is", "in repr", "in a URL", "twice in a URL"],
)
def test_a_bug_says_no_secret_that_is_in_use_whatever_its_variables_are_called(
    say: Callable[[str], str], log_format: Literal["text", "json"]
) -> None:
    password = SecretText("correct horse\\\n'battery'")

    text = written(
        partial(_bug, f"word is {say(password.reveal())}"),
        log_format,
    )

    assert "word is" in text
    for part in ("correct", "horse", "battery"):
        assert part not in text


def _bug(text: str) -> None:
    """Log a bug that says a text."""
    _log.error("a bug", exc_info=ValueError(text))


def test_a_password_that_is_a_sign_of_secrets_keeps_none_from_being_found() -> None:
    passwords = [SecretText(each) for each in ("-----BEGIN PRIVATE KEY-----", "Password")]

    text = written(partial(_bug, f"-----BEGIN PRIVATE KEY-----\n{BODY[:30]} password={BODY[:20]}"))

    assert len(passwords) == 2
    assert BODY[:20] not in text


def test_a_bug_says_no_line_of_a_key_in_use() -> None:
    key = SecretText("-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAx1\nq2w3e4r5\n-----END")

    text = written(partial(_bug, f"{key.reveal().splitlines()}"), "text")

    assert "MIIEow" not in text
    assert "q2w3e4r5" not in text


def test_a_secret_is_looked_for_no_longer_than_it_is_in_use() -> None:
    secret = SecretText("of a pass that has ended")
    known = len(SecretText.alive())

    del secret

    assert len(SecretText.alive()) == known - 1


def test_the_record_itself_is_left_as_it_is() -> None:
    record = logging.LogRecord("a", logging.INFO, "f.py", 1, "key %s", (KEY,), None)

    RedactingHandler(io.StringIO()).format(record)

    assert record.args == (KEY,)


PIECES = (
    *("bearer ", "BASIC ", "LTAI", "STS.", "CAIS", "-----BEGIN X-----", "-----END X-----", "\n"),
    *(
        "LS0tLS1CRUdJTi",
        "securityToken",
        "Acce\u017f\u017f\u212aeySecret",
        "SERVER-KEY",
        "pa\u017fsword",
    ),
    *("=", ": ", '"', " ", "abcdefgh0123456789", "A+/" * 30, "0123456789abcdef" * 4, "ü"),
)
"""What secrets are made of, with letters that fold to others."""


@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_a_text_is_searched_for_all_that_it_can_hold(text: str) -> None:
    everything = text
    for secret in redaction.SECRETS:  # What is spared must be spared rightly.
        everything = secret.pattern.sub(secret.replacement, everything)

    assert redact(text) == everything


def test_a_long_text_is_redacted_in_no_time() -> None:
    text = "-----BEGIN X----- " * 500 + "a" * 100_000 + "Bearer " * 1000

    assert asyncio.run(asyncio.wait_for(asyncio.to_thread(redact, text), patience(20)))


def test_logs_below_the_level_are_not_written() -> None:
    def say() -> None:
        _log.info("quiet")
        _log.warning("loud")

    text = written(say, level="warning")

    assert "loud" in text
    assert "quiet" not in text


@pytest.mark.parametrize(
    "name", ["kopf", "kopf.objects", "kopf.activities.startup", "httpx", "httpcore.connection"]
)
def test_libraries_say_nothing_below_warning_even_at_debug(name: str) -> None:
    def say() -> None:
        logging.getLogger(name).debug("the body")
        logging.getLogger(name).info("the URL")
        logging.getLogger(name).warning("the trouble")

    text = written(say, level="debug")

    assert text.count("\n") == 1
    assert "the trouble" in text


def test_at_error_libraries_are_no_louder_than_the_operator() -> None:
    assert written(lambda: logging.getLogger("kopf").warning("x"), level="error") == ""


def test_configured_twice_each_record_is_written_once() -> None:
    written(lambda: None)

    text = written(lambda: _log.info("once"))

    assert text.count("once") == 1


def test_warnings_go_where_the_logs_go() -> None:
    def say() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(capture=True)
            warnings.warn("old", stacklevel=1)

    # pytest's filters turn warnings into errors and put its own hook in; hence the block above.
    assert "old" in written(say)
