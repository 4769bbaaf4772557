"""Requests to the API server, by who made them: counted from its audit log."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rds_ssl.core.model import PLURAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """What one user asked for in a span of time."""

    total: int
    """Without watches."""
    patches: int
    """Of DBInstanceSSL objects and their status."""
    patches_of_one: int
    """Of the object with most."""
    events_created: int
    events_patched: int
    by_kind: dict[str, int]
    """Such as ``get secrets``; for a look at what is behind the other numbers."""

    @property
    def writes(self) -> int:
        """All that changed something in the cluster."""
        return self.patches + self.events_created + self.events_patched


class AuditLog:
    """The audit log of a control plane; a place in it is a number of bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def place(self) -> int:
        """Tell where it ends now."""
        return self._path.stat().st_size

    def requests(self, user: str, *, since: int) -> Requests:
        """Count what *user* has asked for."""
        kinds: Counter[str] = Counter()
        patched: Counter[str] = Counter()
        for verb, resource, name in self._read(user, since):
            kinds[f"{verb} {resource}"] += 1
            if verb == "patch" and resource.partition("/")[0] == PLURAL:
                patched[name] += 1
        return Requests(
            total=kinds.total(),
            patches=patched.total(),
            patches_of_one=max(patched.values(), default=0),
            events_created=kinds["create events"],
            events_patched=kinds["patch events"] + kinds["update events"],
            by_kind=dict(sorted(kinds.items())),
        )

    def _read(self, user: str, since: int) -> Iterator[tuple[str, str, str]]:
        """Yield verb, resource with subresource, and namespaced name of each request."""
        marked = json.dumps(user).encode()
        with self._path.open("rb") as file:
            file.seek(since)
            for line in file:
                # The last line may be half written.
                if marked not in line or not line.endswith(b"\n"):
                    continue
                entry = json.loads(line)
                if entry["user"]["username"] != user or entry["verb"] == "watch":
                    continue
                of = entry.get("objectRef", {})
                resource = of.get("resource", entry["requestURI"].partition("?")[0])
                if "subresource" in of:
                    resource += f"/{of['subresource']}"
                yield entry["verb"], resource, f"{of.get('namespace')}/{of.get('name')}"
