"""Faults of restraint: what holds a plan, for how long, and what lets it go."""

from faults.fault import Fault
from faults.judging import ENGINE

CONTROL = "engine/reconcile/test_gating_"
APPROVALS = (f"{CONTROL}approval.py",)
DRIFT = (f"{CONTROL}drift.py",)
WINDOWS = (f"{CONTROL}windows.py",)
TOLD = (f"{CONTROL}told.py",)


def limits(test: str) -> tuple[str, ...]:
    """Name one test of the limits: all of them take a minute."""
    return (f"{CONTROL}limits.py::{test}",)


APPROVAL = (
    Fault(
        name="let an approval count again that was spent",
        where="Approval.names",
        old="        return self.annotation == plan.digest and not self._is_spent",
        new="        return self.annotation == plan.digest",
        tests=("core/gates/test_approval.py", *APPROVALS),
    ),
    Fault(
        name="approve by where a plan leads, whatever it does on the way",
        where="Approval.covers",
        old="            and set(plan.impacts) <= set(last.impacts)\n",
        new="",
        tests=("core/gates/test_approval.py",),
    ),
    Fault(
        name="ignore the approvals that are spent in the history",
        where="Approval._is_spent",
        old="        spent = {each.approval for each in self.history}\n",
        new="        spent: set[str | None] = set()\n",
        tests=("core/gates/test_approval.py",),
    ),
    Fault(
        name="let what was spent cover plans after its own was done",
        where="Approval.covers",
        old="            and last.end_time is None\n",
        new="",
        tests=("core/gates/test_approval.py", *APPROVALS),
    ),
    Fault(
        name="never end an approval",
        where="approval.end_approval",
        old="    if last is None or last.end_time is not None or last.to == to:\n",
        new="    if last is None or last.end_time is not None or now:\n",
        tests=("core/gates/test_approval.py", *APPROVALS),
    ),
    Fault(
        name="end an approval only where the pass goes on to what is to be done",
        where="_done",
        old="    if last is None or last.to != operation.digest:\n",
        new="    if last is None or operation or now:\n",
        tests=APPROVALS,
    ),
    Fault(
        name="spend an approval without a record of it",
        where="sending.send",
        old="        last_approval=approval_of(seen).spend(order.planned.plan, now=ports.now()),\n",
        new="",
        tests=APPROVALS,
    ),
    Fault(
        name="give a plan that comes back the digest whose approval was spent",
        where="plan_digest",
        old='        "givenUp": _text(_given_up(last_approval, was)),\n',
        new="",
        tests=("core/planning/test_planner.py", *APPROVALS),
    ),
    Fault(
        name="put a volatile date into the digest of a plan",
        where="digest._before",
        old='    facts[Field.CONNECTION_STRING] = host_name(observed.connection_string or "")\n',
        new="    facts[Field.CONNECTION_STRING] = str(observed.expire_time)\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="send what did not converge because of reconcile-now",
        where="may_retry",
        old="        case Phase.NOT_CONVERGING if same and not approved:",
        new="        case Phase.NOT_CONVERGING if same and not wanted:",
        tests=("core/operation/test_retry.py", *APPROVALS),
    ),
)

