"""What kopf is told; that it works with it is shown in tests/integration."""

from typing import Any

import kopf

from rds_ssl.engine.events import handlers

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
