"""SQL Server: a PFX file and its password, forced encryption, the TLS minimum, renewal."""

import base64
import hashlib
import json
from typing import Any

import pytest

from support.cluster import Cluster
from support.operator_process import OperatorProcess
from support.shop import ORDERS, Shop

pytestmark = pytest.mark.usefixtures("operator")

OPERATOR = {"LOG_LEVEL": "debug", "SETTLE": "0.5s", "POLL": "0.5s"}
"""
What it writes is searched for passwords. What SQL Server does not show is verified once it has
settled: at the first read-back, as the rest.
"""

PROFILE = "sqlserver-2019"
PASSES = "rds_ssl_passes_total"
DAY = 86_400.0

FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:orders-1.pfx"
OTHER_FILE = "oss-cn-hangzhou.aliyuncs.com:certificates:orders-2.pfx"


def pfx(file: str = FILE) -> dict[str, Any]:
    """Declare a PFX file with its password."""
    password = {"name": "orders-pfx", "key": "password"}
    return {"pfx": {"ossObject": file, "passwordSecretKeyRef": password}}


def write_password(shop: Shop, password: str) -> None:
    shop.cluster.secret(shop.namespace, "orders-pfx", {"password": f"{password}\n"})


def whole(file: str = FILE) -> dict[str, str]:
    """Give what has to be sent for the file, encryption forced, TLS 1.2 at least."""
    demands = {"ForceEncryption": "1", "TlsVersion": "1.2"}
    return {"SSLEnabled": "1", "Certificate": file, "PassWord": "", **demands}


# -- a PFX file ------------------------------------------------------------------------------------


def test_a_pfx_file_is_one_call_another_file_one_more_another_password_none_and_none_is_written(
    shop: Shop, cluster: Cluster, operator: OperatorProcess
) -> None:
    passwords = ["correct horse battery", "geh3im!", "another-pass-word-9"]
    shop.add_instance(profile=PROFILE)
    write_password(shop, passwords[0])
    shop.declare(serverCertificate=pfx(), forceEncryption=True, minimumTLSVersion="1.2")
    shop.wait_ready()
    assert shop.sent() == [whole()]
    assert shop.cost() == (1, 1, 1)
    ssl = shop.ssl()
    assert (ssl["pfx"], ssl["force_encryption"], ssl["tls_version"]) == (FILE, True, "1.2")

    passes = operator.metric(PASSES)
    write_password(shop, passwords[1])
    shop.wait_until("the operator has seen it", lambda: operator.metric(PASSES) > passes)
    shop.look_again()
    assert shop.conditions()["Ready"][0] == "True"
    assert shop.cost() == (1, 1, 1)

    shop.patch(serverCertificate=pfx(OTHER_FILE))
    shop.wait_cost((2, 2, 2))
    shop.wait_ready()
    assert shop.sent() == [whole(), whole(OTHER_FILE)]
    assert shop.ssl()["pfx"] == OTHER_FILE

    # What the API says may hold what was sent.
    text = f"The password {passwords[2]} does not open the file."
    refusal = {"code": "InvalidServerCertOrPrivateKey", "status": 400, "message": text}
    shop.rds.fault(refusal, action="ModifyDBInstanceSSL", instance=shop.instance_id())
    write_password(shop, passwords[2])
    shop.patch(serverCertificate=pfx())
    shop.wait("Stalled", "True", "ServerCertificateRejected")
    shop.wait_until("an Event tells", lambda: shop.events("ServerCertificateRejected"))
    check_unwritten(passwords, shop, cluster, operator)


def check_unwritten(
    passwords: list[str], shop: Shop, cluster: Cluster, operator: OperatorProcess
) -> None:
    """Fail if a password, or a trace of it, stands in anything that the operator has written."""
    objects = cluster.request("GET", "/apis/rds-ssl.dev/v1alpha1/dbinstancessls")["items"]
    written = {
        "objects": json.dumps(objects),
        "events": json.dumps(shop.events()),
        "log": operator.log,
        "audit": cluster.control_plane.audit_log.read_text(),
        "metrics": operator.get("/metrics")[1],
        "ledger": json.dumps(shop.calls()),
    }
    assert shop.namespace in written["log"]
    assert ORDERS in written["events"]
    assert shop.namespace in written["audit"]
    for number, password in enumerate(passwords):
        raw = password.encode()
        for form, trace in {
            "itself": password,
            "base64": base64.b64encode(raw).decode().rstrip("="),
            "a digest": hashlib.sha256(raw).hexdigest()[:16],
        }.items():
            places = [place for place, text in written.items() if trace in text]
            assert not places, f"password {number}: {form} is in {places}"
    assert shop.rds.stats()["keys_in_url"] == 0


# -- renewal ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("update", ["accepted", "refused"])
def test_a_cloud_certificate_of_sql_server_is_renewed_with_2_or_where_that_is_refused_with_1(
    shop: Shop, update: str
) -> None:
    own = shop.add_instance(profile=PROFILE)
    soon = {"cloud-lifetime": 20 * DAY}
    shop.rds.config(durations=soon, switches={"update-value": update}, instance=own)
    shop.declare()
    shop.wait_ready()
    shop.rds.config(durations={"cloud-lifetime": 365 * DAY}, instance=own)
    first = shop.ssl()

    shop.patch(serverCertificate={"renewBefore": "720h"})

    shop.wait_until("it is renewed", lambda: shop.ssl()["expire_time"] > first["expire_time"])
    shop.wait_ready(reason="Verified")
    found = shop.look_again()
    tries = ["2"] if update == "accepted" else ["2", "1"]
    assert [each["SSLEnabled"] for each in shop.sent()] == ["1", *tries]
    assert [each["code"] for each in shop.modifies()[1:-1]] == ["InvalidSSLStatus"] * (
        len(tries) - 1
    )
    assert {each["TlsVersion"] for each in shop.sent()[1:]} == {first["tls_version"]}
    assert shop.cost()[1:] == (2, 2)
    assert found["status"]["observed"]["expireTime"] == shop.ssl()["expire_time"]
    renewal = found["status"]["history"][0]
    assert (renewal["cause"], renewal["result"]) == ("renewal", "Verified")
