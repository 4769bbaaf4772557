"""The spec as values. What the rules accept and refuse: tests/contract/test_crd_rules.py."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rds_ssl.core.api.spec import (
    AdoptionPolicy,
    Declaration,
    DeletionPolicy,
    DriftPolicy,
    ManagementPolicy,
    parse_spec,
)
from rds_ssl.core.api.spec_types import Reference
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.formats import format_duration, parse_duration
from rds_ssl.core.model import ACL, CAType, Impact

LEAST: dict[str, Any] = {"instanceID": "pgm-1", "regionID": "cn-hangzhou"}
PFX = {"ossObject": "oss:b:f.pfx", "passwordSecretKeyRef": {"name": "pfx", "key": "password"}}


def faults(**fields: object) -> tuple[str, ...]:
    with pytest.raises(DeclarationError) as caught:
        parse_spec({**LEAST, **fields})
    return caught.value.faults


def test_a_spec_with_nothing_but_the_instance_has_the_documented_defaults() -> None:
    declared = parse_spec(LEAST)

    assert declared.instance_id == "pgm-1"
    assert declared.region_id == "cn-hangzhou"
    assert declared.enabled
    assert not declared.force_encryption
    assert not declared.suspend
    assert declared.connection_string is None
    assert declared.minimum_tls_version is None
    assert declared.credentials_secret_ref is None
    assert declared.client_authentication.acl is ACL.PREFER
    assert declared.client_authentication.replication_acl is ACL.PREFER
    assert declared.management_policy is ManagementPolicy.ENFORCE
    assert declared.drift_policy is DriftPolicy.CORRECT
    assert declared.adoption_policy is AdoptionPolicy.REVIEW
    assert declared.deletion_policy is DeletionPolicy.RETAIN
    assert declared.approval_required == (
        Impact.WEAKENS,
        Impact.DROPS_TRUST,
        Impact.MOVES_ENDPOINT,
    )


@pytest.mark.parametrize(
    ("server_certificate", "effective"),
    [
        pytest.param({}, CAType.ALIYUN, id="nothing"),
        pytest.param({"caType": "aliyun"}, CAType.ALIYUN, id="aliyun"),
        pytest.param({"secretRef": {"name": "x"}}, CAType.CUSTOM, id="a Secret"),
        pytest.param({"pfx": PFX}, CAType.CUSTOM, id="a PFX file"),
        pytest.param({"caType": "custom", "pfx": PFX}, CAType.CUSTOM, id="custom"),
    ],
)
def test_the_ca_type_follows_from_the_material_unless_it_is_declared(
    server_certificate: dict[str, object], effective: CAType
) -> None:
    declared = parse_spec({**LEAST, "serverCertificate": server_certificate})

    assert declared.effective_ca_type is effective


def test_all_references_are_listed_with_kind_name_key_and_field() -> None:
    declared = parse_spec(
        {
            **LEAST,
            "serverCertificate": {"secretRef": {"name": "tls", "privateKeyKey": "key.pem"}},
            "clientAuthentication": {
                "ca": {"configMapKeyRef": {"name": "clients"}},
                "revocationList": {"secretKeyRef": {"name": "revoked"}},
            },
            "credentialsSecretRef": {"name": "credentials"},
        }
    )

    server, clients = "spec.serverCertificate", "spec.clientAuthentication"
    assert declared.material_references == (
        Reference(kind="Secret", name="tls", key="tls.crt", field=f"{server}.secretRef"),
        Reference(kind="Secret", name="tls", key="key.pem", field=f"{server}.secretRef"),
        Reference(
            kind="ConfigMap", name="clients", key="ca.crt", field=f"{clients}.ca.configMapKeyRef"
        ),
        Reference(
            kind="Secret",
            name="revoked",
            key="ca.crl",
            field=f"{clients}.revocationList.secretKeyRef",
        ),
    )


def test_the_password_of_a_pfx_file_is_a_reference_to_material() -> None:
    declared = parse_spec({**LEAST, "serverCertificate": {"pfx": PFX}})

    assert declared.material_references == (
        Reference(
            kind="Secret",
            name="pfx",
            key="password",
            field="spec.serverCertificate.pfx.passwordSecretKeyRef",
        ),
    )


def test_a_spec_without_material_has_no_references() -> None:
    assert parse_spec(LEAST).material_references == ()


def test_fields_that_nobody_knows_are_ignored_and_so_is_our_own_spelling() -> None:
    strange = {**LEAST, "nobodyKnows": 1, "force_encryption": True, "suspend": None}

    assert parse_spec(strange) == parse_spec(LEAST)


def test_durations_are_times_and_spelled_again_as_durations() -> None:
    declared = parse_spec(
        {
            **LEAST,
            "maintenance": {
                "windows": [{"schedule": "0 3 * * SAT", "duration": "90m"}],
                "overrideBeforeExpiry": "72h",
            },
        }
    )

    assert declared.maintenance.windows[0].duration == timedelta(minutes=90)
    assert declared.maintenance.windows[0].time_zone == "UTC"
    assert declared.maintenance.override_before_expiry == timedelta(days=3)
    assert declared.model_dump(mode="json", by_alias=True)["maintenance"]["windows"] == [
        {"schedule": "0 3 * * SAT", "duration": "1h30m", "timeZone": "UTC"}
    ]


def test_every_fault_is_a_sentence_that_starts_with_the_path_of_its_field() -> None:
    assert faults(
        regionID=None,
        enabled="yes",
        minimumTLSVersion="2",
        clientAuthentication={"acl": "cert", "replicationACL": "cert"},
        approvalRequired=["Weakens", "Weakens"],
        maintenance={"windows": [{"schedule": "0 3 * * SAT", "duration": 2}]},
    ) == (
        "spec.regionID: is required",
        "spec.enabled: Input should be a valid boolean",
        "spec.clientAuthentication.acl: acl other than prefer needs ca",
        "spec.clientAuthentication.replicationACL: replicationACL other than prefer needs ca",
        "spec.minimumTLSVersion: must be one of '1.0', '1.1' or '1.2'",
        "spec.approvalRequired: must not name an impact twice",
        "spec.maintenance.windows[0].duration: must be a string",
    )


def test_limits_are_named_in_the_fault() -> None:
    assert faults(instanceID="p" * 65) == ("spec.instanceID: must have at most 64 characters",)
    assert faults(approvalRequired=["Restart"] * 7) == (
        "spec.approvalRequired: must have at most 6 entries",
    )


def test_what_somebody_put_in_the_wrong_place_is_not_repeated() -> None:
    with pytest.raises(DeclarationError) as caught:
        parse_spec(
            {
                "instanceID": "hunter2!",
                "regionID": "hunter2",
                "connectionString": "user:hunter2@host",
                "credentialsSecretRef": "hunter2",
                "minimumTLSVersion": "hunter2",
                "clientAuthentication": {"acl": "hunter2"},
                "maintenance": {"overrideBeforeExpiry": "hunter2"},
            }
        )

    assert len(caught.value.faults) == 7
    assert "hunter2" not in str(caught.value)
    # The chain is printed with a traceback, and pydantic's own text repeats values.
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("spec", [{}, {"instanceID": ["x"]}, {**LEAST, "maintenance": []}])
def test_a_spec_of_any_shape_ends_in_the_one_error(spec: dict[str, object]) -> None:
    with pytest.raises(DeclarationError):
        parse_spec(spec)


def test_a_declaration_cannot_be_changed() -> None:
    declared = parse_spec(LEAST)

    with pytest.raises(ValidationError, match="frozen"):
        declared.enabled = False  # type: ignore[misc]


def test_a_declaration_made_by_name_obeys_the_same_rules() -> None:
    with pytest.raises(ValidationError, match="forceEncryption cannot be true"):
        Declaration(
            instance_id="pgm-1", region_id="cn-hangzhou", enabled=False, force_encryption=True
        )


@pytest.mark.parametrize(
    "text", ["", "h", "1", "1d", "1.5h", "-1h", "1h ", "1h\n", "1s1h", "1H", "1234567s", "\u0667h"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=999_999 * 3600))
def test_a_duration_reads_as_it_was_written(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(format_duration(duration)) == duration
