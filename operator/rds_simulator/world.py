"""Everything the simulator knows, in memory: instances, keys, settings, faults, the ledger."""

from collections import deque
from datetime import datetime

from rds_simulator.accounts import Accounts
from rds_simulator.certificates import Authority
from rds_simulator.clock import MovableClock
from rds_simulator.config import Config
from rds_simulator.ecs_metadata import Metadata
from rds_simulator.faults import Faults
from rds_simulator.ledger import Ledger, RateLimit
from rds_simulator.machine import (
    SUCCEEDS,
    Ending,
    Event,
    Instance,
    Settings,
    View,
    accept,
    advance,
    observe,
)
from rds_simulator.signatures import Nonces

MAX_EVENTS = 100
"""Kept per instance."""


class World:
    """The state behind all interfaces; times given to it are the instances' time."""

    def __init__(self) -> None:
        self.accounts = Accounts()
        self.authority = Authority()
        self.clock = MovableClock()
        self.config = Config()
        self.faults = Faults()
        self.ledger = Ledger()
        self.metadata = Metadata()
        self.nonces = Nonces()
        self.rate_limit = RateLimit()
        self._instances: dict[str, Instance] = {}
        self._events: dict[str, deque[Event]] = {}
        self._replicas: dict[str, list[str]] | None = None
        """Ids of read-only instances by that of their primary; None: look for them again."""

    def reset(self) -> None:
        """Forget all but identities, used nonces and the CA; all settings are defaults again."""
        self.clock = MovableClock()
        self.config = Config()
        self.faults = Faults()
        self.ledger = Ledger()
        self.metadata = Metadata()
        self.rate_limit = RateLimit()
        self._instances.clear()
        self._events.clear()
        self._replicas = None

    def put(self, instance: Instance) -> None:
        """Create an instance, or replace its state."""
        self._instances[instance.id] = instance
        self._replicas = None
        self._events.setdefault(instance.id, deque(maxlen=MAX_EVENTS))

    def remove(self, instance_id: str) -> bool:
        """Remove an instance; False if there was none."""
        self._events.pop(instance_id, None)
        self._replicas = None
        return self._instances.pop(instance_id, None) is not None

    def get(self, instance_id: str, at: datetime) -> Instance | None:
        """An instance as it is at that time."""
        instance = self._instances.get(instance_id)
        if instance is None:
            return None
        rules = self.config.of(instance_id)
        advanced, events = advance(instance, at, rules, self.authority.issue)
        if advanced is not instance:
            self._instances[instance_id] = advanced
            self._events[instance_id].extend(events)
        return advanced

    def all(self, at: datetime) -> list[Instance]:
        """Every instance as it is at that time, in the order of creation."""
        found = (self.get(instance_id, at) for instance_id in list(self._instances))
        return [instance for instance in found if instance is not None]

    def replicas(self, instance_id: str) -> list[str]:
        """Ids of the read-only instances of an instance, in the order of creation."""
        if self._replicas is None:
            self._replicas = {}
            for each in self._instances.values():
                if each.master_instance_id:
                    self._replicas.setdefault(each.master_instance_id, []).append(each.id)
        return self._replicas.get(instance_id, [])

    def events(self, instance_id: str) -> list[Event]:
        """What happened to an instance, oldest first."""
        return list(self._events.get(instance_id, ()))

    def view(self, instance: Instance, at: datetime) -> View:
        """What Describe shows of an instance that `get` returned for the same time."""
        return observe(instance, at, self.config.of(instance.id))

    def accept(
        self, instance: Instance, target: Settings, at: datetime, ending: Ending = SUCCEEDS
    ) -> None:
        """Start a change of an instance that `get` returned for the same time."""
        accepted, events = accept(instance, target, at, self.config.of(instance.id), ending)
        self._instances[instance.id] = accepted
        self._events[instance.id].extend(events)
