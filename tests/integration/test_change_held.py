"""Who looks at an object that waits for a person sees one Event that says for what."""

import pytest

from support.shop import ORDERS, Shop

pytestmark = pytest.mark.usefixtures("operator")


def described(shop: Shop) -> list[str]:
    """Give the lines about holds below an object, as `kubectl describe` shows them."""
    text = shop.cluster.kubectl("describe", "-n", shop.namespace, "rdsssl", ORDERS).stdout
    _, _, events = text.partition("\nEvents:")
    return [line for line in events.splitlines() if "ChangeHeld" in line]


def test_an_object_that_waits_for_approval_says_so_once_and_another_plan_once_more(
    shop: Shop,
) -> None:
    shop.start_cloud()

    shop.patch(enabled=False)
    shop.wait("ChangePending", "True", "AwaitingApproval")
    shop.wait_until("it is told", lambda: described(shop))
    for _ in range(3):
        shop.look_again()

    first = shop.status()["plan"]["digest"]
    (line,) = described(shop)
    assert line.split()[:2] == ["Normal", "ChangeHeld"]
    assert f"{first}: It waits for approval because of Weakens" in line
    assert f"rds-ssl.dev/approve: {first}" in line
    (event,) = shop.events("ChangeHeld")
    assert (event["count"], event["involvedObject"]["name"]) == (1, ORDERS)

    shop.patch(enabled=True, approvalRequired=["Restart"])
    shop.write_pair(shop.leaf())
    shop.patch(serverCertificate={"secretRef": {"name": f"{ORDERS}-tls"}})
    shop.wait_until("another plan is told", lambda: len(described(shop)) == 2)
    shop.look_again()

    second = shop.status()["plan"]["digest"]
    assert first != second
    assert [first in each or second in each for each in described(shop)] == [True, True]
    assert shop.cost() == (1, 1, 1)
