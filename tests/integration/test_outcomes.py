"""What an open, a failed and a slow change costs: one restart, and never a second one by guess."""

from datetime import datetime, timedelta

import pytest

from support.shop import MODIFY, ORDERS, Shop

SETTLE = timedelta(seconds=3)
USUAL = {"RESYNC": "1s", "SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "0s"}

PATIENT = {"SETTLE": "9s", "POLL": "0.5s", "VERIFY_AFTER": "8s"}
"""For instances that stay Running for six seconds after they have accepted a change."""

usual = pytest.mark.parametrize("operator", [pytest.param(USUAL, id="usual")], indirect=True)
patient = pytest.mark.parametrize("operator", [pytest.param(PATIENT, id="patient")], indirect=True)
used = pytest.mark.usefixtures("operator")


LOST: dict[str, dict[str, object]] = {
    "connection-lost": {"kind": "reset"},
    "bad-gateway": {"kind": "html"},
    "empty-answer": {"kind": "empty"},
    "http-500": {"code": "SomethingStrange", "status": 500},
    "http-503": {"code": "ServiceUnavailable", "status": 503},
    "backend-failed": {"code": "KmsApiError", "status": 400},
    "nonce-used": {"code": "SignatureNonceUsed", "status": 400},
}
"""Answers that leave open whether the change was executed."""


def lost(name: str, *, executed: bool) -> dict[str, object]:
    """Make the fault of that name."""
    fault = LOST[name]
    if fault["kind" if "kind" in fault else "code"] == "reset":
        return {"kind": "reset-after" if executed else "reset-before"}
    return {**fault, "after": executed}


def declare_with(shop: Shop, *faults: dict[str, object], name: str = ORDERS) -> None:
    """Declare a certificate for an instance, whose next changes meet *faults*, one each."""
    shop.add_instance(name)
    for each in faults:
        shop.rds.fault(each, action=MODIFY, instance=shop.instance_id(name))
    shop.write_pair(shop.leaf(name), name)
    shop.declare_custom(name)


def times(shop: Shop, name: str) -> list[datetime]:
    """When the calls to change the instance came."""
    return [datetime.fromisoformat(each["time"]) for each in shop.modifies(name)]


def wait_passes(shop: Shop, name: str = ORDERS) -> None:
    """Wait until the instance has been looked at twice more."""
    seen = len(shop.calls(name))
    shop.wait_until("looked at", lambda: len(shop.calls(name)) >= seen + 2)


@usual
@used
def test_a_change_that_was_executed_though_the_answer_was_lost_is_not_sent_again(
    shop: Shop,
) -> None:
    for name in LOST:
        declare_with(shop, lost(name, executed=True), name=name)

    for name in LOST:
        shop.wait_ready(name, reason="Verified")

    for name in LOST:
        wait_passes(shop, name)
        assert shop.cost(name) == (1, 1, 1)


@usual
@used
def test_a_change_that_had_no_effect_is_sent_once_more_when_that_is_certain(shop: Shop) -> None:
    for name in LOST:
        declare_with(shop, lost(name, executed=False), name=name)

    for name in LOST:
        shop.wait_ready(name, reason="Verified")

    for name in LOST:
        assert shop.cost(name) == (2, 1, 1)
        first, second = times(shop, name)
        assert second - first >= SETTLE


@usual
@used
def test_two_changes_in_a_row_without_an_effect_are_not_followed_by_a_third(shop: Shop) -> None:
    declare_with(shop, {"kind": "reset-before"}, {"kind": "reset-before"})

    shop.wait("Stalled", "True", "ApplyTimedOut")

    assert shop.conditions()["Ready"] == ("False", "ApplyTimedOut")
    assert "Reconciling" not in shop.conditions()
    wait_passes(shop)
    assert shop.cost() == (2, 0, 0)
    assert shop.conditions()["Stalled"] == ("True", "ApplyTimedOut")

    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (3, 1, 1)


@usual
@used
def test_a_certificate_that_changes_while_a_change_is_in_flight_waits_for_its_end(
    shop: Shop,
) -> None:
    shop.rds.config(durations={"change": 1.5}, instance=shop.instance_id())
    declare_with(shop)
    shop.wait_until("it is changed", lambda: shop.truth()["status"] == "SSL_MODIFYING")

    wanted = shop.leaf()
    shop.write_pair(wanted)

    shop.wait_until("there is a second change", lambda: shop.truth()["accepted"] == 2)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)
    assert shop.ssl()["server_sha256"] == wanted.sha256
    assert what_happened(shop) == ["accepted", "restarted", "succeeded"] * 2


@usual
@used
def test_a_spec_that_changes_while_a_change_is_in_flight_waits_for_its_end(shop: Shop) -> None:
    shop.rds.config(durations={"change": 1.5}, instance=shop.instance_id())
    declare_with(shop)
    shop.wait_until("it is changed", lambda: shop.truth()["status"] == "SSL_MODIFYING")

    shop.write_client_ca(shop.root.pem)
    ca = {"configMapKeyRef": {"name": "client-ca"}}
    shop.patch(clientAuthentication={"ca": ca, "acl": "cert"}, approvalRequired=[])

    shop.wait_until("there is a second change", lambda: shop.truth()["accepted"] == 2)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)
    assert shop.ssl()["acl"] == "cert"
    assert what_happened(shop) == ["accepted", "restarted", "succeeded"] * 2


