"""What waits for minutes, hours or days, across kills: operator and cloud get another time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from support import pki, polling
from support.cluster import Cluster
from support.shop import MODIFY, ORDERS, Shop, sweep
from support.simulator import Simulator
from support.succession import Succession

SETTINGS = {
    "VERIFY_AFTER": "0s",
    "SETTLE": "3s",
    "POLL": "1s",
    "DRIFT_DELAY": "1s",
    "MAX_CHANGES_PER_DAY": "2",
    "MAX_CONCURRENT_CHANGES": "1",
}
DURATIONS = {"window": 0.1, "change": 0.4, "acl": 0.2}

FLEET = ("one", "two", "three", "four", "five")

WAIT_SECONDS = 20.0

"""A start of the operator and five changes, far above what they take on an idle machine."""

BEFORE = 40.0
"""Seconds before an opening, in which an operator has to start and to look, however slowly."""


@pytest.fixture
def rds() -> Iterator[Simulator]:
    """A cloud of the test's own: its clock is moved."""
    with Simulator() as simulator:
        simulator.config(durations=DURATIONS)
        yield simulator


@pytest.fixture
def times(cluster: Cluster, rds: Simulator) -> Iterator["Times"]:
    """Operators one after the other, at a time that the test moves."""
    with Succession(kubeconfig=cluster.kubeconfig, api_url=rds.url, **SETTINGS) as operators:
        yield Times(operators, rds)
    sweep(cluster)


class Times:
    """Operators of one test after the other, each started at a time that is the cloud's, too."""

    def __init__(self, operators: Succession, rds: Simulator) -> None:
        self._operators, self._rds = operators, rds
        self._ahead = 0.0
        self._settings: dict[str, str] = {}

    def start(self, **settings: str) -> None:
        """Start an operator, and wait until it is ready; *settings* are those of the next, too."""
        self._settings.update(settings)
        self._operators.start(ahead=self._ahead, **self._settings).wait_ready()

    def go_on_at(self, to: datetime) -> None:
        """Kill the operator, and start the next one at another time."""
        self._operators.kill()
        ahead = (to - datetime.now(UTC)).total_seconds()
        self._rds.move(ahead - self._ahead)
        self._ahead = ahead
        self.start()

    @property
    def now(self) -> datetime:
        """The time of cloud and operator."""
        return datetime.now(UTC) + timedelta(seconds=self._ahead)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def pending(shop: Shop, name: str = ORDERS) -> str:
    """Give what ChangePending says; empty if nothing is pending."""
    found = shop.condition("ChangePending", name)
    return str(found["message"]) if found else ""


def changed_at(shop: Shop, name: str = ORDERS) -> list[datetime]:
    """Give when the cloud accepted changes, by its own clock."""
    events = shop.truth(name)["events"]
    return [instant(each["at"]) for each in events if each["what"] == "accepted"]


# -- windows ---------------------------------------------------------------------------------------


def test_a_rotation_waits_for_its_window_across_two_kills_and_goes_when_it_opens(
    shop: Shop, times: Times
) -> None:
    times.start()
    leaf = shop.adopt_custom()
    opens = (datetime.now(UTC) + timedelta(days=2)).replace(minute=30, second=0, microsecond=0)
    # Written in a zone that is eight hours ahead the whole year.
    local = opens + timedelta(hours=8)
    window = {
        "schedule": f"30 {local.hour} * * {local:%a}",
        "duration": "1h",
        "timeZone": "Asia/Shanghai",
    }
    shop.patch(maintenance={"windows": [window]})
    newer = shop.leaf()
    shop.write_pair(newer)
    shop.wait("ChangePending", "True", "AwaitingWindow")
    held = shop.status()["plan"]
    assert instant(held["notBefore"]) == opens
    assert shop.conditions()["Ready"][0] == "True"

    times.go_on_at(opens - timedelta(seconds=BEFORE))
    shop.look_again()
    assert shop.status()["plan"] == held
    assert shop.ssl()["server_sha256"] == leaf.sha256
    assert shop.cost() == (0, 0, 0)
    assert times.now < opens

    # Counted from the opening: until then nothing may come. A resync would be minutes later.
    seconds = (opens - times.now).total_seconds() + WAIT_SECONDS
    polling.wait(lambda: None if shop.modifies() else "nothing was sent", seconds=seconds)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)
    assert shop.ssl()["server_sha256"] == newer.sha256
    (accepted,) = changed_at(shop)
    assert opens <= accepted < opens + timedelta(minutes=1)


