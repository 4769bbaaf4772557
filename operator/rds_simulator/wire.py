"""
Answers in the words of each engine: from an instance to the fields of the API.

Source: the team's API notes 2 (DescribeDBInstanceSSL) and 3 (the other operations). Fields that
no client of SSL settings reads are left out.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from xml.sax.saxutils import escape

from rds_simulator.certificates import Bundle, ServerMaterial
from rds_simulator.clock import to_wire
from rds_simulator.config import Rules, Switch
from rds_simulator.history import HistoryTask
from rds_simulator.machine import DEFAULT_ACL, Endpoint, Instance, Settings, View
from rds_simulator.refusals import Refusal

Fields = dict[str, object]
"""An answer, ready for JSON."""

CA_URL = "http://127.0.0.1/simulated-rds-ca.pem"
"""ServerCAUrl: nothing is served there."""

TLS_NUMBERS = {"1.0": 1.0, "1.1": 1.1, "1.2": 1.2}

SSL_TASK = "modify_ssl"
"""TaskType of a change of SSL: no page says what it is called."""

NO_VALUE = "-"
"""One of the ways to say that there is no value; the switch ``absent`` has all."""


def describe_ssl(instance: Instance, view: View, rules: Rules, at: datetime) -> Fields:
    """DescribeDBInstanceSSL; numbers stand where the vendor's example has them."""
    words, ssl, end = instance.profile.vocabulary, view.ssl, view.ssl.expires_at
    update = _requires_update(ssl, rules, at)
    fields: Fields = {
        "SSLEnabled": words.on if ssl.enabled else words.off,
        "SSLExpireTime": to_wire(end) if end else "",
        "RequireUpdate": words.update if update else words.no_update,
    }
    if rules.has(Switch.ECHO_CONNECTION_STRING, "yes"):
        fields["ConnectionString"] = ssl.connection_string
    if words.force_encryption and rules.has(Switch.ECHO_FORCE_ENCRYPTION, "yes"):
        fields["ForceEncryption"] = _force_encryption(ssl, rules)
    if words.tls_version:
        number = rules.has(Switch.NUMBERS, "yes")
        fields["TlsVersion"] = TLS_NUMBERS[ssl.tls_version] if number else ssl.tls_version
    if words.full:
        fields |= _postgresql(view, rules, update=update)
    elif instance.profile.engine == "MySQL" and rules.has(Switch.ECHO_CUSTOM_MYSQL, "yes"):
        fields |= _server(ssl, rules)
    return {**_without_value(fields, rules), **instance.answers}


def _force_encryption(ssl: Settings, rules: Rules) -> int | str:
    if rules.has(Switch.NUMBERS, "words"):
        return str(ssl.force_encryption).lower()
    number = int(ssl.force_encryption)
    return number if rules.has(Switch.NUMBERS, "yes") else str(number)


def _without_value(fields: Fields, rules: Rules) -> Fields:
    """Say of fields without a value that they have none, in the way of the switch."""
    if rules.has(Switch.ABSENT, "missing"):
        return {name: value for name, value in fields.items() if value not in {"", NO_VALUE}}
    word = NO_VALUE if rules.has(Switch.ABSENT, "dash") else ""
    return {name: word if value == "" else value for name, value in fields.items()}


def _requires_update(ssl: Settings, rules: Rules, at: datetime) -> bool:
    if ssl.server is None or ssl.ca_type != "aliyun":
        return False
    return ssl.server.not_after - at < timedelta(seconds=rules.durations["require-update"])


