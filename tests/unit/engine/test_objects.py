"""The known objects: what is kept of each, what they name, and their numbers."""

import json
from typing import Any

from rds_ssl.engine.objects import Objects, Resource
from support import statuses

Json = dict[str, Any]

FAILED = {
    "time": "2026-11-24T01:00:00Z",
    "cause": "rotation",
    "changes": "words",
    "material": ["aaaa", "bbbb"],
    "result": "Failed",
}


def manifest(name: str = "a", *, version: int = 1, uid: str = "", **status: object) -> Json:
    return {
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": uid or f"uid-of-{name}",
            "resourceVersion": str(version),
            "generation": 1,
            "creationTimestamp": "2026-11-24T01:00:00Z",
            "annotations": {"rds-ssl.dev/approve": "1111222233334444", "other": "x"},
            "finalizers": ["rds-ssl.dev/disable"],
        },
        "spec": {
            "instanceID": f"pgm-{name}",
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": "keys"},
            "serverCertificate": {"secretRef": {"name": f"{name}-tls"}},
        },
        "status": {"observedGeneration": 1, **status},
    }


def ready(status: str, reason: str) -> list[Json]:
    return [
        statuses.condition("Ready", status, reason, "Words."),
        statuses.condition("Foreign", "True", "Some", "Of another controller's: ü."),
    ]


def test_what_was_put_comes_back_as_it_was() -> None:
    objects = Objects()
    resource = Resource.of(
        manifest(conditions=ready("True", "Verified"), plan=statuses.plan(), foreign={"a": [1]})
    )

    objects.put(resource)

    assert objects.get(resource.key) == resource
    assert objects.version(resource.key) == ("uid-of-a", "1")
    assert objects.drop(resource.key) == resource
    assert objects.get(resource.key) is None


def test_an_older_version_is_ignored() -> None:
    objects = Objects()
    first, second = Resource.of(manifest(version=9)), Resource.of(manifest(version=10))
    for each in (first, second, first):
        objects.put(each)

    assert objects.get(second.key) == second


def test_the_spec_of_a_known_generation_is_not_read_again() -> None:
    known = Resource.of(manifest())
    later = Resource.of(manifest(version=2), known)
    edited, other = manifest(version=3), manifest(version=4, uid="another")
    edited["metadata"]["generation"] = 2
    for each in (edited, other):
        each["spec"]["instanceID"] = "pgm-new"

    assert later.declaration is known.declaration
    for each in (edited, other):
        declaration = Resource.of(each, known).declaration
        assert declaration is not None
        assert declaration.instance_id == "pgm-new"


def test_the_numbers_follow_what_is_put_and_what_goes() -> None:
    objects = Objects()
    objects.put(Resource.of(manifest("a", conditions=ready("True", "Verified"))))
    objects.put(
        Resource.of(manifest("b", plan=statuses.plan(), conditions=ready("False", "Conflict")))
    )
    objects.put(Resource.of(manifest("c")))

    assert objects.ready == {
        ("True", "Verified"): 1,
        ("False", "Conflict"): 1,
        ("Unknown", "Pending"): 1,
    }
    assert objects.held == {("AwaitingApproval", "Expected"): 1}

    objects.put(Resource.of(manifest("b", version=2, conditions=ready("True", "Verified"))))
    objects.put(Resource.of(manifest("b", version=1)))  # It comes too late.
    objects.drop(("shop", "c"))

    assert objects.ready == {("True", "Verified"): 2}
    assert objects.held == {}


def test_another_object_of_the_name_takes_the_place_of_the_one_before() -> None:
    objects = Objects()
    objects.put(Resource.of(manifest(conditions=ready("True", "Verified"))))
    objects.put(Resource.of(manifest(uid="another", version=5)))

    assert objects.ready == {("Unknown", "Pending"): 1}
    assert len(objects) == 1


def test_what_material_came_to_is_found_by_each_of_its_fingerprints() -> None:
    objects = Objects()
    objects.put(Resource.of(manifest("a", history=[FAILED])))
    objects.put(Resource.of(manifest("b", history=[{**FAILED, "material": ["cccc"]}])))

    for wanted in ({"aaaa"}, {"bbbb"}, {"aaaa", "bbbb"}):
        ((key, history),) = objects.histories_with(frozenset(wanted))
        assert key == ("shop", "a")
        assert [(each.result, each.material) for each in history] == [("Failed", ("aaaa", "bbbb"))]
    assert objects.histories_with(frozenset({"dddd"})) == []

    objects.drop(("shop", "a"))

    assert objects.histories_with(frozenset({"aaaa"})) == []


def test_others_that_name_the_instance_are_found_without_the_object_itself() -> None:
    objects = Objects()
    mine = Resource.of(manifest("a"))
    objects.put(mine)
    other = Resource.of({**manifest("b"), "spec": manifest("a")["spec"]})
    objects.put(other)

    assert objects.named_beside(mine) == [("shop", "b")]
    assert objects.beside(mine) == [other]


def test_the_text_that_is_kept_holds_what_json_can_hold() -> None:
    lone_half = "\\ud83d"
    status = json.loads(f'{{"x": [1.5, null, "\\ud83d\\ude00 {lone_half}", {{"y": true}}]}}')
    resource = Resource.of({**manifest(), "status": status})
    objects = Objects()
    objects.put(resource)

    found = objects.get(resource.key)

    assert found is not None
    assert found.raw_status == status
