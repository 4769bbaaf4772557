"""What the operator says about itself: logs, metrics, health."""

import contextlib
import json
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TextIO
from urllib.parse import quote

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter

from rds_ssl.core.formats import escaped
from rds_ssl.core.secret_text import SecretText

REDACTED = "[redacted]"

_QUIET = ("aiohttp", "httpcore", "httpx", "kopf", "kubernetes", "urllib3", "client")
"""
Loggers of libraries that say nothing below WARNING; ``client`` is the Kubernetes client's.

At DEBUG they print bodies, Secrets among them; httpx prints URLs at INFO, and kopf each event.
"""


@dataclass(frozen=True, slots=True)
class _Secret:
    """What must not be in a log whoever wrote it, and what stands in its place."""

    pattern: re.Pattern[str]
    replacement: str = REDACTED
    words: tuple[str, ...] = ("",)
    """One of these is in each match, case folded: a text without them needs no search."""


_NAMES = (
    "(?i)((?:security|x-acs-security|session)-?_?token|access-?_?key-?_?secret|signature"
    "|server-?_?key|password|proxy-?_?credentials)"
)
_NAMED = re.compile(_NAMES)
"""What is called so is a secret."""

_SECRETS = (
    # PEM, whole or cut, with line breaks as they are, escaped (repr, JSON) or in a URL.
    _Secret(
        re.compile(
            r"-----BEGIN[A-Za-z0-9 +%]*-----"
            r"(?:(?:(?!-----BEGIN).)*?-----END[A-Za-z0-9 +%]*-----|[A-Za-z0-9+/=%\\\s]*)",
            re.DOTALL,
        ),
        words=("-----begin",),
    ),
    # The same in base64, as the data of a Secret is.
    _Secret(re.compile(r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]*"), words=("ls0tls1crudjti",)),
    # A line out of the middle of one. A fingerprint is 64 hexadecimal digits and may be shown.
    _Secret(
        re.compile(
            r"(?<![A-Za-z0-9+/])(?![0-9a-f]{64}(?![A-Za-z0-9+/]))[A-Za-z0-9+/]{64,}={0,2}",
        )
    ),
    _Secret(
        re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1 {REDACTED}",
        words=("bearer", "basic"),
    ),
    # Ids of access keys; those of STS come with a token, which begins with CAIS.
    _Secret(re.compile(r"\b(LTAI|STS\.)[A-Za-z0-9]{8,}"), rf"\1{REDACTED}", words=("ltai", "sts.")),
    _Secret(re.compile(r"\bCAIS[A-Za-z0-9+/=]{20,}"), words=("cais",)),
    # By name, in a query, a header, JSON or Python's repr; to its end if it stands in quotes.
    _Secret(
        re.compile(
            _NAMES + r"(\\*[\"']?\s*[=:]\s*\[?)"
            r"(?:(b?\\*\")[^\"]+|(b?\\*')[^']+|[^\s\"'&,;)}\\]+)"
        ),
        rf"\1\2\3\4{REDACTED}",
        words=("token", "secret", "signature", "key", "password", "credentials"),
    ),
)

_SECONDS_OF_A_PASS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_SECONDS_OF_A_CALL = (0.03, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0)
"""Up to the deadline of a write."""

MOST_CODES = 200
"""
Error codes that are counted by name: each makes samples that stay, and it is the API's word, or
that of whoever answers in its place.
"""

OTHER_CODE = "Other"
"""What the others are counted as."""

_SHORTEST_SECRET = 8
"""Characters: what is shorter is a part of too many words."""

_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
"""What is written in the same way everywhere."""

_SIGNS = (
    "-----begin rsa private key----- -----begin ec private key----- -----begin private key-----"
    " -----end rsa private key----- -----end ec private key----- -----end private key-----"
    " accesskeysecret access-key-secret securitytoken security-token serverkey server-key"
    " proxy-authorization signature password"
)
"""By what the patterns know secrets. Nobody's password takes these away."""

_log = logging.getLogger(__name__)


def redact(text: str) -> str:
    """Replace what looks like a key, a certificate, a token or an access key's id."""
    folded = text.casefold()
    for secret in _SECRETS:
        if any(word in folded for word in secret.words):
            text = secret.pattern.sub(secret.replacement, text)
    return text


def redact_exception(text: str) -> str:
    """
    Replace in a traceback also the secrets in use themselves, and their lines.

    A bug may say any variable of any function, where a password is a word like any other. Bugs are
    rare: to look for each secret takes a millisecond for a hundred of them.
    """
    for secret in SecretText.alive():
        whole = secret.reveal()
        for part in {whole, *whole.splitlines()}:
            if len(part) >= _SHORTEST_SECRET and part.casefold() not in _SIGNS:
                for form in _forms(part):
                    text = text.replace(form, REDACTED)
    return redact(text)


def _forms(secret: str) -> set[str]:
    """Return what a secret looks like as it is, in repr(), JSON, a URL, and twice in a URL."""
    if _PLAIN.fullmatch(secret):
        return {secret}  # Those of a thousand access keys take 2 ms, with all forms 30.
    once = quote(secret, safe="")
    return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], once, quote(once, safe="")}


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
            _visible(redact(str(key))): REDACTED if _NAMED.search(str(key)) else _redacted(each)
            for key, each in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_redacted(each) for each in value]
    return _visible(redact(str(value)))


