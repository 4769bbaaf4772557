"""Faults of judgement: what is read, compared, planned and held (`rds_ssl.core`)."""

from faults.fault import Fault

RENEWALS = "engine/reconcile/test_change_renewal.py"

ENGINE = (
    "engine/reconcile/test_sending.py",
    "engine/reconcile/test_following.py",
    "engine/reconcile/test_gathering.py",
    "engine/reconcile/test_api_failures.py",
    "engine/reconcile/test_reconciler.py",
    "engine/reconcile/test_conditions_kept.py",
    "engine/reconcile/test_memory.py",
    "engine/reconcile/test_attempt.py",
    "engine/reconcile/test_evaluation.py",
    "engine/scheduling/test_outages.py",
    "engine/events/test_router.py",
    "engine/scheduling/test_budget_turns.py",
    "engine/gather/test_materials.py",
)
"""The whole engine in its world, as far as it is quick."""

READING = (
    Fault(
        name="compare PEM as text instead of DER",
        where="pem.parse_certificates",
        old="    return tuple(map(_shown, shown_certificate_blocks(text, field=field)))\n",
        new="""    import dataclasses

    digest = hashlib.sha256(text if isinstance(text, bytes) else text.encode()).hexdigest()
    found = map(_shown, shown_certificate_blocks(text, field=field))
    return tuple(dataclasses.replace(each, sha256=digest) for each in found)
""",
        tests=("core/planning/test_diff.py", *ENGINE),
    ),
    Fault(
        name="compare the whole chain instead of the leaf",
        where="ServerFacts.leaf",
        old="        return self.links[0].certificate\n",
        new="        import dataclasses\n"
        "        whole = '-'.join(link.certificate.sha256 for link in self.links)\n"
        "        return dataclasses.replace(self.links[0].certificate, sha256=whole)\n",
        tests=ENGINE,
    ),
    Fault(
        name="read a missing SSLEnabled as off",
        where="read_ssl",
        old='    enabled = _flag(fields, "SSLEnabled")\n',
        new='    enabled = _flag(fields, "SSLEnabled") or False\n',
        tests=("core/rds/test_responses.py",),
    ),
    Fault(
        name="take an unknown word for a field that is absent",
        where="responses",
        old="        raise _not_understood(name, text) from None\n\n\ndef _host",
        new="        return None\n\n\ndef _host",
        tests=("core/rds/test_responses.py",),
    ),
    Fault(
        name="take an empty text or a dash for a value",
        where="responses._text",
        old='    return None if text in {"", "-"} else text',
        new="    return text",
        tests=("core/rds/test_responses.py",),
    ),
    Fault(
        name="compare host names with port and case",
        where="host_name",
        old='    return re.sub(r":[0-9]+$", "", text.strip()).rstrip(".").lower()',
        new="    return text.strip()",
        tests=("core/rds/test_responses.py", "core/planning/test_diff.py"),
    ),
    Fault(
        name="take what is not echoed for different",
        where="compare",
        old="different=frozenset(name for name, equal in verdicts.items() if equal is False)",
        new="different=frozenset(name for name, equal in verdicts.items() if not equal)",
        tests=("core/planning/test_diff.py", "core/planning/test_planner.py", *ENGINE),
    ),
    Fault(
        name="take a certificate that MySQL does not show for the applied one",
        where="diff._leaf",
        old="        return False  # Whatever the dates",
        new="        return None  # Whatever the dates",
        tests=("core/planning/test_diff.py",),
    ),
)

MATERIAL = (
    Fault(
        name="send a certificate that has expired",
        where="check_server_certificate",
        old="    if now >= leaf.not_after:\n",
        new="    if now < leaf.not_before:\n",
        tests=("core/checks/test_certificates.py",),
    ),
    Fault(
        name="let a wildcard stand for two labels",
        where="_matches",
        old='    return bool(label) and parent == wanted[2:] and "." in parent',
        new='    return bool(label) and host.endswith(wanted[1:]) and "." in parent',
        tests=("core/checks/test_certificates.py",),
    ),
    Fault(
        name="accept a revocation list that has expired",
        where="_check_lists_of",
        old="    if any(one.next_update is None or now < one.next_update for one in started):",
        new="    if started:",
        tests=("core/checks/test_client_trust.py",),
    ),
    Fault(
        name="accept that one of two client CAs has no revocation list",
        where="check_revocation_list",
        old="    for ca in cas:\n        if not _is_valid",
        new="    for ca in cas[:1]:\n        if not _is_valid",
        tests=("core/checks/test_client_trust.py",),
    ),
    Fault(
        name="accept a revocation list by its issuer's name, whoever signed it",
        where="_has_signed",
        old="        return crl.is_signature_valid(key)\n",
        new="        return True\n",
        tests=("core/checks/test_client_trust.py", "core/x509/test_pem.py"),
    ),
    Fault(
        name="send cert-manager's temporary certificate",
        where="check_server_certificate",
        old="    if facts.issuer_common_name == CERT_MANAGER:",
        new="    if facts.issuer_common_name == '':",
        tests=("core/checks/test_certificates.py",),
    ),
    Fault(
        name="send a certificate with the key of another one",
        where="_must_fit",
        old="    if leaf in fitting:\n",
        new="    if chain:\n",
        tests=("core/x509/test_pem_server.py",),
    ),
)

