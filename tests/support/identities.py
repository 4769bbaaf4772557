"""
Identities for the simulator's RAM: trust policies, and an issuer of OIDC tokens with real keys.

::

    issuer = Issuer()
    provider = rds.put_oidc_provider("ack-rrsa-c1", **issuer.provider())["arn"]
    role = rds.put_role("operator", trusts_oidc(provider, issuer.url, SUBJECT))["arn"]
    token_file.write_text(issuer.token(SUBJECT, at=now))
"""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from support.simulator import Caller, InProcess

ACCOUNT = "1234567890123456"
"""The simulator's own account."""

ROOT = f"acs:ram::{ACCOUNT}:root"
"""Whom a role trusts that every user and role of the account may assume."""

ROLE = f"acs:ram::{ACCOUNT}:role/operator"
STS = "2015-04-01"
"""Version of its API."""

AUDIENCE = "sts.aliyuncs.com"
SUBJECT = "system:serviceaccount:rds-ssl-system:rds-ssl-operator"
"""As whom a Pod of the operator comes."""

Document = dict[str, Any]


class Issuer:
    """An issuer of tokens, as the API server of a cluster is one."""

    def __init__(
        self, url: str = "https://oidc-ack-cn-hangzhou.oss-cn-hangzhou.aliyuncs.com/c1"
    ) -> None:
        self.url = url
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def provider(self, *audiences: str) -> Document:
        """What the simulator has to be given of it, for these audiences or STS's."""
        numbers = self._key.public_key().public_numbers()
        key = {
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "kid": "k1",
            "n": _base64url(numbers.n.to_bytes(256, "big")),
            "e": _base64url(numbers.e.to_bytes(3, "big")),
        }
        return {
            "issuer": self.url,
            "audiences": list(audiences) or [AUDIENCE],
            "jwks": {"keys": [key]},
        }

    def token(
        self,
        subject: str = SUBJECT,
        *,
        at: datetime,
        lasts: timedelta = timedelta(hours=1),
        audience: str = AUDIENCE,
        header: Mapping[str, object] | None = None,
        **claims: object,
    ) -> str:
        """Sign a token as the API server does for a Pod, with other *claims* if given."""
        head = {"alg": "RS256", "kid": "k1", **(header or {})}
        body = {
            "iss": self.url,
            "sub": subject,
            "aud": [audience],
            "iat": int(at.timestamp()),
            "nbf": int(at.timestamp()),
            "exp": int((at + lasts).timestamp()),
            **claims,
        }
        signed = f"{_base64url(json.dumps(head).encode())}.{_base64url(json.dumps(body).encode())}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64url(signature)}"


def assume(caller: Caller, role: str = ROLE, **parameters: str) -> httpx.Response:
    """Call AssumeRole; *caller* is one of STS."""
    wanted = {"RoleArn": role, "RoleSessionName": "test", **parameters}
    return caller.call("AssumeRole", **wanted)


def session_of(rds: InProcess, answer: httpx.Response, version: str = "2014-08-15") -> Caller:
    """Make a client with the credentials of an answer of STS, of RDS or by another version."""
    given = answer.json()["Credentials"]
    return rds.caller(
        given["AccessKeyId"], given["AccessKeySecret"], given["SecurityToken"], version
    )


def code(answer: httpx.Response) -> tuple[int, str]:
    """Give HTTP status and error code of an answer; the code is empty if it is none."""
    return answer.status_code, answer.json().get("Code", "")


def trusts(*principals: str, external_id: str | None = None) -> Document:
    """Trust policy for these RAM principals, perhaps only with an ExternalId."""
    condition = {"StringEquals": {"sts:ExternalId": external_id}} if external_id else {}
    return _trust({"RAM": list(principals)}, condition)


def trusts_oidc(provider: str, issuer: str, subject: str = SUBJECT) -> Document:
    """Trust policy for one subject of an identity provider (ARN), as RRSA has it."""
    claims = {"oidc:iss": issuer, "oidc:aud": AUDIENCE, "oidc:sub": subject}
    return _trust({"Federated": [provider]}, {"StringEquals": claims})


def trusts_service(name: str) -> Document:
    """Trust policy for a service of the cloud, such as ``ecs.aliyuncs.com``."""
    return _trust({"Service": [name]}, {})


def _trust(principal: Document, condition: Document) -> Document:
    statement: Document = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
    if condition:
        statement["Condition"] = condition
    return {"Version": "1", "Statement": [statement]}


def allows(*actions: str, on: str = "*") -> Document:
    """Permission policy that allows these actions on one resource."""
    return {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": on}],
    }


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