@usual
@used
def test_a_declaration_taken_back_while_it_is_carried_out_ends_as_it_stands(shop: Shop) -> None:
    first = shop.start_custom()
    shop.rds.config(durations={"change": 1.5}, instance=shop.instance_id())
    shop.write_pair(shop.leaf())
    shop.wait_until("it is changed", lambda: shop.truth()["status"] == "SSL_MODIFYING")

    shop.write_pair(first)

    shop.wait_until("there is a third change", lambda: shop.truth()["accepted"] == 3)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (3, 3, 3)
    assert shop.ssl()["server_sha256"] == first.sha256
    assert what_happened(shop) == ["accepted", "restarted", "succeeded"] * 3


@usual
@used
def test_a_change_that_fails_in_the_instance_is_a_failure_and_is_not_repeated_at_once(
    shop: Shop,
) -> None:
    declare_with(shop, {"kind": "async-failed", "reason": "disk full"})

    stalled = shop.wait("Stalled", "True", "ApplyFailed")

    assert shop.conditions()["Ready"] == ("False", "ApplyFailed")
    assert "Reconciling" not in shop.conditions()
    assert "disk full" not in stalled["message"]
    wait_passes(shop)
    assert shop.cost() == (1, 1, 1)
    operation = shop.status()["operation"]
    assert operation["phase"] == "Failed"
    assert shop.status()["history"][0]["result"] == "Failed"
    shop.wait_until("an Event tells of it", lambda: shop.events("ChangeFailed"))
    (event,) = shop.events("ChangeFailed")
    assert event["type"] == "Warning"
    assert operation["requestID"] in event["message"]


@usual
@used
def test_another_certificate_is_sent_right_after_a_failed_one(shop: Shop) -> None:
    declare_with(shop, {"kind": "async-failed"})
    shop.wait("Stalled", "True", "ApplyFailed")

    shop.write_pair(shop.leaf())

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)


@usual
@used
def test_an_older_verdict_of_the_instance_does_not_count_as_a_failure(shop: Shop) -> None:
    shop.rds.config(durations={"window": 1.5}, instance=shop.instance_id())
    shop.add_instance()
    shop.meddle(last_modify_status="failed", modify_status_reason="last year")
    shop.write_pair(shop.leaf())
    shop.declare_custom()

    shop.wait_ready(reason="Verified")

    assert shop.cost() == (1, 1, 1)


@usual
@used
def test_a_change_that_took_effect_by_half_is_never_sent_again_until_the_declaration_changes(
    shop: Shop,
) -> None:
    shop.rds.config(durations={"change": 1.5}, instance=shop.instance_id())
    shop.add_instance()
    half = {"kind": "async-half", "claim": "success"}
    shop.rds.fault(half, action=MODIFY, instance=shop.instance_id())
    shop.write_pair(shop.leaf())
    shop.write_client_ca(shop.root.pem)
    ca = {"configMapKeyRef": {"name": "client-ca"}}
    shop.declare_custom(clientAuthentication={"ca": ca, "acl": "cert"}, approvalRequired=[])

    shop.wait("Stalled", "True", "NotConverging")

    assert shop.conditions()["Ready"] == ("False", "NotConverging")
    wait_passes(shop)
    shop.look_again()
    assert shop.cost() == (1, 1, 1)
    assert shop.conditions()["Stalled"] == ("True", "NotConverging")

    shop.patch(clientAuthentication={"ca": ca, "acl": "verify-ca"})
    # The same client CA as in the change that failed: not before ten minutes, unless approved.
    shop.wait("ChangePending", "True", "AwaitingBudget")
    assert shop.cost() == (1, 1, 1)
    digest = shop.status()["plan"]["digest"]
    shop.cluster.annotate(shop.namespace, ORDERS, approve=digest)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 2, 2)


@patient
@used
def test_an_instance_that_stays_running_for_six_seconds_after_the_call_is_called_once(
    shop: Shop,
) -> None:
    names = ("shows-old", "shows-new", "answer-lost")
    for name in names:
        shop.add_instance(name)
        shop.rds.config(
            durations={"window": 6.0},
            switches={"window-values": "new" if name == "shows-new" else "old"},
            instance=shop.instance_id(name),
        )
        shop.write_pair(shop.leaf(name), name)
    lost = {"kind": "reset-after"}
    shop.rds.fault(lost, action=MODIFY, instance=shop.instance_id("answer-lost"))

    for name in names:
        shop.declare_custom(name)

    for name in names:
        shop.wait_ready(name, reason="Verified")
        assert shop.cost(name) == (1, 1, 1)
        assert shop.truth(name)["events"][-1]["what"] == "succeeded"
        (entry,) = shop.status(name)["history"]
        assert entry["restartSeen"] is True


def what_happened(shop: Shop) -> list[str]:
    """To the instance, oldest first: changes that overlap would show."""
    return [each["what"] for each in shop.truth()["events"]]
