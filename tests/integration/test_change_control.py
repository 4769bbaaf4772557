"""Approvals, drift and windows: what a change waits for, and what lets it go."""

from datetime import UTC, datetime, timedelta

import pytest

from support import pki
from support.shop import ORDERS, Shop

DRIFT_DELAY = timedelta(seconds=6)
"""Long enough to be looked at, and undone, on a busy machine too."""

MORE = timedelta(seconds=2)
"""After which something that was to come by itself has come."""

OPERATOR = {"DRIFT_DELAY": f"{DRIFT_DELAY.seconds}s"}

pytestmark = pytest.mark.usefixtures("operator")

CLIENT_CA = {"configMapKeyRef": {"name": "client-ca"}}
ELSEWHERE = "0123456789abcdef"
"""A digest of no plan."""


def approve(shop: Shop, digest: str, name: str = ORDERS) -> None:
    """Do it as a person does."""
    annotation = f"rds-ssl.dev/approve={digest}"
    shop.cluster.kubectl(
        "-n", shop.namespace, "annotate", "--overwrite", "rdsssl", name, annotation
    )


def pending(shop: Shop, name: str = ORDERS) -> str:
    """Give what ChangePending says; empty if nothing is pending."""
    found = shop.condition("ChangePending", name)
    return str(found["message"]) if found else ""


def wait_told(shop: Shop, words: str, name: str = ORDERS) -> None:
    shop.wait_until(f"it says: {words}", lambda: words in pending(shop, name))


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


# -- approval --------------------------------------------------------------------------------------


def test_an_approval_by_annotation_lets_exactly_that_plan_go_once(shop: Shop) -> None:
    shop.adopt_cloud()
    shop.patch(enabled=False)
    shop.wait("ChangePending", "True", "AwaitingApproval")
    plan = shop.status()["plan"]
    assert plan["digest"] in pending(shop)

    approve(shop, ELSEWHERE)
    wait_told(shop, f"the one that is there, {ELSEWHERE}, is of another plan and is ignored")
    assert shop.status()["plan"] == plan
    assert shop.cost() == (0, 0, 0)

    approve(shop, plan["digest"])
    shop.wait_ready(reason="Verified")
    status = shop.status()
    assert status["lastApproval"]["digest"] == plan["digest"]
    assert status["lastApproval"]["impacts"] == plan["impacts"]
    assert not shop.ssl()["enabled"]
    assert shop.cost() == (1, 1, 1)

    shop.patch(enabled=True)
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    shop.patch(enabled=False)
    wait_told(shop, f"the one that is there, {plan['digest']}, was spent already")
    shop.look_again()
    assert shop.status()["plan"]["digest"] != plan["digest"]
    assert shop.cost() == (2, 2, 2)


def test_an_approval_does_not_cover_what_the_plan_has_become(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem)
    shop.adopt_cloud(
        ssl={"client_ca": clients.pem.decode(), "acl": "cert"},
        clientAuthentication={"ca": CLIENT_CA, "acl": "cert"},
    )
    shop.patch(clientAuthentication={"acl": "prefer"})
    shop.wait("ChangePending", "True", "AwaitingApproval")
    relaxed = shop.status()["plan"]["digest"]
    shop.patch(clientAuthentication=None)
    shop.wait_until("it is another plan", lambda: shop.status()["plan"]["digest"] != relaxed)

    approve(shop, relaxed)

    wait_told(shop, "is of another plan and is ignored")
    shop.look_again()
    assert shop.cost() == (0, 0, 0)


def test_an_approval_covers_both_steps_of_its_plan_and_nothing_after_them(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem)
    shop.adopt_cloud(
        ssl={"client_ca": clients.pem.decode(), "acl": "cert"},
        clientAuthentication={"ca": CLIENT_CA, "acl": "cert"},
    )
    shop.patch(clientAuthentication=None)
    shop.wait("ChangePending", "True", "AwaitingApproval")
    plan = shop.status()["plan"]
    assert len(plan["steps"]) == 2

    approve(shop, plan["digest"])

    shop.wait_ready(reason="Verified")
    assert shop.cost()[:2] == (2, 2)
    assert shop.ssl()["client_ca_sha256"] == []
    assert [each["approval"] for each in shop.status()["history"]] == [plan["digest"]] * 2
    assert "endTime" in shop.status()["lastApproval"]