FOREIGN = (
    Fault(
        name="put back at the first reading",
        where="_drift",
        old="    if at.now >= due:\n",
        new="    if due:\n",
        tests=("core/gates/test_gate.py", *DRIFT),
    ),
    Fault(
        name="forget the fight",
        where="_drift",
        old="    if corrected is not None:\n",
        new="    if corrected is None and not at:\n",
        tests=("core/gates/test_gate.py", *DRIFT),
    ),
    Fault(
        name="take SSL as a whole for a setting like any other",
        where="_overlap",
        old="    if Field.ENABLED in {*one, *other}:\n",
        new="    if not (one or other):\n",
        tests=("core/gates/test_gate.py", *DRIFT),
    ),
    Fault(
        name="take whose certificate it is for another setting than the certificate",
        where="_setting",
        old="    return Field.SERVER_CERTIFICATE if of_certificate else name\n",
        new="    return Field.SERVER_CERTIFICATE if of_certificate and not name else name\n",
        tests=("core/gates/test_gate.py",),
    ),
    Fault(
        name="take the corrections of a day for those of now, not of when it was seen",
        where="_corrected",
        old="            and at.seen_since - each.time < DAY\n",
        new="            and at.now - each.time < DAY\n",
        tests=("core/gates/test_gate.py", *DRIFT),
    ),
    Fault(
        name="put back although driftPolicy is Report",
        where="_drift",
        old="    if declaration.drift_policy is DriftPolicy.REPORT:\n",
        new="    if declaration.drift_policy is DriftPolicy.REPORT and not plan.drift:\n",
        tests=("core/gates/test_gate.py", *DRIFT),
    ),
    Fault(
        name="put back in spite of an impact that waits for approval",
        where="_approval",
        old="    if not needed or at.approval.allows(plan):\n",
        new="    if not needed or plan.drift or at.approval.allows(plan):\n",
        tests=("core/gates/test_gate.py", *DRIFT),
    ),
    Fault(
        name="undo a foreign change in passing, together with newer material",
        where="is_drift",
        old="        bool(foreign - _rotated(desired))\n",
        new="        comparison is None\n",
        also=(
            (
                "is_drift",
                "        or _in_force(desired, observed) not in {None, was.material}\n",
                "        or _in_force(desired, observed) is applied\n",
            ),
        ),
        tests=("core/planning/test_planner.py", *DRIFT),
    ),
    Fault(
        name="start the half hour anew at each look",
        where="gating.seen_since",
        old="    return min(known.since, now)\n",
        new="    return now\n",
        tests=DRIFT,
    ),
    Fault(
        name="start the half hour anew after a busy answer",
        where="sending.send",
        old="plan = plan_status(order.planned.plan, held_by=None, since=order.since)\n",
        new="plan = plan_status(order.planned.plan, held_by=None)\n",
        tests=DRIFT,
    ),
    Fault(
        name="tell the second attempt at a correction as a rotation",
        where="planner._cause",
        old="    if not was.same_material(desired.state):\n        return Cause.ROTATION\n",
        new="    if applied:\n        return Cause.ROTATION\n",
        tests=("core/planning/test_planner.py", *DRIFT),
    ),
)

