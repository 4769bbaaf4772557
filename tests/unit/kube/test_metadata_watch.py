"""What a watch knows and tells, through lists, events, pauses and everything that breaks it off."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from rds_ssl.core.errors import KubeRefused, KubeUnavailable
from rds_ssl.kube.client import LARGEST
from rds_ssl.kube.metadata_watch import LASTS, MetadataWatch
from support.engine_world import played
from support.kube_answers import AnsweringKube, bookmark, event, in_turn, item, listed

PATH = "/api/v1/secrets"
A, B, C = ("shop", "a"), ("shop", "b"), ("bank", "c")
EXPIRED = KubeRefused("too old resource version", status=410)
BROKEN = KubeUnavailable("watch: broken off")


class Told:
    """A watch at work, and which keys it told of."""

    def __init__(self, kube: AnsweringKube, selector: str, lasts: int) -> None:
        self._kube = kube
        self.keys: list[tuple[str, str]] = []
        self.watch = MetadataWatch(
            kube, PATH, self.keys.append, selector=selector, lasts=lambda: lasts
        )

    def versions(self, *keys: tuple[str, str]) -> list[tuple[str, str] | None]:
        return [self.watch.version(each) for each in keys]

    @property
    def ways(self) -> list[tuple[str, str]]:
        """Each request: a list, or a watch with the version that it went on from."""
        return [(each.method, each.query.get("resourceVersion", "")) for each in self._kube.asked]

    def pauses(self) -> list[float]:
        """Seconds between the requests."""
        times = [each.at for each in self._kube.asked]
        return [later - earlier for earlier, later in itertools.pairwise(times)]


def fit(pauses: Sequence[float], *meant: float) -> bool:
    """True if these are the pauses, give or take a fifth, so that not all come back at once."""
    return len(pauses) == len(meant) and all(
        0.8 * each <= pause <= 1.2 * each for pause, each in zip(pauses, meant, strict=True)
    )


@asynccontextmanager
async def watching(
    kube: AnsweringKube, selector: str = "", lasts: int = LASTS
) -> AsyncIterator[Told]:
    told = Told(kube, selector, lasts)
    task = asyncio.create_task(told.watch.run())
    try:
        yield told
        assert not task.done(), "It has ended by itself."
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@played
async def test_all_pages_of_the_first_list_are_known_and_told() -> None:
    first = listed(0, item(A, 1), item(B, 2), more="next")
    kube = AnsweringKube(in_turn(first, listed(9, item(C, 3))))

    async with watching(kube) as told:
        assert not told.watch.synced.is_set()
        assert told.versions(A) == [None]
        await asyncio.wait_for(told.watch.synced.wait(), 1)

        assert told.versions(A, B, C) == [("uid-a", "1"), ("uid-b", "2"), ("uid-c", "3")]
        assert sorted(told.keys) == sorted([A, B, C])
        assert [each.query for each in kube.asked[:2]] == [
            {"limit": "50"},
            {"limit": "100", "continue": "next"},
        ]


@played
async def test_the_watch_goes_on_from_the_list_with_the_same_selector() -> None:
    kube = AnsweringKube(in_turn(listed(9)))

    async with watching(kube, selector="team=a"):
        await asyncio.sleep(1)

    assert [(each.path, each.query) for each in kube.asked] == [
        (PATH, {"limit": "50", "labelSelector": "team=a"}),
        (
            PATH,
            {
                "watch": "1",
                "allowWatchBookmarks": "true",
                "resourceVersion": "9",
                "timeoutSeconds": "25",
                "labelSelector": "team=a",
            },
        ),
    ]


@played
async def test_no_content_of_a_secret_is_asked_for() -> None:
    kube = AnsweringKube(in_turn(listed(9)))

    async with watching(kube):
        await asyncio.sleep(1)

    assert [each.accept for each in kube.asked] == [
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    ]


@played
async def test_it_is_not_synced_before_a_list_is_complete() -> None:
    half = listed(0, item(A, 1), more="next")
    answers = (half, EXPIRED, listed(9, item(B, 2)))
    kube = AnsweringKube(in_turn(*answers))

    async with watching(kube) as told:
        await asyncio.sleep(0.3)
        assert not told.watch.synced.is_set()
        assert (told.versions(A), told.keys) == ([None], [])
        await asyncio.wait_for(told.watch.synced.wait(), 1)

        assert (told.versions(A, B), told.keys) == ([None, ("uid-b", "2")], [B])
        assert "continue" not in kube.asked[2].query


@played
async def test_each_event_is_told_with_the_version_that_it_brings() -> None:
    kube = AnsweringKube(in_turn(listed(9, item(A, 1), item(B, 2))))
    seen = []
    changes = (("ADDED", item(C, 10)), ("MODIFIED", item(A, 11)), ("DELETED", item(B, 12)))
    kube.watches.append([part for change in changes for part in (event(*change), 1.0)])

    async with watching(kube) as told:
        for _ in range(3):
            await asyncio.sleep(0.9)
            seen.append((told.keys.pop(), *told.versions(A, B, C)))

    assert seen == [
        (C, ("uid-a", "1"), ("uid-b", "2"), ("uid-c", "10")),
        (A, ("uid-a", "11"), ("uid-b", "2"), ("uid-c", "10")),
        (B, ("uid-a", "11"), None, ("uid-c", "10")),
    ]


@played
async def test_an_object_that_was_made_anew_has_another_uid() -> None:
    kube = AnsweringKube(in_turn(listed(9, item(A, 1))))
    kube.watches.append(
        (event("DELETED", item(A, 10)), event("ADDED", item(A, 11, uid="other")), 60.0)
    )

    async with watching(kube) as told:
        await asyncio.sleep(1)

        assert told.versions(A) == [("other", "11")]


@played
async def test_an_event_counts_however_its_bytes_arrive() -> None:
    lines = b"".join(event("ADDED", item(key, 10)) for key in (A, B)) + b"\n" + bookmark(20)
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([*(lines[each : each + 1] for each in range(len(lines)))])
    kube.watches.append([lines])

    async with watching(kube) as told:
        await asyncio.sleep(1)

        assert told.keys == [A, B, A, B]
        assert told.ways == [("GET", ""), ("WATCH", "9"), ("WATCH", "20"), ("WATCH", "20")]


@played
async def test_a_watch_that_ends_in_order_goes_on_at_once_where_it_was() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([event("ADDED", item(A, 10))])
    kube.watches.append([event("DELETED", item(A, 12))])

    async with watching(kube) as told:
        await asyncio.sleep(1)

    assert told.ways == [("GET", ""), ("WATCH", "9"), ("WATCH", "10"), ("WATCH", "12")]
    assert told.pauses() == [0, 0, 0]


@played
async def test_a_bookmark_moves_the_place_and_tells_of_nothing() -> None:
    kube = AnsweringKube(in_turn(listed(9, item(A, 1))))
    kube.watches.append([bookmark(50)])

    async with watching(kube) as told:
        await asyncio.sleep(1)

        assert told.ways == [("GET", ""), ("WATCH", "9"), ("WATCH", "50")]
        assert (told.keys, told.versions(A)) == ([A], [("uid-a", "1")])


@played
async def test_a_watch_that_breaks_goes_on_without_a_list_and_leaves_nothing_out() -> None:
    kube = AnsweringKube(in_turn(listed(9, item(A, 1))))
    kube.watches.append([event("MODIFIED", item(A, 10)), BROKEN])

    async with watching(kube) as told:
        await asyncio.sleep(5)

        assert [way for way, _ in told.ways] == ["GET", "WATCH", "WATCH"]
        # From where the first one began, an event comes once more: a pass more, and none less.
        assert told.ways[2][1] in {"9", "10"}
        assert told.versions(A) == [("uid-a", "10")]


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([EXPIRED], id="410"),
        pytest.param([event("ERROR", {"kind": "Status", "code": 410})], id="410 in the stream"),
    ],
)
@played
async def test_a_place_that_is_too_old_asks_for_a_new_list(script: list[bytes | Exception]) -> None:
    kube = AnsweringKube(in_turn(listed(9, item(A, 1)), listed(99, item(A, 98))))
    kube.watches.append(script)

    async with watching(kube) as told:
        await asyncio.sleep(5)

        assert told.ways == [("GET", ""), ("WATCH", "9"), ("GET", ""), ("WATCH", "99")]
        assert told.versions(A) == [("uid-a", "98")]


@played
async def test_a_new_list_tells_of_what_has_changed_meanwhile_and_of_nothing_else() -> None:
    d, same = ("bank", "d"), ("bank", "same")
    before = listed(9, item(A, 1), item(B, 2), item(d, 3), item(same, 4))
    after = listed(99, item(A, 50), item(C, 60), item(d, 3, uid="other"), item(same, 4))
    kube = AnsweringKube(in_turn(before, after))
    kube.watches.append([1.0, EXPIRED])

    async with watching(kube) as told:
        await asyncio.sleep(0.9)
        told.keys.clear()
        await asyncio.sleep(5)

        assert sorted(told.keys) == sorted([A, B, C, d])
        assert told.versions(A, B, C, d, same) == [
            ("uid-a", "50"),
            None,
            ("uid-c", "60"),
            ("other", "3"),
            ("uid-same", "4"),
        ]


@played
async def test_what_was_known_stays_until_the_new_list_is_complete() -> None:
    half = listed(0, item(B, 50), more="next")
    answers = (listed(9, item(A, 1)), half, BROKEN, listed(99, item(B, 50)))
    kube = AnsweringKube(in_turn(*answers))
    kube.watches.append([EXPIRED])

    async with watching(kube) as told:
        await asyncio.sleep(1.0)
        assert len(kube.asked) == 4  # The second page has failed.
        assert told.versions(A, B) == [("uid-a", "1"), None]
        await asyncio.sleep(5)

        assert told.versions(A, B) == [None, ("uid-b", "50")]


@played
async def test_a_server_that_does_not_answer_is_asked_less_and_less_often() -> None:
    kube = AnsweringKube(in_turn(BROKEN))

    async with watching(kube) as told:
        await asyncio.sleep(200)

        assert not told.watch.synced.is_set()
        assert told.watch.heard_at is None
    assert fit(told.pauses()[:9], 0.5, 1, 2, 4, 8, 16, 30, 30, 30)
    assert len(set(told.pauses()[6:9])) == 3


@played
async def test_a_pause_begins_anew_after_a_word_of_the_server() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.extend([[BROKEN]] * 3)
    kube.watches.append([bookmark(10), BROKEN])
    kube.watches.append([BROKEN])

    async with watching(kube) as told:
        await asyncio.sleep(30)

    assert fit(told.pauses()[1:], 0.5, 1, 2, 0.5, 1)


@played
async def test_a_pause_begins_anew_after_a_watch_that_ended_in_order() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.extend([[BROKEN], [BROKEN], [25.0], [BROKEN]])

    async with watching(kube) as told:
        await asyncio.sleep(40)

    assert fit(told.pauses()[1:3], 0.5, 1)
    assert fit(told.pauses()[4:], 0.5)


@played
async def test_a_pause_begins_anew_after_a_list() -> None:
    kube = AnsweringKube(in_turn(BROKEN, BROKEN, BROKEN, listed(9)))
    kube.watches.append([BROKEN])

    async with watching(kube) as told:
        await asyncio.sleep(30)

    assert fit(told.pauses(), 0.5, 1, 2, 0, 0.5)


@played
async def test_a_silent_watch_is_opened_again_and_one_with_bookmarks_is_not() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([60.0, bookmark(10), 60.0, bookmark(11), 60.0, bookmark(12), 100.0])

    async with watching(kube, lasts=300) as told:
        await asyncio.sleep(300)

    assert [way for way, _ in told.ways] == ["GET", "WATCH", "WATCH"]
    # Three minutes with a bookmark in each, then 90 seconds without a byte.
    assert 270 <= told.pauses()[1] <= 271


@played
async def test_a_watch_that_the_server_never_ends_is_ended_here() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([20.0, bookmark(10)] * 20)

    async with watching(kube) as told:
        await asyncio.sleep(40)

    assert 25 < told.pauses()[1] < 37, "The server is asked to end it after 25 seconds."


@played
async def test_the_last_word_of_the_server_is_remembered() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([5.0, bookmark(10), 60.0, event("ADDED", item(A, 11)), 60.0])

    async with watching(kube, lasts=300) as told:
        began = asyncio.get_running_loop().time()
        heard = []
        for _ in range(3):
            await asyncio.sleep(30)
            heard.append(told.watch.heard_at and told.watch.heard_at - began)

    assert heard == [5.0, 5.0, 65.0]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"<html>\n", id="not JSON"),
        pytest.param(b'{"type": "ADDED"}\n', id="no object"),
        pytest.param(event("ADDED", {"metadata": {"resourceVersion": "10"}}), id="no name"),
    ],
)
@played
async def test_a_line_that_cannot_be_read_ends_in_a_new_list_and_not_in_silence(
    line: bytes,
) -> None:
    kube = AnsweringKube(in_turn(listed(9), listed(99, item(A, 98))))
    kube.watches.append([line])

    async with watching(kube) as told:
        await asyncio.sleep(29)
        assert told.ways == [("GET", ""), ("WATCH", "9")]
        await asyncio.sleep(2)

        assert told.ways[2:] == [("GET", ""), ("WATCH", "99")]
        assert told.versions(A) == [("uid-a", "98")]


@played
async def test_what_nobody_foresaw_is_in_the_log_with_its_place(
    caplog: pytest.LogCaptureFixture,
) -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([b"<html>\n"])

    async with watching(kube):
        await asyncio.sleep(1)

    (record,) = caplog.records
    assert (record.levelno, PATH in record.getMessage()) == (logging.ERROR, True)
    assert record.exc_info is not None


@played
async def test_a_line_without_an_end_is_not_kept_and_a_new_list_shows_what_it_had_to_say() -> None:
    kube = AnsweringKube(in_turn(listed(9), listed(99, item(A, 98))))
    kube.watches.append([b"x" * 2**20] * (LARGEST // 2**20 + 1))

    async with watching(kube) as told:
        await asyncio.sleep(5)

        assert told.ways == [("GET", ""), ("WATCH", "9"), ("GET", ""), ("WATCH", "99")]
        assert told.versions(A) == [("uid-a", "98")]


def error(code: int, **details: object) -> bytes:
    """Make the line by which the API server says within a stream what is wrong."""
    return event("ERROR", {"kind": "Status", "code": code, "message": "no", "details": details})


def lists(told: Told) -> int:
    return [way for way, _ in told.ways].count("GET")


@pytest.mark.parametrize(
    "script",
    [
        pytest.param([error(410)], id="410 in the stream"),
        pytest.param([EXPIRED], id="410"),
        pytest.param([event("ADDED", item(A, 98)), error(410)], id="410 after an event"),
        pytest.param([error(500)], id="500 in the stream"),
        pytest.param([error(429)], id="429 in the stream"),
        pytest.param([event("ERROR", {"kind": "Status"})], id="an error without a code"),
        pytest.param([b""], id="an end"),
    ],
)
@played
async def test_a_server_that_spoils_every_watch_is_asked_less_and_less_often(
    script: list[bytes | Exception],
) -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.extend([script] * 1000)

    async with watching(kube) as told:
        await asyncio.sleep(300)

        assert len(told.ways) < 36
        assert max(told.pauses()[-4:]) > 20


@pytest.mark.parametrize("code", [500, 503, 429])
@played
async def test_an_error_in_the_stream_that_is_no_410_asks_for_no_list_and_keeps_the_place(
    code: int,
) -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.extend([[error(code)]] * 4)
    kube.watches.append([event("ADDED", item(A, 10)), 20.0])

    async with watching(kube) as told:
        await asyncio.sleep(12)

        assert told.ways == [("GET", ""), *[("WATCH", "9")] * 5]
        assert told.versions(A) == [("uid-a", "10")]


@played
async def test_a_place_from_which_nothing_comes_any_more_is_given_up_in_the_end() -> None:
    kube = AnsweringKube(in_turn(listed(9), listed(99)))
    kube.watches.extend([[error(500)]] * 1000)

    async with watching(kube) as told:
        await asyncio.sleep(60)
        assert lists(told) == 1
        await asyncio.sleep(120)

        assert lists(told) == 2
        assert told.ways[-1] == ("WATCH", "99")


@played
async def test_what_came_before_a_break_is_not_asked_for_again() -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([event("MODIFIED", item(A, 10)), BROKEN])

    async with watching(kube) as told:
        await asyncio.sleep(5)

        assert told.ways == [("GET", ""), ("WATCH", "9"), ("WATCH", "10")]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(KubeUnavailable("busy", status=429, retry_after=20.0), id="as an answer"),
        pytest.param(error(429, retryAfterSeconds=20), id="in the stream"),
    ],
)
@played
async def test_the_pause_that_the_server_asks_for_is_kept(fault: bytes | Exception) -> None:
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([fault])

    async with watching(kube) as told:
        await asyncio.sleep(30)

    assert told.pauses()[1] == 20


@played
async def test_a_list_that_is_refused_for_now_waits_as_long_as_the_server_says() -> None:
    busy = KubeUnavailable("busy", status=429, retry_after=20.0)
    kube = AnsweringKube(in_turn(busy, listed(9)))

    async with watching(kube) as told:
        await asyncio.sleep(30)

    assert told.pauses()[0] == 20


@played
async def test_a_watch_that_hangs_is_opened_anew_within_40_seconds_and_goes_on_where_it_was() -> (
    None
):
    kube = AnsweringKube(in_turn(listed(9)))
    kube.watches.append([event("ADDED", item(A, 10)), 1000.0])
    kube.watches.append([1000.0])
    kube.watches.append([event("MODIFIED", item(A, 11)), 1000.0])

    async with watching(kube) as told:
        await asyncio.sleep(80)

        assert told.ways[:4] == [("GET", ""), ("WATCH", "9"), ("WATCH", "10"), ("WATCH", "10")]
        assert all(pause < 40 for pause in told.pauses())
        assert told.versions(A) == [("uid-a", "11")]
