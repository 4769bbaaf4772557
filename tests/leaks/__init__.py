"""
Does any secret get out? Every failure that is known, with marked secrets, and a search of it all.

    PYTHONPATH=tests python -m leaks [--seed N] [--part N]

is `make leaks`. It is hostile on purpose: a bug raised at each function shows all local variables,
an exception of an HTTP client says the whole request, a gateway echoes it.
"""