TIMES = (
    Fault(
        name="start in the last minutes of a window",
        where="TAIL",
        old="TAIL = timedelta(minutes=15)\n",
        new="TAIL = timedelta(minutes=0)\n",
        tests=("core/test_windows.py", *WINDOWS),
    ),
    Fault(
        name="read every schedule as UTC",
        where="_openings",
        old=".astimezone(ZoneInfo(window.time_zone))\n",
        new=".astimezone(UTC)\n",
        tests=("core/test_windows.py", *WINDOWS),
    ),
    Fault(
        name="forget the window that began yesterday",
        where="_openings",
        old="    begin = (now - window.duration + TAIL - _SHIFT)",
        new="    begin = now",
        tests=("core/test_windows.py", *WINDOWS),
    ),
    Fault(
        name="ignore that a MaintainTime crosses midnight",
        where="_of_instance",
        old="    for day in (-_DAY, timedelta(), _DAY):",
        new="    for day in (timedelta(), _DAY):",
        tests=("core/test_windows.py",),
    ),
    Fault(
        name="take a MaintainTime that ends as it begins for none",
        where="_of_instance",
        old=" % _DAY or _DAY\n",
        new=" % _DAY\n",
        tests=("core/test_windows.py",),
    ),
    Fault(
        name="send although the window has closed while a token was waited for",
        where="sending.send",
        old="    closed = order.closes is not None and ports.now() >= order.closes\n",
        new="    closed = order.closes is not None and order.closes < order.since\n",
        tests=WINDOWS,
    ),
    Fault(
        name="wait for a window although what is in force expires",
        where="_window",
        old="    if margin is not None and _expires_within(plan, margin, at.now):\n",
        new="    if margin is not None and plan.deadline == at.now:\n",
        tests=("core/gates/test_gate.py", *WINDOWS),
    ),
    Fault(
        name="let an approval open the window",
        where="_window",
        old="    if plan.restart is Restart.NONE or not is_bound(maintenance):\n",
        new="    if plan.restart is Restart.NONE or not is_bound(maintenance)"
        " or at.approval.allows(plan):\n",
        tests=("core/gates/test_gate.py",),
    ),
    Fault(
        name="turn SSL off for a deletion outside the window",
        where="_APPROVED_BY_DISABLE",
        old="_APPROVED_BY_DISABLE = {",
        new="_APPROVED_BY_DISABLE = {_maintenance_window, ",
        tests=("core/gates/test_gate.py", *WINDOWS),
    ),
    Fault(
        name="repeat for a deletion what failed with the same material",
        where="_APPROVED_BY_DISABLE",
        old="_APPROVED_BY_DISABLE = {",
        new="_APPROVED_BY_DISABLE = {_failures, ",
        tests=("core/gates/test_gate.py",),
    ),
    Fault(
        name="keep an approval open when its object is deleted",
        where="change.change",
        old="    if spent != last:\n",
        new="    if intent is Intent.DECLARED and spent != last:\n",
        tests=("engine/reconcile/test_deletion.py",),
    ),
    Fault(
        name="ask nobody about a deletion that did not converge",
        where="retry.refused",
        old="        approved=given.names(plan),\n",
        new="        approved=given.names(plan) and not seen.resource.deleting,\n",
        tests=("engine/reconcile/test_deletion.py",),
    ),
    Fault(
        name="turn SSL off for a deletion under an heir that the watch does not show",
        where="_authoritative",
        old="    deletes = order.planned.intent is Intent.DELETION\n",
        new="    deletes = order.planned.intent is None\n",
        tests=("engine/reconcile/test_deletion.py",),
    ),
    Fault(
        name="repeat no refused call for forced encryption that somebody has put on",
        where="diff.surroundings",
        old="if field in SETTINGS.difference(first))\n",
        new="if field in SETTINGS.difference((*first, Field.FORCE_ENCRYPTION)))\n",
        tests=ENGINE,
    ),
    Fault(
        name="repeat no refused call for a certificate that ends at another time",
        where="diff.surroundings",
        old="        observed.expire_time,\n        *kind,\n",
        new="        *kind,\n",
        tests=ENGINE,
    ),
    Fault(
        name="send an object whose windows cannot be read",
        where="unusable",
        old='    found = "; ".join(windows.schedule_errors(declaration.maintenance))\n',
        new='    found = ""\n',
        tests=WINDOWS,
    ),
    Fault(
        name="look only by the usual resync at a plan whose time comes",
        where="holding.look_again",
        old="    if hold.until is not None:\n",
        new="    if hold.until is None and not at:\n",
        tests=WINDOWS,
    ),
)

DAILY = (
    Fault(
        name="count the changes of the day in memory only",
        where="_restarts",
        old="    recorded = tuple(_recorded(ports, seen))\n",
        new="    recorded = tuple(_recorded(ports, seen))[:0]\n",
        tests=limits("test_a_new_process_knows_the_changes_of_the_day"),
    ),
    Fault(
        name="count the changes of the day in the object's own history only",
        where="_restarts",
        old="    sent = ports.budget.restarts(seen.declaration.instance_id)\n",
        new="    sent: dict[str, datetime] = {}\n",
        tests=limits("test_an_object_that_is_deleted_and_applied_again_starts_no_new_day"),
    ),
    Fault(
        name="count changes without regard to the day",
        where="_change_limit",
        old="    today = sorted(each for each in at.restarts if at.now - each < DAY)\n",
        new="    today = sorted(at.restarts)\n",
        tests=("core/gates/test_gate.py",),
    ),
    Fault(
        name="count only changes that succeeded",
        where="_recorded",
        old="for each in history if Impact.RESTART in each.impacts)\n",
        new="for each in history if Impact.RESTART in each.impacts\n"
        '        and each.result == "Verified")\n',
        also=(
            (
                "_restarts",
                "    times = (*(each.time for each in recorded), *lost)\n",
                "    times = tuple(each.time for each in recorded if lost)\n",
            ),
        ),
        tests=limits("test_attempts_that_fail_count_as_well"),
    ),
)

