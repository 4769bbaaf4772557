"""Credentials, instances and regions that are wrong; and what tools see of an object's life."""

import pytest

from support.cluster import Cluster
from support.shop import ORDERS, Shop
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Simulator

CREDENTIALS = "rds-credentials"
OWN_KEY, OWN_SECRET = "LTAI5tOperator", "operator-secret"
OPERATOR = {
    "IDENTITY_NAMESPACES": "identity-*",
    "ALIBABA_CLOUD_ACCESS_KEY_ID": OWN_KEY,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": OWN_SECRET,
}

pytestmark = pytest.mark.usefixtures("operator")


def write_credentials(shop: Shop, **data: str) -> None:
    shop.cluster.secret(shop.namespace, CREDENTIALS, dict(data))


def repair(shop: Shop) -> None:
    """Write the right credentials; the object heals by itself with one call."""
    generation = shop.get()["metadata"]["generation"]
    write_credentials(shop, accessKeyId=ACCESS_KEY_ID, accessKeySecret=ACCESS_KEY_SECRET)
    found = shop.wait_ready(reason="Verified")
    assert found["metadata"]["generation"] == generation
    assert set(shop.conditions()) == {"Ready", "MaterialReady"}
    assert shop.cost() == (1, 1, 1)


def message(shop: Shop, name: str = ORDERS) -> str:
    found = shop.condition("Ready", name)
    assert found is not None
    return str(found["message"])


# -- credentials -----------------------------------------------------------------------------------


def test_credentials_that_do_not_exist_are_waited_for(shop: Shop) -> None:
    shop.cluster.delete_secret(shop.namespace, CREDENTIALS)
    shop.add_instance()
    shop.declare()

    shop.wait("Ready", "False", "CredentialsNotFound")

    assert CREDENTIALS in message(shop)
    assert shop.conditions()["Reconciling"] == ("True", "CredentialsNotFound")
    assert "Stalled" not in shop.conditions()
    assert shop.calls() == []
    repair(shop)


@pytest.mark.parametrize(
    ("data", "key"),
    [
        pytest.param({"accessKeyId": ACCESS_KEY_ID}, "accessKeySecret", id="no secret"),
        pytest.param({"accessKeySecret": ACCESS_KEY_SECRET}, "accessKeyId", id="no id"),
        pytest.param(
            {"accessKeyId": "", "accessKeySecret": ACCESS_KEY_SECRET}, "accessKeyId", id="empty id"
        ),
        pytest.param(
            {"accessKeyId": ACCESS_KEY_ID, "accessKeySecret": "two\nlines"},
            "accessKeySecret",
            id="line break in the secret",
        ),
    ],
)
def test_credentials_that_are_incomplete_are_said_and_not_used(
    shop: Shop, data: dict[str, str], key: str
) -> None:
    write_credentials(shop, **data)
    shop.add_instance()
    shop.declare()

    shop.wait("Stalled", "True", "CredentialsInvalid")

    assert CREDENTIALS in message(shop)
    assert key in message(shop)
    assert shop.calls() == []
    repair(shop)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            {"accessKeyId": "LTAI5tNobody", "accessKeySecret": ACCESS_KEY_SECRET}, id="unknown id"
        ),
        pytest.param({"accessKeyId": ACCESS_KEY_ID, "accessKeySecret": "wrong"}, id="wrong secret"),
    ],
)
def test_credentials_that_rds_refuses_are_said_without_the_secret(
    shop: Shop, data: dict[str, str]
) -> None:
    write_credentials(shop, **data)
    shop.add_instance()
    shop.declare()

    shop.wait("Stalled", "True", "CredentialsInvalid")

    assert shop.conditions()["Ready"] == ("False", "CredentialsInvalid")
    assert CREDENTIALS in message(shop)
    assert data["accessKeySecret"] not in str(shop.get())
    assert shop.modifies() == []
    repair(shop)


