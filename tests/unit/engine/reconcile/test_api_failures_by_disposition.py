"""
One code of each disposition, at a write and at a read: calls, conditions, the next look, the cure.

The rows are the table of dispositions: how often a call is repeated while the cause lasts, what the
object says meanwhile, and that it becomes Ready by itself, or by what its message asks for.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pytest

from rds_ssl.core.model import Disposition
from support.engine_world import CREDENTIALS, MODIFY, EngineWorld, played

READ = "DescribeDBInstanceSSL"
FOREVER = 9999

D = Disposition
STALLED, RECONCILING = "Stalled", "Reconciling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A code, and what is to be seen while it lasts."""

    code: str
    status: int
    condition: str
    """Stalled or Reconciling."""
    reason: str
    ready: str
    """Of an object that was never Ready."""
    gaps: tuple[float, ...]
    """Seconds between two calls, as they grow; the last one stays."""
    spread: float = 0.0
    """Part of a gap by which it may be longer or shorter."""


def row(  # The columns of a table, read side by side.
    said: str, ready: str, gaps: tuple[float, ...], *, spread: float = 0.0
) -> Row:
    """Read ``code status condition reason``."""
    code, status, condition, reason = said.split()
    return Row(
        code=code,
        status=int(status),
        condition=condition,
        reason=reason,
        ready=ready,
        gaps=gaps,
        spread=spread,
    )


BLOCKED = (60, 120, 240, 480, 600)
BUSY = (10, 20, 40, 80, 160, 300)
THROTTLED = (2, 4, 8, 16, 32, 64, 128, 256, 300)
UNAVAILABLE = (2, 4, 8, 16, 32, 60)

# What is not executed at a write, and may be sent again without anybody's doing.
REPEATED = {
    D.BLOCKED: row("Pay.InsufficientBalance 400 Stalled AccountBlocked", "False", BLOCKED),
    D.GONE: row("InvalidDBInstanceId.NotFound 404 Stalled InstanceNotFound", "False", BLOCKED),
    D.BUSY: row("OperationDenied.DBInstanceStatus 403 Reconciling InstanceBusy", "Unknown", BUSY),
    D.THROTTLED: row("Throttling.User 400 Reconciling Throttled", "Unknown", THROTTLED, spread=0.2),
    D.UNAVAILABLE: row(
        "InvalidTimeStamp.Expired 400 Reconciling ApiUnavailable",
        "Unknown",
        UNAVAILABLE,
        spread=0.2,
    ),
}

# What is refused, and sent once.
REFUSED = {
    D.REJECTED: row("InvalidACL.NotFound 400 Stalled ACLRejected", "False", (600,), spread=0.1),
    D.INELIGIBLE: row(
        "IncorrectMinorVersion 403 Stalled EngineNotSupported", "False", (600,), spread=0.1
    ),
    D.BUG: row("RequiredParam.NotFound 400 Stalled RequestMalformed", "False", (600,), spread=0.1),
}

# The same at a read; an open outcome is a failed read.
READS = {
    **REPEATED,
    D.BUSY: replace(REPEATED[D.BUSY], spread=0.2),
    D.REJECTED: row(
        "InvalidConnectionString.NotFound 404 Stalled EndpointNotFound", "False", (600,)
    ),
    D.INELIGIBLE: row(
        "InstanceEngineType.NotSupport 403 Stalled EngineNotSupported", "False", (1800,)
    ),
    D.BUG: row("InvalidParameter.Format 400 Stalled RequestMalformed", "False", (600,)),
    D.UNKNOWN: row(
        "SqlExecuteFailedOrTimeout 400 Reconciling ApiUnavailable",
        "Unknown",
        UNAVAILABLE,
        spread=0.2,
    ),
}


def test_every_disposition_has_its_row() -> None:
    assert set(REPEATED) | set(REFUSED) | {D.UNKNOWN} == set(D)
    assert set(READS) == set(D)


