"""When: from an event to one pass over one object."""
