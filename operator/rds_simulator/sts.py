"""
The operations of STS: sessions for those whom a role trusts.

Codes and sentences are those of the vendor's pages of AssumeRole, AssumeRoleWithOIDC and RRSA.
A session has a key id ``STS.…``, a secret and a token, and ends in the instances' time.
"""

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from rds_simulator.accounts import PROVIDER_ARN, ROLE_ARN, AccessKey, Accounts, Assumed, Role
from rds_simulator.clock import to_wire
from rds_simulator.oidc import Claims, verify
from rds_simulator.ram_policy import Policy, PolicyError, Request, Verdict, read_policy
from rds_simulator.refusals import Code, Refusal
from rds_simulator.wire import Fields

API_VERSION = "2015-04-01"
WITH_OIDC = "AssumeRoleWithOIDC"
"""The one operation that needs no signature: its token is the proof."""

MIN_SECONDS, DEFAULT_SECONDS = 900, 3600
CHAINED_SECONDS = 3600
"""The longest session that a session may open."""

MAX_POLICY = 1024
"""Characters of the parameter Policy; newer pages say more, older ones this."""

_SESSION_NAME = re.compile(r"[A-Za-z0-9._@-]{2,64}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9=,.@:/_-]{2,1224}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One call, signed by `key` if its operation asks for that; `at` is in the instances' time."""

    accounts: Accounts
    parameters: Mapping[str, str]
    at: datetime
    key: AccessKey | None
    """None: not signed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a caller wants of a role, as far as it can be read without knowing the role."""

    arn: str
    session: str
    seconds: int
    policy: Policy | None


def assume_role(task: Task) -> tuple[str, Fields]:
    """AssumeRole: who calls, and a session for them."""
    key = _caller(task)
    wish = _read_wish(task)
    external = task.parameters.get("ExternalId")
    if external is not None and not _EXTERNAL_ID.fullmatch(external):
        raise _invalid("ExternalId", "The parameter ExternalId is wrongly formed.")
    if key.root:
        raise Refusal(Code.NO_PERMISSION, message="Roles may not be assumed by root accounts.")
    task.accounts.check_permission(key, Request(action="sts:AssumeRole", resource=wish.arn))
    role = _find_role(task, wish)
    verdict = role.trust.judge(
        Request(
            action="sts:AssumeRole",
            principals=key.principals,
            context={} if external is None else {"sts:ExternalId": external},
        )
    )
    if verdict is not Verdict.ALLOW:
        raise key.denied("sts:AssumeRole", verdict, trust=True)
    _check_seconds(wish, CHAINED_SECONDS if key.assumed else role.max_session, role)
    return key.principal, _open_session(task, role, wish)


def assume_role_with_oidc(task: Task) -> tuple[str, Fields]:
    """AssumeRoleWithOIDC: who the token says it is, and a session for them."""
    arn = _parameter(task, "OIDCProviderArn")
    if not PROVIDER_ARN.fullmatch(arn):
        raise _invalid("OIDCProviderArn", "The parameter OIDCProviderArn is wrongly formed.")
    token = task.parameters.get("OIDCToken", "")
    wish = _read_wish(task)
    provider = task.accounts.providers.get(arn)
    if provider is None:
        raise Refusal(Code.AUTHENTICATION_FAILED, message="No such OIDC Provider registered.")
    claims = verify(token, provider, task.at)
    role = _find_role(task, wish)
    if not _trusts(role, arn, claims):
        raise Refusal(Code.AUTHENTICATION_FAILED)
    _check_seconds(wish, role.max_session, role)
    issued = claims.issued_at
    token_info = {
        "Subject": claims.subject,
        "Issuer": claims.issuer,
        "ClientIds": ",".join(claims.audiences),
        "IssuanceTime": to_wire(issued) if issued else "",
        "ExpirationTime": to_wire(claims.expires_at),
        "VerificationInfo": "Success",
    }
    return f"{arn}/{claims.subject}", {
        "OIDCTokenInfo": token_info,
        **_open_session(task, role, wish),
    }


def _trusts(role: Role, provider_arn: str, claims: Claims) -> bool:
    """True for any of the token's audiences that the provider has."""
    return any(
        role.trust.judge(
            Request(
                action="sts:AssumeRole",
                principals=frozenset({("Federated", provider_arn)}),
                context={
                    "oidc:iss": claims.issuer,
                    "oidc:sub": claims.subject,
                    "oidc:aud": audience,
                },
            )
        )
        is Verdict.ALLOW
        for audience in claims.audiences
    )


def get_caller_identity(task: Task) -> tuple[str, Fields]:
    """GetCallerIdentity, which needs no permission."""
    key = _caller(task)
    fields: Fields = {"AccountId": key.account, "Arn": key.principal}
    if key.assumed:
        role_id = _number(key.assumed.role)
        fields |= {
            "IdentityType": "AssumedRoleUser",
            "PrincipalId": f"{role_id}:{key.assumed.name}",
            "RoleId": role_id,
        }
    elif key.root:
        fields |= {"IdentityType": "Account", "PrincipalId": key.account}
    else:
        user_id = _number(key.principal)
        fields |= {"IdentityType": "RAMUser", "PrincipalId": user_id, "UserId": user_id}
    return key.principal, fields


def _caller(task: Task) -> AccessKey:
    if task.key is None:
        raise Refusal(Code.INCOMPLETE_SIGNATURE)
    return task.key


def _read_wish(task: Task) -> _Wish:
    arn = _parameter(task, "RoleArn")
    if not ROLE_ARN.fullmatch(arn):
        raise _invalid("RoleArn", "The parameter RoleArn is wrongly formed.")
    session = _parameter(task, "RoleSessionName")
    if not _SESSION_NAME.fullmatch(session):
        raise _invalid("RoleSessionName", "The parameter RoleSessionName is wrongly formed.")
    seconds = task.parameters.get("DurationSeconds", str(DEFAULT_SECONDS))
    if not re.fullmatch(r"[0-9]{1,9}", seconds):
        raise _invalid("DurationSeconds", "The parameter DurationSeconds is wrongly formed.")
    return _Wish(arn=arn, session=session, seconds=int(seconds), policy=_session_policy(task))


def _session_policy(task: Task) -> Policy | None:
    text = task.parameters.get("Policy")
    if not text:
        return None
    if len(text) > MAX_POLICY:
        raise _invalid("PolicySize", f"The size of Policy must be smaller than {MAX_POLICY} bytes.")
    try:
        return read_policy(text)
    except PolicyError as error:
        raise _invalid(
            "PolicyGrammar", "The parameter Policy has not passed grammar check."
        ) from error


def _find_role(task: Task, wish: _Wish) -> Role:
    role = task.accounts.roles.get(wish.arn)
    if role is None:
        raise Refusal(Code.ROLE_NOT_FOUND, message=f"The role not exists: {wish.arn}.")
    return role


def _check_seconds(wish: _Wish, longest: int, role: Role) -> None:
    if not MIN_SECONDS <= wish.seconds <= min(longest, role.max_session):
        raise _invalid("DurationSeconds", "The Min/Max value of DurationSeconds is 15min/1hr.")


def _parameter(task: Task, name: str) -> str:
    value = task.parameters.get(name, "")
    if not value:
        raise Refusal(f"MissingParameter.{name}", message=f"Parameter {name} is required.")
    return value


def _invalid(name: str, message: str) -> Refusal:
    return Refusal(f"InvalidParameter.{name}", message=message)


def _open_session(task: Task, role: Role, wish: _Wish) -> Fields:
    key = new_session(role, wish.session, wish.policy, task.at + timedelta(seconds=wish.seconds))
    task.accounts.open_session(key, task.at)
    return {
        "AssumedRoleUser": {
            "Arn": f"{role.arn}/{wish.session}",
            "AssumedRoleId": f"{_number(role.arn)}:{wish.session}",
        },
        "Credentials": {
            "AccessKeyId": key.id,
            "AccessKeySecret": key.secret,
            "SecurityToken": key.token,
            "Expiration": to_wire(key.expires or task.at),
        },
    }


def new_session(role: Role, name: str, policy: Policy | None, expires: datetime) -> AccessKey:
    """Make the key of a session, which nobody has been told of and nothing knows yet."""
    # A token as STS gives it out has +, / and = in it, which clients have to encode.
    token = base64.b64encode(secrets.token_bytes(384)).decode()
    return AccessKey(
        id=f"STS.N{secrets.token_hex(12)}",
        secret=secrets.token_urlsafe(33),
        token=f"CAIS+/{token}==",
        expires=expires.replace(microsecond=0),
        account=role.account,
        assumed=Assumed(role=role.arn, name=name, policy=policy),
    )


def _number(arn: str) -> str:
    """Return an id of digits, the same each time for one ARN."""
    return str(3 * 10**17 + int.from_bytes(arn.encode(), "big") % 10**17)


OPERATIONS: Mapping[str, Callable[[Task], tuple[str, Fields]]] = MappingProxyType(
    {
        "AssumeRole": assume_role,
        WITH_OIDC: assume_role_with_oidc,
        "GetCallerIdentity": get_caller_identity,
    }
)
