"""Which fields of an answer nothing declared rests on."""

from typing import Any

import pytest

from rds_ssl.core.api.spec import Declaration, parse_spec
from rds_ssl.core.rds.undeclared import undeclared_fields

FREE = {"RequireUpdate", "LastModifyStatus", "SSLExpireTime", "ACL", "ReplicationACL"} | {
    "ForceEncryption",
    "TlsVersion",
}
CA = {"ca": {"configMapKeyRef": {"name": "ca"}}}
PFX = {
    "ossObject": "oss-cn-hangzhou.aliyuncs.com:bucket:one.pfx",
    "passwordSecretKeyRef": {"name": "pfx", "key": "password"},
}


def declared(**spec: object) -> Declaration:
    """Make a declaration."""
    found = parse_spec({"instanceID": "pgm-1", "regionID": "cn-hangzhou", **spec})
    assert isinstance(found, Declaration)
    return found


@pytest.mark.parametrize(
    ("spec", "rests_on"),
    [
        pytest.param({}, set(), id="a cloud certificate"),
        pytest.param({"forceEncryption": True}, {"ForceEncryption"}, id="forced"),
        pytest.param({"forceEncryption": False}, set(), id="not forced"),
        pytest.param({"minimumTLSVersion": "1.2"}, {"TlsVersion"}, id="TLS"),
        pytest.param({"clientAuthentication": CA}, {"ACL", "ReplicationACL"}, id="client CA"),
        pytest.param(
            {"serverCertificate": {"secretRef": {"name": "tls"}}}, {"SSLExpireTime"}, id="own"
        ),
        pytest.param({"serverCertificate": {"pfx": PFX}}, {"SSLExpireTime"}, id="PFX"),
        pytest.param(
            {"serverCertificate": {"renewBefore": "720h"}}, {"SSLExpireTime"}, id="renewal"
        ),
    ],
)
def test_nothing_rests_on_what_is_not_declared(spec: dict[str, Any], rests_on: set[str]) -> None:
    found = undeclared_fields(declared(**spec), in_flight=False)

    assert found == FREE - rests_on


def test_with_ssl_off_everything_but_that_is_free() -> None:
    assert undeclared_fields(declared(enabled=False), in_flight=False) == FREE | {"CAType"}


def test_the_end_of_a_change_is_not_guessed_at_while_one_is_at_work() -> None:
    assert undeclared_fields(declared(), in_flight=True) == FREE - {"LastModifyStatus"}
