"""
Can this instance do what is declared? Pure; refused here only where all sources agree.

SSL that is on is proof enough, whatever the tables say; in doubt the API decides. Source: the
vendor's pages on SSL encryption of each engine.
"""

import re

from rds_ssl.core.conditions import Finding
from rds_ssl.core.declaration import Declaration
from rds_ssl.core.model import CAType, Engine, Instance, Reason

_UNAVAILABLE = {
    "Stopped": "is stopped; start it",
    "Stopping": "is being stopped; start it",
    "Deleting": "is being deleted",
    "Released": "has been released",
}
"""States in which no write makes sense; every other one that is not Running is busy."""

NO_ENDPOINT = Finding(
    reason=Reason.ENDPOINT_NOT_FOUND,
    message="The instance has no internal endpoint, and spec.connectionString names none; name the"
    " host that clients use.",
)

_CLOUD_DISK = re.compile(r"cloud_|general_essd")


def unsupported(declaration: Declaration, *, engine: str | None) -> Finding | None:
    """Name the first declared field whose behaviour is not built yet; see the CHANGELOG."""
    server = declaration.server_certificate
    found = [
        name
        for name, used in (
            ("spec.maintenance", _is_set(declaration)),
            ("spec.serverCertificate.pfx", server.pfx is not None),
            ("spec.serverCertificate.renewBefore", server.renew_before is not None),
            ("spec.minimumTLSVersion", declaration.minimum_tls_version is not None),
            ("spec.forceEncryption", declaration.force_encryption),
            (
                f"spec.serverCertificate.caType custom on {engine}",
                engine == Engine.MYSQL and declaration.effective_ca_type is CAType.CUSTOM,
            ),
        )
        if used
    ]
    if not found:
        return None
    return Finding(
        reason=Reason.FIELD_NOT_SUPPORTED,
        message=f"{', '.join(found)}: not supported by this version of the operator; nothing is"
        " sent while it is declared. Remove it.",
    )


def _is_set(declaration: Declaration) -> bool:
    maintenance = declaration.maintenance
    return bool(
        maintenance.windows or maintenance.use_instance_window or maintenance.override_before_expiry
    )


def removed(fields: tuple[str, ...]) -> Finding:
    """Say that taking something away is not built yet."""
    return Finding(
        reason=Reason.FIELD_NOT_SUPPORTED,
        message=f"Removing {', '.join(fields)} from an instance is not supported by this version of"
        " the operator; nothing is sent. Declare it again, or remove it in the console.",
    )


def unfit_engine(declaration: Declaration, *, engine: str) -> Finding | None:
    """Say why this engine cannot have what is declared, as far as its name tells."""
    if engine not in {Engine.MYSQL, Engine.POSTGRESQL}:
        return Finding(
            reason=Reason.ENGINE_NOT_SUPPORTED,
            message=f"SSL settings of {engine or 'this engine'} are not supported by this version"
            " of the operator; MySQL and PostgreSQL are.",
        )
    clients = declaration.client_authentication
    if engine == Engine.MYSQL and clients.ca:
        return Finding(
            reason=Reason.ENGINE_NOT_SUPPORTED,
            message="spec.clientAuthentication: RDS for MySQL has no client authentication by"
            " certificate; remove the block.",
        )
    return None


def ineligible(instance: Instance) -> Finding | None:
    """Say why SSL cannot be turned on here; ask only while it is off."""
    why = ""
    if instance.engine == Engine.POSTGRESQL:
        if not _CLOUD_DISK.match(instance.storage_type) and instance.storage_type:
            why = f"storage {instance.storage_type} is no cloud disk"
        elif "serverless" in f"{instance.category} {instance.pay_type}".lower():
            why = "it is serverless"
        elif _major(instance.engine_version) < 10:
            why = f"version {instance.engine_version} is older than 10"
    elif instance.engine == Engine.MYSQL and (
        instance.engine_version == "5.6" and instance.category.lower() == "basic"
    ):
        why = "MySQL 5.6 Basic Edition has no SSL"
    if not why:
        return None
    return Finding(
        reason=Reason.ENGINE_NOT_SUPPORTED,
        message=f"RDS for {instance.engine} cannot have SSL on this instance: {why}.",
    )


def unavailable(instance: Instance) -> Finding | None:
    """Say why no write makes sense before somebody has done something about the instance."""
    why = _UNAVAILABLE.get(instance.status, "")
    if not why and instance.lock_mode not in {"", "Unlock"}:
        why = f"is locked ({instance.lock_mode}); pay, extend its disk, or unlock it"
    if not why:
        return None
    return Finding(
        reason=Reason.INSTANCE_UNAVAILABLE, message=f"The instance {why}. Nothing is sent."
    )


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found.group()) if found else 0
