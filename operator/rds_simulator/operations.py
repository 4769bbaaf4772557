"""The operations of the API, each from verified parameters to the fields of its answer."""

import functools
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from rds_simulator import wire
from rds_simulator.clock import to_wire
from rds_simulator.history import tasks_of
from rds_simulator.machine import SUCCEEDS, UNLOCKED, Instance
from rds_simulator.ram_policy import Request as Permission
from rds_simulator.refusals import Code, Refusal, missing
from rds_simulator.validation import Request, check_instance, refuses_basic, settings_of
from rds_simulator.wire import Fields
from rds_simulator.world import World

API_VERSION = "2014-08-15"
MODIFY = "ModifyDBInstanceSSL"
MAX_PAGE = 100
DEFAULT_PAGE = 30
MAX_TAGS = 5
LEAST_TASKS = 10

GONE = frozenset({"Released"})
"""DBInstanceStatus of an instance that the API does not know any more."""

NOT_YET = frozenset({"Creating"})
"""DBInstanceStatus of an instance that has no SSL settings yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One verified call; `at` is in the instances' time."""

    world: World
    action: str
    parameters: Mapping[str, str]
    at: datetime
    account: str
    """The caller's."""

    def owns(self, instance: Instance) -> bool:
        """Whether an instance is of the caller's account."""
        return instance.account in {"", self.account}

    def instance(self) -> Instance:
        """
        Find the instance of the call.

        Raises:
            Refusal: If it is not there, or of another account, or in another region than the
                RegionId that was sent.
        """
        instance_id = self.parameters.get("DBInstanceId", "")
        if not instance_id:
            raise missing("DBInstanceId")
        instance = self.world.get(instance_id, self.at)
        region = self.parameters.get("RegionId")
        elsewhere = instance is None or region not in {None, instance.region}
        if instance is None or elsewhere or instance.status in GONE or not self.owns(instance):
            # Describe answers 404, Modify 400. Source: the team's API notes 1.4.
            raise Refusal(Code.INSTANCE_NOT_FOUND, status=400 if self.action == MODIFY else 404)
        return instance


def permission_of(task: Task) -> Permission:
    """
    Return what the caller's policies are asked.

    An operation without an instance needs the right to all of a region (``dbinstance/*``).
    """
    instance_id = task.parameters.get("DBInstanceId", "")
    instance = task.world.get(instance_id, task.at) if instance_id else None
    region = instance.region if instance else task.parameters.get("RegionId", "*")
    return Permission(
        action=f"rds:{task.action}",
        resource=f"acs:rds:{region}:{task.account}:dbinstance/{instance_id or '*'}",
        context=_keys(task, instance) if task.action == MODIFY else {},
    )


def _keys(task: Task, instance: Instance | None) -> dict[str, str]:
    """Return the keys of conditions with what the setting ``ssl_enabled_key`` makes of them."""
    sent = task.parameters.get("SSLEnabled")
    is_on = instance is not None and instance.ssl.enabled
    value = {
        "request": sent,
        "words": None if sent is None else "false" if sent == "0" else "true",
        "state": "1" if is_on else "0",
        "absent": None,
    }[task.world.config.ssl_enabled_key]
    return {} if value is None else {"rds:SSLEnabled": value}


def modify_ssl(task: Task) -> Fields:
    """
    ModifyDBInstanceSSL: accept a change, or refuse it with a reason.

    A fault that was ordered for the end of the change is used up here, by accepted calls only.
    """
    world, instance = task.world, task.instance()
    rules = world.config.of(instance.id)
    check_instance(instance, world.view(instance, task.at), rules)
    request = Request(instance=instance, parameters=task.parameters, rules=rules, now=task.at)
    lifetime = timedelta(seconds=rules.durations["cloud-lifetime"])
    target = settings_of(request, functools.partial(world.authority.issue, lifetime=lifetime))
    fault = world.faults.take_ending(task.action, instance.id)
    world.accept(instance, target, task.at, fault.ending if fault else SUCCEEDS)
    return {}


def describe_ssl(task: Task) -> Fields:
    """DescribeDBInstanceSSL."""
    instance = task.instance()
    refused = instance.profile.describe_refusal
    if refused is None and refuses_basic(instance, task.world.config.of(instance.id)):
        refused = Code.OPERATION_DENIED_INSTANCE_TYPE
    if refused:
        raise Refusal(refused)
    if instance.status in NOT_YET:
        raise Refusal(Code.INSTANCE_STATE)
    if instance.lock_mode != UNLOCKED:
        raise Refusal(Code.LOCK_MODE)
    view = task.world.view(instance, task.at)
    return wire.describe_ssl(instance, view, task.world.config.of(instance.id), task.at)


