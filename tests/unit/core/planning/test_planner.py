from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.core.api.status import AppliedStatus, ApprovalStatus, HistoryEntry, OperationStatus
from rds_ssl.core.model import ACL, CAType, Cause, Engine, Impact, Observed, Phase, Restart
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import Plan, PlanResult
from rds_ssl.core.planning.planner import is_first_contact, make_plan
from support.states import (
    CA,
    CLOUD,
    CUSTOM,
    DAY,
    HOST,
    LEAF,
    MUTUAL,
    NOW,
    OFF,
    OTHER_CA,
    OTHER_HOST,
    applied,
    certificate,
    mysql,
    operation,
    postgresql,
    revocation_list,
)

FORCED = replace(CLOUD, force_encryption=True)
RENEWED = replace(CUSTOM, server_certificate=certificate("renewed", not_after=NOW + 180 * DAY))
MOVED = replace(CUSTOM, connection_string=OTHER_HOST)
NEWER = revocation_list(number=6, this_update=NOW)
AUTH = replace(MUTUAL, revocation_list=())
SECOND = timedelta(seconds=1)
R, W, D = Impact.RESTART, Impact.WEAKENS, Impact.DROPS_TRUST
M, T, C = Impact.MOVES_ENDPOINT, Impact.TIGHTENS, Impact.TRUST_CHANGES


def standing(
    wanted: Desired,
    shown: Observed,
    *,
    before: AppliedStatus | None = None,
    last: OperationStatus | None = None,
    engine: str = Engine.POSTGRESQL,
    version: str = "",
    uid: str = "uid",
    history: Sequence[HistoryEntry] = (),
    at_rest: bool = False,
) -> PlanResult:
    return make_plan(
        wanted,
        shown,
        engine=engine,
        engine_version=version,
        uid=uid,
        applied=before,
        operation=last,
        history=history,
        at_rest=at_rest,
    )


def plan(
    wanted: Desired,
    shown: Observed,
    *,
    before: AppliedStatus | None = None,
    last: OperationStatus | None = None,
    engine: str = Engine.POSTGRESQL,
    uid: str = "uid",
) -> Plan:
    found = standing(wanted, shown, before=before, last=last, engine=engine, uid=uid).plan
    assert found is not None
    return found


# -- impacts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "drops"),
    [
        pytest.param(None, True, id="at no time"),
        pytest.param(timedelta(seconds=-1), True, id="while it lives"),
        pytest.param(timedelta(), False, id="from its end on"),
    ],
)
@pytest.mark.parametrize("wanted", [AUTH, CUSTOM])
def test_to_drop_a_ca_that_has_expired_drops_no_trust(
    at: timedelta | None, wanted: Desired, *, drops: bool
) -> None:
    end = NOW - DAY
    shown = postgresql(replace(AUTH, client_ca=(certificate("dead", not_after=end),)))

    found = make_plan(
        wanted,
        shown,
        engine=Engine.POSTGRESQL,
        uid="uid",
        applied=None,
        operation=None,
        now=None if at is None else end + at,
    ).plan

    assert found is not None
    assert (D in found.impacts) is drops


def acl(value: ACL, replication: ACL = ACL.PREFER) -> Desired:
    return replace(AUTH, acl=value, replication_acl=replication)


