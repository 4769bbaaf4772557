"""
Can this instance do what is declared? Pure; refused here only where all sources agree.

SSL that is on is proof enough, whatever the tables say; in doubt the API decides. Source: the
vendor's pages on SSL encryption of each engine.
"""

import re

from rds_ssl.core import windows
from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import (
    ACL,
    Endpoint,
    Engine,
    Finding,
    Instance,
    Observed,
    Reason,
)
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.parameters import ENGINES

_UNAVAILABLE = {
    "Stopped": "is stopped; start it",
    "Stopping": "is being stopped; start it",
    "Deleting": "is being deleted",
    "Released": "has been released",
    # Of serverless ones; no page names the state.
    "Paused": "is paused; connect to it, or resume it",
}
"""States in which no write makes sense; every other one that is not Running is busy."""

_LOCKS = {
    "ManualLock": "whoever locked it has to unlock it",
    "LockByExpiration": "renew it, or pay the bill",
    "LockByRestoration": "it is being restored; unlock it after that",
    "LockByDiskQuota": "its disk is full; extend it, or delete data",
    "LockReadInstanceByDiskQuota": "its disk is full; extend it, or delete data",
}
"""Modes of the page of DescribeDBInstanceAttribute, and the way out of each."""

NO_ENDPOINT = Finding(
    reason=Reason.ENDPOINT_NOT_FOUND,
    message="The instance has no internal endpoint, and spec.connectionString names none; name the"
    " host that clients use.",
)

_CLOUD_DISK = re.compile(r"cloud_|general_essd")

_ENGINES = frozenset({Engine.MYSQL, Engine.POSTGRESQL, Engine.SQLSERVER})

_FORCE_SINCE = "20241130"
"""The first minor version of MySQL with ForceEncryption."""

_ACLS = ("acl", "replicationACL")
"""Of spec.clientAuthentication, in the order of `Desired.acls`."""

_MOST_ENDPOINTS = 6
"""An instance has two or three; a message is read by people."""


def unusable(declaration: Declaration) -> Finding | None:
    """Return what is wrong with a declaration that no schema can tell."""
    found = "; ".join(windows.schedule_errors(declaration.maintenance))
    if not found:
        return None
    return Finding(
        reason=Reason.DECLARATION_INVALID,
        message=f"{found}. Correct the object; nothing is sent before.",
    )


def unfit_engine(declaration: Declaration, *, engine: str) -> Finding | None:
    """Return why this engine cannot have what is declared, as far as its name tells."""
    if engine not in _ENGINES:
        return _not_supported(
            f"RDS for {engine or 'this engine'} has no SSL settings that this API changes; those of"
            " MySQL, PostgreSQL and SQL Server it does."
        )
    server = declaration.server_certificate
    for name, used, field, instead in (
        (
            "spec.serverCertificate.secretRef",
            server.secret_ref is not None,
            Field.SERVER_CERTIFICATE,
            "use spec.serverCertificate.pfx, or a cloud certificate",
        ),
        (
            "spec.serverCertificate.pfx",
            server.pfx is not None,
            Field.PFX,
            "use spec.serverCertificate.secretRef",
        ),
        (
            "spec.serverCertificate.renewBefore",
            server.renew_before is not None,
            Field.RENEWAL,
            "remove it: RDS renews these certificates by itself",
        ),
        (
            "spec.clientAuthentication",
            declaration.client_authentication.ca is not None,
            Field.CLIENT_CA,
            "remove the block: only PostgreSQL has it",
        ),
        (
            "spec.minimumTLSVersion",
            declaration.minimum_tls_version is not None,
            Field.MINIMUM_TLS_VERSION,
            "remove it: only SQL Server has it",
        ),
    ):
        if used and engine not in ENGINES[field]:
            return _not_supported(f"{name} is not for RDS for {engine}; {instead}.")
    return None


