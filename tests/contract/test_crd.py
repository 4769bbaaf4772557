"""The CRD and its twins say the same: field by field, type, enum, default, required and bounds."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from rds_ssl.core import declaration, status
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL

Schema = dict[str, Any]

CRD_FILE = Path(__file__).parents[2] / "crds" / "dbinstancessl.yaml"
COMPARED = (
    "type",
    "enum",
    "default",
    "required",
    "minLength",
    "maxLength",
    "maxItems",
    "minimum",
)
REQUIRED = {"instanceID": "pgm-1", "regionID": "cn-hangzhou"}


def crd() -> Schema:
    loaded: Schema = yaml.safe_load(CRD_FILE.read_text())
    return loaded


def crd_schema(part: str) -> Schema:
    root = crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema: Schema = copy.deepcopy(root["properties"][part])
    return schema


def twin_schema(part: str) -> Schema:
    twins: dict[str, type[BaseModel]] = {
        "spec": declaration.Declaration,
        "status": status.Status,
    }
    schema = twins[part].model_json_schema(by_alias=True)
    return _resolved(schema, schema["$defs"])


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Write pydantic's references out and make "or null" what it is in a CRD: optional."""
    schema = dict(schema)
    if "$ref" in schema:
        schema |= definitions[schema.pop("$ref").rpartition("/")[2]]
    if "anyOf" in schema:
        (other,) = (each for each in schema.pop("anyOf") if each != {"type": "null"})
        schema |= _resolved(other, definitions)
    if "properties" in schema:
        schema["properties"] = {
            name: _resolved(field, definitions) for name, field in schema["properties"].items()
        }
    if "items" in schema:
        schema["items"] = _resolved(schema["items"], definitions)
    return schema


def compared(schema: Schema) -> Schema:
    """Reduce either side's schema of one field to what must be equal."""
    facts = {name: schema[name] for name in COMPARED if name in schema}
    facts["required"] = sorted(schema.get("required", ()))
    facts["enum"] = sorted(schema.get("enum", ()))
    facts["time"] = schema.get("format") == "date-time"
    # An absent block, list or null stands for an empty one: the CRD need not write it down.
    if schema.get("type") == "object" or facts.get("default") in (None, []):
        facts.pop("default", None)
    return facts


def differences(ours: Schema, theirs: Schema, path: str) -> Iterator[str]:
    if compared(ours) != compared(theirs):
        yield f"{path}: {compared(ours)} is not {compared(theirs)}"
    fields, others = ours.get("properties", {}), theirs.get("properties", {})
    for name in sorted(fields.keys() ^ others.keys()):
        yield f"{path}.{name}: on one side only"
    for name in sorted(fields.keys() & others.keys()):
        yield from differences(fields[name], others[name], f"{path}.{name}")
    if "items" in ours and "items" in theirs:
        yield from differences(ours["items"], theirs["items"], f"{path}[]")


def places(schema: Schema, path: str) -> Iterator[tuple[str, Schema]]:
    """Every schema in *schema*, itself included, with its path; to be changed in place."""
    yield path, schema
    for name, field in schema.get("properties", {}).items():
        yield from places(field, f"{path}.{name}")
    if "items" in schema:
        yield from places(schema["items"], f"{path}[]")


def gain_a_field(schema: Schema) -> bool:
    if schema.get("type") == "object":
        schema["properties"]["novelty"] = {"type": "string", "maxLength": 1}
        return True
    return False


def lose_a_field(schema: Schema) -> bool:
    return bool(schema.get("properties")) and bool(schema["properties"].popitem())


def gain_an_enum_value(schema: Schema) -> bool:
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], "novelty"]
        return True
    return False


def lose_an_enum_value(schema: Schema) -> bool:
    if "enum" in schema:
        schema["enum"] = schema["enum"][1:]
        return True
    return False


def gain_a_default(schema: Schema) -> bool:
    if schema.get("type") in ("object", "array") or schema.get("default") is not None:
        return False
    schema["default"] = {"string": "novelty", "boolean": False, "integer": 7}[schema["type"]]
    return True


def lose_a_default(schema: Schema) -> bool:
    if schema.get("type") == "object" or schema.get("default") in (None, []):
        return False
    del schema["default"]
    return True


def change_a_default(schema: Schema) -> bool:
    default = schema.get("default")
    if schema.get("type") == "object" or default in (None, []):
        return False
    schema["default"] = (not default) if isinstance(default, bool) else [default]
    return True


def gain_a_required_mark(schema: Schema) -> bool:
    optional = sorted(schema.get("properties", {}).keys() - set(schema.get("required", ())))
    schema["required"] = [*schema.get("required", ()), *optional[:1]]
    return bool(optional)


def lose_a_required_mark(schema: Schema) -> bool:
    return bool(schema.get("required")) and bool(schema["required"].pop())


def change_the_type(schema: Schema) -> bool:
    schema["type"] = "number"
    return True


def lose_a_bound(schema: Schema) -> bool:
    return any(schema.pop(bound, None) for bound in ("maxLength", "maxItems"))


MUTATIONS: tuple[Callable[[Schema], bool], ...] = (
    gain_a_field,
    lose_a_field,
    gain_an_enum_value,
    lose_an_enum_value,
    gain_a_default,
    lose_a_default,
    change_a_default,
    gain_a_required_mark,
    lose_a_required_mark,
    change_the_type,
    lose_a_bound,
)


@pytest.mark.parametrize("part", ["spec", "status"])
def test_the_crd_and_its_twin_have_the_same_fields(part: str) -> None:
    assert list(differences(crd_schema(part), twin_schema(part), part)) == []


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
@pytest.mark.parametrize("side", ["crd", "twin"])
@pytest.mark.parametrize("part", ["spec", "status"])
def test_the_comparison_notices_when_one_side_changes_anywhere(
    part: str, side: str, mutate: Callable[[Schema], bool]
) -> None:
    pair = {"crd": crd_schema(part), "twin": twin_schema(part)}
    number = len(list(places(pair[side], part)))
    mutated, unnoticed = 0, []

    for index in range(number):
        changed = {**pair, side: copy.deepcopy(pair[side])}
        path, schema = list(places(changed[side], part))[index]
        if mutate(schema):
            mutated += 1
            if not list(differences(changed["crd"], changed["twin"], part)):
                unnoticed.append(path)

    assert unnoticed == []
    assert mutated > 0 or (part == "status" and "default" not in mutate.__name__)


@pytest.mark.parametrize("block", ["serverCertificate", "clientAuthentication", "maintenance"])
def test_an_absent_block_is_the_same_as_an_empty_one(block: str) -> None:
    assert declaration.parse(REQUIRED) == declaration.parse({**REQUIRED, block: {}})


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
