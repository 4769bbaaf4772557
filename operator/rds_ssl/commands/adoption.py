"""
From an instance as it is to a declaration that changes nothing of it. Pure.

What is written is held against the operator's own planner before anybody sees it: an object whose
first plan would not be empty is not written, and why is said instead.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, count

from rds_ssl.core.api.spec import Declaration, parse_spec
from rds_ssl.core.checks import eligibility
from rds_ssl.core.errors import DeclarationError, MaterialError
from rds_ssl.core.formats import host_name, shown, write_time
from rds_ssl.core.model import CAType, CertificateFacts, Engine, Instance, Observed
from rds_ssl.core.planning.desired import TLS_VERSIONS, beside_material
from rds_ssl.core.planning.diff import told_by_end
from rds_ssl.core.planning.planner import make_plan
from rds_ssl.core.x509 import pem

NAME_CHARACTERS = 50
"""Of an object: names of its Secret and its ConfigMap are longer, and a label ends at 63."""

_CA_KEY, _LIST_KEY = "ca.crt", "ca.crl"
_NOT_OF_A_NAME = re.compile(r"[^a-z0-9]+")

Spec = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An instance as it was found, in the cloud or in a state of Terraform."""

    instance_id: str
    region_id: str
    title: str = ""
    """What people call it, if they do."""
    observed: Observed
    instance: Instance
    pfx: str = ""
    """The PFX file in OSS that is known to be in force; RDS never shows it."""
    origin: str = ""
    """Where it was found, in words, for a comment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where objects are to be, and as whom the operator acts for them."""

    namespace: str = ""
    """Empty: where they are applied."""
    credentials_secret: str = ""
    role_arn: str = ""
    """Both empty: by the operator's own identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """An object that adopts an instance, and what belongs to it."""

    name: str
    namespace: str
    comment: Sequence[str]
    spec: Spec
    remarks: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What is said above a field of the spec."""
    config_map: Mapping[str, str] = field(default_factory=dict)
    """Client CA and revocation list, if there are any: all of it is public."""

    @property
    def config_map_name(self) -> str:
        """What the ConfigMap is called."""
        return f"{self.name}-client-ca"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An instance of which no object is written, and why: a sentence without an end."""

    instance_id: str
    why: str


def manifest_of(found: Found, name: str, place: Place) -> Manifest | LeftOut:
    """Return the object that adopts an instance with an empty plan, or why there is none."""
    why = _unfit(found)
    if why:
        return LeftOut(instance_id=found.instance_id, why=why)
    try:
        made = _manifest(found, name, place)
        why = _not_empty(found, parse_spec(made.spec))
    except MaterialError as error:
        why = f"what is in force cannot be declared: {error}"
    except DeclarationError as error:
        why = f"what is in force cannot be declared: {'; '.join(error.faults)}"
    return LeftOut(instance_id=found.instance_id, why=why) if why else made


def names_of(found: Sequence[Found]) -> list[str]:
    """
    Return a name for each: what people call it, if that makes one, or else its id.

    Where two would have the same name, both get their ids behind it: a name does not depend on
    which of them came first.
    """
    wished = [_dns_label(each.title) or _dns_label(each.instance_id) for each in found]
    counted = Counter(wished)
    made = [
        name if counted[name] == 1 else _with_id(name, each.instance_id)
        for name, each in zip(wished, found, strict=True)
    ]
    # Ids that differ in what no name can have, or a name that is another one's with its id.
    unique: list[str] = []
    for name in made:
        others = (f"{name}-{number}" for number in count(2))
        unique.append(next(each for each in chain([name], others) if each not in unique))
    return unique


def _dns_label(text: str) -> str:
    name = _NOT_OF_A_NAME.sub("-", text.lower()).strip("-")
    return name[:NAME_CHARACTERS].strip("-")


def _with_id(name: str, instance_id: str) -> str:
    behind = _dns_label(instance_id)
    if name == behind:
        return name
    before = name[: max(1, NAME_CHARACTERS - len(behind) - 1)].strip("-")
    return f"{before}-{behind}"


def unreadable(instance: Instance) -> str:
    """Return why nobody need ask for the SSL settings of an instance; empty if one may."""
    if instance.engine not in {Engine.MYSQL, Engine.POSTGRESQL, Engine.SQLSERVER}:
        return f"RDS for {shown(instance.engine)} has no SSL settings that this API changes"
    unavailable = eligibility.unavailable(instance)
    if unavailable is not None:
        return _sentence(unavailable.message)
    if not instance.running:
        return (
            f"it is {shown(instance.status)}, and what it shows may be half of a change: import it"
            " once it is Running"
        )
    return ""


def ineligible(instance: Instance) -> str:
    """Return why an instance cannot have SSL, which RDS tells by a code alone; empty if it can."""
    finding = eligibility.ineligible(instance)
    return _sentence(finding.message) if finding else ""


def _unfit(found: Found) -> str:
    """Return why the operator cannot have an instance at all; empty if it can."""
    instance, observed = found.instance, found.observed
    why = unreadable(instance)
    if why:
        return why
    if found.pfx:
        return (
            "its certificate is a PFX file, which RDS does not show: no object can take it over"
            " without a call. Declare spec.serverCertificate.pfx yourself; the first plan sends the"
            " file again, restarts the database, and waits for your approval"
        )
    return "" if observed.enabled else ineligible(instance)


def _sentence(message: str) -> str:
    text = message.removesuffix(" Nothing is sent.").rstrip(".")
    return text[:1].lower() + text[1:] if text.startswith("The ") else text


def _manifest(found: Found, name: str, place: Place) -> Manifest:
    observed = found.observed
    spec: Spec = {"instanceID": found.instance_id, "regionID": found.region_id}
    remarks: dict[str, Sequence[str]] = {}
    data: dict[str, str] = {}
    if observed.enabled:
        if observed.connection_string:
            spec["connectionString"] = observed.connection_string
        _add_server(found, name, spec, remarks)
        data = _client_data(observed)
        if data:
            spec["clientAuthentication"] = _clients(observed, f"{name}-client-ca", data)
        if observed.force_encryption:
            spec["forceEncryption"] = True
        # Elsewhere nobody can declare it, even if it is shown.
        if found.instance.engine == Engine.SQLSERVER:
            _add_tls_version(observed, spec, remarks)
    else:
        spec["enabled"] = False
    if place.credentials_secret:
        spec["credentialsSecretRef"] = {"name": place.credentials_secret}
    if place.role_arn:
        spec["identity"] = {"roleARN": place.role_arn}
    return Manifest(
        name=name,
        namespace=place.namespace,
        comment=_comment(found),
        spec=spec,
        remarks=remarks,
        config_map=data,
    )


def _comment(found: Found) -> list[str]:
    instance = found.instance
    kind = shown(f"{instance.engine} {instance.engine_version}".strip())
    called = f" ({shown(found.title)})" if found.title else ""
    return [
        f"{shown(found.instance_id)}{called}: {kind}, SSL {_how(found.observed)}.",
        *([found.origin] if found.origin else []),
    ]


def _how(observed: Observed) -> str:
    if not observed.enabled:
        return "off"
    custom = observed.ca_type is CAType.CUSTOM
    return "on, with a certificate of your own" if custom else "on"


def _add_server(found: Found, name: str, spec: Spec, remarks: dict[str, Sequence[str]]) -> None:
    observed = found.observed
    if observed.ca_type is CAType.CUSTOM:
        spec["serverCertificate"] = {"secretRef": {"name": f"{name}-tls"}}
        remarks["serverCertificate"] = tuple(_wanted_secret(observed, f"{name}-tls"))
        return
    spec["serverCertificate"] = {"caType": CAType.ALIYUN.value}
    if observed.ca_type is None:
        own = "secretRef before you apply this."
        if found.instance.engine == Engine.SQLSERVER:
            own = "pfx: RDS never shows that one, so that the first plan waits for your approval."
        end = f" It expires at {write_time(observed.expire_time)}." if observed.expire_time else ""
        remarks["serverCertificate"] = (
            "RDS does not say whose certificate is in force; this takes it for the cloud's." + end,
            f"If it is one of your own, declare it here with {own}",
        )


def _wanted_secret(observed: Observed, secret: str) -> Iterator[str]:
    leaf = observed.server_certificate
    yield f"Put the certificate that is in force, with its private key, into the Secret {secret}."
    yield "The key is yours to find: what RDS or a state holds of it was dropped unread."
    if leaf is None:
        if observed.expire_time:
            yield f"RDS does not show it; it expires at {write_time(observed.expire_time)}."
    else:
        yield f"  subject: {shown(leaf.subject) or 'none'}"
        yield f"  expires: {write_time(leaf.not_after)}"
        yield f"  SHA-256: {openssl_fingerprint(leaf)}"
        yield "Which file it is: openssl x509 -in FILE -noout -fingerprint -sha256"
    yield f"Then: kubectl create secret tls {secret} --cert=CHAIN.pem --key=KEY.pem"
    yield "Until it is there the object says SecretNotFound, and nothing is sent."


def openssl_fingerprint(certificate: CertificateFacts) -> str:
    """Return the SHA-256 of a certificate as OpenSSL spells it: ``AB:CD:…``."""
    text = certificate.sha256.upper()
    return ":".join(text[at : at + 2] for at in range(0, len(text), 2))


def _client_data(observed: Observed) -> dict[str, str]:
    """
    Return what the ConfigMap holds: certificates and lists alone, whatever else came with them.

    Raises:
        MaterialError: The operator would not take it from there.
    """
    if not observed.client_ca:
        return {}
    data = {_CA_KEY: pem.client_ca_in_force(observed.client_ca_pem, field="ClientCACert").pem}
    pem.parse_client_ca(data[_CA_KEY], field="the client CA")
    if observed.lists_in_force:
        lists = pem.revocation_list_in_force(
            observed.revocation_list_pem, field="ClientCertRevocationList"
        )
        data[_LIST_KEY] = lists.pem
        pem.parse_revocation_list(data[_LIST_KEY], field="the revocation list")
    return data


def _clients(observed: Observed, config_map: str, data: Mapping[str, str]) -> Spec:
    block: Spec = {"ca": {"configMapKeyRef": {"name": config_map}}}
    if _LIST_KEY in data:
        block["revocationList"] = {"configMapKeyRef": {"name": config_map}}
    for key, acl in (("acl", observed.acl), ("replicationACL", observed.replication_acl)):
        if acl is not None:
            block[key] = acl.value
    return block


def _add_tls_version(observed: Observed, spec: Spec, remarks: dict[str, Sequence[str]]) -> None:
    version = observed.minimum_tls_version
    if version in TLS_VERSIONS:
        spec["minimumTLSVersion"] = version
    elif version is not None:
        remarks["instanceID"] = (
            f"The lowest TLS version in force, {version}, is none that can be declared: it stays.",
        )


def _not_empty(found: Found, declaration: Declaration) -> str:
    """Return why the operator would not adopt it without a call; empty if it would."""
    finding = eligibility.unfit_engine(declaration, engine=found.instance.engine)
    if finding is not None:
        return _sentence(finding.message)
    observed = found.observed
    endpoint = observed.connection_string or found.instance.connection_string
    if observed.enabled and not endpoint:
        return "it has no endpoint that could be protected"
    desired = beside_material(declaration, observed, endpoint=host_name(endpoint))
    unseen = desired.ca_type is CAType.CUSTOM and observed.server_certificate is None
    if unseen and observed.expire_time:
        # The certificate of the Secret will be told by its end, which nobody knows better now.
        observed = replace(observed, ca_type=None)
        leaf = _ends_at(observed)
        desired = replace(desired, server_certificate=leaf)
        if not told_by_end(desired.state, observed):
            return "nothing tells which certificate is in force"
    plan = make_plan(
        desired,
        observed,
        engine=found.instance.engine,
        engine_version=found.instance.engine_version,
        uid="",
        applied=None,
        operation=None,
    ).plan
    if plan is None:
        return ""
    fields = ", ".join(dict.fromkeys(each.field for each in plan.changes))
    return (
        f"RDS does not show all that the operator has to know ({fields}), so that the first plan"
        " would not be empty: declare it by hand, and approve that plan"
    )


def _ends_at(observed: Observed) -> CertificateFacts | None:
    end = observed.expire_time
    if end is None:
        return None
    return CertificateFacts(
        sha256="", subject="", issuer="", dns_names=(), not_before=end, not_after=end
    )
