"""How closely the gateway looks at certificates and lists: both values of each switch."""

from datetime import timedelta

import pytest

from support import pki
from support.simulator import InProcess

HOST = "pg.pg.rds.aliyuncs.com"
RSA = pki.KeyType.RSA_2048


def answer(rds: InProcess, **parameters: str) -> str:
    """Give the code of a change, and let it end."""
    code = str(rds.modify("pg", **parameters).json().get("Code", "OK"))
    rds.advance(60)
    return code


def pair(leaf: pki.Leaf) -> dict[str, str]:
    """Make the parameters of a custom certificate."""
    return {
        "CAType": "custom",
        "ServerCert": leaf.chain_pem.decode(),
        "ServerKey": leaf.key_pem().decode(),
    }


def clients(ca: bytes, crl: bytes | None = None) -> dict[str, str]:
    """Make the parameters of a client CA, and of a revocation list."""
    found = {"ClientCAEnabled": "1", "ClientCACert": ca.decode()}
    if crl is not None:
        found |= {"ClientCrlEnabled": "1", "ClientCertRevocationList": crl.decode()}
    return found


@pytest.fixture(params=["accepted", "refused"])
def value(request: pytest.FixtureRequest) -> str:
    """Give the value of a switch."""
    return str(request.param)


def expected(value: str, code: str) -> str:
    """Give the code that an answer has."""
    return code if value == "refused" else "OK"


def test_a_certificate_that_does_not_name_the_endpoint(
    rds: InProcess, root: pki.Authority, value: str
) -> None:
    rds.config(switches={"uncovered-host": value})

    code = answer(rds, **pair(root.leaf("elsewhere.example.com")))

    assert code == expected(value, "InvalidServerCertOrPrivateKey")
    assert answer(rds, **pair(root.leaf(HOST))) == "OK"
    assert answer(rds, **pair(root.leaf("*.pg.rds.aliyuncs.com"))) == "OK"


def test_keys_on_elliptic_curves(rds: InProcess, value: str) -> None:
    rds.config(switches={"ec-keys": value})
    curve, rsa = pki.make_root("Curve"), pki.make_root("RSA", kind=RSA)

    server = answer(rds, **pair(rsa.leaf(HOST)))
    trust = answer(rds, **clients(curve.pem))

    assert server == expected(value, "InvalidServerCertOrPrivateKey")
    assert trust == expected(value, "InvalidClientCACert")
    assert answer(rds, **pair(curve.leaf(HOST, kind=RSA)), **clients(rsa.pem)) == "OK"


def test_a_list_that_is_out_of_date_or_of_another_key(
    rds: InProcess, root: pki.Authority, value: str
) -> None:
    rds.config(switches={"bad-crl": value})
    stale = root.revocation_list(next_update=rds.now - timedelta(minutes=1))
    namesake = pki.make_root(root.certificate.subject.rfc4514_string().removeprefix("CN="))
    assert namesake.certificate.subject == root.certificate.subject

    codes = [answer(rds, **clients(root.pem, each)) for each in (stale, namesake.revocation_list())]

    assert codes == [expected(value, "InvalidClientCrl")] * 2
    assert answer(rds, **clients(root.pem, root.revocation_list())) == "OK"


@pytest.mark.parametrize("blocks", ["all", "first", "refused"])
def test_more_than_one_list(rds: InProcess, root: pki.Authority, blocks: str) -> None:
    rds.config(switches={"crl-blocks": blocks})
    other = pki.make_root("Other")
    both = clients(root.pem + other.pem, root.revocation_list() + other.revocation_list())

    code = answer(rds, **both)

    assert code == expected(blocks, "InvalidClientCrl")
    in_force = {"all": 2, "first": 1, "refused": 0}[blocks]
    assert len(rds.instance("pg")["ssl"]["crl_sha256"]) == in_force


def test_pem_on_one_line(rds: InProcess, root: pki.Authority, value: str) -> None:
    rds.config(switches={"one-line-pem": value})
    leaf = root.leaf(HOST)
    server = {name: text.replace("\n", "") for name, text in pair(leaf).items()}
    trust = clients(root.pem.replace(b"\n", b""), root.revocation_list())

    assert answer(rds, **server) == expected(value, "InvalidServerCertOrPrivateKey")
    assert answer(rds, **trust) == expected(value, "InvalidClientCACert")
    one_line = root.revocation_list().replace(b"\n", b" ")
    crl = answer(rds, **clients(root.pem, one_line))
    assert crl == expected(value, "InvalidClientCrl")
    assert answer(rds, **pair(leaf), **clients(root.pem, root.revocation_list())) == "OK"


def test_a_custom_certificate_on_mysql(rds: InProcess, root: pki.Authority, value: str) -> None:
    rds.config(switches={"custom-on-mysql": value})
    leaf = root.leaf("my.mysql.rds.aliyuncs.com")

    code = str(rds.modify("my", **pair(leaf)).json().get("Code", "OK"))

    assert code == expected(value, "InvalidCAType.NotFound")
    assert answer(rds, **pair(root.leaf(HOST))) == "OK"
