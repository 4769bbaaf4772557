"""What is asked of the API server for each operation, and what is made of its answers."""

import base64
from typing import Any

import pytest

from rds_ssl.core.errors import KubeConflict, KubeError, KubeNotFound, KubeRefused, KubeUnavailable
from rds_ssl.kube.resources import DataObject, Kind, Resources
from support.engine_world import played
from support.kube_answers import AnsweringKube, Json, in_turn

ALL = "/apis/rds-ssl.dev/v1alpha1/dbinstancessls"
SHOP = "/apis/rds-ssl.dev/v1alpha1/namespaces/shop/dbinstancessls"
BANK = "/apis/rds-ssl.dev/v1alpha1/namespaces/bank/dbinstancessls"
SECRET = {"metadata": {"uid": "u1", "resourceVersion": "7"}}
ORDERS = {"metadata": {"namespace": "shop", "name": "orders", "uid": "u1", "resourceVersion": "7"}}
TIME = "2026-11-24T01:00:00Z"


def page(*names: str, more: str = "") -> Json:
    return {"metadata": {"continue": more}, "items": [{"metadata": {"name": n}} for n in names]}


def names(objects: list[Json]) -> list[str]:
    return [each["metadata"]["name"] for each in objects]


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@played
async def test_a_list_goes_on_until_the_server_has_no_more() -> None:
    kube = AnsweringKube(in_turn(page("a", "b", more="next"), page("c", more="last"), page("d")))

    found = await Resources(kube).list_all()

    assert names(found) == ["a", "b", "c", "d"]
    assert kube.requested == [
        ("GET", ALL, {"limit": "50"}),
        ("GET", ALL, {"limit": "100", "continue": "next"}),
        ("GET", ALL, {"limit": "100", "continue": "last"}),
    ]


@played
async def test_a_page_is_asked_for_when_the_one_before_it_is_done_with() -> None:
    kube = AnsweringKube(in_turn(page("a", more="next"), page("b")))

    seen = [(names(each), len(kube.asked)) async for each in Resources(kube).pages()]

    assert seen == [(["a"], 1), (["b"], 2)]


@played
async def test_a_list_without_items_or_metadata_is_empty() -> None:
    assert await Resources(AnsweringKube()).list_all() == []


@played
async def test_each_namespace_has_a_list_of_its_own_with_the_selector() -> None:
    kube = AnsweringKube(in_turn(page("a", more="next"), page("b"), page("c")))

    found = await Resources(kube, namespaces=["shop", "bank"], selector="team=a").list_all()

    assert names(found) == ["a", "b", "c"]
    assert kube.requested == [
        ("GET", SHOP, {"labelSelector": "team=a", "limit": "50"}),
        ("GET", SHOP, {"labelSelector": "team=a", "limit": "100", "continue": "next"}),
        ("GET", BANK, {"labelSelector": "team=a", "limit": "50"}),
    ]


@played
async def test_claimants_are_looked_for_in_all_namespaces_whatever_their_labels() -> None:
    kube = AnsweringKube(in_turn(page("a", more="next"), page("b"), page("c")))

    found = await Resources(kube, namespaces=["shop", "bank"], selector="team=a").list_by_instance(
        "pgm-1"
    )

    claim = {"fieldSelector": "spec.instanceID=pgm-1", "limit": "50"}
    assert names(found) == ["a", "b", "c"]
    assert kube.requested == [
        ("GET", SHOP, claim),
        ("GET", SHOP, {**claim, "limit": "100", "continue": "next"}),
        ("GET", BANK, claim),
    ]


@played
async def test_without_namespaces_claimants_are_looked_for_in_one_list() -> None:
    kube = AnsweringKube(in_turn(page("a")))

    await Resources(kube).list_by_instance("pgm-1")

    assert [path for _, path, _ in kube.requested] == [ALL]