@pytest.mark.parametrize(
    ("before", "after", "impacts"),
    [
        pytest.param(OFF, CLOUD, {R}, id="on"),
        pytest.param(OFF, CUSTOM, {R}, id="on with a certificate of one's own"),
        pytest.param(OFF, MUTUAL, {R, T}, id="on with client authentication"),
        pytest.param(OFF, FORCED, {R, T}, id="on and forced"),
        pytest.param(CLOUD, OFF, {R, W}, id="off"),
        pytest.param(FORCED, OFF, {R, W}, id="off where it was forced"),
        pytest.param(MUTUAL, OFF, {R, W, D}, id="off where clients log in by certificate"),
        pytest.param(acl(ACL.PREFER), OFF, {R, W}, id="off where they need none"),
        pytest.param(CLOUD, FORCED, {R, T}, id="encryption forced"),
        pytest.param(FORCED, CLOUD, {R, W}, id="encryption no longer forced"),
        pytest.param(CLOUD, CUSTOM, {R, C}, id="cloud to custom"),
        pytest.param(CUSTOM, CLOUD, {R, W, C}, id="custom to cloud"),
        pytest.param(CUSTOM, RENEWED, {R}, id="a renewed certificate"),
        pytest.param(
            CUSTOM,
            replace(CUSTOM, server_certificate=certificate("new", issuer="CN=else")),
            {R, C},
            id="another issuer",
        ),
        pytest.param(CLOUD, replace(CLOUD, connection_string=OTHER_HOST), {R, M}, id="endpoint"),
        pytest.param(CUSTOM, AUTH, {R, T}, id="a first client CA"),
        pytest.param(MUTUAL, CUSTOM, {R, W, D}, id="no client CA any more"),
        pytest.param(acl(ACL.PREFER), CUSTOM, {R, W}, id="no client CA any more, under prefer"),
        pytest.param(AUTH, replace(AUTH, client_ca=(CA, OTHER_CA)), {R}, id="one client CA more"),
        pytest.param(
            replace(AUTH, client_ca=(CA, OTHER_CA)), AUTH, {R, D}, id="one client CA less"
        ),
        pytest.param(AUTH, replace(AUTH, client_ca=(OTHER_CA,)), {R, D}, id="another client CA"),
        pytest.param(
            acl(ACL.PREFER),
            replace(acl(ACL.PREFER), client_ca=(OTHER_CA,)),
            {R, D},
            id="another client CA under prefer",
        ),
        pytest.param(
            acl(ACL.PREFER, ACL.CERT),
            replace(acl(ACL.PREFER, ACL.CERT), client_ca=(OTHER_CA,)),
            {R, D},
            id="another client CA where replicas need it",
        ),
        pytest.param(
            acl(ACL.PREFER),
            replace(acl(ACL.CERT), client_ca=(OTHER_CA,)),
            {R, D, T},
            id="another client CA and from now on needed",
        ),
        pytest.param(
            acl(ACL.PREFER),
            replace(acl(ACL.PREFER), client_ca=(CA, OTHER_CA)),
            {R},
            id="one client CA more under prefer",
        ),
        pytest.param(
            replace(acl(ACL.PREFER), client_ca=(CA, OTHER_CA)),
            acl(ACL.PREFER),
            {R, D},
            id="one client CA less under prefer",
        ),
        pytest.param(
            replace(CUSTOM, server_certificate=certificate("new", issuer="CN=else")),
            CUSTOM,
            {R, C},
            id="the issuer of before",
        ),
        pytest.param(
            replace(CLOUD, connection_string=OTHER_HOST), CLOUD, {R, M}, id="the endpoint of before"
        ),
        pytest.param(AUTH, MUTUAL, {R, T}, id="a first list"),
        pytest.param(MUTUAL, AUTH, {R, W}, id="no list any more"),
        pytest.param(MUTUAL, replace(MUTUAL, revocation_list=(NEWER,)), {R}, id="a newer list"),
        pytest.param(
            replace(MUTUAL, revocation_list=(NEWER,)),
            MUTUAL,
            {R, W},
            id="a list of a lower number",
        ),
        pytest.param(
            MUTUAL,
            replace(
                MUTUAL, revocation_list=(revocation_list(number=6, this_update=NOW - 2 * DAY),)
            ),
            {R, W},
            id="a list of an older thisUpdate",
        ),
        pytest.param(
            replace(MUTUAL, revocation_list=(revocation_list(serials=[7, 9]),)),
            replace(MUTUAL, revocation_list=(revocation_list(serials=[7], this_update=NOW),)),
            {R, W},
            id="serials gone without a higher number",
        ),
        pytest.param(
            replace(MUTUAL, revocation_list=(revocation_list(serials=[7, 9]),)),
            replace(MUTUAL, revocation_list=(NEWER,)),
            {R},
            id="serials that leave a newer list",
        ),
        pytest.param(
            AUTH,
            replace(AUTH, acl=ACL.PREFER, replication_acl=ACL.VERIFY_FULL),
            {R, W, T},
            id="one ACL relaxed, the other stricter",
        ),
    ],
)
def test_impacts_follow_what_happens_to_those_who_use_the_database(
    before: Desired, after: Desired, impacts: set[Impact]
) -> None:
    found = plan(after, postgresql(before), before=applied(before))

    assert set(found.impacts) == impacts
    assert list(found.impacts) == [each for each in Impact if each in impacts]


STRICTER = {
    (ACL.PREFER, ACL.CERT),
    (ACL.PREFER, ACL.VERIFY_CA),
    (ACL.PREFER, ACL.VERIFY_FULL),
    (ACL.CERT, ACL.VERIFY_FULL),
    (ACL.VERIFY_CA, ACL.VERIFY_FULL),
}


@pytest.mark.parametrize("replication", [False, True], ids=["ACL", "ReplicationACL"])
@pytest.mark.parametrize(("old", "new"), list(permutations(ACL, 2)), ids=str)
def test_acls_are_partly_ordered(*, old: ACL, new: ACL, replication: bool) -> None:
    before, after = (acl(ACL.PREFER, each) if replication else acl(each) for each in (old, new))

    found = set(plan(after, postgresql(before), before=applied(before)).impacts)

    if (old, new) in STRICTER:
        assert found == {R, T}
    elif (new, old) in STRICTER:
        assert found == {R, W}
    else:
        assert found == {R, W, T}


@pytest.mark.parametrize(
    ("before", "after", "impacts"),
    [
        pytest.param(CLOUD, CUSTOM, {R, C}, id="cloud to custom"),
        pytest.param(CUSTOM, CLOUD, {R, W, C}, id="custom to cloud"),
        pytest.param(CUSTOM, RENEWED, {R, C}, id="a renewal, whose issuer is not told"),
        pytest.param(CLOUD, replace(CLOUD, connection_string=OTHER_HOST), {R, M}, id="endpoint"),
        pytest.param(CUSTOM, replace(CUSTOM, force_encryption=True), {R, T}, id="forced"),
        pytest.param(FORCED, CLOUD, {R, W}, id="no longer forced"),
    ],
)
def test_impacts_are_known_where_the_engine_echoes_little(
    before: Desired, after: Desired, impacts: set[Impact]
) -> None:
    found = plan(after, mysql(before), before=applied(before), engine=Engine.MYSQL)

    assert set(found.impacts) == impacts


@pytest.mark.parametrize(
    ("hidden", "wanted", "impact"),
    [
        pytest.param(
            {"connection_string": None}, replace(MUTUAL, connection_string=OTHER_HOST), M, id="host"
        ),
        pytest.param({"ca_type": None}, replace(AUTH, ca_type=CAType.ALIYUN), W, id="certificate"),
        pytest.param({"acl": None}, replace(MUTUAL, client_ca=(OTHER_CA,)), D, id="ACL"),
        pytest.param({"acl": None}, replace(MUTUAL, acl=ACL.VERIFY_FULL), W, id="ACL relaxed"),
    ],
)
def test_what_cannot_be_told_counts_as_the_impact_it_may_have(
    hidden: dict[str, None], wanted: Desired, impact: Impact
) -> None:
    if wanted.ca_type is CAType.ALIYUN:
        wanted = replace(wanted, server_certificate=None)
    shown = replace(postgresql(MUTUAL), **hidden)  # type: ignore[arg-type]

    assert impact in plan(wanted, shown, before=None).impacts


