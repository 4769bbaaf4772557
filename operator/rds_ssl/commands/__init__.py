"""The commands for people: what is pending, approving it, holding it back, looking again."""
