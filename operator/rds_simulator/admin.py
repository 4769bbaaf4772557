"""
The admin interface, JSON under ``/_sim``: what tests and demonstrations turn.

======  =======================  ==============================================================
method  path                     body, answer
======  =======================  ==============================================================
PUT     /_sim/instances/{id}     `InstanceBody`; creates or replaces, shows it
PUT     /_sim/instances          `InstancesBody`; creates many
GET     /_sim/instances[/{id}]   the whole truth, never a private key
PATCH   /_sim/instances/{id}     `InstancePatch`; changes at once, without restart or count
DELETE  /_sim/instances/{id}
*       /_sim/access-keys        and roles, oidc-providers, sessions: see `admin_identities`
PUT     /_sim/config             `ConfigBody`; names of switches in the module `config`
GET     /_sim/config
POST    /_sim/faults             `FaultBody`; kinds in the module `faults`
GET     /_sim/faults             those not used up
DELETE  /_sim/faults
GET     /_sim/calls              the ledger; `?action=`, `?instance=`, `?accepted=true` and
                                 `?since=` (the `next` of an earlier answer) narrow it
DELETE  /_sim/calls              forgets calls and counters
GET     /_sim/stats              counters
PUT     /_sim/clock              `ClockBody`
GET     /_sim/clock
GET     /_sim/ca                 the cloud's CA, PEM
POST    /_sim/reset              forgets all but access keys, roles, providers and sessions
======  =======================  ==============================================================

A body that does not fit is answered 400 with ``error`` and, where names are at fault, ``valid``;
an instance, key or path that does not exist 404.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

import pydantic

from rds_simulator import admin_identities, admin_instances
from rds_simulator.admin_models import (
    ClockBody,
    ConfigBody,
    FaultBody,
    InstanceBody,
    InstancePatch,
    InstancesBody,
)
from rds_simulator.admin_task import AdminTask, NotFoundError
from rds_simulator.call import Call
from rds_simulator.config import SWITCH_VALUES, ConfigError
from rds_simulator.faults import Order
from rds_simulator.ledger import Ledger
from rds_simulator.machine import Instance
from rds_simulator.pem import MaterialError
from rds_simulator.ram_policy import PolicyError
from rds_simulator.sts import OPERATIONS
from rds_simulator.wire import Fields
from rds_simulator.world import World

PREFIX = "/_sim"


def respond(world: World, call: Call, now: datetime) -> tuple[int, Fields]:
    """Answer a request of the admin interface: HTTP status and body."""
    kind, _, name = call.path.removeprefix(PREFIX).strip("/").partition("/")
    route = _ROUTES.get((call.method, kind, bool(name)))
    if route is None:
        return 404, {"error": f"no {call.method} {call.path}"}
    at = world.clock.moved(now)
    task = AdminTask(world=world, name=name, query=call.query, body=call.body, at=at, now=now)
    try:
        return 200, route(task)
    except NotFoundError:
        return 404, {"error": f"no {kind} {name}"}
    except ConfigError as error:
        return 400, {"error": str(error), "valid": dict(error.valid)}
    except pydantic.ValidationError as error:
        # Not the whole text: it quotes what was given, which may be a key.
        faults = [f"{_path(each['loc'])}: {each['msg']}" for each in error.errors()]
        return 400, {"error": "; ".join(faults)}
    except (MaterialError, PolicyError) as error:
        return 400, {"error": str(error)}


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _find(task: AdminTask) -> Instance:
    instance = task.world.get(task.name, task.at)
    if instance is None:
        raise NotFoundError
    return instance


def _show(task: AdminTask, instance: Instance) -> Fields:
    view = task.world.view(instance, task.at)
    return admin_instances.show(instance, view, task.world.events(instance.id))


def _create(task: AdminTask, instance_id: str, body: InstanceBody) -> Instance:
    instance = admin_instances.create(instance_id, body, task.at, task.world.authority.issue)
    task.world.remove(instance_id)
    task.world.put(instance)
    return instance


def _put_instance(task: AdminTask) -> Fields:
    body = InstanceBody.model_validate_json(task.body)
    return _show(task, _create(task, task.name, body))


def _put_instances(task: AdminTask) -> Fields:
    bodies = InstancesBody.model_validate_json(task.body).instances
    return {"created": [_create(task, body.id, body).id for body in bodies]}


def _get_instance(task: AdminTask) -> Fields:
    return _show(task, _find(task))


def _get_instances(task: AdminTask) -> Fields:
    return {"instances": [_show(task, each) for each in task.world.all(task.at)]}


def _patch_instance(task: AdminTask) -> Fields:
    body = InstancePatch.model_validate_json(task.body)
    changed = admin_instances.patch(_find(task), body, task.at, task.world.authority.issue)
    task.world.put(changed)
    return _show(task, changed)


def _delete_instance(task: AdminTask) -> Fields:
    if not task.world.remove(task.name):
        raise NotFoundError
    return {}


def _put_config(task: AdminTask) -> Fields:
    body = ConfigBody.model_validate_json(task.body)
    config = task.world.config
    config.change(body.switches, body.durations, body.instance)
    if body.latency is not None:
        config.latency = body.latency
    if "rate_limit" in body.model_fields_set:
        config.rate_limit = body.rate_limit
    config.signatures = body.signatures or config.signatures
    config.errors = body.errors or config.errors
    config.ssl_enabled_key = body.ssl_enabled_key or config.ssl_enabled_key
    return _get_config(task)


def _get_config(task: AdminTask) -> Fields:
    config = task.world.config
    return {
        "switches": {str(name): value for name, value in config.rules.switches.items()},
        "durations": dict(config.rules.durations),
        "instances": config.of_instances(),
        "latency": config.latency,
        "rate_limit": config.rate_limit,
        "signatures": config.signatures,
        "errors": config.errors,
        "ssl_enabled_key": config.ssl_enabled_key,
        "valid_switches": {str(name): list(values) for name, values in SWITCH_VALUES.items()},
    }


def _post_fault(task: AdminTask) -> Fields:
    body = FaultBody.model_validate_json(task.body)
    task.world.faults.orders.append(
        Order(
            fault=body.fault.fault(), action=body.action, instance=body.instance, times=body.times
        )
    )
    return _get_faults(task)


def _get_faults(task: AdminTask) -> Fields:
    return {
        "faults": [
            {
                "action": order.action,
                "instance": order.instance,
                "times": order.times,
                "kind": order.fault.kind,
                "code": order.fault.code,
            }
            for order in task.world.faults.orders
        ]
    }


def _delete_faults(task: AdminTask) -> Fields:
    task.world.faults.orders.clear()
    return {}


def _get_calls(task: AdminTask) -> Fields:
    wanted = {name: task.query[name] for name in ("action", "instance") if name in task.query}
    only_accepted = task.query.get("accepted") == "true"
    since = task.query.get("since", "0")
    ledger = task.world.ledger
    entries = ledger.since(int(since) if since.isdecimal() else 0)
    return {
        "next": ledger.next,
        "calls": [
            {
                "time": entry.time.isoformat(),
                "action": entry.action,
                "instance": entry.instance,
                "access_key": entry.access_key,
                "principal": entry.principal,
                "role": entry.role,
                "parameters": sorted({*entry.query_parameters, *entry.body_parameters}),
                "query_parameters": list(entry.query_parameters),
                "body_parameters": list(entry.body_parameters),
                "values": dict(entry.values),
                "place": entry.place,
                "status": entry.status,
                "code": entry.code,
                "key_in_url": entry.key_in_url,
                "accepted": entry.accepted,
            }
            for entry in entries
            if entry.accepted >= only_accepted
            and all(getattr(entry, name) == value for name, value in wanted.items())
        ],
    }


def _delete_calls(task: AdminTask) -> Fields:
    task.world.ledger = Ledger()
    task.world.metadata.counts.clear()
    return {}


def _nested(counts: Iterable[tuple[tuple[str, ...], int]]) -> dict[str, Any]:
    """Return counts as objects within objects, one level for each part of their names."""
    nested: dict[str, Any] = {}
    for (*parts, last), count in sorted(counts):
        level = nested
        for part in parts:
            level = level.setdefault(part, {})
        level[last] = count
    return nested


def _get_stats(task: AdminTask) -> Fields:
    ledger = task.world.ledger
    actions = _nested(ledger.by_action.items())
    instances = task.world.all(task.at)
    return {
        "calls": ledger.by_action.total(),
        "actions": actions,
        "identities": _nested(ledger.by_principal.items()),
        "metadata": _nested(task.world.metadata.counts.items()),
        "sts": {
            "actions": {name: actions[name] for name in OPERATIONS if name in actions},
            "roles": _nested(ledger.by_role.items()),
        },
        "restarts": {each.id: each.restarts for each in instances},
        "accepted": {each.id: each.accepted for each in instances},
        "highest_rate": dict(ledger.highest_rate),
        "keys_in_url": ledger.keys_in_url,
    }


def _put_clock(task: AdminTask) -> Fields:
    body = ClockBody.model_validate_json(task.body)
    clock = task.world.clock
    if body.now is not None:
        clock.set(body.now, task.now)
    if body.advance is not None:
        clock.advance(body.advance)
    if body.skew is not None:
        clock.set_skew(body.skew)
    return _get_clock(task)


def _get_clock(task: AdminTask) -> Fields:
    clock = task.world.clock
    return {
        "now": clock.moved(task.now).isoformat(),
        "offset": clock.offset.total_seconds(),
        "skew": clock.skew.total_seconds(),
    }


def _reset(task: AdminTask) -> Fields:
    task.world.reset()
    return {}


def _get_ca(task: AdminTask) -> Fields:
    return {"pem": task.world.authority.pem}


_ROUTES: Mapping[tuple[str, str, bool], Callable[[AdminTask], Fields]] = MappingProxyType(
    {
        ("PUT", "instances", True): _put_instance,
        ("PUT", "instances", False): _put_instances,
        ("GET", "instances", True): _get_instance,
        ("GET", "instances", False): _get_instances,
        ("PATCH", "instances", True): _patch_instance,
        ("DELETE", "instances", True): _delete_instance,
        ("PUT", "config", False): _put_config,
        ("GET", "config", False): _get_config,
        ("POST", "faults", False): _post_fault,
        ("GET", "faults", False): _get_faults,
        ("DELETE", "faults", False): _delete_faults,
        ("GET", "calls", False): _get_calls,
        ("DELETE", "calls", False): _delete_calls,
        ("GET", "stats", False): _get_stats,
        ("PUT", "clock", False): _put_clock,
        ("GET", "clock", False): _get_clock,
        ("GET", "ca", False): _get_ca,
        ("POST", "reset", False): _reset,
        **admin_identities.ROUTES,
    }
)
"""By method, kind, and whether a name follows."""
