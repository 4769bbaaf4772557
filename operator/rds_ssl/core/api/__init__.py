"""The custom resource: its spec and status as values, and the schema that both come from."""
