"""Faults by which one namespace costs another time, slots or its instance."""

from faults.fault import Fault

TURNS = ("engine/scheduling/test_turns.py",)
PACE = ("aliyun/test_pace.py",)
OUTAGES = ("engine/scheduling/test_outages.py",)
IN_TIME = ("engine/test_tenants_in_time.py",)
FORGED = ("engine/test_tenants_forged.py",)

TENANTS = (
    Fault(
        name="let a namespace with a thousand objects have a thousand turns",
        where="Turns._most_urgent",
        old="                tenants.move_to_end(tenant)\n",
        new="",
        tests=TURNS,
    ),
    Fault(
        name="let one namespace have every worker",
        where="WorkQueue._may_start",
        old="        return self._running[tenant] < max(1, most)\n",
        new="        return True\n",
        tests=TURNS,
    ),
    Fault(
        name="wait for the end of a pause within a pass",
        where="RateLimiter.acquire_soon",
        old="        if paused <= patience:\n",
        new="        if paused < math.inf:\n",
        tests=PACE,
    ),
    Fault(
        name="let an account's tenants wait in the order they came",
        where="Rounds.next_of",
        old="        number = max(self.served, self.last.get(tenant, 0)) + 1\n",
        new="        number = 1\n",
        tests=PACE,
    ),
    Fault(
        name="call a pass back with a token less than it needs",
        where="RateLimiter.acquire_soon",
        old="wants=had + 1)",
        new="wants=max(1, had))",
        tests=PACE,
    ),
    Fault(
        name="share the rate of an access key with whoever knows its id",
        where="identity_of",
        old="        credentials.access_key_secret.reveal(),\n",
        new='        "",\n',
        tests=("aliyun/test_credentials.py",),
    ),
    Fault(
        name="take a page that one account gets for an outage of the region",
        where="_is_silence",
        old="    return isinstance(error, NoAnswer) and not error.http_status\n",
        new="    return isinstance(error, NoAnswer)\n",
        tests=OUTAGES,
    ),
    Fault(
        name="take connections that are all in use for an outage of the endpoint",
        where="Outages._scope_of",
        old=" and error.kind != NO_FREE_CONNECTION",
        new="",
        tests=OUTAGES,
    ),
    Fault(
        name="try refused credentials with each object that has them",
        where="_note_refusal",
        old="    if fault.reason is Reason.CREDENTIALS_INVALID:\n",
        new="    if False:\n",
        tests=("engine/test_tenants_told.py",),
    ),
    Fault(
        name="believe a claim of another namespace",
        where="Proofs.standing",
        old="        if namespace_of(other.key) == namespace_of(mine.key):\n",
        new="        if True:\n",
        tests=FORGED,
    ),
    Fault(
        name="believe an older claim of another namespace no more than a process has seen",
        where="Proofs._open",
        old="Standing.OPEN if now - self._asking[asker] < patience else Standing.NOTHING",
        new="Standing.NOTHING",
        tests=FORGED,
    ),
    Fault(
        name="believe a record of an object that came after the process",
        where="Proofs._open",
        old="        if other.created > self._started:\n",
        new="        if False:\n",
        tests=("engine/test_proofs.py",),
    ),
    Fault(
        name="take an instance back because the older object's credentials were gone for a moment",
        where="Proofs.standing",
        old="            if not in_conflict:\n",
        new="            if True:\n",
        tests=FORGED,
    ),
    Fault(
        name="let a forged record take a slot of every account",
        where="Budget._is_free",
        old="            if each.account is not None or self._may_hold(holder, key)\n",
        new="",
        tests=FORGED,
    ),
    Fault(
        name="count the failures of another account",
        where="_histories",
        old="        if ports.proofs.same_account(key, seen.key, seen.cloud.account):\n",
        new="        if True:\n",
        tests=FORGED,
    ),
    Fault(
        name="look at the cloud for each edit of an object of another namespace",
        where="EventRouter._wake_rivals",
        old="            if namespace_of(key) == namespace_of(resource.key):\n",
        new="            if True:\n",
        tests=FORGED,
    ),
    Fault(
        name="wait for a time in the future to come",
        where="FutureTimes.past",
        old="        return min(self.seen[time], now)\n",
        new="        return time\n",
        tests=FORGED,
    ),
)
