"""A namespace acts by the operator's identity on the instances, and in the roles, of its grants."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.cluster import Cluster
from support.identities import trusts
from support.operator_process import OperatorProcess
from support.polling import patience
from support.shop import Shop, sweep
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Simulator

ROOT = "acs:ram::1234567890123456:root"
MINE, THEIRS = (f"acs:ram::1234567890123456:role/{name}" for name in ("mine", "theirs"))

Grant = Callable[..., None]


@pytest.fixture
def theirs(cluster: Cluster, rds: Simulator) -> Shop:
    """Another namespace."""
    return Shop(cluster, rds)


@pytest.fixture
def granted(tmp_path: Path, shop: Shop, theirs: Shop, rds: Simulator) -> Grant:
    """Write the file of an administrator; each role trusts the external id of its namespace."""
    rds.put_role("mine", trusts(ROOT, external_id=f"rds-ssl:{shop.namespace}"))
    rds.put_role("theirs", trusts(ROOT, external_id=f"rds-ssl:{theirs.namespace}"))
    rds.clear_calls()

    def write(*grants: dict[str, list[str]]) -> None:
        new = tmp_path / "new"
        new.write_text(json.dumps({"grants": grants}))  # JSON is YAML.
        new.replace(tmp_path / "grants.yaml")

    write(
        {"namespaces": [shop.namespace], "instances": ["pgm-*"], "roles": [MINE]},
        {"namespaces": [theirs.namespace], "instances": ["pgm-*"], "roles": [THEIRS]},
    )
    return write


@pytest.fixture
def operator(
    cluster: Cluster, rds: Simulator, tmp_path: Path, granted: Grant
) -> Iterator[OperatorProcess]:
    """An operator with an access key of its own and the file."""
    del granted  # Written.
    with OperatorProcess(
        kubeconfig=cluster.kubeconfig,
        api_url=rds.url,
        environ={
            "ALIBABA_CLOUD_STS_ENDPOINT": rds.url,
            "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
        },
        VERIFY_AFTER="0s",
        SETTLE="3s",
        POLL="1s",
        IDENTITY_FILE=str(tmp_path / "grants.yaml"),
    ) as running:
        running.wait_ready()
        yield running
    sweep(cluster)


def message(shop: Shop) -> str:
    """Give what Ready says."""
    conditions = {each["type"]: each for each in shop.get()["status"]["conditions"]}
    return str(conditions["Ready"]["message"])


@pytest.mark.usefixtures("operator")
def test_each_namespace_acts_in_its_role(shop: Shop, theirs: Shop) -> None:
    for each, role in ((shop, "mine"), (theirs, "theirs")):
        each.add_instance()
        each.declare(
            credentialsSecretRef=None,
            identity={"roleARN": f"acs:ram::1234567890123456:role/{role}"},
        )

        each.wait_ready(reason="Verified")

        assert each.cost() == (1, 1, 1)
        assert {call["principal"] for call in each.calls()} == {
            f"acs:ram::1234567890123456:assumed-role/{role}/rds-ssl-{each.namespace}"
        }


@pytest.mark.usefixtures("operator")
def test_another_namespaces_role_and_the_identity_as_it_is_are_not_to_be_had(
    shop: Shop, rds: Simulator
) -> None:
    shop.add_instance()
    shop.declare(credentialsSecretRef=None, identity={"roleARN": THEIRS})
    for more, words in (
        ({"roleARN": THEIRS}, "may not act in role"),
        (None, "may not use the operator's own identity on instance pgm-"),
    ):
        shop.patch(identity=more)

        shop.look_again()

        assert shop.conditions()["Stalled"] == ("True", "CredentialsNotAllowed")
        assert words in message(shop)
        assert "RDS_SSL_IDENTITY_FILE" in message(shop)
        assert rds.calls() == []


@pytest.mark.usefixtures("operator")
def test_a_grant_that_is_too_wide_opens_no_role_that_trusts_another_namespace(
    shop: Shop, theirs: Shop, granted: Grant, rds: Simulator
) -> None:
    shop.add_instance()
    both = [shop.namespace, theirs.namespace]
    granted({"namespaces": both, "instances": ["*"], "roles": [MINE, THEIRS]})
    shop.declare(credentialsSecretRef=None, identity={"roleARN": THEIRS})

    def asked() -> bool:
        shop.look_again()
        return bool(rds.calls())

    shop.wait_until("the file is read again", asked)
    shop.wait("Stalled", "True", "Forbidden")

    assert f"role {THEIRS}" in message(shop)
    assert shop.cost() == (0, 0, 0)
    assert all(call["action"] == "AssumeRole" for call in rds.calls())


@pytest.mark.usefixtures("operator")
def test_an_instance_that_is_not_granted_is_not_reached_until_the_file_says_so(
    shop: Shop, granted: Grant
) -> None:
    shop.add_instance()
    shop.declare(credentialsSecretRef=None, identity={"roleARN": THEIRS})
    shop.wait("Stalled", "True", "CredentialsNotAllowed")
    shop.patch(identity={"roleARN": MINE}, managementPolicy="Observe")
    shop.look_again()
    granted({"namespaces": [shop.namespace], "instances": ["rm-*"], "roles": [MINE]})

    def shut_out() -> bool:
        shop.look_again()
        return shop.conditions().get("Stalled") == ("True", "CredentialsNotAllowed")

    shop.wait_until("the file is read again", shut_out)
    shop.patch(managementPolicy="Enforce")
    shop.look_again()
    assert shop.cost() == (0, 0, 0)

    granted({"namespaces": [shop.namespace], "instances": ["pgm-*"], "roles": [MINE]})

    def let_in() -> bool:
        shop.look_again()
        return shop.conditions()["Ready"] == ("True", "Verified")

    shop.wait_until("the file is read again", let_in)
    assert shop.cost() == (1, 1, 1)


def test_an_operator_does_not_start_with_a_file_that_is_faulty(tmp_path: Path) -> None:
    (tmp_path / "grants.yaml").write_text("grants:\n- namespaces: [a]\n")
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    done = subprocess.run(
        [sys.executable, "-m", "rds_ssl", "run"],
        env={**kept, "RDS_SSL_IDENTITY_FILE": str(tmp_path / "grants.yaml")},
        capture_output=True,
        text=True,
        timeout=patience(120),
        check=False,
    )

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"RDS_SSL_IDENTITY_FILE: {tmp_path}/grants.yaml: grants[0].instances is missing"
    ]
