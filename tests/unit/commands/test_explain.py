"""`rds-ssl explain`: every word that the operator writes, from the one page that has the texts."""

import json

import pytest
from click.testing import CliRunner, Result

from rds_ssl.cli import main
from rds_ssl.commands.explaining import explanations, find
from rds_ssl.core.api import conditions
from rds_ssl.core.model import Cause, Disposition, Impact, Reason
from rds_ssl.core.rds.fault_codes import BY_CODE
from rds_ssl.core.rds.sts_codes import BY_STS_CODE
from support.explanations import FILE, text

WORDS = [
    *conditions.OWN, *Reason, *Impact, *Disposition, *BY_CODE, *BY_STS_CODE,
    *(each for each in Cause if each is not Cause.DELETION),
]  # fmt: skip


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["explain", *arguments])


def test_what_is_packaged_is_what_the_page_says() -> None:
    assert FILE.read_text() == text(), "make explanations writes it anew"


def test_every_word_that_the_operator_writes_is_explained() -> None:
    known = {each.word for each in explanations()}

    assert [each for each in WORDS if each not in known] == []
    assert all(each.means for each in explanations())


def test_a_reason_is_told_with_its_way_out() -> None:
    result = invoke("awaitingwindow")

    assert result.exit_code == 0
    assert result.output.startswith("AwaitingWindow: a reason of conditions\n")
    assert "Way out: Nobody. To have it earlier: another window" in result.output


def test_every_reason_says_who_acts() -> None:
    assert [
        each.word for each in explanations() if each.kind == "reason" and not each.way_out
    ] == []


def test_a_code_is_told_with_what_the_operator_does_and_the_reason_it_leads_to() -> None:
    output = invoke("InvalidACL.Permission").output

    assert "the client CA" in output
    assert "Rejected: the declaration is refused; not sent again" in output
    assert "rds-ssl explain ClientCARequired" in output


def test_a_word_that_is_several_things_is_told_as_each_of_them() -> None:
    assert [each.kind for each in find("Forbidden")] == [
        "reason", "error code", "error code of STS",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("Throttling.Elsewhere", Reason.THROTTLED),
        ("Throttling.Elsewhere.Too", Reason.THROTTLED),
        ("OperationDenied.SomeStatusOfTomorrow", Reason.INSTANCE_BUSY),
        ("MissingWord", Reason.REQUEST_MALFORMED),
    ],
)
def test_a_code_that_is_in_no_list_is_looked_up_as_the_operator_does(
    code: str, reason: Reason
) -> None:
    assert find(code)[0].reason == reason


@pytest.mark.parametrize(
    ("word", "near"),
    [("AwaitingAproval", "AwaitingApproval"), ("window", "AwaitingWindow"), ("zzz", "4xx is")],
)
def test_an_unknown_word_is_answered_with_what_may_have_been_meant(word: str, near: str) -> None:
    result = invoke(word)

    assert result.exit_code == 1
    assert result.stdout == ""
    assert near in result.stderr


def test_alone_it_lists_all_words() -> None:
    lines = invoke().output.splitlines()

    first = {line.split()[0] for line in lines if line.startswith("  ")}
    assert set(map(str, WORDS)) <= first
    assert max(map(len, lines)) <= 140


def test_nothing_is_left_to_be_filled_in_and_no_link_is_of_a_renderer() -> None:
    texts = [part for each in explanations() for part in (each.means, each.where, each.way_out)]

    assert [each for each in texts if "{" in each or "](" in each or "`" in each] == []


def test_json_has_every_key() -> None:
    (found,) = json.loads(invoke("-o", "json", "Weakens").output)

    assert found == {
        "word": "Weakens",
        "kind": "impact",
        "means": "less security",
        "where": "status.plan.impacts",
        "wayOut": None,
        "disposition": None,
        "reason": None,
    }
