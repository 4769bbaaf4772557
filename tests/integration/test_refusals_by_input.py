"""
The eight codes of ModifyDBInstanceSSL by what people store and declare, not by ordered faults.

The gateway is as strict as it may be, one switch at a time: no document says how strict it is.
What the schema or the operator refuses before anything is sent ends there, and is shown as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from support import pki
from support.shop import ORDERS, Shop, secret

pytestmark = pytest.mark.usefixtures("operator")

RSA = pki.KeyType.RSA_2048
CA = {"configMapKeyRef": {"name": "client-ca", "key": "ca.crt"}}
LISTS = {"configMapKeyRef": {"name": "client-ca", "key": "ca.crl"}}


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is stored and declared, what RDS says of it, and what puts it right."""

    code: str
    reason: str
    names: tuple[str, ...]
    """What the message names."""
    declare: Callable[[Shop], None]
    correct: Callable[[Shop], object]
    profile: str = "postgresql-14"
    switches: dict[str, str]
    before: int = 0
    """Accepted calls before the refused one."""


def edit_beside_it(shop: Shop) -> None:
    """Edit what has no part in what is sent, and wait until that was looked at."""
    generation = shop.patch(driftPolicy="Report")["metadata"]["generation"]
    shop.wait_until("a pass", lambda: shop.status()["observedGeneration"] == generation)


def curve(shop: Shop) -> None:
    """Declare a certificate with a key on a curve."""
    shop.write_pair(shop.leaf())
    shop.declare_custom()


def curve_ca(shop: Shop) -> None:
    """Declare a client CA with a key on a curve, beside an RSA certificate."""
    shop.write_pair(shop.leaf(kind=RSA))
    shop.write_client_ca(shop.root.pem)
    shop.declare_custom(clientAuthentication={"ca": CA}, approvalRequired=[])


def two_lists(shop: Shop) -> None:
    """Declare two client CAs with a revocation list each."""
    other = pki.make_root("Other clients")
    lists = shop.root.revocation_list() + other.revocation_list()
    shop.write_client_ca(shop.root.pem + other.pem, lists)
    shop.declare(clientAuthentication={"ca": CA, "revocationList": LISTS}, approvalRequired=[])


def one_list(shop: Shop) -> None:
    """Keep one of them."""
    shop.write_client_ca(shop.root.pem, shop.root.revocation_list())


def verify_full(shop: Shop) -> None:
    """Declare verify-full for a PostgreSQL whose version does not say what it can do."""
    shop.rds.patch_instance(shop.instance_id(), engine_version="latest")
    shop.write_client_ca(shop.root.pem)
    wanted = {"ca": CA, "acl": "verify-full"}
    shop.declare(clientAuthentication=wanted, approvalRequired=[])


def turned_off(shop: Shop) -> None:
    """Turn SSL off after it was on."""
    shop.declare(approvalRequired=[])
    shop.wait_ready()
    shop.patch(enabled=False)


