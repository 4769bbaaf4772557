"""``python -m rds_simulator``."""

from rds_simulator.cli import main

main()
