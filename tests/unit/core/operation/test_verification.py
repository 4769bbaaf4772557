from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.model import ACL, Observed, Phase
from rds_ssl.core.operation.verification import (
    End,
    Limits,
    Verification,
    Watch,
    next_read_back,
    verify,
)
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.diff import compare
from rds_ssl.core.planning.fields import Comparison, Field
from support.states import (
    CLOUD,
    CUSTOM,
    DAY,
    MUTUAL,
    NOW,
    OFF,
    certificate,
    mysql,
    operation,
    postgresql,
)

LIMITS = Limits()
SENT = 1000.0
"""Monotonic: the end of the attempt."""

ACCEPTED = Watch(started=SENT, accepted=SENT)
UNKNOWN = Watch(started=SENT, accepted=None)
BUSY = replace(ACCEPTED, busy_seen=True)
SENDING = operation(phase=Phase.SENDING)
TAKEN = operation(phase=Phase.ACCEPTED)
SHOWN = postgresql(MUTUAL)
OTHERWISE = postgresql(replace(MUTUAL, acl=ACL.CERT))
ALSO_OTHERWISE = postgresql(replace(MUTUAL, replication_acl=ACL.CERT))
RENEWED = replace(CUSTOM, server_certificate=certificate("renewed", not_after=NOW + 180 * DAY))
SAME_END = replace(CUSTOM, server_certificate=certificate("same end", not_after=NOW + 180 * DAY))


def look(
    watch: Watch,
    shown: Observed | None,
    *,
    at: float,
    record: OperationStatus | None = None,
    wanted: Desired | None = MUTUAL,
    running: bool = True,
    now: datetime | None = None,
) -> Verification:
    record = record or (SENDING if watch.accepted is None else TAKEN)
    return verify(
        record,
        watch,
        running=running,
        observed=shown,
        comparison=compare(wanted, shown) if wanted and shown else None,
        monotonic=SENT + at,
        now=now or record.start_time + timedelta(seconds=at),
        limits=LIMITS,
    )


def working(watch: Watch, *, at: float, record: OperationStatus | None = None) -> Verification:
    return look(watch, None, at=at, record=record, running=False)


# -- verified ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("watch", "at", "end"),
    [
        pytest.param(ACCEPTED, 1.0, End.NONE, id="at once: perhaps the window before the work"),
        pytest.param(ACCEPTED, 29.9, End.NONE, id="just before verify_after"),
        pytest.param(ACCEPTED, 30.0, End.VERIFIED, id="after verify_after"),
        pytest.param(BUSY, 3.0, End.VERIFIED, id="busy was seen"),
        pytest.param(UNKNOWN, 300.0, End.NONE, id="not known as accepted before: from now on"),
        pytest.param(replace(UNKNOWN, busy_seen=True), 3.0, End.VERIFIED, id="unknown, busy seen"),
        pytest.param(replace(ACCEPTED, accepted=SENT + 60), 61.0, End.NONE, id="accepted later"),
        pytest.param(replace(ACCEPTED, accepted=SENT + 60), 90.0, End.VERIFIED, id="and waited"),
    ],
)
def test_what_is_shown_is_verified_after_busy_or_after_a_while(
    watch: Watch, at: float, end: End
) -> None:
    assert look(watch, SHOWN, at=at).end is end


def test_what_is_shown_after_an_unknown_outcome_is_taken_for_accepted_from_then_on() -> None:
    first = look(UNKNOWN, SHOWN, at=170.0)
    assert (first.end, first.watch.accepted) == (End.NONE, SENT + 170)

    assert look(first.watch, SHOWN, at=199.9).end is End.NONE
    assert look(first.watch, SHOWN, at=200.0).end is End.VERIFIED


