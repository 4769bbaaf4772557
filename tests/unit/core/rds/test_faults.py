"""
From the API's code to what it means for the object: the rules, and the words.

Every code of the table: test_fault_codes.py.
"""

from collections.abc import Iterator

import pytest

from rds_ssl.core.errors import (
    AliyunError,
    ApiError,
    NoAnswer,
    NoCredentials,
    NotSent,
    RegionUnknown,
    TransportError,
    TurnAwaited,
)
from rds_ssl.core.model import Disposition, Reason
from rds_ssl.core.rds.fault_codes import BY_CODE
from rds_ssl.core.rds.faults import classify, lookup, message, sentence

D = Disposition
R = Reason


def api_error(code: str, http_status: int = 400, **access_denied: str) -> ApiError:
    return ApiError(
        action="ModifyDBInstanceSSL",
        code=code,
        http_status=http_status,
        request_id="7B4C-REQUEST",
        message="text of the API",
        access_denied=access_denied,
    )


@pytest.mark.parametrize(
    ("error", "written", "read"),
    [
        pytest.param(
            NotSent(action="A", kind="connection refused"),
            D.UNAVAILABLE,
            D.UNAVAILABLE,
            id="nothing was sent",
        ),
        pytest.param(
            RegionUnknown(action="A", kind="host name not found", host="rds.cn-x.aliyuncs.com"),
            D.UNAVAILABLE,
            D.UNAVAILABLE,
            id="no such region",
        ),
        pytest.param(
            NoAnswer(action="A", kind="time-out"), D.UNKNOWN, D.UNAVAILABLE, id="no answer"
        ),
        pytest.param(
            NoAnswer(action="A", kind="HTTP 403 without an error code", http_status=403),
            D.UNKNOWN,
            D.UNAVAILABLE,
            id="a proxy's page",
        ),
        pytest.param(
            NoAnswer(action="A", kind="HTTP 429 without an error code", http_status=429),
            D.UNKNOWN,
            D.THROTTLED,
            id="a proxy's throttling",
        ),
        pytest.param(
            TransportError(action="A", kind="?"), D.UNKNOWN, D.UNAVAILABLE, id="a plain one"
        ),
        pytest.param(
            NoCredentials(action="AssumeRole", service="STS", kind="time-out"),
            D.UNAVAILABLE,
            D.UNAVAILABLE,
            id="nothing to sign with",
        ),
        pytest.param(AliyunError("?"), D.UNKNOWN, D.UNAVAILABLE, id="the root of the tree"),
    ],
)
def test_an_error_without_a_code_is_open_for_a_write_unless_nothing_was_sent(
    error: AliyunError, written: Disposition, read: Disposition
) -> None:
    assert classify(error, write=True).disposition is written
    assert classify(error, write=False).disposition is read


def test_every_class_of_the_tree_is_told_apart_above() -> None:
    def leaves(of: type[AliyunError]) -> Iterator[type[AliyunError]]:
        for child in of.__subclasses__():
            yield child
            yield from leaves(child)

    assert set(leaves(AliyunError)) == {
        ApiError,
        NoCredentials,
        TransportError,
        NotSent,
        NoAnswer,
        RegionUnknown,
        TurnAwaited,  # Nobody was asked; it ends a pass, and is never classified.
    }


@pytest.mark.parametrize(
    ("code", "disposition"),
    [
        pytest.param("SomethingRetryLater", D.BUSY, id="RetryLater at the end"),
        pytest.param("RetryLaterOrNot", D.REJECTED, id="RetryLater not at the end"),
        pytest.param("IncorrectReplicaState", D.BUSY, id="Incorrect and State"),
        pytest.param("OperationDenied.ProxyStatus", D.BUSY, id="OperationDenied and Status"),
        pytest.param("OperationDenied.Quota", D.REJECTED, id="OperationDenied alone"),
        pytest.param("InvalidStatus", D.REJECTED, id="Status without the beginning"),
        pytest.param("Missing", D.REJECTED, id="Missing, but nothing named"),
        pytest.param("ThrottlingOfAnotherKind", D.REJECTED, id="a code's part is no parent"),
    ],
)
def test_a_code_without_a_row_goes_by_the_patterns(code: str, disposition: Disposition) -> None:
    assert lookup(code, 400).disposition is disposition


@pytest.mark.parametrize(
    ("http_status", "denied", "disposition", "reason"),
    [
        pytest.param(400, {}, D.REJECTED, R.REQUEST_REJECTED, id="400"),
        pytest.param(404, {}, D.REJECTED, R.REQUEST_REJECTED, id="404"),
        pytest.param(403, {}, D.REJECTED, R.REQUEST_REJECTED, id="403 alone is no permission"),
        pytest.param(403, {"AuthAction": "a"}, D.BLOCKED, R.FORBIDDEN, id="403 with the detail"),
        pytest.param(401, {}, D.BLOCKED, R.FORBIDDEN, id="401"),
        pytest.param(429, {}, D.THROTTLED, R.THROTTLED, id="429"),
        pytest.param(500, {}, D.UNKNOWN, R.API_UNAVAILABLE, id="500"),
        pytest.param(503, {}, D.UNKNOWN, R.API_UNAVAILABLE, id="503"),
        pytest.param(200, {}, D.UNKNOWN, R.API_UNAVAILABLE, id="an error with a good status"),
    ],
)
def test_an_unheard_code_goes_by_the_http_status(
    http_status: int, denied: dict[str, str], disposition: Disposition, reason: Reason
) -> None:
    fault = lookup("Brand.New", http_status, denied)

    assert (fault.disposition, fault.reason) == (disposition, reason)


def test_the_sentence_names_what_the_caller_fills_in() -> None:
    text = message(
        api_error("InvalidServerCertOrPrivateKey"),
        write=True,
        server_certificate="Secret orders-tls (tls.crt, tls.key)",
    )

    assert text == (
        "RDS refuses the server certificate or its private key, from Secret orders-tls (tls.crt,"
        " tls.key); whoever makes it has to provide a pair that fits, with an unencrypted key"
        " (InvalidServerCertOrPrivateKey)"
    )


def test_an_error_without_a_code_shows_its_kind() -> None:
    text = message(NoAnswer(action="A", kind="time-out"), write=True)

    assert text == (
        "Whether RDS has taken the change is not known; the operator reads it back (time-out)"
    )


def test_braces_in_a_value_are_only_text() -> None:
    assert "({0.x})" in sentence(BY_CODE["InvalidACL.NotFound"], "Code", acl="{0.x}")
