"""``python -m rds_ssl``."""

from rds_ssl.cli import main

main(prog_name="rds-ssl")
