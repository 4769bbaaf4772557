"""The report of `rds-ssl doctor`: what it finds out, and that nobody learns a secret from it."""

import asyncio
import json
from typing import Any

import pytest

from leaks.marked import KEY_ID, finds, marked
from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.dialects import Dialects
from rds_ssl.aliyun.identity.providers import StaticProvider
from rds_ssl.aliyun.questions import Questions
from rds_ssl.aliyun.rate_limit import RateLimiter
from rds_ssl.aliyun.rds import RdsApi
from rds_ssl.aliyun.transport import Transport
from rds_ssl.commands.cloud import Account
from rds_ssl.commands.doctor import answer_of, report_of
from rds_ssl.commands.shapes import SSL_FIELDS, is_word, shape
from rds_ssl.core.errors import CommandRefused
from rds_ssl.core.secret_text import SecretText
from support import pki
from support.simulator import InProcess

Json = dict[str, Any]

ACCOUNT = "9876543210987654"
KEY = marked()["private key"].text


@pytest.fixture
def rds() -> InProcess:
    """A cloud with an instance of each engine, and a key whose secret is marked."""
    rds = InProcess()
    on = {"enabled": True}
    rds.put_instance("rm-secretname", profile="mysql-8.0", ssl=on, description="payroll")
    rds.put_instance("pgm-secretname", profile="postgresql-14", ssl=on)
    rds.put_instance("ms-secretname", profile="sqlserver-2019", ssl=on, account=ACCOUNT)
    rds.put_access_key(KEY_ID, secret=marked()["access key"].text, account=ACCOUNT)
    return rds


def answered(rds: InProcess, *instance_ids: str, secret: str = "") -> tuple[Json, str]:
    """Examine instances; give the report as JSON and as text."""
    calls: list[tuple[str, str, float]] = []
    dialects = Dialects()

    def transport(known: Dialects) -> Transport:
        return Transport(
            rds.transport,
            now=lambda: rds.now,
            on_call=lambda *call: calls.append(call),
            allow_http=True,
            dialects=known,
        )

    credentials = Credentials(
        access_key_id=KEY_ID,
        access_key_secret=SecretText(secret or marked()["access key"].text),
    )

    async def ask() -> tuple[Json, str]:
        provider, limiter = StaticProvider(credentials), RateLimiter(0)
        own = transport(dialects)
        questions = Questions(transport=own, endpoint=rds.url, provider=provider, limiter=limiter)
        account = Account(
            region_id="cn-hangzhou",
            rds=RdsApi(transport=own, endpoint=rds.url, provider=provider, limiter=limiter),
            questions=questions,
            legacy=Questions(
                transport=transport(Dialects([rds.url])),
                endpoint=rds.url,
                provider=provider,
                limiter=limiter,
            ),
            signature=lambda: dialects.of(rds.url),
            skew=lambda: own.clock_skew,
        )
        report = await report_of(account, instance_ids, calls, lambda: rds.now)
        answer = answer_of(report)
        value = answer.value
        assert isinstance(value, dict)
        return value, "\n".join(answer.lines)

    return asyncio.run(ask())


ALL = ("rm-secretname", "pgm-secretname", "ms-secretname")


def test_the_words_of_each_engine_are_told(rds: InProcess) -> None:
    value, text = answered(rds, *ALL)

    assert value["answers"]["ca-type"] == [
        "MySQL: not in the answer",
        'PostgreSQL: "aliyun"',
        "SQLServer: not in the answer",
    ]
    assert value["answers"]["force-encryption"][0] == "MySQL: the number 0"
    assert 'MySQL: SSLEnabled "Yes"' in text
    assert 'PostgreSQL: SSLEnabled "on"' in text
    assert value["answers"]["times"] == ["9999-99-99T99:99:99Z", "99:99Z-99:99Z"]


def test_both_signatures_are_tried_and_the_one_that_is_not_read_is_told(rds: InProcess) -> None:
    assert answered(rds, *ALL)[0]["signatures"] == {"V3": "OK", "V1": "OK"}

    rds.config(signatures="v1")
    assert answered(rds, *ALL)[0]["answers"]["signature"] == ["V3: not read", "V1: read"]

    rds.config(signatures="v3")
    v3, v1 = answered(rds, *ALL)[0]["answers"]["signature"]
    assert v3 == "V3: read"
    assert v1.startswith("V1: not read")


def test_a_change_is_found_in_the_history_with_how_long_it_took(rds: InProcess) -> None:
    rds.config(durations={"window": 1.0, "change": 120.0})
    rds.modify("pgm-secretname")
    rds.advance(600)

    (told,) = answered(rds, "pgm-secretname")[0]["answers"]["tasks"]

    assert told == ("PostgreSQL: 1 x modify_ssl Succeed, 121/121/121 s (shortest/median/longest)")


