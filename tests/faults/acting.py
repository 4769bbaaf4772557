"""Faults of conduct: what is sent, written and let go (`rds_ssl.engine`, `rds_ssl.aliyun`)."""

from faults.fault import Fault
from faults.judging import ENGINE, RENEWALS

WIRE = (
    Fault(
        name="let the private key of an answer through",
        where="_KEYS",
        old='_KEYS = frozenset({"serverkey", ',
        new="_KEYS = frozenset({",
        tests=("aliyun/test_rds.py",),
    ),
    Fault(
        name="take a connection that broke for one that was never made",
        where="NOT_SENT",
        old='    httpx.ProxyError: "proxy error",\n',
        new='    httpx.ProxyError: "proxy error",\n    httpx.ReadError: "connection lost",\n',
        tests=("aliyun/test_transport.py", *ENGINE),
    ),
    Fault(
        name="repeat a call whose answer is missing, inside the client",
        where="RdsApi.modify_ssl",
        old="body = await self._call(_MODIFY, instance_id, region_id, parameters, write=True)\n",
        new="call = (_MODIFY, instance_id, region_id, parameters)\n"
        "        try:\n"
        "            body = await self._call(*call, write=True)\n"
        "        except NoAnswer:\n"
        "            body = await self._call(*call, write=True)\n",
        tests=("aliyun/test_rds.py", *ENGINE),
    ),
    Fault(
        name="go on at the same pace when the API throttles",
        where="RdsApi._call",
        old="                self._slow_down(action, error, sent=sent)\n",
        new="                pass\n",
        tests=("aliyun/test_rds.py",),
    ),
    Fault(
        name="put what is sent into the URL where signature V3 is not read",
        where="Transport._exchange",
        old="        url = wanted.url\n",
        new="        url = wanted.url\n"
        "        if dialect is Dialect.V1:\n"
        "            url = url.copy_with(query=request.content)\n",
        tests=(
            "aliyun/test_dialects.py",
            "aliyun/test_transport.py",
            "engine/reconcile/test_sending_wire.py",
        ),
    ),
    Fault(
        name="repeat a write with another signature",
        where="Transport.call",
        old="            if write or dialect is not Dialect.V3 or",
        new="            if dialect is not Dialect.V3 or",
        tests=(
            "aliyun/test_dialects.py",
            "aliyun/test_transport.py",
            "engine/reconcile/test_sending_wire.py",
        ),
    ),
    Fault(
        name="show a private key where text is shown",
        where="SecretText.__repr__",
        old='        return "SecretText(…)"',
        new="        return self._text",
        tests=(
            "aliyun/test_credentials.py",
            "core/planning/test_planner.py",
            "core/x509/test_pem_server.py",
        ),
    ),
)

