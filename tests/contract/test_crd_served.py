"""What people and programs see of a DBInstanceSSL on a real API server: status, columns, fields."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import yaml

from rds_ssl.core.api import states, status
from rds_ssl.core.model import (
    ACL,
    API_GROUP,
    API_VERSION,
    KIND,
    PLURAL,
    CAType,
    Impact,
    Phase,
    Restart,
)
from support.controlplane import ControlPlane
from support.crd_cases import GOOD, Json

CRD_FILE = Path(__file__).parents[2] / "crds" / "dbinstancessl.yaml"
OBJECTS = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/default/{PLURAL}"
IDENTITY = {"apiVersion": f"{API_GROUP}/{API_VERSION}", "kind": KIND}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
APPLY_PATCH = {"Content-Type": "application/apply-patch+yaml"}
OBJECT = {**IDENTITY, "metadata": {"name": "orders"}, "spec": GOOD}


@pytest.fixture
def orders(api: httpx.Client) -> Iterator[Json]:
    """An object that has just been created."""
    answer = api.post(OBJECTS, json=OBJECT).raise_for_status()
    yield answer.json()
    api.delete(f"{OBJECTS}/orders").raise_for_status()


def test_a_new_object_says_that_nobody_has_looked_at_it(orders: Json) -> None:
    assert orders["status"] == {"observedGeneration": -1}
    assert status.parse_status(orders["status"]) == status.Status()


def full_status(text: str, number: int) -> status.Status:
    """Every field set; texts and lists longer than the CRD has room for."""
    time = datetime(2026, 11, 24, 3, tzinfo=UTC)
    certificate = states.CertificateStatus(
        sha256=text,
        subject=text,
        issuer=text,
        dns_names=(text,) * number,
        not_before=time,
        not_after=time,
    )
    state = states.StateStatus(
        enabled=True,
        connection_string=text,
        ca_type=CAType.CUSTOM,
        server_certificate=text,
        not_after=time,
        chain=text,
        pfx=text,
        client_ca=text,
        revocation_list=text,
        acl=ACL.CERT,
        replication_acl=ACL.VERIFY_FULL,
        force_encryption=True,
        minimum_tls_version=text,
        renews=time,
    )
    change = status.ChangeStatus(field=text, before=text, after=text)
    entry = status.HistoryEntry(
        time=time,
        cause=text,
        changes=text,
        impacts=tuple(Impact),
        restart_seen=True,
        reissued=False,
        request_id=text,
        result=text,
    )
    return status.Status(
        observed_generation=1,
        conditions=tuple(
            status.Condition(
                type=f"Type{position}",
                status="Unknown",
                reason="Verified",
                message=text,
                last_transition_time=time,
                observed_generation=1,
            )
            for position in range(number)
        ),
        instance=status.InstanceStatus(
            engine=text, engine_version=text, category=text, storage_type=text, endpoint=text
        ),
        observed=states.ObservedStatus(
            enabled=True,
            ca_type=CAType.CUSTOM,
            connection_string=text,
            server_certificate=certificate,
            client_ca=(states.ClientCAStatus(sha256=text, subject=text, not_after=time),) * number,
            revocation_list=(
                states.RevocationListStatus(
                    sha256=text, issuer=text, next_update=time, revoked_count=3
                ),
            )
            * number,
            acl=ACL.CERT,
            replication_acl=ACL.VERIFY_FULL,
            force_encryption=False,
            minimum_tls_version=text,
            expire_time=time,
            renewal_required=False,
        ),
        plan=status.PlanStatus(
            digest=text,
            summary=text,
            steps=(status.StepStatus(changes=(change,) * number),) * number,
            impacts=tuple(Impact),
            restart=Restart.NONE,
            held_by=text,
            since=time,
            not_before=time,
        ),
        operation=status.OperationStatus(
            digest=text,
            target=state,
            phase=Phase.NOT_CONVERGING,
            code=text,
            start_time=time,
            end_time=time,
            request_id=text,
            attempt=1,
            before=states.BeforeStatus(
                enabled=True,
                server_certificate=certificate,
                expire_time=time,
                last_modify_status=text,
            ),
        ),
        applied=status.AppliedStatus(state=state, time=time, request_id=text),
        last_approval=status.ApprovalStatus(digest=text, to=text, time=time),
        history=(entry,) * number,
        last_handled_reconcile_at=text,
    )


@pytest.mark.parametrize(
    ("text", "number"), [("x", 1), ("x" * 40_000, 101), ("中" * 5_000, 33), ("", 0)]
)
@pytest.mark.usefixtures("orders")
def test_no_status_is_refused_or_pruned_whatever_is_put_in(
    api: httpx.Client, text: str, number: int
) -> None:
    written = full_status(text, number)

    answer = api.patch(
        f"{OBJECTS}/orders/status",
        params={"fieldValidation": "Warn"},
        headers=MERGE_PATCH,
        json={"status": written.to_json()},
    )

    assert answer.status_code == 200, answer.text[:2000]
    assert "Warning" not in answer.headers
    assert answer.json()["status"] == written.to_json()
    assert status.parse_status(answer.json()["status"]) == written


@pytest.mark.usefixtures("orders")
def test_two_field_managers_each_own_a_condition(api: httpx.Client) -> None:
    def apply(manager: str, kind: str) -> httpx.Response:
        condition = status.Condition(
            type=kind,
            status="True",
            reason="Verified",
            message="",
            last_transition_time=datetime(2026, 11, 24, tzinfo=UTC),
        )
        own = condition.model_dump(mode="json", by_alias=True, exclude_none=True)
        return api.patch(
            f"{OBJECTS}/orders/status",
            params={"fieldManager": manager},
            headers=APPLY_PATCH,
            content=json.dumps(
                {**IDENTITY, "metadata": {"name": "orders"}, "status": {"conditions": [own]}}
            ),
        ).raise_for_status()

    apply("rds-ssl", "Ready")
    answer = apply("somebody-else", "example.com/Audited")

    conditions = status.parse_status(answer.json()["status"]).conditions
    assert [each.type for each in conditions] == ["Ready", "example.com/Audited"]


def test_kustomize_builds_the_crd_as_it_is(control_plane: ControlPlane) -> None:
    built = control_plane.kubectl("kustomize", str(CRD_FILE.parent)).stdout

    assert yaml.safe_load(built) == yaml.safe_load(CRD_FILE.read_text())


@pytest.mark.parametrize(
    "field",
    ["", ".connectionString", ".serverCertificate.secretRef.certificateKey", ".maintenance"],
)
def test_kubectl_explains_the_fields(crd: ControlPlane, field: str) -> None:
    explained = crd.kubectl("explain", f"dbinstancessl.spec{field}").stdout

    _, _, description = explained.partition("DESCRIPTION:")
    assert len(description.split("FIELDS:")[0].split()) > 8


@pytest.mark.usefixtures("orders")
def test_kubectl_prints_the_columns(crd: ControlPlane) -> None:
    narrow = crd.kubectl("get", "rdsssl").stdout.splitlines()[0].split()
    wide = crd.kubectl("get", "rdsssl", "-o", "wide").stdout.splitlines()[0].split()

    assert narrow == ["NAME", "INSTANCE", "ENGINE", "READY", "REASON", "EXPIRES", "AGE"]
    assert wide == [*narrow, "PENDING", "ENDPOINT"]


@pytest.mark.usefixtures("orders")
def test_a_time_to_come_is_printed_as_it_is(crd: ControlPlane, api: httpx.Client) -> None:
    observed = states.ObservedStatus(enabled=True, expire_time=datetime(2999, 1, 1, tzinfo=UTC))
    whole = status.Status(observed_generation=1, observed=observed)

    api.patch(
        f"{OBJECTS}/orders/status", headers=MERGE_PATCH, json={"status": whole.to_json()}
    ).raise_for_status()

    assert "2999-01-01T00:00:00Z" in crd.kubectl("get", "rdsssl", "orders").stdout


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.instanceID=pgm-bp1", 1),
        ("spec.instanceID=pgm-other", 0),
        ("spec.regionID=cn-hangzhou", 1),
        ("spec.regionID!=cn-hangzhou", 0),
    ],
)
@pytest.mark.usefixtures("orders")
def test_the_claimants_of_an_instance_are_found_by_field(
    api: httpx.Client, selector: str, found: int
) -> None:
    answer = api.get(OBJECTS, params={"fieldSelector": selector}).raise_for_status()

    assert len(answer.json()["items"]) == found
