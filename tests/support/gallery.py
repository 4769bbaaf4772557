"""
Databases of three teams in nearly every state that there is, for what shows them to people.

    Gallery(cluster, rds).fill()

An operator has to run, with the settings `OPERATOR`: what stands in the objects is its own. Only
the material and what happens to the instances is made up here. It takes a minute.
"""

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from support import pki
from support.cluster import Cluster
from support.shop import Shop
from support.simulator import Simulator

OPERATOR: Mapping[str, str] = MappingProxyType({"DRIFT_DELAY": "2s"})
"""Settings beside those of `system_fixtures`."""

TOKENS = MappingProxyType({"shop": "bp17k2", "billing": "bp1q4z", "analytics": "bp1w9m"})
"""Namespaces, and a part of the IDs of their instances."""

SATURDAY = {"schedule": "0 3 * * SAT", "duration": "2h", "timeZone": "Asia/Shanghai"}
MONTHLY = {"schedule": "30 2 1 * *", "duration": "3h", "timeZone": "Asia/Shanghai"}

_CLIENT_CA = {"configMapKeyRef": {"name": "client-ca", "key": "ca.crt"}}
_CLIENT_CRL = {"configMapKeyRef": {"name": "client-ca", "key": "ca.crl"}}
MUTUAL = {"ca": _CLIENT_CA, "revocationList": _CLIENT_CRL, "acl": "verify-full"}


class Gallery:
    """Three namespaces: shop, billing, analytics."""

    def __init__(self, cluster: Cluster, rds: Simulator) -> None:
        self._shops = {name: self._shop(cluster, rds, name) for name in TOKENS}
        root = pki.make_root("Example Root CA")
        self._issuer = root.intermediate("Example Issuing CA 3")

    @staticmethod
    def _shop(cluster: Cluster, rds: Simulator, namespace: str) -> Shop:
        cluster.namespace(namespace, credentials=False)
        shop = Shop(cluster, rds, namespace)
        shop.token = TOKENS[namespace]
        return shop

    def __getitem__(self, namespace: str) -> Shop:
        return self._shops[namespace]

    def fill(self) -> None:
        """Bring every object to its state, and wait until it is there."""
        self._at_rest()
        self._held()
        self._in_trouble()
        self._under_way()

    def _leaf(self, shop: Shop, name: str, *, days: int, common_name: str = "") -> pki.Leaf:
        """Make a certificate that ends in so many days; of 90, where that is enough."""
        end = pki.real_now() + timedelta(days=days, hours=5)
        start = min(pki.real_now() - timedelta(hours=1), end - timedelta(days=90))
        return self._issuer.leaf(
            shop.host(name),
            common_name=common_name or shop.host(name),
            not_before=start,
            not_after=end,
        )

    def _start(self, namespace: str, name: str, *, days: int, **spec: object) -> None:
        """Bring an instance to a certificate of the company's."""
        shop = self[namespace]
        shop.add_instance(name)
        shop.write_pair(self._leaf(shop, name, days=days), name)
        shop.declare_custom(name, **spec)
        shop.wait_ready(name)

    def _adopt(
        self,
        namespace: str,
        name: str,
        *,
        days: int,
        common_name: str = "",
        ready: str = "True",
        **spec: object,
    ) -> None:
        """Declare an instance that has such a certificate already."""
        shop = self[namespace]
        shop.add_instance(name)
        leaf = self._leaf(shop, name, days=days, common_name=common_name)
        shop.set_pair(leaf, name)
        shop.write_pair(leaf, name)
        shop.declare_custom(name, **spec)
        shop.wait("Ready", ready, name=name)

    def _rotate(self, namespace: str, name: str, *, days: int) -> None:
        shop = self[namespace]
        shop.write_pair(self._leaf(shop, name, days=days), name)

    def _at_rest(self) -> None:
        shop, billing = self["shop"], self["billing"]
        clients = pki.make_root("Example Clients CA")
        for each in (shop, billing):
            each.write_client_ca(clients.pem, clients.revocation_list())
        self._start("shop", "orders", days=89, clientAuthentication=MUTUAL)
        self._start("shop", "basket", days=52)
        accepted = 1
        for days in (60, 75):
            self._rotate("shop", "basket", days=days)
            accepted += 1
            shop.wait_cost((accepted, accepted, accepted), "basket")
            shop.wait_ready("basket")
        self._adopt("shop", "checkout", days=9)
        self._adopt("shop", "wishlist", days=130, common_name="心愿单 · 杭州")
        billing.start_custom("archive", profile="mysql-8.0")
        self._adopt("billing", "taxes", days=201)
        self["analytics"].start_cloud("warehouse", profile="sqlserver-2019")
        for name, days in (("clicks", 41), ("funnels", 88), ("cohorts", 89), ("ads", 310)):
            self._adopt("analytics", name, days=days)

    def _held(self) -> None:
        shop, billing, analytics = self["shop"], self["billing"], self["analytics"]
        self._start("shop", "stock", days=64, clientAuthentication=MUTUAL)
        shop.patch("stock", clientAuthentication={"acl": "prefer", "revocationList": None})
        shop.wait("ChangePending", "True", "AwaitingApproval", name="stock")
        for name in ("sessions", "search"):
            self._adopt("shop", name, days=12, maintenance={"windows": [SATURDAY]})
            self._rotate("shop", name, days=90)
            shop.wait("ChangePending", "True", "AwaitingWindow", name=name)
        billing.start_cloud("invoices")
        billing.patch("invoices", suspend=True, enabled=False)
        billing.wait("ChangePending", "True", "Suspended", name="invoices")
        billing.start_cloud("reports", driftPolicy="Report")
        billing.meddle("reports", enabled=False)
        billing.look_again("reports")
        billing.wait("ChangePending", "True", "Drifted", name="reports")
        self._adopt("analytics", "metrics", days=27, maintenance={"windows": [MONTHLY]})
        self._rotate("analytics", "metrics", days=90)
        analytics.wait("ChangePending", "True", "AwaitingWindow", name="metrics")
        analytics.add_instance("lake")
        analytics.declare("lake", managementPolicy="Observe")
        analytics.wait("ChangePending", "True", "Observing", name="lake")

    def _in_trouble(self) -> None:
        shop, billing, analytics = self["shop"], self["billing"], self["analytics"]
        self._adopt("shop", "payments", days=-3, ready="False")
        shop.wait("Stalled", "True", "CertificateExpired", name="payments")
        billing.add_instance("ledger")
        billing.write_tls(b"-----BEGIN CERTIFICATE-----\n", b"none", "ledger")
        billing.declare_custom("ledger")
        billing.wait("Stalled", "True", "MaterialInvalid", name="ledger")
        billing.declare("mail")
        billing.wait("Stalled", "True", "InstanceNotFound", name="mail")
        analytics.add_instance("imports")
        analytics.declare_custom("imports")
        analytics.wait("MaterialReady", "False", "SecretNotFound", name="imports")

    def _under_way(self) -> None:
        analytics = self["analytics"]
        self._start("analytics", "events", days=14)
        instance = analytics.instance_id("events")
        analytics.rds.config(durations={"window": 1, "change": 3600}, instance=instance)
        self._rotate("analytics", "events", days=90)
        analytics.wait_until(
            "it is sent",
            lambda: analytics.status("events").get("operation", {}).get("phase") == "Accepted",
        )