CALL = (
    Fault(
        name="no read-back after a time-out: take it for a refusal",
        where="_not_accepted",
        old="    if fault.disposition is Disposition.UNKNOWN:\n",
        new="    if fault.disposition is Disposition.REJECTED and not fault.remedy:\n",
        tests=ENGINE,
    ),
    Fault(
        name="no read-back after a time-out: take it for not executed, and send again",
        where="_not_accepted",
        old="    if fault.disposition is Disposition.UNKNOWN:\n",
        new="    if fault.disposition is Disposition.REJECTED and not fault.remedy:\n",
        also=(
            (
                "_NOT_EXECUTED",
                "        Disposition.BUSY,\n",
                "        Disposition.BUSY,\n        Disposition.UNKNOWN,\n",
            ),
        ),
        tests=ENGINE,
    ),
    Fault(
        name="no read-back after a time-out: take it for accepted",
        where="_not_accepted",
        old="replace(sent, watch=Watch(started=ports.monotonic(), accepted=None))\n",
        new=(
            "replace(\n"
            "            sent, watch=Watch(started=ports.monotonic(), accepted=ports.monotonic())\n"
            "        )\n"
        ),
        tests=ENGINE,
    ),
    Fault(
        name="do not write Sending before the call",
        where="sending.send",
        old="    seen = await finishing.write(ports, draft, order.verdict)\n",
        new="    seen = replace(draft, resource=replace(fresh, status=draft.status))\n",
        tests=ENGINE,
    ),
    Fault(
        name="write Sending over whatever version is there",
        where="Reporter._patch",
        old="        manifest = await self._resources.patch_status(\n"
        "            *resource.key, resource_version=resource.resource_version, status=patch\n"
        "        )\n",
        new="        version = resource.resource_version\n"
        "        while True:\n"
        "            try:\n"
        "                manifest = await self._resources.patch_status(\n"
        "                    *resource.key, resource_version=version, status=patch\n"
        "                )\n"
        "                break\n"
        "            except KubeConflict:\n"
        "                version = (await self.reread(resource)).resource_version\n",
        tests=ENGINE,
    ),
    Fault(
        name="send although the object has changed since it was planned",
        where="_authoritative",
        old="return mine if same else Decided(",
        new="return mine if same or mine else Decided(",
        tests=ENGINE,
    ),
    Fault(
        name="send the material of before the wait for a token",
        where="_material",
        old=("    if now.fingerprint != planned.fingerprint:\n        return None\n"),
        new="    now = planned\n",
        tests=ENGINE,
    ),
    Fault(
        name="two in flight: send while another object's change is under way",
        where="any_in_flight",
        old="        each.in_flight and ports",
        new="        each.uid == '' and ports",
        tests=ENGINE,
    ),
    Fault(
        name="two in flight: give one instance two slots",
        where="_Slot.excludes",
        old="        if self.instance_id == other.instance_id or self.primary == other.primary:\n",
        new="        if self is other:\n",
        tests=("engine/scheduling/test_budget.py", *ENGINE),
    ),
    Fault(
        name="ignore the budget",
        where="Budget._is_free",
        old="        return not self._limit or used < self._limit",
        new="        return self._limit >= 0 or used < 0",
        tests=("engine/scheduling/test_budget.py", *ENGINE),
    ),
    Fault(
        name="keep the slot of a call that was not sent",
        where="finishing.give_back",
        old="        if not (resource.in_flight or isinstance(memory.attempt, Sent)):\n",
        new="        if resource.deleting and isinstance(memory.attempt, Sent):\n",
        also=(),
        tests=ENGINE,
    ),
    Fault(
        name="keep the slot of a change that has ended",
        where="finishing.give_back",
        old="    elif not decided.keeps_slot:\n",
        new="    elif not (decided.keeps_slot or resource.in_flight):\n",
        tests=ENGINE,
    ),
    Fault(
        name="give the slot of a change back whose end could not be written",
        where="Reconciler._pass",
        old="            give_back(ports, resource, memory, finished)\n",
        new="            give_back(ports, resource, memory, finished or locals().get('decided'))\n",
        tests=("engine/reconcile/test_finishing_slots.py",),
    ),
    Fault(
        name="remember that a call had no effect only once that is written",
        where="following._end",
        old="        stage.memory.attempt = proved\n",
        new="",
        tests=("engine/reconcile/test_finishing_unanswered.py",),
    ),
    Fault(
        name="forget what an own change left when the answer to the next record is lost",
        where="sending.send",
        old="    seen.memory.attempt = pending\n",
        new="",
        tests=("engine/reconcile/test_finishing_unanswered.py",),
    ),
    Fault(
        name="show nothing of an instance of which one read fails",
        where="Reconciler._judge",
        old="raise _ReadError(seen.shown(endpoint=None), error) from error",
        new="raise error",
        tests=("engine/reconcile/test_observing_failures.py",),
    ),
    Fault(
        name="forget the slots of changes that another process began",
        where="EventRouter._begin",
        old="        if resource.in_flight:\n            self._budget.inherit(resource)\n",
        new="",
        tests=("engine/reconcile/test_following_inherited.py",),
    ),
)

