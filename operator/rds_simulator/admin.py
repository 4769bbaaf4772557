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
PUT     /_sim/access-keys/{id}   `KeyBody`; secret and token are never shown again
GET     /_sim/access-keys
DELETE  /_sim/access-keys/{id}
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
POST    /_sim/reset              forgets all but the access keys
======  =======================  ==============================================================

A body that does not fit is answered 400 with ``error`` and, where names are at fault, ``valid``;
an instance, key or path that does not exist 404.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

import pydantic

from rds_simulator import admin_instances
from rds_simulator.accounts import AccessKey
from rds_simulator.admin_models import (
    ClockBody,
    ConfigBody,
    FaultBody,
    InstanceBody,
    InstancePatch,
    InstancesBody,
    KeyBody,
)
from rds_simulator.call import Call
from rds_simulator.config import SWITCH_VALUES, ConfigError
from rds_simulator.faults import Order
from rds_simulator.ledger import Ledger
from rds_simulator.machine import Instance
from rds_simulator.pem import MaterialError
from rds_simulator.wire import Fields
from rds_simulator.world import World

PREFIX = "/_sim"


class _NotFoundError(Exception):
    """There is no such thing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """One request; `at` is the instances' time, `now` the caller's."""

    world: World
    name: str
    query: Mapping[str, str]
    body: bytes
    at: datetime
    now: datetime


def respond(world: World, call: Call, now: datetime) -> tuple[int, Fields]:
    """Answer a request of the admin interface: HTTP status and body."""
    kind, _, name = call.path.removeprefix(PREFIX).strip("/").partition("/")
    route = _ROUTES.get((call.method, kind, bool(name)))
    if route is None:
        return 404, {"error": f"no {call.method} {call.path}"}
    at = world.clock.moved(now)
    task = _Task(world=world, name=name, query=call.query, body=call.body, at=at, now=now)
    try:
        return 200, route(task)
    except _NotFoundError:
        return 404, {"error": f"no {kind} {name}"}
    except ConfigError as error:
        return 400, {"error": str(error), "valid": dict(error.valid)}
    except pydantic.ValidationError as error:
        # Not the whole text: it quotes what was given, which may be a key.
        faults = [f"{_path(each['loc'])}: {each['msg']}" for each in error.errors()]
        return 400, {"error": "; ".join(faults)}
    except MaterialError as error:
        return 400, {"error": str(error)}


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _find(task: _Task) -> Instance:
    instance = task.world.get(task.name, task.at)
    if instance is None:
        raise _NotFoundError
    return instance


def _show(task: _Task, instance: Instance) -> Fields:
    view = task.world.view(instance, task.at)
    return admin_instances.show(instance, view, task.world.events(instance.id))


def _create(task: _Task, instance_id: str, body: InstanceBody) -> Instance:
    instance = admin_instances.create(instance_id, body, task.at, task.world.authority.issue)
    task.world.remove(instance_id)
    task.world.put(instance)
    return instance


def _put_instance(task: _Task) -> Fields:
    body = InstanceBody.model_validate_json(task.body)
    return _show(task, _create(task, task.name, body))


def _put_instances(task: _Task) -> Fields:
    bodies = InstancesBody.model_validate_json(task.body).instances
    return {"created": [_create(task, body.id, body).id for body in bodies]}


def _get_instance(task: _Task) -> Fields:
    return _show(task, _find(task))


def _get_instances(task: _Task) -> Fields:
    return {"instances": [_show(task, each) for each in task.world.all(task.at)]}


def _patch_instance(task: _Task) -> Fields:
    body = InstancePatch.model_validate_json(task.body)
    changed = admin_instances.patch(_find(task), body, task.at, task.world.authority.issue)
    task.world.put(changed)
    return _show(task, changed)


def _delete_instance(task: _Task) -> Fields:
    if not task.world.remove(task.name):
        raise _NotFoundError
    return {}


def _put_key(task: _Task) -> Fields:
    body = KeyBody.model_validate_json(task.body)
    key = AccessKey(
        id=task.name,
        secret=body.secret.get_secret_value(),
        token=body.token.get_secret_value() if body.token else None,
        expires=body.expires,
        actions=tuple(body.actions),
        instances=tuple(body.instances),
        active=body.active,
    )
    task.world.accounts.put(key)
    return _show_key(key)


def _show_key(key: AccessKey) -> Fields:
    return {
        "id": key.id,
        "needs_token": key.token is not None,
        "expires": key.expires.isoformat() if key.expires else None,
        "actions": list(key.actions),
        "instances": list(key.instances),
        "active": key.active,
    }


def _get_keys(task: _Task) -> Fields:
    return {"access_keys": [_show_key(key) for key in task.world.accounts.all()]}


def _delete_key(task: _Task) -> Fields:
    if not task.world.accounts.remove(task.name):
        raise _NotFoundError
    return {}


def _put_config(task: _Task) -> Fields:
    body = ConfigBody.model_validate_json(task.body)
    config = task.world.config
    config.change(body.switches, body.durations, body.instance)
    if body.latency is not None:
        config.latency = body.latency
    if "rate_limit" in body.model_fields_set:
        config.rate_limit = body.rate_limit
    config.signatures = body.signatures or config.signatures
    config.errors = body.errors or config.errors
    return _get_config(task)


def _get_config(task: _Task) -> Fields:
    config = task.world.config
    return {
        "switches": {str(name): value for name, value in config.rules.switches.items()},
        "durations": dict(config.rules.durations),
        "instances": config.of_instances(),
        "latency": config.latency,
        "rate_limit": config.rate_limit,
        "signatures": config.signatures,
        "errors": config.errors,
        "valid_switches": {str(name): list(values) for name, values in SWITCH_VALUES.items()},
    }


def _post_fault(task: _Task) -> Fields:
    body = FaultBody.model_validate_json(task.body)
    task.world.faults.orders.append(
        Order(
            fault=body.fault.fault(), action=body.action, instance=body.instance, times=body.times
        )
    )
    return _get_faults(task)


def _get_faults(task: _Task) -> Fields:
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


def _delete_faults(task: _Task) -> Fields:
    task.world.faults.orders.clear()
    return {}


def _get_calls(task: _Task) -> Fields:
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


def _delete_calls(task: _Task) -> Fields:
    task.world.ledger = Ledger()
    return {}


def _get_stats(task: _Task) -> Fields:
    ledger = task.world.ledger
    actions: dict[str, dict[str, int]] = {}
    for (action, code), count in sorted(ledger.by_action.items()):
        actions.setdefault(action, {})[code] = count
    instances = task.world.all(task.at)
    return {
        "calls": ledger.by_action.total(),
        "actions": actions,
        "restarts": {each.id: each.restarts for each in instances},
        "accepted": {each.id: each.accepted for each in instances},
        "highest_rate": dict(ledger.highest_rate),
        "keys_in_url": ledger.keys_in_url,
    }


def _put_clock(task: _Task) -> Fields:
    body = ClockBody.model_validate_json(task.body)
    clock = task.world.clock
    if body.now is not None:
        clock.set(body.now, task.now)
    if body.advance is not None:
        clock.advance(body.advance)
    if body.skew is not None:
        clock.set_skew(body.skew)
    return _get_clock(task)


def _get_clock(task: _Task) -> Fields:
    clock = task.world.clock
    return {
        "now": clock.moved(task.now).isoformat(),
        "offset": clock.offset.total_seconds(),
        "skew": clock.skew.total_seconds(),
    }


def _reset(task: _Task) -> Fields:
    task.world.reset()
    return {}


def _get_ca(task: _Task) -> Fields:
    return {"pem": task.world.authority.pem}


_ROUTES: Mapping[tuple[str, str, bool], Callable[[_Task], Fields]] = MappingProxyType(
    {
        ("PUT", "instances", True): _put_instance,
        ("PUT", "instances", False): _put_instances,
        ("GET", "instances", True): _get_instance,
        ("GET", "instances", False): _get_instances,
        ("PATCH", "instances", True): _patch_instance,
        ("DELETE", "instances", True): _delete_instance,
        ("PUT", "access-keys", True): _put_key,
        ("GET", "access-keys", False): _get_keys,
        ("DELETE", "access-keys", True): _delete_key,
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
    }
)
"""By method, kind, and whether a name follows."""