@pytest.mark.parametrize(
    ("shown", "wanted", "impacts"),
    [
        pytest.param("1.0", "1.2", {R, T}, id="raised"),
        pytest.param("1.2", "1.0", {R, W}, id="lowered"),
        pytest.param(None, "1.1", {R, W, T}, id="from what is not told"),
        pytest.param(None, "1.2", {R, T}, id="to the highest, from what is not told"),
    ],
)
def test_a_tls_minimum_tightens_or_weakens_by_its_direction(
    shown: str | None, wanted: str, impacts: set[Impact]
) -> None:
    observed = replace(mysql(CLOUD), ca_type=CAType.ALIYUN, minimum_tls_version=shown)
    desired = replace(CLOUD, minimum_tls_version=wanted)

    found = plan(desired, observed, before=applied(CLOUD), engine=Engine.SQLSERVER)

    assert set(found.impacts) == impacts


def test_a_tls_minimum_that_is_not_managed_any_more_changes_nothing() -> None:
    observed = replace(mysql(CLOUD), ca_type=CAType.ALIYUN, minimum_tls_version="1.2")
    before = applied(replace(CLOUD, minimum_tls_version="1.2"))

    assert standing(CLOUD, observed, before=before, engine=Engine.SQLSERVER).plan is None


def test_nothing_of_client_authentication_is_said_where_none_was_and_none_is_wanted() -> None:
    shown = replace(postgresql(CUSTOM), acl=ACL.CERT)

    assert plan(RENEWED, shown, before=applied(CUSTOM)).impacts == (R,)


@pytest.mark.parametrize(
    ("before", "after", "restart"),
    [
        pytest.param(OFF, CLOUD, Restart.EXPECTED, id="on"),
        pytest.param(CUSTOM, RENEWED, Restart.EXPECTED, id="certificate"),
        pytest.param(MUTUAL, replace(MUTUAL, acl=ACL.CERT), Restart.UNKNOWN, id="ACL alone"),
        pytest.param(CLOUD, FORCED, Restart.UNKNOWN, id="forced encryption alone"),
        pytest.param(
            MUTUAL,
            replace(MUTUAL, acl=ACL.CERT, server_certificate=CA),
            Restart.EXPECTED,
            id="ACL with a certificate",
        ),
    ],
)
def test_a_restart_that_nobody_has_ruled_out_counts(
    before: Desired, after: Desired, restart: Restart
) -> None:
    found = plan(after, postgresql(before), before=applied(before))

    assert found.restart is restart
    assert Impact.RESTART in found.impacts


@pytest.mark.parametrize(
    ("engine", "version", "other", "restart"),
    [
        pytest.param(Engine.MYSQL, "8.0", {}, Restart.NONE, id="MySQL 8.0"),
        pytest.param(Engine.MYSQL, "5.7", {}, Restart.EXPECTED, id="MySQL 5.7"),
        pytest.param(Engine.MYSQL, "", {}, Restart.EXPECTED, id="of a version that is not known"),
        pytest.param(Engine.SQLSERVER, "8.0", {}, Restart.EXPECTED, id="another engine"),
        pytest.param(
            Engine.MYSQL,
            "8.0",
            {"force_encryption": True},
            Restart.EXPECTED,
            id="MySQL 8.0, together with something else",
        ),
    ],
)
def test_only_a_renewal_alone_on_mysql_8_0_is_known_to_restart_nothing(
    engine: str, version: str, other: dict[str, bool], restart: Restart
) -> None:
    end = NOW + 5 * DAY
    shown = replace(mysql(CLOUD), expire_time=end)
    wanted = replace(CLOUD, renews=end, **other)  # type: ignore[arg-type]  # A flag.

    found = standing(wanted, shown, before=applied(CLOUD), engine=engine, version=version).plan

    assert found is not None
    assert found.restart is restart
    assert (Impact.RESTART in found.impacts) is (restart is not Restart.NONE)


# -- nothing, rotation, drift, first contact ---------------------------------------------------

STATES = st.sampled_from([OFF, CLOUD, CUSTOM, RENEWED, AUTH, MUTUAL, FORCED])


@given(STATES, STATES | st.none())
def test_what_is_shown_needs_no_plan(state: Desired, before: Desired | None) -> None:
    record = applied(before) if before else None
    shown = replace(postgresql(state), force_encryption=state.force_encryption)

    assert standing(state, shown, before=record).plan is None


@given(STATES)
def test_what_was_applied_and_shows_no_difference_needs_no_plan(state: Desired) -> None:
    found = standing(state, mysql(state), before=applied(state), engine=Engine.MYSQL)

    assert found.declared_applied
    if not state.client_ca:
        assert found.plan is None


@given(STATES, STATES)
def test_another_state_needs_a_plan(wanted: Desired, shown: Desired) -> None:
    found = standing(wanted, postgresql(shown), before=applied(shown))

    assert (found.plan is None) == (wanted.digest == shown.digest)


