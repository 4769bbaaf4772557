"""From an error of the cloud API to what the object says, and when to look again."""

import logging

from rds_ssl.core import outcomes
from rds_ssl.core.api.conditions import Verdict
from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.errors import (
    AliyunError,
    ApiError,
    NoAnswer,
    NotSent,
    ObservationError,
    RegionUnknown,
)
from rds_ssl.core.model import Disposition, Engine, Finding, Observed, Reason
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.rds import faults
from rds_ssl.core.rds.fault_codes import UNAVAILABLE, Fault
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Decided, Gathered

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

_NOT_PROBED = 30.0
"""Seconds to the next look at an object whose endpoint is silent: the probe should come first."""

_OF_ANY_PARAMETER = frozenset(
    {Reason.REQUEST_REJECTED, Reason.REQUEST_MALFORMED, Reason.ENGINE_NOT_SUPPORTED}
)
"""Reasons of refusals that do not say which parameter they are about."""

_PERHAPS_FORCED = (
    ". Not all documents of RDS have forceEncryption for PostgreSQL: if that is what is refused,"
    " the owner of the object has to remove spec.forceEncryption; an acl other than prefer in"
    " spec.clientAuthentication, or hostssl rows in pg_hba.conf, refuse plain connections as well"
)

_PASSING = {
    Disposition.BUSY: (10.0, 300.0),
    Disposition.THROTTLED: (2.0, 300.0),
    Disposition.UNAVAILABLE: (2.0, 60.0),
    Disposition.UNKNOWN: (2.0, 60.0),
}
"""Seconds to the next attempt, and the most that they grow to, of what ends by itself."""


def read_failed(ports: Ports, gathered: Gathered, error: AliyunError | ObservationError) -> Decided:
    """Return what a failed read means for the object."""
    if isinstance(error, ObservationError):
        return _not_understood(ports, gathered, error)
    if isinstance(error, RegionUnknown) and gathered.status.instance is None:
        # Of an instance that was reached once the region exists: its host is missing for a while.
        ports.outages.answered(gathered.cloud.endpoint)
        finding = outcomes.region_unknown(gathered.declaration.region_id, error.host)
        _log.warning("%s: no host %s", error, error.host, extra=gathered.log_fields())
        verdict = outcomes.stalled(finding)
        return Decided(
            draft=gathered,
            verdict=verdict,
            look_after=_spread(ports, _SLOW[Disposition.REJECTED], 0.0),
        )
    silent = isinstance(error, NotSent | NoAnswer)
    if silent:
        ports.outages.failed(gathered.cloud.endpoint, gathered.key)
    else:
        ports.outages.answered(gathered.cloud.endpoint)
    request_id = error.request_id if isinstance(error, ApiError) else ""
    words = f": {error.message}" if isinstance(error, ApiError) else ""
    _log.warning("%s%s", error, words, extra=gathered.log_fields(request_id))
    finding, fault = _finding(gathered, error, write=False)
    if silent:
        return _silent(ports, gathered, finding)
    if fault.reason is Reason.INSTANCE_UNAVAILABLE and not gathered.has_work:
        return Decided(draft=gathered, verdict=None, look_after=ports.resync_after(), looked=False)
    gathered.memory.failures.reads += 1
    # A failed read does not count as a look: it is made up for at the first occasion.
    return _failed(
        ports,
        gathered,
        fault,
        finding,
        count=gathered.memory.failures.reads,
        hint=_hint(error),
        looked=False,
    )


