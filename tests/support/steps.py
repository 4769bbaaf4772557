"""The steps of a history: values, each of which changes a world whatever its state."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Wait:
    """Time passes."""

    seconds: float


@dataclass(frozen=True)
class Declare:
    """An object is created; or, if it is there, deleted."""

    name: str
    spec: str


@dataclass(frozen=True)
class Edit:
    """A spec is edited, see `SPECS`; the same once again is no change."""

    name: str
    spec: str


@dataclass(frozen=True)
class Material:
    """A Secret is written: new, the same in other words, broken, or it goes."""

    name: str
    kind: Literal["new", "chain", "cosmetic", "broken", "gone"]


@dataclass(frozen=True)
class Touch:
    """Something that means nothing, or asks for a look: a label, the credentials, reconcile-now."""

    name: str
    kind: Literal["label", "credentials", "ask"]


@dataclass(frozen=True)
class Approve:
    """A plan is approved: the one that is shown, one that was shown before, or none at all."""

    name: str
    kind: Literal["pending", "stale", "nonsense"]


@dataclass(frozen=True)
class Maintain:
    """The maintenance time of an instance is set in the console."""

    name: str
    kind: Literal["now", "soon", "far"]


@dataclass(frozen=True)
class Foreign:
    """Somebody else changes the instance."""

    name: str
    kind: Literal["on", "off", "custom", "renew", "busy", "running"]


@dataclass(frozen=True)
class Fault:
    """The next calls of the cloud go wrong."""

    action: str
    fault: tuple[tuple[str, object], ...]
    times: int


@dataclass(frozen=True)
class KubeFault:
    """The next requests to the API server go wrong, before or after they are executed."""

    kind: Literal["unavailable", "conflict"]
    executed: bool
    times: int


@dataclass(frozen=True)
class Crash:
    """The process dies: at once, or after some more requests; another one starts a while later."""

    after: int
    down: float


Initially = Literal["off", "on", "custom"]

Step = (
    Wait
    | Declare
    | Edit
    | Material
    | Touch
    | Approve
    | Maintain
    | Foreign
    | Fault
    | KubeFault
    | Crash
)
