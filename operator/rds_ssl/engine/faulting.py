"""From an error of the cloud API to what the object says, and when to look again."""

import logging
from dataclasses import replace

from rds_ssl.core import faults, verdicts
from rds_ssl.core.conditions import Finding, Verdict
from rds_ssl.core.declaration import Declaration
from rds_ssl.core.desired import Desired
from rds_ssl.core.errors import AliyunError, ApiError, NoAnswer, NotSent
from rds_ssl.core.fault_meanings import UNAVAILABLE, Fault
from rds_ssl.core.model import Disposition, Observed, Reason
from rds_ssl.engine.work import Result, Tools, Work

_log = logging.getLogger(__name__)

BUSY_PATIENCE = 1800.0
"""Seconds for which a foreign change leaves Ready as it was."""

LONGEST_HINT = 300.0
"""Seconds: the most that the API's own hint, after a throttled call, delays the next look."""

_SLOW = {
    Disposition.REJECTED: 600.0,
    Disposition.INELIGIBLE: 1800.0,
    Disposition.BUG: 600.0,
}
"""Seconds to the next look at an object whose declaration was refused."""

_PASSING = {
    Disposition.BUSY: (10.0, 300.0),
    Disposition.THROTTLED: (2.0, 300.0),
    Disposition.UNAVAILABLE: (2.0, 60.0),
    Disposition.UNKNOWN: (2.0, 60.0),
}
"""Seconds to the next attempt, and the most that they grow to, of what ends by itself."""


