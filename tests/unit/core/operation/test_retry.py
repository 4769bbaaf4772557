"""May a state whose last operation ended badly be sent again?"""

from datetime import timedelta

import pytest

from rds_ssl.core.model import Phase
from rds_ssl.core.operation.retry import MAX_ATTEMPTS, Retry, may_retry
from rds_ssl.core.operation.verification import Limits
from support.states import CUSTOM, DAY, MUTUAL, NOW, operation

LIMITS = Limits()


DIGEST, OTHER = MUTUAL.digest, CUSTOM.digest


@pytest.mark.parametrize(
    ("record", "circumstances", "answer"),
    [
        pytest.param("Refused", {}, Retry.NO, id="refused, nothing changed"),
        pytest.param("Refused", {"asked": True}, Retry.YES, id="refused, asked for"),
        pytest.param("Refused", {"inputs": "2"}, Retry.YES, id="refused, the instance changed"),
        pytest.param("Refused", {"digest": OTHER}, Retry.YES, id="refused, another state"),
        pytest.param("Failed", {"minutes": 9.9}, Retry.LATER, id="failed just now"),
        pytest.param("Failed", {"minutes": 10}, Retry.YES, id="failed ten minutes ago"),
        pytest.param("Failed", {"attempt": 2, "minutes": 10}, Retry.YES, id="failed twice"),
        pytest.param("Failed", {"attempt": 3, "minutes": 10}, Retry.NO, id="failed three times"),
        pytest.param(
            "Failed", {"attempt": 3, "minutes": 10, "asked": True}, Retry.YES, id="and asked for"
        ),
        pytest.param("Failed", {"attempt": 3, "digest": OTHER}, Retry.YES, id="another state"),
        pytest.param("NotConverging", {}, Retry.NO, id="not converging"),
        pytest.param("NotConverging", {"asked": True}, Retry.NO, id="not even if asked for"),
        pytest.param("NotConverging", {"inputs": "2"}, Retry.NO, id="nor if the instance changed"),
        pytest.param("NotConverging", {"digest": OTHER}, Retry.YES, id="but another state"),
        pytest.param("TimedOut", {"running": 999}, Retry.NO, id="timed out"),
        pytest.param("TimedOut", {"running": 0}, Retry.NO, id="timed out, and still at work"),
        pytest.param("TimedOut", {"running": 999, "asked": True}, Retry.YES, id="asked for"),
        pytest.param("TimedOut", {"running": 179, "asked": True}, Retry.LATER, id="too early"),
        pytest.param("TimedOut", {"running": 999, "digest": OTHER}, Retry.YES, id="another state"),
        pytest.param(
            "TimedOut", {"running": 0, "digest": OTHER}, Retry.LATER, id="not Running yet"
        ),
        pytest.param("Accepted", {"digest": OTHER, "asked": True}, Retry.NO, id="not ended"),
    ],
)
def test_a_bad_end_is_followed_by_another_call_only_for_a_reason(
    record: str, circumstances: dict[str, object], answer: Retry
) -> None:
    given_ = {"digest": DIGEST, "inputs": "1", "asked": False, "running": 0, "minutes": 0}
    case = given_ | circumstances
    ended = operation(
        phase=Phase(record),
        attempt=int(str(case.get("attempt", 1))),
        inputs_digest="1",
        end_time=NOW,
        start=NOW - DAY,
    )

    found, wait = may_retry(
        ended,
        digest=str(case["digest"]),
        inputs=str(case["inputs"]),
        now=NOW + timedelta(minutes=float(str(case["minutes"]))),
        asked=bool(case["asked"]),
        running_for=float(str(case["running"])),
        limits=LIMITS,
    )

    assert found is answer
    assert (wait > 0) == (answer is Retry.LATER)


def test_the_wait_after_a_failure_is_no_longer_than_it_is_whatever_the_clock_says() -> None:
    ended = operation(phase=Phase.FAILED, end_time=NOW + DAY)

    found = may_retry(
        ended, digest=DIGEST, inputs="", now=NOW, asked=False, running_for=0, limits=LIMITS
    )

    assert found == (Retry.LATER, 600.0)


def test_a_failure_is_tried_three_times_in_all() -> None:
    assert MAX_ATTEMPTS == 3
