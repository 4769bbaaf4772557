"""
A run with all that a dashboard has panels for: changes, and what goes wrong, on a real operator.

`play` takes half a minute: databases of all kinds of material, a rotation, a plan that waits for an
approval, a drift, credentials that fail, a certificate that ends soon, a cloud that throttles and
for a while does not answer.
"""

import time
from datetime import timedelta
from typing import Any

from support import pki
from support.shop import MODIFY, WAIT_SECONDS, Shop

Json = dict[str, Any]

SETTINGS = {"API_RATE": "8", "RESYNC": "3s", "POLL": "1s"}
"""Of the operator: so that some objects have to wait for their turn."""

_CLIENTS: Json = {
    "ca": {"configMapKeyRef": {"name": "client-ca"}},
    "revocationList": {"configMapKeyRef": {"name": "client-ca"}},
    "acl": "verify-ca",
    "replicationACL": "cert",
}

_ENDS = {"soon": 2.5, "checkout": 11, "invoices": 24, "search": 52}
"""Databases whose certificates live for 90 days, of which so many are left."""

RESTING = 24
"""Objects that nothing happens to."""


def play(shop: Shop) -> None:
    """Let all of it happen."""
    # So long that a look every second sees the instance away.
    shop.rds.config(durations={"window": 0.1, "change": 2.5, "acl": 0.2})
    _healthy(shop)
    _held(shop)
    _broken(shop)
    shop.write_pair(shop.leaf("orders"), "orders")  # A rotation.
    _trouble_in_the_cloud(shop)


def _healthy(shop: Shop) -> None:
    names = [f"db-{number:02}" for number in range(RESTING)]
    shop.rds.put_instances(
        *(
            {"id": shop.instance_id(each), "profile": "postgresql-14", "ssl": {"enabled": True}}
            for each in names
        )
    )
    for each in names:
        shop.declare(each)
    clients = pki.make_root(
        "Clients", extras=pki.Extras(not_after=pki.real_now() + timedelta(days=45))
    )
    shop.write_client_ca(clients.pem, clients.revocation_list(serials=[7], number=1))
    shop.start_custom(clientAuthentication=_CLIENTS)
    shop.root = pki.make_root("Shop").intermediate()
    shop.start_custom("billing")
    for name, days in _ENDS.items():
        shop.add_instance(name)
        now = pki.real_now()
        ends = {"not_before": now + timedelta(days=days - 90), "not_after": now + timedelta(days)}
        shop.write_pair(shop.leaf(name, **ends), name)
        shop.declare_custom(name)
    shop.wait("CertificateExpiring", "True", name="soon", seconds=3 * WAIT_SECONDS)


def _held(shop: Shop) -> None:
    for name in ("held", "asleep"):
        shop.start_cloud(name)
    shop.patch("held", approvalRequired=["Restart"], forceEncryption=True)
    shop.patch("asleep", suspend=True, forceEncryption=True)
    shop.start_custom("drifts", driftPolicy="Report")
    shop.set_pair(shop.leaf("drifts"), "drifts")
    shop.wait("ChangePending", "True", "AwaitingApproval", name="held", seconds=3 * WAIT_SECONDS)
    shop.wait("ChangePending", "True", "Drifted", name="drifts", seconds=3 * WAIT_SECONDS)


def _broken(shop: Shop) -> None:
    shop.declare("gone")  # There is no such instance.
    shop.cluster.secret(shop.namespace, "bad", {"accessKeyId": "LTAIbad", "accessKeySecret": "no"})
    shop.add_instance("locked-out")
    shop.declare("locked-out", credentialsSecretRef={"name": "bad"})
    shop.wait("Stalled", "True", name="locked-out", seconds=3 * WAIT_SECONDS)
    shop.add_instance("refused")
    refused = {"code": "InvalidServerCertAndKey.Mismatch", "status": 400}
    shop.rds.fault(refused, action=MODIFY, instance=shop.instance_id("refused"))
    shop.declare("refused")


def _trouble_in_the_cloud(shop: Shop) -> None:
    shop.rds.config(rate_limit=1)
    time.sleep(12)
    shop.rds.fault({"kind": "reset-after"}, action="DescribeDBInstanceSSL", times=20)
    time.sleep(5)
    shop.rds.clear_faults()
    shop.rds.config(rate_limit=None)
