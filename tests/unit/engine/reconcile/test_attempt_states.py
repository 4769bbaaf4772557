"""What the states of an attempt say of a record that is found."""

from dataclasses import replace

from rds_ssl.engine.reconcile.attempt import NotExecuted, is_over, permits
from support.states import operation


def test_a_record_of_the_second_of_a_call_that_was_never_made_is_not_taken_for_its_own() -> None:
    found = operation()
    pending = NotExecuted(started=found.start_time, digest=found.digest)

    assert not is_over(pending, found)
    assert not permits(pending, found.digest)
    answered = replace(pending, answered=True)
    assert is_over(answered, found)
    assert permits(answered, found.digest)
