"""Signatures: the vectors that the vendor's SDK computed, and every way to get one wrong."""

import hashlib
from collections.abc import Callable

import httpx
import pytest

from rds_simulator.call import Call, read_call
from rds_simulator.signatures import signature_v1, signature_v3
from support.simulator import Caller, InProcess

SECRET = "ExampleSecretDoNotUse0000000001"
TOKEN = "CAISEXAMPLE//+=SecurityToken"
NONCE = "0123456789abcdef0123456789abcdef"
FORM = (
    "CAType=custom&ConnectionString=pgm-bp1234567890abcde.pg.rds.aliyuncs.com"
    "&DBInstanceId=pgm-bp1234567890abcde&SSLEnabled=1"
    "&ServerCert=-----BEGIN+CERTIFICATE-----%0AMIIB%2Ba%2Fb%3D%0A-----END+CERTIFICATE-----%0A"
    "&ServerKey=-----BEGIN+PRIVATE+KEY-----%0AMIIE%2Bc%2Fd%3D%3D%0A-----END+PRIVATE+KEY-----%0A"
)
DESCRIBE = "/?DBInstanceId=rm-bp1234567890abcde"
SDK_HEADERS = {
    "accept": "application/json",
    "user-agent": "rds-ssl-operator-test/1.0",
    "x-acs-credentials-provider": "static_ak",
}
STS_HEADERS = {
    **SDK_HEADERS,
    "x-acs-credentials-provider": "static_sts",
    "x-acs-accesskey-id": "LTAI5tEXAMPLEKEYID0000001",
    "x-acs-security-token": TOKEN,
}
FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}


def call(
    method: str, url: str, action: str, headers: dict[str, str], body: str = ""
) -> tuple[Call, list[str]]:
    all_headers = {
        "host": "rds.aliyuncs.com",
        "x-acs-action": action,
        "x-acs-version": "2014-08-15",
        "x-acs-date": "2026-01-02T03:04:05Z",
        "x-acs-signature-nonce": NONCE,
        "x-acs-content-sha256": hashlib.sha256(body.encode()).hexdigest(),
        **headers,
    }
    return read_call(method, url, all_headers, body.encode()), sorted(all_headers)


@pytest.mark.parametrize(
    ("request_and_headers", "expected"),
    [
        pytest.param(
            call("GET", DESCRIBE, "DescribeDBInstanceSSL", {}),
            "be2d12aa2addddaff81f85817cf15a42058b18a66d7c691639f27962edb19e6e",
            id="M1 GET, query",
        ),
        pytest.param(
            call("POST", DESCRIBE, "DescribeDBInstanceSSL", {"x-acs-security-token": TOKEN}),
            "cd82a96e6327255dc9dfe805053e75cf1fb1b805d5849b21180dd335e0564278",
            id="M2 POST, query, token",
        ),
        pytest.param(
            call("POST", "/", "ModifyDBInstanceSSL", FORM_TYPE, FORM),
            "ff179c51b30f169a6e66891dab2f457732923388dc3a22621de3e0733dffcd93",
            id="M3 POST, form",
        ),
        pytest.param(
            call("POST", DESCRIBE, "DescribeDBInstanceSSL", SDK_HEADERS),
            "48f41b05000422a1a1aaaf2d2c91a3fc71a5db795cada7aaca790366a4a7ce07",
            id="A the SDK's headers",
        ),
        pytest.param(
            call("POST", DESCRIBE, "DescribeDBInstanceSSL", STS_HEADERS),
            "f76eedb88d89a6507303f757a6b39e3a4397a8102acbfdfb958d771b250fd972",
            id="B the SDK's headers, token",
        ),
        pytest.param(
            call("POST", f"/?{FORM}", "ModifyDBInstanceSSL", SDK_HEADERS),
            "98c00f0d7746c8fd9c6fe3c2be28363181438c312467d2eb2959c9b4cc63a168",
            id="C a key in the query",
        ),
        pytest.param(
            call("POST", "/", "ModifyDBInstanceSSL", {**SDK_HEADERS, **FORM_TYPE}, FORM),
            "92753e315b149e6bb879948294cc1d059e95b042fb9d83033483d60d503c8976",
            id="D the SDK's headers, form",
        ),
        pytest.param(
            call(
                "GET",
                "/?DBInstanceId=rm-bp1234567890abcde&Note=a+b%2Bc%2Fd%3De~f%2Ag%27h%28i%29%E4%B8%AD",
                "DescribeDBInstanceAttribute",
                SDK_HEADERS,
            ),
            "efc1b90e8fbf1319da434451c1a16e3ee2b93663bc2cbd7f2abde071c1b6b69b",
            id="E special characters",
        ),
    ],
)
def test_v3_gives_the_signature_of_the_vendors_sdk(
    request_and_headers: tuple[Call, list[str]], expected: str
) -> None:
    request, signed = request_and_headers

    assert signature_v3(request, SECRET, signed) == expected


