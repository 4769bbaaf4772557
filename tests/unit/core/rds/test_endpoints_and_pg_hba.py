"""Endpoints and rows of pg_hba.conf: what is read, what is left out, and what is no answer."""

import pytest

from rds_ssl.core.errors import ObservationError
from rds_ssl.core.model import Endpoint
from rds_ssl.core.rds import responses


def net_info(*entries: object) -> dict[str, object]:
    return {"DBInstanceNetInfos": {"DBInstanceNetInfo": list(entries)}}


def hba(*rows: object) -> dict[str, object]:
    return {"RunningHbaItems": {"HbaItem": list(rows)}}


def row(**fields: object) -> dict[str, object]:
    return {
        "PriorityId": 0,
        "Type": "hostssl",
        "Database": "all",
        "User": "all",
        "Address": "0.0.0.0/0",
        "Mask": "null",
        "Method": "scram-sha-256",
        "Option": "null",
        **fields,
    }


def test_endpoints_come_in_their_order_with_kind_and_port() -> None:
    body = net_info(
        {
            "ConnectionString": "pgm-1.pg.rds.aliyuncs.com",
            "ConnectionStringType": "Normal",
            "IPType": "Private",
            "Port": "5432",
        },
        {
            "ConnectionString": "pgm-1-rw.pg.rds.aliyuncs.com",
            "ConnectionStringType": "ReadWriteSplitting",
            "IPType": "Public",
            "Port": 3433,
        },
    )

    assert responses.read_endpoints(body) == (
        Endpoint(host="pgm-1.pg.rds.aliyuncs.com", port=5432, kind="Normal", ip_type="Private"),
        Endpoint(
            host="pgm-1-rw.pg.rds.aliyuncs.com",
            port=3433,
            kind="ReadWriteSplitting",
            ip_type="Public",
        ),
    )


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(
            {"ConnectionString": "A.Example.COM."},
            Endpoint(host="a.example.com", port=0, kind="Normal", ip_type=""),
            id="nothing but a name",
        ),
        pytest.param(
            {"ConnectionString": "a", "Port": "many", "ConnectionStringType": "readwritesplitting"},
            Endpoint(host="a", port=0, kind="ReadWriteSplitting", ip_type=""),
            id="a port that is none, a type in lower case",
        ),
        pytest.param(
            {"ConnectionString": "a", "ConnectionStringType": "Proxy", "IPType": None},
            Endpoint(host="a", port=0, kind="Proxy", ip_type=""),
            id="a type that is new",
        ),
    ],
)
def test_what_an_endpoint_does_not_tell_costs_that_field_only(
    entry: dict[str, object], expected: Endpoint
) -> None:
    assert responses.read_endpoints(net_info(entry)) == (expected,)


def test_an_entry_without_a_host_is_left_out() -> None:
    assert responses.read_endpoints(net_info({"Port": "1"}, {"ConnectionString": "-"})) == ()


def test_the_rows_that_demand_ssl_are_lines_of_pg_hba_conf() -> None:
    body = hba(
        row(),
        row(Type="host", Address="10.0.0.0/8"),
        row(Type="hostnossl"),
        row(Type="HOSTSSL", Database="shop", Address="10.1.0.0", Mask="255.255.0.0"),
    )

    assert responses.read_hostssl_rows(body) == (
        "hostssl all all 0.0.0.0/0 scram-sha-256",
        "HOSTSSL shop all 10.1.0.0 255.255.0.0 scram-sha-256",
    )


def test_the_running_configuration_counts_and_not_the_default_one() -> None:
    body = {**hba(row(Type="host")), "DefaultHbaItems": {"HbaItem": [row()]}}

    assert responses.read_hostssl_rows(body) == ()


def test_a_password_in_the_options_of_a_row_is_not_shown() -> None:
    body = hba(row(Method="ldap", Option='ldapbindpasswd="hush"'))

    assert responses.read_hostssl_rows(body) == ("hostssl all all 0.0.0.0/0 ldap",)


def test_a_row_is_printable_and_short() -> None:
    (line,) = responses.read_hostssl_rows(hba(row(User="a\nb\x1b" + "u" * 500)))

    assert line.startswith("hostssl all a?b?u")
    assert len(line) == responses.HBA_CHARACTERS


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"DBInstanceNetInfos": None, "RunningHbaItems": None}, id="null"),
        pytest.param({"DBInstanceNetInfos": [], "RunningHbaItems": []}, id="a list too early"),
        pytest.param(
            {
                "DBInstanceNetInfos": {"DBInstanceNetInfo": ["text"]},
                "RunningHbaItems": {"HbaItem": ["text"]},
            },
            id="a list of texts",
        ),
    ],
)
def test_a_missing_list_is_a_failed_read_and_not_an_empty_one(body: dict[str, object]) -> None:
    with pytest.raises(ObservationError, match=r"DBInstanceNetInfos\.DBInstanceNetInfo is missing"):
        responses.read_endpoints(body)
    with pytest.raises(ObservationError, match=r"RunningHbaItems\.HbaItem is missing"):
        responses.read_hostssl_rows(body)