@pytest.mark.parametrize(
    ("before", "wanted", "at", "end"),
    [
        pytest.param(CUSTOM, RENEWED, 30.0, End.VERIFIED, id="the date moved to notAfter"),
        pytest.param(CUSTOM, RENEWED, 29.0, End.NONE, id="the date moved, too early"),
        pytest.param(OFF, CUSTOM, 30.0, End.VERIFIED, id="on, with the date of the certificate"),
        pytest.param(CUSTOM, CUSTOM, 179.0, End.NONE, id="the date did not move"),
        pytest.param(CUSTOM, CUSTOM, 180.0, End.VERIFIED, id="the date did not move, settled"),
        pytest.param(OFF, CLOUD, 179.0, End.NONE, id="a CAType that is not echoed"),
        pytest.param(OFF, CLOUD, 180.0, End.VERIFIED, id="a CAType that is not echoed, settled"),
    ],
)
def test_what_mysql_does_not_show_is_verified_by_its_date_or_when_it_has_settled(
    before: Desired, wanted: Desired, at: float, end: End
) -> None:
    record = operation(wanted, before=mysql(before))

    assert look(ACCEPTED, mysql(wanted), at=at, record=record, wanted=wanted).end is end


def test_a_date_that_is_not_echoed_proves_nothing() -> None:
    record = operation(CUSTOM, before=mysql(OFF))
    shown = replace(mysql(CUSTOM), expire_time=None)

    assert look(ACCEPTED, shown, at=60.0, record=record, wanted=CUSTOM).end is End.NONE


def test_a_verification_that_has_begun_is_not_cut_off_by_the_time_limit() -> None:
    watch = replace(ACCEPTED, accepted=SENT + 1790)

    assert look(watch, SHOWN, at=1805.0).end is End.NONE
    assert look(watch, SHOWN, at=1820.0).end is End.VERIFIED


# -- failed ------------------------------------------------------------------------------------

FAILED = replace(OTHERWISE, last_modify_status="failed")
FAILED_BEFORE = operation(before=replace(postgresql(CUSTOM), last_modify_status="failed"))


@pytest.mark.parametrize(
    ("watch", "at", "record", "end"),
    [
        pytest.param(ACCEPTED, 3.0, TAKEN, End.NONE, id="perhaps of an earlier change"),
        pytest.param(ACCEPTED, 179.0, TAKEN, End.NONE, id="still so before it has settled"),
        pytest.param(ACCEPTED, 180.0, TAKEN, End.FAILED, id="settled"),
        pytest.param(BUSY, 3.0, TAKEN, End.FAILED, id="after busy"),
        pytest.param(ACCEPTED, 180.0, FAILED_BEFORE, End.FAILED, id="settled, failed before too"),
        pytest.param(UNKNOWN, 180.0, SENDING, End.FAILED, id="unknown outcome, a new verdict"),
        pytest.param(
            UNKNOWN,
            180.0,
            FAILED_BEFORE.model_copy(update={"phase": Phase.SENDING}),
            End.SEND_AGAIN,
            id="unknown outcome, the verdict is the old one",
        ),
    ],
)
def test_failed_counts_once_it_can_only_be_about_this_call(
    watch: Watch, at: float, record: OperationStatus, end: End
) -> None:
    assert look(watch, FAILED, at=at, record=record).end is end


def test_a_change_that_failed_is_a_failure_even_if_the_settings_are_shown() -> None:
    assert look(BUSY, replace(SHOWN, last_modify_status="failed"), at=9.0).end is End.FAILED


def test_setting_is_busy_and_makes_the_next_failed_count() -> None:
    seen = look(ACCEPTED, replace(OTHERWISE, last_modify_status="setting"), at=3.0)

    assert (seen.end, seen.watch.busy_seen) == (End.NONE, True)
    assert look(seen.watch, FAILED, at=7.0).end is End.FAILED


# -- not converging ----------------------------------------------------------------------------


def test_only_an_instance_that_is_not_running_has_left_it_whatever_else_says_busy() -> None:
    setting = look(ACCEPTED, replace(SHOWN, last_modify_status="setting"), at=1.0)
    away = working(setting.watch, at=2.0)
    back = look(away.watch, replace(SHOWN, last_modify_status="setting"), at=3.0)

    assert [each.watch.busy_seen for each in (setting, away, back)] == [True, True, True]
    assert [each.watch.left_running for each in (setting, away, back)] == [False, True, True]