V1_COMMON = (
    "Version=2014-08-15&Timestamp=2026-01-02T03%3A04%3A05Z&SignatureNonce=" + NONCE + "&Format=json"
    "&SignatureMethod=HMAC-SHA1&SignatureVersion=1.0&AccessKeyId=LTAI5tEXAMPLEKEYID0000001"
)


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        pytest.param(
            f"/?Action=ModifyDBInstanceSSL&{V1_COMMON}",
            FORM,
            "9MO/t8MJG1k0RnUydeutCIRsyrs=",
            id="F form",
        ),
        pytest.param(
            "/",
            f"Action=ModifyDBInstanceSSL&{V1_COMMON}&{FORM}",
            "9MO/t8MJG1k0RnUydeutCIRsyrs=",
            id="F all in the form",
        ),
        pytest.param(
            f"/?Action=DescribeDBInstanceSSL&{V1_COMMON}&DBInstanceId=rm-bp1234567890abcde"
            "&SecurityToken=CAISEXAMPLE%2F%2F%2B%3DSecurityToken",
            "",
            "S7YTv0r7i1j1ZAbXOpQsxUORg+A=",
            id="G query, token",
        ),
    ],
)
def test_v1_gives_the_signature_of_the_vendors_sdk(url: str, body: str, expected: str) -> None:
    signature = "&Signature=ignored"
    if body.startswith("Action"):
        body += signature
    else:
        url += signature
    request = read_call("POST", url, FORM_TYPE, body.encode())

    assert signature_v1(request, SECRET) == expected


def altered_parameter(request: httpx.Request) -> httpx.Request:
    return httpx.Request("POST", request.url.copy_set_param("Extra", "1"), headers=request.headers)


def without(header: str) -> Callable[[httpx.Request], httpx.Request]:
    def alter(request: httpx.Request) -> httpx.Request:
        del request.headers[header]
        return request

    return alter


def with_header(header: str, value: str) -> Callable[[httpx.Request], httpx.Request]:
    def alter(request: httpx.Request) -> httpx.Request:
        request.headers[header] = value
        return request

    return alter


@pytest.mark.parametrize(
    ("alter", "code"),
    [
        pytest.param(altered_parameter, "SignatureDoesNotMatch", id="altered parameter"),
        pytest.param(
            with_header("x-acs-content-sha256", "0" * 64), "SignatureDoesNotMatch", id="other hash"
        ),
        pytest.param(
            with_header("x-acs-action", "DescribeDBInstances"),
            "SignatureDoesNotMatch",
            id="other action",
        ),
        pytest.param(without("authorization"), "IncompleteSignature", id="no Authorization"),
        pytest.param(without("x-acs-date"), "IncompleteSignature", id="no date"),
        pytest.param(without("x-acs-signature-nonce"), "IncompleteSignature", id="no nonce"),
        pytest.param(without("x-acs-action"), "MissingAction", id="no action"),
        pytest.param(
            with_header("x-acs-more", "1"), "IncompleteSignature", id="a header that is not signed"
        ),
        pytest.param(
            with_header("authorization", "ACS3-HMAC-SM3 Credential=a"),
            "InvalidSignatureMethod",
            id="other algorithm",
        ),
        pytest.param(
            with_header("authorization", "ACS3-HMAC-SHA256 Credential=LTAI5tSimulator"),
            "IncompleteSignature",
            id="no signature in Authorization",
        ),
        pytest.param(
            with_header("x-acs-date", "yesterday"), "InvalidTimeStamp.Format", id="no date at all"
        ),
    ],
)
def test_a_request_that_was_altered_is_refused(
    rds: InProcess, alter: Callable[[httpx.Request], httpx.Request], code: str
) -> None:
    caller = rds.caller()
    request = caller.request("DescribeDBInstanceSSL", place="query", DBInstanceId="pg")

    response = caller.send(alter(request))

    assert (response.status_code, response.json()["Code"]) == (400, code)


