"""Answers that are large, deep or hostile; what an ordinary one gives is in test_transport."""

import json

import pytest

from rds_ssl.aliyun.answers import (
    ERROR_BYTES,
    MOST_PARTS,
    WITHHELD,
    read_body,
    read_error,
    read_object,
)

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


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"SSLEnabled": "Yes", "SSLEnabled": "No"}', id="a name twice"),
        pytest.param(b'{"a": {"b": 1, "b": 1}}', id="a name twice within"),
        pytest.param(b'{"Port": NaN}', id="NaN"),
        pytest.param(b'{"Port": -Infinity}', id="an infinity"),
        pytest.param(b'{"Port": ' + b"9" * 5_000 + b"}", id="a number of 5,000 digits"),
        pytest.param(b'{"a": ' * 129 + b"1" + b"}" * 129, id="objects in each other"),
        pytest.param(b'{"a": ' + b"[" * 479 + b"]" * 479 + b"}", id="480 deep"),
        pytest.param(b'{"a": ' + b"[" * 99_999 + b"]" * 99_999 + b"}", id="deeper than any stack"),
        pytest.param(b"\xff\xfe{\0}\0", id="UTF-16"),
        pytest.param(b'{"a": "\xed\xa0\x80"}', id="half a surrogate pair in UTF-8"),
        pytest.param(b'"RequestId"', id="a text"),
    ],
)
def test_what_nobody_writes_is_no_answer(raw: bytes) -> None:
    assert read_object(raw) is None


def test_half_a_surrogate_pair_becomes_a_letter_that_can_be_written() -> None:
    raw = b'{"\\ud800": ["\\uDFFFx", {"whole": "\\ud83d\\ude00"}], "n": 1}'

    found = read_object(raw)

    assert found == {"\ufffd\ufffd\ufffd": ["\ufffd\ufffd\ufffdx", {"whole": "\U0001f600"}], "n": 1}
    assert json.dumps(found, ensure_ascii=False).encode()


PASSWORD = "pa55-W0rd"
ECHOES = {
    "all of it": PASSWORD,
    "all of it, in a sentence": f"bad-{PASSWORD}-bad",
    "a line of a key": KEY_LINE,
    "the end of a line that was cut": f"{'a' * 56}{KEY_LINE[:8]}",
    "what is lost in a cut": f"{'a' * 63}{KEY_LINE}",
    "a part re-wrapped": f"{KEY_LINE[10:15]}\n{KEY_LINE[15:20]}",
    "a part in another encoding": KEY_LINE[38:52].replace("+", "%2B"),
    "a short password": "hush",
}


@pytest.mark.parametrize("case", ECHOES)
def test_a_request_id_that_echoes_a_secret_is_withheld_from_both_kinds_of_answers(
    case: str,
) -> None:
    echo = ECHOES[case]
    secrets = (SECRET, PASSWORD, "hush")

    found = read_error(
        json.dumps({"Code": "InvalidX", "RequestId": echo}).encode(), sent=(), secrets=secrets
    )
    body = read_body(json.dumps({"RequestId": echo}).encode(), secrets=secrets)

    assert found is not None
    assert found.request_id == WITHHELD
    assert body == {"RequestId": WITHHELD}


@pytest.mark.parametrize("case", ["all of it", "a part re-wrapped", "a short password"])
def test_a_code_that_echoes_a_secret_is_none(case: str) -> None:
    found = read_error(error(ECHOES[case]), sent=(), secrets=(SECRET, PASSWORD, "hush"))

    assert found is None


def test_a_code_that_the_api_documents_is_no_echo_of_a_password() -> None:
    found = read_error(error("Throttling"), sent=(), secrets=("Thrott", "ling"))

    assert found is not None
    assert found.code == "Throttling"


def test_an_id_of_the_api_is_shown_whatever_was_sent() -> None:
    request_id = "F2E9F6C1-0A6B-5D6C-9E51-2B8A7D1C4E55"

    body = read_body(json.dumps({"RequestId": request_id}).encode(), secrets=(SECRET, PASSWORD))

    assert body == {"RequestId": request_id}
    assert read_body(b'{"RequestId": 7}', secrets=(SECRET,)) == {"RequestId": 7}
