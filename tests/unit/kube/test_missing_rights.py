"""What stands in the way of the work: a right, or the CRD; found out by doing and by asking."""

from typing import Any

import pytest

from rds_ssl.core.errors import KubeError, KubeNotFound, KubeRefused, KubeUnavailable
from rds_ssl.kube.resources import Resources
from support.engine_world import played
from support.kube_answers import Answer, AnsweringKube, Asked, Json

ALL = "/apis/rds-ssl.dev/v1alpha1/dbinstancessls"
SHOP = "/apis/rds-ssl.dev/v1alpha1/namespaces/shop/dbinstancessls"
BANK = "/apis/rds-ssl.dev/v1alpha1/namespaces/bank/dbinstancessls"
REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
FORBIDDEN = KubeRefused("forbidden", status=403)


def granting(*, denied: tuple[tuple[str, str, str], ...] = (), **lists: KubeError) -> Answer:
    """Allow all but *denied*; *lists* has an error for each kind that is not listed."""

    def answer(asked: Asked) -> Json:
        if asked.path == REVIEWS:
            body: Any = asked.body
            wanted = body["spec"]["resourceAttributes"]
            what = (wanted["verb"], wanted["resource"], wanted["subresource"])
            return {"status": {"allowed": what not in denied}}
        listed = asked.path.rpartition("/")[2]
        if listed in lists:
            raise lists[listed]
        return {}

    return answer


@played
async def test_nothing_is_missing_where_all_is_allowed() -> None:
    kube = AnsweringKube(granting())

    assert await Resources(kube).missing() == []

    lists = [each for each in kube.asked if each.method == "GET"]
    assert [each.path for each in lists] == [ALL, "/api/v1/secrets", "/api/v1/configmaps"]
    assert {(each.query["limit"], each.accept) for each in lists} == {
        ("1", "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
    }


@played
async def test_every_right_is_asked_for_in_every_namespace() -> None:
    kube = AnsweringKube(granting())

    await Resources(kube, namespaces=["shop", "bank"]).missing()

    bodies: list[Any] = [each.body for each in kube.asked if each.path == REVIEWS]
    asked = [each["spec"]["resourceAttributes"] for each in bodies]
    rights = [
        ("watch", "rds-ssl.dev", "dbinstancessls", ""),
        ("patch", "rds-ssl.dev", "dbinstancessls", ""),
        ("patch", "rds-ssl.dev", "dbinstancessls", "status"),
        ("get", "", "secrets", ""),
        ("watch", "", "secrets", ""),
        ("get", "", "configmaps", ""),
        ("watch", "", "configmaps", ""),
    ]
    assert [
        (each["namespace"], each["verb"], each["group"], each["resource"], each["subresource"])
        for each in asked
    ] == [(namespace, *right) for namespace in ("shop", "bank") for right in rights]
    assert [each.path for each in kube.asked if each.method == "GET"] == [
        SHOP,
        "/api/v1/namespaces/shop/secrets",
        "/api/v1/namespaces/shop/configmaps",
        BANK,
        "/api/v1/namespaces/bank/secrets",
        "/api/v1/namespaces/bank/configmaps",
    ]


@played
async def test_a_right_that_is_missing_is_named_with_where_it_is_missing() -> None:
    denied = (("patch", "dbinstancessls", "status"), ("get", "secrets", ""))
    answer = granting(denied=denied, configmaps=FORBIDDEN)

    everywhere = await Resources(AnsweringKube(answer)).missing()
    in_one = await Resources(AnsweringKube(answer), namespaces=["shop"]).missing()

    assert everywhere == [
        "the right to patch dbinstancessls/status cluster-wide is missing",
        "the right to get secrets cluster-wide is missing",
        "the right to list configmaps cluster-wide is missing",
    ]
    assert in_one == [each.replace("cluster-wide", "in namespace shop") for each in everywhere]


@played
async def test_a_review_without_a_verdict_is_no_right() -> None:
    assert len(await Resources(AnsweringKube()).missing()) == 7


@pytest.mark.parametrize("status", [401, 403])
@played
async def test_a_list_that_is_not_allowed_is_a_missing_right(status: int) -> None:
    kube = AnsweringKube(granting(dbinstancessls=KubeRefused("no", status=status)))

    assert await Resources(kube).missing() == [
        "the right to list dbinstancessls cluster-wide is missing"
    ]


@played
async def test_a_kind_that_the_server_does_not_know_is_a_missing_crd() -> None:
    kube = AnsweringKube(granting(dbinstancessls=KubeNotFound("no such page", status=404)))

    (missing,) = await Resources(kube).missing()

    assert missing == (
        "the CustomResourceDefinition dbinstancessls.rds-ssl.dev is missing"
        " (kubectl apply -k crds/)"
    )


@pytest.mark.parametrize(
    "error", [KubeRefused("bad", status=400), KubeUnavailable("no answer", status=503)]
)
@played
async def test_a_server_that_does_not_answer_the_question_leaves_it_open(error: KubeError) -> None:
    with pytest.raises(type(error)):
        await Resources(AnsweringKube(granting(secrets=error))).missing()


@played
async def test_secrets_are_not_listed_by_whoever_does_not_watch_them() -> None:
    kube = AnsweringKube(granting())

    await Resources(kube).missing(watch_config=False)

    assert [each.path for each in kube.asked if each.method == "GET"] == [ALL]
    bodies: list[Any] = [each.body for each in kube.asked if each.path == REVIEWS]
    asked = {each["spec"]["resourceAttributes"]["resource"] for each in bodies}
    assert asked == {"dbinstancessls"}
