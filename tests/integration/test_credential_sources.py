"""Where credentials come from: each source brings an object to Ready, and each can go wrong."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from support import polling
from support.cluster import Cluster
from support.identities import AUDIENCE, Issuer, trusts, trusts_oidc, trusts_service
from support.operator_process import OperatorProcess
from support.shop import Shop, sweep
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Simulator

Json = dict[str, Any]

ACCOUNT = "acs:ram::1234567890123456"
ROOT = f"{ACCOUNT}:root"
ROLE_ARN = f"{ACCOUNT}:role/rds-ssl"
PROVIDER_ARN = f"{ACCOUNT}:oidc-provider/ack-rrsa-c1"
AS_ROLE = "acs:ram::1234567890123456:assumed-role/rds-ssl/rds-ssl"
ISSUER = Issuer()

PACE = {"VERIFY_AFTER": "0s", "SETTLE": "3s", "POLL": "1s", "IDENTITY_NAMESPACES": "*"}

FLEET = 100

OWN_KEY: Mapping[str, str] = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": ACCESS_KEY_ID,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": ACCESS_KEY_SECRET,
}


@pytest.fixture(autouse=True)
def ram(rds: Simulator) -> Iterator[None]:
    """A role that the cluster, the machine and the account's own key may take."""
    rds.put_oidc_provider("ack-rrsa-c1", **ISSUER.provider())
    trust = trusts_oidc(PROVIDER_ARN, ISSUER.url)
    trust["Statement"] += trusts_service("ecs.aliyuncs.com")["Statement"]
    trust["Statement"] += trusts(ROOT)["Statement"]
    rds.put_role("rds-ssl", trust)
    rds.metadata(role="rds-ssl")
    rds.clear_calls()
    yield
    rds.clear_faults()


def rrsa(token_file: Path) -> dict[str, str]:
    """Give what ack-pod-identity-webhook sets."""
    return {
        "ALIBABA_CLOUD_ROLE_ARN": ROLE_ARN,
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": PROVIDER_ARN,
        "ALIBABA_CLOUD_OIDC_TOKEN_FILE": str(token_file),
        "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true",
    }


def write_token(token_file: Path, *, audience: str = AUDIENCE) -> str:
    at = datetime.now(UTC) - timedelta(seconds=5)
    token = ISSUER.token(at=at, lasts=timedelta(hours=12), audience=audience)
    token_file.write_text(f"{token}\n")
    return token


@contextlib.contextmanager
def running(
    cluster: Cluster, rds: Simulator, environ: Mapping[str, str], **settings: str
) -> Iterator[OperatorProcess]:
    """Run an operator with an identity of its own; no other runs meanwhile."""
    with OperatorProcess(
        kubeconfig=cluster.kubeconfig,
        api_url=rds.url,
        environ={"ALIBABA_CLOUD_STS_ENDPOINT": rds.url, **environ},
        **{**PACE, "ECS_METADATA_URL": rds.url, **settings},
    ) as operator:
        try:
            operator.wait_ready()
            yield operator
        finally:
            operator.stop()
            sweep(cluster)


def sessions_asked(rds: Simulator) -> int:
    """Give how often STS was asked for a session."""
    return sum(each["action"].startswith("AssumeRole") for each in rds.calls())


def message(shop: Shop) -> str:
    found: str = next(
        each["message"] for each in shop.get()["status"]["conditions"] if each["type"] == "Ready"
    )
    return found