@pytest.mark.parametrize("spelling", [HOST.upper(), f"{HOST}:3306", f"{HOST}."])
def test_another_spelling_of_the_endpoint_is_no_plan_where_little_is_echoed(spelling: str) -> None:
    wanted = replace(CLOUD, connection_string=spelling)

    assert standing(wanted, mysql(CLOUD), before=applied(CLOUD), engine=Engine.MYSQL).plan is None


def test_a_cloud_certificate_that_mysql_does_not_name_is_adopted() -> None:
    found = standing(CLOUD, mysql(CLOUD), engine=Engine.MYSQL)

    assert found.plan is None
    assert found.comparison.shown


def test_a_custom_certificate_that_is_not_shown_is_told_by_its_end_at_first_contact() -> None:
    refused = operation(CUSTOM, phase=Phase.REFUSED)

    found = standing(CUSTOM, mysql(CUSTOM), engine=Engine.MYSQL)
    again = standing(CUSTOM, mysql(CUSTOM), last=refused, engine=Engine.MYSQL)

    assert found.plan is again.plan is None
    assert found.comparison.shown
    assert not found.declared_applied


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(replace(mysql(CUSTOM), expire_time=LEAF.not_after + SECOND), id="a second"),
        pytest.param(replace(mysql(CUSTOM), expire_time=None), id="no end is shown"),
        pytest.param(replace(mysql(CUSTOM), ca_type=CAType.ALIYUN), id="the vendor's, by its word"),
        pytest.param(
            replace(mysql(CUSTOM), server_certificate=certificate("other")),
            id="another one, which is shown",
        ),
    ],
)
def test_only_the_end_of_what_is_not_shown_tells_whose_it_is_and_only_to_the_second(
    shown: Observed,
) -> None:
    found = standing(CUSTOM, shown, engine=Engine.MYSQL)

    open_fields = found.comparison.different | found.comparison.unknown
    assert found.plan is not None
    assert found.plan.first_contact
    assert Field.SERVER_CERTIFICATE in open_fields


def test_what_is_told_by_its_end_is_no_part_of_a_plan_at_first_contact() -> None:
    found = plan(replace(CUSTOM, force_encryption=True), mysql(CUSTOM), engine=Engine.MYSQL)

    assert [each.field for each in found.changes] == ["forceEncryption"]
    assert C not in found.impacts


def test_an_end_that_two_certificates_share_tells_nothing_once_one_was_applied() -> None:
    other = replace(CUSTOM, server_certificate=certificate("other"))

    found = standing(CUSTOM, mysql(CUSTOM), before=applied(other), engine=Engine.MYSQL)

    assert found.plan is not None
    assert Field.SERVER_CERTIFICATE in found.comparison.different


@pytest.mark.parametrize(
    ("wanted", "before", "last"),
    [
        pytest.param(
            replace(CUSTOM, server_certificate=certificate(not_after=NOW + 30 * DAY)),
            None,
            None,
            id="a certificate of one's own, at first contact",
        ),
        pytest.param(
            CLOUD,
            None,
            operation(CUSTOM, phase=Phase.FAILED),
            id="cloud after a custom that failed",
        ),
        pytest.param(CLOUD, applied(CUSTOM), None, id="cloud after custom"),
    ],
)
def test_what_mysql_does_not_name_is_planned_where_it_may_be_otherwise(
    wanted: Desired, before: AppliedStatus | None, last: OperationStatus | None
) -> None:
    found = standing(wanted, mysql(CUSTOM), before=before, last=last, engine=Engine.MYSQL)

    assert found.plan is not None


def ended(result: str, *fields: str, time: datetime = NOW) -> HistoryEntry:
    """Make the record of an own call, by default from after the state was applied."""
    entry = {"time": time, "cause": "spec", "changes": "", "fields": fields, "result": result}
    return HistoryEntry.model_validate(entry, by_name=True)


@pytest.mark.parametrize(
    ("entry", "is_open"),
    [
        pytest.param(ended("TimedOut", "forceEncryption"), True, id="no end"),
        pytest.param(ended("NotConverging", "forceEncryption"), True, id="another end"),
        pytest.param(ended("Failed", "forceEncryption"), False, id="RDS says it did nothing"),
        pytest.param(ended("Verified", "forceEncryption"), False, id="read back"),
        pytest.param(ended("TimedOut", "serverCertificate"), False, id="of another field"),
        pytest.param(
            ended("TimedOut", "forceEncryption", time=NOW - 2 * DAY), False, id="before applied"
        ),
    ],
)
@pytest.mark.parametrize("wanted", [CLOUD, FORCED], ids=["not forced", "forced"])
def test_what_is_hidden_and_was_sent_without_a_proved_end_is_not_taken_for_applied(
    wanted: Desired, entry: HistoryEntry, *, is_open: bool
) -> None:
    """The declaration was edited, sent, and edited back to what was applied."""
    shown = replace(mysql(wanted), force_encryption=None)
    turned = {"before": applied(wanted), "engine": Engine.MYSQL, "history": [entry]}

    found = standing(wanted, shown, **turned).plan  # type: ignore[arg-type]
    seen = standing(wanted, mysql(wanted), **turned).plan  # type: ignore[arg-type]

    assert seen is None
    assert (found is not None) is is_open
    if found is not None:
        assert set(found.impacts) == ({R, T} if wanted is FORCED else {R, W})
        assert found.cause is Cause.SPEC


