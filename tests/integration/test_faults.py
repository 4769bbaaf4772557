"""Error codes of the cloud: what the object says, whether it is tried again, what clears it."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from support.cluster import CREDENTIALS, condition
from support.operator_process import OperatorProcess
from support.shop import MODIFY, Shop
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET

READ = "DescribeDBInstanceSSL"
SETTINGS = {"RESYNC": "1s", "SETTLE": "3s", "POLL": "0.5s", "VERIFY_AFTER": "0s"}

pytestmark = [
    pytest.mark.parametrize("operator", [pytest.param(SETTINGS, id="")], indirect=True),
    pytest.mark.usefixtures("operator"),
]

REQUEST_ID = re.compile(r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-")
TEXT_OF_THE_API = "a text that only the API would write"

CA = {"configMapKeyRef": {"name": "client-ca"}}
CLIENTS = {"ca": CA, "revocationList": CA, "acl": "verify-full"}


def declare_all(shop: Shop) -> None:
    """Declare certificate, client CA, revocation list and ACL, so that anything may be refused."""
    shop.write_pair(shop.leaf())
    shop.write_client_ca(shop.root.pem, shop.root.revocation_list())
    shop.declare_custom(clientAuthentication=CLIENTS, approvalRequired=[])


def refuse(
    shop: Shop, code: str, status: int = 400, *, action: str = MODIFY, times: int = 1
) -> None:
    """Let the next calls of an operation for the instance be answered with *code*."""
    shop.rds.fault(
        {"code": code, "status": status, "message": TEXT_OF_THE_API},
        action=action,
        instance=shop.instance_id(),
        times=times,
    )


def touch_without_meaning(shop: Shop, operator: OperatorProcess) -> None:
    """Rewrite the Secret, and let the operator look at what is the same as before."""
    found = shop.cluster.request("GET", f"/api/v1/namespaces/{shop.namespace}/secrets/orders-tls")
    path = f"/api/v1/namespaces/{shop.namespace}/secrets/orders-tls"
    before = operator.metric("rds_ssl_passes_total")
    shop.cluster.request("PUT", path, {**found, "stringData": {"note": "nothing of interest"}})
    shop.wait_until("a pass", lambda: operator.metric("rds_ssl_passes_total") > before)


def wait_pass(shop: Shop, operator: OperatorProcess) -> None:
    """Wait until a pass has ended."""
    before = operator.metric("rds_ssl_passes_total")
    shop.wait_until("a pass", lambda: operator.metric("rds_ssl_passes_total") > before)


def assert_stalled(shop: Shop, reason: str) -> str:
    """Wait until a person has to act; give the message, which is for a person, too."""
    found = shop.wait("Stalled", "True", reason)
    assert shop.conditions()["Ready"] == ("False", reason)
    assert "Reconciling" not in shop.conditions()
    message = str(found["message"])
    assert not REQUEST_ID.search(message)
    assert TEXT_OF_THE_API not in message
    return message


@dataclass(frozen=True, kw_only=True)
class Row:
    """Of the table of the eight codes."""

    status: int
    reason: str
    names: tuple[str, ...]


EIGHT = {
    "InvalidServerCertOrPrivateKey": Row(
        status=400,
        reason="ServerCertificateRejected",
        names=("orders-tls", "tls.crt", "tls.key"),
    ),
    "InvalidClientCACert": Row(
        status=400, reason="ClientCARejected", names=("client-ca", "ca.crt")
    ),
    "InvalidClientCrl": Row(
        status=400, reason="RevocationListRejected", names=("client-ca", "ca.crl")
    ),
    "InvalidCAType.NotFound": Row(
        status=400, reason="CATypeRejected", names=("custom", "PostgreSQL")
    ),
    "InvalidACL.NotFound": Row(
        status=400, reason="ACLRejected", names=("verify-full", "PostgreSQL 12")
    ),
    "InvalidSSLStatus": Row(
        status=400, reason="SSLStatusRejected", names=("wanted: on", "observed: off")
    ),
    "InvalidClientCrl.Permission": Row(
        status=403, reason="ClientCARequired", names=("client CA", "first")
    ),
    "InvalidACL.Permission": Row(
        status=403, reason="ClientCARequired", names=("client CA", "first")
    ),
}


@pytest.mark.parametrize("code", EIGHT)
def test_a_refused_declaration_is_sent_once_and_again_when_its_material_changes(
    shop: Shop, operator: OperatorProcess, code: str
) -> None:
    row = EIGHT[code]
    shop.add_instance()
    refuse(shop, code, row.status)

    declare_all(shop)

    message = assert_stalled(shop, row.reason)
    assert code in message
    assert all(each in message for each in row.names)
    assert shop.status()["operation"]["phase"] == "Refused"
    assert shop.status()["operation"]["code"] == code
    shop.wait_until("a Warning", lambda: shop.events(row.reason))
    touch_without_meaning(shop, operator)
    assert shop.cost() == (1, 0, 0)
    assert_stalled(shop, row.reason)

    shop.write_pair(shop.leaf())

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


@pytest.mark.parametrize("code", EIGHT)
def test_the_same_code_at_a_read_says_the_same_sends_nothing_and_goes_with_its_cause(
    shop: Shop, code: str
) -> None:
    row = EIGHT[code]
    shop.add_instance()
    refuse(shop, code, row.status, action=READ)

    declare_all(shop)

    assert code in assert_stalled(shop, row.reason)
    assert shop.cost() == (0, 0, 0)

    shop.look_again()

    shop.wait_ready(reason="Verified")
    assert "Stalled" not in shop.conditions()
    assert shop.cost() == (1, 1, 1)


def test_an_account_that_is_blocked_is_told_from_a_missing_permission(shop: Shop) -> None:
    shop.add_instance()
    refuse(shop, "Pay.InsufficientBalance")

    declare_all(shop)

    assert "the account's owner" in assert_stalled(shop, "AccountBlocked")
    assert shop.cost() == (1, 0, 0)

    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


def test_a_refused_state_of_ssl_is_read_back_once(shop: Shop) -> None:
    shop.add_instance()
    refuse(shop, "InvalidSSLStatus")

    declare_all(shop)

    assert_stalled(shop, "SSLStatusRejected")
    actions = [each["action"] for each in shop.calls()]
    assert actions[actions.index(MODIFY) + 1 :] == ["DescribeDBInstanceAttribute", READ]


def test_a_changed_spec_is_sent_after_a_refusal(shop: Shop) -> None:
    shop.add_instance()
    refuse(shop, "InvalidACL.NotFound")
    declare_all(shop)
    assert_stalled(shop, "ACLRejected")

    shop.patch(clientAuthentication={**CLIENTS, "acl": "verify-ca"})

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


def test_each_request_to_reconcile_allows_one_attempt_after_a_refusal(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.add_instance()
    refuse(shop, "InvalidServerCertOrPrivateKey", times=2)
    declare_all(shop)
    assert_stalled(shop, "ServerCertificateRejected")

    token = shop.look_again()["status"]["lastHandledReconcileAt"]
    assert shop.cost() == (2, 0, 0)
    shop.cluster.annotate(shop.namespace, "orders", reconcile_requested_at=token)
    touch_without_meaning(shop, operator)
    assert shop.cost() == (2, 0, 0)
    assert_stalled(shop, "ServerCertificateRejected")

    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (3, 1, 1)


def test_an_answer_that_the_instance_is_busy_is_waited_out(shop: Shop) -> None:
    shop.add_instance()
    refuse(shop, "OperationDenied.DBInstanceStatus")

    declare_all(shop)

    shop.wait("Reconciling", "True", "InstanceBusy")
    assert "Stalled" not in shop.conditions()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


def test_an_instance_in_foreign_hands_is_left_alone_until_it_is_running(shop: Shop) -> None:
    shop.add_instance()
    shop.rds.patch_instance(shop.instance_id(), status="REBOOTING")

    declare_all(shop)

    found = shop.wait("Reconciling", "True", "InstanceBusy")
    assert "REBOOTING" in found["message"]
    assert shop.cost() == (0, 0, 0)

    shop.rds.patch_instance(shop.instance_id(), status="Running")
    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_foreign_work_on_an_instance_that_is_as_declared_changes_nothing(shop: Shop) -> None:
    shop.start_custom()
    before = shop.get()["metadata"]["resourceVersion"]
    shop.rds.patch_instance(shop.instance_id(), status="REBOOTING")

    seen = len(shop.calls())
    shop.wait_until("two resyncs", lambda: len(shop.calls()) >= seen + 2)

    assert shop.get()["metadata"]["resourceVersion"] == before
    assert shop.cost() == (1, 1, 1)


def test_a_throttled_change_is_sent_again_when_the_hint_is_over(shop: Shop) -> None:
    shop.add_instance()
    throttle = {"kind": "throttle", "retry_after_ms": 3500}
    shop.rds.fault(throttle, action=MODIFY, instance=shop.instance_id())

    declare_all(shop)

    shop.wait("Reconciling", "True", "Throttled")
    assert "Stalled" not in shop.conditions()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)
    first, second = (datetime.fromisoformat(each["time"]) for each in shop.modifies())
    assert second - first >= timedelta(seconds=3.5)


def test_a_throttled_read_is_no_news_for_an_object_without_work(shop: Shop) -> None:
    shop.start_custom()
    before = shop.get()["metadata"]["resourceVersion"]
    refuse(shop, "Throttling.User", action=READ)

    seen = len(shop.calls())
    shop.wait_until("two resyncs", lambda: len(shop.calls()) >= seen + 2)

    assert [each["code"] for each in shop.calls()[seen:]][:2] == ["Throttling.User", "OK"]
    assert shop.get()["metadata"]["resourceVersion"] == before


def test_a_throttled_read_delays_an_object_with_work(shop: Shop) -> None:
    shop.add_instance()
    refuse(shop, "Throttling.Api", action=READ)

    declare_all(shop)

    shop.wait("Reconciling", "True", "Throttled")
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def give_key(shop: Shop, key_id: str, secret: str) -> None:
    shop.cluster.secret(
        shop.namespace, CREDENTIALS, {"accessKeyId": key_id, "accessKeySecret": secret}
    )


@pytest.mark.parametrize("forbidden", [MODIFY, READ])
def test_a_missing_permission_is_named_with_its_owner_and_other_credentials_clear_it(
    shop: Shop, forbidden: str
) -> None:
    allowed = {MODIFY, READ, "DescribeDBInstanceAttribute"} - {forbidden}
    key_id = f"LTAI5t{shop.token}"
    shop.rds.put_access_key(key_id, secret="half-a-secret", actions=sorted(allowed))
    give_key(shop, key_id, "half-a-secret")
    shop.add_instance()

    declare_all(shop)

    message = assert_stalled(shop, "Forbidden")
    assert f"rds:{forbidden}" in message
    assert f"user-of-{key_id}" in message
    assert shop.truth()["accepted"] == 0

    give_key(shop, ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    shop.wait_ready(reason="Verified")
    assert shop.truth()["accepted"] == shop.truth()["restarts"] == 1


def test_a_key_that_does_not_exist_is_invalid_and_the_right_one_clears_it(shop: Shop) -> None:
    give_key(shop, "LTAI5tNobody", "nothing")
    shop.add_instance()

    declare_all(shop)

    message = assert_stalled(shop, "CredentialsInvalid")
    assert CREDENTIALS in message
    assert "LTAI5tNobody" not in message
    assert shop.cost() == (0, 0, 0)

    give_key(shop, ACCESS_KEY_ID, ACCESS_KEY_SECRET)
    shop.wait_ready(reason="Verified")


UNUSABLE = [
    pytest.param({"code": "InternalError", "status": 500}, id="http-500"),
    pytest.param({"code": "ServiceUnavailable", "status": 503}, id="http-503"),
    pytest.param({"kind": "html"}, id="bad-gateway"),
    pytest.param({"kind": "empty"}, id="empty-answer"),
    pytest.param({"kind": "bare"}, id="answer-without-ssl"),
]


@pytest.mark.parametrize("fault", UNUSABLE)
def test_an_unusable_answer_to_a_read_delays_an_object_with_work(
    shop: Shop, fault: dict[str, object]
) -> None:
    shop.add_instance()
    shop.rds.fault(fault, action=READ, instance=shop.instance_id())

    declare_all(shop)

    shop.wait("Reconciling", "True", "ApiUnavailable")
    assert "Stalled" not in shop.conditions()
    assert shop.cost() == (0, 0, 0)
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


@pytest.mark.parametrize("fault", UNUSABLE[1:4:2] + UNUSABLE[4:])
def test_an_unusable_answer_to_a_read_is_no_news_for_an_object_without_work(
    shop: Shop, fault: dict[str, object]
) -> None:
    shop.start_custom()
    before = shop.get()["metadata"]["resourceVersion"]
    shop.rds.fault(fault, action=READ, instance=shop.instance_id())

    seen = len(shop.calls())
    shop.wait_until("a failed read and a good one", lambda: len(shop.calls()) >= seen + 2)

    codes = [each["code"] for each in shop.calls()[seen:]]
    assert codes[0] != "OK"
    assert codes[1] == "OK"
    assert shop.get()["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        pytest.param("SomethingStrange", 400, "RequestRejected", id="http-400"),
        pytest.param("Something.Strange", 403, "RequestRejected", id="http-403-without-detail"),
        pytest.param("SomethingStrange", 401, "Forbidden", id="http-401"),
        pytest.param("MissingSomething", 400, "RequestMalformed", id="missing-parameter"),
    ],
)
def test_an_unknown_code_needs_a_person_who_is_told_the_code(
    shop: Shop, code: str, status: int, reason: str
) -> None:
    shop.add_instance()
    refuse(shop, code, status)

    declare_all(shop)

    assert code in assert_stalled(shop, reason)
    assert shop.cost() == (1, 0, 0)


@pytest.mark.parametrize("code", ["IncorrectSomethingStatus", "SomethingRetryLater"])
def test_an_unknown_code_that_speaks_of_a_state_is_waited_out(shop: Shop, code: str) -> None:
    shop.add_instance()
    refuse(shop, code)

    declare_all(shop)

    shop.wait("Reconciling", "True", "InstanceBusy")
    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (2, 1, 1)


def test_an_instance_that_does_not_exist_is_named_and_found_when_it_does(shop: Shop) -> None:
    leaf = shop.root.leaf(f"{shop.instance_id()}.pg.rds.aliyuncs.com")
    shop.write_pair(leaf)
    shop.declare_custom()

    message = assert_stalled(shop, "InstanceNotFound")
    assert "InvalidDBInstanceId.NotFound" in message

    shop.add_instance()
    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_an_instance_that_goes_away_before_the_change_is_not_found(shop: Shop) -> None:
    shop.add_instance()
    refuse(shop, "InvalidDBInstanceId.NotFound")

    declare_all(shop)

    assert_stalled(shop, "InstanceNotFound")
    assert len(shop.modifies()) == 1


OUT_OF_SERVICE = [
    pytest.param({"status": "Stopped"}, id="stopped"),
    pytest.param({"lock_mode": "LockByDiskQuota"}, id="locked"),
]
BACK = {"status": "Running", "lock_mode": "Unlock"}


@pytest.mark.parametrize("fields", OUT_OF_SERVICE)
def test_an_instance_that_is_out_of_service_gets_no_change(
    shop: Shop, fields: dict[str, str]
) -> None:
    shop.add_instance(**fields)

    declare_all(shop)

    assert_stalled(shop, "InstanceUnavailable")
    assert shop.cost() == (0, 0, 0)

    shop.rds.patch_instance(shop.instance_id(), **BACK)
    shop.look_again()
    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


@pytest.mark.parametrize("fields", OUT_OF_SERVICE)
def test_an_instance_that_is_out_of_service_stays_as_it_was_if_nothing_is_to_be_done(
    shop: Shop, operator: OperatorProcess, fields: dict[str, str]
) -> None:
    shop.start_custom()
    shop.rds.patch_instance(shop.instance_id(), **fields)

    seen = len(shop.calls())
    shop.wait_until("a read", lambda: len(shop.calls()) > seen)
    wait_pass(shop, operator)

    ready = condition(shop.get(), "Ready")
    assert ready is not None
    assert ready["status"] == "True"
    assert "Stalled" not in shop.conditions()
    assert shop.cost() == (1, 1, 1)
