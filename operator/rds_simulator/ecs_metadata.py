"""
The metadata service of ECS: the credentials of the role that an instance has.

::

    PUT  /latest/api/token                                    a token of v2
    GET  /latest/meta-data/ram/security-credentials/          the role's name
    GET  /latest/meta-data/ram/security-credentials/{role}    its credentials, JSON

Paths and JSON are the vendor's; it documents no answer but 200, so the others are a choice: 404
where there is no role, 403 without a token where v1 is off, 401 with a token that is not known or
has ended, 400 for a TTL beyond 1 to 21600 seconds. Credentials are the same until they have a
while left only. Faults are ordered for ``metadata-token``, ``metadata-role`` and
``metadata-credentials``, of these kinds: a ``code`` with a status of 400 or more is that status
and an HTML page, below that a JSON answer with that Code; ``expired`` are credentials that have
ended; ``html``, ``empty``, ``delay``, ``throttle`` and ``reset-*`` are as everywhere.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from rds_simulator.accounts import Accounts
from rds_simulator.answers import Answer
from rds_simulator.call import Call
from rds_simulator.clock import to_wire
from rds_simulator.faults import HTML_502, Fault, Faults
from rds_simulator.ram_policy import Request, Verdict
from rds_simulator.sts import new_session
from rds_simulator.wire import Fields, to_json

PREFIX = "/latest/"

TOKEN, ROLE, CREDENTIALS = "metadata-token", "metadata-role", "metadata-credentials"
"""Names of what is asked for, for faults and counts."""

SERVICE = ("Service", "ecs.aliyuncs.com")
"""Whom a role has to trust that an instance can have."""

_TOKEN_PATH = "/latest/api/token"  # noqa: S105 - a path.
_ROLE_PATH = "/latest/meta-data/ram/security-credentials/"
_TTL_HEADER = "x-aliyun-ecs-metadata-token-ttl-seconds"
_TOKEN_HEADER = "x-aliyun-ecs-metadata-token"  # noqa: S105 - a header's name.
_MAX_TTL = 21_600
_INSTANCE = "i-bp1simulator"
_REASONS: Mapping[int, str] = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Not Allowed",
}


@dataclass(slots=True, kw_only=True)
class Metadata:
    """The metadata service of one machine, and what it has given out."""

    role: str = ""
    """ARN of the machine's role; empty: it has none."""
    v1: bool = True
    """Whether it answers without a token."""
    lasts: timedelta = timedelta(hours=6)
    """How long credentials are valid."""
    renews: timedelta = timedelta(minutes=30)
    """How long before their end others take their place."""
    tokens: dict[str, datetime] = field(default_factory=dict)
    """Tokens of v2, with the time when they end."""
    given: str = ""
    """Key id of the session that is given out now; others take its place once it was ended."""
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """By what was asked for, version (v1, v2) and HTTP status, or ``reset``."""


def can_have(accounts: Accounts, arn: str) -> bool:
    """True if there is such a role, and it trusts ECS."""
    role = accounts.roles.get(arn)
    asked = Request(action="sts:AssumeRole", principals=frozenset({SERVICE}))
    return role is not None and role.trust.judge(asked) is Verdict.ALLOW


def respond(
    metadata: Metadata, accounts: Accounts, faults: Faults, call: Call, at: datetime
) -> Answer:
    """Answer a request of the metadata service, at a moment of the instances' time."""
    what, answer = _spoilt(metadata, accounts, faults, call, at)
    version = "v2" if call.method == "PUT" or _TOKEN_HEADER in call.headers else "v1"
    outcome = "reset" if answer.reset else str(answer.status)
    metadata.counts[what, version, outcome] += 1
    return answer


def _spoilt(
    metadata: Metadata, accounts: Accounts, faults: Faults, call: Call, at: datetime
) -> tuple[str, Answer]:
    what = _asked_for(call)
    fault = faults.take(what, "")
    if fault is not None and not (fault.executes or fault.kind == "expired"):
        return what, _faulty(fault)
    answer = _answer(metadata, accounts, call, at, expired=bool(fault and fault.kind == "expired"))
    if fault is None or fault.kind == "expired":
        return what, answer
    if fault.kind == "delay":
        return what, replace(answer, delay=fault.seconds)
    return what, _faulty(fault)


def _asked_for(call: Call) -> str:
    if call.path == _TOKEN_PATH:
        return TOKEN
    return ROLE if call.path.rstrip("/") == _ROLE_PATH.rstrip("/") else CREDENTIALS


def _answer(
    metadata: Metadata, accounts: Accounts, call: Call, at: datetime, *, expired: bool
) -> Answer:
    if call.path == _TOKEN_PATH:
        return _give_token(metadata, call, at) if call.method == "PUT" else _error(405)
    if call.method != "GET":
        return _error(405)
    token = call.headers.get(_TOKEN_HEADER)
    if token is None and not metadata.v1:
        return _error(403)
    if token is not None and metadata.tokens.get(token, at) <= at:
        return _error(401)
    if not can_have(accounts, metadata.role):
        return _error(404)
    name = metadata.role.partition("/")[2]
    asked = call.path.removeprefix(_ROLE_PATH)
    if _asked_for(call) == ROLE:
        return _text(name.encode())
    if asked != name or not call.path.startswith(_ROLE_PATH):
        return _error(404)
    return _text(to_json(_credentials(metadata, accounts, at, expired=expired)))


def _give_token(metadata: Metadata, call: Call, at: datetime) -> Answer:
    ttl = call.headers.get(_TTL_HEADER, "")
    if not (ttl.isdecimal() and len(ttl) < len("100000") and 1 <= int(ttl) <= _MAX_TTL):
        return _error(400)
    metadata.tokens = {each: end for each, end in metadata.tokens.items() if end > at}
    token = secrets.token_urlsafe(40)
    metadata.tokens[token] = at + timedelta(seconds=int(ttl))
    return _text(token.encode())


def _credentials(metadata: Metadata, accounts: Accounts, at: datetime, *, expired: bool) -> Fields:
    known = [each for each in accounts.sessions(metadata.role) if each.id == metadata.given]
    key = known[0] if known else None
    if key is None or (key.expires or at) - at <= metadata.renews:
        key = new_session(accounts.roles[metadata.role], _INSTANCE, None, at + metadata.lasts)
        accounts.open_session(key, at)
        metadata.given = key.id
    if expired:
        key = replace(new_session(accounts.roles[metadata.role], _INSTANCE, None, at), expires=at)
        accounts.open_session(key, at)
    end = key.expires or at
    return {
        "AccessKeyId": key.id,
        "AccessKeySecret": key.secret,
        "Expiration": to_wire(end),
        "SecurityToken": key.token,
        "LastUpdated": to_wire(end - metadata.lasts),
        "Code": "Success",
    }


def _faulty(fault: Fault) -> Answer:
    status = fault.status or 200
    match fault.kind:
        case "code" if status >= 400:
            return _error(status)
        case "code":
            return _text(to_json({"Code": fault.code}))
        case "throttle":
            return _error(fault.status or 429)
        case "html":
            return Answer(
                status=fault.status or 502, headers={"content-type": "text/html"}, body=HTML_502
            )
        case "empty":
            return replace(_text(b""), status=status)
        case _:
            return replace(_text(b""), reset=True)


def _text(body: bytes) -> Answer:
    return Answer(status=200, headers={"content-type": "text/plain"}, body=body)


def _error(status: int) -> Answer:
    title = f"{status} {_REASONS.get(status, 'Error')}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Answer(status=status, headers={"content-type": "text/html"}, body=page.encode())
