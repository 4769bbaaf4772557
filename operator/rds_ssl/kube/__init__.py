"""The cluster: objects, Secrets, Events, watches."""
