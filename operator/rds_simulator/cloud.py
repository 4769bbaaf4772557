"""
The simulator without a socket: a request and the time give an answer.

`Cloud.handle` is all there is; the program serves it over HTTP, and tests put it behind an httpx
transport with a clock of their own.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime

from rds_simulator import admin, ecs_metadata, sts, wire
from rds_simulator.accounts import AccessKey
from rds_simulator.answers import Answer
from rds_simulator.call import Call, read_call
from rds_simulator.faults import HTML_502, Fault
from rds_simulator.ledger import Entry, open_values
from rds_simulator.operations import API_VERSION, MODIFY, OPERATIONS, Task, permission_of
from rds_simulator.refusals import Code, Refusal, missing
from rds_simulator.signatures import authenticate, check_dialect
from rds_simulator.world import World

JSON_TYPE = "application/json;charset=utf-8"
METHODS = frozenset({"GET", "POST"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    """An answer, and what the ledger has to know about it."""

    answer: Answer
    code: str
    accepted: bool = False
    principal: str = ""
    """ARN of who called, once that was proved."""


@dataclass(slots=True)
class _Caller:
    """Who makes a call, as far as it has been proved while it is being answered."""

    principal: str = ""


class Cloud:
    """The simulated APIs, RDS and STS, the metadata service and the admin interface."""

    def __init__(self) -> None:
        self.world = World()

    def handle(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, now: datetime
    ) -> Answer:
        """
        Answer a request.

        Args:
            method: HTTP method.
            url: Absolute, or path and query.
            headers: Must hold Host, which is signed.
            body: Empty if there is none.
            now: The caller's time, UTC; the admin interface may have moved the instances' time.
        """
        call = read_call(method, url, headers, body)
        if call.path.startswith(admin.PREFIX):
            status, fields = admin.respond(self.world, call, now)
            return Answer(
                status=status,
                headers={"content-type": JSON_TYPE},
                body=wire.to_json(fields) + b"\n",
            )
        if call.path.startswith(ecs_metadata.PREFIX):
            return self._metadata(call, now)
        result = self._call(call, now)
        self._record(call, result, now)
        date = format_datetime(self.world.clock.gateway(now).replace(microsecond=0), usegmt=True)
        answer = result.answer
        return replace(
            answer,
            headers={**answer.headers, "date": date},
            delay=answer.delay + self.world.config.latency,
        )

    def _metadata(self, call: Call, now: datetime) -> Answer:
        world = self.world
        at = world.clock.moved(now)
        answer = ecs_metadata.respond(world.metadata, world.accounts, world.faults, call, at)
        return replace(answer, delay=answer.delay + world.config.latency)

    def _call(self, call: Call, now: datetime) -> _Result:
        fault = self.world.faults.take(call.action, call.instance_id or _role(call))
        if fault is None:
            return self._execute(call, now)
        if not fault.executes:
            return self._faulty(call, fault)
        result = self._execute(call, now)
        if fault.kind == "delay":
            return replace(result, answer=replace(result.answer, delay=fault.seconds))
        return replace(
            self._faulty(call, fault), accepted=result.accepted, principal=result.principal
        )

    def _execute(self, call: Call, now: datetime) -> _Result:
        caller = _Caller()
        try:
            fields = self._operate(call, caller, now)
        except Refusal as refusal:
            return replace(self._refused(call, refusal), principal=caller.principal)
        body = _serialise(
            f"{call.action}Response",
            {"RequestId": _request_id(), **fields},
            as_xml=call.wants_xml,
        )
        return _Result(
            answer=Answer(status=200, headers=_headers(as_xml=call.wants_xml), body=body),
            code="OK",
            accepted=call.action == MODIFY,
            principal=caller.principal,
        )

    def _operate(self, call: Call, caller: _Caller, now: datetime) -> wire.Fields:
        """
        Check a call as the gateway does, then run its operation.

        Raises:
            Refusal: With the first thing that is wrong.
        """
        world = self.world
        if call.method not in METHODS:
            raise Refusal(Code.UNSUPPORTED_METHOD)
        if not call.action:
            raise missing("Action")
        at = world.clock.moved(now)
        key = None if call.action == sts.WITH_OIDC else self._authenticate(call, caller, now, at)
        if call.action in sts.OPERATIONS:
            return self._operate_sts(call, caller, key, now)
        operation = OPERATIONS.get(call.action)
        if operation is None or key is None:
            raise Refusal(Code.INVALID_API)
        if call.version != API_VERSION:
            raise Refusal(Code.INVALID_VERSION)
        self._check_rate(call, key.id, now)
        task = Task(
            world=world,
            action=call.action,
            parameters=call.parameters,
            at=at,
            account=key.account,
        )
        if not world.accounts.may_do_everything(key):
            world.accounts.check_permission(key, permission_of(task))
        return operation(task)

    def _authenticate(self, call: Call, caller: _Caller, now: datetime, at: datetime) -> AccessKey:
        world = self.world
        check_dialect(call, world.config.signatures)
        key = authenticate(call, world.accounts, world.nonces, world.clock.gateway(now))
        token = call.parameters.get("SecurityToken") if call.legacy else None
        key.check_token(token or call.headers.get("x-acs-security-token"), at)
        caller.principal = key.principal
        return key

    def _operate_sts(
        self, call: Call, caller: _Caller, key: AccessKey | None, now: datetime
    ) -> wire.Fields:
        if call.version != sts.API_VERSION:
            raise Refusal(Code.INVALID_VERSION)
        self._check_rate(call, key.id if key else call.parameters.get("RoleArn", ""), now)
        task = sts.Task(
            accounts=self.world.accounts,
            parameters=call.parameters,
            at=self.world.clock.moved(now),
            key=key,
        )
        caller.principal, fields = sts.OPERATIONS[call.action](task)
        return fields

    def _check_rate(self, call: Call, caller_id: str, now: datetime) -> None:
        limit = self.world.config.rate_limit
        if limit and not self.world.rate_limit.allows(caller_id, call.action, limit, now):
            raise Refusal(Code.THROTTLING)

    def _refused(self, call: Call, refusal: Refusal) -> _Result:
        as_xml = call.wants_xml or self.world.config.errors == "xml"
        headers = _headers(as_xml=as_xml)
        if refusal.retry_after_ms is not None:
            headers["x-acs-retry-after"] = str(refusal.retry_after_ms)
        fields = {"RequestId": _request_id(), **wire.error(refusal, call.headers.get("host", ""))}
        body = _serialise("Error", fields, as_xml=as_xml)
        answer = Answer(status=refusal.status, headers=headers, body=body)
        return _Result(answer=answer, code=refusal.code)

    def _faulty(self, call: Call, fault: Fault) -> _Result:
        """The answer of a fault that replaces the operation's own."""
        answer = Answer(
            status=fault.status or 200, headers=_headers(as_xml=call.wants_xml), body=b""
        )
        match fault.kind:
            case "code" | "throttle":
                code = fault.code or Code.THROTTLING
                return self._refused(
                    call,
                    Refusal(
                        code,
                        status=fault.status,
                        message=fault.message,
                        retry_after_ms=fault.retry_after_ms,
                    ),
                )
            case "html":
                answer = replace(
                    answer,
                    status=fault.status or 502,
                    headers={"content-type": "text/html"},
                    body=HTML_502,
                )
            case "bare":
                body = _serialise(
                    f"{call.action}Response", {"RequestId": _request_id()}, as_xml=call.wants_xml
                )
                answer = replace(answer, body=body)
            case "empty":
                pass
            case _:
                answer = replace(answer, reset=True)
        return _Result(answer=answer, code=fault.kind)

    def _record(self, call: Call, result: _Result, now: datetime) -> None:
        self.world.ledger.record(
            Entry(
                time=self.world.clock.moved(now),
                action=call.action,
                instance=call.instance_id,
                access_key=call.claimed_key,
                principal=result.principal,
                role=_role(call),
                query_parameters=tuple(sorted(call.query)),
                body_parameters=tuple(sorted(call.form)),
                values=open_values(call.parameters),
                status=None if result.answer.reset else result.answer.status,
                code=result.code,
                key_in_url=call.secret_in_url,
                accepted=result.accepted,
            ),
            now,
        )


def _role(call: Call) -> str:
    """Return the role that a call of STS is about, as claimed; empty for other operations."""
    return call.parameters.get("RoleArn", "") if call.action in sts.OPERATIONS else ""


def _request_id() -> str:
    return str(uuid.uuid4()).upper()


def _headers(*, as_xml: bool) -> dict[str, str]:
    return {"content-type": "text/xml;charset=utf-8" if as_xml else JSON_TYPE}


def _serialise(root: str, fields: wire.Fields, *, as_xml: bool) -> bytes:
    return wire.to_xml(root, fields) if as_xml else wire.to_json(fields)
