"""`rds-ssl doctor`: questions to a real account that only read, and a report to give away."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from rds_ssl.aliyun.dialects import Dialect
from rds_ssl.aliyun.questions import Questions
from rds_ssl.commands import diagnosis, examination
from rds_ssl.commands.cloud import Account, concerns_all, opened, said
from rds_ssl.commands.examination import OK, UNREAD, CallKind, Examined, Report, outcome
from rds_ssl.commands.formatting import fields, indented, safe, table
from rds_ssl.commands.types import Answer
from rds_ssl.core.errors import AliyunError, CommandRefused, ObservationError
from rds_ssl.core.formats import write_time
from rds_ssl.core.model import Engine
from rds_ssl.core.rds.listings import PastTask, read_tasks
from rds_ssl.settings import load

NO_INSTANCE = "rm-rdsssldoctornone"
"""An id that no instance has: what is answered about one that does not exist?"""

HISTORY = timedelta(days=30)
"""Of tasks: as far as the vendor keeps them."""

_TASKS_PAGE = 100
_MOST_TASK_PAGES = 20


def examine(region_id: str, instance_ids: Sequence[str], now: Callable[[], datetime]) -> Answer:
    """
    Ask RDS what no document says, and return the report.

    Raises:
        CommandRefused: Nothing can be asked at all: why, and what to do.
        SettingsError: The operator's settings in the environment are faulty.
    """
    return answer_of(asyncio.run(_examine(region_id, instance_ids, now)))


def answer_of(report: Report) -> Answer:
    """Return a report as text and as JSON."""
    return Answer(lines=list(_lines(report)), value=_value(report), done=_complete(report))


async def _examine(
    region_id: str, instance_ids: Sequence[str], now: Callable[[], datetime]
) -> Report:
    calls: list[tuple[str, str, float]] = []

    def on_call(action: str, ended: str, seconds: float) -> None:
        calls.append((action, ended, seconds))

    async with opened(load(), region_id, now=now, on_call=on_call) as account:
        return await report_of(account, instance_ids, calls, now)


async def report_of(
    account: Account,
    instance_ids: Sequence[str],
    calls: Sequence[tuple[str, str, float]],
    now: Callable[[], datetime],
) -> Report:
    """
    Ask all questions.

    Args:
        calls: What has been called so far, kept up to date by the account's transport.

    Raises:
        CommandRefused: Nothing can be asked at all.
    """
    signatures = await _signatures(account, instance_ids[0])
    only_legacy = signatures["V3"] != OK and signatures["V1"] == OK
    asked = account.legacy if only_legacy else account.questions
    absent = await _ended(asked, NO_INSTANCE, account.region_id)
    instances = [
        await _instance(asked, each, account.region_id, f"instance {number}", now)
        for number, each in enumerate(dict.fromkeys(instance_ids), 1)
    ]
    skew = account.skew()
    return Report(
        region_id=account.region_id,
        signatures=signatures,
        absent_instance=absent,
        skew=None if skew is None else round(skew, 1),
        calls=examination.call_kinds(calls),
        instances=instances,
    )


async def _signatures(account: Account, instance_id: str) -> Mapping[str, str]:
    """
    Ask in both signatures.

    Raises:
        CommandRefused: Keys, the way or the region are wrong, whichever signature.
    """
    try:
        first = await _ended(account.questions, instance_id, account.region_id, of_all=True)
        legacy = await _ended(account.legacy, instance_id, account.region_id, of_all=True)
    except AliyunError as error:
        raise CommandRefused(f"{said(error)}.") from None
    # One that was not read was sent again in V1: that tells nothing of V3.
    return {"V3": UNREAD if account.signature() is Dialect.V1 else first, "V1": legacy}


async def _ended(
    asked: Questions, instance_id: str, region_id: str, *, of_all: bool = False
) -> str:
    try:
        await asked.ask("DescribeDBInstanceAttribute", DBInstanceId=instance_id, RegionId=region_id)
    except AliyunError as error:
        if of_all and concerns_all(error):
            raise
        return outcome(error)
    return OK


async def _instance(
    asked: Questions,
    instance_id: str,
    region_id: str,
    label: str,
    now: Callable[[], datetime],
) -> Examined:
    failures: dict[str, str] = {}

    async def body_of(action: str, **parameters: str) -> Mapping[str, object]:
        named = parameters or {"DBInstanceId": instance_id}
        try:
            return await asked.ask(action, RegionId=region_id, **named)
        except AliyunError as error:
            failures[action] = outcome(error)
            return {}

    attribute = examination.attribute_shapes(await body_of("DescribeDBInstanceAttribute"))
    engine = attribute.get("Engine", "").strip('"')
    shapes, undocumented = examination.ssl_shapes(await body_of("DescribeDBInstanceSSL"))
    if "DescribeDBInstanceSSL" in failures:
        shapes = {}
    endpoints = examination.endpoint_shapes(await body_of("DescribeDBInstanceNetInfo"))
    rows: Mapping[str, int] = {}
    if engine == Engine.POSTGRESQL:
        rows = examination.hba_kinds(await body_of("DescribePGHbaConfig"))
    tasks: list[PastTask] = []
    for number in range(1, _MOST_TASK_PAGES + 1):
        page = await body_of(
            "DescribeHistoryTasks",
            InstanceId=instance_id,
            FromStartTime=write_time(now() - HISTORY),
            ToStartTime=write_time(now()),
            PageSize=str(_TASKS_PAGE),
            PageNumber=str(number),
        )
        try:
            read = read_tasks(page) if page else ()
        except ObservationError:
            failures["DescribeHistoryTasks"] = "an answer without Items"
            break
        tasks += read
        if len(read) < _TASKS_PAGE:
            break
    return Examined(
        label=label,
        engine=engine,
        attribute=attribute,
        ssl=shapes,
        undocumented=undocumented,
        endpoints=endpoints,
        hba_rows=rows,
        tasks=examination.task_kinds(tasks),
        failures=failures,
    )


def _complete(report: Report) -> bool:
    return not any(each.failures for each in report.instances)


def _value(report: Report) -> dict[str, object]:
    return {
        "version": 1,
        "region": report.region_id,
        "answers": {each.name: answer for each, answer in diagnosis.answers(report)},
        "signatures": dict(report.signatures),
        "absentInstance": report.absent_instance,
        "skewSeconds": report.skew,
        "calls": [asdict(each) for each in report.calls],
        "instances": [_instance_value(each) for each in report.instances],
    }


def _instance_value(each: Examined) -> dict[str, object]:
    return {
        "label": each.label,
        "engine": each.engine,
        "attribute": dict(each.attribute),
        "ssl": dict(each.ssl),
        "undocumented": dict(each.undocumented),
        "endpoints": list(each.endpoints),
        "hbaRows": dict(each.hba_rows),
        "tasks": [asdict(task) for task in each.tasks],
        "failures": dict(each.failures),
    }


def _lines(report: Report) -> Iterator[str]:
    yield f"RDS in {report.region_id}, asked by rds-ssl doctor. Shapes and words alone: it holds no"
    yield "key, no certificate, no id of an instance, a key or an account, and may be given away."
    yield ""
    for question, answer in diagnosis.answers(report):
        yield f"{question.asks} ({question.name})"
        yield from indented([safe(each) for each in answer])
    for each in report.instances:
        yield ""
        yield from _instance_lines(each)
    yield ""
    yield from table(("CALL", "ENDED", "TIMES", "SECONDS"), list(map(_call, report.calls)))


def _call(each: CallKind) -> tuple[str, str, str, str]:
    return each.action, each.outcome, str(each.count), f"{each.seconds:.3f}"


def _instance_lines(each: Examined) -> Iterator[str]:
    yield f"{each.label}: {each.engine or 'unknown'}"
    groups = (
        ("DescribeDBInstanceAttribute", each.attribute),
        ("DescribeDBInstanceSSL", each.ssl),
        ("DescribeDBInstanceSSL, fields of no page", each.undocumented),
        ("DescribePGHbaConfig, rows", {name: str(count) for name, count in each.hba_rows.items()}),
        ("Not answered", each.failures),
    )
    for title, shapes in groups:
        if shapes:
            yield f"  {title}"
            yield from indented(indented(fields(list(shapes.items()))))
