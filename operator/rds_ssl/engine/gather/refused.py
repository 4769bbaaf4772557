"""What it means that the operator may not read something."""

from rds_ssl.core.errors import KubeRefused, MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.kube.resources import Kind


def forbidden(
    error: KubeRefused, kind: Kind, name: tuple[str, str], *, field: str
) -> MaterialError | KubeRefused:
    """Return what a refused read means for the object whose *field* names what was to be read."""
    if error.status != 403:
        return error
    where = f"{kind} {name[1]}"
    return MaterialError(
        f"The operator may not read {where} in namespace {name[0]} ({field} names it); let the"
        " operator's administrator add it to the Role (docs/rbac.md), or name another.",
        reason=Reason.SECRET_FORBIDDEN,
        field=where,
    )
