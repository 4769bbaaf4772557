"""
Who calls, and what they may do: a small RAM.

An access key is one of a RAM user, or of a session that STS has given out for a role; the latter
has a security token, which expires in the instances' time. What a user may do is a policy; what a
session may do is what its role may do at the time of the call, and its own policy as well.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rds_simulator.oidc import Provider
from rds_simulator.ram_policy import EVERYTHING, Policy, Request, Verdict
from rds_simulator.refusals import Code, Refusal

DEFAULT_KEY_ID = "LTAI5tSimulator"
DEFAULT_KEY_SECRET = "simulator-secret"  # noqa: S105 - known to everybody, opens nothing.
OWNER_ID = "1234567890123456"
"""The account that everything belongs to unless another is named."""

ROLE_ARN = re.compile(r"acs:ram::(\d{1,20}):role/([A-Za-z0-9._@-]{1,64})")
PROVIDER_ARN = re.compile(r"acs:ram::(\d{1,20}):oidc-provider/([A-Za-z0-9._-]{1,128})")

REMEMBERED = timedelta(days=1)
"""How long an expired session is still known as expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of an account."""

    arn: str
    trust: Policy
    """Who may assume it."""
    policy: Policy = EVERYTHING
    """What it may do."""
    max_session: int = 3600
    """Seconds; the longest DurationSeconds."""

    @property
    def account(self) -> str:
        """The account it belongs to."""
        return self.arn.split(":")[3]

    @property
    def name(self) -> str:
        """Its name, without the account."""
        return self.arn.partition("/")[2]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What makes a key that of a session."""

    role: str
    """The role's ARN."""
    name: str
    """RoleSessionName."""
    policy: Policy | None = None
    """It narrows what the role may do; None: as much as the role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key of the account, or of a session if it has a token."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """The security token that has to come with it."""
    expires: datetime | None = None
    """When the token expires, in the instances' time."""
    account: str = OWNER_ID
    user: str = ""
    """The RAM user's name; empty: made of the id."""
    root: bool = False
    """A key of the account itself, which may do everything but assume a role."""
    policy: Policy = EVERYTHING
    """What the user may do; see `assumed` for a session."""
    assumed: Assumed | None = None
    """What it is a session of; None: not one that STS gave out."""
    active: bool = True

    @property
    def principal(self) -> str:
        """ARN of who calls with it."""
        if self.assumed:
            role = self.assumed.role.partition("/")[2]
            return f"acs:ram::{self.account}:assumed-role/{role}/{self.assumed.name}"
        if self.root:
            return f"acs:ram::{self.account}:root"
        return f"acs:ram::{self.account}:user/{self.user or f'user-of-{self.id}'}"

    @property
    def principals(self) -> frozenset[tuple[str, str]]:
        """As whom a trust policy may know it: itself, its role, its whole account."""
        names = {self.principal, f"acs:ram::{self.account}:root"}
        if self.assumed:
            names.add(self.assumed.role)
        return frozenset(("RAM", name) for name in names)

    def check_token(self, token: str | None, at: datetime) -> None:
        """
        Compare the security token that was sent, at a moment of the instances' time.

        Raises:
            Refusal: If it is missing, of another key, or expired.
        """
        if self.token is None and not token:
            return
        if not token:
            raise Refusal(Code.MISSING_TOKEN)
        if token != self.token:
            raise Refusal(Code.TOKEN_MISMATCH)
        if self.expires and at >= self.expires:
            raise Refusal(Code.TOKEN_EXPIRED)

    def denied(self, action: str, verdict: Verdict, *, trust: bool = False) -> Refusal:
        """Return the answer to a call that it may not make, with AccessDeniedDetail."""
        kind = "AssumedRoleUser" if self.assumed or self.token else "SubUser"
        if self.assumed:
            shown = f"{self.assumed.role.partition('/')[2]}:{self.assumed.name}"
        else:
            shown = self.principal.rpartition("/")[2]
        message = "You are not authorized to do this action. You should be authorized by RAM."
        return Refusal(
            Code.NO_PERMISSION,
            message=message if action.startswith("sts:") else None,
            detail={
                "AuthAction": action,
                "AuthPrincipalType": kind,
                "AuthPrincipalDisplayName": shown,
                "AuthPrincipalOwnerId": self.account,
                "NoPermissionType": str(verdict),
                "PolicyType": "AssumeRolePolicy" if trust else "AccountLevelIdentityBasedPolicy",
                "EncodedDiagnosticMessage": "c2ltdWxhdGVk",
            },
        )


