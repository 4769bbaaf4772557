"""
From the parameters of ModifyDBInstanceSSL to settings, or to the documented refusal.

Pessimistic where the documents are silent: a parameter that the engine does not have is refused
(``InvalidParam``) whatever its value, as are material that is not valid yet, a client CA bundle
that has expired as a whole, a revocation list of a CA that is not in the bundle, and a PFX without
its password. Parameters that no engine has are ignored, as the gateway does (Terraform sends
``SourceIp``).
Source: the team's API notes 1.1, 1.4, 4.3.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from rds_simulator.certificates import (
    COMMON_NAME_MAX,
    Bundle,
    Pfx,
    ServerMaterial,
    parse_client_ca,
    parse_crl,
    parse_server,
)
from rds_simulator.config import Rules, Switch
from rds_simulator.machine import (
    DEFAULT_ACL,
    DEFAULT_TLS,
    RUNNING,
    UNLOCKED,
    Instance,
    Issue,
    Settings,
    View,
)
from rds_simulator.pem import MaterialError
from rds_simulator.profiles import ENGINE_PARAMETERS
from rds_simulator.refusals import Code, Refusal, missing
from rds_simulator.strictness import (
    refuses_client_ca,
    refuses_crl,
    refuses_server,
    refuses_text,
)

ACLS = ("cert", "prefer", "verify-ca", "verify-full")
TLS_VERSIONS = ("1.0", "1.1", "1.2")

PFX_LOCATION = re.compile(r"oss-[a-z0-9-]+\.aliyuncs\.com:[^:]+:[^:]+\.pfx", re.IGNORECASE)
"""Endpoint, bucket and file in OSS."""

Parameters = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A call, with all that decides about it."""

    instance: Instance
    parameters: Parameters
    rules: Rules
    now: datetime

    @property
    def current(self) -> Settings:
        """What the call changes."""
        return self.instance.wanted

    @property
    def keeps(self) -> bool:
        """Whether a parameter that is left out keeps its value."""
        return self.rules.has(Switch.OMITTED, "keeps")

    def flag(self, name: str) -> bool | None:
        """A parameter that is ``1`` or ``0``; None if left out."""
        value = self.parameters.get(name)
        if value is None:
            return None
        if value not in {"0", "1"}:
            raise invalid(name)
        return value == "1"


def invalid(name: str) -> Refusal:
    """The answer to a parameter that the engine does not have, or not with this value."""
    return Refusal(Code.INVALID_PARAM, message=f"The specified {name} is invalid.")


def refuses_basic(instance: Instance, rules: Rules) -> bool:
    """Whether it is a MySQL of the Basic edition, and that has no SSL."""
    is_basic = instance.profile.engine == "MySQL" and instance.profile.category == "Basic"
    return is_basic and rules.has(Switch.MYSQL_BASIC, "refused")


def check_instance(instance: Instance, view: View, rules: Rules) -> None:
    """
    Refuse a change that this instance cannot take, or not now.

    Raises:
        Refusal: Always a code of the instance, none of the settings.
    """
    refused = instance.profile.modify_refusal
    if refused is None and refuses_basic(instance, rules):
        refused = Code.INVALID_LEVEL_MALFORMED
    if refused:
        raise Refusal(refused)
    if instance.lock_mode != UNLOCKED:
        raise Refusal(Code.LOCK_MODE)
    if view.status != RUNNING:
        raise Refusal(Code.INSTANCE_STATUS)
    if instance.change and rules.has(Switch.CALL_IN_WINDOW, "refused"):
        raise Refusal(Code.SSL_STATE)


def settings_of(request: Request, issue: Issue) -> Settings:
    """
    The settings that a call asks for.

    Raises:
        Refusal: With the code of the first parameter that is at fault.
    """
    host = _endpoint(request)
    _check_names(request)
    value = _ssl_enabled(request)
    if value == "0":
        return _off(request)
    if value != "1" and not (value == "2" and _takes_update(request)):
        raise Refusal(Code.SSL_ENABLED)
    ca_type, pfx = _ca_type(request)
    client_ca = _client_ca(request)
    acl, replication_acl = (_acl(request, name, client_ca) for name in ("ACL", "ReplicationACL"))
    crl = _crl(request, client_ca)
    _check_dropped_ca(request, client_ca)
    force_encryption, tls_version = _force_encryption(request), _tls_version(request)
    # Last, because issuing a certificate for a call that is refused would be wasted.
    server = None if pfx else _server(request, ca_type, host, issue)
    return Settings(
        enabled=True,
        connection_string=host,
        ca_type=ca_type,
        server=server,
        pfx=pfx,
        client_ca=client_ca,
        crl=crl,
        acl=acl,
        replication_acl=replication_acl,
        force_encryption=force_encryption,
        tls_version=tls_version,
    )


