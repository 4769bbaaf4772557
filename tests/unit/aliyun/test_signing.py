"""
Signatures against vectors that the vendor's SDK made, and the published example.

Made with alibabacloud_tea_openapi 0.4.6, nonce, date and user agent fixed; the V3 ones were
recomputed by a second implementation.
"""

import hashlib
import re
from collections.abc import Mapping
from urllib.parse import parse_qs, quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.aliyun.signing import (
    FORM,
    authorization_v3,
    canonical_request,
    common_parameters_v1,
    form,
    percent_encode,
    sign_v1,
    sign_v3,
    signature_v1,
    string_to_sign_v1,
)
from rds_ssl.core.secret_text import SecretText

KEY_ID = "LTAI5tEXAMPLEKEYID0000001"
SECRET = SecretText("ExampleSecretDoNotUse0000000001")
TOKEN = SecretText("CAISEXAMPLE//+=SecurityToken")
DATE = "2026-01-02T03:04:05Z"
NONCE = "0123456789abcdef0123456789abcdef"
VERSION = "2014-08-15"
HOST = "rds.aliyuncs.com"

DESCRIBE = {"DBInstanceId": "rm-bp1234567890abcde"}
MODIFY = {
    "DBInstanceId": "pgm-bp1234567890abcde",
    "ConnectionString": "pgm-bp1234567890abcde.pg.rds.aliyuncs.com",
    "SSLEnabled": "1",
    "CAType": "custom",
    "ServerCert": "-----BEGIN CERTIFICATE-----\nMIIB+a/b=\n-----END CERTIFICATE-----\n",
    "ServerKey": "-----BEGIN PRIVATE KEY-----\nMIIE+c/d==\n-----END PRIVATE KEY-----\n",
}
MODIFY_BODY = (
    b"CAType=custom&ConnectionString=pgm-bp1234567890abcde.pg.rds.aliyuncs.com"
    b"&DBInstanceId=pgm-bp1234567890abcde&SSLEnabled=1"
    b"&ServerCert=-----BEGIN+CERTIFICATE-----%0AMIIB%2Ba%2Fb%3D%0A-----END+CERTIFICATE-----%0A"
    b"&ServerKey=-----BEGIN+PRIVATE+KEY-----%0AMIIE%2Bc%2Fd%3D%3D%0A-----END+PRIVATE+KEY-----%0A"
)
"""As the SDK encodes it, with ``+``; the signature is over whatever bytes are sent."""

SDK = {
    "accept": "application/json",
    "user-agent": "rds-ssl-operator-test/1.0",
    "x-acs-credentials-provider": "static_ak",
}
SDK_STS = {**SDK, "x-acs-credentials-provider": "static_sts", "x-acs-accesskey-id": KEY_ID}