def test_what_own_calls_may_have_left_hides_no_foreign_change() -> None:
    entry, refused = ended("TimedOut", "forceEncryption"), operation(MUTUAL, phase=Phase.REFUSED)
    forced = replace(CUSTOM, force_encryption=True)
    own = replace(mysql(forced), force_encryption=None)
    foreign = replace(own, expire_time=LEAF.not_after + DAY)

    def cause(shown: Observed) -> tuple[Cause, bool]:
        found = standing(
            forced,
            shown,
            before=applied(forced),
            last=refused,
            engine=Engine.MYSQL,
            history=[entry],
        ).plan
        assert found is not None
        return found.cause, found.drift

    assert cause(own) == (Cause.SPEC, False)
    assert cause(foreign) == (Cause.DRIFT, True)


@pytest.mark.parametrize("phase", [Phase.FAILED, Phase.TIMED_OUT])
def test_what_own_calls_may_have_left_is_no_drift_at_the_second_attempt_either(
    phase: Phase,
) -> None:
    shown = replace(mysql(CLOUD), force_encryption=None)
    again = standing(
        CLOUD,
        shown,
        before=applied(CLOUD),
        last=operation(CLOUD, phase=phase),
        engine=Engine.MYSQL,
        history=[ended("TimedOut", "forceEncryption")],
    ).plan

    assert again is not None
    assert (again.cause, again.drift) == (Cause.SPEC, False)


def test_a_certificate_that_was_sent_without_a_proved_end_is_told_by_its_end_or_doubted() -> None:
    shown, entry = mysql(CUSTOM), ended("TimedOut", "serverCertificate")
    before = applied(CUSTOM)
    hidden = replace(shown, expire_time=None)

    doubted = standing(CUSTOM, hidden, before=before, engine=Engine.MYSQL, history=[entry]).plan

    assert doubted is not None
    assert standing(CUSTOM, hidden, before=before, engine=Engine.MYSQL).plan is None
    assert standing(CUSTOM, shown, before=before, engine=Engine.MYSQL, history=[entry]).plan is None


def test_an_endpoint_that_is_hidden_and_was_sent_without_a_proved_end_is_an_open_question() -> None:
    shown = replace(mysql(CLOUD), connection_string=None)
    entry = ended("TimedOut", "connectionString")
    before = applied(CLOUD)

    found = standing(CLOUD, shown, before=before, engine=Engine.MYSQL, history=[entry]).plan

    assert found is not None
    assert set(found.impacts) == {R, M}
    assert standing(CLOUD, shown, before=before, engine=Engine.MYSQL).plan is None


def test_turning_off_ends_forced_encryption_that_was_sent_without_a_proved_end() -> None:
    shown = replace(mysql(CLOUD), force_encryption=None)
    entry = ended("TimedOut", "forceEncryption")

    found = standing(
        OFF, shown, before=applied(CLOUD), engine=Engine.MYSQL, history=[entry]
    ).comparison

    assert Field.FORCE_ENCRYPTION in found.different


def test_forced_encryption_that_is_not_echoed_is_not_taken_for_applied() -> None:
    shown = replace(postgresql(CLOUD), force_encryption=None)

    assert standing(FORCED, shown).plan is not None
    assert standing(CLOUD, shown, before=applied(FORCED)).plan is not None


@pytest.mark.parametrize(
    ("wanted", "shown", "before", "rotation"),
    [
        pytest.param(RENEWED, postgresql(CUSTOM), applied(CUSTOM), True, id="leaf"),
        pytest.param(RENEWED, mysql(CUSTOM), applied(CUSTOM), True, id="leaf, not echoed"),
        pytest.param(
            replace(MUTUAL, revocation_list=(NEWER,)),
            postgresql(MUTUAL),
            applied(MUTUAL),
            True,
            id="list",
        ),
        pytest.param(AUTH, postgresql(MUTUAL), applied(MUTUAL), False, id="the list goes"),
        pytest.param(
            replace(RENEWED, connection_string=OTHER_HOST),
            postgresql(CUSTOM),
            applied(CUSTOM),
            False,
            id="leaf and endpoint",
        ),
        pytest.param(RENEWED, postgresql(OFF), applied(CUSTOM), False, id="turned off elsewhere"),
        pytest.param(
            RENEWED,
            replace(postgresql(CUSTOM), connection_string=OTHER_HOST),
            applied(CUSTOM),
            False,
            id="the endpoint was moved elsewhere",
        ),
        pytest.param(
            RENEWED,
            replace(postgresql(CUSTOM), server_certificate=OTHER_CA),
            applied(CUSTOM),
            False,
            id="the leaf was replaced elsewhere",
        ),
        pytest.param(RENEWED, postgresql(CUSTOM), None, False, id="first contact"),
        pytest.param(
            RENEWED,
            postgresql(CUSTOM),
            applied(CUSTOM).model_copy(update={"state": None}),
            False,
            id="nobody knows what was applied",
        ),
    ],
)
def test_a_rotation_changes_the_material_alone_and_over_nothing_foreign(
    *, wanted: Desired, shown: Observed, before: AppliedStatus | None, rotation: bool
) -> None:
    assert plan(wanted, shown, before=before).material_only is rotation


