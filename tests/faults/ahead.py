"""Faults of newer material beside an edit that waits for a person."""

from faults.fault import Fault

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
        where="change._pair",
        old="    if needed & {*ahead.plan.impacts} or not",
        new="    if not",
        tests=_TESTS,
    ),
    Fault(
        name="let apart what needs an approval together",
        where="change._pair",
        old=" or not needed & {*whole.plan.impacts} <= {*edit.plan.impacts}:\n",
        new=":\n",
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
        where="_material_ahead",
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
        where="_came_true",
        old="    if standing.plan is not None or standing.declared_applied:\n",
        new="    if True:\n",
        tests=_TESTS,
    ),
    Fault(
        name="let the certificate wait with client CAs that are to be approved",
        where="change._separated",
        old=" or _pair(ports, whole, trust=False)\n",
        new="\n",
        tests=_TESTS,
    ),
    Fault(
        name="send declared client CAs where those in force are to stay",
        where="sending._of_step",
        old="client_ca=cas if cas and set(cas.certificates) == set(step.client_ca) else None,",
        new="client_ca=cas,",
        tests=_TESTS,
    ),
)
