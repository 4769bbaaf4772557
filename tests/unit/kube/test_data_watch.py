"""Which Secrets and ConfigMaps are watched, by the mode that was chosen."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from rds_ssl.core.errors import KubeError, KubeRefused
from rds_ssl.kube.data_watch import DataWatch, Reference, SecretWatch, data_watch
from support.engine_world import played
from support.kube_answers import AnsweringKube, Asked, Json, event, item, listed

A: Reference = ("Secret", "shop", "a")
B: Reference = ("ConfigMap", "bank", "b")
FORBIDDEN = KubeRefused("forbidden", status=403)


class Told:
    """A watch of one mode at work, and what it told of."""

    def __init__(self, mode: SecretWatch, kube: AnsweringKube, *namespaces: str) -> None:
        self.told: list[Reference] = []
        self.watch: DataWatch = data_watch(mode, kube, namespaces)
        self.watch.start(lambda kind, name: self.told.append((kind, *name)))


@asynccontextmanager
async def told(mode: SecretWatch, kube: AnsweringKube, *namespaces: str) -> AsyncIterator[Told]:
    made = Told(mode, kube, *namespaces)
    yield made
    await made.watch.stop()


def one_each(asked: Asked) -> Json:
    """Answer each list with the object of the name that is asked for, at version 1."""
    name = asked.query.get("fieldSelector", "metadata.name=any").partition("=")[2]
    namespace = asked.path.split("/")[4] if "/namespaces/" in asked.path else "shop"
    return listed(9, item((namespace, name), 1))


def places(kube: AnsweringKube) -> list[tuple[str, str, str]]:
    return [(e.method, e.path, e.query.get("fieldSelector", "")) for e in kube.asked]


@played
async def test_all_are_watched_in_each_namespace_or_once() -> None:
    everywhere, confined = AnsweringKube(one_each), AnsweringKube(one_each)

    async with told("all", everywhere) as made, told("all", confined, "shop", "bank") as other:
        await made.watch.synced()
        await other.watch.synced()
        assert made.watch.version("Secret", ("shop", "any")) == ("uid-any", "1")
        assert other.watch.version("ConfigMap", ("bank", "any")) == ("uid-any", "1")
        assert other.watch.version("Secret", ("shop", "none")) is None

    assert {path for _, path, _ in places(everywhere)} == {"/api/v1/secrets", "/api/v1/configmaps"}
    assert {path for _, path, _ in places(confined)} == {
        f"/api/v1/namespaces/{namespace}/{kind}"
        for namespace in ("shop", "bank")
        for kind in ("secrets", "configmaps")
    }


@played
async def test_of_named_ones_those_that_are_referred_to_are_watched_one_by_one() -> None:
    kube = AnsweringKube(one_each)

    async with told("named", kube) as made:
        await made.watch.synced()
        assert kube.asked == []
        for _ in range(2):  # By two objects.
            made.watch.want(A)
        made.watch.want(B)
        await asyncio.sleep(1)

        assert made.watch.version("Secret", ("shop", "a")) == ("uid-a", "1")
        assert made.watch.version("ConfigMap", ("bank", "b")) == ("uid-b", "1")
        assert made.watch.version("Secret", ("bank", "b")) is None
        assert sorted(made.told) == sorted([A, B])

    secrets, maps = "/api/v1/namespaces/shop/secrets", "/api/v1/namespaces/bank/configmaps"
    assert sorted(places(kube)) == [
        ("GET", maps, "metadata.name=b"),
        ("GET", secrets, "metadata.name=a"),
        ("WATCH", maps, "metadata.name=b"),
        ("WATCH", secrets, "metadata.name=a"),
    ]


@played
async def test_what_is_not_referred_to_any_more_is_not_watched_any_more() -> None:
    kube = AnsweringKube(one_each)
    kube.watches.append([5.0, event("MODIFIED", item(("shop", "a"), 2))])

    async with told("named", kube) as made:
        made.watch.want(A)
        await asyncio.sleep(1)
        made.watch.unwant(A)
        made.told.clear()
        await asyncio.sleep(100)

        assert made.watch.version("Secret", ("shop", "a")) is None
        assert made.told == []
        assert len(kube.asked) == 2

        made.watch.want(A)
        await asyncio.sleep(1)
        assert made.told == [A]


@played
async def test_a_watch_of_one_object_is_opened_anew_as_soon_as_any_other() -> None:
    kube = AnsweringKube(one_each)

    async with told("named", kube) as made:
        made.watch.want(A)
        await asyncio.sleep(100)

    assert {each.query["timeoutSeconds"] for each in kube.asked[1:]} == {"25"}


@pytest.mark.parametrize(("names", "seconds"), [(500, "25"), (1000, "50")])
@played
async def test_the_more_are_named_the_longer_each_watch_lives(names: int, seconds: str) -> None:
    kube = AnsweringKube(one_each)

    async with told("named", kube) as made:
        for number in range(names):
            made.watch.want(("Secret", "shop", f"s-{number}"))
        await asyncio.sleep(0.001)

    assert {each.query["timeoutSeconds"] for each in kube.asked if each.method == "WATCH"} == {
        seconds
    }


def refusing(*names: str) -> Callable[[Asked], Json]:
    def answer(asked: Asked) -> Json:
        if any(asked.query["fieldSelector"].endswith(f"={name}") for name in names):
            error: KubeError = FORBIDDEN
            raise error
        return one_each(asked)

    return answer


@played
async def test_what_may_not_be_watched_is_asked_for_less_and_less_often() -> None:
    kube = AnsweringKube(refusing("a"))

    async with told("named", kube) as made:
        made.watch.want(A)
        await asyncio.sleep(3600)

    assert 12 <= len(kube.asked) <= 30


@played
async def test_many_that_may_not_be_watched_keep_nobody_waiting() -> None:
    names = [f"no-{number}" for number in range(300)]
    kube = AnsweringKube(refusing(*names))

    async with told("named", kube) as made:
        for name in names:
            made.watch.want(("Secret", "shop", name))
        made.watch.want(A)
        await asyncio.sleep(0.1)

        assert made.told == [A]


@played
async def test_a_thousand_watches_are_not_opened_in_one_moment() -> None:
    open_lists, most = 0, 0

    class Slow(AnsweringKube):
        async def request(self, *given: object, **named: object) -> Json:
            nonlocal open_lists, most
            open_lists += 1
            most = max(most, open_lists)
            await asyncio.sleep(0.01)
            open_lists -= 1
            return await super().request(*given, **named)  # type: ignore[arg-type]

    kube = Slow(one_each)
    async with told("named", kube) as made:
        for number in range(1000):
            made.watch.want(("Secret", "shop", f"s-{number}"))
        await asyncio.sleep(2)

        assert len(made.told) == 1000
    assert most <= 10


@played
async def test_off_asks_for_nothing() -> None:
    kube = AnsweringKube(one_each)

    async with told("off", kube, "shop") as made:
        await made.watch.synced()
        made.watch.want(A)
        await asyncio.sleep(100)

        assert (made.watch.version("Secret", ("shop", "a")), made.told) == (None, [])
    assert kube.asked == []
