"""A value is followed through the calls that pass it on, and the walk is measured."""

import ast
from textwrap import dedent

import pytest

from support.pass_path import Figures, Start, figures

LEAVES = {
    "shop.core.price": """
        def of(order): ...
        def times(price, count): ...
    """,
    "shop.core.words": """
        def say(text): ...
    """,
}


def follow(
    begin: str, stages: str = "", *, made: bool = False, **modules: str
) -> tuple[int, int, int]:
    """Return stays, modules and returns of a walk from `begin(order)` in the module shop.desk."""
    found = measure(begin, stages, made=made, **modules)
    return found.stays, found.modules, found.returns


def measure(begin: str, stages: str = "", *, made: bool = False, **modules: str) -> Figures:
    texts = LEAVES | {f"shop.{name}": text for name, text in modules.items()} | {"shop.desk": begin}
    start = Start("shop.desk", "begin", "order", frozenset(stages.split()))
    found = figures(parsed(texts), start, made=made)
    assert found is not None
    return found


def parsed(texts: dict[str, str]) -> dict[str, ast.Module]:
    return {name: ast.parse(dedent(text)) for name, text in texts.items()}


def test_a_walk_that_calls_nothing_is_one_stay() -> None:
    assert follow("def begin(order): ...") == (1, 1, 0)


def test_a_call_that_does_not_get_the_value_is_not_followed() -> None:
    begin = """
        from shop.core import words
        def begin(order):
            words.say("order")
    """

    assert follow(begin) == (1, 1, 0)


def test_calls_within_one_module_are_one_stay() -> None:
    begin = """
        def begin(order):
            check(order)
            check(order)
        def check(order): ...
    """

    assert follow(begin) == (1, 1, 0)


@pytest.mark.parametrize(
    "call",
    [
        "price.of(order)",
        "of(order)",
        "price.of(order=order)",
        "price.of(order.lines)",
        "price.of(order.lines or None)",
        "price.of(order if order else None)",
        "price.of(*order.lines)",
        "same = order; price.of(same)",
        "(same := order); price.of(same)",
        "[price.of(order) for each in range(3)]",
        "(lambda: price.of(order))()",
        "which = price.of if order else price.times; which(order)",
    ],
)
def test_a_call_is_followed_however_it_gets_the_value(call: str) -> None:
    begin = f"""
        from shop.core import price
        from shop.core.price import of
        def begin(order):
            {call}
    """

    assert follow(begin) == (2, 2, 0)


@pytest.mark.parametrize(
    "call",
    ["lines = order.lines; price.of(lines)", "price.of(order.lines.first)", "price.of([order])"],
)
def test_an_attribute_by_another_name_and_what_holds_the_value_are_lost(call: str) -> None:
    begin = f"""
        from shop.core import price
        def begin(order):
            {call}
    """

    assert follow(begin) == (1, 1, 0)


def test_the_value_is_followed_by_the_name_that_it_has_where_it_comes_to() -> None:
    clerk = """
        from shop.core import price, words
        def serve(count, thing):
            words.say(count)
            price.of(thing)
    """
    begin = """
        from shop import clerk
        def begin(order):
            clerk.serve(1, thing=order)
    """

    assert follow(begin, clerk=clerk) == (3, 3, 0)


def test_methods_of_the_value_and_of_its_attributes_go_to_their_classes() -> None:
    stock = """
        class Stock:
            def take(self): ...
    """
    orders = """
        from shop.stock import Stock
        class Order:
            stock: Stock
            def show(self): ...
    """
    begin = """
        from shop.orders import Order
        def begin(order: Order):
            order.show()
            order.stock.take()
    """

    assert follow(begin, stock=stock, orders=orders) == (3, 3, 0)


@pytest.mark.parametrize("made", ["self._till = till", "self._till = Till()"])
def test_what_an_attribute_of_self_is_is_known_from_init(made: str) -> None:
    till = """
        class Drawer:
            def open(self, order): ...
        class Till(Drawer):
            ...
    """
    begin = f"""
        from shop.till import Till
        class Desk:
            def __init__(self, till: Till | None) -> None:
                {made}
            async def begin(self, order):
                await self._till.open(order)
    """
    start = Start("shop.desk", "Desk.begin", "order")

    found = figures(parsed({"shop.till": till, "shop.desk": begin}), start)

    assert found is not None
    assert (found.stays, found.modules) == (2, 2)


def test_a_class_that_is_made_of_the_value_is_a_stop_and_its_init_is_read() -> None:
    plain = """
        class Bag:
            order: object
    """
    busy = """
        from shop.core import price
        class Box:
            def __init__(self, order):
                price.of(order)
    """
    begin = """
        from shop.plain import Bag
        from shop.busy import Box
        def begin(order):
            Bag(order=order)
            Box(order)
    """

    assert follow(begin, plain=plain, busy=busy) == (4, 4, 0)