@pytest.mark.parametrize(
    ("request_parts", "digest", "signature"),
    [
        pytest.param(
            {"action": "DescribeDBInstanceSSL", "query": DESCRIBE, "extra_headers": SDK},
            "dadead509de1cb412ebe0e2775341d8f5af578abf862a86fe006953632e06035",
            "48f41b05000422a1a1aaaf2d2c91a3fc71a5db795cada7aaca790366a4a7ce07",
            id="A: a query",
        ),
        pytest.param(
            {
                "action": "DescribeDBInstanceSSL",
                "query": DESCRIBE,
                "extra_headers": SDK_STS,
                "security_token": TOKEN,
            },
            "c04ac7fda5f339354ef6eb6437cc4e56a5bb1b3ec12c7ccf9153e0df569404bc",
            "f76eedb88d89a6507303f757a6b39e3a4397a8102acbfdfb958d771b250fd972",
            id="B: a query and a token",
        ),
        pytest.param(
            {"action": "ModifyDBInstanceSSL", "query": MODIFY, "extra_headers": SDK},
            "92bbb0083547ee902b737e2ca34f0169f37fe747d3511530d1c9ac8d9e6b9631",
            "98c00f0d7746c8fd9c6fe3c2be28363181438c312467d2eb2959c9b4cc63a168",
            id="C: PEM in a query",
        ),
        pytest.param(
            {
                "action": "ModifyDBInstanceSSL",
                "body": MODIFY_BODY,
                "content_type": FORM,
                "extra_headers": SDK,
            },
            "4b0aedab776e2d812661e2117a5ecfa856fdff29540fbcbddf65399921bbb1e2",
            "92753e315b149e6bb879948294cc1d059e95b042fb9d83033483d60d503c8976",
            id="D: a form",
        ),
        pytest.param(
            {
                "action": "ModifyDBInstanceSSL",
                "body": MODIFY_BODY,
                "content_type": FORM,
                "extra_headers": SDK_STS,
                "security_token": TOKEN,
            },
            "3d681e47928e1e2396710768c4ca1ff846e44d401749c8efe8de09f77b750e55",
            "a5294364f85344d6299821c837a78c8c582a54ccd5b3e706cec0714556ba25db",
            id="D2: a form and a token",
        ),
        pytest.param(
            {
                "action": "DescribeDBInstanceAttribute",
                "method": "GET",
                "query": {**DESCRIBE, "Note": "a b+c/d=e~f*g'h(i)中"},
                "extra_headers": SDK,
            },
            "59d9759fcad2bb88d31e80f7888f0a7db6231a6949b845f20679d1b7832babec",
            "efc1b90e8fbf1319da434451c1a16e3ee2b93663bc2cbd7f2abde071c1b6b69b",
            id="E: characters that encoders disagree about",
        ),
        pytest.param(
            {"action": "DescribeDBInstanceSSL", "method": "GET", "query": DESCRIBE},
            "ad7ae63d64b3924cc1b0323e6737c8afdb417bd4afeaea506a6feacceb1adb0f",
            "be2d12aa2addddaff81f85817cf15a42058b18a66d7c691639f27962edb19e6e",
            id="M1: few headers, GET",
        ),
        pytest.param(
            {"action": "DescribeDBInstanceSSL", "query": DESCRIBE, "security_token": TOKEN},
            "c4856029e33bf9c9fc596d05b4e59e9e1c1044c6f56e4d2484b0afc255b1388c",
            "cd82a96e6327255dc9dfe805053e75cf1fb1b805d5849b21180dd335e0564278",
            id="M2: few headers and a token",
        ),
        pytest.param(
            {"action": "ModifyDBInstanceSSL", "body": MODIFY_BODY, "content_type": FORM},
            "d854b5c7a5ee3af63f3e3fcb2f801b15be6ae39033b03a30396c2ddcfa1aea15",
            "ff179c51b30f169a6e66891dab2f457732923388dc3a22621de3e0733dffcd93",
            id="M3: few headers and a form, as we send it",
        ),
        pytest.param(
            {
                "host": "ecs.cn-shanghai.aliyuncs.com",
                "action": "RunInstances",
                "version": "2014-05-26",
                "date": "2023-10-26T10:22:32Z",
                "nonce": "3156853299f313e23d1673dc12e1703d",
                "query": {
                    "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
                    "RegionId": "cn-shanghai",
                },
                "access_key_id": "YourAccessKeyId",
                "access_key_secret": SecretText("YourAccessKeySecret"),
            },
            "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259",
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
            id="the published example",
        ),
    ],
)
def test_a_v3_request_is_signed_as_the_vendor_signs_it(
    request_parts: dict[str, object], digest: str, signature: str
) -> None:
    parts: dict[str, object] = {
        "host": HOST,
        "version": VERSION,
        "date": DATE,
        "nonce": NONCE,
        "access_key_id": KEY_ID,
        "access_key_secret": SECRET,
        **request_parts,
    }

    headers = sign_v3(**parts)  # type: ignore[arg-type]  # One table for all shapes.

    found = re.fullmatch(
        r"ACS3-HMAC-SHA256 Credential=(.+),SignedHeaders=(.+),Signature=(.+)",
        headers["authorization"],
    )
    assert found is not None
    assert found[1] == parts["access_key_id"]
    assert found[2].split(";") == sorted(set(headers) - {"authorization"})
    assert found[3] == signature
    assert _digest(headers, parts) == digest