@pytest.mark.parametrize(
    ("wanted", "before", "last", "drift"),
    [
        pytest.param(CUSTOM, applied(CUSTOM), None, True, id="changed elsewhere"),
        pytest.param(RENEWED, applied(CUSTOM), None, True, id="and the material is newer"),
        pytest.param(MUTUAL, applied(CUSTOM), None, False, id="the declaration is newer"),
        pytest.param(CUSTOM, None, None, False, id="nothing was applied"),
        *(
            pytest.param(
                CUSTOM, applied(CUSTOM), operation(phase=phase), False, id=f"left: {phase}"
            )
            for phase in (Phase.FAILED, Phase.NOT_CONVERGING, Phase.TIMED_OUT)
        ),
        pytest.param(
            CUSTOM,
            applied(CUSTOM),
            operation(phase=Phase.REFUSED),
            True,
            id="a refusal left nothing",
        ),
        pytest.param(
            CUSTOM,
            applied(CUSTOM),
            operation(phase=Phase.FAILED, start=NOW - 2 * DAY),
            True,
            id="an operation from before it was applied",
        ),
    ],
)
def test_drift_is_a_difference_that_no_operation_of_ours_has_left(
    *,
    wanted: Desired,
    before: AppliedStatus | None,
    last: OperationStatus | None,
    drift: bool,
) -> None:
    assert plan(wanted, postgresql(AUTH), before=before, last=last).drift is drift


def test_a_foreign_certificate_is_drift_where_absent_parts_are_left_out_of_the_answer() -> None:
    foreign = replace(CUSTOM, server_certificate=certificate("foreign"))

    def found(shown: Desired) -> Plan:
        bare = replace(postgresql(shown), client_ca=None, revocation_list=None)
        return plan(RENEWED, bare, before=applied(CUSTOM))

    assert found(foreign).drift
    assert not found(foreign).material_only
    assert not found(CUSTOM).drift
    assert found(CUSTOM).material_only


@pytest.mark.parametrize("wanted", [CUSTOM, CLOUD])
def test_what_cannot_be_told_any_more_is_no_reason_for_a_call(wanted: Desired) -> None:
    """Neither MySQL nor the record of an older version says whose certificate is in force."""
    before = AppliedStatus(time=NOW - DAY)
    found = standing(wanted, mysql(wanted), before=before, engine="MySQL", at_rest=True)

    assert found.plan is None
    assert not found.declared_applied
    held = plan(wanted, mysql(wanted), before=before, engine="MySQL")
    assert held.untold
    assert held.first_contact


@pytest.mark.parametrize(
    ("before", "last", "first"),
    [
        pytest.param(None, None, True, id="nothing at all"),
        pytest.param(applied(OFF), None, False, id="applied"),
        pytest.param(
            AppliedStatus(time=NOW), None, True, id="applied by a version whose record says nothing"
        ),
        pytest.param(None, operation(phase=Phase.SENDING), True, id="sending"),
        pytest.param(None, operation(phase=Phase.ACCEPTED), False, id="accepted"),
        pytest.param(None, operation(phase=Phase.FAILED, request_id="1"), False, id="failed"),
        pytest.param(None, operation(phase=Phase.TIMED_OUT, request_id="1"), False, id="timed out"),
        pytest.param(
            None, operation(phase=Phase.TIMED_OUT), True, id="timed out, perhaps never accepted"
        ),
        pytest.param(None, operation(phase=Phase.REFUSED), True, id="refused"),
        pytest.param(
            None, operation(phase=Phase.REFUSED, request_id="1"), True, id="refused, with a request"
        ),
    ],
)
def test_first_contact_lasts_until_something_was_applied_or_accepted(
    *, before: AppliedStatus | None, last: OperationStatus | None, first: bool
) -> None:
    assert is_first_contact(before, last) is first


OTHER_LEAF = replace(postgresql(CUSTOM), server_certificate=OTHER_CA)
"""Somebody has replaced CUSTOM's certificate."""


@pytest.mark.parametrize(
    ("wanted", "shown", "before", "drift"),
    [
        pytest.param(CUSTOM, OTHER_LEAF, applied(CUSTOM), True, id="the leaf"),
        pytest.param(RENEWED, OTHER_LEAF, applied(CUSTOM), True, id="the leaf, and a newer one"),
        pytest.param(
            RENEWED,
            replace(postgresql(CUSTOM), connection_string=OTHER_HOST),
            applied(CUSTOM),
            True,
            id="the endpoint, and a newer leaf",
        ),
        pytest.param(RENEWED, postgresql(OFF), applied(CUSTOM), True, id="off, and a newer leaf"),
        pytest.param(RENEWED, postgresql(CUSTOM), applied(CUSTOM), False, id="a newer leaf alone"),
        pytest.param(MOVED, OTHER_LEAF, applied(CUSTOM), False, id="and the declaration too"),
        pytest.param(CUSTOM, OTHER_LEAF, None, False, id="first contact"),
        pytest.param(
            CUSTOM,
            OTHER_LEAF,
            applied(CUSTOM).model_copy(update={"state": None}),
            False,
            id="nobody knows what was applied",
        ),
        pytest.param(
            replace(CLOUD, renews=NOW + 9 * DAY),
            replace(postgresql(CLOUD), expire_time=NOW + 9 * DAY),
            applied(CLOUD),
            False,
            id="a renewal alone",
        ),
    ],
)
def test_drift_is_a_foreign_change_since_what_is_declared_was_applied(
    *, wanted: Desired, shown: Observed, before: AppliedStatus | None, drift: bool
) -> None:
    assert plan(wanted, shown, before=before).drift is drift


