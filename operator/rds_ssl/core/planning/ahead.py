"""
Newer material beside an edit of the settings that waits for a person. Pure.

A certificate must not expire because nobody has approved an edit. While one waits, newer material
goes out under the settings in force: those applied last, as long as the instance still shows them.
What the edit itself changes has to be shown, for what is sent would otherwise rest on a guess.
Source: docs/operations.md, "While an edit waits".
"""

from dataclasses import dataclass, replace
from typing import TypeVar

from rds_ssl.core.api.states import StateStatus
from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.model import ACL, CAType, Observed
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.diff import compare
from rds_ssl.core.planning.fields import SETTINGS, Field, shows

_T = TypeVar("_T")

_SERVER = frozenset({Field.SERVER_CERTIFICATE, Field.CHAIN, Field.PFX})


@dataclass(frozen=True, slots=True, kw_only=True)
class Separation:
    """A declaration taken apart: what can go ahead, and the edit that is left."""

    ahead: Desired
    """The settings in force with the material declared."""
    edit: Desired
    """The settings declared with the trust in force; its server certificate is that of *ahead*."""
    elsewhere: frozenset[Field]
    """Fields that *ahead* brings, and a plan for *edit* does not."""


def separate(
    desired: Desired, observed: Observed, applied: AppliedStatus | None, *, trust: bool = True
) -> Separation | None:
    """
    Take newer material and an edit of the settings apart.

    Args:
        trust: Whether client CAs and lists are part of the material; if not they stay as they are
            in force, and those declared are part of the edit.

    Returns:
        None if there is no edit, or the two cannot be told apart: the edit turns SSL on or off, or
        takes the own certificate away; what it changes is not shown; or trust is not shown.
    """
    was = applied.state if applied else None
    if was is None or not (was.enabled and observed.enabled and desired.enabled):
        return None
    declared = desired if trust else replace(desired, client_ca=(), revocation_list=())
    if trust and was.settings == desired.state.settings:
        return None
    if not _has_what_it_takes(was, declared, observed):
        return None
    ahead = _under(was, declared, observed)
    if ahead.state.settings != was.settings:
        return None
    edit = desired
    if trust:
        edit = replace(
            desired,
            client_ca=_kept(desired.client_ca, observed.client_ca),
            revocation_list=_kept(desired.revocation_list, observed.revocation_list),
        )
    elsewhere = _SERVER if was.ca_type is CAType.CUSTOM else frozenset[Field]()
    found = compare(edit, observed, applied=applied)
    changed = ((found.different | found.unknown) - elsewhere) & SETTINGS
    if not all(shows(observed, field) for field in changed):
        return None
    return Separation(ahead=ahead, edit=edit, elsewhere=elsewhere)


def _has_what_it_takes(was: StateStatus, desired: Desired, observed: Observed) -> bool:
    """True if everything is at hand that a call with the settings applied has to send."""
    if was.ca_type is CAType.CUSTOM and desired.ca_type is not CAType.CUSTOM:
        return False  # Its private key is not declared any more.
    if bool(was.pfx) != bool(desired.pfx) and was.ca_type is CAType.CUSTOM:
        return False
    shown = {each.sha256 for each in observed.client_ca or ()}
    if was.revocation_list and desired.client_ca and not desired.revocation_list:
        # The lists in force stay, and need not be those of newer CAs.
        return {each.sha256 for each in desired.client_ca} == shown
    return all(
        not applied or declared or in_force
        for applied, declared, in_force in (
            (was.client_ca, desired.client_ca, observed.client_ca),
            (was.revocation_list, desired.revocation_list, observed.revocation_list),
        )
    )


def _under(was: StateStatus, desired: Desired, observed: Observed) -> Desired:
    """Return the state of the settings applied and the material declared."""
    custom = was.ca_type is CAType.CUSTOM
    return Desired(
        enabled=True,
        connection_string=was.connection_string,
        ca_type=was.ca_type or CAType.ALIYUN,
        server_certificate=desired.server_certificate if custom else None,
        chain=desired.chain if custom else (),
        pfx=desired.pfx if custom else "",
        client_ca=(desired.client_ca or observed.client_ca or ()) if was.client_ca else (),
        revocation_list=(desired.revocation_list or observed.revocation_list or ())
        if was.revocation_list
        else (),
        acl=was.acl or ACL.PREFER,
        replication_acl=was.replication_acl or ACL.PREFER,
        force_encryption=was.force_encryption,
        minimum_tls_version=was.minimum_tls_version,
    )


def _kept(declared: tuple[_T, ...], shown: tuple[_T, ...] | None) -> tuple[_T, ...]:
    """Return what is in force where both have some: its content is newer material."""
    return shown if declared and shown else declared