def test_a_name_that_a_module_only_passes_on_leads_to_where_it_is_from() -> None:
    begin = """
        from shop.front import of
        def begin(order):
            of(order)
    """

    assert follow(begin, front="from shop.core.price import of") == (2, 2, 0)


def test_the_call_in_an_argument_comes_before_the_call_it_is_for() -> None:
    begin = """
        from shop.core import price, words
        def begin(order):
            words.say(price.of(order), order)
            words.say(order)
    """

    # desk, price, words; the other way round it were desk, words, price, words.
    assert follow(begin) == (3, 3, 0)


def test_nothing_is_walked_back_and_a_module_come_to_again_is_a_return() -> None:
    begin = """
        from shop.core import price, words
        def begin(order):
            price.of(order)
            words.say(order)
            price.of(order)
            begin(order)
    """

    # desk, price, words, price, desk.
    assert follow(begin) == (5, 3, 2)


def test_a_function_is_read_once_for_the_same_parameters() -> None:
    clerk = """
        from shop.core import price
        def serve(order, twice=None):
            price.of(order)
            price.of(twice)
    """
    begin = """
        from shop import clerk
        def begin(order):
            clerk.serve(order)
            clerk.serve(order)
            clerk.serve(order, order)
    """

    # desk, clerk, price, clerk, price.
    assert follow(begin, clerk=clerk) == (5, 3, 2)


def test_climbs_are_told_by_folders_and_by_imports() -> None:
    clerk = """
        from shop.core import price, words
        def serve(order):
            price.of(order)
            words.say(order)
        def leave(order): ...
    """
    begin = """
        from shop.core import price
        from shop import clerk
        def begin(order):
            clerk.serve(order)
            clerk.leave(order)
            price.of(order)
            begin(order)
    """

    # desk, clerk, price, words, clerk, price, desk: up to clerk, and up to desk.
    found = measure(begin, clerk=clerk)

    assert (found.stays, found.climbs, found.climbs_by_import) == (7, 2, 2)


def test_a_module_that_imports_another_of_its_folder_is_above_by_import_only() -> None:
    texts = {
        "shop.core.low": "def low(order): ...",
        "shop.core.high": """
            from shop.core.low import low
            def begin(order):
                low(order)
                begin(order)
        """,
    }

    found = figures(parsed(texts), Start("shop.core.high", "begin", "order"))

    assert found == Figures(stays=3, modules=2, climbs=0, climbs_by_import=1, returns=1)


STAGES = """
    class Seen: ...
    class Planned:
        seen: Seen
        count: int
    def see(order) -> Seen | None: ...
    def plan(seen) -> Planned: ...
    def count(order) -> int: ...
"""


def test_what_is_made_of_the_value_is_followed_if_it_is_a_stage_of_it() -> None:
    begin = """
        from shop import forms
        from shop.core import price, words
        def begin(order):
            seen = forms.see(order)
            planned = forms.plan(seen)
            price.of(planned)
            words.say(planned.seen)
    """

    assert follow(begin, forms=STAGES) == (2, 2, 0)
    assert follow(begin, "Seen", forms=STAGES) == (2, 2, 0)
    assert follow(begin, "Seen Planned", forms=STAGES) == (4, 4, 0)
    assert follow(begin, forms=STAGES, made=True) == (4, 4, 0)


def test_a_stage_within_a_stage_keeps_being_followed_under_another_name() -> None:
    begin = """
        from shop import forms
        from shop.core import price
        def begin(order):
            planned = forms.plan(order)
            seen = planned.seen
            price.of(seen)
    """

    assert follow(begin, "Planned", forms=STAGES) == (2, 2, 0)
    assert follow(begin, "Seen Planned", forms=STAGES) == (3, 3, 0)


def test_what_is_no_stage_is_followed_only_if_all_that_is_made_is() -> None:
    begin = """
        from shop import forms
        from shop.core import price
        def begin(order):
            count = forms.count(order)
            price.times(count, 2)
    """

    assert follow(begin, "Seen Planned", forms=STAGES) == (2, 2, 0)
    assert follow(begin, forms=STAGES, made=True) == (3, 3, 0)


@pytest.mark.parametrize(
    "start",
    [
        Start("shop.nowhere", "begin", "order"),
        Start("shop.core.price", "Price.of", "order"),
        Start("shop.core.price", "of", "work"),
    ],
)
def test_a_start_that_is_not_there_has_no_figures(start: Start) -> None:
    assert figures(parsed(LEAVES), start) is None