def _postgresql(view: View, rules: Rules, *, update: bool) -> Fields:
    ssl = view.ssl
    cloud = ssl.server if ssl.ca_type == "aliyun" else None
    return {
        **_server(ssl, rules),
        "SSLCreateTime": to_wire(cloud.not_before) if cloud else "",
        "ServerCAUrl": CA_URL if cloud else "",
        "RequireUpdateItem": "server certificate" if update else "",
        "RequireUpdateReason": "The certificate is about to expire." if update else "",
        "LastModifyStatus": view.last_modify_status,
        "ModifyStatusReason": view.modify_status_reason,
        "ClientCACert": _bundle(ssl.client_ca, rules),
        "ClientCACertExpireTime": NO_VALUE,
        "ClientCertRevocationList": _bundle(ssl.crl, rules),
        "ACL": _acl(ssl.acl, rules) if ssl.enabled else "",
        "ReplicationACL": _acl(ssl.replication_acl, rules) if ssl.enabled else "",
    }


def _acl(value: str, rules: Rules) -> str:
    misspelt = value == DEFAULT_ACL and rules.has(Switch.ACL_SPELLING, "perfer")
    return "perfer" if misspelt else value


def _server(ssl: Settings, rules: Rules) -> Fields:
    return {
        "CAType": ssl.ca_type,
        "ServerCert": _chain(ssl.server, rules) if ssl.server else "",
        "ServerKey": ssl.server.key if ssl.server else "",
    }


def _chain(server: ServerMaterial, rules: Rules) -> str:
    if rules.has(Switch.ECHO_CHAIN, "no"):
        return _join(server.blocks[:1], rules)
    return _join(server.blocks, rules) if rules.has(Switch.REFORMAT_PEM, "yes") else server.sent


def _bundle(bundle: Bundle | None, rules: Rules) -> str:
    if bundle is None:
        return ""
    if rules.has(Switch.REFORMAT_PEM, "no"):
        return bundle.sent
    return _join(sorted(bundle.blocks), rules)


def _join(blocks: Sequence[str], rules: Rules) -> str:
    end = "" if rules.has(Switch.REFORMAT_PEM, "yes") else "\n"
    return "\n".join(blocks) + end


def describe_attribute(instance: Instance, view: View, replicas: Iterable[str]) -> Fields:
    """DescribeDBInstanceAttribute; *replicas* are the ids of its read-only instances."""
    profile = instance.profile
    attribute: Fields = {
        **_summary(instance, view),
        "CreationTime": to_wire(instance.created_at),
        "CurrentKernelVersion": instance.kernel_version,
        "LatestKernelVersion": profile.kernel_version,
        "DBInstanceClassType": "d",
        "MaintainTime": instance.maintain_time,
        "Port": str(profile.port),
        "ReadOnlyDBInstanceIds": {
            "ReadOnlyDBInstanceId": [{"DBInstanceId": replica} for replica in replicas]
        },
    }
    if profile.pay_type == "SERVERLESS":
        attribute["ServerlessConfig"] = {"AutoPause": False, "ScaleMax": 8, "ScaleMin": 0.5}
    return {"Items": {"DBInstanceAttribute": [attribute]}}


def describe_instances(page: Sequence[tuple[Instance, View]], *, number: int, total: int) -> Fields:
    """DescribeDBInstances, one page."""
    return {
        "Items": {"DBInstance": [_summary(instance, view) for instance, view in page]},
        "PageNumber": number,
        "PageRecordCount": len(page),
        "TotalRecordCount": total,
    }


def _summary(instance: Instance, view: View) -> Fields:
    profile = instance.profile
    return {
        "DBInstanceId": instance.id,
        "DBInstanceDescription": instance.description or instance.id,
        "RegionId": instance.region,
        "ZoneId": f"{instance.region}-h",
        "Engine": profile.engine,
        "EngineVersion": profile.engine_version,
        "Category": profile.category,
        "DBInstanceStorageType": profile.storage_type,
        "DBInstanceStatus": view.status,
        "DBInstanceType": "Readonly" if instance.master_instance_id else "Primary",
        "MasterInstanceId": instance.master_instance_id,
        "PayType": profile.pay_type,
        "ConnectionMode": "Standard",
        "ConnectionString": instance.internal_host,
        "InstanceNetworkType": "VPC",
        "LockMode": instance.lock_mode,
        "LockReason": "" if instance.lock_mode == "Unlock" else "simulated",
    }