# -- each source ----------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["environment", "rrsa", "ecs", "ecs by name", "other account"])
def test_the_operators_own_identity_brings_an_object_to_ready(
    cluster: Cluster, rds: Simulator, shop: Shop, tmp_path: Path, source: str
) -> None:
    token = write_token(tmp_path / "token")
    rds.put_role("acs:ram::2222222222222222:role/theirs", trusts(ROLE_ARN, external_id="x-1"))
    environ, settings, principal = {
        "environment": (OWN_KEY, {}, ""),
        "rrsa": (rrsa(tmp_path / "token"), {}, AS_ROLE),
        "ecs": ({}, {"ECS_ROLE": "true"}, "assumed-role/rds-ssl/"),
        "ecs by name": ({"ALIBABA_CLOUD_ECS_METADATA": "rds-ssl"}, {}, "assumed-role/rds-ssl/"),
        "other account": (
            rrsa(tmp_path / "token"),
            {
                "ASSUME_ROLE_ARN": "acs:ram::2222222222222222:role/theirs",
                "ASSUME_ROLE_EXTERNAL_ID": "x-1",
            },
            "acs:ram::2222222222222222:assumed-role/theirs/rds-ssl",
        ),
    }[source]
    shop.add_instance()
    with running(cluster, rds, environ, **settings) as operator:
        shop.declare(credentialsSecretRef=None)

        shop.wait_ready(reason="Verified")

        assert shop.cost() == (1, 1, 1)
        assert all(principal in each["principal"] for each in shop.calls())
        assert token not in operator.log
        assert rds.stats()["keys_in_url"] == 0


def test_the_key_of_a_secret_takes_a_role(cluster: Cluster, rds: Simulator, shop: Shop) -> None:
    rds.put_role("theirs", trusts(ROOT, external_id="shop-7"))
    data = {
        "accessKeyId": ACCESS_KEY_ID,
        "accessKeySecret": ACCESS_KEY_SECRET,
        "roleArn": f"{ACCOUNT}:role/theirs",
        "externalId": "shop-7",
        "sessionName": "orders",
    }
    cluster.secret(shop.namespace, "rds-credentials", data)
    shop.add_instance()
    with running(cluster, rds, {}):
        shop.declare()

        shop.wait_ready(reason="Verified")

        assert {each["principal"] for each in shop.calls()} == {
            "acs:ram::1234567890123456:assumed-role/theirs/orders"
        }
        cluster.secret(shop.namespace, "rds-credentials", {**data, "externalId": "other"})
        shop.wait("Stalled", "True", "Forbidden")
        assert f"role {ACCOUNT}:role/theirs: sts:AssumeRole is missing" in message(shop)
        assert "other" not in message(shop)
        cluster.secret(shop.namespace, "rds-credentials", data)
        shop.wait_ready(reason="Verified")
        assert shop.cost() == (1, 1, 1)


def test_a_role_that_no_administrator_has_allowed_is_not_asked_for(
    cluster: Cluster, rds: Simulator, shop: Shop
) -> None:
    shop.add_instance()
    with running(cluster, rds, OWN_KEY):
        shop.declare(credentialsSecretRef=None, identity={"roleARN": ROLE_ARN})

        shop.wait("Stalled", "True", "CredentialsNotAllowed")

        assert "spec.identity.roleARN" in message(shop)
        assert rds.calls() == []


# -- expiry under load ----------------------------------------------------------------------------


def fleet(cluster: Cluster, rds: Simulator, shop: Shop) -> str:
    """Declare a hundred instances that are as declared already; give the namespace."""
    ids = [f"pgm-{shop.token}-{number:03}" for number in range(FLEET)]
    rds.put_instances(
        *({"id": each, "profile": "postgresql-14", "ssl": {"enabled": True}} for each in ids)
    )
    cluster.in_parallel(
        lambda each: cluster.create(
            shop.namespace, each, instanceID=each, credentialsSecretRef=None
        ),
        ids,
    )
    cluster.wait_all_ready(shop.namespace, count=FLEET, seconds=60)
    return shop.namespace


def conditions(cluster: Cluster, namespace: str) -> dict[str, object]:
    """Give all that is said of each object."""
    return {
        each["metadata"]["name"]: each["status"]["conditions"] for each in cluster.list(namespace)
    }


def refused(rds: Simulator) -> list[Json]:
    """Give the calls of RDS that were refused."""
    return [
        each
        for each in rds.calls()
        if each["status"] >= 400 and not each["action"].startswith("AssumeRole")
    ]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("how", ["expire", "forget"])