# -- cause, material, deadline -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "shown", "before", "cause"),
    [
        pytest.param(CUSTOM, postgresql(OFF), None, Cause.SPEC, id="first contact"),
        pytest.param(MOVED, postgresql(CUSTOM), applied(CUSTOM), Cause.SPEC, id="edited"),
        pytest.param(
            replace(MOVED, server_certificate=RENEWED.server_certificate),
            postgresql(CUSTOM),
            applied(CUSTOM),
            Cause.SPEC,
            id="edited, with a newer leaf",
        ),
        pytest.param(RENEWED, postgresql(CUSTOM), applied(CUSTOM), Cause.ROTATION, id="newer leaf"),
        pytest.param(CUSTOM, OTHER_LEAF, applied(CUSTOM), Cause.DRIFT, id="changed elsewhere"),
        pytest.param(
            RENEWED, OTHER_LEAF, applied(CUSTOM), Cause.DRIFT, id="changed elsewhere, newer leaf"
        ),
        pytest.param(
            replace(CLOUD, renews=NOW + 9 * DAY),
            replace(postgresql(CLOUD), expire_time=NOW + 9 * DAY),
            applied(CLOUD),
            Cause.RENEWAL,
            id="renewal",
        ),
    ],
)
def test_the_cause_is_what_asks_for_the_plan(
    wanted: Desired, shown: Observed, before: AppliedStatus | None, cause: Cause
) -> None:
    assert plan(wanted, shown, before=before).cause is cause


@pytest.mark.parametrize(
    ("wanted", "left", "cause"),
    [
        pytest.param(CUSTOM, CUSTOM, Cause.DRIFT, id="it was to put back what somebody did"),
        pytest.param(CUSTOM, MOVED, Cause.SPEC, id="it led elsewhere, before an edit and back"),
        pytest.param(RENEWED, RENEWED, Cause.ROTATION, id="it was a rotation"),
        pytest.param(MOVED, MOVED, Cause.SPEC, id="it was an edit"),
    ],
)
def test_another_attempt_has_the_cause_of_the_one_that_failed(
    wanted: Desired, left: Desired, cause: Cause
) -> None:
    failed = operation(left, phase=Phase.FAILED)

    found = plan(wanted, postgresql(AUTH), before=applied(CUSTOM), last=failed)

    assert not found.drift
    assert found.cause is cause


def test_the_cause_of_turning_off_for_a_deletion_is_the_deletion() -> None:
    found = make_plan(
        OFF,
        postgresql(CUSTOM),
        engine=Engine.POSTGRESQL,
        uid="uid",
        applied=applied(CUSTOM),
        operation=None,
        deleting=True,
    ).plan

    assert found is not None
    assert found.cause is Cause.DELETION
    assert found.material == frozenset()
    assert found.deadline is None


def material(wanted: Desired, shown: Desired) -> frozenset[str]:
    return plan(wanted, postgresql(shown), before=applied(shown)).material


def test_the_material_of_a_plan_is_what_it_newly_sends() -> None:
    two = replace(AUTH, client_ca=(CA, OTHER_CA))

    leaf = material(CUSTOM, OFF)
    assert len(leaf) == 1
    assert material(CUSTOM, CLOUD) == leaf
    assert len(material(MUTUAL, OFF)) == 3
    assert material(MUTUAL, OFF) > leaf
    assert material(RENEWED, CUSTOM).isdisjoint(leaf)
    assert len(material(AUTH, CUSTOM)) == 1
    # What is in force already cannot be what fails.
    assert material(two, AUTH) == material(replace(AUTH, client_ca=(OTHER_CA,)), AUTH)
    assert material(two, AUTH) != material(two, CUSTOM)
    assert len(material(MUTUAL, AUTH)) == 1
    assert not material(AUTH, two)
    assert not material(CUSTOM, MUTUAL)
    assert not material(MOVED, CUSTOM)
    assert not material(acl(ACL.PREFER), AUTH)
    assert not material(OFF, MUTUAL)


def test_the_same_material_is_the_same_whichever_object_sends_it() -> None:
    shared = replace(AUTH, client_ca=(CA, OTHER_CA))
    elsewhere = replace(
        shared,
        connection_string=OTHER_HOST,
        server_certificate=certificate("else"),
        client_ca=(OTHER_CA, CA),
    )

    (common,) = material(shared, OFF) & material(elsewhere, OFF)
    assert common in material(shared, CUSTOM)


def test_a_pfx_file_is_material_by_its_name() -> None:
    shown = replace(mysql(CLOUD), ca_type=CAType.ALIYUN)
    one, two = (replace(CLOUD, ca_type=CAType.CUSTOM, pfx=name) for name in ("one", "two"))

    found = [
        plan(each, shown, before=applied(CLOUD), engine=Engine.SQLSERVER).material
        for each in (one, two)
    ]

    assert len(found[0] | found[1]) == 2


SHORT_CA = certificate("short-ca", not_after=NOW + 3 * DAY)


@pytest.mark.parametrize(
    ("wanted", "shown", "deadline"),
    [
        pytest.param(RENEWED, CUSTOM, LEAF.not_after, id="the leaf that is replaced"),
        pytest.param(CLOUD, CUSTOM, LEAF.not_after, id="by a cloud certificate"),
        pytest.param(
            replace(MUTUAL, revocation_list=(NEWER,)), MUTUAL, NOW + 30 * DAY, id="the list"
        ),
        pytest.param(
            replace(AUTH, client_ca=(CA, OTHER_CA)),
            replace(AUTH, client_ca=(SHORT_CA, CA)),
            NOW + 3 * DAY,
            id="the first of the client CAs",
        ),
        pytest.param(
            replace(RENEWED, client_ca=(OTHER_CA,)),
            replace(CUSTOM, client_ca=(SHORT_CA,)),
            NOW + 3 * DAY,
            id="the first of leaf and CA",
        ),
        pytest.param(MOVED, CUSTOM, None, id="the endpoint alone"),
        pytest.param(acl(ACL.PREFER), AUTH, None, id="an ACL alone"),
        pytest.param(CUSTOM, OFF, None, id="nothing is in force"),
        pytest.param(OFF, CUSTOM, None, id="nothing takes its place"),
    ],
)
def test_a_plan_is_urgent_by_the_first_end_of_what_it_replaces(
    wanted: Desired, shown: Desired, deadline: datetime | None
) -> None:
    assert plan(wanted, postgresql(shown), before=applied(shown)).deadline == deadline


