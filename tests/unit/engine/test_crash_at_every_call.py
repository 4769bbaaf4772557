"""
A process dies after its n-th request to the outside, for every n; the next one makes it good.

After the n-th request was executed nothing passes any more, memory is thrown away, and a new
process starts from what the API server and the cloud hold.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from rds_ssl.core.operation.verification import Limits
from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played
from support.simulator import ACCESS_KEY_SECRET

AFTERWARDS = 3000.0
"""Seconds for the next process: a settle time, ten minutes between attempts, and several looks."""

PACE = Timings(quiet_period=0.0, limits=Limits(settle=60.0))
"""A settle time that is three times shorter than usual: fewer requests, and the same ones."""

MOST = 150
"""No run makes that many requests."""

DAY = 86_400.0

PASSWORD = "correct horse battery staple"

PFX: Json = {
    "ossObject": "oss-cn-hangzhou.aliyuncs.com:certificates:orders.pfx",
    "passwordSecretKeyRef": {"name": "a-pfx", "key": "password"},
}


def enable(world: EngineWorld) -> None:
    """Declare SSL for an instance that has it off."""
    world.declare_custom("a")


def rotate(world: EngineWorld) -> None:
    """Write a new certificate; by its end alone an instance that does not show it can tell."""
    end = world.clock() + timedelta(days=80)
    world.write_pair("a", world.issuer.leaf(world.host("a"), not_after=end))


def drop_intermediates(world: EngineWorld) -> None:
    """Write the same certificate without its intermediates, of which nothing is shown."""
    pair = dict(world.kube.data["Secret", (NAMESPACE, "a-tls")].data)
    end = b"-----END CERTIFICATE-----\n"
    pair["tls.crt"] = pair["tls.crt"].partition(end)[0] + end
    world.write("Secret", "a-tls", pair)


def delete(world: EngineWorld) -> None:
    """Delete the object."""
    world.kube.delete((NAMESPACE, "a"))


def remove(world: EngineWorld) -> None:
    """Take client authentication away, which is two steps."""
    world.edit("a", clientAuthentication=None)


def remove_and_rotate(world: EngineWorld) -> None:
    """Take client authentication away, and write a new certificate before the second step."""
    remove(world)
    asyncio.get_running_loop().call_later(2.0, rotate, world)


def renew(world: EngineWorld) -> None:
    """Declare that the cloud certificate in force is due for renewal; the next lives longer."""
    world.rds.config(durations={"cloud-lifetime": 365 * DAY})
    world.edit("a", serverCertificate={"renewBefore": "2160h"})


def name_a_file(world: EngineWorld) -> None:
    """Declare a PFX file in place of the cloud's certificate."""
    world.edit("a", serverCertificate={"pfx": PFX})


@dataclass(frozen=True, kw_only=True)
class Case:
    """One change, and what must have come of it whenever the process died."""

    change: Callable[[EngineWorld], None] = enable
    declared: bool = False
    """An object is there and Ready before the change."""
    profile: str = "postgresql-14"
    custom: bool = True
    """What is declared before the change has a certificate of its own."""
    spec: Json = field(default_factory=dict)
    """More of what is declared before the change."""
    switches: dict[str, str] = field(default_factory=dict)
    fault: dict[str, object] = field(default_factory=dict)
    times: int = 1
    accepted: int = 1
    """Calls that the cloud accepted, each of which restarted the instance."""
    ready: tuple[str, str] = ("True", "Verified")
    gone: bool = False
    calls: int = 2
    """At most: what may have been under way is repeated after proof that it had no effect."""
    may_give_up: bool = False
    """A second unknown outcome without any trace ends the attempts, even if nothing was sent."""
    untold: bool = False
    """Nothing shows whether a call whose answer was lost had an effect: it is never repeated."""
    lasts: float = 60.0
    """Seconds that it takes without a crash."""


_REFERENCE = {"configMapKeyRef": {"name": "a-ca"}}
MUTUAL: Json = {
    "approvalRequired": [],
    "clientAuthentication": {"ca": _REFERENCE, "revocationList": _REFERENCE, "acl": "cert"},
}