def test_one_differing_read_after_busy_may_be_early_and_two_are_the_end() -> None:
    first = look(BUSY, OTHERWISE, at=60.0)
    assert first.end is End.NONE

    assert look(first.watch, OTHERWISE, at=70.0).end is End.NOT_CONVERGING


def test_busy_again_starts_the_count_anew() -> None:
    first = look(BUSY, OTHERWISE, at=60.0)
    again = working(first.watch, at=70.0)

    assert look(again.watch, OTHERWISE, at=80.0).end is End.NONE


def test_it_is_the_same_field_that_does_not_converge() -> None:
    first = look(BUSY, OTHERWISE, at=60.0)
    second = look(first.watch, ALSO_OTHERWISE, at=70.0)
    assert second.end is End.NONE

    assert look(second.watch, ALSO_OTHERWISE, at=80.0).end is End.NOT_CONVERGING


def test_fields_that_differ_by_turns_end_with_the_time_limit() -> None:
    watch, end, at = BUSY, End.NONE, 60.0
    while end is End.NONE and at < 4000:
        judgement = look(watch, OTHERWISE if at % 20 else ALSO_OTHERWISE, at=at)
        watch, end, at = judgement.watch, judgement.end, at + 10

    assert end is End.TIMED_OUT


@pytest.mark.parametrize("watch", [ACCEPTED, UNKNOWN], ids=["accepted", "unknown"])
def test_without_busy_a_difference_is_no_end_before_it_has_settled(watch: Watch) -> None:
    for at in (1.0, 3.0, 7.0, 15.0, 179.0):
        judgement = look(watch, OTHERWISE, at=at)
        assert judgement.end is End.NONE
        watch = judgement.watch


def test_what_was_sent_and_cannot_be_told_any_more_ends_after_busy() -> None:
    first = look(BUSY, OTHERWISE, at=60.0, wanted=None)
    assert first.end is End.NONE

    assert look(first.watch, OTHERWISE, at=70.0, wanted=None).end is End.NOT_CONVERGING


# -- timed out, unknown outcome, inherited -----------------------------------------------------


@pytest.mark.parametrize(
    ("at", "end"),
    [pytest.param(1799.0, End.NONE, id="before"), pytest.param(1800.0, End.TIMED_OUT, id="after")],
)
def test_an_accepted_call_that_shows_no_end_times_out(at: float, end: End) -> None:
    assert look(ACCEPTED, OTHERWISE, at=at).end is end
    assert working(BUSY, at=at).end is end


@pytest.mark.parametrize(
    ("unanswered", "at", "end"),
    [
        pytest.param(None, 179.9, End.NONE, id="not settled yet"),
        pytest.param(None, 180.0, End.SEND_AGAIN, id="settled"),
        pytest.param(1, 179.9, End.NONE, id="the second, not settled yet"),
        pytest.param(1, 180.0, End.TIMED_OUT, id="the second, settled"),
    ],
)
def test_a_call_without_any_effect_is_sent_once_more(
    unanswered: int | None, at: float, end: End
) -> None:
    record = operation(phase=Phase.SENDING, attempt=2, unanswered=unanswered)

    assert look(UNKNOWN, OTHERWISE, at=at, record=record).end is end


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        pytest.param(CLOUD, replace(CLOUD, force_encryption=True), id="forced encryption"),
        pytest.param(RENEWED, SAME_END, id="a certificate that ends with the one before"),
        pytest.param(CLOUD, None, id="what was sent cannot be told"),
    ],
)
def test_a_call_without_an_answer_is_not_repeated_where_nothing_shows_whether_it_had_an_effect(
    before: Desired, wanted: Desired | None
) -> None:
    shown = replace(mysql(before), force_encryption=None)
    record = operation(wanted or MUTUAL, phase=Phase.SENDING, before=shown)

    first = look(UNKNOWN, shown, at=179.9, record=record, wanted=wanted)
    last = look(UNKNOWN, shown, at=180.0, record=record, wanted=wanted)

    assert (first.end, last.end) == (End.NONE, End.TIMED_OUT)


