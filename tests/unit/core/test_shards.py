"""Which shard an instance belongs to, and what a shard's part of the limits is."""

import hashlib
from collections import Counter

import pytest

from rds_ssl.core.shards import Shard

INSTANCES = [f"pgm-bp1{number:012x}" for number in range(2000)]


def shards(count: int) -> list[Shard]:
    return [Shard(number=number, count=count) for number in range(1, count + 1)]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 8, 64])
def test_each_instance_belongs_to_exactly_one_shard(count: int) -> None:
    owners = Counter(
        shard.number for each in INSTANCES for shard in shards(count) if shard.owns(each)
    )

    assert sum(owners.values()) == len(INSTANCES)
    # Evenly: within a third of the mean, or of 31 for the largest number of them.
    assert max(owners.values()) < 1.6 * len(INSTANCES) / count


def test_the_hash_is_the_one_that_is_documented() -> None:
    """Who sets up alerts, or another language, can tell by `sha256sum` whose an instance is."""
    digest = hashlib.sha256(b"pgm-bp1234567890abcde").hexdigest()

    assert int(digest[:16], 16) % 8 == 7
    assert [str(each) for each in shards(8) if each.owns("pgm-bp1234567890abcde")] == ["8/8"]


@pytest.mark.parametrize("text", ["1/1", "2/8", "8/8", "64/64"])
def test_a_shard_is_written_as_it_is_read(text: str) -> None:
    assert str(Shard.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "2", "/8", "2/", "0/8", "9/8", "-1/8", "1/0", "1/65", "2/8/1", "a/b", "٢/8", "1.0/2"],
)
def test_what_is_no_shard_is_refused_and_told_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="it should be NUMBER/COUNT such as 2/8"):
        Shard.parse(text)


@pytest.mark.parametrize(
    ("limit", "count", "parts"),
    [
        (5, 1, [5]),
        (5, 2, [3, 2]),
        (5, 4, [2, 1, 1, 1]),
        (5, 5, [1, 1, 1, 1, 1]),
        (5, 8, [1] * 8),
        (0, 4, [0, 0, 0, 0]),
    ],
)
def test_the_parts_of_a_limit_make_the_whole_but_none_is_nothing(
    limit: int, count: int, parts: list[int]
) -> None:
    assert [each.share_of(limit) for each in shards(count)] == parts


def test_the_parts_of_a_rate_make_the_whole() -> None:
    assert sum(each.share_of_rate(5.0) for each in shards(4)) == pytest.approx(5.0)
    assert Shard.parse("2/4").share_of_rate(0.0) == 0.0


def test_each_shard_has_a_name_of_its_own() -> None:
    assert [each.name("rds-ssl-operator") for each in shards(2)] == [
        "rds-ssl-operator-1-of-2",
        "rds-ssl-operator-2-of-2",
    ]


def test_the_first_of_one_shard_is_everything_and_called_as_without_shards() -> None:
    whole = Shard()

    assert all(whole.owns(each) for each in INSTANCES)
    assert whole.name("rds-ssl-operator") == "rds-ssl-operator"
    assert (whole.share_of(5), whole.share_of_rate(5.0)) == (5, 5.0)