@played
async def test_one_object_is_read_by_a_list_of_its_name() -> None:
    kube = AnsweringKube(in_turn(page("orders")))

    found = await Resources(kube, namespaces=["bank"], selector="team=a").get("shop", "orders")

    assert found == {"metadata": {"name": "orders"}}
    assert kube.requested == [
        ("GET", SHOP, {"fieldSelector": "metadata.name=orders", "limit": "50"})
    ]


@played
async def test_an_object_that_is_in_no_list_does_not_exist() -> None:
    with pytest.raises(KubeNotFound, match=r"^DBInstanceSSL shop/orders does not exist$") as error:
        await Resources(AnsweringKube()).get("shop", "orders")

    assert error.value.status == 404


@played
async def test_a_status_is_merged_under_the_version_that_was_read() -> None:
    kube = AnsweringKube(in_turn({"metadata": {"resourceVersion": "8"}}))

    patched = await Resources(kube).patch_status(
        "shop", "orders", resource_version="7", status={"plan": None, "steps": []}
    )

    (asked,) = kube.asked
    assert (asked.method, asked.path) == ("PATCH", f"{SHOP}/orders/status")
    assert asked.body == {
        "metadata": {"resourceVersion": "7"},
        "status": {"plan": None, "steps": []},
    }
    assert patched == {"metadata": {"resourceVersion": "8"}}


@pytest.mark.parametrize("finalizers", [[], ["rds-ssl.dev/disable-ssl", "other.dev/keep"]])
@played
async def test_finalizers_are_replaced_under_the_version_that_was_read(
    finalizers: list[str],
) -> None:
    kube = AnsweringKube()

    await Resources(kube).patch_finalizers(
        "shop", "orders", resource_version="7", finalizers=finalizers
    )

    (asked,) = kube.asked
    assert (asked.method, asked.path) == ("PATCH", f"{SHOP}/orders")
    assert asked.body == {"metadata": {"resourceVersion": "7", "finalizers": finalizers}}


@played
async def test_a_conflict_is_the_callers() -> None:
    resources = Resources(AnsweringKube(in_turn(KubeConflict("changed", status=409))))

    with pytest.raises(KubeConflict):
        await resources.patch_status("shop", "orders", resource_version="7", status={})


@played
async def test_a_secret_is_decoded_however_its_base64_is_broken_into_lines() -> None:
    long = bytes(range(256))
    wrapped = base64.encodebytes(long).decode()
    kube = AnsweringKube(
        in_turn({**SECRET, "data": {"tls.key": encoded(b"\xff\x00"), "ca.crt": wrapped}})
    )

    found = await Resources(kube).read_data("Secret", "shop", "orders-tls")

    assert (found.uid, found.resource_version) == ("u1", "7")
    assert found.data == {"tls.key": b"\xff\x00", "ca.crt": long}
    assert kube.requested == [("GET", "/api/v1/namespaces/shop/secrets/orders-tls", {})]


@pytest.mark.parametrize("text", ["-----BEGIN CERTIFICATE-----", "YWI", "größer"])
@played
async def test_a_value_that_is_no_base64_is_empty_and_hides_no_other(text: str) -> None:
    kube = AnsweringKube(in_turn({**SECRET, "data": {"bad": text, "good": encoded(b"x")}}))

    found = await Resources(kube).read_data("Secret", "shop", "orders-tls")

    assert found.data == {"bad": b"", "good": b"x"}


@played
async def test_a_config_map_has_text_as_it_stands_and_bytes_in_base64() -> None:
    kube = AnsweringKube(
        in_turn({**SECRET, "data": {"ca.crt": "größer"}, "binaryData": {"crl": encoded(b"\xff")}})
    )

    found = await Resources(kube).read_data("ConfigMap", "shop", "orders-ca")

    assert found.data == {"ca.crt": "größer".encode(), "crl": b"\xff"}
    assert kube.requested == [("GET", "/api/v1/namespaces/shop/configmaps/orders-ca", {})]


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
@played
async def test_what_is_stored_may_be_empty(kind: Kind) -> None:
    found = await Resources(AnsweringKube(in_turn(SECRET))).read_data(kind, "shop", "orders")

    assert found.data == {}


