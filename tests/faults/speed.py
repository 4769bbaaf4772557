"""Faults of what was made fast: connections of the cloud, private keys, the queue, what is kept."""

from faults.fault import Fault

NETWORK = ("tests/contract/test_http_transport.py",)
KEYS = ("core/x509/test_private_keys.py",)
QUEUE = ("engine/scheduling/test_workqueue.py",)
OBJECTS = ("engine/test_objects.py", "engine/reconcile/test_lifecycle.py")

CONNECTIONS = (
    Fault(
        name="follow a redirect with a private key in the body",
        where="AiohttpTransport._send",
        old="                allow_redirects=False,\n",
        new="                allow_redirects=True,\n",
        tests=NETWORK,
    ),
    Fault(
        name="take a server that hangs up after the request for one that was never reached",
        where="BEFORE_THE_REQUEST",
        old="    aiohttp.ServerFingerprintMismatch: httpx.ConnectError,\n",
        new="    aiohttp.ServerFingerprintMismatch: httpx.ConnectError,\n"
        "    aiohttp.ServerDisconnectedError: httpx.ConnectError,\n",
        tests=NETWORK,
    ),
    Fault(
        name="send a private key through the proxy of an environment",
        where="AiohttpTransport._open_session",
        old="                trust_env=False,\n",
        new="                trust_env=True,\n",
        tests=NETWORK,
    ),
    Fault(
        name="keep the cookies of a gateway",
        where="AiohttpTransport._open_session",
        old="                cookie_jar=aiohttp.DummyCookieJar(),\n",
        new="                cookie_jar=aiohttp.CookieJar(unsafe=True),\n",
        tests=NETWORK,
    ),
    Fault(
        name="keep the headers of a request behind an error",
        where="_without_request",
        old="    return None if isinstance(error, aiohttp.ClientResponseError) else error\n",
        new="    return error\n",
        tests=NETWORK,
    ),
    Fault(
        name="lose the place of a call that was cancelled",
        where="AiohttpTransport.handle_async_request",
        old="        except BaseException:\n            self._places.release()\n",
        new="        except Exception:\n            self._places.release()\n",
        tests=NETWORK,
    ),
)

PRIVATE_KEYS = (
    Fault(
        name="send a private key whose numbers do not fit together",
        where="prove_private_key",
        old="    if not sound:\n",
        new="    if False:\n",
        tests=KEYS,
    ),
    Fault(
        name="test the group of a Diffie-Hellman key for primality",
        where="_must_be_bounded",
        old="not in {None, *_OF_TLS}:\n",
        new="in {bounds.DSA}:\n",
        tests=(*KEYS, "core/x509/test_bounds.py"),
    ),
    Fault(
        name="compute with a modulus of any size",
        where="_must_be_bounded",
        old="lax_der.bits(numbers[0]) > MAX_RSA_BITS:",
        new="lax_der.bits(numbers[0]) > 10 * MAX_RSA_BITS:",
        tests=KEYS,
    ),
)

QUEUES = (
    Fault(
        name="let first looks go before what is in flight",
        where="Turns._most_urgent",
        old="in self._queues.values()",
        new="in reversed(self._queues.values())",
        tests=QUEUE,
    ),
    Fault(
        name="let a resync wait for ever",
        where="Turns.take",
        old="        shared = (self._taken + 1) % SHARE == 0\n",
        new="        shared = False\n",
        tests=QUEUE,
    ),
)

KEPT = (
    Fault(
        name="take the spec of another object of that name for its own",
        where="Resource.of",
        old='            and known.uid == meta["uid"]\n',
        new="",
        tests=OBJECTS,
    ),
    Fault(
        name="count an object that is gone",
        where="Objects._unlink",
        old="        _subtract(self.ready, kept.figures.ready)\n",
        new="",
        tests=OBJECTS,
    ),
    Fault(
        name="count one Event up for what another object was told",
        where="Reporter._count_up",
        old='        name, count = self._posted.pop((resource.uid, event), ("", 0))\n',
        new='        name, count = self._posted.pop(("", event), ("", 0))\n',
        also=(
            (
                "Reporter._remember",
                "        self._posted[resource.uid, event] = (name, count)\n",
                '        self._posted["", event] = (name, count)\n',
            ),
        ),
        tests=("engine/test_reporting.py",),
    ),
    Fault(
        name="look at the attributes of an instance whose rotation is held",
        where="_may_go",
        old="    return plan.held_by == Reason.QUIET_PERIOD\n",
        new="    return True\n",
        tests=("engine/reconcile/test_change_rotation.py",),
    ),
)

SETTLED = (
    Fault(
        name="rely on a quiet look although what is in force is to be warned of",
        where="_settled_until",
        old="material_problems.next_expiry(",
        new="None and material_problems.next_expiry(",
        tests=("engine/reconcile/test_expiry.py",),
    ),
    Fault(
        name="rely on a quiet look although a renewal is due",
        where="_settled_until",
        old="renewal_at(seen.declaration, seen.observed,",
        new="None and renewal_at(seen.declaration, seen.observed,",
        tests=("engine/reconcile/test_finishing_settled.py",),
    ),
    Fault(
        name="rely on a quiet look of a time that is still to come",
        where="as_before",
        old="if settled is None or not settled.since <= now < settled.until",
        new="if settled is None or not now < settled.until",
        tests=("engine/reconcile/test_finishing_settled.py",),
    ),
    Fault(
        name="rely on a quiet look at other material",
        where="finishing._facts",
        old=("        seen.resource.resource_version,\n        seen.material.fingerprint,\n"),
        new="        seen.resource.resource_version,\n",
        tests=("engine/reconcile/test_change_rotation.py",),
    ),
    Fault(
        name="rely on a quiet look beyond the dates of what is declared",
        where="_settled_until",
        old="        next_validation(seen.material.facts, now=now),\n",
        new="",
        tests=("engine/reconcile/test_finishing_settled.py",),
    ),
    Fault(
        name="rely on a quiet look whatever has become of the status",
        where="finishing._facts",
        old=("        seen.resource.resource_version,\n        seen.material.fingerprint,\n"),
        new="        seen.material.fingerprint,\n",
        tests=("engine/reconcile/test_finishing_settled.py",),
    ),
    Fault(
        name="rely on a quiet look whatever the instance shows",
        where="finishing._facts",
        old="replace(seen.observed, revocation_list=None,",
        new="None and replace(seen.observed, revocation_list=None,",
        tests=("engine/reconcile/test_finishing_settled.py",),
    ),
)

SPEED = (*CONNECTIONS, *PRIVATE_KEYS, *QUEUES, *KEPT, *SETTLED)
