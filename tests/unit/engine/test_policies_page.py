"""The table of policies in docs/conditions.md is what the whole engine does."""

from collections.abc import Sequence

import pytest

from support import policies
from support.policies import PAGE, Row, page


@pytest.fixture(scope="module")
def played() -> Sequence[Row]:
    return list(policies.rows())


def test_the_page_holds_what_is_played(played: Sequence[Row]) -> None:
    text = PAGE.read_text()

    assert page(played, text=text) == text


def test_nothing_is_sent_for_an_object_that_observes_or_is_suspended(played: Sequence[Row]) -> None:
    sent = {each.sent for each in played if {"Observe", "true"} & {*each.policies}}

    assert sent == {"no"}


def test_what_is_sent_ends_as_declared_and_what_is_not_says_why(played: Sequence[Row]) -> None:
    for each in played:
        as_declared = (each.at_rest.ready, each.at_rest.kstatus) == ("True", "Current")
        assert as_declared or each.sent == "no"
        assert (each.sent == "no") == bool(each.at_rest.pending)


def test_only_material_and_renewals_leave_an_object_ready_while_they_wait(
    played: Sequence[Row],
) -> None:
    ready = {each.change for each in played if each.meanwhile.ready == "True"}

    assert ready == {"rotation", "renewal"}
    assert all(
        each.meanwhile.ready == "True" for each in played if each.change in {"rotation", "renewal"}
    )
