"""A request taken apart."""

import urllib.parse

from hypothesis import given
from hypothesis import strategies as st

from rds_simulator.call import read_call

FORM_TYPE = {"content-type": "application/x-www-form-urlencoded"}

PIECES = [
    *("&", "=", "+", "%", "2", "0", "B", "a", "-", ";", "\n", "é"),
    *("%0A", "%0a", "%2B", "%2F", "%3D", "%25", "%20", "%26", "%E4", "%B8", "%AD", "%C3"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_a_form_is_read_as_the_standard_library_reads_it(text: str) -> None:
    call = read_call("POST", "/", FORM_TYPE, text.encode())

    assert call.form == dict(urllib.parse.parse_qsl(text, keep_blank_values=True))


def test_a_parameter_in_both_places_counts_as_in_the_body() -> None:
    call = read_call("POST", "/?a=query&b=query", FORM_TYPE, b"a=body")

    assert call.parameters == {"a": "body", "b": "query"}
