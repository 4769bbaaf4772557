from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.core.desired import Desired
from rds_ssl.core.model import ACL, CAType, Engine, Impact, Observed, Phase, Restart
from rds_ssl.core.plan import Plan, Standing, is_first_contact, stand
from rds_ssl.core.status import AppliedStatus, OperationStatus
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
NEWER = revocation_list(number=6, this_update=NOW)
AUTH = replace(MUTUAL, revocation_list=())
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
) -> Standing:
    return stand(
        wanted,
        shown,
        engine=engine,
        engine_version=version,
        uid=uid,
        applied=before,
        operation=last,
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
            {R},
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


@pytest.mark.parametrize(
    ("wanted", "before", "last"),
    [
        pytest.param(CUSTOM, None, None, id="a certificate of one's own, at first contact"),
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
            applied(CUSTOM).model_copy(update={"material_digest": None}),
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


@pytest.mark.parametrize(
    ("before", "last", "first"),
    [
        pytest.param(None, None, True, id="nothing at all"),
        pytest.param(applied(OFF), None, False, id="applied"),
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


# -- the digest --------------------------------------------------------------------------------

MOVED = replace(CUSTOM, connection_string=OTHER_HOST)
BASE = plan(MOVED, postgresql(CUSTOM), before=applied(CUSTOM)).digest


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
