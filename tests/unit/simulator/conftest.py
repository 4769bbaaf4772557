"""Fixtures of the simulator's tests: no socket, a clock that stands still unless it is moved."""

import pytest

from support import pki
from support.identities import ROOT, STS, trusts
from support.simulator import Caller, InProcess


@pytest.fixture
def rds() -> InProcess:
    """A simulator with one PostgreSQL, ``pg``, and one MySQL, ``my``."""
    rds = InProcess()
    rds.put_instance("pg", profile="postgresql-14")
    rds.put_instance("my", profile="mysql-8.0")
    return rds


@pytest.fixture
def engines(rds: InProcess) -> InProcess:
    """A simulator with one instance of each engine: ``pg``, ``my`` and the SQL Server ``ms``."""
    rds.put_instance("ms", profile="sqlserver-2019")
    return rds


@pytest.fixture
def sts(rds: InProcess) -> Caller:
    """A client of STS with the key that may do everything; a role ``operator`` trusts it."""
    rds.put_role("operator", trusts(ROOT))
    return rds.caller(version=STS)


@pytest.fixture(scope="session")
def root() -> pki.Authority:
    """A CA, for servers and clients."""
    return pki.make_root()


@pytest.fixture(scope="session")
def custom(root: pki.Authority) -> dict[str, str]:
    """Parameters of a custom certificate, below an intermediate."""
    leaf = root.intermediate().leaf("pg.pg.rds.aliyuncs.com")
    return {
        "CAType": "custom",
        "ServerCert": leaf.chain_pem.decode(),
        "ServerKey": leaf.key_pem().decode(),
    }


@pytest.fixture(scope="session")
def client_ca(root: pki.Authority) -> dict[str, str]:
    """Parameters of a client CA."""
    return {"ClientCAEnabled": "1", "ClientCACert": root.pem.decode()}


@pytest.fixture(scope="session")
def pfx() -> dict[str, str]:
    """Parameters of SQL Server's certificate."""
    return {"Certificate": "oss-cn-hangzhou.aliyuncs.com:bucket:ms.pfx", "PassWord": "secret"}


@pytest.fixture(scope="session")
def crl(root: pki.Authority) -> dict[str, str]:
    """Parameters of a revocation list of that CA."""
    return {
        "ClientCrlEnabled": "1",
        "ClientCertRevocationList": root.revocation_list(serials=[7]).decode(),
    }
