"""
Faults that were ordered for the next calls.

A fault replaces an answer (``code``, ``html``, ``empty``, ``bare``, ``throttle``), cuts the
connection (``reset-before``, ``reset-after``), holds the answer back (``delay``), or decides how an
accepted change ends (``async-failed``, ``async-half``).
``expired`` is for the metadata service alone, see `ecs_metadata`.
``reset-before`` and the replaced answers come instead of the operation: nothing was executed and
no credentials were checked. With ``after`` a replaced answer hides an operation that *was*
executed, like ``reset-after``; a delayed answer always does.
"""

from dataclasses import dataclass

from rds_simulator.machine import Ending, Outcome

HTML_502 = (
    b"<html><head><title>502 Bad Gateway</title></head>"
    b"<body><center><h1>502 Bad Gateway</h1></center></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of trouble; the kinds are in the module's docstring."""

    kind: str
    after: bool = False
    """The operation is executed, then its answer is replaced."""
    code: str = ""
    status: int | None = None
    """HTTP status; None: the kind's own."""
    message: str | None = None
    seconds: float = 0.0
    """``delay``: how long the answer is held back."""
    retry_after_ms: int | None = None
    """``throttle``: the header x-acs-retry-after, in milliseconds."""
    reason: str = ""
    """``async-*``: ModifyStatusReason."""
    claim: str = "failed"
    """``async-half``: LastModifyStatus, ``failed`` or ``success``."""

    @property
    def executes(self) -> bool:
        """Whether the operation is executed."""
        return self.after or self.kind in {"reset-after", "delay"}

    @property
    def is_asynchronous(self) -> bool:
        """Whether it concerns the end of an accepted change, not the answer."""
        return self.kind.startswith("async-")

    @property
    def ending(self) -> Ending:
        """How the accepted change ends."""
        if self.kind == "async-failed":
            return Ending(outcome=Outcome.FAILED, reason=self.reason)
        half = Outcome.HALF_SUCCESS if self.claim == "success" else Outcome.HALF
        return Ending(outcome=half, reason=self.reason)


@dataclass(slots=True, kw_only=True)
class Order:
    """A fault for the next *times* calls that match."""

    fault: Fault
    action: str | None
    """None: any operation."""
    instance: str | None
    """None: any instance, or none."""
    times: int


class Faults:
    """The orders that are not used up, oldest first; each call uses at most one of a sort."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    def take(self, action: str, instance_id: str) -> Fault | None:
        """The fault for the answer of this call, if one was ordered; uses it up."""
        return self._take(action, instance_id, asynchronous=False)

    def take_ending(self, action: str, instance_id: str) -> Fault | None:
        """The fault for the change that this call starts; ask only once it is accepted."""
        return self._take(action, instance_id, asynchronous=True)

    def _take(self, action: str, instance_id: str, *, asynchronous: bool) -> Fault | None:
        for order in self.orders:
            if (
                order.fault.is_asynchronous is asynchronous
                and order.action in {None, action}
                and order.instance in {None, instance_id}
            ):
                order.times -= 1
                if order.times <= 0:
                    self.orders.remove(order)
                return order.fault
        return None