def rows(table: dict[Disposition, Row]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("row", table.values(), ids=[str(each) for each in table])


def refuse(world: EngineWorld, row: Row, action: str, *, times: int = FOREVER) -> None:
    fault = {"code": row.code, "status": row.status, "message": "a text of the API"}
    world.rds.fault(fault, action=action, instance="pgm-a", times=times)


def gaps(calls: Sequence[dict[str, Any]]) -> list[float]:
    """Give the seconds between calls."""
    times = [datetime.fromisoformat(each["time"]) for each in calls]
    return [(b - a).total_seconds() for a, b in itertools.pairwise(times)]


def assert_gaps(found: Sequence[float], row: Row, *, at_least: int) -> None:
    assert len(found) >= at_least
    expected = itertools.chain(row.gaps, itertools.repeat(row.gaps[-1]))
    for gap, wanted in zip(found, expected, strict=False):
        assert wanted * (1 - row.spread) - 0.1 <= gap <= wanted * (1 + row.spread) + 1.5


def assert_says(world: EngineWorld, row: Row) -> str:
    """Hold the object to what its row says; give the message."""
    found = world.conditions("a")
    assert found["Ready"][0] == row.ready
    assert found[row.condition] == ("True", row.reason)
    assert ({STALLED, RECONCILING} - {row.condition}).isdisjoint(found)
    condition = world.condition(row.condition, "a")
    assert condition is not None
    message = str(condition["message"])
    assert "a text of the API" not in message
    return message


def reads(world: EngineWorld) -> list[dict[str, Any]]:
    return [each for each in world.calls("a") if each["action"] == READ]


@rows(REPEATED)
@played
async def test_a_write_that_was_not_executed_is_sent_again_ever_more_slowly_until_it_goes(
    row: Row,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refuse(world, row, MODIFY)
        world.declare("a")
        await world.run(45)
        message = assert_says(world, row)
        assert row.code in message
        before = world.kube.objects["shop", "a"]["metadata"]["resourceVersion"]
        attempts = len(world.modifies("a"))

        await world.run(1400)  # Short of the half hour after which Ready becomes False.

        sent = world.modifies("a")
        assert len(sent) >= attempts + 2
        assert_gaps(gaps(sent), row, at_least=3)
        assert assert_says(world, row) == message
        assert world.cost("a") == (0, 0)
        after = world.kube.objects["shop", "a"]["metadata"]["resourceVersion"]
        # A record before each attempt and the verdict after it, as the design has it; no more.
        assert int(after) - int(before) <= 2 * (len(sent) - attempts)

        world.rds.clear_faults()
        await world.run(row.gaps[-1] * 1.2 + 120)

        assert world.ready("a") == ("True", "Verified")
        assert {STALLED, RECONCILING}.isdisjoint(world.conditions("a"))
        assert len(world.modifies("a")) == len(sent) + 1
        assert world.cost("a") == (1, 1)


@rows(REPEATED)
@played
async def test_a_secret_that_is_rewritten_as_it_was_repeats_no_refused_write(row: Row) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refuse(world, row, MODIFY)
        pair = world.write_pair("a")
        world.declare_custom("a")
        await world.run(700)
        sent = len(world.modifies("a"))

        for _ in range(20):  # Within a second, and the next attempt is due in a minute or more.
            world.write_pair("a", pair)
            await world.run(0.05)

        assert len(world.modifies("a")) <= sent + 1


@rows(REFUSED)
@played
async def test_a_refused_write_is_not_sent_again_before_somebody_asks_for_it(row: Row) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refuse(world, row, MODIFY, times=1)  # The next one would be accepted.
        world.declare("a")
        await world.run(60)
        message = assert_says(world, row)
        assert message.endswith(f"({row.code})")
        before = len(reads(world))

        await world.run(7200)

        assert len(world.modifies("a")) == 1
        assert world.cost("a") == (0, 0)
        assert assert_says(world, row) == message
        assert_gaps(gaps(reads(world)[before:]), row, at_least=9)

        world.ask("a", "again")
        await world.run(120)

        assert world.ready("a") == ("True", "Verified")
        assert {STALLED, RECONCILING}.isdisjoint(world.conditions("a"))
        assert len(world.modifies("a")) == 2
        assert world.cost("a") == (1, 1)


@played
async def test_a_refused_write_goes_again_when_the_declaration_changes() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refuse(world, REFUSED[D.REJECTED], MODIFY, times=1)
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(60)
        assert_says(world, REFUSED[D.REJECTED])

        world.write_pair("a")
        await world.run(120)

        assert world.ready("a") == ("True", "Verified")
        assert len(world.modifies("a")) == 2


@played
async def test_a_write_with_an_open_outcome_is_sent_once_more_and_never_again() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        unknown = READS[D.UNKNOWN]
        refuse(world, unknown, MODIFY)
        world.declare("a")

        await world.run(150)
        assert len(world.modifies("a")) == 1
        assert STALLED not in world.conditions("a")
        await world.run(7200)

        sent = world.modifies("a")
        assert len(sent) == 2
        assert gaps(sent)[0] >= 180
        assert world.conditions("a")[STALLED] == ("True", "ApplyTimedOut")

        world.rds.clear_faults()
        world.ask("a", "again")
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@played
async def test_a_write_with_an_open_outcome_that_was_executed_is_not_sent_again() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        fault = {"code": "SqlExecuteFailedOrTimeout", "status": 400, "after": True}
        world.rds.fault(fault, action=MODIFY)
        world.declare("a")

        await world.run(900)

        assert world.ready("a") == ("True", "Verified")
        assert len(world.modifies("a")) == 1
        assert world.cost("a") == (1, 1)


@rows(READS)
@played
async def test_a_failed_read_lets_nothing_be_sent_and_is_made_again_until_it_goes(
    row: Row,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        refuse(world, row, READ)
        world.declare("a")
        await world.run(20)
        message = assert_says(world, row)
        assert row.code in message

        await world.run(1700)

        assert_gaps(gaps(reads(world)), row, at_least=0 if row.gaps == (1800,) else 2)
        assert assert_says(world, row) == message
        assert world.modifies("a") == []

        world.rds.clear_faults()
        await world.run(row.gaps[-1] * 1.2 + 120)

        assert world.ready("a") == ("True", "Verified")
        assert {STALLED, RECONCILING}.isdisjoint(world.conditions("a"))
        assert len(world.modifies("a")) == 1
        assert world.cost("a") == (1, 1)


@rows({key: each for key, each in READS.items() if each.condition == RECONCILING})
@played
async def test_a_failed_read_is_no_news_of_an_object_without_work_for_three_resyncs(
    row: Row,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")
        refuse(world, row, READ)
        before = world.status("a")

        await world.run(1800)
        assert world.status("a") == before

        await world.run(3600)
        if row.reason == "Throttled":
            assert world.status("a") == before
        else:
            assert world.ready("a") == ("Unknown", row.reason)
            assert world.conditions("a")[RECONCILING] == ("True", row.reason)

        world.rds.clear_faults()
        await world.run(700)
        assert world.ready("a") == ("True", "Verified")
        assert RECONCILING not in world.conditions("a")
        assert world.cost("a") == (1, 1)


@rows({key: each for key, each in READS.items() if each.condition == STALLED})
@played
async def test_what_a_read_says_of_an_object_without_work_needs_a_person_and_heals_without_a_call(
    row: Row,
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.declare("a")
        await world.run(300)
        refuse(world, row, READ)

        await world.run(700)
        assert_says(world, row)

        world.rds.clear_faults()
        await world.run(row.gaps[-1] + 60)
        assert world.ready("a") == ("True", "Verified")
        assert STALLED not in world.conditions("a")
        assert world.cost("a") == (1, 1)


@played
async def test_one_busy_read_long_ago_does_not_shorten_the_patience_with_the_next() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(300)
        busy = REPEATED[D.BUSY]
        refuse(world, busy, READ, times=1)
        await world.run(7200)
        assert world.ready("a") == ("True", "Verified")

        world.write_pair("a")  # Something to do, and the instance is busy again.
        refuse(world, busy, READ, times=3)
        await world.run(20)

        assert world.ready("a") == ("True", "Verified")
        assert world.conditions("a")[RECONCILING] == ("True", "InstanceBusy")


EIGHT = {
    "InvalidServerCertOrPrivateKey": (400, "ServerCertificateRejected"),
    "InvalidClientCACert": (400, "ClientCARejected"),
    "InvalidClientCrl": (400, "RevocationListRejected"),
    "InvalidCAType.NotFound": (400, "CATypeRejected"),
    "InvalidACL.NotFound": (400, "ACLRejected"),
    "InvalidSSLStatus": (400, "SSLStatusRejected"),
    "InvalidClientCrl.Permission": (403, "ClientCARequired"),
    "InvalidACL.Permission": (403, "ClientCARequired"),
}


@pytest.mark.parametrize("code", EIGHT)
@played
async def test_one_of_the_eight_at_a_read_is_over_by_itself_when_its_cause_is(code: str) -> None:
    status, reason = EIGHT[code]
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"code": code, "status": status}, action=READ, times=2)
        world.declare("a")
        await world.run(30)
        assert world.conditions("a")[STALLED] == ("True", reason)
        await world.run(599)
        assert world.conditions("a")[STALLED] == ("True", reason)
        assert len(reads(world)) == 2
        assert world.modifies("a") == []

        await world.run(660)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)


@pytest.mark.parametrize("code", EIGHT)
@played
async def test_one_of_the_eight_at_a_write_is_sent_once_until_the_material_changes(
    code: str,
) -> None:
    status, reason = EIGHT[code]
    async with EngineWorld() as world:
        world.add_instance("a")
        world.rds.fault({"code": code, "status": status}, action=MODIFY)
        world.write_pair("a")
        world.declare_custom("a")
        await world.run(7200)
        assert world.conditions("a")[STALLED] == ("True", reason)
        assert world.ready("a") == ("False", reason)
        assert len(world.modifies("a")) == 1

        world.write_pair("a")
        await world.run(120)

        assert world.ready("a") == ("True", "Verified")
        assert STALLED not in world.conditions("a")
        assert len(world.modifies("a")) == 2


@pytest.mark.parametrize("action", [MODIFY, READ])
@pytest.mark.parametrize(("hint", "pause"), [(45_000, 45), (3_600_000, 300)])
@played
async def test_a_throttled_object_comes_again_when_the_hint_is_over_and_not_before(
    action: str, hint: int, pause: float
) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        throttle = {"kind": "throttle", "retry_after_ms": hint}
        world.rds.fault(throttle, action=action, instance="pgm-a")
        world.declare("a")
        await world.run(5)
        assert world.conditions("a")[RECONCILING] == ("True", "Throttled")
        assert world.engine is not None
        limiter = world.limiter()

        await world.run(pause - 10)
        # It does not even begin: a pass that waits for the pause would hold a worker and a slot.
        assert limiter.waiting == 0
        await world.run(pause * 0.3 + 90)

        first, second = [each for each in world.calls("a") if each["action"] == action][:2]
        assert pause <= gaps([first, second])[0] <= pause * 1.2 + 2
        assert world.ready("a") == ("True", "Verified")


@pytest.mark.parametrize("action", [MODIFY, READ])
@played
async def test_other_credentials_clear_a_missing_permission_at_once(action: str) -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        allowed = {MODIFY, READ, "DescribeDBInstanceAttribute"} - {action}
        world.rds.put_access_key("LTAI5tHalf", secret="half", actions=sorted(allowed))
        world.write(
            "Secret",
            CREDENTIALS,
            {"accessKeyId": b"LTAI5tHalf", "accessKeySecret": b"half"},
        )
        world.declare("a")
        await world.run(30)
        condition = world.condition(STALLED, "a")
        assert condition is not None
        assert (condition["reason"], condition["status"]) == ("Forbidden", "True")
        assert "RAM user user-of-LTAI5tHalf of account" in condition["message"]
        assert f"(Secret {CREDENTIALS}) may not use rds:{action};" in condition["message"]
        assert "no policy allows it" in condition["message"]

        world.write_credentials(CREDENTIALS)
        await world.run(45)  # Less than the back-off.

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a") == (1, 1)