def test_throttling_and_what_is_not_allowed_are_told_by_their_codes(rds: InProcess) -> None:
    rds.fault({"kind": "throttle", "retry_after_ms": 1}, action="DescribeDBInstanceSSL", times=1)
    rds.put_access_key(
        KEY_ID,
        secret=marked()["access key"].text,
        account=ACCOUNT,
        user="doctor",
        actions=["DescribeDBInstanceAttribute", "DescribeDBInstanceSSL"],
        instances=["*"],
    )

    value, text = answered(rds, "rm-secretname")

    (code,) = value["answers"]["throttling"]
    assert code.startswith("Throttling")
    (instance,) = value["instances"]
    assert instance["failures"] == {
        "DescribeDBInstanceNetInfo": "NoPermission (HTTP 403)",
        "DescribeHistoryTasks": "NoPermission (HTTP 403)",
    }
    assert "doctor" not in text.partition("\n")[2].replace("rds-ssl doctor", "")


def test_an_instance_that_is_not_there_is_a_row_of_codes_and_no_end(rds: InProcess) -> None:
    value, _ = answered(rds, "rm-elsewhere", "rm-secretname")

    first, second = value["instances"]
    assert first["failures"]["DescribeDBInstanceSSL"] == "InvalidDBInstanceId.NotFound (HTTP 404)"
    assert second["failures"] == {}
    assert value["answers"]["signature"] == [
        "V3: read, InvalidDBInstanceId.NotFound (HTTP 404)",
        "V1: read, InvalidDBInstanceId.NotFound (HTTP 404)",
    ]


def test_keys_that_are_wrong_end_it_at_once_with_what_to_do(rds: InProcess) -> None:
    with pytest.raises(CommandRefused, match="SignatureDoesNotMatch"):
        answered(rds, "rm-secretname", secret="another")

    assert len(rds.calls()) == 1


def test_it_asks_only_what_reads(rds: InProcess) -> None:
    answered(rds, *ALL)

    assert {each["action"].startswith("Describe") for each in rds.calls()} == {True}


@pytest.mark.parametrize(
    "value",
    [KEY, KEY.splitlines()[1], marked()["access key"].text, KEY_ID, ACCOUNT],
    ids=["PEM", "line", "secret", "key id", "account"],
)
def test_nothing_gets_out_whatever_rds_puts_where(rds: InProcess, value: str) -> None:
    rds.patch_instance("pgm-secretname", answers=dict.fromkeys([*SSL_FIELDS, "NewField"], value))

    said, text = answered(rds, "pgm-secretname")

    whole = f"{json.dumps(said)}\n{text}"
    assert not finds(whole.encode())
    for secret in (KEY_ID, ACCOUNT, "secretname", "payroll", value):
        assert secret not in whole


def test_the_report_has_no_certificate_and_no_names(rds: InProcess) -> None:
    root = pki.make_root("Payroll Ltd")
    leaf = root.leaf("pgm-secretname.pg.rds.aliyuncs.com", common_name="payroll.example.com")
    rds.patch_instance(
        "pgm-secretname",
        ssl={
            "server_cert": leaf.chain_pem.decode(),
            "server_key": leaf.key_pem().decode(),
            "client_ca": root.pem.decode(),
            "crl": root.revocation_list().decode(),
            "acl": "cert",
        },
        answers={"ServerKey": KEY},
    )

    value, text = answered(rds, *ALL)

    whole = f"{json.dumps(value)}\n{text}"
    assert not finds(whole.encode())
    for pem in (leaf.chain_pem, root.pem, root.revocation_list()):
        assert pem.decode().splitlines()[1] not in whole
    for name in ("ayroll", "secretname", KEY_ID, ACCOUNT, leaf.sha256):
        assert name not in whole
    ssl = value["instances"][1]["ssl"]
    assert "PRIVATE KEY" in ssl["ServerKey"]
    assert f"{len(KEY)} characters" in ssl["ServerKey"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("ACL", "verify-full", '"verify-full"'),
        ("ForceEncryption", True, "the truth value true"),
        ("ForceEncryption", "1", '"1"'),
        ("ForceEncryption", 1, "the number 1"),
        ("ForceEncryption", 1234567890, "a number"),
        ("TlsVersion", "1.2", '"1.2"'),
        ("CurrentKernelVersion", "rds_postgres_1400_20241230", '"rds_postgres_1400_20241230"'),
        ("ConnectionString", "orders.pg.rds.aliyuncs.com", "a host, *.pg.rds.aliyuncs.com"),
        ("ConnectionString", "db.payroll.example.com", "a text of 22 characters"),
        ("SSLExpireTime", "2027-01-02 03:04:05", "a time, 9999-99-99 99:99:99"),
        ("RequireUpdate", "-", 'the text "-"'),
        ("ServerKey", SecretText("****"), "masked, 4 characters"),
        ("ServerKey", SecretText(""), 'the text ""'),
        ("ServerCAUrl", "https://x/y?token=z", "a URL of 19 characters"),
        ("ModifyStatusReason", None, "null"),
        ("Items", [1, 2], "a list of 2"),
    ],
)
def test_a_value_is_told_by_its_shape(name: str, value: object, told: str) -> None:
    assert shape(name, value) == told


@pytest.mark.parametrize("text", [KEY_ID, ACCOUNT, "pgm-bp1234567890abcde", "a" * 21, "rm_1 x"])
def test_what_names_somebody_is_no_word(text: str) -> None:
    assert not is_word(text)
