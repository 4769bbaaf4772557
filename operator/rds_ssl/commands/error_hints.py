"""What an error of the API server means to a person, and what to do about it. Pure."""

import re
from dataclasses import dataclass
from difflib import get_close_matches

from rds_ssl.core.errors import (
    KubeConflict,
    KubeError,
    KubeNotFound,
    KubeRefused,
    KubeUnavailable,
)
from rds_ssl.core.model import API_GROUP, KIND, PLURAL

_SHOWN_NAMES = 5

_OF_RIGHTS = re.compile(r'is forbidden: User "[^"]*" cannot ')
"""What every refusal of the authorizer has, and none of an admission policy."""

_OF_A_POLICY = re.compile(r"ValidatingAdmissionPolicy '|^admission webhook \"")
"""What refusals of admission have whose status is not 403: each policy may choose one."""

_ANONYMOUS = 'User "system:anonymous"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked of the API server."""

    server: str
    verb: str
    """``list`` or ``patch``."""
    namespace: str | None
    """None: all of them."""
    name: str = ""
    """Empty for a list."""

    @property
    def where(self) -> str:
        """In words."""
        return f"in namespace {self.namespace}" if self.namespace else "in all namespaces"


def explain(error: KubeError, request: Request) -> str:
    """Return what happened and what to do, in a sentence or two."""
    match error:
        case KubeConflict():
            return (
                f"{request.namespace}/{request.name} has changed meanwhile, so nothing was done."
                " Look at it again, and repeat the command if it is still what you want."
            )
        case KubeNotFound() if request.name:
            return f"{request.namespace}/{request.name} is gone: it was deleted meanwhile."
        case KubeNotFound():
            return (
                f"The cluster {request.server} does not know {KIND}:"
                f" the CustomResourceDefinition {PLURAL}.{API_GROUP} is missing."
                " Another cluster was meant (--context), or it is to be installed:"
                " kubectl apply -k crds/"
            )
        case KubeRefused():
            return _refused(error, request)
        case KubeUnavailable(status=0):
            return (
                f"The API server {request.server} cannot be reached: {error}."
                " Is the cluster up, is the network (VPN) there,"
                " and is it the right context? kubectl config current-context"
            )
        case KubeUnavailable():
            return f"The API server {request.server} is not well: {error}. Try again in a moment."
    return f"The API server {request.server} refused: {error}"


def _refused(error: KubeRefused, request: Request) -> str:
    """Return who refuses: the API server does not know the caller, a policy, or a missing right."""
    if error.status == 401:
        return (
            f"The API server {request.server} does not accept your credentials (401)."
            " Log in again, or choose another context: kubectl config get-contexts"
        )
    if _ANONYMOUS in error.message:
        return (
            f"You have no credentials: the API server {request.server} takes you for nobody"
            " (system:anonymous). The user of the context has no token, certificate or plugin"
            " that counts: log in, or choose another context: kubectl config get-contexts"
        )
    if error.status == 403 and "cannot impersonate" in error.message:
        return (
            "You may not act as somebody else (--as, or as in the kubeconfig) (403)."
            f" The API server says: {error.message}"
        )
    if _is_of_a_policy(error):
        return (
            f"A policy of the cluster does not allow it, whatever your role ({error.status});"
            f" nothing was changed. It says: {error.message}"
        )
    if error.status == 403:
        return _forbidden(error, request)
    return f"The API server {request.server} refused: {error}"


def _is_of_a_policy(error: KubeRefused) -> bool:
    if error.status == 403 and error.message:
        return _OF_RIGHTS.search(error.message) is None
    return _OF_A_POLICY.search(error.message) is not None


def _forbidden(error: KubeError, request: Request) -> str:
    role = "view" if request.verb == "list" else "edit"
    narrower = "" if request.namespace else " Or ask for one namespace with -n."
    return (
        f"You may not {request.verb} {PLURAL}.{API_GROUP} {request.where} (403)."
        f" It takes the role {role} there, which an administrator can give you.{narrower}"
        f" The API server says: {error}"
    )


def not_found(name: str, namespace: str, known: list[str]) -> str:
    """Return that there is no object of that name, and which names are near."""
    near = get_close_matches(name, known, n=_SHOWN_NAMES)
    if near:
        hint = f"Did you mean {' or '.join(near)}?"
    elif known:
        more = f" and {len(known) - _SHOWN_NAMES} more" if len(known) > _SHOWN_NAMES else ""
        hint = f"There: {', '.join(sorted(known)[:_SHOWN_NAMES])}{more}."
    else:
        hint = "There is none at all; rds-ssl status -A lists those of all namespaces."
    return f"There is no {KIND} {name} in namespace {namespace}. {hint}"
