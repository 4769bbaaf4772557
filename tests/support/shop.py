"""A user's namespace: instances in the cloud, Secrets, objects, and what came of them."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from support import pki, polling
from support.cluster import Cluster, condition
from support.simulator import Simulator

Json = dict[str, Any]

ORDERS = "orders"
"""The name where a test has only one object."""

WAIT_SECONDS = 12.0
"""Far above what anything here takes on an idle machine (1.5 s)."""

MODIFY = "ModifyDBInstanceSSL"

SIGNATURE = frozenset(
    {"AccessKeyId", "Action", "Format", "Signature", "SignatureMethod", "SignatureNonce"}
    | {"SignatureVersion", "Timestamp", "Version"}
)
"""What every call has among its parameters that is signed by version 1."""

PROFILE = "postgresql-14"
"""Of an instance where a test does not say."""


class Shop:
    """
    A namespace with credentials. *name* is an object's, and the last part of its instance's id.

    Everything that is created is unique, so that tests can share control plane, cloud, operator.
    """

    def __init__(self, cluster: Cluster, rds: Simulator, namespace: str = "") -> None:
        """*namespace* is one that is there already; empty: a new one."""
        self.cluster, self.rds = cluster, rds
        self.token = uuid.uuid4().hex[:10]
        self.namespace = namespace or cluster.namespace(f"shop-{self.token}", credentials=False)
        cluster.credentials(self.namespace)
        self.root = pki.make_root("Shop root")

    # -- the cloud ----------------------------------------------------------------------------

    def instance_id(self, name: str = ORDERS) -> str:
        """Give the id of an instance, whether or not it exists."""
        return f"pgm-{self.token}-{name}"

    def host(self, name: str = ORDERS) -> str:
        """Give the internal endpoint."""
        return str(self.truth(name)["endpoints"][0]["host"])

    def add_instance(self, name: str = ORDERS, /, **fields: object) -> str:
        """Create an instance, see `Simulator.put_instance`; give its id."""
        self.rds.put_instance(self.instance_id(name), **fields)
        return self.instance_id(name)

    def truth(self, name: str = ORDERS) -> Json:
        """Give everything that is true of an instance."""
        return self.rds.instance(self.instance_id(name))

    def ssl(self, name: str = ORDERS) -> Json:
        """Give the SSL settings in force."""
        found: Json = self.truth(name)["ssl"]
        return found

    def meddle(self, name: str = ORDERS, /, **ssl: object) -> None:
        """Change SSL settings of an instance behind the operator's back."""
        self.rds.patch_instance(self.instance_id(name), ssl=ssl)

    def set_pair(self, leaf: pki.Leaf, name: str = ORDERS) -> None:
        """Give an instance a certificate behind the operator's back, SSL on."""
        self.meddle(
            name,
            enabled=True,
            server_cert=leaf.chain_pem.decode(),
            server_key=leaf.key_pem().decode(),
        )

    def calls(self, name: str = ORDERS) -> list[Json]:
        """Give all calls for an instance, oldest first."""
        return self.rds.calls(instance=self.instance_id(name))

    def modifies(self, name: str = ORDERS) -> list[Json]:
        """Give the calls that were to change an instance, refused ones included."""
        return [each for each in self.calls(name) if each["action"] == MODIFY]

    def sent(self, name: str = ORDERS) -> list[dict[str, str]]:
        """Give what the calls were to change: values of what is no secret, names of the rest."""
        left_out = {"DBInstanceId", "RegionId", "ConnectionString", *SIGNATURE}
        return [
            {
                parameter: each["values"].get(parameter, "")
                for parameter in each["parameters"]
                if parameter not in left_out
            }
            for each in self.modifies(name)
        ]

    def cost(self, name: str = ORDERS) -> tuple[int, int, int]:
        """Give the calls that were to change an instance, those accepted, and the restarts."""
        truth = self.truth(name)
        return len(self.modifies(name)), truth["accepted"], truth["restarts"]

    # -- what the user writes -----------------------------------------------------------------

    def leaf(self, name: str = ORDERS, /, **options: Any) -> pki.Leaf:  # noqa: ANN401  # As pki has it.
        """Make a certificate of the shop's own CA for an instance's internal endpoint."""
        return self.root.leaf(self.host(name), **options)

    def write_pair(self, leaf: pki.Leaf, name: str = ORDERS, /, **extra: bytes) -> None:
        """Write a certificate with its key into the Secret of an object."""
        self.write_tls(leaf.chain_pem, leaf.key_pem(), name, **extra)

    def write_tls(
        self, certificate: bytes, key: bytes, name: str = ORDERS, /, **extra: bytes
    ) -> None:
        """Write the Secret of an object; *extra* are further keys."""
        data: dict[str, str | bytes] = {"tls.crt": certificate, "tls.key": key, **extra}
        self.cluster.secret(self.namespace, secret(name), data)

    def write_client_ca(self, ca: bytes, crl: bytes | None = None) -> None:
        """Write the ConfigMap ``client-ca``."""
        data = {"ca.crt": ca} if crl is None else {"ca.crt": ca, "ca.crl": crl}
        self.cluster.config_map(self.namespace, "client-ca", data)

    def declare(self, name: str = ORDERS, /, **spec: object) -> Json:
        """Create an object for the instance of the same name."""
        wanted = {"instanceID": self.instance_id(name), **spec}
        return self.cluster.create(self.namespace, name, **wanted)

    def declare_custom(self, name: str = ORDERS, /, **spec: object) -> Json:
        """Create an object that takes its certificate from its Secret."""
        return self.declare(name, serverCertificate={"secretRef": {"name": secret(name)}}, **spec)

    def start_custom(
        self, name: str = ORDERS, /, *, profile: str = PROFILE, **spec: object
    ) -> pki.Leaf:
        """Bring an instance to a certificate of the shop's, Ready; give the certificate."""
        self.add_instance(name, profile=profile)
        leaf = self.leaf(name)
        self.write_pair(leaf, name)
        self.declare_custom(name, **spec)
        self.wait_ready(name)
        return leaf

    def start_cloud(self, name: str = ORDERS, /, *, profile: str = PROFILE, **spec: object) -> None:
        """Bring an instance to a cloud certificate, Ready."""
        self.add_instance(name, profile=profile)
        self.declare(name, **spec)
        self.wait_ready(name)

    def adopt_custom(self, name: str = ORDERS, /, **spec: object) -> pki.Leaf:
        """Declare an instance that has a certificate of the shop's already: no call, no second."""
        self.add_instance(name)
        leaf = self.leaf(name)
        self.set_pair(leaf, name)
        self.write_pair(leaf, name)
        self.declare_custom(name, **spec)
        self.wait_ready(name, reason="Adopted")
        return leaf

    def adopt_cloud(
        self, name: str = ORDERS, /, *, ssl: Mapping[str, object] | None = None, **spec: object
    ) -> None:
        """Declare an instance that has a cloud certificate, and *ssl*, already."""
        self.add_instance(name, ssl={"enabled": True, **(ssl or {})})
        self.declare(name, **spec)
        self.wait_ready(name, reason="Adopted")

    def patch(self, name: str = ORDERS, /, **spec: object) -> Json:
        """Change fields of a spec; None takes one away."""
        return self.cluster.patch(self.namespace, name, **spec)

    def delete(self, name: str = ORDERS) -> None:
        """Delete an object; it may linger."""
        self.cluster.delete(self.namespace, name)

    # -- what came of it ----------------------------------------------------------------------

    def get(self, name: str = ORDERS) -> Json:
        """Read an object."""
        return self.cluster.get(self.namespace, name)

    def status(self, name: str = ORDERS) -> Json:
        """Read the status of an object."""
        found: Json = self.get(name)["status"]
        return found

    def condition(self, kind: str, name: str = ORDERS) -> Json | None:
        """Give a condition."""
        return condition(self.get(name), kind)

    def conditions(self, name: str = ORDERS) -> dict[str, tuple[str, str]]:
        """Give status and reason of all conditions."""
        found = self.status(name).get("conditions", [])
        return {each["type"]: (each["status"], each["reason"]) for each in found}

    def wait(
        self,
        kind: str,
        status: str,
        reason: str | None = None,
        *,
        name: str = ORDERS,
        seconds: float = WAIT_SECONDS,
    ) -> Json:
        """Wait for a condition of the present generation; give it."""
        found = self.cluster.wait_condition(
            self.namespace, name, kind, status, reason, seconds=seconds
        )
        each = condition(found, kind)
        # It may have changed since; then the next look shows it, too.
        return each if each is not None else {}

    def wait_ready(self, name: str = ORDERS, reason: str | None = None) -> Json:
        """Wait until an object is Ready, and nothing is going on; give it."""

        def problem() -> str | None:
            found = self.get(name)
            status = found["status"]
            ready = condition(found, "Ready")
            if (
                ready is not None
                and ready["status"] == "True"
                and reason in {None, ready["reason"]}
                and status["observedGeneration"] == found["metadata"]["generation"]
                and not condition(found, "Reconciling")
                and not status.get("operation")
                and not status.get("plan")
            ):
                return None
            return f"{name} is not Ready and at rest: {status}"

        polling.wait(problem, seconds=WAIT_SECONDS)
        return self.get(name)

    def wait_until(self, what: str, fact: Callable[[], object]) -> None:
        """Wait until *fact* is true."""
        polling.wait(lambda: None if fact() else f"not so: {what}", seconds=WAIT_SECONDS)

    def wait_cost(self, expected: tuple[int, int, int], name: str = ORDERS) -> None:
        """Wait until as much was called and restarted, see `cost`."""

        def problem() -> str | None:
            found = self.cost(name)
            return None if found == expected else f"{name}: {found} instead of {expected}"

        polling.wait(problem, seconds=WAIT_SECONDS)

    def look_again(self, name: str = ORDERS) -> Json:
        """Ask for a pass and wait for its end: the object that it left. A later event, for sure."""
        token = uuid.uuid4().hex
        self.cluster.annotate(self.namespace, name, reconcile_requested_at=token)

        def looked() -> bool:
            status = self.status(name)
            # A pass that sends echoes the token in its write-ahead record, before the call.
            sending = status.get("operation", {}).get("phase") == "Sending"
            return status.get("lastHandledReconcileAt") == token and not sending

        self.wait_until(f"{name} has been looked at again", looked)
        return self.get(name)

    def events(self, reason: str | None = None) -> list[Json]:
        """List the Events of the namespace, narrowed by reason."""
        return self.cluster.events(self.namespace, reason)


def secret(name: str = ORDERS) -> str:
    """Give the name of an object's Secret."""
    return f"{name}-tls"


def sweep(cluster: Cluster) -> None:
    """Remove every DBInstanceSSL; no operator must be running."""
    path = f"/apis/{API_GROUP}/{API_VERSION}"
    for each in cluster.request("GET", f"{path}/{PLURAL}")["items"]:
        meta = each["metadata"]
        own = f"{path}/namespaces/{meta['namespace']}/{PLURAL}/{meta['name']}"
        if meta.get("finalizers"):
            cluster.request("PATCH", own, {"metadata": {"finalizers": None}})
        if not meta.get("deletionTimestamp"):
            cluster.request("DELETE", own)
