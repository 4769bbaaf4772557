"""Instances read from RDS, for objects that adopt them."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime

from rds_ssl.commands.adoption import Found, LeftOut, ineligible, unreadable
from rds_ssl.commands.cloud import Account, concerns_all, is_ineligible, opened, said
from rds_ssl.core.errors import AliyunError, CommandRefused, ObservationError
from rds_ssl.core.formats import write_time
from rds_ssl.core.model import Engine, Priority
from rds_ssl.core.rds.listings import read_description
from rds_ssl.core.rds.responses import has_no_instance, read_attribute
from rds_ssl.settings import load

# Hints of the vendor's, on which nothing that is written rests.
_HINTS = frozenset({"RequireUpdate", "LastModifyStatus"})
# Nothing can be declared of it on other engines, so that no word there keeps one out.
_OF_SQLSERVER = frozenset({"TlsVersion"})


def read_all(
    region_id: str,
    instance_ids: Sequence[str],
    tags: Sequence[tuple[str, str]],
    now: Callable[[], datetime],
) -> list[Found | LeftOut]:
    """
    Return instances by their ids, or without ids those of a region that have all of *tags*.

    Raises:
        CommandRefused: Nothing can be read at all: why, and what to do.
        SettingsError: The operator's settings in the environment are faulty.
    """
    return asyncio.run(_read(region_id, instance_ids, tags, now))


async def _read(
    region_id: str,
    instance_ids: Sequence[str],
    tags: Sequence[tuple[str, str]],
    now: Callable[[], datetime],
) -> list[Found | LeftOut]:
    async with opened(load(), region_id, now=now) as account:
        return await read_of(account, instance_ids, tags, now)


async def read_of(
    account: Account,
    instance_ids: Sequence[str],
    tags: Sequence[tuple[str, str]],
    now: Callable[[], datetime],
) -> list[Found | LeftOut]:
    """
    Return what `read_all` returns, of a way to RDS that is open.

    Raises:
        CommandRefused: Nothing can be read at all: why, and what to do.
    """
    try:
        ids = list(dict.fromkeys(instance_ids))
        if not ids:
            listed = await account.questions.instances(account.region_id, tags)
            ids = [each.instance_id for each in listed]
        return [await _one(account, each, now) for each in ids]
    except AliyunError as error:
        raise CommandRefused(f"{said(error)}.") from None
    except ObservationError as error:
        # Of the list: what is not understood of one instance leaves out that one.
        raise CommandRefused(
            "RDS answers the question for the region's instances with what is not understood"
            f" ({error}): name them by their ids."
        ) from None


async def _one(account: Account, instance_id: str, now: Callable[[], datetime]) -> Found | LeftOut:
    """
    Read an instance.

    Raises:
        AliyunError: No other instance could be read either.
    """

    def left_out(why: str) -> LeftOut:
        return LeftOut(instance_id=instance_id, why=why)

    region_id, questions = account.region_id, account.questions
    try:
        body = await questions.ask(
            "DescribeDBInstanceAttribute", DBInstanceId=instance_id, RegionId=region_id
        )
        if has_no_instance(body):
            return left_out(f"there is no such instance in {region_id} for this account")
        instance = read_attribute(body)
        why = unreadable(instance)
        if why:
            return left_out(why)
        observed = await questions.patiently(
            "DescribeDBInstanceSSL",
            lambda: account.rds.describe_ssl(
                instance_id,
                region_id,
                priority=Priority.CHANGE,
                engine=instance.engine,
                undeclared=_HINTS
                if instance.engine == Engine.SQLSERVER
                else _HINTS | _OF_SQLSERVER,
            ),
        )
    except ObservationError as error:
        return left_out(f"RDS answers what is not understood: {error}")
    except AliyunError as error:
        if concerns_all(error):
            raise
        return left_out((is_ineligible(error) and ineligible(instance)) or said(error))
    return Found(
        instance_id=instance_id,
        region_id=region_id,
        title=read_description(body),
        observed=observed,
        instance=instance,
        origin=f"As RDS showed it at {write_time(now())}.",
    )
