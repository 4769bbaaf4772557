"""Faults of newer material beside an edit that waits for a person."""

from faults.fault import Fault

_STALLED = ("engine/reconcile/test_change_ahead_of_stalled.py",)
_TESTS = ("core/planning/test_ahead.py", "engine/reconcile/test_change_ahead.py")

AHEAD = (
    Fault(
        name="let newer material wait with an edit",
        where="change.change",
        old="    if hold is not None and hold.reason is Reason.AWAITING_APPROVAL:\n",
        new="    if hold is not None and hold.reason is Reason.DRIFTED:\n",
        tests=_TESTS,
    ),
    Fault(
        name="send with newer material what waits for approval",
        where="ahead._under",
        old="        acl=was.acl or ACL.PREFER,\n",
        new="        acl=desired.acl,\n",
        tests=_TESTS,
    ),
    Fault(
        name="let newer material go although a person has to approve it",
        where="reconcile.ahead._pair",
        old="    if needed & {*ahead.plan.impacts}:\n        return None\n",
        new="",
        tests=_TESTS,
    ),
    Fault(
        name="let newer material wait for the answer to an edit until it is too late",
        where="awaits_edit",
        old="        until = min(until, shifted(plan.deadline, -ALONE_BEFORE))\n",
        new="        until = max(until, shifted(plan.deadline, -ALONE_BEFORE))\n",
        tests=_TESTS,
    ),
    Fault(
        name="restart once for an edit and once for the material that waits beside it",
        where="material_ahead",
        old="        return _together(ports, whole, edit)\n",
        new="        pass\n",
        tests=_TESTS,
    ),
    Fault(
        name="guess at what an edit changes and is not shown",
        where="separate",
        old="    if not all(shows(observed, field) for field in changed):\n        return None\n",
        new="",
        tests=_TESTS,
    ),
    Fault(
        name="name in the digest of an edit the certificate that it does not change",
        where="_touches",
        old="    return Field.ENABLED in fields or not group.isdisjoint(fields)\n",
        new="    return Field.ENABLED in fields or bool(group)\n",
        tests=_TESTS,
    ),
    Fault(
        name="count a rotation as a change of the settings",
        where="following._settings_time",
        old="    return applied.settings_time or applied.time\n",
        new="    return None\n",
        tests=_TESTS,
    ),
    Fault(
        name="send newer material under settings that somebody else has changed",
        where="_goes_alone",
        old="    if not ahead.plan.material_only:\n        return False\n",
        new="",
        tests=_TESTS,
    ),
    Fault(
        name="send a certificate ahead that is for another endpoint",
        where="_goes_alone",
        old="    return certificates.covers(leaf, ahead.desired.connection_string)\n",
        new="    return True\n",
        tests=_TESTS,
    ),
    Fault(
        name="leave newer material that came into force too late out of the record",
        where="reconcile.ahead._came_true",
        old="        if standing.plan is None and not standing.declared_applied:\n",
        new="        if False:\n",
        tests=_TESTS,
    ),
    Fault(
        name="let the certificate wait with client CAs that are to be approved",
        where="reconcile.ahead._separated",
        old=" or _pair(ports, whole, trust=False)\n",
        new="\n",
        tests=_TESTS,
    ),
    Fault(
        name="send declared client CAs where those in force are to stay",
        where="outgoing._of_step",
        old="client_ca=cas if cas and set(cas.certificates) == set(step.client_ca) else None,",
        new="client_ca=cas,",
        tests=_TESTS,
    ),
    Fault(
        name="let newer material wait with an edit that cannot be carried out",
        where="change._stopped",
        old="    return ahead.beside_stalled(ports, whole.seen, whole.desired, stopped)\n",
        new="    return stopped\n",
        tests=_STALLED,
    ),
    Fault(
        name="let newer material wait with a field of another engine, or an endpoint not covered",
        where="_material_beside",
        old="    if judgement.problem is not None:\n",
        new="    if judgement.problem is None:\n",
        tests=_STALLED,
    ),
    Fault(
        name="judge newer material by the settings declared beside it",
        where="starting.stopped",
        old="    return preflight.refused(ports, seen, step, wanted=planned.desired)\n",
        new="    from rds_ssl.core.planning.desired import desired_of\n"
        "    declared = seen.declaration\n"
        "    wanted = desired_of(declared, seen.material.facts, endpoint=step.connection_string)\n"
        "    return preflight.refused(ports, seen, step, wanted=wanted)\n",
        tests=_STALLED,
    ),
    Fault(
        name="say nothing of an edit that cannot be carried out once newer material waits",
        where="outcomes.beside",
        old="ahead.stalled or (None if ahead.reconciling else waits.stalled)",
        new="ahead.stalled",
        tests=_STALLED,
    ),
    Fault(
        name="leave a certificate that came too late out of the record where client CAs wait",
        where="reconcile.ahead._came_true",
        old="    for trust in (True, False):\n",
        new="    for trust in (True,):\n",
        tests=_TESTS,
    ),
    Fault(
        name="hide the edit that waits while it is not clear what came of its material",
        where="retry.refused",
        old="_as_shown(seen) if beside else seen.update(plan=None)",
        new="seen.update(plan=None)",
        tests=_TESTS,
    ),
    Fault(
        name="ask again for the approval of an edit once newer material was approved",
        where="_given_up",
        old=" or (was is not None and was.digest == last.to)",
        new="",
        tests=_TESTS,
    ),
    Fault(
        name="end the approval of newer material with its first attempt",
        where="destinations",
        old="    return frozenset(found - {applied.state.digest})\n",
        new="    return frozenset()\n",
        tests=_TESTS,
    ),
)
