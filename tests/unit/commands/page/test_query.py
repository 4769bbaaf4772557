"""What an address asks for, and the addresses of links."""

from urllib.parse import parse_qsl, urlsplit

import pytest

from rds_ssl.commands.page.query import Query, Sort, State


def test_an_address_without_parameters_asks_for_all_by_urgency() -> None:
    assert Query.of({}) == Query()
    assert not Query().narrows


def test_every_parameter_is_read() -> None:
    query = Query.of(
        {
            "namespace": "shop",
            "state": "held",
            "q": " orders ",
            "sort": "expiry",
            "page": "3",
            "refresh": "60",
        }
    )

    assert query == Query(
        namespace="shop", state=State.HELD, text="orders", sort=Sort.EXPIRY, page=3, refresh=60
    )
    assert query.narrows


@pytest.mark.parametrize(
    "parameters",
    [
        {"state": "<script>"},
        {"sort": "'; DROP"},
        {"page": "-1"},
        {"page": "٣"},
        {"page": "9" * 5000},
        {"refresh": "soon"},
        {"unknown": "x"},
    ],
)
def test_what_cannot_be_read_counts_as_not_asked_for(parameters: dict[str, str]) -> None:
    assert Query.of(parameters) == Query()


@pytest.mark.parametrize(("given", "seconds"), [("1", 5), ("60", 60), ("999999", 3600), ("0", 0)])
def test_a_page_reloads_itself_neither_all_the_time_nor_never(given: str, seconds: int) -> None:
    assert Query.of({"refresh": given}).refresh == seconds


def test_a_link_keeps_what_was_asked_for_and_goes_to_the_first_page() -> None:
    query = Query(namespace="shop", text="a&b=c", page=4, refresh=60)

    link = query.link("/plans", state=State.HELD)

    assert dict(parse_qsl(urlsplit(link).query)) == {
        "namespace": "shop",
        "state": "held",
        "q": "a&b=c",
        "refresh": "60",
    }
    assert Query.of(dict(parse_qsl(urlsplit(query.link(page=4)).query))) == query


def test_the_link_to_an_object_carries_any_name() -> None:
    link = Query().object_link('a"b', "x&namespace=other")

    assert dict(parse_qsl(urlsplit(link).query)) == {
        "namespace": 'a"b',
        "name": "x&namespace=other",
    }
