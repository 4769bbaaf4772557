"""Certificates, keys and revocation lists: from text to facts."""
