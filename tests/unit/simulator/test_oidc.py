"""AssumeRoleWithOIDC: tokens are verified, and a role says whose it takes."""

import base64
import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from support.identities import ACCOUNT, AUDIENCE, SUBJECT, Issuer, allows, trusts_oidc
from support.simulator import InProcess

VERSION = "2015-04-01"
PROVIDER = f"acs:ram::{ACCOUNT}:oidc-provider/ack-rrsa-c1"
ROLE = f"acs:ram::{ACCOUNT}:role/operator"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """A cluster that issues tokens."""
    return Issuer()


@pytest.fixture
def sts(rds: InProcess, issuer: Issuer) -> InProcess:
    """A simulator that knows the cluster, with a role for its operator."""
    rds.put_oidc_provider("ack-rrsa-c1", **issuer.provider())
    rds.put_role("operator", trusts_oidc(PROVIDER, issuer.url), policy=allows("rds:Describe*"))
    return rds


def assume(rds: InProcess, token: str, *, place: str = "body", **parameters: str) -> httpx.Response:
    """Ask as the operator does: not signed, a form; by ``query`` as the vendor's client does."""
    fields = {
        "Action": "AssumeRoleWithOIDC",
        "Version": VERSION,
        "Format": "JSON",
        "OIDCProviderArn": PROVIDER,
        "OIDCToken": token,
        "RoleArn": ROLE,
        "RoleSessionName": "test",
        **parameters,
    }
    with httpx.Client(transport=rds.transport, base_url=rds.url) as client:
        if place == "query":
            return client.get("/", params=fields)
        return client.post("/", data=fields)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("Code", "")


@pytest.mark.parametrize("place", ["body", "query"])
def test_a_token_opens_a_session(sts: InProcess, issuer: Issuer, place: str) -> None:
    answer = assume(sts, issuer.token(at=sts.now), place=place).json()

    given = answer["Credentials"]
    session = sts.caller(given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"])
    read = session.call("DescribeDBInstanceSSL", DBInstanceId="pg")
    written = session.call("ModifyDBInstanceSSL", DBInstanceId="pg")
    assert answer["OIDCTokenInfo"]["Subject"] == SUBJECT
    assert answer["OIDCTokenInfo"]["ClientIds"] == AUDIENCE
    assert (read.status_code, written.status_code) == (200, 403)


def test_a_token_in_a_url_is_flagged(sts: InProcess, issuer: Issuer) -> None:
    token = issuer.token(at=sts.now)

    assume(sts, token, place="query")
    assume(sts, token)

    assert [each["key_in_url"] for each in sts.calls()] == [True, False]
    assert token not in str(sts.calls())


def tampered(token: str) -> str:
    head, claims, signature = token.split(".")
    padded = claims + "=" * (-len(claims) % 4)
    other = {**json.loads(base64.urlsafe_b64decode(padded)), "sub": "system:serviceaccount:a:b"}
    body = base64.urlsafe_b64encode(json.dumps(other).encode()).rstrip(b"=").decode()
    return f"{head}.{body}.{signature}"


def test_a_token_is_believed_by_its_signature_only(sts: InProcess, issuer: Issuer) -> None:
    token = issuer.token(at=sts.now)
    stranger = Issuer(issuer.url)

    answers = [
        assume(sts, tampered(token)),
        assume(sts, stranger.token(at=sts.now)),
        assume(sts, issuer.token(at=sts.now, header={"kid": "other"})),
    ]

    assert [code(each) for each in answers] == [
        (401, "AuthenticationFail.OIDCToken.InvalidSignature")
    ] * 3
    assert sts.sessions() == []


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"header": {"alg": "none"}}, "Invalid"),
        ({"header": {"alg": "HS256"}}, "Invalid"),
        ({"iss": "https://kubernetes.default.svc"}, "IssuerNotMatch"),
        ({"audience": "kubernetes"}, "AudienceNotMatch"),
        ({"aud": None}, "AudienceNotMatch"),
        ({"lasts": timedelta(0)}, "Expired"),
        ({"exp": "soon"}, "Invalid"),
        ({"exp": None}, "Invalid"),
        ({"exp": 1e300}, "Invalid"),
        ({"nbf": 4102444800}, "Invalid"),
        ({"iat": 4102444800}, "Invalid"),
        ({"sub": ""}, "Invalid"),
    ],
)
def test_a_claim_that_does_not_hold_is_named(
    sts: InProcess, issuer: Issuer, given: dict[str, Any], kind: str
) -> None:
    answer = assume(sts, issuer.token(**{"at": sts.now, **given}))

    assert code(answer) == (401, f"AuthenticationFail.OIDCToken.{kind}")


@pytest.mark.parametrize(
    "token",
    [
        "",
        "abc",
        "a.b",
        "a.b.c.d",
        "a..c",
        "é.b.c",
        "bm90IGpzb24.e30.e30",
        "W10.W10.W10",
        "a" * 20_001,
    ],
    ids=lambda token: token[:12] or "empty",
)
def test_what_is_no_token_is_refused(sts: InProcess, token: str) -> None:
    assert code(assume(sts, token)) == (401, "AuthenticationFail.OIDCToken.Invalid")