class Accounts:
    """All access keys, sessions, roles and identity providers."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKey] = {}
        self._sessions: dict[str, AccessKey] = {}
        self.roles: dict[str, Role] = {}
        """By ARN."""
        self.providers: dict[str, Provider] = {}
        """By ARN."""
        self.put(AccessKey(id=DEFAULT_KEY_ID, secret=DEFAULT_KEY_SECRET))

    def put(self, key: AccessKey) -> None:
        """Add a key, or replace the one with its id."""
        self._keys[key.id] = key

    def remove(self, key_id: str) -> bool:
        """Remove a key; False if there was none."""
        return self._keys.pop(key_id, None) is not None

    def get(self, key_id: str) -> AccessKey:
        """
        Find a key that may be used.

        Raises:
            Refusal: If there is none, or it is switched off.
        """
        key = self._keys.get(key_id) or self._sessions.get(key_id)
        if key is None:
            raise Refusal(Code.KEY_NOT_FOUND)
        if not key.active:
            raise Refusal(Code.KEY_INACTIVE)
        return key

    def all(self) -> list[AccessKey]:
        """Every key but those of sessions, for display: show no `secret` and no `token`."""
        return list(self._keys.values())

    def may_do_everything(self, key: AccessKey) -> bool:
        """True if no policy has to be asked, as for most keys of most tests."""
        return key.assumed is None and key.policy is EVERYTHING

    def check_permission(self, key: AccessKey, request: Request) -> None:
        """
        Ask the policies of who calls.

        Raises:
            Refusal: NoPermission, with AccessDeniedDetail.
        """
        verdicts = [policy.judge(request) for policy in self._policies(key)]
        worst = [each for each in verdicts if each is not Verdict.ALLOW]
        if worst:
            explicit = Verdict.EXPLICIT_DENY in worst
            raise key.denied(
                request.action, Verdict.EXPLICIT_DENY if explicit else Verdict.IMPLICIT_DENY
            )

    def _policies(self, key: AccessKey) -> list[Policy]:
        if key.assumed is None:
            return [key.policy]
        role = self.roles[key.assumed.role].policy
        return [role, key.assumed.policy] if key.assumed.policy else [role]

    def open_session(self, key: AccessKey, at: datetime) -> None:
        """Add the key of a session; those that ended a day before *at* are forgotten."""
        for old in [
            each.id
            for each in self._sessions.values()
            if each.expires and at - each.expires > REMEMBERED
        ]:
            del self._sessions[old]
        self._sessions[key.id] = key

    def sessions(self, which: str = "") -> list[AccessKey]:
        """Keys of sessions, oldest first: all, that with an id, or those of a role's ARN."""
        return [
            each
            for each in self._sessions.values()
            if which in {"", each.id, each.assumed.role if each.assumed else ""}
        ]

    def change_session(self, changed: AccessKey) -> None:
        """Put a session in place of the one with its id."""
        self._sessions[changed.id] = changed

    def end_session(self, key_id: str) -> None:
        """Forget a session: its key is not known any more."""
        self._sessions.pop(key_id, None)

    def remove_role(self, arn: str) -> bool:
        """Remove a role with all its sessions; False if there was none."""
        for each in self.sessions(arn) if arn in self.roles else []:
            self.end_session(each.id)
        return self.roles.pop(arn, None) is not None