def test_a_nonce_serves_once(rds: InProcess) -> None:
    caller = rds.caller()
    request = caller.request("DescribeDBInstanceSSL", DBInstanceId="pg")

    first, second = caller.send(request), caller.send(request)

    assert first.status_code == 200
    assert (second.status_code, second.json()["Code"]) == (400, "SignatureNonceUsed")


@pytest.mark.parametrize(("skew", "status"), [(-901, 400), (-899, 200), (899, 200), (901, 400)])
def test_a_clock_may_be_off_by_a_quarter_of_an_hour(rds: InProcess, skew: int, status: int) -> None:
    rds.clock(skew=skew)

    response = rds.call("DescribeDBInstanceSSL", DBInstanceId="pg")

    assert response.status_code == status
    assert status == 200 or response.json()["Code"] == "InvalidTimeStamp.Expired"


def test_moving_the_instances_time_does_not_break_signatures(rds: InProcess) -> None:
    rds.clock(advance=40 * 86400)

    assert rds.call("DescribeDBInstanceSSL", DBInstanceId="pg").status_code == 200


def test_an_unknown_key_and_a_wrong_secret_are_told_apart(rds: InProcess) -> None:
    stranger = rds.caller(key_id="LTAI5tStranger")
    liar = rds.caller(secret="wrong")

    unknown = stranger.call("DescribeDBInstanceSSL", DBInstanceId="pg")
    wrong = liar.call("DescribeDBInstanceSSL", DBInstanceId="pg")

    assert (unknown.status_code, unknown.json()["Code"]) == (404, "InvalidAccessKeyId.NotFound")
    assert (wrong.status_code, wrong.json()["Code"]) == (400, "SignatureDoesNotMatch")


def v1_request(caller: Caller, **parameters: str) -> httpx.Request:
    at = caller.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    form = {
        "Action": "DescribeDBInstanceSSL",
        "Version": "2014-08-15",
        "DBInstanceId": "pg",
        "Timestamp": at,
        "SignatureNonce": NONCE,
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "AccessKeyId": caller.key_id,
        **parameters,
    }
    unsigned = httpx.Request("POST", "http://rds.invalid/", data=form)
    read = read_call("POST", str(unsigned.url), unsigned.headers, unsigned.content)
    form["Signature"] = signature_v1(read, caller.secret)
    return httpx.Request("POST", "http://rds.invalid/", data=form)


def test_v1_answers_xml_unless_json_is_asked_for(rds: InProcess) -> None:
    caller = rds.caller()

    xml = caller.send(v1_request(caller))
    json = caller.send(v1_request(caller, Format="JSON", SignatureNonce="another"))
    refused = caller.send(v1_request(caller, DBInstanceId="no", SignatureNonce="a third"))

    assert xml.headers["content-type"].startswith("text/xml")
    assert "<SSLEnabled>off</SSLEnabled>" in xml.text
    assert json.json()["SSLEnabled"] == "off"
    assert refused.status_code == 404
    assert "<Error><RequestId>" in refused.text
    assert "<Code>InvalidDBInstanceId.NotFound</Code>" in refused.text


def test_v1_is_verified_as_strictly(rds: InProcess) -> None:
    caller, liar = rds.caller(), rds.caller(secret="wrong")
    request = v1_request(caller, Format="JSON")

    accepted, replayed = caller.send(request), caller.send(request)
    forged = liar.send(v1_request(liar, Format="JSON", SignatureNonce="another"))

    assert accepted.status_code == 200
    assert replayed.json()["Code"] == "SignatureNonceUsed"
    assert forged.json()["Code"] == "SignatureDoesNotMatch"


