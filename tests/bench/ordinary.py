"""
An ordinary operator, the yardstick: kopf's handlers, the vendor's SDK, the official client.

It is written as the documentation of these three teaches, with their defaults: handlers for
creation, change and resumption share one function, a timer looks again, ``TemporaryError`` waits,
a watch of Secrets with an index tells whose certificate has changed. It reads before each write
and compares certificates, not text. It manages the server certificate and nothing else.

    python -m bench.ordinary

Environment: KUBECONFIG, RDS_ENDPOINT (host and port), ALIBABA_CLOUD_ACCESS_KEY_ID and _SECRET,
RESYNC_SECONDS.
"""

import base64
import os
from datetime import UTC, datetime
from typing import Any

import kopf
import kubernetes
from alibabacloud_rds20140815 import models
from alibabacloud_rds20140815.client import Client
from alibabacloud_tea_openapi.models import Config
from cryptography import x509

GROUP, VERSION, PLURAL = "rds-ssl.dev", "v1alpha1", "dbinstancessls"
SECRET_VERSION = "ordinary.example/secret-version"

RESYNC = float(os.environ.get("RESYNC_SECONDS", "600"))
POLL = 5.0
"""Seconds between two looks at an instance that changes."""
NO_SECRET = 10.0
"""Seconds to the next look for a Secret that is not there."""
THREADS = 16
"""As many as the operator that it is compared with has workers."""


@kopf.on.startup()
def configure(settings: kopf.OperatorSettings, **_: object) -> None:
    """Connect to the cluster and to the cloud."""
    kubernetes.config.load_config()
    settings.execution.max_workers = THREADS


RDS = Client(
    Config(
        access_key_id=os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_ID"),
        access_key_secret=os.environ.get("ALIBABA_CLOUD_ACCESS_KEY_SECRET"),
        endpoint=os.environ.get("RDS_ENDPOINT"),
        protocol="http",
        no_proxy="127.0.0.1",
    )
)


@kopf.index(GROUP, VERSION, PLURAL)
def users(
    namespace: str | None, name: str, spec: kopf.Spec, **_: object
) -> dict[tuple[str | None, str], str]:
    """Index the objects by the Secret that they name."""
    return {(namespace, spec["serverCertificate"]["secretRef"]["name"]): name}


@kopf.on.event("", "v1", "secrets")  # type: ignore[arg-type]  # The type has no indices.
def secret_changed(
    event: kopf.RawEvent,
    namespace: str | None,
    name: str,
    meta: kopf.Meta,
    users: kopf.Index[tuple[str | None, str], str],
    **_: object,
) -> None:
    """Touch the objects that use a Secret, which calls their handler, with its retries."""
    if event["type"] not in {"ADDED", "MODIFIED"}:  # None: the first list; objects resume anyway.
        return
    touch = {"metadata": {"annotations": {SECRET_VERSION: meta["resourceVersion"]}}}
    for user in users.get((namespace, name), ()):
        kubernetes.client.CustomObjectsApi().patch_namespaced_custom_object(
            GROUP, VERSION, namespace, PLURAL, user, touch,
            _content_type="application/merge-patch+json",
        )  # fmt: skip


@kopf.on.create(GROUP, VERSION, PLURAL)
@kopf.on.update(GROUP, VERSION, PLURAL)
@kopf.on.resume(GROUP, VERSION, PLURAL)
def reconcile(
    namespace: str | None,
    spec: kopf.Spec,
    meta: kopf.Meta,
    status: kopf.Status,
    patch: kopf.Patch,
    **_: object,
) -> None:
    """Bring the instance to the certificate in the Secret."""
    reference = spec["serverCertificate"]["secretRef"]

    def report(*, ready: bool, reason: str) -> None:
        condition = {"type": "Ready", "status": str(ready), "reason": reason, "message": ""}
        known = {each["type"]: each for each in status.get("conditions", ())}.get("Ready", {})
        same = condition.items() <= known.items()
        if same and status.get("observedGeneration") == meta["generation"]:
            return
        if known.get("status") == condition["status"]:
            condition["lastTransitionTime"] = known["lastTransitionTime"]
        else:
            condition["lastTransitionTime"] = datetime.now(UTC).isoformat()
        patch.status["observedGeneration"] = meta["generation"]
        patch.status["conditions"] = [condition]

    try:
        data = (
            kubernetes.client.CoreV1Api().read_namespaced_secret(reference["name"], namespace).data
        )
    except kubernetes.client.ApiException as error:
        if error.status != 404:
            raise
        report(ready=False, reason="SecretNotFound")
        raise kopf.TemporaryError("the Secret is not there", delay=NO_SECRET) from error
    chain, key = (base64.b64decode(data[name]).decode() for name in ("tls.crt", "tls.key"))

    attribute = RDS.describe_dbinstance_attribute(
        models.DescribeDBInstanceAttributeRequest(dbinstance_id=spec["instanceID"])
    ).body.items.dbinstance_attribute[0]
    shown = RDS.describe_dbinstance_ssl(
        models.DescribeDBInstanceSSLRequest(dbinstance_id=spec["instanceID"])
    ).body
    if attribute.dbinstance_status != "Running" or shown.last_modify_status == "setting":
        report(ready=False, reason="Changing")
        raise kopf.TemporaryError("the instance is changing", delay=POLL)
    if shown.sslenabled == "on" and is_same(shown.server_cert, chain):
        report(ready=True, reason="Applied")
        return
    RDS.modify_dbinstance_ssl(
        models.ModifyDBInstanceSSLRequest(
            dbinstance_id=spec["instanceID"],
            connection_string=attribute.connection_string,
            sslenabled=1,
            catype="custom",
            server_cert=chain,
            server_key=key,
        )
    )
    report(ready=False, reason="Changing")
    raise kopf.TemporaryError("the change was sent", delay=POLL)


def is_same(shown: str | None, chain: str) -> bool:
    """Tell whether the certificate that is shown is the first one of *chain*."""
    return bool(shown) and leaf(shown or "") == leaf(chain)


def leaf(text: str) -> x509.Certificate:
    """Read the first certificate."""
    return x509.load_pem_x509_certificate(text.encode())


@kopf.timer(GROUP, VERSION, PLURAL, interval=RESYNC, initial_delay=RESYNC)
def resync(status: kopf.Status, **given: Any) -> None:  # noqa: ANN401  # As kopf gives it.
    """Look again at an object with which all is well; the handlers see to the others."""
    if any(each["status"] == "True" for each in status.get("conditions", ())):
        reconcile(status=status, **given)


if __name__ == "__main__":
    kopf.configure()
    kopf.run(standalone=True, clusterwide=True)
