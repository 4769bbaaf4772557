"""The sentences and conditions of each way a pass can end. Pure."""

from dataclasses import replace

from rds_ssl.core.api.conditions import Verdict
from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.checks.expiry import Expiry
from rds_ssl.core.gates.hold import Hold
from rds_ssl.core.model import CAType, Finding, Observed, Phase, Reason
from rds_ssl.core.planning.plan import Plan

_READY_WORDS = {
    Reason.VERIFIED: "was applied and read back",
    Reason.ADOPTED: "was so already when it was first seen; nothing was sent",
    Reason.APPLIED_NOT_ECHOED: "was applied; the API does not show all of it",
}

_TOLD_BY_END = " RDS does not show that certificate: it is told by its end alone (SSLExpireTime)."

_MAX_EXPIRING = 10
"""A bundle has up to 100 CAs and as many lists; a condition's message, 32 KiB."""

_ENDED = {
    Phase.FAILED: Finding(
        reason=Reason.APPLY_FAILED,
        message="RDS accepted the change and then failed to carry it out; the instance's own"
        " messages in the console say why.",
    ),
    Phase.NOT_CONVERGING: Finding(
        reason=Reason.NOT_CONVERGING,
        message="RDS carried out the change, and the instance still does not show it, so it is not"
        " sent again: change the declaration, or ask the vendor.",
    ),
    Phase.TIMED_OUT: Finding(
        reason=Reason.APPLY_TIMED_OUT,
        message="The change did not come to an end in time, or its call had no answer and nothing"
        " shows whether it took effect; look at the instance in the console. A changed declaration,"
        " or the annotation rds-ssl.dev/reconcile-requested-at, allows one more call.",
    ),
}


def material_finding(
    declaration: Declaration, warnings: tuple[str, ...] = ()
) -> tuple[bool, Finding]:
    """Return that what is referenced can be used, and what warns; or that nothing is referenced."""
    references = declaration.material_references
    if not declaration.enabled or not references:
        return True, Finding(reason=Reason.NOT_REQUIRED, message="No material is referenced.")
    names = ", ".join(dict.fromkeys(f"{each.kind} {each.name}" for each in references))
    message = " ".join((f"{names}: can be used.", *warnings))
    return True, Finding(reason=Reason.MATERIAL_ACCEPTED, message=message)


def state_words(declaration: Declaration, endpoint: str) -> str:
    """Return the declared state in half a sentence."""
    if not declaration.enabled:
        return "SSL off"
    whose = "a cloud certificate"
    if declaration.effective_ca_type is CAType.CUSTOM:
        server = declaration.server_certificate
        whose = f"the PFX file {server.pfx.oss_object}" if server.pfx else "an own certificate"
        if server.secret_ref:
            whose = f"the certificate of Secret {server.secret_ref.name}"
    return f"SSL on for {endpoint} with {whose}"


def settled(
    declaration: Declaration,
    observed: Observed,
    *,
    reason: Reason,
    endpoint: str,
    expired: tuple[Expiry, ...],
    warnings: tuple[str, ...] = (),
) -> Verdict:
    """Return what is said where nothing is to be done: Ready, unless something has expired."""
    ok, material = material_finding(declaration, warnings)
    past = [each for each in expired if each.reason is Reason.CERTIFICATE_EXPIRED]
    if past:
        return Verdict(
            ready=False,
            finding=past[0],
            material=material,
            material_ready=ok,
            stalled=past[0],
            expiring=None,
        )
    finding = in_force(declaration, reason=reason, endpoint=endpoint)
    own = declaration.enabled and declaration.server_certificate.secret_ref is not None
    if reason is Reason.ADOPTED and own and observed.server_certificate is None:
        finding = replace(finding, message=finding.message + _TOLD_BY_END)
    for _, sentence in observed.not_understood:
        words = f"{finding.message} {sentence}; nothing that is declared rests on it."
        finding = replace(finding, message=words)
    return Verdict(
        ready=True,
        finding=finding,
        material=material,
        material_ready=ok,
    )


def in_force(declaration: Declaration, *, reason: Reason, endpoint: str) -> Finding:
    """Return that what is declared is in force, and how that is known."""
    return Finding(
        reason=reason, message=f"{state_words(declaration, endpoint)} {_READY_WORDS[reason]}."
    )


def expiring(observed: Observed, found: tuple[Expiry, ...]) -> Finding | None:
    """Return the warning, if something is about to end."""
    if found:
        words = " ".join(each.message for each in found[:_MAX_EXPIRING])
        if len(found) > _MAX_EXPIRING:
            words += f" And {len(found) - _MAX_EXPIRING} more."
        return Finding(reason=Reason.CERTIFICATE_EXPIRING, message=words)
    if observed.renewal_required:
        return Finding(
            reason=Reason.RENEWAL_REQUIRED,
            message="RDS asks for a renewal of the server certificate.",
        )
    return None


def held(
    plan: Plan,
    hold: Hold,
    declaration: Declaration,
    *,
    in_force: tuple[bool | None, Finding] | None,
    warnings: tuple[str, ...] = (),
) -> Verdict:
    """
    Return what is said of a plan that a gate holds.

    *in_force*: the Ready to keep, where only material differs and the settings are in force;
    *warnings* are about the material.
    """
    ok, material = material_finding(declaration, warnings)
    pending = Finding(reason=hold.reason, message=f"{plan.summary} {hold.message}")
    ready, finding = in_force or (False, pending)
    return Verdict(
        ready=ready,
        finding=finding,
        material=material,
        material_ready=ok,
        change_pending=pending,
        reconciling=pending if hold.moving else None,
    )