def _ssl_enabled(request: Request) -> str:
    value = request.parameters.get("SSLEnabled")
    if value is not None:
        return value
    if request.rules.has(Switch.SSL_ENABLED_OMITTED, "refused"):
        raise Refusal(Code.SSL_ENABLED)
    means_on = request.rules.has(Switch.SSL_ENABLED_OMITTED, "means-1")
    return "1" if means_on or request.current.enabled else "0"


def _endpoint(request: Request) -> str:
    host = request.parameters.get("ConnectionString", "")
    if not host:
        raise missing("ConnectionString")
    for endpoint in request.instance.endpoints:
        if endpoint.host == host.lower() and endpoint.kind == "Normal":
            return endpoint.host
    # No code is documented for a read/write-splitting endpoint.
    raise Refusal(Code.ENDPOINT_NOT_FOUND)


def _check_names(request: Request) -> None:
    """Refuse parameters that the engine, or its minor version, does not have."""
    instance, given = request.instance, request.parameters
    known = instance.profile.parameters
    if _forces_on_postgresql(request):
        known |= {"ForceEncryption"}
    for name in given:
        if name in ENGINE_PARAMETERS and name not in known:
            raise invalid(name)
    minor = instance.kernel_version.rpartition("_")[2]
    if "ForceEncryption" in given and minor < instance.profile.force_since_kernel:
        # Whether ForceEncryption=0 is refused as well is not documented.
        raise Refusal(Code.INCORRECT_MINOR_VERSION)


def _forces_on_postgresql(request: Request) -> bool:
    is_postgresql = request.instance.profile.client_authentication
    return is_postgresql and request.rules.has(Switch.FORCE_ON_POSTGRESQL, "accepted")


def _off(request: Request) -> Settings:
    current = request.current
    if request.instance.profile.refuses_off and request.rules.has(Switch.SQLSERVER_OFF, "refused"):
        raise Refusal(Code.SSL_ENABLED)
    if not current.enabled:
        raise Refusal(Code.SSL_STATE)
    if current.client_ca and request.rules.has(Switch.OFF_WITH_CA, "refused"):
        raise Refusal(Code.SSL_STATE)
    given = request.flag("ForceEncryption")
    forced = current.force_encryption if given is None else given
    if forced and request.rules.has(Switch.OFF_UNDER_FORCE, "refused"):
        raise Refusal(Code.SSL_STATE)
    return Settings()


def _takes_update(request: Request) -> bool:
    """Whether SSLEnabled=2 is understood: a renewal, of what is there."""
    understood = request.instance.profile.update_value and request.current.enabled
    return understood and request.rules.has(Switch.UPDATE_VALUE, "accepted")


def _ca_type(request: Request) -> tuple[str, Pfx | None]:
    """Whose certificate it is to be, and SQL Server's PFX if that is the one."""
    current, pfx = request.current, _pfx(request)
    if pfx:
        return "custom", pfx
    given = request.parameters.get("CAType")
    on_mysql = request.instance.profile.engine == "MySQL"
    if given == "custom" and on_mysql and request.rules.has(Switch.CUSTOM_ON_MYSQL, "refused"):
        raise Refusal(Code.CA_TYPE)
    if given is None:
        if request.keeps and current.enabled:
            return current.ca_type, current.pfx
        return "aliyun", None
    if given not in {"aliyun", "custom"}:
        raise Refusal(Code.CA_TYPE)
    return given, None


def _pfx(request: Request) -> Pfx | None:
    location, password = (request.parameters.get(each, "") for each in ("Certificate", "PassWord"))
    if not location:
        if password:
            raise missing("Certificate")
        return None
    if not PFX_LOCATION.fullmatch(location):
        raise invalid("Certificate")
    if not password:
        raise missing("PassWord")
    return Pfx(location=location, fetched_at=request.now)


def _server(request: Request, ca_type: str, host: str, issue: Issue) -> ServerMaterial | None:
    if ca_type == "custom":
        return _custom(request, host)
    if len(host) > COMMON_NAME_MAX:
        raise Refusal(Code.CONNECTION_STRING_LENGTH)
    current = request.current
    has_one = current.enabled and current.ca_type == "aliyun" and current.connection_string == host
    renewal = request.parameters.get("SSLEnabled") == "2"
    if has_one and not renewal and request.rules.has(Switch.ENABLE_AGAIN, "nothing"):
        return current.server
    return issue(host, request.now)