class Metrics:
    """The operator's numbers for Prometheus, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self._registry = registry
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"rds_ssl_{name}", meaning, labels, registry=registry)

        def gauge(name: str, meaning: str, *labels: str) -> Gauge:
            return Gauge(f"rds_ssl_{name}", meaning, labels, registry=registry)

        self._passes = counter("passes_total", "Passes that ended.", "result")
        self._pass_seconds = Histogram(
            "rds_ssl_pass_duration_seconds",
            "How long a pass took.",
            buckets=_SECONDS_OF_A_PASS,
            registry=registry,
        )
        self._calls = counter("api_calls_total", "Calls of the cloud API.", "action", "code")
        self._codes: set[str] = set()
        self._call_seconds = Histogram(
            "rds_ssl_api_call_duration_seconds",
            "How long a call of the cloud API took.",
            ("action",),
            buckets=_SECONDS_OF_A_CALL,
            registry=registry,
        )
        self._started = counter("changes_started_total", "Changes sent to an instance.", "cause")
        self._impacts = counter("change_impacts_total", "Impacts of the changes sent.", "impact")
        self._verified = counter("changes_verified_total", "Changes seen in force.")
        self._failed = counter("changes_failed_total", "Changes that ended otherwise.", "reason")
        self._ask_objects: Callable[[], Mapping[tuple[str, str], int]] | None = None
        self._ask_plans: Callable[[], Mapping[tuple[str, str], int]] | None = None
        self._objects = gauge("objects", "Objects by their Ready condition.", "ready", "reason")
        self._plans = gauge(
            "plans_pending", "Plans that are not carried out.", "held_by", "restart"
        )
        self._queue_depth = gauge("queue_depth", "Objects that wait for a pass.")
        self._queue_age = gauge(
            "queue_oldest_age_seconds", "How long the longest waiting object has waited."
        )
        self._watch_age = gauge("watch_age_seconds", "Time since the API server was last heard of.")
        self._leader = gauge("leader", "1 if this process leads, and makes passes; 0 if not.")
        self._clock_skew = gauge(
            "clock_skew_seconds", "How far this clock is ahead of the cloud API's."
        )

    def pass_ended(self, result: str, seconds: float) -> None:
        """Count a pass; *result* is one of a few words."""
        self._passes.labels(result).inc()
        self._pass_seconds.observe(seconds)

    def api_call(self, action: str, code: str, seconds: float) -> None:
        """Count a call; fits ``on_call`` of the cloud's transport."""
        if code not in self._codes and len(self._codes) >= MOST_CODES:
            code = OTHER_CODE
        self._codes.add(code)
        self._calls.labels(action, code).inc()
        self._call_seconds.labels(action).observe(seconds)

    def change_started(self, cause: str, impacts: Sequence[str]) -> None:
        """Count a change that is about to be sent; Restart is among its impacts if it may come."""
        self._started.labels(cause).inc()
        for each in impacts:
            self._impacts.labels(each).inc()

    def change_verified(self) -> None:
        """Count a change that is in force."""
        self._verified.inc()

    def change_failed(self, reason: str) -> None:
        """Count a change that was refused, failed or given up; *reason* is a condition's."""
        self._failed.labels(reason).inc()

    def watch(
        self,
        *,
        queue_depth: Callable[[], float] | None = None,
        queue_oldest_age: Callable[[], float] | None = None,
        watch_age: Callable[[], float] | None = None,
        clock_skew: Callable[[], float | None] | None = None,
        objects: Callable[[], Mapping[tuple[str, str], int]] | None = None,
        plans: Callable[[], Mapping[tuple[str, str], int]] | None = None,
        leads: Callable[[], float] | None = None,
    ) -> None:
        """
        Ask these whenever the metrics are read; ages in seconds, a skew of None is unknown.

        *objects* gives their numbers by status and reason of their Ready condition, *plans* those
        of the plans that are held by what holds them and the restart that they predict.
        """
        self._ask_objects, self._ask_plans = objects, plans
        for gauge, ask in (
            (self._queue_depth, queue_depth),
            (self._queue_age, queue_oldest_age),
            (self._watch_age, watch_age),
            (self._leader, leads),
        ):
            if ask is not None:
                gauge.set_function(ask)
        if clock_skew is not None:
            ask_skew = clock_skew

            def skew() -> float:
                seconds = ask_skew()
                return float("nan") if seconds is None else seconds

            self._clock_skew.set_function(skew)

    def value(self, name: str, labels: Mapping[str, str] | None = None) -> float | None:
        """Return the present value of a sample, by its full name; None if there is none."""
        return self._registry.get_sample_value(name, dict(labels or {}))

    def render(self) -> bytes:
        """Write all of it in Prometheus' text format."""
        for gauge, ask in ((self._objects, self._ask_objects), (self._plans, self._ask_plans)):
            if ask is not None:
                gauge.clear()  # A combination that has no object any more is gone, not 0.
                for labels, count in ask().items():
                    gauge.labels(*labels).set(count)
        return generate_latest(self._registry)