@pytest.mark.parametrize(
    ("before", "shown", "wanted"),
    [
        pytest.param(mysql(OFF), mysql(CLOUD), CLOUD, id="SSL is on now, CAType not echoed"),
        pytest.param(mysql(CUSTOM), mysql(RENEWED), RENEWED, id="the date is the new one"),
        pytest.param(postgresql(OFF), OTHERWISE, MUTUAL, id="half of it is shown"),
        pytest.param(mysql(CUSTOM), mysql(RENEWED), None, id="what was sent cannot be told"),
    ],
)
def test_a_call_of_unknown_outcome_that_had_an_effect_is_never_sent_again(
    before: Observed, shown: Observed, wanted: Desired | None
) -> None:
    record = operation(wanted or MUTUAL, phase=Phase.SENDING, before=before)
    watch = UNKNOWN
    for at in (1.0, 100.0, 180.0, 190.0, 1000.0):
        judgement = look(watch, shown, at=at, record=record, wanted=wanted)
        watch = judgement.watch
        assert judgement.end is not End.SEND_AGAIN
        assert watch.accepted is not None


def test_busy_after_an_unknown_outcome_is_taken_for_accepted() -> None:
    seen = working(UNKNOWN, at=5.0)

    assert seen.watch.accepted == SENT + 5
    assert look(seen.watch, OTHERWISE, at=300.0).end is not End.SEND_AGAIN


def test_running_without_an_answer_is_neither_busy_nor_an_end() -> None:
    judgement = look(UNKNOWN, None, at=170.0)

    assert judgement.end is End.NONE
    assert judgement.watch == UNKNOWN


def test_a_record_that_says_accepted_is_never_sent_again_whatever_the_process_knows() -> None:
    assert look(UNKNOWN, OTHERWISE, at=500.0, record=TAKEN).end is End.NONE


@pytest.mark.parametrize(
    ("watch", "record"),
    [
        pytest.param(UNKNOWN, SENDING, id="sending"),
        pytest.param(ACCEPTED, TAKEN, id="accepted"),
    ],
)
@pytest.mark.parametrize("shown", [SHOWN, OTHERWISE, FAILED], ids=["shown", "otherwise", "failed"])
def test_an_inherited_record_is_given_a_full_settle_however_old_it_is(
    watch: Watch, record: OperationStatus, shown: Observed
) -> None:
    early = look(watch, shown, at=1.0, record=record, now=NOW + DAY)

    assert early.end is End.NONE


def test_an_inherited_record_of_a_change_that_is_in_force_is_verified_not_timed_out() -> None:
    at_once = look(ACCEPTED, SHOWN, at=1.0, now=NOW + DAY)

    assert look(at_once.watch, SHOWN, at=31.0, now=NOW + DAY).end is End.VERIFIED


def test_an_inherited_record_without_effect_is_sent_once_more() -> None:
    assert look(UNKNOWN, OTHERWISE, at=181.0, now=NOW + DAY).end is End.SEND_AGAIN


def test_a_clock_that_was_set_back_does_not_make_it_endless() -> None:
    assert look(ACCEPTED, OTHERWISE, at=1800.0, now=NOW - DAY).end is End.TIMED_OUT


# -- when to look ------------------------------------------------------------------------------


def test_read_backs_come_soon_and_then_at_every_poll() -> None:
    at, marks = 0.0, []
    for _ in range(7):
        at += next_read_back(at, LIMITS.poll)
        marks.append(at)

    assert marks == [1.0, 3.0, 7.0, 15.0, 25.0, 35.0, 45.0]


def test_a_look_is_due_exactly_when_it_may_be_verified_or_has_settled() -> None:
    assert look(ACCEPTED, SHOWN, at=25.0).look_after == 5.0
    assert look(ACCEPTED, OTHERWISE, at=175.0).look_after == 5.0
    assert look(replace(ACCEPTED, accepted=SENT + 7), SHOWN, at=35.0).look_after == 2.0


