"""Answers that are large, deep or hostile; what an ordinary one gives is in test_transport."""

import json

import pytest

from rds_ssl.aliyun.answers import ERROR_BYTES, MOST_PARTS, read_error, read_object

KEY_LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7+abc/def/ghi"
SECRET = f"-----BEGIN PRIVATE KEY-----\n{KEY_LINE}\n-----END PRIVATE KEY-----\n"


def error(code: object, message: str = "", **more: object) -> bytes:
    return json.dumps({"Code": code, "Message": message, "RequestId": "R1", **more}).encode()


@pytest.mark.parametrize("excess", [0, 1])
def test_a_large_error_has_a_code_and_no_text(excess: int) -> None:
    empty = error("InvalidX", "busy ", AccessDeniedDetail={"AuthAction": "rds:X"})
    spaces = " " * (ERROR_BYTES - len(empty) + excess)
    raw = error("InvalidX", f"busy {spaces}", AccessDeniedDetail={"AuthAction": "rds:X"})
    assert len(raw) == ERROR_BYTES + excess

    found = read_error(raw, sent=(), secrets=())

    assert found is not None
    assert (found.code, found.request_id) == ("InvalidX", "R1")
    assert found.message.strip() == ("" if excess else "busy")
    assert found.access_denied == ({} if excess else {"AuthAction": "rds:X"})


def test_of_a_large_error_in_xml_only_the_beginning_is_read() -> None:
    inside = "<Code>InvalidX</Code><RequestId>R1</RequestId>"
    secret = "<Message>" + "x" * (ERROR_BYTES - 100) + SECRET * 9 + "</Message>"

    found = read_error(
        f"<Error>{inside}{secret}</Error>".encode(), sent=(SECRET,), secrets=(SECRET,)
    )
    behind = read_error(f"<Error>{secret}{inside}</Error>".encode(), sent=(), secrets=())

    assert found is not None
    assert (found.code, found.request_id, found.message) == ("InvalidX", "R1", "")
    assert behind is None


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(f"X.{KEY_LINE}", id="characters that are not shown in a code"),
        pytest.param("x" * 60 + KEY_LINE, id="a secret that is cut with the code"),
        pytest.param("x" * 99 + KEY_LINE, id="a single letter of it"),
        pytest.param(f"  {SECRET}", id="all of it"),
    ],
)
def test_a_code_with_the_beginning_of_a_secret_is_no_code(code: str) -> None:
    assert read_error(error(code), sent=(), secrets=(SECRET,)) is None


def test_a_secret_that_is_cut_off_with_the_rest_of_a_code_spoils_nothing() -> None:
    found = read_error(error("x" * 100 + KEY_LINE), sent=(), secrets=(SECRET,))

    assert found is not None
    assert found.code == "x" * 100


@pytest.mark.parametrize("excess", [0, 1])
def test_an_answer_of_too_many_parts_is_not_decoded(excess: int) -> None:
    # An object and a list, and a comma between any two numbers.
    raw = b'{"Rows": [' + b"1000," * (MOST_PARTS - 2 + excess) + b"1]}"

    assert (read_object(raw) is None) == bool(excess)


def test_long_values_are_not_many() -> None:
    text = "-----BEGIN X509 CRL-----" + "A" * 2_000_000

    assert read_object(json.dumps({"Crl": text}).encode()) == {"Crl": text}