SLOTS = (
    Fault(
        name="hold a slot while a plan waits for its window",
        where="starting.start",
        old=(
            "    if hold is not None:\n"
            "        return holding.held(ports, planned, hold, at)\n"
            "    if not gating.reserve(ports, planned, at):\n"
            "        return replace(holding.held(ports, planned, BUDGET, at), awaits_slot=True)\n"
        ),
        new=(
            "    reserved = gating.reserve(ports, planned, at)\n"
            "    if hold is not None:\n"
            "        return replace(holding.held(ports, planned, hold, at), awaits_slot=reserved)\n"
            "    if not reserved:\n"
            "        return replace(holding.held(ports, planned, BUDGET, at), awaits_slot=True)\n"
        ),
        tests=WINDOWS,
    ),
    Fault(
        name="change a primary and its read-only instance at once",
        where="gating.reserve",
        old='primary=(instance.master_instance_id if instance else "") or instance_id,',
        new="primary=instance_id,",
        tests=limits("test_a_primary_and_its_read_only_instances_never_change_at_once"),
    ),
    Fault(
        name="forget after a crash whose read-only instance is being changed",
        where="Resource.primary_id",
        old="        return (known.master_instance_id if known else None) or self.instance_id\n",
        new="        return self.instance_id if known else self.instance_id\n",
        tests=(
            "engine/scheduling/test_budget.py",
            *limits("test_a_primary_and_its_read_only_instances_never_change_at_once"),
        ),
    ),
    Fault(
        name="serve namespaces by arrival only",
        where="Budget._queue",
        old="places.append((ahead[namespace], self._turns.get(namespace, 0), arrival, key))",
        new="places.append((0, 0, arrival, key))",
        tests=("engine/scheduling/test_budget.py",),
    ),
    Fault(
        name="go on at full speed after an asynchronous failure",
        where="failure_history",
        old="        failures += 1\n",
        new="        failures += 0\n",
        tests=("core/gates/test_failures.py",),
    ),
    Fault(
        name="let several go at once with what has failed elsewhere",
        where="gating.reserve",
        old="        alone=at.failures.failures > 0,\n",
        new="        alone=False,\n",
        tests=limits("test_between_failures_one_at_a_time_is_sent_whatever_the_budget"),
    ),
    Fault(
        name="wake those who waited to be alone one after another",
        where="Budget._admitted",
        old="            wanted = replace(waiting, alone=False)\n",
        new="            wanted = replace(waiting)\n",
        tests=("engine/scheduling/test_budget.py",),
    ),
    Fault(
        name="never ask a person about what failed three times elsewhere",
        where="FailureHistory.is_halted",
        old="        return self.failures >= MOST\n",
        new="        return self.failures < 0\n",
        tests=("core/gates/test_failures.py",),
    ),
    Fault(
        name="let every reconcile-now pass three failures",
        where="_asks_for_one_more",
        old="    return failed and seen.resource.asked is not None\n",
        new="    return failed or seen.resource.asked is not None\n",
        tests=limits("test_a_request_to_reconcile_lets_only_the_object_go_on_that_failed_itself"),
    ),
    Fault(
        name="hold all material because some has failed",
        where="failure_history",
        old="            if not material.isdisjoint(each.material)\n            and (",
        new="            if material and (",
        tests=("core/gates/test_failures.py",),
    ),
    Fault(
        name="let a primary go while a change of its read-only instance is orphaned",
        where="Budget.cool_down",
        old="        for each in {resource.instance_id, resource.primary_id}:\n",
        new="        for each in {resource.instance_id}:\n",
        tests=("engine/scheduling/test_budget.py",),
    ),
    Fault(
        name="tell and count a change after the call",
        where="sending.send",
        old="    await _announce(ports, order, seen)\n",
        new="",
        also=(
            (
                "sending.send",
                (
                    "return await _call(ports, seen, parameters, recorded, pending,"
                    " restarts=restarts)\n"
                ),
                (
                    "ended = await _call(ports, seen, parameters, recorded, pending,"
                    " restarts=restarts)\n"
                    "    await _announce(ports, order, seen)\n"
                    "    return ended\n"
                ),
            ),
        ),
        tests=TOLD,
    ),
)

GATING = (*APPROVAL, *FOREIGN, *TIMES, *DAILY, *SLOTS)
