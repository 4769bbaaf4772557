"""
Server-side apply: what one manager applies is what stands, whatever another had there before.

Of every list and map of the CRD, which are found by walking through it: in a `WHOLE` one belongs to
one manager, as in `approvalRequired`; in a `SHARED` one each manager has entries of its own, as
`rds-ssl suspend` has its field beside those that are in Git.
"""

import copy
import json
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, PLURAL, Impact
from support import polling
from support.controlplane import ControlPlane
from support.crd_cases import CA, FILE, GOOD, PAIR, WINDOW, Json
from support.polling import patience

CRD_FILE = Path(__file__).parents[2] / "crds" / "dbinstancessl.yaml"
OLD_GROUP = "old.rds-ssl.dev"

NAMESPACE = "applied"
"""Other tests count the objects of their own."""

OTHER_CA = {"secretKeyRef": {"name": "clients", "key": "bundle.pem"}}
LIST = {"configMapKeyRef": {"name": "client-ca"}}
OTHER_LIST = {"secretKeyRef": {"name": "clients", "key": "list.pem"}}

SPEC_WHOLE: dict[str, tuple[Any, Any]] = {
    "spec.serverCertificate.secretRef": ({"name": "other", "certificateKey": "a.crt"}, PAIR),
    "spec.serverCertificate.pfx": (
        {"ossObject": "a:b:c.pfx", "passwordSecretKeyRef": {"name": "q", "key": "word"}},
        FILE,
    ),
    "spec.clientAuthentication.ca": (OTHER_CA, CA),
    "spec.clientAuthentication.revocationList": (OTHER_LIST, LIST),
    "spec.credentialsSecretRef": ({"name": "other"}, {"name": "rds"}),
    "spec.identity": (
        {"roleARN": "acs:ram::1234567890123456:role/other"},
        {"roleARN": "acs:ram::1234567890123456:role/rds"},
    ),
    "spec.approvalRequired": ([str(each) for each in Impact], ["Weakens"]),
    "spec.maintenance.windows": ([{**WINDOW, "timeZone": "Asia/Shanghai"}, WINDOW], [WINDOW]),
}
"""Of each place two values; the second leaves out something that the first has."""

SPEC_SHARED: dict[str, tuple[Json, Json]] = {
    "spec": ({"driftPolicy": "Report"}, {"suspend": True}),
    "spec.serverCertificate": ({"secretRef": PAIR}, {"renewBefore": "720h"}),
    "spec.clientAuthentication": ({"ca": CA}, {"revocationList": LIST}),
    "spec.maintenance": ({"windows": [WINDOW]}, {"overrideBeforeExpiry": "72h"}),
}
"""Of each block fields of one manager, and of another one."""


@cache
def crd_file() -> Json:
    loaded: Json = yaml.safe_load(CRD_FILE.read_text())
    return loaded


def schema(definition: Json) -> Json:
    found: Json = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    return found


def is_whole(place: Json) -> bool:
    if place["type"] == "array":
        return place.get("x-kubernetes-list-type", "atomic") == "atomic"
    return place.get("x-kubernetes-map-type") == "atomic"


