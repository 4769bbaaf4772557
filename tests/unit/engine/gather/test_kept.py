"""What a cache with a bound keeps, and what it lets go."""

from rds_ssl.engine.gather.kept import ENTRY_BYTES, Kept


def cache(values: int) -> Kept[str, str]:
    """Make one with room for so many values of 100 bytes."""
    return Kept(values * (100 + ENTRY_BYTES))


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    kept = cache(3)
    for key in "abc":
        kept.put(key, key.upper(), size=100)

    assert kept.get("a") == "A"
    kept.put("d", "D", size=100)

    assert (list(kept), kept.get("b")) == (["c", "a", "d"], None)


def test_a_large_value_takes_the_room_of_many_small_ones() -> None:
    kept = cache(10)
    for key in "abcdefghij":
        kept.put(key, "", size=100)

    kept.put("large", "", size=8 * (100 + ENTRY_BYTES))

    assert list(kept) == ["j", "large"]


def test_what_is_larger_than_the_cache_is_not_kept_and_costs_nobody_his_place() -> None:
    kept = cache(2)
    kept.put("a", "A", size=100)

    kept.put("large", "", size=10_000)

    assert (list(kept), kept.get("large")) == (["a"], None)


def test_a_value_that_is_put_in_again_counts_once() -> None:
    kept = cache(2)

    for _ in range(10):
        kept.put("a", "A", size=100)

    assert (kept.size, len(kept)) == (100 + ENTRY_BYTES, 1)


def test_what_was_dropped_makes_room() -> None:
    kept = cache(2)
    kept.put("a", "A", size=100)

    kept.drop("a")
    kept.drop("a")

    assert (kept.get("a"), kept.size, len(kept)) == (None, 0, 0)
