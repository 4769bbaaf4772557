"""Access keys and what they may do: a small RAM."""

import fnmatch
from dataclasses import dataclass, field
from datetime import datetime

from rds_simulator.refusals import Code, Refusal

DEFAULT_KEY_ID = "LTAI5tSimulator"
DEFAULT_KEY_SECRET = "simulator-secret"  # noqa: S105 - known to everybody, opens nothing.
OWNER_ID = "1234567890123456"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key of the account, or of a session if it has a token."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)
    """The security token that has to come with it."""
    expires: datetime | None = None
    """When the token expires, in the instances' time."""
    actions: tuple[str, ...] = ("*",)
    """Allowed operations, with or without ``rds:``; ``*`` stands for any characters."""
    instances: tuple[str, ...] = ("*",)
    """Allowed instance ids; ``*`` likewise."""
    active: bool = True

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

    def check_permission(self, action: str, instance_id: str) -> None:
        """
        Ask the policy; an operation without an instance needs the right to all (``*``).

        Raises:
            Refusal: NoPermission, with AccessDeniedDetail.
        """
        actions = (pattern.removeprefix("rds:") for pattern in self.actions)
        if any(fnmatch.fnmatchcase(action, each) for each in actions) and any(
            fnmatch.fnmatchcase(instance_id or "*", each) for each in self.instances
        ):
            return
        raise Refusal(
            Code.NO_PERMISSION,
            detail={
                "AuthAction": f"rds:{action}",
                "AuthPrincipalType": "AssumedRoleUser" if self.token else "SubUser",
                "AuthPrincipalDisplayName": f"user-of-{self.id}",
                "AuthPrincipalOwnerId": OWNER_ID,
                "NoPermissionType": "ImplicitDeny",
                "PolicyType": "AccountLevelIdentityBasedPolicy",
                "EncodedDiagnosticMessage": "c2ltdWxhdGVk",
            },
        )


class Accounts:
    """All access keys, by id."""

    def __init__(self) -> None:
        self._keys: dict[str, AccessKey] = {}
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
        key = self._keys.get(key_id)
        if key is None:
            raise Refusal(Code.KEY_NOT_FOUND)
        if not key.active:
            raise Refusal(Code.KEY_INACTIVE)
        return key

    def all(self) -> list[AccessKey]:
        """Every key, for display: show no `secret` and no `token`."""
        return list(self._keys.values())