def test_who_takes_an_instance_over_starts_as_first_contact_whatever_was_approved_before(
    shop: Shop,
) -> None:
    shop.start_custom()
    younger = "younger"
    shop.cluster.create(shop.namespace, younger, instanceID=shop.instance_id())
    shop.wait("Stalled", "True", "Conflict", name=younger)
    shop.patch(serverCertificate=None)
    shop.wait("ChangePending", "True", "AwaitingApproval")
    approved = shop.status()["plan"]["digest"]
    approve(shop, approved, younger)

    shop.delete()

    shop.wait("ChangePending", "True", "AwaitingApproval", name=younger)
    wait_told(shop, "was set up before this object knew it", younger)
    plan = shop.status(younger)["plan"]
    assert plan["digest"] != approved
    assert shop.cost() == (1, 1, 1)
    approve(shop, plan["digest"], younger)
    shop.wait_ready(younger, reason="Verified")
    assert shop.ssl()["ca_type"] == "aliyun"
    assert shop.cost() == (2, 2, 2)


# -- drift -----------------------------------------------------------------------------------------


def test_drift_is_put_back_after_the_delay_and_the_same_drift_again_is_only_reported(
    shop: Shop,
) -> None:
    leaf = shop.adopt_custom()
    before = shop.get()

    shop.set_pair(shop.leaf())
    shop.look_again()
    shop.wait("Ready", "False", "Drifted")
    plan = shop.status()["plan"]
    assert (plan["cause"], plan["heldBy"]) == ("drift", "Drifted")
    assert instant(plan["notBefore"]) == instant(plan["since"]) + DRIFT_DELAY
    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == leaf.sha256
    sent = instant(shop.modifies()[0]["time"])
    assert sent >= instant(plan["notBefore"])
    entry = shop.status()["history"][0]
    assert (entry["cause"], entry["fields"]) == ("drift", ["serverCertificate"])
    assert "approval" not in entry

    intruder = shop.leaf()
    shop.set_pair(intruder)
    shop.look_again()
    wait_told(shop, f"The same was put back at {entry['time']}")
    assert "somebody else, perhaps another operator, wants it otherwise" in pending(shop)
    since = instant(shop.status()["plan"]["since"])
    assert "notBefore" not in shop.status()["plan"]
    shop.wait_until("the delay is over", lambda: datetime.now(UTC) > since + DRIFT_DELAY + MORE)
    shop.look_again()
    assert shop.conditions()["Ready"] == ("False", "Drifted")
    assert shop.ssl()["server_sha256"] == intruder.sha256
    assert shop.cost() == (1, 1, 1)
    assert shop.get()["metadata"]["generation"] == before["metadata"]["generation"]

    approve(shop, shop.status()["plan"]["digest"])
    shop.wait_cost((2, 2, 2))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == leaf.sha256


def test_drift_that_only_lasted_for_a_moment_is_not_answered(shop: Shop) -> None:
    leaf = shop.adopt_custom()
    shop.set_pair(shop.leaf())
    shop.look_again()
    shop.wait("Ready", "False", "Drifted")
    since = instant(shop.status()["plan"]["since"])

    shop.set_pair(leaf)

    shop.wait_until("the delay is over", lambda: datetime.now(UTC) > since + DRIFT_DELAY + MORE)
    shop.wait_ready(reason="Adopted")
    assert shop.cost() == (0, 0, 0)


def test_drift_is_only_reported_where_the_policy_says_so_and_an_approval_puts_it_back(
    shop: Shop,
) -> None:
    leaf = shop.adopt_custom(driftPolicy="Report")
    shop.set_pair(shop.leaf())
    shop.look_again()
    wait_told(shop, "driftPolicy is Report")
    since = instant(shop.status()["plan"]["since"])
    shop.wait_until("the delay is over", lambda: datetime.now(UTC) > since + DRIFT_DELAY + MORE)
    shop.look_again()
    assert shop.cost() == (0, 0, 0)
    digest = shop.status()["plan"]["digest"]

    approve(shop, digest)

    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == leaf.sha256
    entry = shop.status()["history"][0]
    assert (entry["cause"], entry["approval"]) == ("drift", digest)


