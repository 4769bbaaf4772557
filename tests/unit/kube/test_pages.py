"""Lists whose pages are as large as there is room for, whatever is in the objects."""

import json
from collections.abc import Sequence

import pytest

from rds_ssl.core.errors import KubeTooLarge
from rds_ssl.kube.client import LARGEST
from rds_ssl.kube.pages import PAGE_BYTES, pages
from support.engine_world import played
from support.kube_answers import AnsweringKube, Asked, Json, item, listed

PATH = "/api/v1/configmaps"
SMALL, APPLIED = 500, 254 * 1024
"""Bytes of an object: one as it is written, and one with the annotation of kubectl apply."""


class Store:
    """Objects of given sizes, listed as the API server does it."""

    def __init__(self, sizes: Sequence[int]) -> None:
        self.sizes = sizes

    def answer(self, asked: Asked) -> Json:
        first, limit = int(asked.query.get("continue", "0")), int(asked.query["limit"])
        last = min(first + limit, len(self.sizes))
        more = str(last) if last < len(self.sizes) else ""
        items = [self.make(number) for number in range(first, last)]
        return listed(9, *items, more=more)

    def make(self, number: int) -> Json:
        made = item(("shop", f"object-{number}"), number + 1)
        made["metadata"]["annotations"] = {"applied": "x" * self.sizes[number]}
        return made

    async def listed(self, limit: int = 500) -> tuple[list[str], AnsweringKube]:
        kube = AnsweringKube(self.answer)
        names: list[str] = []
        async for page in pages(kube, PATH, {}, limit=limit, accept="any"):
            names += [each["metadata"]["name"] for each in page["items"]]
            assert len(page["items"]) == 1 or len(json.dumps(page)) <= PAGE_BYTES
        return names, kube


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param([SMALL] * 1500, id="small"),
        pytest.param([APPLIED] * 60, id="applied"),
        pytest.param([SMALL] * 700 + [APPLIED] * 40 + [SMALL] * 700, id="both"),
        pytest.param([SMALL, 3 * PAGE_BYTES, SMALL], id="one that is larger than a page"),
        pytest.param([], id="none"),
    ],
)
@played
async def test_each_object_is_listed_once_and_in_order(sizes: list[int]) -> None:
    names, _ = await Store(sizes).listed()

    assert names == [f"object-{number}" for number in range(len(sizes))]


@played
async def test_small_objects_take_few_requests() -> None:
    _, kube = await Store([SMALL] * 2_000).listed()

    assert [each.query["limit"] for each in kube.asked] == (
        ["50", "100", "200", "400", "500", "500", "500"]
    )


@played
async def test_of_large_objects_few_pages_are_asked_for_in_vain() -> None:
    _, kube = await Store([APPLIED] * 300).listed()

    whole = 300 * APPLIED
    assert len(kube.asked) < 2 * whole / PAGE_BYTES + 20


@played
async def test_after_large_objects_the_pages_grow_again() -> None:
    _, kube = await Store([APPLIED] * 20 + [SMALL] * 4_000).listed()

    assert kube.asked[-1].query["limit"] == "500"
    assert len(kube.asked) < 60


@played
async def test_no_page_is_larger_than_it_is_asked_for() -> None:
    _, kube = await Store([SMALL] * 700).listed(limit=20)

    assert {each.query["limit"] for each in kube.asked} == {"20"}


@played
async def test_an_object_that_alone_is_too_large_is_told() -> None:
    with pytest.raises(KubeTooLarge):
        await Store([SMALL, LARGEST, SMALL]).listed()
