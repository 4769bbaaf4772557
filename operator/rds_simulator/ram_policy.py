"""
RAM policies, as documents: what they hold, and what they say to a request.

Version 1: a list of statements, each with Effect, Action or NotAction, Resource (of a trust policy:
Principal) and Condition. ``*`` stands for any characters and ``?`` for one. One Deny outweighs
every Allow, and what no statement allows is denied. Whatever this module does not know, an
operator, a key of a condition or an element of a statement, is an error when the document is read,
never a condition that silently holds or fails.
"""

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

MAX_SIZE = 6144
"""Characters of a custom policy that RAM keeps."""

RDS_KEYS = frozenset({"rds:SSLEnabled"})
"""Keys of conditions that a permission policy may use; the vendor's page of ModifyDBInstanceSSL
names this one and ``rds:ResourceTag``, and instances here have no tags."""

TRUST_KEYS = frozenset({"sts:ExternalId", "oidc:iss", "oidc:aud", "oidc:sub"})
"""Keys of conditions that a trust policy may use."""

_PRINCIPALS = frozenset({"RAM", "Federated", "Service"})


class PolicyError(ValueError):
    """A document that is no policy, or uses what is not simulated."""


class Verdict(StrEnum):
    """What a policy says, in the words of AccessDeniedDetail."""

    ALLOW = "Allow"
    EXPLICIT_DENY = "ExplicitDeny"
    IMPLICIT_DENY = "ImplicitDeny"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked of a policy."""

    action: str
    """With its service: ``rds:ModifyDBInstanceSSL``."""
    resource: str = ""
    """ARN; empty for a trust policy, which is about its own role."""
    principals: frozenset[tuple[str, str]] = frozenset()
    """For a trust policy: who asks, as kind (RAM, Federated, Service) and ARN or name."""
    context: Mapping[str, str] = field(default_factory=dict)
    """Keys of conditions with their values; a key that is not there has none."""


def _equals(value: str, wanted: str) -> bool:
    return value == wanted


def _equals_ignoring_case(value: str, wanted: str) -> bool:
    return value.lower() == wanted.lower()


def _like(value: str, wanted: str) -> bool:
    return bool(_pattern(wanted).fullmatch(value))


_OPERATORS: Mapping[str, tuple[Callable[[str, str], bool], bool]] = MappingProxyType(
    {
        "StringEquals": (_equals, True),
        "StringNotEquals": (_equals, False),
        "StringEqualsIgnoreCase": (_equals_ignoring_case, True),
        "StringNotEqualsIgnoreCase": (_equals_ignoring_case, False),
        "StringLike": (_like, True),
        "StringNotLike": (_like, False),
        "Bool": (_equals_ignoring_case, True),
    }
)
"""By name: the comparison, and whether it has to hold for one of the values or for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison; all of a statement have to hold."""

    operator: str
    key: str
    values: tuple[str, ...]

    def holds(self, context: Mapping[str, str]) -> bool:
        """True if it holds; a key without a value equals nothing, and is unlike everything."""
        compare, wanted = _OPERATORS[self.operator]
        value = context.get(self.key)
        found = value is not None and any(compare(value, each) for each in self.values)
        return found is wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, read."""

    allows: bool
    actions: tuple[str, ...]
    negated: bool
    """NotAction: all but `actions`."""
    resources: tuple[str, ...]
    principals: frozenset[tuple[str, str]]
    conditions: tuple[Condition, ...]

    def applies(self, request: Request) -> bool:
        """True if it is about this request."""
        if any(_like(request.action, each) for each in self.actions) is self.negated:
            return False
        if self.principals:
            if self.principals.isdisjoint(request.principals):
                return False
        elif not any(_like(request.resource, each) for each in self.resources):
            return False
        return all(each.holds(request.context) for each in self.conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A document, read; `text` is what it was read from."""

    statements: tuple[Statement, ...]
    text: str = field(compare=False)

    def judge(self, request: Request) -> Verdict:
        """Return what it says to a request: one Deny outweighs every Allow."""
        applying = [each for each in self.statements if each.applies(request)]
        if any(not each.allows for each in applying):
            return Verdict.EXPLICIT_DENY
        return Verdict.ALLOW if applying else Verdict.IMPLICIT_DENY


def allowing(actions: Sequence[str], resources: Sequence[str]) -> Policy:
    """Return a policy that allows these actions on these resources, and nothing else."""
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": list(resources)}
    return read_policy({"Version": "1", "Statement": [statement]})


EVERYTHING = Policy(
    statements=(
        Statement(
            allows=True,
            actions=("*",),
            negated=False,
            resources=("*",),
            principals=frozenset(),
            conditions=(),
        ),
    ),
    text='{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
)
"""What may do everything, as AdministratorAccess."""


def read_policy(document: object) -> Policy:
    """
    Read a permission policy, as text or as what JSON holds.

    Raises:
        PolicyError: If it is none, or uses what is not simulated.
    """
    return _read(document, trust=False)


def read_trust(document: object) -> Policy:
    """
    Read a trust policy: who may assume a role, on which conditions.

    Raises:
        PolicyError: If it is none, or uses what is not simulated.
    """
    return _read(document, trust=True)


def _read(document: object, *, trust: bool) -> Policy:
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise PolicyError("a policy has to be JSON") from error
    text = json.dumps(document, separators=(",", ":"))
    if len(text) > MAX_SIZE:
        raise PolicyError(f"a policy has at most {MAX_SIZE} characters")
    body = _object(document, "the policy", {"Version", "Statement"})
    if body["Version"] != "1":
        raise PolicyError('Version has to be "1"')
    statements = body["Statement"]
    if not isinstance(statements, list) or not statements:
        raise PolicyError("Statement has to be a list with one statement or more")
    return Policy(statements=tuple(_statement(each, trust=trust) for each in statements), text=text)


def _statement(document: object, *, trust: bool) -> Statement:
    about = "Principal" if trust else "Resource"
    action = "NotAction" if isinstance(document, dict) and "NotAction" in document else "Action"
    body = _object(document, "a statement", {"Effect", action, about}, {"Condition"})
    if body["Effect"] not in {"Allow", "Deny"}:
        raise PolicyError("Effect has to be Allow or Deny")
    actions = _strings(body[action], action)
    if any(each != "*" and ":" not in each for each in actions):
        raise PolicyError(f"{action} needs its service, such as rds:DescribeDBInstanceSSL")
    return Statement(
        allows=body["Effect"] == "Allow",
        actions=actions,
        negated=action == "NotAction",
        resources=() if trust else _strings(body[about], about),
        principals=_principals(body[about]) if trust else frozenset(),
        conditions=_conditions(body.get("Condition", {}), TRUST_KEYS if trust else RDS_KEYS),
    )


def _principals(document: object) -> frozenset[tuple[str, str]]:
    if not isinstance(document, dict) or not document or document.keys() - _PRINCIPALS:
        raise PolicyError("Principal has to hold one of RAM, Federated and Service")
    return frozenset(
        (kind, name) for kind, names in document.items() for name in _strings(names, kind)
    )


def _conditions(document: object, known: frozenset[str]) -> tuple[Condition, ...]:
    if not isinstance(document, dict):
        raise PolicyError("Condition has to be an object")
    found = []
    for operator, keys in document.items():
        if operator not in _OPERATORS:
            raise PolicyError(f"the operator {operator} of a condition is not simulated")
        if not isinstance(keys, dict):
            raise PolicyError(f"{operator} has to hold keys with their values")
        for key, values in keys.items():
            if key not in known:
                raise PolicyError(
                    f"the key {key} of a condition is not simulated; known: "
                    + ", ".join(sorted(known))
                )
            found.append(Condition(operator=operator, key=key, values=_strings(values, key)))
    return tuple(found)


def _object(
    document: object, what: str, needed: set[str], possible: set[str] | None = None
) -> dict[str, object]:
    if not isinstance(document, dict):
        raise PolicyError(f"{what} has to be an object")
    missing, unknown = needed - document.keys(), document.keys() - needed - (possible or set())
    if missing:
        raise PolicyError(f"{what} has no {min(missing)}")
    if unknown:
        raise PolicyError(f"{what} has {min(unknown)}, which is not simulated")
    return document


def _strings(document: object, what: str) -> tuple[str, ...]:
    many = document if isinstance(document, list) else [document]
    if not many or not all(isinstance(each, str) and each for each in many):
        raise PolicyError(f"{what} has to be a string or a list of strings")
    return tuple(many)


@functools.lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    """Runs of ``*`` are one, else a long run would take time beyond all bounds."""
    parts = re.split(r"(\*+|\?)", glob)
    return re.compile(
        "".join(
            ".*" if part.startswith("*") else "." if part == "?" else re.escape(part)
            for part in parts
        ),
        re.DOTALL,
    )
