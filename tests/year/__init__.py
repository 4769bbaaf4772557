"""A year of an estate of databases, played twice: by the operator, and by an ordinary one."""
