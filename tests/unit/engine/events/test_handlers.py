"""What kopf is told; that it works with it is shown in tests/integration."""

import asyncio
import pwd
from collections.abc import Mapping
from typing import Any, NoReturn

import kopf
import pytest

from rds_ssl.engine.events import handlers
from support.kube_answers import AnsweringKube

MANIFEST: Any = {
    "metadata": {
        "name": "orders",
        "annotations": {"kopf.zalando.org/last-handled-configuration": "{no JSON"},
    },
    "spec": {"instanceID": "rm-1"},
    "status": {"observedGeneration": 1},
}

KEY = kopf.HandlerId("observe")


def test_nothing_is_made_of_an_object_but_the_event_itself() -> None:
    persistence = handlers.settings("").persistence
    body = kopf.Body(MANIFEST)

    before = persistence.diffbase_storage.fetch(body=body)
    after = persistence.diffbase_storage.build(body=body)

    assert before is None
    assert persistence.progress_storage.clear(essence=after) == {}


def test_nothing_is_kept_in_an_object() -> None:
    persistence = handlers.settings("").persistence
    body, patch = kopf.Body(MANIFEST), kopf.Patch()
    record = kopf.ProgressRecord(retries=1)

    persistence.diffbase_storage.store(body=body, patch=patch, essence=kopf.BodyEssence())
    persistence.progress_storage.store(key=KEY, record=record, body=body, patch=patch)
    persistence.progress_storage.touch(body=body, patch=patch, value="now")
    persistence.progress_storage.purge(key=KEY, body=body, patch=patch)

    assert not patch
    assert persistence.progress_storage.fetch(key=KEY, body=body) is None


def test_what_kopf_holds_on_to_of_an_object_is_small_and_enough_for_it() -> None:
    meta = {"name": "orders", "namespace": "shop", "uid": "1", "resourceVersion": "2"}
    marks = {"deletionTimestamp": "2026-11-24T03:00:00Z", "finalizers": ["rds-ssl.dev/a"]}
    rest = {"labels": {"a": "b"}, "annotations": {"c": "d" * 250_000}, "managedFields": [{}]}
    manifest = {"apiVersion": "a", "kind": "b", **MANIFEST, "metadata": {**meta, **marks, **rest}}

    handlers.shed(manifest)

    assert manifest == {"apiVersion": "a", "kind": "b", "metadata": {**meta, **marks}}


def no_such_user(number: int) -> NoReturn:
    raise KeyError(f"getpwuid(): uid not found: {number}")


class Blind:
    """Takes events and does nothing with them."""

    def observe(self, kind: str | None, manifest: Mapping[str, Any]) -> None:
        """See `Observer.observe`."""


def test_kopf_begins_for_a_user_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the image there is none, neither in /etc/passwd nor in the environment."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME", "POD_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", no_such_user)

    async def begun() -> int:
        kube = AnsweringKube()
        async with handlers.watching(kube, Blind(), namespaces=[], selector="") as tasks:
            return len(tasks)

    assert asyncio.run(begun()) > 0