@played
async def test_a_name_that_somebody_declares_stays_one_part_of_the_path() -> None:
    kube = AnsweringKube(in_turn(SECRET))

    await Resources(kube).read_data("Secret", "shop", "a?b#c%2e")

    assert kube.asked[0].path == "/api/v1/namespaces/shop/secrets/a%3Fb%23c%252e"


def test_what_is_read_does_not_show_itself() -> None:
    found = DataObject(uid="u1", resource_version="7", data={"tls.key": b"hush"})

    assert repr(found) == str(found) == "DataObject(uid='u1', resource_version='7', …)"


@pytest.mark.parametrize(("warning", "kind"), [(True, "Warning"), (False, "Normal")])
@played
async def test_an_event_names_its_object_and_what_happened(warning: bool, kind: str) -> None:  # noqa: FBT001
    kube = AnsweringKube(in_turn({"metadata": {"name": "orders.x7"}}))

    name = await Resources(kube).create_event(
        ORDERS, reason="Forbidden", message="Give it the right.", warning=warning, time=TIME
    )

    (asked,) = kube.asked
    assert name == "orders.x7"
    assert (asked.method, asked.path) == ("POST", "/api/v1/namespaces/shop/events")
    assert asked.body == {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": "orders.", "namespace": "shop"},
        "involvedObject": {
            "apiVersion": "rds-ssl.dev/v1alpha1",
            "kind": "DBInstanceSSL",
            "namespace": "shop",
            "name": "orders",
            "uid": "u1",
            "resourceVersion": "7",
        },
        "type": kind,
        "reason": "Forbidden",
        "message": "Give it the right.",
        "firstTimestamp": TIME,
        "lastTimestamp": TIME,
        "count": 1,
        "source": {"component": "rds-ssl-operator"},
        "reportingComponent": "rds-ssl.dev/operator",
    }


@played
async def test_an_event_is_cut_to_what_the_server_takes() -> None:
    kube = AnsweringKube(in_turn({"metadata": {"name": "n"}}))
    longest = {"metadata": {**ORDERS["metadata"], "name": "n" * 253}}

    await Resources(kube).create_event(
        longest, reason="R", message="m" * 1025, warning=True, time=TIME
    )

    body: Any = kube.asked[0].body
    assert body["message"] == "m" * 1024
    # The server puts 5 letters behind it, and a name has 253.
    assert body["metadata"]["generateName"] == "n" * 200 + "."
    assert body["involvedObject"]["name"] == "n" * 253


@played
async def test_what_happens_again_is_counted_in_the_event_that_tells_it() -> None:
    kube = AnsweringKube()

    await Resources(kube).count_event("shop", "orders.x7", count=3, time=TIME)

    (asked,) = kube.asked
    assert (asked.method, asked.path) == ("PATCH", "/api/v1/namespaces/shop/events/orders.x7")
    assert asked.body == {"count": 3, "lastTimestamp": TIME}


def refused(*causes: str) -> KubeRefused:
    return KubeRefused("forbidden", status=403, causes=frozenset(causes))


@pytest.mark.parametrize(
    ("answer", "terminating"),
    [
        pytest.param({}, False, id="it takes the Event"),
        pytest.param(refused("NamespaceTerminating"), True, id="it says so"),
        pytest.param(refused(), False, id="no right to create Events"),
        pytest.param(refused("FieldValueInvalid"), False, id="another cause"),
        pytest.param(KubeUnavailable("no answer"), False, id="no answer"),
        pytest.param(KubeNotFound("gone", status=404), False, id="the namespace is gone"),
    ],
)
@played
async def test_whether_a_namespace_is_going_is_asked_by_an_event_that_is_not_stored(
    answer: Json | KubeError,
    terminating: bool,  # noqa: FBT001
) -> None:
    kube = AnsweringKube(in_turn(answer))

    assert await Resources(kube).is_terminating(ORDERS, time=TIME) is terminating

    assert kube.requested == [("POST", "/api/v1/namespaces/shop/events", {"dryRun": "All"})]