def test_drift_is_never_put_back_by_itself_where_that_would_weaken(shop: Shop) -> None:
    clients = pki.make_root("Clients")
    shop.write_client_ca(clients.pem)
    shop.adopt_cloud(
        ssl={"client_ca": clients.pem.decode(), "acl": "prefer"},
        clientAuthentication={"ca": CLIENT_CA},
    )

    shop.meddle(acl="verify-full")
    shop.look_again()

    shop.wait("ChangePending", "True", "AwaitingApproval")
    since = instant(shop.status()["plan"]["since"])
    shop.wait_until("the delay is over", lambda: datetime.now(UTC) > since + DRIFT_DELAY + MORE)
    shop.look_again()
    assert shop.status()["plan"]["cause"] == "drift"
    assert shop.cost() == (0, 0, 0)
    approve(shop, shop.status()["plan"]["digest"])
    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["acl"] == "prefer"


# -- windows ---------------------------------------------------------------------------------------


def window(start: timedelta, end: timedelta) -> str:
    """Give a MaintainTime from *start* to *end*, each from now on."""
    now = datetime.now(UTC)
    return f"{now + start:%H:%M}Z-{now + end:%H:%M}Z"


HOUR = timedelta(hours=1)
OPEN = (-HOUR, HOUR)
SHUT = (2 * HOUR, 3 * HOUR)


def test_a_change_waits_for_the_maintenance_time_of_the_instance(shop: Shop) -> None:
    shop.add_instance(maintain_time=window(*SHUT))
    shop.declare(maintenance={"useInstanceWindow": True})

    shop.wait("ChangePending", "True", "AwaitingWindow")
    plan = shop.status()["plan"]
    assert plan["heldBy"] == "AwaitingWindow"
    opens = instant(plan["notBefore"])
    assert f"{opens:%H:%MZ}" == shop.truth()["maintain_time"].partition("-")[0]
    assert timedelta() < opens - datetime.now(UTC) < 2 * HOUR + timedelta(minutes=1)
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    shop.rds.patch_instance(shop.instance_id(), maintain_time=window(*OPEN))
    shop.look_again()

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_nothing_starts_in_the_last_quarter_of_an_hour_of_a_window(shop: Shop) -> None:
    shop.add_instance(maintain_time=window(-HOUR, timedelta(minutes=14)))
    shop.declare(maintenance={"useInstanceWindow": True})

    shop.wait("ChangePending", "True", "AwaitingWindow")

    opens = instant(shop.status()["plan"]["notBefore"])
    assert opens - datetime.now(UTC) > 22 * HOUR
    shop.look_again()
    assert shop.cost() == (0, 0, 0)


def test_a_certificate_about_to_expire_does_not_wait_for_its_window(shop: Shop) -> None:
    now = datetime.now(UTC)
    closed = {"schedule": f"0 0 * * {now + timedelta(days=3):%a}", "duration": "1h"}
    shop.add_instance()
    old = shop.leaf(not_after=pki.real_now() + timedelta(hours=40))
    shop.set_pair(old)
    shop.write_pair(old)
    shop.declare_custom(maintenance={"windows": [closed], "overrideBeforeExpiry": "24h"})
    shop.wait_ready(reason="Adopted")
    newer = shop.leaf()

    shop.write_pair(newer)
    shop.wait("ChangePending", "True", "AwaitingWindow")
    assert shop.conditions()["Ready"][0] == "True"
    shop.look_again()
    assert shop.cost() == (0, 0, 0)
    shop.patch(maintenance={"overrideBeforeExpiry": "48h"})

    shop.wait_cost((1, 1, 1))
    shop.wait_ready(reason="Verified")
    assert shop.ssl()["server_sha256"] == newer.sha256


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"schedule": "61 3 * * SAT"}, "spec.maintenance.windows[1].schedule", "61 3 * * SAT"),
        ({"schedule": "0 3 31 4 *"}, "spec.maintenance.windows[1].schedule", "0 3 31 4 *"),
        ({"timeZone": "Mars/Olympus"}, "spec.maintenance.windows[1].timeZone", "Mars/Olympus"),
    ],
)
def test_a_window_that_cannot_be_stops_the_object_by_its_field_until_it_is_corrected(
    shop: Shop, change: dict[str, str], field: str, text: str
) -> None:
    always = {"schedule": "0 * * * *", "duration": "24h"}
    shop.add_instance()
    shop.declare(maintenance={"windows": [always, {**always, **change}]})

    told = shop.wait("Stalled", "True", "DeclarationInvalid")

    assert field in told["message"]
    assert text in told["message"]
    assert shop.conditions()["Ready"] == ("False", "DeclarationInvalid")
    assert shop.calls() == []
    shop.patch(maintenance={"windows": [always]})
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)