@given(st.floats(0, 10_000), st.floats(1, 60))
def test_the_next_look_is_never_now_and_never_later_than_a_poll(
    elapsed: float, poll: float
) -> None:
    assert 0 < next_read_back(elapsed, poll, (180.0,)) <= poll


# -- properties --------------------------------------------------------------------------------

observations = st.sampled_from(
    [
        SHOWN,
        OTHERWISE,
        ALSO_OTHERWISE,
        FAILED,
        mysql(MUTUAL),
        postgresql(OFF),
        replace(SHOWN, last_modify_status="setting"),
        replace(SHOWN, last_modify_status="failed"),
    ]
)
fields = st.frozensets(st.sampled_from(Field), max_size=3)
comparisons = st.none() | st.builds(Comparison, different=fields, unknown=fields)
moments = st.floats(0, 4000)
watches = st.builds(
    Watch,
    started=st.just(SENT),
    accepted=st.none() | st.just(SENT),
    busy_seen=st.booleans(),
    differing_reads=st.integers(0, 1),
    differing=fields,
)
records = st.builds(
    operation,
    phase=st.sampled_from([Phase.SENDING, Phase.ACCEPTED]),
    attempt=st.integers(1, 3),
    unanswered=st.none() | st.just(1),
    before=st.none() | observations,
)


@given(st.data())
def test_no_judgement_breaks_a_promise(data: st.DataObject) -> None:
    record, watch = data.draw(records), data.draw(watches)
    observed, running = data.draw(observations | st.none()), data.draw(st.booleans())
    comparison = data.draw(comparisons)
    at, age = data.draw(moments), data.draw(moments)

    judgement = verify(
        record,
        watch,
        running=running,
        observed=observed,
        comparison=comparison,
        monotonic=SENT + at,
        now=NOW + timedelta(seconds=age),
        limits=LIMITS,
    )

    after = judgement.watch
    if judgement.end is End.VERIFIED:
        assert running
        assert observed is not None
        assert observed.last_modify_status != "setting"
        assert comparison is not None
        assert not comparison.different
        assert after.busy_seen or at >= LIMITS.verify_after
    if judgement.end is End.SEND_AGAIN:
        assert record.phase is Phase.SENDING
        assert watch.accepted is None
        assert not after.busy_seen
        assert at >= LIMITS.settle
        assert not record.unanswered
        assert comparison is not None
        assert comparison.different
    if judgement.end is End.NOT_CONVERGING:
        renewal = comparison is not None and comparison.different == {Field.RENEWAL}
        assert after.busy_seen or (renewal and at >= LIMITS.settle)
        assert after.differing_reads >= 2 or renewal
    if judgement.end is End.TIMED_OUT:
        assert at >= LIMITS.settle
    if judgement.end is End.NONE:
        assert 0 < judgement.look_after <= LIMITS.poll
    if watch.accepted is not None:
        assert after.accepted == watch.accepted
    assert after.busy_seen >= watch.busy_seen


@given(
    st.lists(st.tuples(observations | st.none(), st.booleans()), min_size=1, max_size=5),
    st.booleans(),
)
def test_every_operation_comes_to_an_end(
    looks: list[tuple[Observed | None, bool]],
    accepted: bool,  # noqa: FBT001  # hypothesis passes it by position.
) -> None:
    watch, record = (ACCEPTED, TAKEN) if accepted else (UNKNOWN, SENDING)
    at, turn, end = 0.0, 0, End.NONE
    while end is End.NONE:
        shown, running = looks[turn % len(looks)]
        judgement = look(watch, shown, at=at, record=record, running=running)
        watch, end = judgement.watch, judgement.end
        at, turn = at + judgement.look_after, turn + 1
        assert at < LIMITS.apply_timeout + LIMITS.settle + LIMITS.poll


# -- after a bad end ---------------------------------------------------------------------------

DIGEST, OTHER = MUTUAL.digest, CUSTOM.digest