def describe_net_info(instance: Instance) -> Fields:
    """DescribeDBInstanceNetInfo."""
    return {
        "DBInstanceNetInfos": {
            "DBInstanceNetInfo": [_net_info(endpoint) for endpoint in instance.endpoints]
        },
        "InstanceNetworkType": "VPC",
        "SecurityIPMode": "normal",
    }


def _net_info(endpoint: Endpoint) -> Fields:
    private = endpoint.ip_type == "Private"
    return {
        "ConnectionString": endpoint.host,
        "ConnectionStringType": endpoint.kind,
        "IPType": endpoint.ip_type,
        "IPAddress": "192.168.0.10" if private else "203.0.113.10",
        "Port": str(endpoint.port),
        "VPCId": "vpc-simulated" if private else "",
        "VSwitchId": "vsw-simulated" if private else "",
        "Upgradeable": "Disabled",
    }


def describe_hba(instance: Instance) -> Fields:
    """DescribePGHbaConfig."""
    rows = [
        {
            "PriorityId": number,
            "Type": kind,
            "Database": database,
            "User": user,
            "Address": address,
            "Mask": "",
            "Method": method,
            "Option": "",
        }
        for number, (kind, database, user, address, method) in enumerate(instance.hba_rows)
    ]
    return {
        "DBInstanceId": instance.id,
        "HbaModifyTime": to_wire(instance.created_at),
        "LastModifyStatus": "success",
        "ModifyStatusReason": "",
        "DefaultHbaItems": {"HbaItem": rows[:1]},
        "RunningHbaItems": {"HbaItem": rows},
    }


def history_task(instance: Instance, number: int, task: HistoryTask) -> Fields:
    """One entry of DescribeHistoryTasks."""
    return {
        "TaskId": f"t-{instance.id}-{number}",
        "TaskType": SSL_TASK,
        "Status": task.status,
        "Progress": 100.0 if task.ended else 0.0,
        "StartTime": to_wire(task.started),
        "EndTime": to_wire(task.ended) if task.ended else "",
        "InstanceId": instance.id,
        "InstanceName": instance.description or instance.id,
        "InstanceType": "Instance",
        "Product": "rds",
        "RegionId": instance.region,
        "DbType": instance.profile.engine.lower(),
        "CurrentStepName": "finish" if task.ended else "exec_task",
        "ReasonCode": "",
        "CallerSource": "User",
        "CallerUid": instance.account or "1234567890123456",
        "Uid": instance.account or "1234567890123456",
        "RemainTime": 0,
        "TaskDetail": "{}",
        "ActionInfo": "{}",
    }


def describe_history_tasks(
    tasks: Sequence[Fields], *, number: int, size: int, total: int
) -> Fields:
    """DescribeHistoryTasks, one page."""
    return {
        "Items": list(tasks),
        "PageNumber": number,
        "PageSize": size,
        "TotalCount": total,
    }


def error(refusal: Refusal, host: str) -> Fields:
    """An error answer, without its RequestId."""
    fields: Fields = {
        "HostId": host,
        "Code": refusal.code,
        "Message": refusal.message,
        "Recommend": f"https://api.aliyun.com/troubleshoot?q={refusal.code}",
    }
    if refusal.detail:
        fields["AccessDeniedDetail"] = dict(refusal.detail)
    return fields


def to_json(fields: Mapping[str, object]) -> bytes:
    """Serialise as the gateway does."""
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def to_xml(root: str, fields: Mapping[str, object]) -> bytes:
    """Serialise for V1 without Format=JSON: lists are repeated elements."""
    return f'<?xml version="1.0" encoding="UTF-8"?>{_element(root, fields)}'.encode()


def _element(name: str, value: object) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        return "".join(_element(name, item) for item in value)
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{name}>{inner}</{name}>"
