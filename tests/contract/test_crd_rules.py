"""Every rule of the CRD, on a real API server and in the twin: the same outcome on both sides."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from rds_ssl.core.api import spec as declaration
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from support.crd_cases import CASES, GOOD, PAIR, Json, clients, patched, server

CRD_FILE = Path(__file__).parents[2] / "crds" / "dbinstancessl.yaml"
OBJECTS = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/default/{PLURAL}"
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}


def resource(name: str, spec: object) -> Json:
    return {
        "apiVersion": f"{API_GROUP}/{API_VERSION}",
        "kind": KIND,
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.fixture
def orders(api: httpx.Client) -> Iterator[Json]:
    """An object that has just been created."""
    answer = api.post(OBJECTS, json=resource("orders", GOOD)).raise_for_status()
    yield answer.json()
    api.delete(f"{OBJECTS}/orders").raise_for_status()


@pytest.mark.parametrize(("patch", "field", "words"), CASES)
def test_the_api_server_and_the_twin_judge_alike(
    api: httpx.Client, patch: Json, field: str | None, words: str
) -> None:
    spec = patched(patch)

    answer = api.post(OBJECTS, params={"dryRun": "All"}, json=resource("case", spec))

    if field is None:
        assert answer.status_code == 201, answer.text
        assert declaration.parse_spec(answer.json()["spec"]) == declaration.parse_spec(spec)
        return
    assert answer.status_code == 422, answer.text
    causes = answer.json()["details"]["causes"]
    assert [cause for cause in causes if cause["field"] == field and words in cause["message"]], (
        causes
    )
    with pytest.raises(DeclarationError) as caught:
        declaration.parse_spec(spec)
    assert [
        fault for fault in caught.value.faults if fault.startswith(f"{field}: ") and words in fault
    ], caught.value.faults


def test_every_rule_of_the_crd_has_a_case_that_breaks_it() -> None:
    def sentences(schema: Json) -> Iterator[str]:
        for rule in schema.get("x-kubernetes-validations", ()):
            yield rule["message"]
        for field in schema.get("properties", {}).values():
            yield from sentences(field)
        yield from sentences(schema["items"]) if "items" in schema else ()

    version = yaml.safe_load(CRD_FILE.read_text())["spec"]["versions"][0]
    rules = set(sentences(version["schema"]["openAPIV3Schema"]))

    tested = {case.values[2] for case in CASES} - {""}
    assert {rule for rule in rules if "immutable" not in rule} == tested


def test_all_faults_of_an_object_are_named_at_once(api: httpx.Client) -> None:
    spec = patched(clients(acl="cert", replicationACL="cert") | server(caType="custom"))

    answer = api.post(OBJECTS, params={"dryRun": "All"}, json=resource("case", spec))
    with pytest.raises(DeclarationError) as caught:
        declaration.parse_spec(spec)

    assert len(answer.json()["details"]["causes"]) == len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("field", "value"), [("instanceID", "pgm-other"), ("regionID", "cn-beijing")]
)
@pytest.mark.usefixtures("orders")
def test_what_names_the_instance_cannot_be_changed(
    api: httpx.Client, field: str, value: str
) -> None:
    answer = api.patch(f"{OBJECTS}/orders", headers=MERGE_PATCH, json={"spec": {field: value}})

    assert answer.status_code == 422
    assert f"{field} is immutable" in answer.json()["message"]


@pytest.mark.usefixtures("orders")
def test_everything_else_can_be_changed_and_taken_back(api: httpx.Client) -> None:
    change = {"connectionString": "a.b", "enabled": False, **server(secretRef=PAIR)}

    there = api.patch(f"{OBJECTS}/orders", headers=MERGE_PATCH, json={"spec": change})
    back = api.patch(f"{OBJECTS}/orders", headers=MERGE_PATCH, json={"spec": dict.fromkeys(change)})

    assert declaration.parse_spec(there.json()["spec"]) == declaration.parse_spec(patched(change))
    assert declaration.parse_spec(back.json()["spec"]) == declaration.parse_spec(GOOD)


def test_an_object_without_a_spec_is_refused(api: httpx.Client) -> None:
    answer = api.post(OBJECTS, json={**resource("case", {}), "spec": None})

    assert answer.status_code == 422