def test_a_session_key_needs_its_token_in_time(rds: InProcess) -> None:
    rds.put_access_key(
        "STS.1", secret="s", token="t", expires=rds.clock()["now"].replace("+00:00", "Z")
    )
    rds.put_access_key("STS.2", secret="s", token="t")

    codes = [
        rds.caller(key, "s", token).call("DescribeDBInstanceSSL", DBInstanceId="pg").json()
        for key, token in [("STS.2", None), ("STS.2", "other"), ("STS.1", "t"), ("STS.2", "t")]
    ]

    assert [answer.get("Code") for answer in codes] == [
        "MissingSecurityToken",
        "InvalidSecurityToken.MismatchWithAccessKey",
        "InvalidSecurityToken.Expired",
        None,
    ]


def test_permissions_are_a_list_of_operations_and_instances(rds: InProcess) -> None:
    rds.put_access_key(
        "LTAI5tLimited", secret="s", actions=["rds:DescribeDBInstance*"], instances=["pg"]
    )
    caller = rds.caller("LTAI5tLimited", "s")

    allowed = caller.call("DescribeDBInstanceSSL", DBInstanceId="pg")
    denied = [
        caller.call("ModifyDBInstanceSSL", DBInstanceId="pg"),
        caller.call("DescribeDBInstanceSSL", DBInstanceId="my"),
        caller.call("DescribeDBInstances", RegionId="cn-hangzhou"),
    ]

    assert allowed.status_code == 200
    assert [response.status_code for response in denied] == [403, 403, 403]
    body = denied[0].json()
    assert body["Code"] == "NoPermission"
    assert body["AccessDeniedDetail"]["AuthAction"] == "rds:ModifyDBInstanceSSL"
    assert body["AccessDeniedDetail"]["NoPermissionType"] == "ImplicitDeny"


def test_a_key_that_is_switched_off_is_refused(rds: InProcess) -> None:
    rds.put_access_key("LTAI5tOff", secret="s", active=False)

    response = rds.caller("LTAI5tOff", "s").call("DescribeDBInstanceSSL", DBInstanceId="pg")

    assert response.json()["Code"] == "InvalidAccessKeyId.Inactive"


@pytest.mark.parametrize("place", ["query", "body"])
def test_a_gateway_of_v1_misses_the_action_of_a_v3_request(rds: InProcess, place: str) -> None:
    rds.config(signatures="v1")
    caller = rds.caller()

    refused = caller.call("DescribeDBInstanceSSL", place=place, DBInstanceId="pg")
    accepted = caller.send(v1_request(caller, Format="JSON"))

    assert (refused.status_code, refused.json()["Code"]) == (400, "MissingAction")
    assert accepted.json()["SSLEnabled"] == "off"


def test_a_gateway_of_v3_refuses_v1(rds: InProcess) -> None:
    rds.config(signatures="v3")
    caller = rds.caller()

    refused = caller.send(v1_request(caller, Format="JSON"))

    assert (refused.status_code, refused.json()["Code"]) == (400, "InvalidSignatureMethod")
    assert rds.describe("pg")["SSLEnabled"] == "off"


def test_what_the_gateway_speaks_holds_for_all_until_it_is_reset(rds: InProcess) -> None:
    rds.config(signatures="v1", errors="xml")
    rds.config(latency=0)

    before = rds.config()
    rds.reset()
    after = rds.config()

    assert (before["signatures"], before["errors"]) == ("v1", "xml")
    assert (after["signatures"], after["errors"]) == ("any", "as-asked")
    with pytest.raises(httpx.HTTPStatusError, match="signatures"):
        rds.config(signatures="v2")


def test_errors_are_xml_on_demand_and_answers_are_not(rds: InProcess) -> None:
    rds.config(errors="xml")
    rds.put_access_key("LTAI5tNobody", secret="s", actions=[])
    rds.fault({"code": "Throttling.User"})

    throttled = rds.call("DescribeDBInstanceSSL", DBInstanceId="pg")
    denied = rds.caller("LTAI5tNobody", "s").call("DescribeDBInstanceSSL", DBInstanceId="pg")

    assert throttled.headers["content-type"].startswith("text/xml")
    assert "<Code>Throttling.User</Code>" in throttled.text
    assert "<AccessDeniedDetail><AuthAction>rds:DescribeDBInstanceSSL</AuthAction>" in denied.text
    assert rds.describe("pg")["SSLEnabled"] == "off"
