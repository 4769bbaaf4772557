"""Deliberate faults: each breaks the operator in one place, and a named test must notice."""
