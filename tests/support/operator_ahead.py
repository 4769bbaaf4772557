"""
The operator with its clock ahead: ``python -m support.operator_ahead SECONDS run``.

Days pass in a moment: what waits for a window, or for the next day, is tried against a real API
server without waiting for it. Only the time of day moves; what is measured runs at its usual pace.
"""

import sys
from datetime import UTC, datetime, timedelta

from rds_ssl import cli, wiring


def main() -> None:
    """Put the operator's one clock forward and hand over to its command line."""
    offset = timedelta(seconds=float(sys.argv.pop(1)))

    def ahead() -> datetime:
        return datetime.now(UTC) + offset

    wiring.now = ahead  # The one clock; no user is to find a setting for it.
    cli.main(prog_name="rds-ssl")


if __name__ == "__main__":
    main()
