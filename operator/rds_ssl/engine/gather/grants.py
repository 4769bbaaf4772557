"""Which namespaces may use the operator's own identity, as its administrator says."""

import fnmatch
from collections.abc import Sequence


class Grants:
    """What is allowed; all else is not."""

    def __init__(self, *, namespaces: Sequence[str]) -> None:
        """*namespaces* are globs of those that may use the operator's own identity as it is."""
        self._namespaces = tuple(namespaces)

    def allowed(self, namespace: str, instance_id: str, role_arn: str) -> bool:
        """
        True if a namespace may act on an instance by the operator's own identity, in a role if any.

        No setting allows a role yet.
        """
        del instance_id
        if role_arn:
            return False
        return any(fnmatch.fnmatchcase(namespace, each) for each in self._namespaces)
