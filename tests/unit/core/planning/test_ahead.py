from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from rds_ssl.core.api.status import HistoryEntry
from rds_ssl.core.model import ACL, CAType, Observed, Phase
from rds_ssl.core.planning.ahead import separate
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.fields import Field
from rds_ssl.core.planning.plan import Plan
from rds_ssl.core.planning.planner import make_plan
from support.states import (
    CA,
    CLOUD,
    CUSTOM,
    DAY,
    HOST,
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

NEWER = certificate("newer", not_after=NOW + 180 * DAY)
LIST = revocation_list(number=6)
LOOSER = replace(MUTUAL, acl=ACL.PREFER)
ROTATED = replace(LOOSER, server_certificate=NEWER, revocation_list=(LIST,))


def test_material_goes_under_the_settings_applied_and_the_edit_keeps_the_trust_in_force() -> None:
    found = separate(ROTATED, postgresql(MUTUAL), applied(MUTUAL))

    assert found is not None
    assert found.ahead == replace(MUTUAL, server_certificate=NEWER, revocation_list=(LIST,))
    assert found.edit == replace(ROTATED, revocation_list=MUTUAL.revocation_list)
    assert found.elsewhere == {Field.SERVER_CERTIFICATE, Field.CHAIN, Field.PFX}


def test_trust_that_the_edit_takes_away_stays_with_the_material() -> None:
    alone = replace(CUSTOM, server_certificate=NEWER)

    found = separate(alone, postgresql(MUTUAL), applied(MUTUAL))

    assert found is not None
    assert found.ahead == replace(MUTUAL, server_certificate=NEWER)
    assert found.edit == alone


def test_trust_that_the_edit_brings_waits_with_it() -> None:
    wanted = replace(MUTUAL, server_certificate=NEWER)

    found = separate(wanted, postgresql(CUSTOM), applied(CUSTOM))

    assert found is not None
    assert found.ahead == replace(CUSTOM, server_certificate=NEWER)
    assert found.edit == wanted


FORCED = replace(CUSTOM, force_encryption=True)
BARE = replace(postgresql(MUTUAL), acl=None)


@pytest.mark.parametrize(
    ("wanted", "shown", "before"),
    [
        pytest.param(ROTATED, postgresql(MUTUAL), None, id="first contact"),
        pytest.param(OFF, postgresql(MUTUAL), MUTUAL, id="off"),
        pytest.param(CUSTOM, postgresql(OFF), OFF, id="on"),
        pytest.param(
            replace(MUTUAL, server_certificate=NEWER), postgresql(MUTUAL), MUTUAL, id="no edit"
        ),
        pytest.param(CLOUD, postgresql(CUSTOM), CUSTOM, id="the own certificate taken away"),
        pytest.param(
            replace(MUTUAL, revocation_list=(), client_ca=(*MUTUAL.client_ca, OTHER_CA)),
            postgresql(MUTUAL),
            MUTUAL,
            id="a new CA, of which the list that stays is none",
        ),
        pytest.param(ROTATED, BARE, MUTUAL, id="an ACL that is not shown"),
        pytest.param(
            replace(CUSTOM, server_certificate=NEWER),
            replace(mysql(FORCED), force_encryption=None),
            FORCED,
            id="forced encryption that is not shown",
        ),
        pytest.param(
            replace(CUSTOM, server_certificate=NEWER),
            replace(postgresql(MUTUAL), client_ca=None, revocation_list=None),
            MUTUAL,
            id="trust that is not shown",
        ),
    ],
)
def test_what_cannot_be_told_apart_waits_together(
    wanted: Desired, shown: Observed, before: Desired | None
) -> None:
    assert separate(wanted, shown, applied(before) if before else None) is None


def plan(wanted: Desired, shown: Observed, before: Desired, **more: frozenset[Field]) -> Plan:
    found = planned(wanted, shown, before, **more)
    assert found is not None
    return found


def planned(
    wanted: Desired, shown: Observed, before: Desired, **more: frozenset[Field]
) -> Plan | None:
    was = applied(before)
    return make_plan(
        wanted, shown, engine="PostgreSQL", uid="u", applied=was, operation=None, **more
    ).plan


LEAVES = st.sampled_from([certificate(), NEWER, certificate("else", issuer="CN=else")])
CAS = st.lists(st.sampled_from([CA, OTHER_CA]), min_size=1, unique=True).map(tuple)
LISTS = st.lists(st.sampled_from([*MUTUAL.revocation_list, LIST]), unique=True).map(tuple)
STATES = st.builds(
    replace,
    st.just(CUSTOM),
    connection_string=st.sampled_from([HOST, OTHER_HOST]),
    server_certificate=LEAVES,
    client_ca=CAS,
    revocation_list=LISTS,
    acl=st.sampled_from(ACL),
    replication_acl=st.sampled_from(ACL),
    force_encryption=st.booleans(),
) | st.builds(replace, st.just(CUSTOM), server_certificate=LEAVES)


@given(before=STATES, wanted=STATES, trust=st.booleans())
def test_newer_material_and_an_edit_do_nothing_together_that_neither_does_alone(
    before: Desired, wanted: Desired, *, trust: bool
) -> None:
    shown = postgresql(before)
    apart = separate(wanted, shown, applied(before), trust=trust)
    assume(apart is not None)
    assert apart is not None

    ahead, whole = planned(apart.ahead, shown, before), planned(wanted, shown, before)
    edit = planned(apart.edit, shown, before, elsewhere=apart.elsewhere)
    assume(ahead and edit)
    assert ahead is not None
    assert edit is not None
    assert whole is not None

    assert {*whole.impacts} <= {*ahead.impacts, *edit.impacts}


def test_an_edit_has_one_digest_before_beside_and_after_newer_material() -> None:
    apart = separate(ROTATED, postgresql(MUTUAL), applied(MUTUAL))
    assert apart is not None
    rotated = apart.ahead
    later = applied(rotated, time=NOW).model_copy(update={"settings_time": applied(MUTUAL).time})

    before = plan(LOOSER, postgresql(MUTUAL), MUTUAL)
    beside = plan(apart.edit, postgresql(MUTUAL), MUTUAL, elsewhere=apart.elsewhere)
    after = make_plan(
        ROTATED, postgresql(rotated), engine="PostgreSQL", uid="u", applied=later, operation=None
    ).plan

    assert after is not None
    assert before.digest == beside.digest == after.digest
    assert plan(ROTATED, postgresql(MUTUAL), MUTUAL).digest != before.digest


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(LOOSER, replication_acl=ACL.PREFER), id="another setting"),
        pytest.param(replace(LOOSER, client_ca=(OTHER_CA,)), id="another CA"),
        pytest.param(replace(LOOSER, connection_string=OTHER_HOST), id="another endpoint"),
        pytest.param(replace(LOOSER, ca_type=CAType.ALIYUN, server_certificate=None), id="whose"),
        pytest.param(OFF, id="off"),
    ],
)
def test_another_edit_has_another_digest(other: Desired) -> None:
    assert (
        plan(other, postgresql(MUTUAL), MUTUAL).digest
        != plan(LOOSER, postgresql(MUTUAL), MUTUAL).digest
    )


def test_the_digest_of_taking_trust_away_names_what_is_taken_away() -> None:
    more = replace(MUTUAL, client_ca=(*MUTUAL.client_ca, OTHER_CA))

    assert (
        plan(CUSTOM, postgresql(MUTUAL), MUTUAL).digest
        != plan(CUSTOM, postgresql(more), more).digest
    )


def test_what_is_put_back_after_an_own_call_is_to_be_approved_anew_after_each_attempt() -> None:
    sent = HistoryEntry(
        time=NOW,
        cause="spec",
        changes="",
        fields=("forceEncryption",),
        result=Phase.NOT_CONVERGING.value,
    )
    shown = replace(mysql(CUSTOM), force_encryption=None)

    def attempted(start: datetime) -> Plan:
        found = make_plan(
            CUSTOM,
            shown,
            engine="MySQL",
            uid="u",
            applied=applied(CUSTOM),
            operation=operation(CUSTOM, phase=Phase.NOT_CONVERGING, start=start),
            history=[sent],
        )
        assert found.plan is not None
        return found.plan

    assert attempted(NOW).cause == "spec"
    assert attempted(NOW).digest != attempted(NOW + DAY).digest
