"""Hostile input by chance: `make fuzz MINUTES=20`."""
