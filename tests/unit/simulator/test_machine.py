"""The state machine of one instance: values in, values out, on a virtual clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from rds_simulator.certificates import Authority
from rds_simulator.config import Rules
from rds_simulator.machine import (
    SUCCEEDS,
    Ending,
    Endpoint,
    Instance,
    Outcome,
    Settings,
    accept,
    advance,
    needs_restart,
    observe,
)
from rds_simulator.profiles import PROFILES

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
HOST = "pg.pg.rds.aliyuncs.com"
DEFAULTS = Rules()
CLOUD = Authority()


def instance(profile: str = "postgresql-14", ssl: Settings | None = None) -> Instance:
    return Instance(
        id="pg",
        profile=PROFILES[profile],
        region="cn-hangzhou",
        endpoints=(Endpoint(host=HOST, port=5432, ip_type="Private"),),
        created_at=START,
        ssl=ssl or Settings(),
    )


def cloud_settings(at: datetime = START) -> Settings:
    return Settings(
        enabled=True,
        connection_string=HOST,
        ca_type="aliyun",
        server=CLOUD.issue(HOST, at),
    )


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def started(
    rules: Rules = DEFAULTS, ending: Ending = SUCCEEDS, ssl: Settings | None = None
) -> Instance:
    return accept(instance(ssl=ssl), cloud_settings(), START, rules, ending)[0]


def at(state: Instance, seconds: float, rules: Rules = DEFAULTS) -> Instance:
    return advance(state, after(seconds), rules, CLOUD.issue)[0]


@pytest.mark.parametrize(
    ("seconds", "status", "enabled", "last", "restarts"),
    [
        pytest.param(0.2, "Running", False, "", 0, id="still running, nothing to be seen"),
        pytest.param(0.4, "SSL_MODIFYING", False, "setting", 1, id="busy, restarted"),
        pytest.param(2.2, "SSL_MODIFYING", False, "setting", 1, id="still busy"),
        pytest.param(2.4, "Running", True, "success", 1, id="done"),
    ],
)
def test_an_accepted_change_shows_late_then_busy_then_done(
    *, seconds: float, status: str, enabled: bool, last: str, restarts: int
) -> None:
    state = at(started(), seconds)

    view = observe(state, after(seconds), DEFAULTS)

    assert (view.status, view.ssl.enabled) == (status, enabled)
    assert view.last_modify_status == last
    assert state.restarts == restarts


def test_looking_often_gives_the_same_as_looking_once() -> None:
    start = started()
    often = start
    for tenth in range(40):
        often = at(often, tenth / 10)

    once = at(start, 3.9)

    assert often == once


@pytest.mark.parametrize(
    ("outcome", "enabled", "last"),
    [
        (Outcome.SUCCESS, True, "success"),
        (Outcome.FAILED, False, "failed"),
        (Outcome.HALF, True, "failed"),
        (Outcome.HALF_SUCCESS, True, "success"),
    ],
)
def test_a_change_ends_as_it_was_ordered(*, outcome: Outcome, enabled: bool, last: str) -> None:
    state = at(started(ending=Ending(outcome=outcome, reason="why")), 60)

    assert state.ssl.enabled is enabled
    assert (state.last_modify_status, state.modify_status_reason) == (last, "why")
    assert state.restarts == 1


def test_a_half_applied_change_has_the_server_part_but_not_the_acl() -> None:
    target = replace(cloud_settings(), acl="cert")
    state, _ = accept(instance(), target, START, DEFAULTS, Ending(outcome=Outcome.HALF))

    ended = at(state, 60)

    assert ended.ssl.enabled
    assert ended.ssl.acl == "prefer"


def test_a_second_call_in_the_window_costs_a_second_restart() -> None:
    first = at(started(), 0.1)

    second, _ = accept(first, cloud_settings(), after(0.1), DEFAULTS)

    assert at(second, 60).restarts == 2
    assert at(second, 60).accepted == 2


def test_a_verdict_of_the_previous_change_is_still_shown_in_the_window_or_not() -> None:
    failed = replace(instance(), last_modify_status="failed")
    state, _ = accept(failed, cloud_settings(), START, DEFAULTS)
    fresh = DEFAULTS.changed({"stale-last-modify": "no"}, {})

    assert observe(state, after(0.1), DEFAULTS).last_modify_status == "failed"
    assert observe(state, after(0.1), fresh).last_modify_status == "setting"


def test_new_values_may_show_before_the_change_has_ended() -> None:
    rules = DEFAULTS.changed({"window-values": "new"}, {})

    view = observe(started(rules), after(0.1), rules)

    assert view.status == "Running"
    assert view.ssl.enabled


def test_a_long_window_lasts_up_to_25_seconds_and_differs_from_call_to_call() -> None:
    rules = DEFAULTS.changed({"window": "long"}, {})
    windows = set()
    for earlier in range(50):
        state, _ = accept(replace(instance(), accepted=earlier), cloud_settings(), START, rules)
        assert state.change is not None
        windows.add((state.change.busy_from - START).total_seconds())

    assert len(windows) == 50
    assert min(windows) >= 0.3
    assert 20 < max(windows) <= 25


def test_the_same_settings_again_do_nothing_only_if_both_switches_say_so() -> None:
    settings = cloud_settings()
    before = instance(ssl=settings)
    nothing = DEFAULTS.changed({"enable-again": "nothing"}, {})

    restarted, _ = accept(before, settings, START, DEFAULTS)
    idle, events = accept(before, settings, START, nothing)

    assert restarted.change is not None
    assert restarted.change.restarts
    assert (idle.change, idle.accepted) == (None, 1)
    assert [event.what for event in events] == ["accepted"]


SETTINGS = cloud_settings()


@pytest.mark.parametrize(
    ("profile", "before", "target", "restarts"),
    [
        pytest.param("postgresql-14", Settings(), SETTINGS, True, id="SSL on"),
        pytest.param("postgresql-14", SETTINGS, Settings(), True, id="SSL off"),
        pytest.param("postgresql-14", SETTINGS, cloud_settings(), True, id="renewal, PostgreSQL"),
        pytest.param("mysql-5.7", SETTINGS, cloud_settings(), True, id="renewal, MySQL 5.7"),
        pytest.param("mysql-8.0", SETTINGS, cloud_settings(), False, id="renewal, MySQL 8.0"),
        pytest.param(
            "postgresql-14", SETTINGS, replace(SETTINGS, acl="cert"), False, id="ACL alone"
        ),
        pytest.param("postgresql-14", SETTINGS, SETTINGS, False, id="nothing"),
    ],
)
def test_what_restarts_follows_the_vendors_table(
    *, profile: str, before: Settings, target: Settings, restarts: bool
) -> None:
    assert needs_restart(PROFILES[profile], before, target) is restarts


def test_a_change_of_acls_alone_has_a_duration_of_its_own() -> None:
    rules = DEFAULTS.changed({}, {"acl": 60})
    state, _ = accept(instance(ssl=SETTINGS), replace(SETTINGS, acl="cert"), START, rules)

    assert at(state, 59, rules).change is not None
    assert at(state, 61, rules).ssl.acl == "cert"


def test_postgresql_cloud_certificates_are_renewed_before_they_expire() -> None:
    day = 86400
    state = instance(ssl=SETTINGS)
    assert state.ssl.server is not None

    still, _ = advance(state, after(357 * day), DEFAULTS, CLOUD.issue)
    renewed, events = advance(state, after(359 * day), DEFAULTS, CLOUD.issue)

    assert still is state
    assert renewed.ssl.server is not None
    assert renewed.ssl.server.sha256 != state.ssl.server.sha256
    assert renewed.ssl.server.not_after == after((359 + 365) * day)
    assert [event.what for event in events] == ["renewed-by-vendor"]


def test_a_renewal_by_the_vendor_can_be_switched_off() -> None:
    rules = DEFAULTS.changed({}, {"auto-renewal": 0})

    state, _ = advance(instance(ssl=SETTINGS), after(400 * 86400), rules, CLOUD.issue)

    assert state.ssl == SETTINGS


def test_mysql_cloud_certificates_just_expire() -> None:
    state = instance("mysql-8.0", ssl=SETTINGS)

    later, _ = advance(state, after(400 * 86400), DEFAULTS, CLOUD.issue)

    assert later is state
