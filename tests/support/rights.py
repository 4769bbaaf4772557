"""
Rules of RBAC beside the requests that took them, from the audit log.

::

    table = compare(rules(manifests), requests(plane.audit_log, user))
    assert not table.unused and not table.ungranted

A rule is taken apart into its parts, verb by verb, so that a verb too many is seen as well.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Json = dict[str, Any]

EVERYBODY = frozenset({("authorization.k8s.io", "selfsubjectaccessreviews", "create")})
"""What each account may do by the API server's own roles."""


@dataclass(frozen=True, slots=True, order=True, kw_only=True)
class Grant:
    """One verb on one resource, in one namespace (empty: in all), for one name (empty: for all)."""

    namespace: str
    group: str
    resource: str
    """With its subresource."""
    name: str
    verb: str

    def covers(self, asked: "Grant") -> bool:
        """True if it lets a request by."""
        return (
            (self.group, self.resource, self.verb) == (asked.group, asked.resource, asked.verb)
            and self.namespace in {"", asked.namespace}
            and self.name in {"", asked.name}
        )

    def __str__(self) -> str:
        name = f" {self.name}" if self.name else ""
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.resource}{name}{where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What was granted beside what was asked."""

    used: Mapping[Grant, int]
    """Requests by the narrowest grant that covers them."""
    unused: tuple[Grant, ...]
    """No request has taken them: they can go."""
    ungranted: tuple[Grant, ...]
    """Requests that no grant covers: one is missing."""
    refused: tuple[Grant, ...]
    """Requests that the API server has answered with 403."""

    def __str__(self) -> str:
        return "\n".join(f"{count:6}  {grant}" for grant, count in sorted(self.used.items()))


def rules(manifests: Iterable[Json], account: str) -> list[Grant]:
    """Return what roles and bindings grant to a ServiceAccount, by its name."""
    every = list(manifests)
    roles = {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each
        for each in every
        if each["kind"] in {"Role", "ClusterRole"}
    }
    found: list[Grant] = []
    for each in every:
        if each["kind"] not in {"RoleBinding", "ClusterRoleBinding"}:
            continue
        if account not in {subject["name"] for subject in each["subjects"]}:
            continue
        namespace = each["metadata"].get("namespace", "")
        of = each["roleRef"]
        home = namespace if of["kind"] == "Role" else ""
        found += _grants(roles[of["kind"], home, of["name"]]["rules"], namespace)
    return found


def requests(audit_log: Path, user: str, *, since: int = 0) -> Counter[tuple[Grant, int]]:
    """Count what *user* has asked for, by its answer; a watch counts when it begins."""
    found: Counter[tuple[Grant, int]] = Counter()
    with audit_log.open("rb") as file:
        file.seek(since)
        for line in file:
            if not line.endswith(b"\n"):
                break  # Half written.
            entry = json.loads(line)
            if entry["user"]["username"] != user or "objectRef" not in entry:
                continue
            status = entry["responseStatus"]["code"]
            # Of a watch there are two lines; one that was refused has never started.
            if entry["verb"] == "watch" and entry["stage"] != "ResponseStarted" and status < 400:
                continue
            found[_asked(entry), status] += 1
    return found


def compare(granted: Sequence[Grant], asked: Mapping[tuple[Grant, int], int]) -> Table:
    """Hold one against the other; what each account may do is left out."""
    used: Counter[Grant] = Counter()
    ungranted, refused = set(), set()
    for (request, status), count in asked.items():
        if (request.group, request.resource, request.verb) in EVERYBODY:
            continue
        covering = [each for each in granted if each.covers(request)]
        if not covering:
            ungranted.add(request)
        if status == 403:
            refused.add(request)
        for each in covering[:1]:
            used[each] += count
    return Table(
        used=used,
        unused=tuple(sorted(set(granted) - used.keys())),
        ungranted=tuple(sorted(ungranted)),
        refused=tuple(sorted(refused)),
    )


def _grants(of: Iterable[Json], namespace: str) -> Iterator[Grant]:
    for rule in of:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames", [""]):
                    for verb in rule["verbs"]:
                        yield Grant(
                            namespace=namespace,
                            group=group,
                            resource=resource,
                            name=name,
                            verb=verb,
                        )


def _asked(entry: Json) -> Grant:
    of = entry["objectRef"]
    below = of.get("subresource")
    return Grant(
        namespace=of.get("namespace", ""),
        group=of.get("apiGroup", ""),
        resource=f"{of['resource']}/{below}" if below else of["resource"],
        name=of.get("name", ""),
        verb=entry["verb"],
    )
