"""Credentials that end and are renewed: roles of RAM, by STS or the metadata service of ECS."""