def places(place: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Every list and map, with its path; what is in a whole one belongs to it."""
    if place["type"] not in {"array", "object"}:
        return
    yield path, place
    if not is_whole(place):
        for name, field in place.get("properties", {}).items():
            yield from places(field, f"{path}.{name}")


@cache
def found(part: str, *, whole: bool) -> dict[str, Json]:
    return {
        path: place
        for path, place in places(schema(crd_file())[part], part)
        if is_whole(place) is whole
    }


def sample(place: Json, number: int) -> Any:  # noqa: ANN401  # JSON.
    """Make a value that the schema allows, another one for another *number*."""
    match place["type"]:
        case "object":
            return {name: sample(each, number) for name, each in place["properties"].items()}
        case "array":
            return [sample(place["items"], number)]
        case "integer":
            return 1 + number
        case "boolean":
            return number % 2 == 0
        case _ if "enum" in place:
            return place["enum"][number % len(place["enum"])]
        case _:
            timed = place.get("format") == "date-time"
            return f"2026-11-{24 + number}T00:00:00Z" if timed else f"Text{number}"


def at(path: str, value: object) -> Json:
    """Put a value at its path."""
    for name in reversed(path.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


def merged(one: Json, other: Json) -> Json:
    result = dict(one)
    for name, value in other.items():
        below = result.get(name)
        both = isinstance(below, dict) and isinstance(value, dict)
        result[name] = merged(below, value) if both else value  # type: ignore[arg-type]
    return result


class Applied:
    """An object, and what managers apply to it."""

    def __init__(self, api: httpx.Client, group: str = API_GROUP) -> None:
        self.api, self.group, self.name = api, group, f"applied-{uuid.uuid4().hex[:10]}"

    def apply(self, manager: str, *parts: Json, force: bool = False) -> httpx.Response:
        """Apply the parts of spec, or of status, as a manager."""
        content: Json = {}
        for part in parts:
            content = merged(content, part)
        status = "status" in content
        if not status:
            content = merged({"spec": GOOD}, content)
        identity = {"apiVersion": f"{self.group}/{API_VERSION}", "kind": KIND}
        path = f"/apis/{self.group}/{API_VERSION}/namespaces/{NAMESPACE}/{PLURAL}/{self.name}"
        return self.api.patch(
            f"{path}/status" if status else path,
            params={"fieldManager": manager, "force": str(force).lower()},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps({**identity, "metadata": {"name": self.name}, **content}),
        )


def outcome(answer: httpx.Response) -> Json:
    assert answer.is_success, answer.text
    return {part: answer.json().get(part) for part in ("spec", "status")}


@pytest.fixture(scope="module", autouse=True)
def namespace(crd: ControlPlane) -> None:
    """Make the namespace."""
    crd.kubectl("create", "namespace", NAMESPACE, check=False)


@pytest.fixture
def made(api: httpx.Client) -> Applied:
    """An object that somebody has made, who applies nothing but what it must have."""
    new = Applied(api)
    outcome(new.apply("maker"))
    return new


def fresh(api: httpx.Client, *parts: Json) -> Json:
    """Say what becomes of the same text in a cluster that has never seen the object."""
    new = Applied(api)
    outcome(new.apply("maker"))
    return outcome(new.apply("git", *parts))


def beside(path: str) -> Json:
    """Say what else has to be there with a place: what the blocks around it require."""
    if path == "spec.clientAuthentication.revocationList":
        return at("spec.clientAuthentication.ca", CA)
    part, *names = path.split(".")
    result: Json = {part: {}}
    place, around = schema(crd_file())[part], part
    for name in names:
        if part == "status":
            required = [each for each in place.get("required", ()) if each != name]
            values = {each: sample(place["properties"][each], 0) for each in required}
            result = merged(result, at(around, values))
        place, around = place["properties"][name], f"{around}.{name}"
    return result


def whole_cases() -> Iterator[Any]:
    for path, (one, other) in SPEC_WHOLE.items():
        yield pytest.param(path, one, other, id=path)
    for path, place in found("status", whole=True).items():
        yield pytest.param(path, sample(place, 0), sample(place, 1), id=path)


def shared_cases() -> Iterator[Any]:
    for path, (one, other) in SPEC_SHARED.items():
        yield pytest.param(path, one, other, id=path)
    for path, place in found("status", whole=False).items():
        if place["type"] == "array":
            (key,) = place["x-kubernetes-list-map-keys"]
            one, other = sample(place, 0), sample(place, 1)
            assert one[0][key] != other[0][key]
        else:
            mine = place.get("required") or list(place["properties"])[:1]
            theirs = next(each for each in place["properties"] if each not in mine)
            one, other = (
                {name: sample(place["properties"][name], 0) for name in names}
                for names in (mine, [theirs])
            )
        yield pytest.param(path, one, other, id=path)


def test_every_list_and_map_of_the_spec_has_its_values_here() -> None:
    assert found("spec", whole=True).keys() == SPEC_WHOLE.keys()
    assert found("spec", whole=False).keys() == SPEC_SHARED.keys()


@pytest.mark.parametrize(("path", "one", "other"), [*whole_cases()])
def test_of_a_whole_nothing_of_another_manager_is_left(
    api: httpx.Client, made: Applied, path: str, one: object, other: object
) -> None:
    outcome(made.apply("somebody", beside(path), at(path, one)))

    refused = made.apply("git", beside(path), at(path, other))
    stands = outcome(made.apply("git", beside(path), at(path, other), force=True))

    assert refused.status_code == 409
    assert f".{path}" in refused.json()["message"]
    assert stands == fresh(api, beside(path), at(path, other))


@pytest.mark.parametrize(("path", "one", "other"), [*whole_cases()])
def test_a_manager_that_has_a_whole_changes_it_as_in_a_fresh_cluster(
    api: httpx.Client, made: Applied, path: str, one: object, other: object
) -> None:
    outcome(made.apply("git", beside(path), at(path, one)))

    stands = outcome(made.apply("git", beside(path), at(path, other)))
    again = outcome(made.apply("git", beside(path), at(path, other)))

    assert stands == again == fresh(api, beside(path), at(path, other))


@pytest.mark.parametrize(
    "value", [[], ["Weakens"], ["Weakens", "DropsTrust"], ["Restart"], [*map(str, Impact)]]
)
@pytest.mark.parametrize("force", [False, True])
def test_a_default_that_is_nobodys_can_be_narrowed_and_comes_back(
    api: httpx.Client, made: Applied, value: list[str], *, force: bool
) -> None:
    applied = at("spec.approvalRequired", value)

    stands = outcome(made.apply("git", applied, force=force))
    back = outcome(made.apply("git", force=force))

    assert stands["spec"]["approvalRequired"] == value
    assert back == fresh(api)


@pytest.mark.parametrize(("path", "one", "other"), [*shared_cases()])
def test_what_is_shared_has_what_each_manager_applies_and_no_more(
    api: httpx.Client, made: Applied, path: str, one: Json, other: Json
) -> None:
    outcome(made.apply("git", beside(path), at(path, one)))

    both = outcome(made.apply("person", at(path, other)))
    left = outcome(made.apply("person", {path.partition(".")[0]: {}}))

    if isinstance(one, dict):
        assert both == fresh(api, beside(path), at(path, merged(one, other)))
    assert left == fresh(api, beside(path), at(path, one))


def test_what_an_older_crd_had_as_a_set_can_be_narrowed_after_the_upgrade(
    crd: ControlPlane, api: httpx.Client, tmp_path: Path
) -> None:
    def install(definition: Json) -> None:
        file = tmp_path / "crd.yaml"
        file.write_text(yaml.safe_dump(definition))
        crd.kubectl("apply", "--server-side", "-f", str(file))
        name = f"crd/{PLURAL}.{OLD_GROUP}"
        crd.kubectl("wait", "--for=condition=Established", f"--timeout={patience(30):.0f}s", name)

    def served() -> str | None:
        answer = upgraded.apply("git", at("spec.approvalRequired", ["Weakens"]))
        stands = answer.json().get("spec", {}).get("approvalRequired")
        return None if stands == ["Weakens"] else answer.text

    new = copy.deepcopy(crd_file())
    new["metadata"]["name"] = f"{PLURAL}.{OLD_GROUP}"
    new["spec"]["group"] = OLD_GROUP
    for names in ("shortNames", "categories"):
        new["spec"]["names"].pop(names, None)  # Other tests use them.
    old = copy.deepcopy(new)
    old_spec = schema(old)["spec"]["properties"]
    old_spec["approvalRequired"]["x-kubernetes-list-type"] = "set"
    install(old)
    upgraded = Applied(api, OLD_GROUP)
    polling.wait(lambda: None if upgraded.apply("git").is_success else "not served yet", seconds=20)
    silent = outcome(upgraded.apply("git", at("spec.approvalRequired", ["Weakens"])))
    assert len(silent["spec"]["approvalRequired"]) == 3  # What is mended.

    install(new)

    polling.wait(served, seconds=20)
