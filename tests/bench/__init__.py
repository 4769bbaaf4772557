"""Our operator, an ordinary one and bare calls, measured in turns on the same control plane."""