def beside(waits: Verdict, ahead: Verdict | None) -> Verdict:
    """
    Return what is said of an edit that stays, and of the newer material that goes ahead of it.

    *waits*: of the edit, which waits or is stalled; *ahead*: of the material; None: nothing new.
    """
    if ahead is None:
        return waits
    pending, other = waits.change_pending, ahead.change_pending
    if pending and other:
        message = f"{pending.message} Newer material goes ahead of it: {other.message}"
        pending = Finding(reason=pending.reason, message=message)
    return replace(
        waits,
        finding=ahead.finding if ahead.stalled else waits.finding,
        reconciling=ahead.reconciling,
        stalled=ahead.stalled or (None if ahead.reconciling else waits.stalled),
        change_pending=pending or other,
    )


def applying(
    plan: Plan,
    declaration: Declaration,
    *,
    in_force: bool,
    warnings: tuple[str, ...] = (),
) -> Verdict:
    """Return what is said from the call to its end; a rotation leaves Ready=True."""
    ok, material = material_finding(declaration, warnings)
    finding = Finding(
        reason=Reason.APPLYING,
        message=f"{plan.summary} Sent to RDS; it is verified once the instance is back.",
    )
    return Verdict(
        ready=in_force,
        finding=finding,
        material=material,
        material_ready=ok,
        reconciling=finding,
    )


def stalled(finding: Finding, *, material: tuple[bool, Finding] | None = None) -> Verdict:
    """Return what is said where somebody has to act."""
    return Verdict(
        ready=False,
        finding=finding,
        material=material[1] if material else None,
        material_ready=material[0] if material else None,
        stalled=finding,
    )


def waiting(finding: Finding, *, material: tuple[bool, Finding] | None = None) -> Verdict:
    """Return what is said of what is not as declared and goes on by itself."""
    return Verdict(
        ready=False,
        finding=finding,
        material=material[1] if material else None,
        material_ready=material[0] if material else None,
        reconciling=finding,
    )


NOT_RENEWED = Finding(
    reason=Reason.RENEWAL_HAD_NO_EFFECT,
    message="RDS accepted the renewal of the cloud certificate, and its end has not moved; it is"
    " not sent again for this certificate. Renew it in the console, or ask the vendor.",
)

CHAIN_NOT_SHOWN = (
    "Which intermediates are in force with the server certificate is not shown, and nobody has"
    " recorded it: those declared are taken for them. If clients miss one, renew the certificate."
)

RECORD_LOST = Finding(
    reason=Reason.DECLARATION_INVALID,
    message="status.operation cannot be read (written by a newer version, or damaged), so that a"
    " change may be under way; nothing is sent. Upgrade the operator, or clear the field.",
)


def region_unknown(region_id: str, host: str) -> Finding:
    """Return that RDS has no *host* for the region that an object declares."""
    return Finding(
        reason=Reason.REGION_UNKNOWN,
        message=f"There is no host {host}, and other names of the vendor are found: RDS has no"
        f" region {region_id}. spec.regionID is immutable: create the object anew with the right"
        " one. If the region exists, whoever runs the operator has to name its endpoint in"
        f" RDS_SSL_API_URL ({region_id}=https://HOST), or another RDS_SSL_NETWORK.",
    )


def invalid(faults: tuple[str, ...]) -> Finding:
    """Return which rules an object breaks that was stored under another schema."""
    return Finding(
        reason=Reason.DECLARATION_INVALID,
        message=f"{'; '.join(faults)}. Correct the object; nothing is sent before.",
    )


def conflict(instance_id: str, winner: str | None, *, same_second: bool) -> Finding:
    """
    Return that another object counts.

    Args:
        winner: Its name, told within a namespace only.
        same_second: Both were created in one, as by one `kubectl apply`.
    """
    who = f"DBInstanceSSL {winner}" if winner else "An object in another namespace"
    if same_second:
        return Finding(
            reason=Reason.CONFLICT,
            message=f"{who} declares instance {instance_id} as well. Both were created in the same"
            " second, and of such two the one whose UID comes first counts; delete one of the two.",
        )
    who = who.replace("An object", "An older object")
    return Finding(
        reason=Reason.CONFLICT,
        message=f"{who} declares instance {instance_id} already, and the older one counts; delete"
        " one of the two.",
    )


def claim_in_doubt(instance_id: str) -> Finding:
    """Return that another namespace's object may count; the operator is finding out."""
    return Finding(
        reason=Reason.CONFLICT,
        message=f"An older object in another namespace says that it has instance {instance_id}; the"
        " operator finds out whether its credentials reach it, and until then changes nothing.",
    )


def operation_ended(phase: Phase, *, last: bool = False, renewal: bool = False) -> Finding:
    """Return how an operation ended badly; *last*: it is not tried again."""
    if renewal and phase is Phase.NOT_CONVERGING:
        return NOT_RENEWED
    if phase is Phase.FAILED:
        what = (
            "It was tried three times and is not tried again before the declaration changes."
            if last
            else "It is tried again after 10 minutes, three times in all."
        )
        found = _ENDED[phase]
        return Finding(reason=found.reason, message=f"{found.message} {what}")
    return _ENDED[phase]
