"""What the command rds-simulator refuses before it listens."""

import pytest
from click.testing import CliRunner

from rds_simulator.cli import main


@pytest.mark.parametrize(
    ("described", "complaint"),
    [
        ("pgm-1", "expected ID=PROFILE[@REGION]"),
        ("=postgresql-14", "expected ID=PROFILE[@REGION]"),
        ("pgm-1=", "expected ID=PROFILE[@REGION]"),
        ("pgm-1=postgresql-14@", "expected ID=PROFILE[@REGION]"),
        ("pgm-1=oracle-19", "no profile oracle-19"),
    ],
)
def test_an_instance_that_cannot_be_made_is_refused_before_it_listens(
    described: str, complaint: str
) -> None:
    ended = CliRunner().invoke(main, ["--instance", described])

    assert ended.exit_code == 2
    assert complaint in ended.output
    assert "--instance" in ended.output
