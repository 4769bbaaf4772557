"""
What a state of Terraform says of RDS instances, and what has to leave its configuration. Pure.

Of a state only what stands in `_READ` is looked at, which holds no key: the state itself has
``server_key`` in clear. Its forms: a state file (version 4), and ``terraform show -json``. Source
of the attributes: the provider's schema of alicloud_db_instance.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from rds_ssl.commands.adoption import Found, LeftOut
from rds_ssl.core.errors import CommandRefused, ObservationError
from rds_ssl.core.formats import shown
from rds_ssl.core.model import Engine, Instance
from rds_ssl.core.rds.responses import read_ssl

RESOURCE = "alicloud_db_instance"

SETTINGS = (
    "ssl_action",
    "ssl_connection_string",
    "ca_type",
    "server_cert",
    "server_key",
    "client_ca_enabled",
    "client_ca_cert",
    "client_crl_enabled",
    "client_cert_revocation_list",
    "acl",
    "replication_acl",
    "force_encryption",
    "ssl_certificate",
    "ssl_password",
)
"""The attributes of the resource that set SSL."""

_UNSEEN = frozenset({"server_key", "ssl_password"})
"""Those of them that hold what nobody may see. Never looked at, but for whether they are there."""

_READ: Mapping[str, str] = {
    "ssl_connection_string": "ConnectionString",
    "ca_type": "CAType",
    "server_cert": "ServerCert",
    "client_ca_cert": "ClientCACert",
    "client_cert_revocation_list": "ClientCertRevocationList",
    "acl": "ACL",
    "replication_acl": "ReplicationACL",
    "force_encryption": "ForceEncryption",
    "ssl_expire_time": "SSLExpireTime",
}
"""The attributes of which each holds what DescribeDBInstanceSSL says by the name beside it."""

_OF_POSTGRESQL = frozenset({"ClientCACert", "ClientCertRevocationList"})
"""What is empty there where there is none, and is not told elsewhere."""

# Update is none of them: it stays in the state for good, whatever became of SSL since.
_ACTIONS: Mapping[str, str] = {"Open": "on", "Close": "off"}

_FROM_RDS = "import it from RDS, by its id"

_UNKNOWN = frozenset({"RequireUpdate", "LastModifyStatus"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """An instance in a state."""

    address: str
    """``module.shop.alicloud_db_instance.orders["a"]``."""
    found: Found | LeftOut
    settings: Sequence[str]
    """Of `SETTINGS` those that the state has values of."""

    @property
    def keys(self) -> Sequence[str]:
        """What of it the state holds in clear that nobody should see."""
        return [each for each in self.settings if each in _UNSEEN]


def read_state(text: str, region_id: str) -> list[Resource]:
    """
    Return the instances of a state, in its order.

    Args:
        text: A state file of version 4, or what ``terraform show -json`` prints.
        region_id: The provider's region, which no state holds.

    Raises:
        CommandRefused: It is neither.
    """
    try:
        whole = json.loads(text)
    except ValueError:
        # Not chained: the error holds the text.
        raise CommandRefused(_NO_STATE) from None
    if not isinstance(whole, dict):
        raise CommandRefused(_NO_STATE)
    if "format_version" in whole:
        values = _mapping(whole.get("values"))
        entries = _of_module(_mapping(values.get("root_module")))
    elif whole.get("version") == 4:
        entries = _of_file(whole)
    elif isinstance(whole.get("version"), int):
        raise CommandRefused(
            "The state is not of version 4, which Terraform writes since 0.12: let a newer"
            " Terraform print it, terraform show -json > state.json"
        )
    else:
        raise CommandRefused(_NO_STATE)
    return [_resource(address, attributes, region_id) for address, attributes in entries]


def instances_of(resources: Sequence[Resource]) -> list[Found | LeftOut]:
    """Return each instance of a state once, in its order, whatever addresses it has there."""
    once: dict[str, Found | LeftOut] = {}
    for each in (resource.found for resource in resources):
        first = once.setdefault(each.instance_id, each)
        if not _alike(first, each):
            why = f"the state has it more than once, and not alike: {_FROM_RDS}"
            once[each.instance_id] = LeftOut(instance_id=each.instance_id, why=why)
    return list(once.values())


def _alike(one: Found | LeftOut, other: Found | LeftOut) -> bool:
    if isinstance(one, Found) and isinstance(other, Found):
        return replace(other, title=one.title, origin=one.origin) == one
    return one == other


_NO_STATE = (
    "It is no state of Terraform: give a terraform.tfstate (terraform state pull > FILE), or what"
    " terraform show -json prints."
)


def _of_file(state: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for each in _mappings(state.get("resources")):
        if each.get("mode", "managed") != "managed" or each.get("type") != RESOURCE:
            continue
        module = f"{each['module']}." if each.get("module") else ""
        for instance in _mappings(each.get("instances")):
            if instance.get("deposed"):  # Replaced, and yet to be destroyed.
                continue
            index = instance.get("index_key")
            behind = "" if index is None else f"[{json.dumps(index)}]"
            address = f"{module}{RESOURCE}.{each.get('name', '')}{behind}"
            yield address, _mapping(instance.get("attributes"))


def _of_module(module: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for each in _mappings(module.get("resources")):
        current = each.get("mode", "managed") == "managed" and not each.get("deposed_key")
        if current and each.get("type") == RESOURCE:
            address = str(each.get("address") or f"{RESOURCE}.{each.get('name', '')}")
            yield address, _mapping(each.get("values"))
    for child in _mappings(module.get("child_modules")):
        yield from _of_module(child)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    return (
        (each for each in value if isinstance(each, dict)) if isinstance(value, list) else iter([])
    )


def _resource(address: str, attributes: Mapping[str, object], region_id: str) -> Resource:
    return Resource(
        address=address,
        found=_found(address, attributes, region_id),
        settings=[each for each in SETTINGS if attributes.get(each) not in (None, "", 0, [])],
    )


def _found(address: str, attributes: Mapping[str, object], region_id: str) -> Found | LeftOut:
    def text(name: str) -> str:
        value = attributes.get(name)
        return value.strip() if isinstance(value, str) else ""

    instance_id = text("id")
    if not instance_id:
        return LeftOut(instance_id=address, why="the state has no id of it")
    zone = text("zone_id")
    if zone and not _is_zone_of(region_id, zone):
        why = f"it is in zone {shown(zone)}, not in region {region_id}: give the region it is in"
        return LeftOut(instance_id=instance_id, why=why)
    action = _ACTIONS.get(text("ssl_action"))
    # Versions of the provider without this attribute never read ssl_action back from RDS.
    if action is None or "ssl_connection_string" not in attributes:
        why = f"the state does not prove whether SSL is on (ssl_action): {_FROM_RDS}"
        return LeftOut(instance_id=instance_id, why=why)
    engine = text("engine")
    try:
        observed = read_ssl(_fields(attributes, action, engine), engine, undeclared=_UNKNOWN)
    except ObservationError as error:
        return LeftOut(instance_id=instance_id, why=f"the state cannot be read: {error}")
    return Found(
        instance_id=instance_id,
        region_id=region_id,
        title=_title(address),
        observed=observed,
        instance=Instance(
            engine=engine,
            engine_version=text("engine_version"),
            category=text("category"),
            storage_type=text("db_instance_storage_type"),
            status=text("status") or "Running",
            connection_string=text("connection_string"),
            pay_type=text("instance_charge_type"),
            region_id=region_id,
        ),
        pfx=text("ssl_certificate") if engine == Engine.SQLSERVER else "",
        origin=f"From {shown(address)} in a state of Terraform, as it was refreshed last.",
    )


def _is_zone_of(region_id: str, zone: str) -> bool:
    """
    True if a zone, or several in one, is of a region.

    There is no hyphen behind a region that ends in a number (``ap-southeast-1a``), and another
    region's id may go on where this one ends (``cn-shanghai-finance-1a``).
    """
    return bool(re.fullmatch(rf"{re.escape(region_id)}-?(?:[a-z]|MAZ\d+\(.*\))", zone))


def _fields(attributes: Mapping[str, object], action: str, engine: str) -> Mapping[str, object]:
    fields = {
        wire: attributes.get(name)
        for name, wire in _READ.items()
        if engine == Engine.POSTGRESQL or wire not in _OF_POSTGRESQL
    }
    for name in _OF_POSTGRESQL & fields.keys():
        fields[name] = fields[name] or ""
    return {**fields, "SSLEnabled": action}


def _title(address: str) -> str:
    """Return what the resource is called, with its index, without its modules."""
    return address.rpartition(f"{RESOURCE}.")[2].replace("[", "-").replace("]", "").replace('"', "")


def farewell(resources: Sequence[Resource]) -> list[str]:
    """Return what has to leave Terraform's configuration, so that nobody sets it back."""
    if not resources:
        return []
    return [
        _FIRST,
        *(line for each in resources for line in _farewell_to(each)),
        *_exposed(resources),
    ]


_FIRST = (
    "Terraform keeps these settings as well, and would set them back, each time with a restart."
    " Change its configuration first, see that terraform plan shows nothing, then apply the"
    " objects:"
)


def _farewell_to(resource: Resource) -> Iterator[str]:
    yield f"  {shown(resource.address)}"
    if resource.settings:
        yield f"    remove: {', '.join(resource.settings)}"
    ignored = ", ".join(each for each in resource.settings if each != "ssl_password")
    yield f"    add:    lifecycle {{ ignore_changes = [{ignored or 'ssl_action'}] }}"


def _exposed(resources: Sequence[Resource]) -> Iterator[str]:
    if any(each.keys for each in resources):
        yield (
            "The state holds private keys or passwords in clear, in all of its versions: whoever"
            " can read it has them. They were not read here. Issue new ones once the objects are"
            " in charge."
        )
