"""How a call ends, and whether it may be made again."""