def _custom(request: Request, host: str) -> ServerMaterial | None:
    certificate = request.parameters.get("ServerCert")
    key = request.parameters.get("ServerKey")
    if certificate is None and key is None and request.keeps:
        if request.current.ca_type == "custom":
            return request.current.server
        raise Refusal(Code.SERVER_CERTIFICATE)
    if any(refuses_text(text or "", request.rules) for text in (certificate, key)):
        raise Refusal(Code.SERVER_CERTIFICATE)
    try:
        material = parse_server(certificate or "", key or "")
    except MaterialError as error:
        raise Refusal(Code.SERVER_CERTIFICATE) from error
    if refuses_server(material.blocks[0], host, request.rules):
        raise Refusal(Code.SERVER_CERTIFICATE)
    if not material.not_before <= request.now <= material.not_after:
        raise Refusal(Code.SERVER_CERTIFICATE)
    return material


def _client_ca(request: Request) -> Bundle | None:
    kept = request.current.client_ca if request.keeps else None
    enabled = request.flag("ClientCAEnabled")
    if not (kept if enabled is None else enabled):
        return None
    text = request.parameters.get("ClientCACert")
    if text is None and kept:
        return kept
    try:
        bundle = parse_client_ca(text or "")
    except MaterialError as error:
        raise Refusal(Code.CLIENT_CA) from error
    if refuses_text(text or "", request.rules) or refuses_client_ca(bundle, request.rules):
        raise Refusal(Code.CLIENT_CA)
    if all(end < request.now for end in bundle.not_after):
        raise Refusal(Code.CLIENT_CA)
    return bundle


def _crl(request: Request, client_ca: Bundle | None) -> Bundle | None:
    kept = request.current.crl if request.keeps else None
    enabled = request.flag("ClientCrlEnabled")
    if client_ca is None:
        return _crl_without_ca(request, kept, enabled=enabled)
    if not (kept if enabled is None else enabled):
        return None
    text = request.parameters.get("ClientCertRevocationList")
    if text is None and kept:
        return kept
    try:
        bundle = parse_crl(text or "")
    except MaterialError as error:
        raise Refusal(Code.CLIENT_CRL) from error
    strict = refuses_crl(bundle, client_ca, request.rules, request.now)
    if strict or refuses_text(text or "", request.rules):
        raise Refusal(Code.CLIENT_CRL)
    if not set(bundle.names) <= set(client_ca.names):
        raise Refusal(Code.CLIENT_CRL)
    return bundle.first() if request.rules.has(Switch.CRL_BLOCKS, "first") else bundle


def _crl_without_ca(
    request: Request, kept: Bundle | None, *, enabled: bool | None
) -> Bundle | None:
    if enabled is None:
        return kept  # Shown, and in force again with the next CA that does not turn it off.
    if enabled or request.rules.has(Switch.CRL_OFF_WITHOUT_CA, "refused"):
        raise Refusal(Code.CLIENT_CRL_PERMISSION)
    return None


def _acl(request: Request, name: str, client_ca: Bundle | None) -> str:
    value = request.parameters.get(name)
    if value is None:
        if request.keeps and client_ca:
            return request.current.acl if name == "ACL" else request.current.replication_acl
        return DEFAULT_ACL
    unknown = value == "verify-full" and not request.instance.profile.verify_full
    if value not in ACLS or unknown:
        raise Refusal(Code.ACL)
    if client_ca is None:
        if request.rules.has(Switch.ACL_WITHOUT_CA, "refused"):
            raise Refusal(Code.ACL_PERMISSION)
        return DEFAULT_ACL
    return value


def _check_dropped_ca(request: Request, client_ca: Bundle | None) -> None:
    current = request.current
    strict = (current.acl, current.replication_acl) != (DEFAULT_ACL, DEFAULT_ACL)
    dropped = current.client_ca is not None and client_ca is None
    if dropped and strict and request.rules.has(Switch.DROP_CA_UNDER_ACL, "refused"):
        raise Refusal(Code.SSL_STATE)


def _force_encryption(request: Request) -> bool:
    value = request.flag("ForceEncryption")
    if value is None:
        return request.keeps and request.current.force_encryption
    return value


def _tls_version(request: Request) -> str:
    value = request.parameters.get("TlsVersion")
    if value is None:
        return request.current.tls_version if request.keeps else DEFAULT_TLS
    if value not in TLS_VERSIONS:
        raise invalid("TlsVersion")
    return value