def test_a_hundred_objects_whose_session_ends_ask_for_one_new_and_none_fails(
    cluster: Cluster, rds: Simulator, shop: Shop, tmp_path: Path, how: str
) -> None:
    write_token(tmp_path / "token")
    with running(cluster, rds, rrsa(tmp_path / "token"), RESYNC="2s"):
        namespace = fleet(cluster, rds, shop)
        before = conditions(cluster, namespace)
        assert sessions_asked(rds) == 1

        for number in (2, 3):
            looked = len(rds.calls(action="DescribeDBInstanceSSL"))
            rds.end_sessions(how=how)
            polling.wait(
                lambda looked=looked: (  # type: ignore[misc]
                    None
                    if len(rds.calls(action="DescribeDBInstanceSSL")) > looked + 3 * FLEET
                    else "not all have looked again"
                ),
                seconds=60,
            )
            assert sessions_asked(rds) == number

        assert conditions(cluster, namespace) == before
        assert {each["code"] for each in refused(rds)} <= {
            "InvalidSecurityToken.Expired",
            "InvalidAccessKeyId.NotFound",
        }
        assert cluster.events(namespace, "CredentialsInvalid") == []


@pytest.mark.timeout(240)
def test_keys_that_end_every_few_seconds_are_renewed_before_they_do(
    cluster: Cluster, rds: Simulator, shop: Shop
) -> None:
    rds.metadata(lasts=20, renews=6)
    with running(cluster, rds, {}, ECS_ROLE="true", RESYNC="2s"):
        namespace = fleet(cluster, rds, shop)
        before = conditions(cluster, namespace)
        rds.clear_calls()
        began = time.monotonic()

        polling.wait(
            lambda: (
                None if len({each["id"] for each in rds.sessions()}) >= 4 else "not renewed yet"
            ),
            seconds=120,
        )

        assert refused(rds) == []
        assert conditions(cluster, namespace) == before
        asked = sum(rds.stats()["metadata"]["metadata-credentials"]["v2"].values())
        # A key is asked for in its last quarter, once for all; the service gives a new one in the
        # last 6 of 20 seconds, so that some of them are asked for twice.
        assert asked <= 2 + (time.monotonic() - began) / 20 * 3
    rds.metadata(lasts=6 * 3600, renews=1800)


# -- what goes wrong ------------------------------------------------------------------------------


@pytest.mark.timeout(240)
def test_sts_that_is_down_while_a_hundred_objects_are_ready_is_asked_now_and_then(
    cluster: Cluster, rds: Simulator, shop: Shop, tmp_path: Path
) -> None:
    write_token(tmp_path / "token")
    with running(cluster, rds, rrsa(tmp_path / "token"), RESYNC="10s"):
        namespace = fleet(cluster, rds, shop)
        before = conditions(cluster, namespace)
        rds.clear_calls()
        rds.fault({"kind": "reset-before"}, action="AssumeRoleWithOIDC", times=10_000)
        rds.end_sessions(how="expire")

        polling.wait(
            lambda: None if sessions_asked(rds) >= 4 else "not asked often enough", seconds=60
        )

        # 2, 4 and 8 seconds after one another, for all objects together; nothing is said of it.
        assert sessions_asked(rds) <= 6
        assert conditions(cluster, namespace) == before
        looked = len(rds.calls(action="DescribeDBInstanceSSL", code="OK"))
        rds.clear_faults()
        polling.wait(
            lambda: (
                None
                if len([each for each in rds.calls() if each["status"] == 200]) > looked + FLEET
                else "not healed yet"
            ),
            seconds=90,
        )
        assert conditions(cluster, namespace) == before