def test_where_the_certificate_is_not_shown_its_end_is() -> None:
    found = plan(RENEWED, mysql(CUSTOM), before=applied(CUSTOM), engine=Engine.MYSQL)

    assert found.deadline == LEAF.not_after


# -- the digest --------------------------------------------------------------------------------

BASE = plan(MOVED, postgresql(CUSTOM), before=applied(CUSTOM)).digest


def test_the_digest_of_a_plan_stays_what_it_is_from_version_to_version() -> None:
    # People have approved these: another spelling would hold what they let go.
    assert plan(MUTUAL, postgresql(OFF)).digest == "fc8f815a3af6e9a8"
    assert plan(CUSTOM, postgresql(CLOUD)).digest == "d046bc693c61fa4e"
    assert plan(CLOUD, postgresql(MUTUAL), before=applied(MUTUAL)).digest == "5f4fdafc5bb9c034"


def test_the_same_plan_has_the_same_digest() -> None:
    assert plan(MOVED, postgresql(CUSTOM), before=applied(CUSTOM)).digest == BASE


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(
            plan(MOVED, postgresql(CUSTOM), before=applied(CUSTOM), uid="other"), id="object"
        ),
        pytest.param(
            plan(CLOUD, postgresql(CUSTOM), before=applied(CUSTOM)), id="what it leads to"
        ),
        pytest.param(
            plan(
                MOVED,
                replace(postgresql(CUSTOM), connection_string="third.example.com"),
                before=applied(CUSTOM),
            ),
            id="what it comes from",
        ),
        pytest.param(
            plan(MOVED, postgresql(CUSTOM), before=applied(CUSTOM, time=NOW)), id="applied again"
        ),
        pytest.param(
            plan(
                MOVED,
                postgresql(CUSTOM),
                before=applied(CUSTOM),
                last=operation(phase=Phase.FAILED),
            ),
            id="an operation has ended",
        ),
    ],
)
def test_an_approval_fits_no_other_plan(other: Plan) -> None:
    assert other.digest != BASE


def test_the_digest_of_a_renewal_names_the_end_that_it_ends_and_no_later_one() -> None:
    end = NOW + 9 * DAY
    shown = replace(postgresql(CLOUD), expire_time=end)
    first = plan(replace(CLOUD, renews=end), shown, before=applied(CLOUD))

    again = plan(
        replace(CLOUD, renews=end + DAY),
        replace(shown, expire_time=end + DAY),
        before=applied(CLOUD),
    )

    assert again.digest != first.digest


def test_an_approval_that_ended_with_nothing_done_does_not_fit_when_its_plan_comes_back() -> None:
    given = ApprovalStatus(digest=BASE, to=MOVED.digest, impacts=(R, M), time=NOW)

    digests = {
        make_plan(
            MOVED,
            postgresql(CUSTOM),
            engine=Engine.POSTGRESQL,
            uid="uid",
            applied=applied(CUSTOM),
            operation=None,
            last_approval=last,
        ).plan.digest  # type: ignore[union-attr]  # There is one.
        for last in (given, given.model_copy(update={"end_time": NOW}))
    }

    assert BASE in digests  # While it covers its plan, that stays what it is.
    assert len(digests) == 2


@given(st.integers(min_value=0, max_value=400), st.integers(min_value=0, max_value=400))
def test_the_digest_stands_while_only_dates_move(leaf: int, lists: int) -> None:
    crl = replace(MUTUAL.revocation_list[0], next_update=NOW + lists * DAY)
    shown = replace(
        postgresql(MUTUAL),
        server_certificate=replace(LEAF, not_after=NOW + leaf * DAY),
        revocation_list=(crl,),
        expire_time=NOW + leaf * DAY,
        renewal_required=bool(leaf % 2),
    )
    wanted = replace(MUTUAL, connection_string=OTHER_HOST)

    expected = plan(wanted, postgresql(MUTUAL), before=applied(MUTUAL)).digest
    assert plan(wanted, shown, before=applied(MUTUAL)).digest == expected


def test_the_digest_of_a_plan_holds_no_date_and_no_certificate_of_the_vendor() -> None:
    first = postgresql(CLOUD)
    renewed = replace(
        first,
        server_certificate=certificate("again", not_after=NOW + 700 * DAY),
        expire_time=NOW + 700 * DAY,
        renewal_required=True,
    )
    wanted = replace(
        CUSTOM, server_certificate=replace(LEAF, not_after=LEAF.not_after + timedelta(days=1))
    )

    assert (
        plan(CUSTOM, first, before=applied(CLOUD)).digest
        == plan(CUSTOM, renewed, before=applied(CLOUD)).digest
        == plan(wanted, first, before=applied(CLOUD)).digest
    )


def test_the_summary_tells_changes_impacts_and_who_is_let_in_again() -> None:
    before = replace(MUTUAL, revocation_list=(revocation_list(serials=[7, 0xAB]),))
    after = replace(MUTUAL, revocation_list=(NEWER,), acl=ACL.VERIFY_FULL)

    summary = plan(after, postgresql(before), before=applied(before)).summary

    assert "clientAuthentication.acl: verify-ca → verify-full" in summary
    assert "Impacts: Restart, Tightens." in summary
    assert "No longer revoked by CN=ca: 7, ab." in summary
