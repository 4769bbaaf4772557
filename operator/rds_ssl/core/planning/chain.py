"""
Which intermediates are in force behind an own server certificate. Pure.

The API need not show them: what it leaves out is told by what was applied, as long as that
certificate is in force, or it is not known. Not known is never a reason for a call.
"""

from rds_ssl.core.api.states import IntermediateStatus, ObservedStatus, StateStatus
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.formats import fingerprint
from rds_ssl.core.model import Observed
from rds_ssl.core.planning.desired import Desired


def same_chain(wanted: StateStatus, observed: Observed, was: StateStatus | None) -> bool | None:
    """
    True if the intermediates wanted are in force, with the certificate wanted; None: not known.

    What is shown may lack some, or have them in another order, which tells nothing; one that is
    shown and not wanted does.

    Args:
        was: What was applied last; None to ask what the API itself shows.
    """
    shown = tuple(each.sha256 for each in observed.intermediates)
    expected = tuple(each.sha256 for each in wanted.intermediates)
    if not set(shown) <= set(expected):
        return False
    if shown and shown == expected:
        return True
    if was is None or was.chain is None or was.server_certificate != wanted.server_certificate:
        return None
    return was.chain == wanted.chain


def changes_chain(target: StateStatus, applied: AppliedStatus | None) -> bool:
    """True if *target* is known to bring other intermediates, with the certificate applied."""
    was = applied.state if applied else None
    if was is None or was.server_certificate != target.server_certificate:
        return False
    return None not in {was.chain, target.chain} and was.chain != target.chain


def intermediates_in_force(
    observed: Observed, applied: AppliedStatus | None
) -> tuple[IntermediateStatus, ...]:
    """Return the intermediates in force, the nearest to the leaf first; empty: none, or unknown."""
    if observed.intermediates:
        return tuple(map(IntermediateStatus.of, observed.intermediates))
    was = applied_in_force(observed, applied)
    return was.intermediates if was else ()


def is_alone(observed: Observed, applied: AppliedStatus | None) -> bool:
    """True if the certificate in force is known to be served without any intermediate."""
    was = applied_in_force(observed, applied)
    return not observed.intermediates and was is not None and brings_none(was)


def brings_none(state: StateStatus) -> bool:
    """True if *state* is known to be served without any intermediate."""
    leaf = state.server_certificate
    if leaf is None or state.intermediates_unknown:
        return False
    return state.chain == fingerprint((leaf,), ordered=True)


def taken_over(desired: Desired, observed: Observed) -> StateStatus:
    """
    Return the state of an instance that is as *desired* although nobody is known to have sent it.

    Whether its intermediates are in force too, is not known unless they are shown; a later change
    of those declared is told all the same.
    """
    if observed.intermediates or desired.server_certificate is None:
        return desired.state
    return desired.state.model_copy(update={"intermediates": (), "intermediates_unknown": True})


def leads_elsewhere(desired: Desired, observed: Observed, applied: AppliedStatus | None) -> bool:
    """
    True if clients may miss what led them to a root they trust, once the intermediates are changed.

    Not so if the new ones only continue those in force, or end below the same issuer.
    """
    chain, known = desired.chain, intermediates_in_force(observed, applied)
    if not chain or not (known or is_alone(observed, applied)):
        return True
    continued = tuple(each.sha256 for each in chain[1:])[: len(known)]
    if continued == tuple(each.sha256 for each in known):
        return False
    return not known or known[-1].issuer != chain[-1].issuer


def applied_in_force(
    observed: Observed | ObservedStatus, applied: AppliedStatus | None
) -> StateStatus | None:
    """Return what was applied, if its own certificate is in force as far as that is shown."""
    was = applied.state if applied else None
    if was is None or was.server_certificate is None or not observed.enabled:
        return None
    leaf = observed.server_certificate
    if leaf is not None:
        return was if leaf.sha256 == was.server_certificate else None
    return was if observed.expire_time in {None, was.not_after} else None