def test_a_key_without_the_right_to_change_is_told_which_right_and_heals_with_another(
    shop: Shop,
) -> None:
    reader = f"LTAI5t{shop.token}"
    shop.rds.put_access_key(reader, secret="reader", actions=["rds:Describe*"])
    write_credentials(shop, accessKeyId=reader, accessKeySecret="reader")
    shop.add_instance()
    shop.declare()

    shop.wait("Stalled", "True", "Forbidden")

    assert "ModifyDBInstanceSSL" in message(shop)
    assert "operation" not in shop.status() or shop.truth()["accepted"] == 0
    calls, accepted, restarts = shop.cost()
    assert (accepted, restarts) == (0, 0)
    assert calls == 1
    write_credentials(shop, accessKeyId=ACCESS_KEY_ID, accessKeySecret=ACCESS_KEY_SECRET)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


def test_a_key_without_the_right_to_read_is_told_which_right(shop: Shop) -> None:
    stranger = f"LTAI5t{shop.token}"
    shop.rds.put_access_key(stranger, secret="stranger", instances=["pgm-of-somebody-else"])
    write_credentials(shop, accessKeyId=stranger, accessKeySecret="stranger")
    shop.add_instance()
    shop.declare()

    shop.wait("Stalled", "True", "Forbidden")

    assert "rds:DescribeDBInstance" in message(shop)
    assert shop.modifies() == []
    repair(shop)


def test_credentials_that_break_leave_what_is_in_force_alone(shop: Shop) -> None:
    leaf = shop.adopt_custom()

    write_credentials(shop, accessKeyId=ACCESS_KEY_ID, accessKeySecret="wrong")

    shop.wait("Stalled", "True", "CredentialsInvalid")
    assert shop.ssl()["server_sha256"] == leaf.sha256
    write_credentials(shop, accessKeyId=ACCESS_KEY_ID, accessKeySecret=ACCESS_KEY_SECRET)
    shop.wait_ready()
    assert shop.cost() == (0, 0, 0)


# -- the operator's own identity -------------------------------------------------------------------


def test_the_operators_identity_is_nobodys_unless_the_administrator_says_so(shop: Shop) -> None:
    shop.add_instance()
    shop.declare(credentialsSecretRef=None)

    shop.wait("Stalled", "True", "CredentialsNotAllowed")

    assert "credentialsSecretRef" in message(shop)
    assert shop.calls() == []
    shop.patch(credentialsSecretRef={"name": CREDENTIALS})
    shop.wait_ready(reason="Verified")


def test_the_operators_identity_is_used_where_it_is_allowed_and_nowhere_else(
    cluster: Cluster, rds: Simulator, shop: Shop
) -> None:
    rds.put_access_key(OWN_KEY, secret=OWN_SECRET)
    inside = cluster.namespace(f"identity-{shop.token}", credentials=False)
    shop.add_instance("inside")
    shop.add_instance("outside")
    cluster.create(inside, ORDERS, instanceID=shop.instance_id("inside"), credentialsSecretRef=None)
    shop.declare("outside", credentialsSecretRef=None)

    cluster.wait_condition(inside, ORDERS, "Ready", "True", "Verified")
    shop.wait("Stalled", "True", "CredentialsNotAllowed", name="outside")

    assert {each["access_key"] for each in shop.calls("inside")} == {OWN_KEY}
    assert shop.cost("inside") == (1, 1, 1)
    assert shop.calls("outside") == []
    assert "IDENTITY_NAMESPACES" in message(shop, name="outside")


# -- instance and region ---------------------------------------------------------------------------


def test_an_instance_that_does_not_exist_is_said_and_served_once_it_does(shop: Shop) -> None:
    shop.declare()

    shop.wait("Stalled", "True", "InstanceNotFound")

    assert shop.conditions()["Ready"] == ("False", "InstanceNotFound")
    assert shop.modifies() == []
    shop.add_instance()
    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_an_instance_of_another_region_is_not_found(shop: Shop) -> None:
    shop.add_instance(region="cn-shanghai")
    shop.declare(regionID="cn-hangzhou")

    shop.wait("Stalled", "True", "InstanceNotFound")

    assert "region" in message(shop)
    assert shop.modifies() == []
    shop.delete()
    shop.declare(regionID="cn-shanghai")
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_an_instance_that_goes_later_is_said(shop: Shop) -> None:
    shop.adopt_cloud()
    shop.rds.delete_instance(shop.instance_id())

    shop.look_again()

    shop.wait("Stalled", "True", "InstanceNotFound")
    assert shop.conditions()["Ready"] == ("False", "InstanceNotFound")


