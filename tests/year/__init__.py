"""A year of an fleet of databases, played twice: by the operator, and by an ordinary one."""