def not_executed(ports: Ports, gathered: Gathered, error: AliyunError) -> Decided:
    """
    Return what an answer to a write means after which nothing was executed.

    It counts as a look: before the next is due, only a changed fact brings another, so that a
    Secret that is rewritten as it was does not repeat the call.
    """
    failures = gathered.memory.failures
    lasted = failures.write_failed(now=ports.monotonic())
    finding, fault = _finding(gathered, error, write=True)
    if isinstance(error, NotSent):
        ports.outages.failed(gathered.cloud.endpoint, gathered.key)
        return _silent(ports, gathered, finding)
    if fault.reason is Reason.INSTANCE_UNAVAILABLE and not gathered.has_work:
        return Decided(draft=gathered, verdict=None, look_after=ports.resync_after())
    if fault.disposition is Disposition.BUSY:
        return _busy(gathered, count=failures.writes, lasted=lasted, code=_code(error), looked=True)
    return _failed(
        ports,
        gathered,
        fault,
        finding,
        count=failures.writes,
        hint=_hint(error),
        looked=True,
    )


def unreachable(ports: Ports, gathered: Gathered) -> Decided:
    """Return that the endpoint is being probed on behalf of another object."""
    finding = Finding(reason=UNAVAILABLE.reason, message=f"{UNAVAILABLE.remedy}.")
    return _silent(ports, gathered, finding)


def busy(ports: Ports, gathered: Gathered) -> Decided:
    """Return that a foreign change is in flight while something is to be done."""
    sightings = gathered.memory.sightings
    lasted = sightings.busy_for(ports.monotonic())
    return _busy(gathered, count=sightings.busy_count, lasted=lasted)


def refusal(gathered: Gathered, code: str, desired: Desired, observed: Observed) -> Finding:
    """Return the words of a refused state: they name what the user wrote."""
    declaration = gathered.declaration
    places = {
        each.field.split(".")[2]: f"{each.kind} {each.name}, key {each.key}"
        for each in declaration.material_references
        if each.field.startswith("spec.clientAuthentication.")
    }
    fault = faults.lookup(code, 400)
    text = faults.sentence(
        fault,
        code,
        server_certificate=_server_certificate(declaration),
        client_ca=places.get("ca", ""),
        revocation_list=places.get("revocationList", ""),
        acl=" and ".join(declaration.client_authentication.acls.values()),
        ca_type=desired.ca_type.value,
        wanted="on" if desired.enabled else "off",
        observed="on" if observed.enabled else "off",
        **{**_words(gathered), "endpoint": desired.connection_string},
    )
    if desired.force_encryption and gathered.engine == Engine.POSTGRESQL:
        text += _PERHAPS_FORCED if fault.reason in _OF_ANY_PARAMETER else ""
    return Finding(reason=fault.reason, message=text)


def refused_after(fault: Fault) -> float:
    """Return the seconds to the next look at an object whose state was refused."""
    return _SLOW.get(fault.disposition, 600.0)


def _not_understood(ports: Ports, gathered: Gathered, error: ObservationError) -> Decided:
    """Return that an answer makes no sense: a failed read of this object alone."""
    ports.outages.answered(gathered.cloud.endpoint)
    failures = gathered.memory.failures
    failures.reads += 1
    finding = Finding(
        reason=Reason.API_UNAVAILABLE,
        message=f"The RDS API's answer cannot be understood: {error}",
    )
    return Decided(
        draft=gathered,
        verdict=_unavailable(ports, gathered, finding),
        look_after=_doubled(5.0, failures.reads, 300.0),
        looked=False,
    )


def _silent(ports: Ports, gathered: Gathered, finding: Finding) -> Decided:
    """Return that the whole endpoint is silent: the next look comes from whoever probes it."""
    told = ports.outages.words(gathered.cloud.endpoint, finding)
    verdict = _unavailable(ports, gathered, told)
    return Decided(draft=gathered, verdict=verdict, look_after=_NOT_PROBED, looked=False)


def _failed(
    ports: Ports,
    gathered: Gathered,
    fault: Fault,
    finding: Finding,
    *,
    count: int,
    hint: float,
    looked: bool,
) -> Decided:
    """
    Return what an answer means that says no.

    Args:
        count: How many there were in a row, this one included.
        hint: The seconds for which the API asks to be left alone.
        looked: See `Decided`.
    """
    if fault.disposition in _PASSING:
        first, most = _PASSING[fault.disposition]
        return Decided(
            draft=gathered,
            verdict=_passing(ports, gathered, fault, finding),
            look_after=_spread(ports, _doubled(first, count, most), hint),
            looked=looked,
        )
    if fault.disposition is Disposition.BUG:
        _log.error("malformed request: %s", finding.message, extra=gathered.log_fields())
    return Decided(
        draft=gathered,
        verdict=outcomes.stalled(finding),
        look_after=_SLOW.get(fault.disposition, _doubled(60.0, count, 600.0)),
        looked=looked,
    )