class Faulting:
    """Words and delays of faults."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def read_failed(self, work: Work, error: AliyunError) -> Result:
        """Say what a failed read means for the object."""
        fault = faults.classify(error, write=False)
        if isinstance(error, NotSent | NoAnswer):
            self._tools.outages.failed(work.cloud.endpoint, work.key)
        else:
            self._tools.outages.answered(work.cloud.endpoint)
        message = faults.message(error, write=False, **_words(work))
        if isinstance(error, ApiError):
            _log.warning("%s: %s", error, error.message, extra=work.fields(error.request_id))
        else:
            _log.warning("%s", error, extra=work.fields())
        silent = isinstance(error, NotSent | NoAnswer)
        return self._result(
            work, fault, message, parked=silent, hint=_hint(error), code=_code(error)
        )

    def not_executed(self, work: Work, error: AliyunError) -> Result:
        """Say what an answer to a write means after which nothing was executed."""
        fault = faults.classify(error, write=True)
        if isinstance(error, NotSent):
            self._tools.outages.failed(work.cloud.endpoint, work.key)
        memory, now = work.memory, self._tools.monotonic()
        memory.write_faults += 1
        if memory.write_faults_since is None:
            memory.write_faults_since = now
        message = faults.message(error, write=True, **_words(work))
        return self._result(
            work,
            fault,
            message,
            count=memory.write_faults,
            parked=isinstance(error, NotSent),
            hint=_hint(error),
            lasted=now - memory.write_faults_since,
            code=_code(error),
        )

    def unanswerable(self, work: Work, text: str) -> Result:
        """Say that an answer could not be understood: a failed read of this object alone."""
        self._tools.outages.answered(work.cloud.endpoint)
        work.memory.blocked_count += 1
        after = _doubled(5.0, work.memory.blocked_count, 300.0)
        finding = Finding(
            reason=Reason.API_UNAVAILABLE,
            message=f"The RDS API's answer cannot be understood: {text}",
        )
        return Result(verdict=self._unavailable(work, finding), look_after=after, looked=False)

    def unreachable(self, work: Work) -> Result:
        """Say that the endpoint is being probed on behalf of another object."""
        return self._result(work, UNAVAILABLE, f"{UNAVAILABLE.remedy}.", parked=True)

    def _result(
        self,
        work: Work,
        fault: Fault,
        message: str,
        *,
        count: int | None = None,
        lasted: float = 0.0,
        parked: bool = False,
        hint: float = 0.0,
        code: str = "",
    ) -> Result:
        """
        Make the result; *count* and *lasted* are those of a series of writes.

        *parked*: the whole endpoint is silent, and somebody probes it. *hint*: the seconds that
        the API asks to be left alone.

        A refused write counts as a look: before the next is due, only a changed fact brings
        another, so that a Secret that is rewritten as it was does not repeat the call. A failed
        read does not: it is made up for at the first occasion.
        """
        finding = Finding(reason=fault.reason, message=message)
        if parked:
            # The next look comes from the probe; this one is the safety net.
            verdict = self._unavailable(work, finding)
            return Result(verdict=verdict, look_after=30.0, looked=False)
        wrote = count is not None
        if fault.reason is Reason.INSTANCE_UNAVAILABLE and not work.has_work:
            return Result(verdict=None, look_after=self._tools.resync_after(), looked=wrote)
        if count is None:
            work.memory.blocked_count += 1
            count = work.memory.blocked_count
        if fault.disposition is Disposition.BUSY and wrote:
            busy = self.busy(work, count=count, lasted=lasted, code=code)
            return replace(busy, looked=True)
        if fault.disposition in _PASSING:
            first, most = _PASSING[fault.disposition]
            after = self._spread(_doubled(first, count, most), hint)
            return Result(
                verdict=self._passing(work, fault, finding), look_after=after, looked=wrote
            )
        if fault.disposition is Disposition.BUG:
            _log.error("malformed request: %s", message, extra=work.fields())
        after = _SLOW.get(fault.disposition, _doubled(60.0, count, 600.0))
        return Result(verdict=verdicts.stalled(finding), look_after=after, looked=wrote)

    def _passing(self, work: Work, fault: Fault, finding: Finding) -> Verdict | None:
        """Say what passes without anybody's help, to those that it keeps from something."""
        if fault.disposition is not Disposition.THROTTLED:
            # A read that the instance is too busy for is one that failed: nobody knows whether
            # anything is to be done.
            return self._unavailable(work, finding)
        if not work.has_work or work.in_flight:
            return None
        ready, kept = work.as_it_was(finding.reason, finding.message)
        return Verdict(ready=ready, finding=kept, reconciling=finding)

    def _spread(self, after: float, hint: float) -> float:
        """Spread the objects that were refused together; none of them comes before the hint."""
        spread = self._tools.random.uniform(0.8, 1.2)
        return max(after * spread, min(hint, LONGEST_HINT) * max(1.0, spread))

    def _unavailable(self, work: Work, finding: Finding) -> Verdict | None:
        """Say nothing for an object without work until three resyncs have passed."""
        memory, now = work.memory, self._tools.monotonic()
        if memory.unreachable_since is None:
            memory.unreachable_since = now
        if work.in_flight:
            return None
        long = now - memory.unreachable_since >= 3 * self._tools.pace.resync
        if work.has_work and not long:
            ready, kept = work.as_it_was(finding.reason, finding.message)
            return Verdict(ready=ready, finding=kept, reconciling=finding)
        if not long:
            return None
        return Verdict(ready=None, finding=finding, reconciling=finding)

    def busy(
        self, work: Work, *, count: int | None = None, lasted: float = 0.0, code: str = ""
    ) -> Result:
        """A foreign change is in flight while something is to be done; *code* says it if any."""
        memory, now = work.memory, self._tools.monotonic()
        if count is None:
            memory.busy_count += 1
            count = memory.busy_count
            if memory.busy_since is None:
                memory.busy_since = now
            lasted = now - memory.busy_since
        status = work.instance.status if work.instance and not work.instance.running else code
        suffix = f" ({status})" if status else ""
        finding = Finding(
            reason=Reason.INSTANCE_BUSY,
            message=f"The instance is busy with another change{suffix}; ours follows.",
        )
        ready, kept = work.as_it_was(finding.reason, finding.message)
        if lasted >= BUSY_PATIENCE:
            ready, kept = False, finding
        verdict = Verdict(ready=ready, finding=kept, reconciling=finding)
        return Result(verdict=verdict, look_after=_doubled(10.0, count, 300.0), looked=False)

    @staticmethod
    def refused_after(fault: Fault) -> float:
        """Give the seconds to the next look after a refusal."""
        return _SLOW.get(fault.disposition, 600.0)

    @staticmethod
    def refusal(work: Work, code: str, desired: Desired, observed: Observed) -> Finding:
        """Word the refusal of a declared state: names what the user wrote."""
        declaration = work.declaration
        places = {
            each.field.split(".")[2]: f"{each.kind} {each.name}, key {each.key}"
            for each in declaration.material_references
            if each.field.startswith("spec.clientAuthentication.")
        }
        clients = declaration.client_authentication
        fault = faults.lookup(code, 400)
        text = faults.sentence(
            fault,
            code,
            server_certificate=_server_certificate(declaration),
            client_ca=places.get("ca", ""),
            revocation_list=places.get("revocationList", ""),
            acl=f"{clients.acl.value} and {clients.replication_acl.value}",
            ca_type=desired.ca_type.value,
            wanted="on" if desired.enabled else "off",
            observed="on" if observed.enabled else "off",
            **{**_words(work), "endpoint": desired.connection_string},
        )
        return Finding(reason=fault.reason, message=text)


def _hint(error: AliyunError) -> float:
    return error.retry_after or 0.0 if isinstance(error, ApiError) else 0.0


def _code(error: AliyunError) -> str:
    return error.code if isinstance(error, ApiError) else ""


def _server_certificate(declaration: Declaration) -> str:
    """Name where the declared server certificate comes from; the cloud's own is empty."""
    server = declaration.server_certificate
    if pair := server.secret_ref:
        return f"Secret {pair.name}, keys {pair.certificate_key} and {pair.private_key_key}"
    if server.pfx:
        password = server.pfx.password_secret_key_ref
        return (
            f"{server.pfx.oss_object} in OSS, whose password is in Secret {password.name},"
            f" key {password.key}"
        )
    return ""


def _words(work: Work) -> dict[str, str]:
    """Give what a sentence may name and every pass knows; what it does not is empty."""
    reference = work.declaration.credentials_secret_ref
    return {
        "credentials": f"Secret {reference.name}" if reference else "the operator's own identity",
        "engine": work.engine or "",
        "endpoint": work.declaration.connection_string or "",
        "skew": faults.skew_words(work.cloud.clock_skew),
    }


def _doubled(first: float, count: int, most: float) -> float:
    return min(most, first * 2.0 ** min(count - 1, 20))