@pytest.mark.parametrize("end", ["\n", "\n\n\n\n", " ", "===="])
def test_what_stands_after_a_token_is_not_overlooked(
    sts: InProcess, issuer: Issuer, end: str
) -> None:
    answer = assume(sts, issuer.token(at=sts.now) + end)

    assert code(answer) == (401, "AuthenticationFail.OIDCToken.Invalid")


def test_a_token_ends_on_the_moved_clock(sts: InProcess, issuer: Issuer) -> None:
    token = issuer.token(at=sts.now)
    sts.clock(advance=3600)

    assert code(assume(sts, token)) == (401, "AuthenticationFail.OIDCToken.Expired")


@pytest.mark.parametrize(
    ("parameters", "refused"),
    [
        (
            {"OIDCProviderArn": f"{PROVIDER}-other"},
            (401, "AuthenticationFail.NoPermission"),
        ),
        ({"OIDCProviderArn": "ack"}, (400, "InvalidParameter.OIDCProviderArn")),
        ({"OIDCProviderArn": ""}, (400, "MissingParameter.OIDCProviderArn")),
        ({"RoleArn": f"{ROLE}-other"}, (404, "EntityNotExist.Role")),
        ({"RoleSessionName": ""}, (400, "MissingParameter.RoleSessionName")),
        ({"DurationSeconds": "60"}, (400, "InvalidParameter.DurationSeconds")),
        ({"Policy": "[]"}, (400, "InvalidParameter.PolicyGrammar")),
        ({"Version": "2014-08-15"}, (400, "InvalidVersion")),
    ],
)
def test_a_parameter_that_does_not_fit_is_named(
    sts: InProcess, issuer: Issuer, parameters: dict[str, str], refused: tuple[int, str]
) -> None:
    assert code(assume(sts, issuer.token(at=sts.now), **parameters)) == refused


def test_a_role_takes_the_subject_that_it_trusts_only(sts: InProcess, issuer: Issuer) -> None:
    other = issuer.token("system:serviceaccount:default:default", at=sts.now)

    answer = assume(sts, other)

    assert code(answer) == (401, "AuthenticationFail.NoPermission")
    assert answer.json()["Message"] == "There is no permission"


def test_a_role_may_trust_a_pattern_of_subjects(sts: InProcess, issuer: Issuer) -> None:
    trust = trusts_oidc(PROVIDER, issuer.url)
    trust["Statement"][0]["Condition"] = {
        "StringEquals": {"oidc:iss": issuer.url, "oidc:aud": AUDIENCE},
        "StringLike": {"oidc:sub": "system:serviceaccount:rds-ssl-*:*"},
    }
    sts.put_role("operator", trust)

    own = assume(sts, issuer.token(at=sts.now))
    other = assume(sts, issuer.token("system:serviceaccount:team:x", at=sts.now))

    assert [each.status_code for each in (own, other)] == [200, 401]


def test_calls_are_counted_by_the_subject_of_the_token(sts: InProcess, issuer: Issuer) -> None:
    assume(sts, issuer.token(at=sts.now))
    assume(sts, "a.b.c")

    identities = sts.stats()["identities"]

    assert identities == {
        f"{PROVIDER}/{SUBJECT}": {"AssumeRoleWithOIDC": {"OK": 1}},
        "(not verified)": {"AssumeRoleWithOIDC": {"AuthenticationFail.OIDCToken.Invalid": 1}},
    }


def test_an_answer_is_xml_unless_json_is_asked_for(sts: InProcess, issuer: Issuer) -> None:
    answer = assume(sts, issuer.token(at=sts.now), Format="XML")

    assert "<AssumeRoleWithOIDCResponse>" in answer.text


@pytest.mark.parametrize(
    ("jwks", "reason"),
    [
        ({}, "list of keys"),
        ({"keys": []}, "list of keys"),
        ({"keys": [{"kty": "EC"}]}, "RSA"),
        ({"keys": [{"kty": "RSA", "alg": "RS512"}]}, "RS256"),
        ({"keys": [{"kty": "RSA", "n": "a+b", "e": "AQAB"}]}, "Base64"),
        ({"keys": [{"kty": "RSA", "n": "a", "e": "AQAB"}]}, "jwks"),
    ],
)
def test_keys_that_cannot_verify_are_refused_when_they_are_given(
    rds: InProcess, jwks: dict[str, object], reason: str
) -> None:
    with pytest.raises(httpx.HTTPStatusError, match=reason):
        rds.put_oidc_provider("x", issuer="https://x", audiences=["a"], jwks=jwks)


def test_providers_are_shown_and_removed(sts: InProcess, issuer: Issuer) -> None:
    shown = sts.admin("GET", "oidc-providers")["oidc_providers"]

    sts.admin("DELETE", "oidc-providers/ack-rrsa-c1")

    assert [each["arn"] for each in shown] == [PROVIDER]
    assert code(assume(sts, issuer.token(at=sts.now))) == (401, "AuthenticationFail.NoPermission")