CASES = [
    Case(
        code="InvalidServerCertOrPrivateKey",
        reason="ServerCertificateRejected",
        names=(secret(), "tls.crt", "tls.key"),
        switches={"ec-keys": "refused"},
        declare=curve,
        correct=lambda shop: shop.write_pair(shop.leaf(kind=RSA)),
    ),
    Case(
        code="InvalidClientCACert",
        reason="ClientCARejected",
        names=("client-ca", "ca.crt"),
        switches={"ec-keys": "refused"},
        declare=curve_ca,
        correct=lambda shop: shop.write_client_ca(pki.make_root("RSA", kind=RSA).pem),
    ),
    Case(
        code="InvalidClientCrl",
        reason="RevocationListRejected",
        names=("client-ca", "ca.crl"),
        switches={"crl-blocks": "refused"},
        declare=two_lists,
        correct=one_list,
    ),
    Case(
        code="InvalidCAType.NotFound",
        reason="CATypeRejected",
        names=("custom", "MySQL"),
        profile="mysql-8.0",
        switches={"custom-on-mysql": "refused"},
        declare=curve,
        correct=lambda shop: shop.patch(serverCertificate=None),
    ),
    Case(
        code="InvalidACL.NotFound",
        reason="ACLRejected",
        names=("verify-full", "PostgreSQL 12"),
        profile="postgresql-11",
        switches={},
        declare=verify_full,
        correct=lambda shop: shop.patch(clientAuthentication={"ca": CA, "acl": "cert"}),
    ),
    Case(
        code="InvalidSSLStatus",
        reason="SSLStatusRejected",
        names=("wanted: off", "observed: on"),
        profile="sqlserver-2019",
        switches={"sqlserver-off": "refused"},
        declare=turned_off,
        correct=lambda shop: shop.patch(enabled=True),
        before=1,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[each.code for each in CASES])
def test_what_rds_refuses_is_told_with_its_remedy_sent_once_and_goes_with_its_cause(
    shop: Shop, case: Case
) -> None:
    shop.add_instance(profile=case.profile)
    shop.rds.config(switches=case.switches, instance=shop.instance_id())

    case.declare(shop)

    message = str(shop.wait("Stalled", "True", case.reason)["message"])
    assert shop.conditions()["Ready"] == ("False", case.reason)
    assert case.code in message
    assert all(each in message for each in case.names)
    assert [each["code"] for each in shop.modifies()][case.before :] == [case.code]
    edit_beside_it(shop)
    assert shop.cost()[:2] == (case.before + 1, case.before)

    case.correct(shop)

    shop.wait_ready()
    assert "Stalled" not in shop.conditions()


@pytest.mark.parametrize(
    "clients",
    [{"revocationList": LISTS}, {"acl": "cert"}],
    ids=["InvalidClientCrl.Permission", "InvalidACL.Permission"],
)
def test_a_list_or_an_acl_without_a_client_ca_is_refused_by_the_schema(
    shop: Shop, clients: dict[str, Any]
) -> None:
    """What the two codes with HTTP 403 are about cannot be stored."""
    shop.add_instance()

    with pytest.raises(httpx.HTTPStatusError, match=r"need(s)? ca|ca is"):
        shop.declare(clientAuthentication=clients)

    assert shop.calls() == []


def test_verify_full_on_an_old_postgresql_is_refused_before_anything_is_sent(shop: Shop) -> None:
    shop.add_instance(profile="postgresql-11")
    shop.write_client_ca(shop.root.pem)

    shop.declare(clientAuthentication={"ca": CA, "acl": "verify-full"}, approvalRequired=[])

    assert "PostgreSQL 12" in shop.wait("Stalled", "True", "EngineNotSupported")["message"]
    assert shop.modifies() == []


def test_pem_on_one_line_goes_out_in_lines(shop: Shop) -> None:
    """As the vendor's own samples have it, and people paste it."""
    shop.add_instance()
    shop.rds.config(switches={"one-line-pem": "refused"}, instance=shop.instance_id())
    leaf = shop.leaf(kind=RSA)
    shop.write_tls(leaf.chain_pem.replace(b"\n", b""), leaf.key_pem().replace(b"\n", b""))
    one_line = (shop.root.pem.replace(b"\n", b""), shop.root.revocation_list().replace(b"\n", b""))
    shop.write_client_ca(*one_line)

    shop.declare_custom(
        clientAuthentication={"ca": CA, "revocationList": LISTS}, approvalRequired=[]
    )

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)
    assert shop.ssl()["server_sha256"] == leaf.sha256


def test_a_strict_gateway_takes_what_the_operator_lets_through(shop: Shop) -> None:
    strict = {"bad-crl": "refused", "uncovered-host": "refused", "one-line-pem": "refused"}
    shop.add_instance()
    shop.rds.config(switches=strict, instance=shop.instance_id())
    shop.write_pair(shop.leaf())
    shop.write_client_ca(shop.root.pem, shop.root.revocation_list())

    shop.declare_custom(
        clientAuthentication={"ca": CA, "revocationList": LISTS, "acl": "cert"},
        approvalRequired=[],
    )

    shop.wait_ready(reason="Verified")
    assert shop.cost() == (1, 1, 1)


def test_nothing_of_the_gateways_text_is_in_a_condition(shop: Shop) -> None:
    shop.add_instance()
    shop.rds.config(switches={"ec-keys": "refused"}, instance=shop.instance_id())

    curve(shop)

    message = str(shop.wait("Stalled", "True", "ServerCertificateRejected")["message"])
    assert "Specify server certificate" not in message
    assert ORDERS in message