def refuses(  # Read as a sentence.
    shop: Shop, kind: str, reason: str, words: str, repair: Callable[[], object]
) -> None:
    """Wait for what is said of an identity that does not work, repair it, wait for Ready."""
    shop.wait(kind, "True", reason)
    assert words in message(shop)
    assert shop.calls() == []
    repair()
    # The operator tries again within five minutes of its own accord, and at once if it is asked.
    shop.cluster.annotate(shop.namespace, "orders", reconcile_requested_at="now")
    polling.wait(
        lambda: None if shop.conditions().get("Ready", ("",))[0] == "True" else "not Ready yet",
        seconds=90,
    )
    assert shop.cost() == (1, 1, 1)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "what", ["another audience", "no token", "half a token", "no trust", "no role"]
)
def test_an_rrsa_that_is_set_up_wrongly_says_what_to_correct_and_heals(
    cluster: Cluster, rds: Simulator, shop: Shop, tmp_path: Path, what: str
) -> None:
    file = tmp_path / "token"
    token = write_token(file)
    reason, words = "CredentialsInvalid", "OIDC provider (issuer, fingerprint, client ID)"
    match what:
        case "another audience":
            token = write_token(file, audience="vault")
        case "no token":
            file.unlink()
            words = "ALIBABA_CLOUD_OIDC_TOKEN_FILE"
        case "half a token":
            file.write_text(token[: len(token) // 2])
        case "no trust":
            rds.put_role("rds-ssl", trusts(ROOT))
            reason, words = "Forbidden", "trust policy"
        case "no role":
            rds.remove_role("rds-ssl")
            words = f"STS knows no role {ROLE_ARN}"

    def repair() -> None:
        rds.put_role("rds-ssl", trusts_oidc(PROVIDER_ARN, ISSUER.url))
        write_token(file)

    shop.add_instance()
    with running(cluster, rds, rrsa(file)) as operator:
        shop.declare(credentialsSecretRef=None)

        refuses(shop, "Stalled", reason, words, repair)

        assert token not in operator.log
        assert token not in str(shop.get())


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"kind": "html", "status": 200}, ("Reconciling", "ApiUnavailable")),
        ({"kind": "html"}, ("Reconciling", "ApiUnavailable")),
        ({"code": "X", "status": 404}, ("Stalled", "CredentialsInvalid")),
        ({"code": "X", "status": 403}, ("Stalled", "CredentialsInvalid")),
    ],
    ids=["HTML", "a gateway", "no role", "tokens only"],
)
def test_a_metadata_service_that_gives_nothing_is_told_and_heals(
    cluster: Cluster, rds: Simulator, shop: Shop, fault: dict[str, object], said: tuple[str, str]
) -> None:
    rds.fault(fault, action="metadata-credentials", times=10_000)
    shop.add_instance()
    with running(cluster, rds, {}, ECS_ROLE="true"):
        shop.declare(credentialsSecretRef=None)

        refuses(shop, *said, "ECS", rds.clear_faults)


@pytest.mark.timeout(180)
def test_a_key_that_is_revoked_behind_a_role_is_told_when_its_session_ends(
    cluster: Cluster, rds: Simulator, shop: Shop
) -> None:
    rds.put_access_key("LTAI5tAnn", secret="ann-secret", user="ann", actions=["sts:*"])
    rds.put_role("theirs", trusts(f"{ACCOUNT}:user/ann"))
    data = {
        "accessKeyId": "LTAI5tAnn",
        "accessKeySecret": "ann-secret",
        "roleArn": f"{ACCOUNT}:role/theirs",
    }
    cluster.secret(shop.namespace, "rds-credentials", data)
    shop.add_instance()
    with running(cluster, rds, {}, RESYNC="2s"):
        shop.declare()
        shop.wait_ready(reason="Verified")
        rds.put_access_key("LTAI5tAnn", secret="ann-secret", user="ann", active=False)
        looked = len(shop.calls())
        shop.wait_until("it was looked at again", lambda: len(shop.calls()) > looked + 1)
        assert shop.conditions()["Ready"][0] == "True"

        rds.end_sessions(f"{ACCOUNT}:role/theirs", how="expire")

        shop.wait("Stalled", "True", "CredentialsInvalid")
        assert "Secret rds-credentials is disabled" in message(shop)
