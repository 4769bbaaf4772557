"""Pictures of the documents, drawn from real runs: `make pictures`."""
