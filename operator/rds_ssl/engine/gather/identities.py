"""
As whom objects act: one provider of keys for each identity, as long as an object refers to it.

Objects that name the same Secret, or the same role in one namespace, share it: one call of STS for
all of them.
"""

from collections import Counter
from dataclasses import dataclass

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.aliyun.identity.providers import Provider, RenewingProvider, StaticProvider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sources import AssumedSource
from rds_ssl.aliyun.identity.sts import Sts
from rds_ssl.engine.objects import Key


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """As whom an object acts; another value is another identity."""

    place: tuple[str, ...]
    """What it is found by: namespace and Secret, or namespace and role; empty: the operator's."""
    label: str
    """What it is called in conditions."""
    key: Credentials | None = None
    """Of a Secret; None: the operator's own signs."""
    role: Role | None = None
    """What is to be assumed by it."""


class Identities:
    """Makes providers when they are first asked for, and lets go of those that nobody names."""

    def __init__(self, *, sts: Sts, own: Provider | None) -> None:
        """*own* is the operator's own; None: it has none."""
        self._sts = sts
        self._own = own
        self._known: dict[tuple[str, ...], tuple[Identity, Provider]] = {}
        self._users: dict[Key, tuple[str, ...]] = {}
        self._named: Counter[tuple[str, ...]] = Counter()

    def __len__(self) -> int:
        return len(self._known)

    @property
    def has_own(self) -> bool:
        """True if the operator has an identity of its own."""
        return self._own is not None

    def provider(self, identity: Identity, *, user: Key) -> Provider:
        """
        Return who gives the keys of an identity that an object acts as.

        Raises:
            LookupError: It is the operator's own, and there is none.
        """
        if identity.key is None and self._own is None:
            raise LookupError(identity.label)
        if self._users.get(user) != identity.place:
            self.release(user)
            self._users[user] = identity.place
            self._named[identity.place] += 1
        known = self._known.get(identity.place)
        if known is not None and known[0] == identity:
            return known[1]
        provider = self._made(identity)
        self._known[identity.place] = (identity, provider)
        return provider

    def release(self, user: Key) -> None:
        """Note that an object is gone; an identity that it was the last to name is forgotten."""
        place = self._users.pop(user, None)
        if place is None:
            return
        self._named[place] -= 1
        if not self._named[place]:
            del self._named[place]
            self._known.pop(place, None)

    def _made(self, identity: Identity) -> Provider:
        base = StaticProvider(identity.key) if identity.key is not None else self._own
        if base is None:
            raise LookupError(identity.label)
        if identity.role is None:
            return base
        source = AssumedSource(sts=self._sts, base=base, role=identity.role, label=identity.label)
        return RenewingProvider(source, principal=identity.role.arn)