CASES = {
    "enable": Case(),
    "rotation": Case(change=rotate, declared=True),
    "rejected": Case(
        fault={"code": "InvalidServerCertOrPrivateKey", "status": 400},
        times=99,
        accepted=0,
        ready=("False", "ServerCertificateRejected"),
    ),
    "failed": Case(fault={"kind": "async-failed"}, accepted=2, calls=3, lasts=700.0),
    "reset-after": Case(fault={"kind": "reset-after"}),
    "reset-before": Case(fault={"kind": "reset-before"}, may_give_up=True, lasts=120.0),
    "throttled": Case(fault={"code": "Throttling.User", "status": 400}),
    "deletion": Case(change=delete, declared=True, gone=True),
    "removal": Case(change=remove, declared=True, spec=MUTUAL, accepted=2, calls=3),
    "rotation during a removal": Case(
        change=remove_and_rotate, declared=True, spec=MUTUAL, accepted=2, calls=3
    ),
    "renewal": Case(change=renew, declared=True, custom=False, profile="mysql-5.7"),
    "renewal that is sent as 1 once 2 is refused": Case(
        change=renew,
        declared=True,
        custom=False,
        profile="sqlserver-2019",
        switches={"update-value": "refused"},
        calls=3,
    ),
    "PFX": Case(
        change=name_a_file,
        declared=True,
        custom=False,
        profile="sqlserver-2019",
        ready=("True", "AppliedNotEchoed"),
        calls=1,
        untold=True,
    ),
    "other intermediates": Case(change=drop_intermediates, declared=True, calls=1, untold=True),
    "enable, not echoed": Case(profile="mysql-8.0"),
    "rotation, not echoed": Case(change=rotate, declared=True, profile="mysql-8.0"),
}


async def prepared(world: EngineWorld, case: Case) -> None:
    """Bring the world to where the change is to be made."""
    world.add_instance("a", profile=case.profile)
    # A cloud certificate that ends soon.
    world.rds.config(switches=case.switches, durations={"cloud-lifetime": 60 * DAY})
    world.write_pair("a")
    world.write("Secret", "a-pfx", {"password": PASSWORD.encode()})
    lists = world.root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate), "ca.crl": lists})
    if case.declared:
        spec = case.spec | ({"deletionPolicy": "Disable"} if case.gone else {})
        (world.declare_custom if case.custom else world.declare)("a", **spec)
        await world.run(100)
        assert world.ready("a") == ("True", "Verified")
    else:
        await world.run(1)


def secret_lines(world: EngineWorld) -> set[str]:
    """Give what must not be seen anywhere: the lines of all keys, the other secrets."""
    pair = world.kube.data["Secret", (NAMESPACE, "a-tls")].data["tls.key"].decode()
    return {ACCESS_KEY_SECRET, PASSWORD, *pair.splitlines()[1:-1]}


def check(world: EngineWorld, case: Case, *, before: tuple[int, int], modified: int) -> None:
    """Say what must hold in the end."""
    calls = len(world.modifies("a")) - modified
    accepted, restarts = (now - then for now, then in zip(world.cost("a"), before, strict=True))
    assert not any(each.overlaps for each in world.accepted)
    assert calls <= case.calls
    if case.gone:
        assert (NAMESPACE, "a") not in world.kube.objects
        assert not world.truth("a")["ssl"]["enabled"]
    elif case.may_give_up and accepted == 0:
        assert world.ready("a") == ("False", "ApplyTimedOut")
        assert calls >= 1
        return
    elif case.untold and world.ready("a")[0] == "False":
        assert world.ready("a") == ("False", "ApplyTimedOut")
        assert accepted <= 1
        return
    else:
        assert world.ready("a") == case.ready
        assert "Reconciling" not in world.conditions("a")
        assert not world.status("a").get("plan")
    assert (accepted, restarts) == (case.accepted, case.accepted)


@played
@pytest.mark.parametrize("down", [0.0, 60.0], ids=["at once", "a minute later"])
@pytest.mark.parametrize("name", CASES)
async def test_a_crash_after_any_request_costs_no_restart_and_no_verdict(
    name: str, down: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    case = CASES[name]
    crashes = 0
    for number in range(1, MOST):
        async with EngineWorld(timings=PACE) as world:
            await prepared(world, case)
            before, modified = world.cost("a"), len(world.modifies("a"))
            if case.fault:
                world.rds.fault(case.fault, action=MODIFY, times=case.times)
            world.line.cut_after = len(world.line.calls) + number
            case.change(world)
            try:
                async with asyncio.timeout(case.lasts):
                    await world.line.is_cut.wait()
            except TimeoutError:
                break  # There are not as many requests.
            crashes += 1
            last = world.line.calls[-1]
            await world.crash()
            await world.run(down)
            world.start()
            await world.run(AFTERWARDS)
            try:
                check(world, case, before=before, modified=modified)
            except AssertionError as error:
                error.add_note(f"crashed after request {number}, {last.what} {last.phase}")
                raise
            seen = "".join(world.kube.written) + caplog.text
            assert not [each for each in secret_lines(world) if each in seen]
        caplog.clear()

    assert 8 <= crashes < MOST - 1
