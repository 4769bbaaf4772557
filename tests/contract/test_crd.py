"""The CRD is the one that the models give, and holds what users and the API server need."""

from collections.abc import Iterator

import pytest
import yaml

from rds_ssl.core.api import spec as declaration
from rds_ssl.core.api import status
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL
from support.crd import CRD_FILE, Schema, crd_text, ordered, schema_of

REQUIRED = {"instanceID": "pgm-1", "regionID": "cn-hangzhou"}


def crd() -> Schema:
    loaded: Schema = yaml.safe_load(CRD_FILE.read_text())
    return loaded


def crd_schema(part: str) -> Schema:
    root = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema: Schema = root["properties"][part]
    return schema


def places(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Every schema in *schema*, itself included, with its path."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from places(field, f"{path}.{name}")
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]")


def test_the_crd_is_the_one_that_the_models_give() -> None:
    assert CRD_FILE.read_text() == crd_text(), "run `make crds`"


def test_what_is_printed_reads_as_what_the_models_give() -> None:
    assert crd_schema("spec") == schema_of(declaration.Declaration)


def test_a_key_that_the_generator_does_not_know_is_not_left_out_in_silence() -> None:
    with pytest.raises(ValueError, match="exclusiveMinimum"):
        ordered({"type": "integer", "exclusiveMinimum": 0})


@pytest.mark.parametrize("block", ["serverCertificate", "clientAuthentication", "maintenance"])
def test_an_absent_block_is_the_same_as_an_empty_one(block: str) -> None:
    assert declaration.parse_spec(REQUIRED) == declaration.parse_spec({**REQUIRED, block: {}})


def test_the_default_of_the_status_is_that_of_the_twin() -> None:
    default = crd_schema("status")["default"]

    assert default == {"observedGeneration": -1}
    assert status.Status().to_json() == default


@pytest.mark.parametrize("part", ["spec", "status"])
def test_every_field_has_a_description(part: str) -> None:
    bare = [
        path
        for path, schema in places(crd_schema(part), part)
        if not path.endswith("[]") and not schema.get("description", "").endswith(".")
    ]

    assert bare == []


@pytest.mark.parametrize("part", ["spec", "status"])
def test_nothing_unbounded_gets_into_an_object(part: str) -> None:
    unbounded = [
        path
        for path, schema in places(crd_schema(part), part)
        if (
            schema["type"] == "string"
            and not schema.keys() & {"maxLength", "enum"}
            and schema.get("format") != "date-time"
        )
        or (schema["type"] == "array" and "maxItems" not in schema)
        or (schema["type"] == "object" and "properties" not in schema)
    ]

    assert unbounded == []


def test_the_description_of_a_field_names_its_default() -> None:
    silent = [
        path
        for path, schema in places(crd_schema("spec"), "spec")
        if "default" in schema
        for value in (
            schema["default"] if isinstance(schema["default"], list) else [schema["default"]]
        )
        if str(value).lower() not in schema["description"].lower()
    ]

    assert silent == []


def test_the_crd_has_the_names_that_the_operator_uses() -> None:
    definition = crd()
    names = definition["spec"]["names"]

    assert definition["metadata"]["name"] == f"{PLURAL}.{API_GROUP}"
    assert definition["spec"]["group"] == API_GROUP
    assert (names["kind"], names["plural"], names["shortNames"]) == (KIND, PLURAL, ["rdsssl"])
    assert [version["name"] for version in definition["spec"]["versions"]] == [API_VERSION]
