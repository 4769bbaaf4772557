"""The cloud: signed calls to the RDS API."""
