"""What the operator says about itself in its log, without secrets."""

import contextlib
import logging
import re
import sys
import time
from collections.abc import Mapping
from typing import Literal, TextIO

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from rds_ssl.core.formats import escaped
from rds_ssl.redaction import NAMED, REDACTED, redact, redact_exception

_QUIET = ("aiohttp", "httpcore", "httpx", "kopf", "kubernetes", "urllib3", "client")
"""
Loggers of libraries that say nothing below WARNING; ``client`` is the Kubernetes client's.

At DEBUG they print bodies, Secrets among them; httpx prints URLs at INFO, and kopf each event.
"""

_log = logging.getLogger(__name__)


class RedactingHandler(logging.StreamHandler[TextIO]):
    """
    Writes records without secrets, wherever in them these were.

    A `logging.Filter` would have to change the record, which other handlers get too; this works on
    a copy: message, fields, exception and stack.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format a redacted copy of *record*."""
        copy = logging.makeLogRecord(record.__dict__)
        copy.msg, copy.args = _visible(redact(record.getMessage())), None
        if record.exc_info:
            # The formatter takes this text rather than the exception.
            text = logging.Formatter().formatException(record.exc_info)
            copy.exc_text = _visible(redact_exception(text))
            copy.exc_info = None
        elif record.exc_text:
            copy.exc_text = _visible(redact_exception(record.exc_text))
        if record.stack_info:
            copy.stack_info = _visible(redact(record.stack_info))
        for name in _fields(record):
            copy.__dict__[name] = _redacted(record.__dict__[name])
        return super().format(copy)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # The base's name.
        """Say that a record could not be written; the base would print message and arguments."""
        kind = getattr(sys.exc_info()[0], "__name__", "an error")
        with contextlib.suppress(OSError, ValueError):
            self.stream.write(f"a record of {record.name} could not be written: {kind}\n")


class TextFormatter(logging.Formatter):
    """``2026-11-24T21:48:31Z INFO rds_ssl.app started namespace=shop``: one line for a person."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """Return the time in UTC, to the second."""
        return time.strftime(datefmt or "%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # The base's name.
        """Add the fields; a line break in the message must not look like another record."""
        record.message = record.message.replace("\r", "\\r").replace("\n", "\\n")
        fields = (f" {_shown(name)}={_quoted(record.__dict__[name])}" for name in _fields(record))
        return super().formatMessage(record) + "".join(fields)


def configure_logging(
    format: Literal["text", "json"],  # noqa: A002  # It is the setting's name.
    level: str,
    *,
    stream: TextIO | None = None,
) -> None:
    """
    Send all logs to standard error, without secrets; call it again to change that.

    ``extra=`` gives a record its fields: namespace, object_name, instance_id, action, request_id
    and so on. (``object_name`` is written as ``name``, which is an attribute of each record and
    may not be in ``extra``.)

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        stream: In place of standard error.
    """
    handler = RedactingHandler(stream or sys.stderr)
    handler.setFormatter(TextFormatter() if format == "text" else _json_formatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
    logging.captureWarnings(capture=True)


def _visible(text: str) -> str:
    """Escape what steers a terminal, or hides in it; line breaks and tabs stay."""
    return "".join(each if each in "\r\n\t" else escaped(each) for each in text)


def _json_formatter() -> logging.Formatter:
    return JsonFormatter(
        ["levelname", "name", "message"],
        rename_fields={"levelname": "level", "name": "logger", "object_name": "name"},
        timestamp="time",
        json_ensure_ascii=False,
    )


def _fields(record: logging.LogRecord) -> list[str]:
    return [name for name in record.__dict__ if name not in _OWN_ATTRIBUTES]


_OWN_ATTRIBUTES = frozenset({*RESERVED_ATTRS, "message", "asctime", "color_message"})


def _shown(name: str) -> str:
    return "name" if name == "object_name" else name


def _quoted(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[^\s\"'=]+", text) else ascii(text)


def _redacted(value: object) -> object:
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {
            _visible(redact(str(key))): REDACTED if NAMED.search(str(key)) else _redacted(each)
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(each) for each in value]
    return _visible(redact(str(value)))