OBJECTS = (
    Fault(
        name="keep a verdict on material",
        where="evaluate",
        old="    judgement = _validation(ports, seen, endpoint=endpoint)\n",
        new=(
            "    kept = globals().setdefault('KEPT', {}).setdefault(id(seen.memory), {})\n"
            "    judgement = kept.get(seen.material.fingerprint)\n"
            "    judgement = judgement or _validation(ports, seen, endpoint=endpoint)\n"
            "    kept[seen.material.fingerprint] = judgement\n"
        ),
        tests=ENGINE,
    ),
    Fault(
        name="keep the content of a Secret, whatever version it has",
        where="Materials.kept",
        old="        if found is None or found[0] != self._version(source.kind, source.name):",
        new="        if found is None:",
        tests=ENGINE,
    ),
    Fault(
        name="keep who has signed which list, whatever version they have",
        where="Materials._signed_lists",
        old="        if found is not None and found[0] == versions:",
        new="        if found is not None:",
        tests=("engine/gather/test_materials.py",),
    ),
    Fault(
        name="work on whatever is large in the loop",
        where="offloaded",
        old="    if size is not None and size <= INLINE:\n",
        new="    if size is None or size:\n",
        tests=("engine/test_no_stall.py", "test_offloading.py"),
    ),
    Fault(
        name="call the cloud because of a label",
        where="Resource.inputs",
        old="        return (self.uid, self.generation, ",
        new="        return (self.uid, self.generation, self.resource_version, ",
        tests=ENGINE,
    ),
    Fault(
        name="call the cloud because a Secret was written again",
        where="Reconciler._pass",
        old="                if stage.material.read and rest is not None and not forced:\n",
        new="                if stage.material.read and rest is not None and not memory:\n",
        tests=ENGINE,
    ),
    Fault(
        name="post an Event with a private key",
        where="sending.send",
        old="    await _announce(ports, order, seen)\n",
        new=(
            "    key = parameters.get('ServerKey')\n"
            "    told = key.reveal() if isinstance(key, SecretText) else 'Sent.'\n"
            "    event = Event(reason='ChangeStarted', message=told)\n"
            "    await ports.reporter.announce_first(seen.resource, event)\n"
        ),
        tests=ENGINE,
    ),
    Fault(
        name="let the younger of two claimants win",
        where="older_claimant",
        old="elder(each) < elder(mine)",
        new="elder(each) > elder(mine)",
        tests=ENGINE,
    ),
    Fault(
        name="name the winner of a conflict across namespaces",
        where="claims.loses",
        old="        winner.key[1] if winner.key[0] == mine.key[0] else None,\n",
        new="        winner.key[1],\n",
        tests=ENGINE,
    ),
    Fault(
        name="take a foreign condition away",
        where="compose",
        old="    return (*own, *(each for each in previous if each.type not in OWN))",
        new="    return tuple(own)",
        tests=("core/api/test_conditions.py",),
    ),
    Fault(
        name="answer a reconcile-now before what it asks for is done",
        where="finish",
        old="answers=not decided.request_open",
        new="answers=True",
        tests=ENGINE,
    ),
    Fault(
        name="record a call without the state that it leads to",
        where="sending._operation",
        old="        target=order.planned.step.state,\n",
        new="",
        tests=ENGINE,
    ),
    Fault(
        name="send because a record of an older version does not tell what was applied",
        where="planner._settled",
        old="    if applied is not None and applied.state is None and at_rest and not",
        new="    if applied is not None and applied is None and not",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="repeat what an older build has tried three times",
        where="may_retry",
        old="    untold, wanted = operation.target is None, asked or approved\n",
        new="    untold, wanted = False, asked or approved\n",
        tests=("engine/reconcile/test_older_records.py",),
    ),
    Fault(
        name="undo without a question what somebody did before an upgrade",
        where="_first_contact",
        old="    if (overwrites or turns_on) and not plan.untold:\n",
        new="    if overwrites or turns_on:\n",
        tests=("engine/reconcile/test_older_records.py",),
    ),
    Fault(
        name="take what waits over hidden fields for applied",
        where="planner._settled",
        old="    if applied is not None and applied.state is None and at_rest and not",
        new="    if applied is not None and applied.state is None and not",
        tests=("core/planning/test_planner.py", "engine/reconcile/test_older_records.py"),
    ),
    Fault(
        name="take a record that cannot be read for none",
        where="Resource.operation_lost",
        old='return bool(self.raw_status.get("operation")) and self.status.operation is None',
        new="return False",
        tests=ENGINE,
    ),
)

RENEWAL = (
    Fault(
        name="renew a certificate twice although its end has not moved",
        where="tried",
        old="    return renews is not None and any(",
        new="    return renews is None and any(",
        tests=(
            f"{RENEWALS}::test_a_renewal_without_effect_is_told_and_never_sent_again_for_that_date",
        ),
    ),
    Fault(
        name="put the password of a PFX file into a digest",
        where="_Reading.pfx",
        old="        self.password = self.sources[_PASSWORD][1]\n",
        new="        if isinstance(found, PFXMaterial):\n"
        '            self.password = ("", found.password.reveal())\n',
        tests=ENGINE,
    ),
)

GONE = ("engine/reconcile/test_deletion.py", "engine/reconcile/test_lifecycle.py")
"""What happens when something goes."""

DELETION = (
    Fault(
        name="drop the finalizer while SSL cannot be turned off",
        where="reconciler._failed",
        old="        and classify(error, write=False).disposition is Disposition.GONE\n",
        new="        and classify(error, write=False).disposition is not Disposition.BUSY\n",
        tests=GONE,
    ),
    Fault(
        name="hold a namespace that is being deleted",
        where="let_go_or_wait",
        old="        if await ports.resources.is_terminating(involved, time=time):\n",
        new="        if not involved and time:\n",
        tests=GONE,
    ),
    Fault(
        name="turn SSL off although rows of pg_hba.conf demand it",
        where="_held_by_rows",
        old="    if not seen.hostssl_rows:\n",
        new="    if seen.hostssl_rows is not None:\n",
        tests=GONE,
    ),
    Fault(
        name="turn SSL off for an object that was never applied",
        where="skip_reason",
        old=(
            "    if draft.status.applied is None and not unknown:\n"
            '        return _as_it_is("the object has never been applied")\n'
        ),
        new="",
        tests=GONE,
    ),
    Fault(
        name="turn SSL off although another object declares the instance",
        where="Resource.successor",
        old="            other.uid != self.uid\n            and not other.deleting\n",
        new="            other.uid == ''\n            and not other.deleting\n",
        tests=GONE,
    ),
    Fault(
        name="turn SSL off for an object that is suspended",
        where="skip_reason",
        old="    if declaration.suspend:\n",
        new="    if declaration.suspend is None:\n",
        tests=(*ENGINE, *GONE),
    ),
)

ACTING = (*WIRE, *CALL, *OBJECTS, *RENEWAL, *DELETION)
