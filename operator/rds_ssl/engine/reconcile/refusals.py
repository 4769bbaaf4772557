"""What is said of a state that RDS has refused: the words name what the user wrote."""

from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.model import Engine, Finding, Observed, Reason
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.rds import faults
from rds_ssl.engine.reconcile.stages import Gathered

_OF_ANY_PARAMETER = frozenset(
    {Reason.REQUEST_REJECTED, Reason.REQUEST_MALFORMED, Reason.ENGINE_NOT_SUPPORTED}
)
"""Reasons of refusals that do not say which parameter they are about."""

_PERHAPS_FORCED = (
    ". Not all documents of RDS have forceEncryption for PostgreSQL: if that is what is refused,"
    " the owner of the object has to remove spec.forceEncryption; an acl other than prefer in"
    " spec.clientAuthentication, or hostssl rows in pg_hba.conf, refuse plain connections as well"
)


def refusal(gathered: Gathered, code: str, desired: Desired, observed: Observed) -> Finding:
    """Return the words of a refused state: they name what the user wrote."""
    declaration = gathered.declaration
    places = {
        each.field.split(".")[2]: f"{each.kind} {each.name}, key {each.key}"
        for each in declaration.material_references
        if each.field.startswith("spec.clientAuthentication.")
    }
    fault = faults.lookup(code, 400)
    text = faults.sentence(
        fault,
        code,
        server_certificate=_server_certificate(declaration),
        client_ca=places.get("ca", ""),
        revocation_list=places.get("revocationList", ""),
        acl=" and ".join(declaration.client_authentication.acls.values()),
        ca_type=desired.ca_type.value,
        wanted="on" if desired.enabled else "off",
        observed="on" if observed.enabled else "off",
        **{**known_words(gathered), "endpoint": desired.connection_string},
    )
    if desired.force_encryption and gathered.engine == Engine.POSTGRESQL:
        text += _PERHAPS_FORCED if fault.reason in _OF_ANY_PARAMETER else ""
    return Finding(reason=fault.reason, message=text)


def known_words(gathered: Gathered) -> dict[str, str]:
    """Return what a sentence may name and every pass knows; what it does not is empty."""
    return {
        "credentials": gathered.cloud.identity.label,
        "engine": gathered.engine or "",
        "endpoint": gathered.declaration.connection_string or "",
        "skew": faults.skew_words(gathered.cloud.clock_skew),
    }


def _server_certificate(declaration: Declaration) -> str:
    """Return where the declared server certificate comes from; empty for the cloud's own."""
    server = declaration.server_certificate
    if pair := server.secret_ref:
        return f"Secret {pair.name}, keys {pair.certificate_key} and {pair.private_key_key}"
    if server.pfx:
        password = server.pfx.password_secret_key_ref
        return (
            f"{server.pfx.oss_object} in OSS, whose password is in Secret {password.name},"
            f" key {password.key}"
        )
    return ""
