"""What an object refers to: material, credentials and the client of its cloud."""
