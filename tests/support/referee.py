"""
What must hold of a history once the world has come to rest: promises, each in a sentence.

Sources: design, "Properties" (verification) and the promises P1, P2, P4, P7, P8 (product). What the
gates promise is in `support.referee_gates`, which asks the world and not the gates.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rds_ssl.core.api.spec import Declaration, parse_spec
from rds_ssl.core.planning.desired import settings_of
from support.call_facts import (
    UNSEEN,
    impacts,
    is_first_contact,
    meaning,
    renewed_end,
    required,
    state,
)
from support.engine_world import NAMESPACE, Accepted
from support.histories import INSTANCE_OF, INSTANCES, History
from support.referee_gates import approved_as, of_gates, of_waiting
from support.simulator import ACCESS_KEY_SECRET
from support.verdicts import SHAPES

Json = dict[str, Any]

_LONGEST_WINDOW = 30.0
"""Seconds for which an instance with a change under way may show the old state, Running."""

LOOKED_WITHIN = 2000.0
"""Seconds: the longest time without a look is the half hour of an instance that is not fit."""


def complaints(history: History, log: str) -> list[str]:
    """Give what does not hold; *log* is everything that was logged."""
    return [
        *_of_calls(history),
        *of_gates(history),
        *of_waiting(history),
        *_of_counts(history),
        *_of_secrets(history, log),
        *_of_slots(history),
        *_of_states(history),
        *(each for name in INSTANCE_OF for each in _of_object(history, name)),
    ]


def _of_calls(history: History) -> Iterator[str]:
    touched: set[str] = set()
    """The uids of objects for which something was accepted before."""
    renewed: set[tuple[str, datetime]] = set()
    """Instances, and the ends of the certificates whose renewal was sent."""
    failed: dict[str, bool] = {}
    """By instance: whether what was accepted last has failed."""
    for each in history.world.accepted:
        where = f"{each.instance_id} at {each.at:.1f}"
        if each.overlaps and not _was_orphaned(history, each):
            yield f"{where}: sent while another change was in flight"
        if each.manifest is None:
            yield f"{where}: sent without a write-ahead record"
            continue
        again = failed.get(each.instance_id, False)
        uid = each.manifest["metadata"]["uid"]
        for what in _of_call(history, each, each.manifest, again=again, first=uid not in touched):
            yield f"{where}: {what}"
        end = renewed_end(each)
        if end and (each.instance_id, end) in renewed and not _is_repetition(history, each):
            yield f"{where}: renewed a second time before {end}"
        if end is not None:
            renewed.add((each.instance_id, end))
        failed[each.instance_id] = each.fails
        touched.add(uid)


def _was_orphaned(history: History, call: Accepted) -> bool:
    """
    Whether what is in flight was sent for an object that is gone, by a process that is gone.

    Nothing of it is left but what the instance shows, and that may be the old state for a while.
    """
    name = call.instance_id.removeprefix("pgm-")
    return any(
        0 <= call.at - at < _LONGEST_WINDOW
        and any(at - _LONGEST_WINDOW < crash <= call.at for crash in history.crashed)
        for at in history.orphaned[name]
    )


def _of_call(
    history: History, call: Accepted, manifest: Json, *, again: bool, first: bool
) -> Iterator[str]:
    """*again*: the call before it has failed; *first*: of its object."""
    name, spec = call.instance_id.removeprefix("pgm-"), manifest["spec"]
    if spec.get("suspend") or spec.get("managementPolicy") == "Observe":
        yield "sent for an object that is suspended or observes"
    if not _is_as_declared(call, manifest):
        yield "sent what is not declared"
    if any(0 <= call.at - at < UNSEEN for at in history.meddled[name]):
        return
    hidden = history.hides(name)
    if hidden and (history.meddled[name] or (history.spoilt and _had_no_end(manifest))):
        again = True  # What a foreign hand, or a call without answer, did out of sight.
    yield from _of_undisturbed(call, manifest, again=again, hidden=hidden)
    approved = approved_as(history, call) is not None
    held = impacts(call) & required(manifest)
    if held and not approved:
        yield f"sent in spite of {', '.join(sorted(held))}"
    if first and is_first_contact(call) and not approved:
        yield "sent at first contact"


def _had_no_end(manifest: Json) -> bool:
    """Whether an own call since the state that was applied ended without proof, either way."""
    since = (manifest["status"].get("applied") or {}).get("time", "")
    ends: list[Json] = manifest["status"].get("history") or []
    unproved = {"NotConverging", "TimedOut"}
    return any(each["result"] in unproved and each["time"] >= since for each in ends)


def _is_repetition(history: History, call: Accepted) -> bool:
    """
    Whether the answer to the call before was lost, and nothing of it was seen for `settle`.

    Such a call is made once more. Where SSLEnabled=1 again changes nothing, nobody can tell a
    renewal without effect from one that was not executed.
    """
    operation = call.manifest["status"]["operation"] if call.manifest else {}
    return operation.get("unanswered") == 1 and history.spoilt > 0


def _of_undisturbed(call: Accepted, manifest: Json, *, again: bool, hidden: bool) -> Iterator[str]:
    """
    Judge a call that nobody came in between.

    *again*: what the one before it did cannot be told; *hidden*: the cloud does not show all that
    is sent.
    """
    # What is not shown, and not told by what was applied, may be sent without a difference.
    applied = state((manifest["status"].get("applied") or {}).get("state"))
    untold = hidden and (again or not applied.enabled)
    if renewed_end(call):
        untold = True
        end = call.before.expires_at
        if end is None or end.replace(microsecond=0) != renewed_end(call):
            yield "renewed another certificate than the one in force"
    if meaning(call.before) == meaning(call.target) and not untold:
        yield "sent although nothing differs"


def _is_as_declared(call: Accepted, manifest: Json) -> bool:
    """Whether the object, as its record left it, declares what was sent."""
    declaration = parse_spec(manifest["spec"])
    if "deletionTimestamp" in manifest["metadata"]:
        return not call.target.enabled
    if not (declaration.enabled and call.target.enabled):
        return declaration.enabled == call.target.enabled
    if call.before.pfx and call.before.pfx == call.target.pfx:
        return True  # SQL Server neither shows a PFX file nor has a word that takes it away.
    return call.target.ca_type == declaration.effective_ca_type.value


def _of_counts(history: History) -> Iterator[str]:
    for name in INSTANCES:
        # A renewal is counted by the end that it moves.
        renewals = [
            each
            for each in history.world.accepted
            if each.instance_id == f"pgm-{name}" and renewed_end(each)
        ]
        accepted = history.world.truth(name)["accepted"] - len(renewals)
        allowed = history.changes[name] + history.failures
        if accepted > allowed:
            yield f"pgm-{name}: {accepted} accepted calls for {allowed} changes"


def _of_slots(history: History) -> Iterator[str]:
    engine = history.world.engine
    if engine is not None and len(engine.budget):
        yield f"{len(engine.budget)} slots of the budget are held, and nothing is in flight"


def _of_states(history: History) -> Iterator[str]:
    """The table of docs/gitops.md tells what other tools make of each state."""
    for found, status in history.shapes.items():
        if found not in SHAPES:
            yield f"no row of docs/gitops.md has {found}: {status['conditions']}"


def _of_secrets(history: History, log: str) -> Iterator[str]:
    world = history.world
    seen = "".join(world.kube.written) + log
    if any(each in seen for each in {ACCESS_KEY_SECRET, *history.keys}):
        yield "a line of a private key was written or logged"
    if any(each["key_in_url"] for each in world.rds.calls()):
        yield "a private key was in a URL"


def _of_object(history: History, name: str) -> Iterator[str]:
    world = history.world
    manifest = world.kube.objects.get((NAMESPACE, name))
    if manifest is None:
        return
    meta, status = manifest["metadata"], manifest["status"]
    conditions = world.conditions(name)
    waits = {"Stalled", "ChangePending"} & conditions.keys()
    if not any(
        each == name and world.monotonic() - at < LOOKED_WITHIN for at, each, _ in world.passes
    ):
        yield f"{name}: nobody looks at it any more"
    operation = status.get("operation") or {}
    if operation.get("phase") in {"Sending", "Accepted"}:
        yield f"{name}: its operation has not ended"
    if "Reconciling" in conditions:
        yield f"{name}: still Reconciling, {conditions['Reconciling']}"
    if "deletionTimestamp" in meta:
        if not waits:
            yield f"{name}: neither gone nor says why"
        return
    if status["observedGeneration"] != meta["generation"]:
        yield f"{name}: its generation was not looked at"
    if conditions["Ready"][0] != "True" and not waits:
        yield f"{name}: not Ready, {conditions['Ready'][1]}, and nobody is told why"
    if conditions["Ready"][0] == "True":
        yield from _of_ready(history, name, manifest, rotates="ChangePending" in conditions)


def _of_ready(history: History, name: str, manifest: Json, *, rotates: bool) -> Iterator[str]:
    world, status = history.world, manifest["status"]
    ssl = world.truth(INSTANCE_OF[name])["ssl"]
    declaration = parse_spec(manifest["spec"])
    applied = status.get("applied") or {}
    endpoint = (status.get("instance") or {}).get("endpoint", "")
    if state(applied.get("state")).settings != settings_of(declaration, endpoint=endpoint):
        yield f"{name}: Ready, but other settings were applied"
    if ssl["enabled"] != declaration.enabled:
        yield f"{name}: Ready, but SSL is not as declared"
        return
    if not declaration.enabled:
        return
    # MySQL and SQL Server do not say whose certificate they have: what was adopted there may be
    # the user's own, and a failure or a foreign hand leaves no trace that could be told.
    hidden = (status.get("observed") or {}).get("caType") is None
    meddled = history.meddled[INSTANCE_OF[name]]
    if hidden and (not applied.get("requestID") or meddled or history.failures):
        return
    forced = (status.get("observed") or {}).get("forceEncryption")
    told = forced is not None or not (meddled or history.failures)
    unlike = _unlike(declaration, ssl, told=told, rotates=rotates)
    yield from (f"{name}: Ready, but {what}" for what in unlike)
    shown = (status.get("observed") or {}).get("serverCertificate")
    if shown and ssl["ca_type"] == "custom" and shown["sha256"] != ssl["server_sha256"]:
        yield f"{name}: Ready, but the certificate in force is another one than observed"
    if rotates or world.conditions(name)["MaterialReady"][0] != "True":
        return  # A newer certificate is declared, and held, or cannot be used.
    own = ssl["ca_type"] == "custom" and not ssl["pfx"]
    if own and ssl["server_sha256"] != history.declared_chain(name)[0]:
        yield f"{name}: Ready, but the certificate in force is not the declared one"
    elif own and ssl["chain_sha256"] != history.declared_chain(name) and applied.get("requestID"):
        yield f"{name}: Ready, but the intermediates in force are not the declared ones"


def _unlike(declaration: Declaration, ssl: Json, *, told: bool, rotates: bool) -> Iterator[str]:
    """
    Tell what of the settings in force is not as declared.

    *told*: forced encryption is shown, or nobody but the operator can have changed it; *rotates*:
    newer material is held, and a PFX file is material.
    """
    pfx = declaration.server_certificate.pfx
    if ssl["ca_type"] != declaration.effective_ca_type.value:
        yield f"with a certificate of {ssl['ca_type']}"
    file = pfx.oss_object if pfx else ""
    if ssl["pfx"] != file and not (rotates and ssl["pfx"] and file):
        yield "with another PFX file"
    if bool(ssl["client_ca_sha256"]) != (declaration.client_authentication.ca is not None):
        yield "the client CA is not as declared"
    if told and ssl["force_encryption"] != declaration.force_encryption:
        yield "encryption is not forced as declared"
    if declaration.minimum_tls_version not in {None, ssl["tls_version"]}:
        yield "the TLS minimum is not as declared"
