"""What is read of the instance: its settings in each pass, more of it where somebody asks."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from dataclasses import fields, replace
from typing import Any, TypeVar

from rds_ssl.core.errors import AliyunError, ApiError, ObservationError
from rds_ssl.core.model import Disposition, Endpoint, Observed, Priority, Reason
from rds_ssl.core.rds import faults
from rds_ssl.engine.reconcile.ports import Ports
from rds_ssl.engine.reconcile.stages import Gathered, Read, Seen

_log = logging.getLogger(__name__)

_One = TypeVar("_One")
_Other = TypeVar("_Other")
_Stage = TypeVar("_Stage", bound=Gathered)

_GATHERED = tuple(each.name for each in fields(Gathered))

_PASSING = frozenset(
    {Disposition.BUSY, Disposition.GONE, Disposition.THROTTLED, Disposition.UNAVAILABLE}
)
"""What says nothing about whether the rows may be read: the next pass asks again."""


async def identify(ports: Ports, gathered: Gathered) -> Gathered:
    """
    Read the attributes of an instance whose engine is not known: at first contact.

    Raises:
        AliyunError: The read failed.
    """
    if gathered.engine:
        return gathered
    return await read_attributes(ports, gathered, priority=_priority(ports, gathered))


async def observe(ports: Ports, gathered: Gathered) -> Seen:
    """
    Read the settings of an instance.

    Raises:
        AliyunError: A read failed.
        ObservationError: An answer makes no sense.
    """
    if isinstance(gathered, Seen):
        return gathered  # By whoever has followed a change to its end.
    has_work, priority = gathered.has_work, _priority(ports, gathered)
    settings = read_settings(gathered, priority=priority)
    if has_work and gathered.instance is None and gathered.rotates and _may_go(ports, gathered):
        # A rotation whose time has come needs both before its call, and somebody waits.
        gathered, observed = await _both(
            read_attributes(ports, gathered, priority=priority), settings
        )
        return seen(gathered, observed)
    observed = await settings
    ports.proofs.reached(gathered.resource, gathered.cloud.account)
    return seen(gathered, observed)


async def read(ports: Ports, stage: Seen, what: Read) -> Seen:
    """
    Read what a stage has asked for.

    Raises:
        AliyunError: The read failed.
    """
    match what:
        case Read.ATTRIBUTES:
            stage = await read_attributes(ports, stage, priority=_priority_of_more(stage))
            return stage.shown(endpoint=None)
        case Read.ENDPOINTS:
            return replace(stage, endpoints=await _endpoints(stage))
        case Read.HOSTSSL_ROWS:
            return replace(stage, hostssl_rows=await _hostssl_rows(stage))


async def read_attributes(ports: Ports, stage: _Stage, *, priority: Priority) -> _Stage:
    """
    Read DescribeDBInstanceAttribute, and note what it says.

    Raises:
        AliyunError: The read failed.
    """
    instance = await stage.cloud.describe_attribute(stage.declaration, priority=priority)
    stage.memory.sightings.see(instance, now=ports.monotonic())
    account, primary = stage.cloud.account, instance.master_instance_id
    own = instance.master_instance_id or stage.declaration.instance_id
    ports.proofs.reached(stage.resource, account, primary=own)
    ports.budget.attribute(stage.key, account=account, primary=primary)
    return replace(stage, instance=instance)


async def read_settings(gathered: Gathered, *, priority: Priority) -> Observed:
    """
    Read DescribeDBInstanceSSL.

    Raises:
        AliyunError: The read failed.
        ObservationError: The answer makes no sense.
    """
    return await gathered.cloud.describe_ssl(
        gathered.declaration,
        priority=priority,
        engine=gathered.engine,
        in_flight=gathered.in_flight,
    )


async def read_back(ports: Ports, stage: Seen) -> Seen:
    """
    Look again after a code that may as well mean another change, in flight or faster.

    A failed read changes nothing about the refusal.
    """
    with contextlib.suppress(AliyunError, ObservationError):
        stage = await read_attributes(ports, stage, priority=Priority.IN_FLIGHT)
        observed = await read_settings(stage, priority=Priority.IN_FLIGHT)
        stage = replace(stage, observed=observed)
    return stage


def seen(gathered: Gathered, observed: Observed) -> Seen:
    """Return the next stage."""
    known = {name: getattr(gathered, name) for name in _GATHERED}
    return Seen(**known, observed=observed)


def _priority(ports: Ports, gathered: Gathered) -> Priority:
    return Priority.CHANGE if ports.proofs.is_awaited(gathered.key) else gathered.priority


def _priority_of_more(stage: Seen) -> Priority:
    """Return that of what is read because of what was found: a drift is something new."""
    return stage.priority if stage.has_work else Priority.CHANGE


def _may_go(ports: Ports, gathered: Gathered) -> bool:
    """Return a guess whether nothing but the quiet period has held a plan of this object."""
    plan = gathered.status.plan
    if plan is None:
        return ports.timings.quiet_period == 0
    return plan.held_by == Reason.QUIET_PERIOD


async def _endpoints(stage: Seen) -> tuple[Endpoint, ...]:
    """List the endpoints; none where the right to read them is missing: the API decides."""
    try:
        return await stage.cloud.describe_endpoints(
            stage.declaration, priority=_priority_of_more(stage)
        )
    except ApiError as error:
        if faults.classify(error, write=False).disposition is not Disposition.BLOCKED:
            raise
        _log.warning("%s: endpoints are not known", error, extra=stage.log_fields(error.request_id))
        return ()


async def _hostssl_rows(stage: Seen) -> tuple[str, ...]:
    """
    List the rows of pg_hba.conf that let clients in by SSL only; none where they are not known.

    The right to read them is optional.

    Raises:
        AliyunError: No answer for now: whether there are rows may be known later.
    """
    try:
        return await stage.cloud.describe_hostssl_rows(
            stage.declaration, priority=_priority_of_more(stage)
        )
    except AliyunError as error:
        if faults.classify(error, write=False).disposition in _PASSING:
            raise
        _log.info("hostssl rows are not known: %s", error, extra=stage.log_fields())
    except ObservationError as error:
        _log.info("hostssl rows are not known: %s", error, extra=stage.log_fields())
    return ()


async def _both(
    one: Coroutine[Any, Any, _One], other: Coroutine[Any, Any, _Other]
) -> tuple[_One, _Other]:
    """Wait for two reads at a time; the first error is raised, and ends the other read."""
    tasks = asyncio.create_task(one), asyncio.create_task(other)
    try:
        return await asyncio.gather(*tasks)
    finally:
        for each in tasks:
            each.cancel()
