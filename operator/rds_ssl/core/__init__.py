"""What: pure functions over values; no I/O, no clock, no framework."""
