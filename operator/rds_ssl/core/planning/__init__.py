"""From what is wanted and what is shown to what is sent, in which steps, at what price."""
