"""The page to look at: what it shows as values, how these become HTML, and the server of it."""
