"""
May the instance take this change now? Asked last before a plan goes, with fresh attributes.

Each answer is a result that says what stands in the way, or None. Source: docs/conditions.md, "The
declaration and the instance", and the vendor's page on endpoints.
"""

import logging

from rds_ssl.core import eligibility, faults, surroundings, verdicts
from rds_ssl.core.desired import Desired
from rds_ssl.core.errors import ApiError
from rds_ssl.core.formats import host_name
from rds_ssl.core.model import Disposition, Endpoint, Instance, Observed, Priority
from rds_ssl.engine.faulting import Faulting
from rds_ssl.engine.hostssl import held_by_rows
from rds_ssl.engine.work import Result, Tools, Work

_log = logging.getLogger(__name__)

STALLED_AFTER = 600.0
"""Seconds to the next look at an object that somebody has to change."""

_INELIGIBLE_AFTER = 1800.0

_PRIVATE = ("private", "inner")


class Admission:
    """Looks at an instance before it is changed."""

    def __init__(self, tools: Tools, faulting: Faulting) -> None:
        self._tools = tools
        self._faulting = faulting

    async def attribute(self, work: Work) -> Instance:
        """
        Read the attributes, and note them.

        Raises:
            AliyunError: The read failed.
        """
        instance = await work.cloud.describe_attribute(work.declaration, priority=Priority.CHANGE)
        work.instance = instance
        work.memory.see(instance, now=self._tools.monotonic())
        work.show(endpoint=None)
        return instance

    async def first_endpoint(self, work: Work) -> str:
        """Choose an endpoint where none is declared, pinned or protected; or nothing."""
        instance = work.instance or await self.attribute(work)
        if instance.connection_string:
            return instance.connection_string
        endpoints = await self._endpoints(work)
        private = [
            each.host
            for each in endpoints
            if each.kind == surroundings.NORMAL and each.ip_type.lower() in _PRIVATE
        ]
        return private[0] if private else ""

    async def refused(self, work: Work, observed: Observed, desired: Desired) -> Result | None:
        """
        Say why the instance takes no write now; None if it is Running and can have it.

        Raises:
            AliyunError: A read failed.
        """
        instance = work.instance or await self.attribute(work)
        fine = work.material_finding
        gone = eligibility.unavailable(instance)
        if gone is not None:
            return Result(verdict=verdicts.stalled(gone, material=fine), look_after=STALLED_AFTER)
        if desired.enabled:
            unfit = eligibility.unfit_instance(work.declaration, instance, observed)
            if unfit is not None:
                return Result(
                    verdict=verdicts.stalled(unfit, material=fine), look_after=_INELIGIBLE_AFTER
                )
            unknown = await self.unknown_endpoint(work, observed, desired)
            if unknown is not None:
                return unknown
        elif observed.enabled:
            rows = await held_by_rows(work)
            if rows is not None:
                return Result(
                    verdict=verdicts.stalled(rows, material=fine), look_after=STALLED_AFTER
                )
        if not instance.running:
            return self._faulting.busy(work)
        return None

    async def unknown_endpoint(
        self, work: Work, observed: Observed, desired: Desired
    ) -> Result | None:
        """
        Say that the endpoint wanted is none of the instance's, with those that are.

        What is protected now, and the instance's own internal one, need no look.
        """
        instance = work.instance or await self.attribute(work)
        wanted = host_name(desired.connection_string)
        shown = observed.connection_string if observed.enabled else None
        if wanted in {host_name(each) for each in (instance.connection_string, shown) if each}:
            return None
        finding = eligibility.missing_endpoint(
            work.declaration, desired.connection_string, await self._endpoints(work)
        )
        if finding is None:
            return None
        return Result(
            verdict=verdicts.stalled(finding, material=work.material_finding),
            look_after=STALLED_AFTER,
        )

    async def _endpoints(self, work: Work) -> tuple[Endpoint, ...]:
        """List the endpoints; none where the right to read them is missing: the API decides."""
        try:
            return await work.cloud.describe_endpoints(work.declaration, priority=Priority.CHANGE)
        except ApiError as error:
            if faults.classify(error, write=False).disposition is not Disposition.BLOCKED:
                raise
            _log.warning("%s: endpoints are not known", error, extra=work.fields(error.request_id))
            return ()