@pytest.mark.parametrize("profile", ["postgresql-14-local-ssd", "postgresql-14-serverless"])
def test_an_instance_that_cannot_have_ssl_is_said_without_a_call_that_could_be_avoided(
    shop: Shop, profile: str
) -> None:
    shop.add_instance(profile=profile)
    shop.declare()

    shop.wait("Stalled", "True", "EngineNotSupported")

    assert shop.modifies() == []


def test_an_instance_that_is_stopped_gets_no_write_until_it_runs(shop: Shop) -> None:
    shop.add_instance(status="Stopped")
    shop.declare()

    shop.wait("Stalled", "True", "InstanceUnavailable")

    assert shop.modifies() == []
    shop.rds.patch_instance(shop.instance_id(), status="Running")
    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


# -- what tools see --------------------------------------------------------------------------------

ORDER = (
    "Ready",
    "MaterialReady",
    "Reconciling",
    "Stalled",
    "ChangePending",
    "CertificateExpiring",
)


def check_shape(status: dict[str, object]) -> None:
    """What kstatus, kubectl and people rely on in every version of a status."""
    conditions = status.get("conditions", [])
    assert isinstance(conditions, list)
    kinds = [each["type"] for each in conditions]
    assert kinds == sorted(kinds, key=ORDER.index)
    assert not {"Reconciling", "Stalled"} <= set(kinds)
    for each in conditions:
        if each["type"] not in {"Ready", "MaterialReady"}:
            assert each["status"] == "True"
        assert each["message"]
        assert each["lastTransitionTime"]
        assert each["observedGeneration"] <= status["observedGeneration"]


def test_every_version_of_an_objects_status_in_its_life_is_one_that_kstatus_understands(
    shop: Shop,
) -> None:
    seen = []

    def look() -> dict[str, tuple[str, str]]:
        status = shop.status()
        if status not in seen:
            seen.append(status)
        return {each["type"]: (each["status"], each["reason"]) for each in status["conditions"]}

    shop.add_instance()
    created = shop.declare_custom()
    # Nothing but the CRD's default: neither kstatus nor Helm takes this for finished.
    assert created["status"] == {"observedGeneration": -1}
    shop.wait_until("the Secret is missed", lambda: "Reconciling" in shop.conditions())
    look()
    shop.write_tls(b"no certificate", b"no key")
    shop.wait_until("it is no certificate", lambda: "Stalled" in look())
    shop.write_pair(shop.leaf())
    shop.wait_until("it is Ready", lambda: look()["Ready"] == ("True", "Verified"))
    shop.write_pair(shop.leaf())
    shop.wait_until("it is sent", lambda: look()["Ready"] == ("True", "Applying"))
    shop.wait_until("it is Ready", lambda: look()["Ready"] == ("True", "Verified"))
    shop.patch(enabled=False)
    shop.wait_until("it is held", lambda: "ChangePending" in look())
    shop.patch(enabled=True)
    shop.wait_until("it is Ready", lambda: "ChangePending" not in look())

    for status in seen:
        check_shape(status)
    assert len(seen) >= 6


def test_conditions_of_other_owners_are_kept(shop: Shop) -> None:
    shop.adopt_cloud()
    foreign = {
        "type": "example.com/Audited",
        "status": "True",
        "reason": "Seen",
        "message": "by the auditors",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    path = f"/apis/rds-ssl.dev/v1alpha1/namespaces/{shop.namespace}/dbinstancessls/{ORDERS}/status"
    mine = shop.status()["conditions"]

    shop.cluster.request("PATCH", path, {"status": {"conditions": [*mine, foreign]}})
    shop.patch(suspend=True)
    shop.wait("Ready", "True")
    shop.look_again()

    assert shop.conditions()["example.com/Audited"] == ("True", "Seen")
    assert shop.cost() == (0, 0, 0)
