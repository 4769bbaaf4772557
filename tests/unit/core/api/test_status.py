"""The status as values: tolerant when read, bounded when written."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rds_ssl.core.api.states import ObservedStatus
from rds_ssl.core.api.status import (
    HISTORY_LENGTH,
    AppliedStatus,
    ChangeStatus,
    Condition,
    HistoryEntry,
    InstanceStatus,
    OperationStatus,
    Status,
    parse_status,
)
from rds_ssl.core.api.status_types import TOKEN_LENGTH
from rds_ssl.core.formats import write_time
from rds_ssl.core.model import (
    ACL,
    CAType,
    CertificateFacts,
    Change,
    Instance,
    Observed,
    Phase,
    RevocationListFacts,
)

NOW = datetime(2026, 11, 24, 3, 0, 0, tzinfo=UTC)
WIRE_NOW = "2026-11-24T03:00:00Z"
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Verified",
    "message": "",
    "lastTransitionTime": WIRE_NOW,
}
OPERATION = {
    "digest": "d",
    "phase": "Accepted",
    "startTime": WIRE_NOW,
    "attempt": 1,
}
STATE = {
    "enabled": False,
    "connectionString": "db.example.com",
    "caType": "custom",
    "serverCertificate": "ab" * 32,
    "notAfter": WIRE_NOW,
    "chain": "c",
    "intermediates": [
        {"sha256": "cd" * 32, "subject": "CN=i", "issuer": "CN=r", "notAfter": WIRE_NOW}
    ],
    "pfx": "oss-cn-hangzhou.aliyuncs.com:bucket:one.pfx",
    "clientCA": "c",
    "revocationList": "r",
    "acl": "cert",
    "replicationACL": "prefer",
    "forceEncryption": True,
    "minimumTLSVersion": "1.2",
    "renews": WIRE_NOW,
}
ENTRY = {"time": WIRE_NOW, "cause": "Spec", "changes": "enabled: off → on", "result": "Verified"}
PLAN = {"digest": "d", "summary": "s", "restart": "None", "impacts": ["Weakens"]}
CERTIFICATE = CertificateFacts(
    sha256="ab" * 32,
    subject="CN=a",
    issuer="CN=b",
    dns_names=("a.example",),
    not_before=NOW,
    not_after=NOW + timedelta(days=90),
)


def test_an_object_that_nobody_has_looked_at_has_the_generation_minus_one() -> None:
    assert parse_status({}).observed_generation == -1
    assert Status().to_json() == {"observedGeneration": -1}


def test_a_status_is_read_as_it_was_written() -> None:
    wire = {
        "observedGeneration": 3,
        "conditions": [READY],
        "instance": {"engine": "PostgreSQL", "engineVersion": "16.0"},
        "operation": {
            **OPERATION,
            "target": STATE,
            "material": ["m"],
            "approval": "d",
            "endTime": WIRE_NOW,
            "requestID": "r",
        },
        "applied": {"state": {**STATE, "enabled": True}, "time": WIRE_NOW},
        "lastApproval": {
            "digest": "d",
            "to": "t",
            "impacts": ["Weakens"],
            "time": WIRE_NOW,
            "endTime": WIRE_NOW,
        },
        "history": [
            {
                **ENTRY,
                "fields": ["enabled"],
                "impacts": ["Restart"],
                "material": ["m"],
                "approval": "d",
                "restartSeen": True,
            }
        ],
        "lastHandledReconcileAt": "now",
    }

    assert parse_status(wire).to_json() == wire


def test_times_are_aware_and_whole_seconds_and_end_with_z() -> None:
    shanghai = timezone(timedelta(hours=8))
    local = datetime(2026, 11, 24, 11, 0, 0, 987_654, tzinfo=shanghai)

    applied = AppliedStatus(time=local)

    assert applied.time == NOW
    assert applied.time.tzinfo is UTC
    assert Status(applied=applied).to_json()["applied"] == {
        "time": WIRE_NOW,
    }
    assert write_time(local) == WIRE_NOW


@pytest.mark.parametrize("text", ["2026-11-24T03:00:00.9Z", "2026-11-24T11:00:00+08:00"])
def test_a_time_with_a_fraction_or_an_offset_is_understood(text: str) -> None:
    applied = parse_status({"applied": {"time": text}}).applied

    assert applied is not None
    assert applied.time == NOW


def test_what_an_older_version_has_applied_cannot_be_told() -> None:
    applied = parse_status({"applied": {"settingsDigest": "s", "time": WIRE_NOW}}).applied

    assert applied == AppliedStatus(time=NOW)
    assert applied.state is None


def test_a_time_before_all_times_counts_as_absent() -> None:
    damaged = {"conditions": [{**READY, "lastTransitionTime": "0001-01-01T00:00:00+08:00"}]}

    assert parse_status(damaged) == Status()


def test_the_earliest_time_is_written_with_four_digits_of_the_year() -> None:
    assert write_time(datetime(1, 1, 1, tzinfo=UTC)) == "0001-01-01T00:00:00Z"


def test_a_time_without_an_offset_is_no_time() -> None:
    with pytest.raises(ValidationError):
        AppliedStatus(time=datetime(2026, 11, 24))  # noqa: DTZ001


def test_what_is_echoed_as_empty_is_not_what_is_not_echoed() -> None:
    observed = ObservedStatus(enabled=True, client_ca=())

    wire = Status(observed=observed).to_json()["observed"]

    assert wire == {"enabled": True, "clientCA": []}
    assert parse_status({"observed": wire}).observed == observed


@pytest.mark.parametrize(
    "status", [None, "x", 7, [], {"conditions": {"Ready": True}, "plan": "x", "history": 3}]
)
def test_a_status_of_another_shape_counts_as_absent(status: object) -> None:
    assert parse_status(status) == Status()


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        pytest.param({"phase": "Dreaming"}, False, id="a phase from elsewhere"),
        pytest.param({"attempt": "twice"}, False, id="an attempt that is no number"),
        pytest.param({"attempt": True}, False, id="an attempt that is a truth"),
        pytest.param({"startTime": "yesterday"}, False, id="a start that is no time"),
        pytest.param({"startTime": None}, False, id="no start"),
        pytest.param({"code": 500}, True, id="a code that is no text"),
        pytest.param({"before": {"enabled": "on"}}, True, id="a memory that is none"),
        pytest.param({"before": [1]}, True, id="a memory that is a list"),
    ],
)
def test_a_damaged_part_is_absent_and_takes_along_only_what_needs_it(
    damage: Mapping[str, object], *, left: bool
) -> None:
    status = parse_status(
        {"observedGeneration": 4, "plan": PLAN, "operation": {**OPERATION, **damage}}
    )

    assert status.observed_generation == 4
    assert status.plan is not None
    assert (status.operation == parse_status({"operation": OPERATION}).operation) is left
    assert (status.operation is None) is not left


def test_a_damaged_item_of_a_list_goes_alone() -> None:
    status = parse_status(
        {
            "conditions": ["x", READY, {"type": "Stalled"}, {**READY, "status": "Maybe"}],
            "history": [ENTRY, {**ENTRY, "time": 3}, {**ENTRY, "impacts": ["Reboot", "Restart"]}],
            "plan": {**PLAN, "steps": [{"changes": [{"field": "enabled"}]}]},
        }
    )

    assert [each.type for each in status.conditions] == ["Ready"]
    assert [len(entry.impacts) for entry in status.history] == [0, 1]
    assert status.plan is not None
    assert [step.changes for step in status.plan.steps] == [()]


def test_reading_leaves_what_it_read_alone() -> None:
    damaged = {"operation": {**OPERATION, "phase": "Dreaming"}, "conditions": [READY, "x"]}
    read_only = MappingProxyType(damaged)

    parse_status(read_only)

    assert damaged["operation"] == {**OPERATION, "phase": "Dreaming"}
    assert damaged["conditions"] == [READY, "x"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "x", "Restart", "True", "Sending", WIRE_NOW]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*OPERATION, *ENTRY, *PLAN, "conditions", "steps", "from", "enabled"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "observedGeneration",
                "conditions",
                "instance",
                "observed",
                "plan",
                "operation",
                "applied",
                "lastApproval",
                "history",
                "lastHandledReconcileAt",
            ]
        ),
        JSON,
    )
)
def test_no_status_whatsoever_is_an_error(wire: dict[str, Any]) -> None:
    status = parse_status(wire)

    assert parse_status(status.to_json()) == status


def test_a_foreign_condition_passes_through() -> None:
    foreign = {**READY, "type": "example.com/Audited", "reason": "Nightly"}

    assert parse_status({"conditions": [READY, foreign]}).to_json()["conditions"] == [
        READY,
        foreign,
    ]


def test_a_condition_is_found_by_its_type() -> None:
    status = parse_status({"conditions": [READY]})

    ready = status.condition("Ready")

    assert ready is not None
    assert ready.last_transition_time == NOW
    assert status.condition("Stalled") is None


def test_the_history_keeps_the_newest() -> None:
    entries = [
        HistoryEntry(time=NOW, cause=str(position), changes="", result="Verified")
        for position in range(HISTORY_LENGTH + 3)
    ]

    kept = Status(history=tuple(entries)).history

    assert [entry.cause for entry in kept] == [str(each) for each in range(HISTORY_LENGTH)]


def test_a_text_that_is_too_long_is_cut_and_says_so() -> None:
    condition = Condition(
        type="Ready",
        status="False",
        reason="Pending",
        message="x" * 40_000,
        last_transition_time=NOW,
    )

    assert len(condition.message) == 32_768
    assert condition.message.endswith("x…")


def test_a_token_that_is_too_long_is_echoed_up_to_the_documented_length() -> None:
    token = "t" * (TOKEN_LENGTH + 1)

    assert Status(last_handled_reconcile_at=token).last_handled_reconcile_at == token[:-1]


def test_an_observation_is_taken_over_as_facts() -> None:
    crl = RevocationListFacts(
        sha256="cd" * 32,
        issuer="CN=b",
        number=7,
        this_update=NOW,
        next_update=None,
        serials=frozenset({1, 2}),
    )
    observed = Observed(
        enabled=True,
        ca_type=CAType.CUSTOM,
        connection_string="a.example",
        server_certificate=CERTIFICATE,
        client_ca=(CERTIFICATE,),
        revocation_list=(crl,),
        acl=ACL.CERT,
        expire_time=CERTIFICATE.not_after,
    )

    wire = Status(observed=ObservedStatus.of(observed)).to_json()["observed"]

    assert wire == {
        "enabled": True,
        "caType": "custom",
        "connectionString": "a.example",
        "serverCertificate": {
            "sha256": "ab" * 32,
            "subject": "CN=a",
            "issuer": "CN=b",
            "dnsNames": ["a.example"],
            "notBefore": WIRE_NOW,
            "notAfter": "2027-02-22T03:00:00Z",
        },
        "clientCA": [{"sha256": "ab" * 32, "subject": "CN=a", "notAfter": "2027-02-22T03:00:00Z"}],
        "revocationList": [{"sha256": "cd" * 32, "issuer": "CN=b", "revokedCount": 2}],
        "acl": "cert",
        "expireTime": "2027-02-22T03:00:00Z",
        "renewalRequired": False,
    }


def test_an_observation_of_nothing_but_off_is_short() -> None:
    assert ObservedStatus.of(Observed(enabled=False)) == ObservedStatus(
        enabled=False, renewal_required=False
    )


def test_an_instance_is_taken_over_without_its_empty_texts() -> None:
    instance = Instance(engine="MySQL", engine_version="8.0", status="Running")

    taken = InstanceStatus.of(instance, endpoint="a.example")

    assert Status(instance=taken).to_json()["instance"] == {
        "engine": "MySQL",
        "engineVersion": "8.0",
        "endpoint": "a.example",
    }


def test_a_change_is_written_with_from_and_to() -> None:
    change = ChangeStatus.of(Change(field="enabled", before="off", after="on"))

    assert change.model_dump(by_alias=True) == {"field": "enabled", "from": "off", "to": "on"}


def test_an_operation_is_compared_by_value_and_changed_by_copy() -> None:
    sending = OperationStatus(digest="d", phase=Phase.SENDING, start_time=NOW, attempt=1)

    accepted = sending.model_copy(update={"phase": Phase.ACCEPTED})

    assert accepted == parse_status({"operation": OPERATION}).operation
    assert sending.phase is Phase.SENDING