def _digest(headers: Mapping[str, str], parts: dict[str, object]) -> str:
    canonical = canonical_request(
        method=str(parts.get("method", "POST")),
        query=parts.get("query", {}),  # type: ignore[arg-type]
        headers={name: value for name, value in headers.items() if name != "authorization"},
        payload_sha256=headers["x-acs-content-sha256"],
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def test_the_canonical_request_has_the_documented_lines() -> None:
    text = canonical_request(
        method="POST",
        query={},
        headers={"X-Acs-Version": " 2014-08-15 ", "host": HOST},
        payload_sha256="00ff",
    )

    assert text == f"POST\n/\n\nhost:{HOST}\nx-acs-version:{VERSION}\n\nhost;x-acs-version\n00ff"


def test_another_secret_gives_another_signature() -> None:
    canonical = canonical_request(
        method="POST", query={}, headers={"host": HOST}, payload_sha256=""
    )

    one = authorization_v3(canonical, access_key_id=KEY_ID, access_key_secret=SECRET)
    other = authorization_v3(canonical, access_key_id=KEY_ID, access_key_secret=SecretText("x"))

    assert one != other


@pytest.mark.parametrize(
    ("plain", "encoded"),
    [
        pytest.param("a b", "a%20b", id="a space is no plus sign"),
        pytest.param("a+b", "a%2Bb", id="plus"),
        pytest.param("*", "%2A", id="asterisk"),
        pytest.param("-_.~", "-_.~", id="unreserved"),
        pytest.param("/", "%2F", id="slash"),
        pytest.param("中\n", "%E4%B8%AD%0A", id="UTF-8 and a newline"),
    ],
)
def test_text_is_encoded_by_rfc_3986(plain: str, encoded: str) -> None:
    assert percent_encode(plain) == encoded


TEXT = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("%2B+/=\n ~é€😀"))


@given(TEXT)
def test_text_is_encoded_as_the_standard_library_has_it(text: str) -> None:
    assert percent_encode(text) == quote(text, safe="-_.~")


def test_every_byte_is_encoded_as_the_standard_library_has_it() -> None:
    text = "".join(map(chr, range(0x800))) * 2

    assert percent_encode(text) == quote(text, safe="-_.~")


def test_a_form_is_sorted_by_name() -> None:
    assert form({"b": "2", "a": "1 +"}) == "a=1%20%2B&b=2"
    assert form({}) == ""


def _common_v1(action: str, token: SecretText | None = None) -> dict[str, str]:
    return common_parameters_v1(
        action=action,
        version=VERSION,
        date=DATE,
        nonce=NONCE,
        access_key_id=KEY_ID,
        security_token=token,
    )


@pytest.mark.parametrize(
    ("parameters", "signature"),
    [
        pytest.param(
            {**_common_v1("ModifyDBInstanceSSL"), **MODIFY},
            "9MO/t8MJG1k0RnUydeutCIRsyrs=",
            id="F: own parameters in a form",
        ),
        pytest.param(
            {**_common_v1("DescribeDBInstanceSSL", TOKEN), **DESCRIBE},
            "S7YTv0r7i1j1ZAbXOpQsxUORg+A=",
            id="G: a token, all in the query",
        ),
    ],
)
def test_a_v1_request_is_signed_as_the_vendor_signs_it(
    parameters: dict[str, str], signature: str
) -> None:
    assert signature_v1("POST", parameters, access_key_secret=SECRET) == signature


@pytest.mark.parametrize(
    ("action", "own", "token", "signature"),
    [
        pytest.param("ModifyDBInstanceSSL", MODIFY, None, "9MO/t8MJG1k0RnUydeutCIRsyrs=", id="F"),
        pytest.param(
            "DescribeDBInstanceSSL", DESCRIBE, TOKEN, "S7YTv0r7i1j1ZAbXOpQsxUORg+A=", id="G"
        ),
    ],
)
def test_a_whole_v1_request_can_travel_in_one_form(
    action: str, own: dict[str, str], token: SecretText | None, signature: str
) -> None:
    signed = sign_v1(
        own,
        action=action,
        version=VERSION,
        date=DATE,
        nonce=NONCE,
        access_key_id=KEY_ID,
        access_key_secret=SECRET,
        security_token=token,
    )

    read = {name: value[0] for name, value in parse_qs(form(signed), strict_parsing=True).items()}
    assert read == {**own, **_common_v1(action, token), "Signature": signature}


def test_the_v1_text_is_encoded_twice() -> None:
    text = string_to_sign_v1("POST", {**_common_v1("DescribeDBInstanceSSL", TOKEN), **DESCRIBE})

    assert text == (
        "POST&%2F&AccessKeyId%3DLTAI5tEXAMPLEKEYID0000001%26Action%3DDescribeDBInstanceSSL"
        "%26DBInstanceId%3Drm-bp1234567890abcde%26Format%3Djson"
        "%26SecurityToken%3DCAISEXAMPLE%252F%252F%252B%253DSecurityToken"
        "%26SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3D0123456789abcdef0123456789abcdef"
        "%26SignatureVersion%3D1.0%26Timestamp%3D2026-01-02T03%253A04%253A05Z%26Version%3D2014-08-15"
    )