def unfit_instance(desired: Desired, instance: Instance, observed: Observed) -> Finding | None:
    """
    Return why this instance cannot have what is wanted; what it has already it can have.

    Without a minor version, or with one of another form, the API decides.
    """
    if not observed.enabled:
        finding = ineligible(instance)
        if finding is not None:
            return finding
    forced = desired.force_encryption and not observed.force_encryption
    if forced and instance.engine == Engine.MYSQL:
        version, minor = instance.engine_version, instance.minor_version
        if version == "5.6" or (minor and minor < _FORCE_SINCE):
            return _not_supported(
                "spec.forceEncryption needs MySQL 5.7 or later with minor version"
                f" {_FORCE_SINCE} or later, and this is MySQL {version} with"
                f" {minor or 'an unknown one'}; upgrade the minor version, or remove the field."
            )
    wanted = [
        name
        for name, acl, shown in zip(_ACLS, desired.acls, observed.acls, strict=True)
        if acl is ACL.VERIFY_FULL and shown is not ACL.VERIFY_FULL
    ]
    major = _major(instance.engine_version)
    if desired.client_ca and wanted and instance.engine == Engine.POSTGRESQL and 0 < major < 12:
        return _not_supported(
            f"spec.clientAuthentication.{wanted[0]}: verify-full needs PostgreSQL 12 or later, and"
            f" this is {instance.engine_version}; use cert or verify-ca."
        )
    return None


def ineligible(instance: Instance) -> Finding | None:
    """Return why SSL cannot be turned on here; ask only while it is off."""
    why = ""
    kind = f"{instance.category} {instance.pay_type}".lower()
    if instance.engine == Engine.POSTGRESQL:
        if not _CLOUD_DISK.match(instance.storage_type) and instance.storage_type:
            why = f"storage {instance.storage_type} is no cloud disk"
        elif "serverless" in kind:
            why = "it is serverless"
        elif 0 < _major(instance.engine_version) < 10:
            why = f"version {instance.engine_version} is older than 10"
    elif instance.engine == Engine.SQLSERVER:
        if "serverless" in kind or instance.engine_version.endswith("_sl"):
            why = "it is serverless"
    elif instance.engine == Engine.MYSQL and (
        instance.engine_version == "5.6" and instance.category.lower() == "basic"
    ):
        why = "MySQL 5.6 Basic Edition has no SSL"
    if not why:
        return None
    return _not_supported(f"RDS for {instance.engine} cannot have SSL on this instance: {why}.")


def missing_endpoint(
    declaration: Declaration, wanted: str, endpoints: tuple[Endpoint, ...]
) -> Finding | None:
    """
    Return that *wanted* is no endpoint of the instance that can have SSL, with those that are.

    Only those of kind ``Normal`` can: a read/write-splitting endpoint never has SSL.
    """
    normal = [each.host for each in endpoints if each.kind.lower() != "readwritesplitting"]
    if not normal or host_name(wanted) in {host_name(each) for each in normal}:
        return None
    known = host_name(wanted) in {host_name(each.host) for each in endpoints}
    why = "is a read/write-splitting endpoint, which cannot have SSL"
    if not known:
        why = "is no endpoint of the instance"
        if declaration.connection_string is None:
            why = "was protected so far and is no endpoint of the instance any more"
    return Finding(
        reason=Reason.ENDPOINT_NOT_FOUND,
        message=f"{wanted} {why}; name one of these in spec.connectionString:"
        f" {', '.join(normal[:_MOST_ENDPOINTS])}.",
    )


def _not_supported(message: str) -> Finding:
    return Finding(reason=Reason.ENGINE_NOT_SUPPORTED, message=message)


def unavailable(instance: Instance) -> Finding | None:
    """Return why no write makes sense before somebody has done something about the instance."""
    why = _UNAVAILABLE.get(instance.status, "")
    if not why and instance.lock_mode not in {"", "Unlock"}:
        remedy = _LOCKS.get(instance.lock_mode, "unlock it")
        why = f"is locked ({instance.lock_mode}): {remedy}"
    if not why:
        return None
    return Finding(
        reason=Reason.INSTANCE_UNAVAILABLE, message=f"The instance {why}. Nothing is sent."
    )


def _major(version: str) -> int:
    found = re.match(r"\d+", version)
    return int(found.group()) if found else 0
