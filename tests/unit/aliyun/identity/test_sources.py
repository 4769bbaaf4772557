"""Where keys come from, asked for at the simulated STS and metadata service."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.providers import Issued, RenewingProvider, StaticProvider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sources import LONGEST_TOKEN, AssumedSource, EcsSource, OidcSource
from rds_ssl.aliyun.identity.sts import STS_VERSION, Sts, sts_url
from rds_ssl.aliyun.transport import Transport
from rds_ssl.core.errors import NoCredentials
from rds_ssl.core.model import Disposition, Reason
from rds_ssl.core.rds.faults import classify, message
from rds_ssl.core.secret_text import SecretText
from support.identities import Issuer, allows, trusts, trusts_oidc, trusts_service
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, InProcess

T = TypeVar("T")

ACCOUNT = "acs:ram::1234567890123456"
ROLE_ARN = f"{ACCOUNT}:role/rds-ssl"
ISSUER = Issuer()
LABEL = "Secret rds-credentials"


class World:
    """A cloud, the requests that it gets, and what is asked of it."""

    def __init__(self) -> None:
        self.rds = InProcess()
        self.requests: list[httpx.Request] = []
        self.trouble: Callable[[httpx.Request], httpx.Response] | None = None
        self.rds.put_access_key("LTAI5tAnn", secret="ann-secret", user="ann", actions=["sts:*"])

    def http(self) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            self.requests.append(request)
            if self.trouble is not None:
                return self.trouble(request)
            return self.rds.transport.handle_request(request)

        return httpx.MockTransport(answer)

    def sts(self, http: httpx.MockTransport) -> Sts:
        transport = Transport(http, now=lambda: self.rds.now, version=STS_VERSION)
        return Sts(transport, "https://sts.example.com")

    def use(self, work: Callable[[httpx.MockTransport], Coroutine[Any, Any, T]]) -> T:
        async def main() -> T:
            return await work(self.http())

        return asyncio.run(main())

    def assume(self, role: Role, key: Credentials | None = None) -> Issued:
        key = key or Credentials(
            access_key_id="LTAI5tAnn", access_key_secret=SecretText("ann-secret")
        )

        async def work(http: httpx.MockTransport) -> Issued:
            return await AssumedSource(
                sts=self.sts(http), base=StaticProvider(key), role=role, label=LABEL
            ).issue()

        return self.use(work)

    def oidc(self, token_file: Path) -> Issued:
        async def work(http: httpx.MockTransport) -> Issued:
            return await OidcSource(
                sts=self.sts(http),
                role=Role(arn=ROLE_ARN, session_name="rds-ssl"),
                provider_arn=f"{ACCOUNT}:oidc-provider/ack-rrsa-c1",
                token_file=token_file,
                label="the operator's own identity",
            ).issue()

        return self.use(work)

    def ecs(self, name: str = "", *, version_1: bool = True) -> Issued:
        async def work(http: httpx.MockTransport) -> Issued:
            metadata = Metadata(http, now=lambda: self.rds.now, version_1=version_1)
            return await EcsSource(metadata=metadata, role_name=name, label="own").issue()

        return self.use(work)

    def sent(self) -> list[tuple[str, str]]:
        return [(each.method, str(each.url)) for each in self.requests]


@pytest.fixture
def world() -> World:
    """A cloud with a role that Ann and the cluster may assume, and that its machine has."""
    world = World()
    world.rds.put_oidc_provider("ack-rrsa-c1", **ISSUER.provider())
    provider = f"{ACCOUNT}:oidc-provider/ack-rrsa-c1"
    trust = trusts_oidc(provider, ISSUER.url)
    trust["Statement"] += trusts(f"{ACCOUNT}:user/ann")["Statement"]
    trust["Statement"] += trusts_service("ecs.aliyuncs.com")["Statement"]
    world.rds.put_role("rds-ssl", trust)
    world.rds.metadata(role="rds-ssl")
    return world


def refusal(ask: Callable[[], object]) -> NoCredentials:
    with pytest.raises(NoCredentials) as caught:
        ask()
    return caught.value


def meaning(error: NoCredentials) -> tuple[Disposition, Reason]:
    fault = classify(error, write=True)
    assert fault == classify(error, write=False)
    return fault.disposition, fault.reason


def role(**more: Any) -> Role:  # noqa: ANN401
    return Role(**{"arn": ROLE_ARN, "session_name": "rds-ssl-shop", **more})


def lives(issued: Issued, world: World) -> bool:
    key = issued.credentials
    assert key.security_token is not None
    caller = world.rds.caller(
        key.access_key_id, key.access_key_secret.reveal(), key.security_token.reveal()
    )
    world.rds.put_instance("pgm-1")
    return caller.call("DescribeDBInstanceSSL", DBInstanceId="pgm-1").status_code == 200


# -- AssumeRole -----------------------------------------------------------------------------------


def test_a_key_assumes_a_role_for_an_hour(world: World) -> None:
    issued = world.assume(role())

    assert lives(issued, world)
    assert issued.life == pytest.approx(3600, abs=1)
    assert world.sent() == [("POST", "https://sts.example.com")]
    (session,) = world.rds.sessions()
    assert session["principal"].endswith("assumed-role/rds-ssl/rds-ssl-shop")


def test_a_gateway_that_does_not_read_v3_is_asked_with_v1(world: World) -> None:
    world.rds.config(signatures="v1")

    issued = world.assume(role())

    assert len(world.requests) == 2
    assert not world.requests[1].url.query
    world.rds.config(signatures="any")
    assert lives(issued, world)


def test_the_external_id_and_the_policy_go_along(world: World) -> None:
    world.rds.put_role("rds-ssl", trusts(f"{ACCOUNT}:user/ann", external_id="rds-ssl:shop"))
    narrow = '{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:*","Resource":"*"}]}'

    assert lives(world.assume(role(external_id="rds-ssl:shop")), world)
    assert not lives(world.assume(role(external_id="rds-ssl:shop", policy=narrow)), world)
    error = refusal(lambda: world.assume(role(external_id="rds-ssl:other", made_up=True)))

    assert meaning(error) == (Disposition.BLOCKED, Reason.FORBIDDEN)
    assert "its trust policy has to name who takes it, with sts:ExternalId rds-ssl:other" in (
        message(error, write=False)
    )


def test_an_external_id_of_a_secret_is_not_told(world: World) -> None:
    world.rds.put_role("rds-ssl", trusts(f"{ACCOUNT}:user/ann", external_id="another"))

    error = refusal(lambda: world.assume(role(external_id="told-in-secret")))

    assert meaning(error) == (Disposition.BLOCKED, Reason.FORBIDDEN)
    assert "told-in-secret" not in message(error, write=False) + repr(error) + str(error)


def test_who_may_not_assume_a_role_is_told_who_he_is_and_what_is_missing(world: World) -> None:
    world.rds.put_access_key("LTAI5tBob", secret="bob-secret", user="bob", actions=["rds:*"])
    key = Credentials(access_key_id="LTAI5tBob", access_key_secret=SecretText("bob-secret"))

    error = refusal(lambda: world.assume(role(), key))

    assert meaning(error) == (Disposition.BLOCKED, Reason.FORBIDDEN)
    assert message(error, write=False) == (
        "STS does not let RAM user bob of account 1234567890123456 (Secret rds-credentials) take"
        f" role {ROLE_ARN}: sts:AssumeRole is missing; whoever administers RAM has to allow it for"
        " this role, and its trust policy has to name who takes it (NoPermission)"
    )


@pytest.mark.parametrize(
    ("what", "reason", "words"),
    [
        ("no role", Reason.CREDENTIALS_INVALID, f"STS knows no role {ROLE_ARN}x"),
        ("no key", Reason.CREDENTIALS_INVALID, "The access key of Secret rds-credentials does not"),
        ("wrong secret", Reason.CREDENTIALS_INVALID, "The secret of Secret rds-credentials does"),
        ("bad policy", Reason.CREDENTIALS_INVALID, "STS refuses the session policy"),
        ("bad session", Reason.CREDENTIALS_INVALID, "STS refuses what role"),
    ],
)
def test_what_sts_refuses_says_who_has_to_act(
    world: World, what: str, reason: Reason, words: str
) -> None:
    key = Credentials(access_key_id="LTAI5tAnn", access_key_secret=SecretText("ann-secret"))
    asked = role()
    match what:
        case "no role":
            asked = role(arn=f"{ROLE_ARN}x")
        case "no key":
            key = Credentials(access_key_id="LTAI5tNo", access_key_secret=SecretText("x"))
        case "wrong secret":
            key = Credentials(access_key_id="LTAI5tAnn", access_key_secret=SecretText("wrong"))
        case "bad policy":
            asked = role(policy='{"Version": "1"}')
        case "bad session":
            asked = role(session_name="?")

    error = refusal(lambda: world.assume(asked, key))

    assert meaning(error) == (Disposition.BLOCKED, reason)
    assert message(error, write=False).startswith(words)


def test_a_role_of_a_role_is_assumed_with_a_new_key_if_the_first_has_ended(world: World) -> None:
    world.rds.put_role("other", trusts(ROLE_ARN))
    other = Role(arn=f"{ACCOUNT}:role/other", session_name="rds-ssl")

    async def work(http: httpx.MockTransport) -> tuple[Issued, Issued]:
        sts = world.sts(http)
        key = Credentials(access_key_id="LTAI5tAnn", access_key_secret=SecretText("ann-secret"))
        base = RenewingProvider(
            AssumedSource(sts=sts, base=StaticProvider(key), role=role(), label=LABEL),
            principal=ROLE_ARN,
        )
        source = AssumedSource(sts=sts, base=base, role=other, label=LABEL)
        first = await source.issue()
        world.rds.end_sessions(ROLE_ARN, how="expire")
        return first, await source.issue()

    first, second = world.use(work)

    assert lives(first, world)
    assert lives(second, world)
    # The first key and its session; with the ended key, a new key, and with it.
    assert len(world.requests) == 2 + 3


@pytest.mark.parametrize(
    "trouble",
    [
        lambda _: httpx.Response(200, text="<html>Welcome</html>"),
        lambda _: httpx.Response(200, json={"RequestId": "R"}),
        lambda _: httpx.Response(200, json={"Credentials": {"AccessKeyId": "STS.1"}}),
        lambda _: httpx.Response(
            200,
            json={
                "Credentials": {
                    "AccessKeyId": "STS.1\r\nx-evil: 1",
                    "AccessKeySecret": "s",
                    "SecurityToken": "t",
                    "Expiration": "2026-01-02T03:04:05Z",
                }
            },
        ),
        lambda _: httpx.Response(
            200,
            json={
                "Credentials": {
                    "AccessKeyId": "STS.1",
                    "AccessKeySecret": "s",
                    "SecurityToken": "t",
                    "Expiration": "soon",
                }
            },
        ),
        lambda _: httpx.Response(502, text="<html>Bad Gateway</html>"),
        lambda _: httpx.Response(503, json={"Code": "ServiceUnavailable"}),
    ],
    ids=["HTML", "no key", "half a key", "a header in a key", "no time", "a gateway", "down"],
)
def test_an_answer_without_a_key_passes_by_itself(
    world: World, trouble: Callable[[httpx.Request], httpx.Response]
) -> None:
    world.trouble = trouble

    error = refusal(lambda: world.assume(role()))

    assert meaning(error) == (Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)
    assert message(error, write=False).startswith(
        "STS gives no usable answer, so that there are no credentials for Secret rds-credentials;"
        " the operator tries again"
    )


def test_the_text_of_an_outage_is_the_same_however_it_shows(world: World) -> None:
    texts = set()
    for failure in (httpx.ConnectTimeout("x"), httpx.ReadError("x"), httpx.ConnectError("x")):

        def fail(_: httpx.Request, failure: Exception = failure) -> httpx.Response:
            raise failure

        world.trouble = fail
        texts.add(message(refusal(lambda: world.assume(role())), write=False))

    assert len(texts) == 1


def test_a_clock_that_is_off_is_told_with_how_far(world: World) -> None:
    world.rds.clock(skew=1200)

    error = refusal(lambda: world.assume(role()))

    assert meaning(error) == (Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)
    assert message(error, write=False) == (
        "The clock of the operator's node is about 20 minutes behind that of STS; whoever runs the"
        " node has to correct it (InvalidTimeStamp.Expired)"
    )


def test_the_life_of_a_key_is_told_by_the_clock_of_the_service(world: World) -> None:
    world.rds.move(600)

    assert world.assume(role()).life == pytest.approx(3600, abs=2)


# -- AssumeRoleWithOIDC ---------------------------------------------------------------------------


def test_the_token_of_the_service_account_goes_in_the_body_and_nowhere_else(
    world: World, tmp_path: Path
) -> None:
    token = ISSUER.token(at=world.rds.now)
    file = tmp_path / "token"
    file.write_text(f"{token}\n")

    assert lives(world.oidc(file), world)

    (request,) = world.requests
    assert request.method == "POST"
    assert "authorization" not in request.headers
    assert f"OIDCToken={token}&" in request.content.decode()
    assert token not in str(request.url)
    assert token not in str(request.headers)
    assert world.rds.stats()["keys_in_url"] == 0


def test_the_file_is_read_each_time(world: World, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(ISSUER.token(at=world.rds.now - timedelta(hours=2)))
    error = refusal(lambda: world.oidc(file))
    assert error.code == "AuthenticationFail.OIDCToken.Expired"

    file.write_text(ISSUER.token(at=world.rds.now))

    assert lives(world.oidc(file), world)


@pytest.mark.parametrize(
    ("token", "code", "words"),
    [
        (lambda at: ISSUER.token(at=at, audience="vault"), "AudienceNotMatch", "OIDC provider"),
        (lambda at: Issuer().token(at=at), "InvalidSignature", "OIDC provider"),
        (lambda _: "eyJhbGciOi", "Invalid", "OIDC provider"),
    ],
    ids=["another audience", "another cluster", "half a token"],
)
def test_a_token_that_sts_does_not_take_says_what_to_correct(
    world: World, tmp_path: Path, token: Callable[[Any], str], code: str, words: str
) -> None:
    file = tmp_path / "token"
    file.write_text(token(world.rds.now))

    error = refusal(lambda: world.oidc(file))

    assert error.code == f"AuthenticationFail.OIDCToken.{code}"
    assert meaning(error) == (Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)
    assert words in message(error, write=False)
    assert token(world.rds.now) not in message(error, write=False) + repr(error)


def test_a_role_that_does_not_trust_the_service_account_is_a_missing_permission(
    world: World, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(ISSUER.token("system:serviceaccount:shop:default", at=world.rds.now))

    error = refusal(lambda: world.oidc(file))

    assert meaning(error) == (Disposition.BLOCKED, Reason.FORBIDDEN)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "OIDCTokenFile.Unreadable"),
        (b"", "OIDCTokenFile.Invalid"),
        (b" \n", "OIDCTokenFile.Invalid"),
        (b"\xff\xfe\x00\x01", "OIDCTokenFile.Invalid"),
        (b"two words", "OIDCTokenFile.Invalid"),
        (b"a" * (LONGEST_TOKEN + 1), "OIDCTokenFile.Invalid"),
        (b"a" * 50_000_000, "OIDCTokenFile.Invalid"),
    ],
    ids=["none", "empty", "blank", "bytes", "words", "long", "huge"],
)
def test_a_file_without_a_token_is_sent_to_nobody(
    world: World, tmp_path: Path, content: bytes | None, code: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)

    error = refusal(lambda: world.oidc(file))

    assert error.code == code
    assert meaning(error) == (Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)
    assert "ALIBABA_CLOUD_OIDC_TOKEN_FILE" in message(error, write=False)
    assert world.requests == []


# -- the metadata service -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "rds-ssl"])
def test_the_role_of_the_machine_is_asked_for_with_a_token(world: World, name: str) -> None:
    issued = world.ecs(name)

    assert lives(issued, world)
    assert issued.life == pytest.approx(6 * 3600, abs=1)
    url = "http://100.100.100.200/latest"
    assert world.sent() == [
        ("PUT", f"{url}/api/token"),
        *([] if name else [("GET", f"{url}/meta-data/ram/security-credentials/")]),
        ("GET", f"{url}/meta-data/ram/security-credentials/rds-ssl"),
    ]
    assert {*world.rds.stats()["metadata"]["metadata-credentials"]} == {"v2"}


def test_where_there_is_no_version_2_the_first_is_asked_unless_that_is_forbidden(
    world: World,
) -> None:
    world.rds.fault({"code": "X", "status": 404}, action="metadata-token", times=2)

    assert lives(world.ecs(), world)
    error = refusal(lambda: world.ecs(version_1=False))

    assert meaning(error) == (Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)
    assert {*world.rds.stats()["metadata"]["metadata-credentials"]} == {"v1"}


def test_a_machine_without_a_metadata_service_is_not_asked_twice(world: World) -> None:
    def nobody(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no") from socket.gaierror()

    world.trouble = nobody

    error = refusal(world.ecs)

    assert meaning(error) == (Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)
    assert message(error, write=False).startswith("The ECS metadata service gives no usable")
    assert len(world.requests) == 1


@pytest.mark.parametrize(
    ("fault", "action", "meant"),
    [
        ({"kind": "html", "status": 200}, "metadata-credentials", Disposition.UNAVAILABLE),
        ({"kind": "html", "status": 200}, "metadata-role", Disposition.UNAVAILABLE),
        ({"kind": "html"}, "metadata-credentials", Disposition.UNAVAILABLE),
        ({"kind": "empty"}, "metadata-credentials", Disposition.UNAVAILABLE),
        ({"kind": "empty"}, "metadata-role", Disposition.BLOCKED),
        ({"code": "Failed", "status": 200}, "metadata-credentials", None),
        ({"code": "X", "status": 404}, "metadata-credentials", Disposition.BLOCKED),
        ({"code": "X", "status": 403}, "metadata-credentials", Disposition.BLOCKED),
        ({"kind": "reset-before"}, "metadata-credentials", Disposition.UNAVAILABLE),
    ],
)
def test_a_metadata_service_that_gives_no_key_is_told_apart(
    world: World, fault: dict[str, object], action: str, meant: Disposition | None
) -> None:
    world.rds.fault(fault, action=action)

    error = refusal(world.ecs)

    assert meaning(error)[0] is (meant or Disposition.UNAVAILABLE)
    assert lives(world.ecs(), world)


def test_a_machine_without_a_role_says_so(world: World) -> None:
    world.rds.metadata(role="")

    for name in ("", "rds-ssl"):
        error = refusal(lambda name=name: world.ecs(name))  # type: ignore[misc]
        assert error.code == "ECSMetadata.NoRole"
        assert meaning(error) == (Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)


# -- where STS is ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("endpoint", "region", "vpc", "url"),
    [
        ("", "", False, "https://sts.aliyuncs.com"),
        ("", "", True, "https://sts.aliyuncs.com"),
        ("", "cn-hangzhou", False, "https://sts.cn-hangzhou.aliyuncs.com"),
        ("", "cn-hangzhou", True, "https://sts-vpc.cn-hangzhou.aliyuncs.com"),
        ("sts.corp", "cn-hangzhou", True, "https://sts.corp"),
        ("http://127.0.0.1:8080", "", False, "http://127.0.0.1:8080"),
    ],
)
def test_sts_is_called_where_the_environment_says(
    endpoint: str, region: str, url: str, *, vpc: bool
) -> None:
    assert sts_url(endpoint, region=region, vpc=vpc) == url


def test_sts_is_never_called_in_clear() -> None:
    with pytest.raises(ValueError, match="https"):
        sts_url("http://sts.aliyuncs.com", region="", vpc=False)


def test_the_simulators_own_key_may_be_used_too(world: World) -> None:
    world.rds.put_role("any", trusts(f"{ACCOUNT}:root"), policy=allows("rds:*"))
    key = Credentials(access_key_id=ACCESS_KEY_ID, access_key_secret=SecretText(ACCESS_KEY_SECRET))

    assert lives(world.assume(Role(arn=f"{ACCOUNT}:role/any", session_name="x1"), key), world)
