"""
Two teams in one cluster: how long does the one's rotation take, whatever the other has created?

::

    async with tenants() as world:
        mallory = Mallory(world)
        mallory.write_key("keys", secret="wrong")
        mallory.declare("m1", credentials="keys")
        assert await rotation_delay(world) < 5

The victim is the namespace of `EngineWorld`, with an access key of its own; nothing of it is
Mallory's to touch. Times are virtual, in seconds.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import CREDENTIALS, EngineWorld, Json

VICTIM = "v"
"""The victim's object, and its instance."""

VICTIM_KEY = ("LTAI5tVictim", "victim-secret")
MALLORY_KEY = ("LTAI5tMallory", "mallory-secret")

WORKERS = 16
RATE = 5.0
QUIET = 1.0
"""As an operator has them that nobody has set up otherwise; but for the quiet period."""

LONGEST = 400.0
"""Seconds after which a rotation counts as never sent."""


@asynccontextmanager
async def tenants(
    *,
    budget: int = 5,
    changes_a_day: int = 3,
    older: Callable[[EngineWorld], None] = lambda _world: None,
) -> AsyncIterator[EngineWorld]:
    """Give a world in which the victim is Ready; *older* creates what has been there before it."""
    timings = Timings(quiet_period=QUIET, max_changes_per_day=changes_a_day)
    async with EngineWorld(
        timings=timings, budget=budget, rate=RATE, workers=WORKERS, api_url=""
    ) as world:
        world.rds.put_access_key(VICTIM_KEY[0], secret=VICTIM_KEY[1])
        world.rds.put_access_key(MALLORY_KEY[0], secret=MALLORY_KEY[1], instances=["pgm-m*"])
        write_key(world, ("shop", CREDENTIALS), *VICTIM_KEY)
        world.add_instance(VICTIM)
        older(world)
        await world.run(2)
        world.write_pair(VICTIM)
        world.declare_custom(VICTIM)
        await world.run(400)
        assert world.ready(VICTIM) == ("True", "Verified")
        yield world


def write_key(world: EngineWorld, name: tuple[str, str], key_id: str, secret: str) -> None:
    """Write a Secret with an access key."""
    data = {"accessKeyId": key_id.encode(), "accessKeySecret": secret.encode()}
    world.kube.put_data("Secret", name, data)


async def rotation_delay(world: EngineWorld, leaf: pki.Leaf | None = None) -> float:
    """
    Rotate the victim's certificate; return the seconds until the call, `LONGEST` for never.

    *leaf*: to this one; None: to a new one.
    """
    before, began = len(_sent(world)), world.monotonic()
    world.write_pair(VICTIM, leaf)
    while world.monotonic() - began < LONGEST:
        await world.run(0.1)
        if len(_sent(world)) > before:
            break
    return world.monotonic() - began


def _sent(world: EngineWorld) -> list[float]:
    return [each.at for each in world.accepted if each.instance_id == f"pgm-{VICTIM}"]


class Mallory:
    """Somebody with every right in a namespace, and none elsewhere."""

    def __init__(self, world: EngineWorld, namespace: str = "mallory") -> None:
        self.world = world
        self.namespace = namespace

    def write_key(self, name: str, key_id: str, secret: str) -> None:
        """Write a Secret with an access key, whoever's it is."""
        write_key(self.world, (self.namespace, name), key_id, secret)

    def write_again(self) -> None:
        """Write every Secret as it is: a rotation to all objects that refer to it."""
        for (kind, key), found in list(self.world.kube.data.items()):
            if key[0] == self.namespace:
                self.world.kube.put_data(kind, key, found.data)

    def add_instance(self, name: str) -> None:
        """Create an instance of one's own."""
        self.world.add_instance(name)

    def declare(
        self, name: str, *, credentials: str, instance: str = "", region: str = "cn-hangzhou"
    ) -> None:
        """Create an object, for the instance of the same name unless told."""
        self.world.kube.create(
            (self.namespace, name),
            {
                "instanceID": f"pgm-{instance or name}",
                "regionID": region,
                "credentialsSecretRef": {"name": credentials},
            },
        )

    def forge(self, name: str, **status: object) -> None:
        """Write into the status of an object, as a Role with ``resources: ["*"]`` allows."""
        self.world.kube.put_status((self.namespace, name), status)

    def status(self, name: str) -> Json:
        """Give the status of an object."""
        found: Json = self.world.kube.objects[self.namespace, name]["status"]
        return found

    def calls(self) -> list[Json]:
        """Give all calls that the cloud got for objects of this namespace."""
        named = {
            manifest["spec"]["instanceID"]
            for key, manifest in self.world.kube.objects.items()
            if key[0] == self.namespace
        }
        return [each for each in self.world.rds.calls() if each["instance"] in named]