ERRORS = (
    Fault(
        name="drop the dotted parent of a code",
        where="faults.lookup",
        old='        part = part.rpartition(".")[0]',
        new='        part = ""',
        tests=("core/rds/test_faults.py", "core/rds/test_fault_codes.py"),
    ),
    Fault(
        name="take every 403, InvalidACL.Permission too, for a missing right",
        where="faults.lookup",
        old="    part = code\n",
        new="    if http_status == 403:\n        return FORBIDDEN\n    part = code\n",
        tests=("core/rds/test_faults.py", "core/rds/test_fault_codes.py"),
    ),
    Fault(
        name="take an answer without a code for a refusal",
        where="classify",
        old="    else:\n        fault = UNKNOWN\n    if fault",
        new="    else:\n        fault = REFUSED\n    if fault",
        tests=("core/rds/test_faults.py",),
    ),
)

ENDS = (
    Fault(
        name="say Ready before busy was seen",
        where="_stood",
        old="        return monotonic - watch.accepted >= limits.verify_after",
        new="        return True",
        tests=("core/operation/test_verification.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="send an accepted call again once it has settled",
        where="_without_effect",
        old="    if watch.accepted is not None or elapsed < limits.settle:",
        new="    if elapsed < limits.settle:",
        tests=("core/operation/test_verification.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="forget forced encryption that is not shown once somebody changed what is",
        where="_resolved",
        old="        yield Field.FORCE_ENCRYPTION, None\n",
        new="        del hidden\n",
        tests=("engine/reconcile/test_mysql.py",),
    ),
    Fault(
        name="send a third time after two unknown outcomes",
        where="_without_effect",
        old="    again = disproved and not operation.unanswered",
        new="    again = disproved",
        tests=("core/operation/test_verification.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="send again although nothing shows whether the call had an effect",
        where="_without_effect",
        old="    again = disproved and not operation.unanswered",
        new="    again = not operation.unanswered",
        tests=("core/operation/test_verification.py", "engine/reconcile/test_mysql.py"),
    ),
    Fault(
        name="believe a LastModifyStatus that speaks of an older change",
        where="verification._failed",
        old="    return elapsed >= limits.settle and not (old and watch.accepted is None)",
        new="    return True",
        tests=("core/operation/test_verification.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="retry a code that is Rejected",
        where="may_retry",
        old="(untold or operation.inputs_digest == inputs)",
        new="(untold or operation.inputs_digest is None)",
        tests=("core/operation/test_retry.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="try again without end what fails",
        where="MAX_ATTEMPTS",
        old="MAX_ATTEMPTS = 3\n",
        new="MAX_ATTEMPTS = 99\n",
        tests=("core/operation/test_retry.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="try at once again what has failed",
        where="RETRY_FAILED",
        old="RETRY_FAILED = timedelta(minutes=10)",
        new="RETRY_FAILED = timedelta(seconds=1)",
        tests=("core/operation/test_retry.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="send again what does not converge",
        where="may_retry",
        old="        case Phase.NOT_CONVERGING if same and not approved:",
        new="        case Phase.NOT_CONVERGING if same is None:",
        tests=("core/operation/test_retry.py", "engine/reconcile/test_attempt.py"),
    ),
    Fault(
        name="take an accepted operation for one that has ended",
        where="Phase.is_unfinished",
        old="        return self in {Phase.SENDING, Phase.ACCEPTED}\n",
        new="        return self in {Phase.SENDING}\n",
        tests=("core/operation/test_verification.py", *ENGINE),
    ),
)

GATES = (
    Fault(
        name="forget CAType",
        where="parameters.parameters",
        old='    sent["CAType"] = desired.ca_type.value\n',
        new="",
        tests=("core/planning/test_parameters.py",),
    ),
    Fault(
        name="leave out what takes a client CA away",
        where="_client_parameters",
        old='        sent["ClientCAEnabled"] = "0"\n',
        new="        pass\n",
        tests=("core/planning/test_parameters.py",),
    ),
    Fault(
        name="leave out a TLS version that is not managed",
        where="_sqlserver_parameters",
        old="    version = desired.minimum_tls_version or observed.minimum_tls_version\n",
        new="    version = desired.minimum_tls_version\n",
        tests=("core/planning/test_parameters.py",),
    ),
    Fault(
        name="leave encryption forced when SSL is turned off",
        where="parameters.parameters",
        old="    if observed.force_encryption or desired.force_encryption or unforced:\n",
        new="    if desired.force_encryption or unforced:\n",
        tests=("core/planning/test_parameters.py",),
    ),
    Fault(
        name="send ForceEncryption to an old MySQL",
        where="unfit_instance",
        old="(minor and minor < _FORCE_SINCE)",
        new="(minor and minor == _FORCE_SINCE)",
        tests=(
            "engine/reconcile/test_mysql.py::test_an_old_minor_version_is_named_and_nothing_is_sent",
        ),
    ),
    Fault(
        name="take a client CA away in one step, while ACLs still ask for its certificates",
        where="relax_step",
        old="    if observed.acl is ACL.PREFER and observed.replication_acl is ACL.PREFER:\n",
        new="    if observed.client_ca:\n",
        tests=("engine/reconcile/test_change_removals.py",),
    ),
    Fault(
        name="promise that a renewal restarts no MySQL",
        where="predict_restart",
        old='engine == Engine.MYSQL and engine_version == "8.0":',
        new="engine == Engine.MYSQL and engine_version:",
        tests=(f"{RENEWALS}::test_a_cloud_certificate_is_renewed_once_before_it_ends",),
    ),
    Fault(
        name="take for applied what an own call without a proved end may have changed",
        where="unproved",
        old=" in _UNPROVED and (applied is None or each.time >= applied.time)\n",
        new=" in _UNPROVED and applied is None\n",
        tests=("core/planning/test_planner.py", "engine/reconcile/test_mysql.py"),
    ),
    Fault(
        name="doubt what is applied because of calls from before",
        where="unproved",
        old=" in _UNPROVED and (applied is None or each.time >= applied.time)\n",
        new=" in _UNPROVED\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="let an approval count for another object",
        where="plan_digest",
        old='        "uid": uid,\n',
        new="",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="move to a host that is no endpoint of the instance",
        where="missing_endpoint",
        old="    if not normal or host_name(wanted) in {host_name(each) for each in normal}:\n",
        new="    if endpoints is not None:\n",
        tests=("engine/reconcile/test_preflight_endpoints.py",),
    ),
    Fault(
        name="send to an instance that is locked",
        where="unavailable",
        old='    if not why and instance.lock_mode not in {"", "Unlock"}:\n',
        new="    if not why and instance.lock_mode is None:\n",
        tests=("engine/reconcile/test_lifecycle.py",),
    ),
    Fault(
        name="take a renewed cloud certificate for a foreign change",
        where="ROWS",
        old="counts=lambda state, _: state.ca_type is CAType.CUSTOM and",
        new="counts=lambda state, _: state.ca_type is not None and",
        tests=("core/planning/test_diff.py", "core/planning/test_planner.py"),
    ),
    Fault(
        name="change an instance at first contact",
        where="_first_contact",
        old="    if not plan.first_contact or ",
        new="    if declaration or not plan.first_contact or ",
        tests=("core/gates/test_gate.py", *ENGINE),
    ),
    Fault(
        name="take an object whose call was refused for one that knows the instance",
        where="is_first_contact",
        old="    if operation is None or operation.phase in {Phase.SENDING, Phase.REFUSED}:",
        new="    if operation is None or operation.phase in {Phase.SENDING}:",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="send what waits for approval",
        where="_approval",
        old="    if not needed or at.approval.allows(plan):\n",
        new="    if needed is not None:\n",
        tests=("core/gates/test_gate.py", *ENGINE),
    ),
    Fault(
        name="undo at once what somebody else did",
        where="_drift",
        old="    if not plan.drift or at.approval.allows(plan):\n",
        new="    if plan is not None:\n",
        tests=("core/gates/test_gate.py", *ENGINE),
    ),
    Fault(
        name="send for an object that only observes",
        where="_observing",
        old="    if not (case.at.read_only or case.declaration.management_policy is"
        " ManagementPolicy.OBSERVE):\n",
        new="    if not case.at.read_only:\n",
        tests=("core/gates/test_gate.py", *ENGINE),
    ),
    Fault(
        name="send for an object that is suspended",
        where="_suspended",
        old="    if not case.declaration.suspend:\n",
        new="    if case.declaration.suspend is not None:\n",
        tests=("core/gates/test_gate.py", *ENGINE),
    ),
    Fault(
        name="ignore the quiet period",
        where="_quiet_period",
        old="    if at.quiet_for <= 0:\n",
        new="    if at is not None:\n",
        tests=("core/gates/test_gate.py", *ENGINE),
    ),
)

JUDGING = (*READING, *MATERIAL, *ERRORS, *ENDS, *GATES)