def test_a_window_that_closes_while_the_operator_is_down_is_missed(
    shop: Shop, times: Times
) -> None:
    times.start()
    shop.adopt_custom()
    opens = (datetime.now(UTC) + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    window = {"schedule": f"0 {opens.hour} * * *", "duration": "1h"}
    shop.patch(maintenance={"windows": [window]})
    shop.write_pair(shop.leaf())
    shop.wait("ChangePending", "True", "AwaitingWindow")

    times.go_on_at(opens + timedelta(minutes=46))

    shop.wait_until(
        "the next opening is told",
        lambda: instant(shop.status()["plan"]["notBefore"]) == opens + timedelta(days=1),
    )
    shop.look_again()
    assert shop.cost() == (0, 0, 0)


# -- changes per day -------------------------------------------------------------------------------


def test_the_limit_of_a_day_survives_a_kill_and_ends_a_day_after_the_first_change(
    shop: Shop, times: Times
) -> None:
    times.start()
    shop.start_custom()
    shop.write_pair(shop.leaf())
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    newer = shop.leaf()

    shop.write_pair(newer)

    shop.wait("ChangePending", "True", "ChangeLimitReached")
    held = shop.status()["plan"]
    first = shop.status()["history"][-1]["time"]
    again = instant(first) + timedelta(days=1)
    assert instant(held["notBefore"]) == again
    assert "2 times within 24 hours" in pending(shop)
    assert shop.conditions()["Ready"][0] == "True"
    times.go_on_at(again - timedelta(hours=1))
    shop.look_again()
    assert shop.status()["plan"] == held
    assert shop.conditions()["ChangePending"] == ("True", "ChangeLimitReached")
    assert shop.cost() == (2, 2, 2)
    times.go_on_at(again)
    shop.wait_cost((3, 3, 3))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == newer.sha256


def test_the_limit_of_a_day_is_the_instances_whatever_object_declares_it(
    shop: Shop, times: Times
) -> None:
    times.start()
    shop.start_custom()
    shop.write_pair(shop.leaf())
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    shop.delete()
    shop.wait_until("it is gone", lambda: not shop.cluster.exists(shop.namespace, ORDERS))
    shop.write_pair(shop.leaf())

    shop.declare_custom(adoptionPolicy="Overwrite")

    shop.wait("ChangePending", "True", "ChangeLimitReached")
    shop.look_again()
    assert shop.cost() == (2, 2, 2)


def test_beyond_the_limit_of_a_day_an_approval_lets_one_more_go(shop: Shop, times: Times) -> None:
    times.start()
    shop.start_custom()
    shop.write_pair(shop.leaf())
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    shop.write_pair(shop.leaf())
    shop.wait("ChangePending", "True", "ChangeLimitReached")

    shop.cluster.annotate(shop.namespace, ORDERS, approve=shop.status()["plan"]["digest"])

    shop.wait_cost((3, 3, 3))
    shop.wait_ready(reason="Verified")
    shop.write_pair(shop.leaf())
    shop.wait("ChangePending", "True", "ChangeLimitReached")
    shop.look_again()
    assert shop.cost() == (3, 3, 3)


# -- a fight ---------------------------------------------------------------------------------------


def test_a_fight_that_was_cut_off_stays_so_the_day_after(shop: Shop, times: Times) -> None:
    times.start()
    shop.adopt_cloud()
    shop.meddle(enabled=False)
    shop.look_again()
    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    shop.meddle(enabled=False)
    shop.look_again()
    told = "somebody else, perhaps another operator, wants it otherwise"
    shop.wait_until("it is only reported", lambda: told in pending(shop))

    times.go_on_at(datetime.now(UTC) + timedelta(hours=25))

    shop.look_again()
    assert told in pending(shop)
    assert not shop.ssl()["enabled"]
    assert shop.cost() == (1, 1, 1)


# -- failures with the same material ---------------------------------------------------------------


def fleet(shop: Shop) -> list[int]:
    """Give the accepted calls of each."""
    return [int(shop.truth(name)["accepted"]) for name in FLEET]


def wait_total(shop: Shop, total: int) -> None:
    """Wait until so many calls were accepted, and none is under way."""

    def problem() -> str | None:
        # Calls first: what was sent by then is in the statuses that are read after it.
        found = sum(fleet(shop))
        at_work = [
            name
            for name in FLEET
            if shop.status(name).get("operation", {}).get("phase") in {"Sending", "Accepted"}
        ]
        return None if found == total and not at_work else f"{found} calls, at work: {at_work}"

    polling.wait(problem, seconds=WAIT_SECONDS)


def wait_told(shop: Shop, words: str) -> list[str]:
    """Wait until those to which nothing was sent yet say so; give their names."""

    def problem() -> str | None:
        for name, calls in zip(FLEET, fleet(shop), strict=True):
            if not calls and words not in pending(shop, name):
                return f"{name}: {shop.status(name)}"
        return None

    polling.wait(problem, seconds=WAIT_SECONDS)
    return [name for name, calls in zip(FLEET, fleet(shop), strict=True) if not calls]


def last_end(shop: Shop) -> datetime:
    """Give when the last change ended, by the histories."""
    histories = [shop.status(name).get("history", []) for name in FLEET]
    return max(instant(each["time"]) for history in histories for each in history)


def test_material_that_fails_is_tried_on_one_instance_after_the_other_and_then_by_approval_only(
    shop: Shop, times: Times
) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem)
    for name in FLEET:
        shop.add_instance(name)
    for _ in range(3):
        shop.rds.fault({"kind": "async-failed"}, action=MODIFY)
    # The one that failed tries again itself.
    times.start(MAX_CHANGES_PER_DAY="0")
    for name in FLEET:
        shop.declare(name, clientAuthentication={"ca": {"configMapKeyRef": {"name": "client-ca"}}})

    wait_total(shop, 1)
    for failures in (1, 2):
        at = last_end(shop) + timedelta(minutes=10)
        held = wait_told(shop, f"the next is sent at {at:%Y-%m-%dT%H:%M:%SZ}")
        assert {shop.status(name)["plan"]["notBefore"] for name in held} == {
            f"{at:%Y-%m-%dT%H:%M:%SZ}"
        }
        for name in held:
            assert shop.conditions(name)["ChangePending"] == ("True", "AwaitingBudget")
            assert shop.conditions(name)["Reconciling"] == ("True", "AwaitingBudget")
        assert sum(fleet(shop)) == failures
        times.go_on_at(at)
        wait_total(shop, failures + 1)

    halted = "The last 3 changes with the same material failed"
    held = wait_told(shop, halted)
    for name in held:
        assert shop.conditions(name)["ChangePending"] == ("True", "AwaitingApproval")
    times.go_on_at(times.now + timedelta(hours=5))
    for name in held:
        shop.look_again(name)
    assert wait_told(shop, halted) == held
    assert sum(fleet(shop)) == 3

    tried = held[0]
    digest = shop.status(tried)["plan"]["digest"]
    shop.cluster.annotate(shop.namespace, tried, approve=digest)
    shop.wait_ready(tried, reason="Verified")
    for name in FLEET:
        shop.look_again(name)
    for name in FLEET:
        shop.wait_ready(name, reason="Verified")
        assert shop.ssl(name)["client_ca_sha256"] == [clients.sha256]
    assert sum(fleet(shop)) == 3 + len(FLEET)