def describe_attribute(task: Task) -> Fields:
    """DescribeDBInstanceAttribute."""
    instance = task.instance()
    replicas = task.world.replicas(instance.id)
    return wire.describe_attribute(instance, task.world.view(instance, task.at), replicas)


def describe_net_info(task: Task) -> Fields:
    """DescribeDBInstanceNetInfo."""
    return wire.describe_net_info(task.instance())


def describe_hba(task: Task) -> Fields:
    """DescribePGHbaConfig; other engines have none."""
    instance = task.instance()
    if instance.profile.engine != "PostgreSQL":
        raise Refusal(Code.ENGINE_TYPE_NOT_SUPPORT)
    return wire.describe_hba(instance)


def describe_instances(task: Task) -> Fields:
    """DescribeDBInstances: by region, engine, status, id and tags, by pages."""
    wanted = task.parameters
    if not wanted.get("RegionId"):
        raise missing("RegionId")
    tags = _tags(task)
    found = []
    for instance in task.world.all(task.at):
        view = task.world.view(instance, task.at)
        actual = {
            "RegionId": instance.region,
            "Engine": instance.profile.engine,
            "DBInstanceStatus": view.status,
            "DBInstanceId": instance.id,
        }
        matches = all(wanted.get(name, value) == value for name, value in actual.items())
        if tags and not tags.intersection(instance.tags.items()):
            continue
        if matches and instance.status not in GONE and task.owns(instance):
            found.append((instance, view))
    size = _number(task, "PageSize", DEFAULT_PAGE, MAX_PAGE)
    number = _number(task, "PageNumber", 1, None)
    start = (number - 1) * size
    return wire.describe_instances(found[start : start + size], number=number, total=len(found))


def _tags(task: Task) -> frozenset[tuple[str, str]]:
    """Read Tags, JSON of names and values; an instance with any of them is found."""
    text = task.parameters.get("Tags")
    if text is None:
        return frozenset()
    try:
        tags = json.loads(text)
    except ValueError:
        tags = None
    if not isinstance(tags, dict) or not 0 < len(tags) <= MAX_TAGS:
        raise Refusal("InvalidTags", message="Specified parameter Tags is not valid.")
    return frozenset((str(name), str(value)) for name, value in tags.items())


def describe_history_tasks(task: Task) -> Fields:
    """DescribeHistoryTasks: of the instances of InstanceId, or of all in the region."""
    wanted = task.parameters
    for name in ("FromStartTime", "ToStartTime"):
        if not wanted.get(name):
            raise missing(name)
    named = [each for each in wanted.get("InstanceId", "").split(",") if each]
    found = []
    for instance in task.world.all(task.at):
        elsewhere = wanted.get("RegionId", instance.region) != instance.region
        if elsewhere or not task.owns(instance) or (named and instance.id not in named):
            continue
        tasks = tasks_of(task.world.events(instance.id))
        found += [
            wire.history_task(instance, number, each)
            for number, each in enumerate(tasks)
            if wanted["FromStartTime"] <= to_wire(each.started) <= wanted["ToStartTime"]
        ]
    size = _number(task, "PageSize", LEAST_TASKS, MAX_PAGE)
    number = _number(task, "PageNumber", 1, None)
    page = found[(number - 1) * size : number * size]
    return wire.describe_history_tasks(page, number=number, size=size, total=len(found))


def _number(task: Task, name: str, default: int, limit: int | None) -> int:
    text = task.parameters.get(name, str(default))
    if not text.isdecimal() or int(text) < 1 or (limit and int(text) > limit):
        raise Refusal(f"Invalid{name}", message=f"Specified parameter {name} is not valid.")
    return int(text)


OPERATIONS: Mapping[str, Callable[[Task], Fields]] = MappingProxyType(
    {
        MODIFY: modify_ssl,
        "DescribeDBInstanceSSL": describe_ssl,
        "DescribeDBInstanceAttribute": describe_attribute,
        "DescribeDBInstanceNetInfo": describe_net_info,
        "DescribeDBInstances": describe_instances,
        "DescribePGHbaConfig": describe_hba,
        "DescribeHistoryTasks": describe_history_tasks,
    }
)