def _passing(ports: Ports, gathered: Gathered, fault: Fault, finding: Finding) -> Verdict | None:
    """Return what passes without anybody's help, for those that it keeps from something."""
    if fault.disposition is not Disposition.THROTTLED:
        # A read that the instance is too busy for is one that failed: nobody knows whether
        # anything is to be done.
        return _unavailable(ports, gathered, finding)
    if not gathered.has_work or gathered.in_flight:
        return None
    ready, kept = gathered.as_it_was(finding)
    return Verdict(ready=ready, finding=kept, reconciling=finding)


def _unavailable(ports: Ports, gathered: Gathered, finding: Finding) -> Verdict | None:
    """Return nothing for an object without work until three resyncs have passed."""
    failures, now = gathered.memory.failures, ports.monotonic()
    if failures.unavailable_since is None:
        failures.unavailable_since = now
    if gathered.in_flight:
        return None
    long = now - failures.unavailable_since >= 3 * ports.timings.resync
    if gathered.has_work and not long:
        ready, kept = gathered.as_it_was(finding)
        return Verdict(ready=ready, finding=kept, reconciling=finding)
    return Verdict(ready=None, finding=finding, reconciling=finding) if long else None


def _busy(
    gathered: Gathered, *, count: int, lasted: float, code: str = "", looked: bool = False
) -> Decided:
    """Return that the instance is busy, for the *count*-th time; *code* says so if any."""
    instance = gathered.instance
    status = instance.status if instance and not instance.running else code
    suffix = f" ({status})" if status else ""
    finding = Finding(
        reason=Reason.INSTANCE_BUSY,
        message=f"The instance is busy with another change{suffix}; ours follows.",
    )
    ready, kept = gathered.as_it_was(finding)
    if lasted >= BUSY_PATIENCE:
        ready, kept = False, finding
    return Decided(
        draft=gathered,
        verdict=Verdict(ready=ready, finding=kept, reconciling=finding),
        look_after=_doubled(10.0, count, 300.0),
        looked=looked,
    )


def _finding(gathered: Gathered, error: AliyunError, *, write: bool) -> tuple[Finding, Fault]:
    fault = faults.classify(error, write=write)
    message = faults.message(error, write=write, **_words(gathered))
    return Finding(reason=fault.reason, message=message), fault


def _spread(ports: Ports, after: float, hint: float) -> float:
    """Spread the objects that were refused together; none of them comes before the hint."""
    spread = ports.random.uniform(0.8, 1.2)
    return max(after * spread, min(hint, LONGEST_HINT) * max(1.0, spread))


def _hint(error: AliyunError) -> float:
    return error.retry_after or 0.0 if isinstance(error, ApiError) else 0.0


def _code(error: AliyunError) -> str:
    return error.code if isinstance(error, ApiError) else ""


def _server_certificate(declaration: Declaration) -> str:
    """Return where the declared server certificate comes from; empty for the cloud's own."""
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


def _words(gathered: Gathered) -> dict[str, str]:
    """Return what a sentence may name and every pass knows; what it does not is empty."""
    reference = gathered.declaration.credentials_secret_ref
    return {
        "credentials": f"Secret {reference.name}" if reference else "the operator's own identity",
        "engine": gathered.engine or "",
        "endpoint": gathered.declaration.connection_string or "",
        "skew": faults.skew_words(gathered.cloud.clock_skew),
    }


def _doubled(first: float, count: int, most: float) -> float:
    return min(most, first * 2.0 ** min(count - 1, 20))
