"""The random histories of the tests, for as long as one is told."""
