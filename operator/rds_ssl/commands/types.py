"""What a person asks with, and what is answered. Light: the command line is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Which cluster, as whom, and where in it."""

    kubeconfig: str = ""
    """A flag's: it must be there."""
    inherited: str = ""
    """Paths with ``:`` between them, of the environment or the home: need not be there."""
    context: str = ""
    namespace: str = ""
    """Empty: that of the context."""
    everywhere: bool = False
    as_user: str = ""
    """Whom to impersonate; this and what follows, where empty, is as in the kubeconfig."""
    as_uid: str = ""
    as_groups: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command has to say; *lines* or *value* is printed, *notes* on standard error."""

    lines: Sequence[str]
    value: object
    notes: Sequence[str] = ()
    done: bool = True
    """Whether all that was asked for was done."""
