"""Faults of how fast the cloud is called: too fast, in the wrong order, while it is down."""

from faults.fault import Fault

THROTTLING = ("aliyun/test_throttling.py",)
PACE = ("aliyun/test_pace.py",)
OUTAGES = ("engine/scheduling/test_outages.py",)
MANY = ("engine/test_rates.py",)
DOWN = ("engine/test_rates_in_outages.py",)
DEADLINES = ("tests/contract/test_deadlines.py",)

RATES = (
    Fault(
        name="lower the rate for each refusal of a burst",
        where="Slowdown.throttled",
        old="        if sent <= cut.at:\n",
        new="        if False:\n",
        tests=THROTTLING,
    ),
    Fault(
        name="probe as fast as before once what the API allows is found",
        where="PROBED_AFTER",
        old="150",
        new="3",
        tests=THROTTLING,
    ),
    Fault(
        name="never call as fast again as before a throttled call",
        where="Slowdown.is_over",
        old="        return self.rate(now) >= end\n",
        new="        return self.rate(now) > 10 * end\n",
        tests=THROTTLING,
    ),
    Fault(
        name="slow nothing down where no rate was set",
        where="RateLimiter.throttled",
        old="        if slowed is None:\n",
        new="        if slowed is None and self._rate:\n",
        also=(("RateLimiter.throttled", "        else:\n", "        elif slowed is not None:\n"),),
        tests=THROTTLING,
    ),
    Fault(
        name="let a throttled write hold the reads",
        where="RateLimiter._ready",
        old="        priority, slowed = queue[0].priority, self._slowed.get(action)\n",
        new="        slowed = next(iter(self._slowed.values()), None)\n"
        "        priority = queue[0].priority\n",
        also=(
            (
                "RateLimiter._give",
                (
                    "        if place.action in self._slowed:\n"
                    "            self._slowed[place.action].tokens.take(place.priority)\n"
                ),
                (
                    "        for each in self._slowed.values():\n"
                    "            each.tokens.take(place.priority)\n"
                ),
            ),
        ),
        tests=THROTTLING,
    ),
    Fault(
        name="forget that an account throttles once it is idle",
        where="RateLimiter.is_idle",
        old=" or self._aside or self._slowed",
        new=" or self._aside",
        also=(("RateLimiter.is_idle", "any(until > now for until, _ in", "any(False for _ in"),),
        tests=THROTTLING,
    ),
    Fault(
        name="let resyncs have the whole rate",
        where="RESYNC_PART",
        old="0.5",
        new="1.0",
        tests=(*PACE, *MANY),
    ),
    Fault(
        name="give each process the whole burst of an account",
        where="RateLimits.of",
        old=", burst=self._burst, waited",
        new=", waited",
        tests=PACE,
    ),
    Fault(
        name="give first looks the rank of a rotation at the cloud",
        where="Gathered.priority",
        old="            return Priority.FIRST_LOOK if self.has_work",
        new="            return Priority.CHANGE if self.has_work",
        tests=MANY,
    ),
    Fault(
        name="give a look at a plan that is held the rank of a rotation",
        where="holding.held",
        old="        by_the_way=not hold.passing,\n",
        new="",
        tests=MANY,
    ),
    Fault(
        name="say of a resync that comes late that the account is throttled",
        where="api_failures._awaited",
        old=" and gathered.priority is not Priority.RESYNC",
        new="",
        tests=MANY,
    ),
    Fault(
        name="probe whenever the next prober is looked at for its own sake",
        where="Outages.blocks",
        old=" and now < outage.due - _AT_ONCE:",
        new=" and False:",
        tests=OUTAGES,
    ),
    Fault(
        name="probe one silence once for each namespace of an account",
        where="Outages._scope_of",
        old="        return _identity(place) if others else mine\n",
        new="        return mine\n",
        tests=OUTAGES,
    ),
    Fault(
        name="let those wait for ever who waited for a part of what is down",
        where="Outages._take_in",
        old="                    if key != outage.prober:\n",
        new="                    if False:\n",
        tests=OUTAGES,
    ),
    Fault(
        name="hand a probe round without end where all have to wait",
        where="Outages._hand_over",
        old="0.0 if outage.handed <= len(outage.parked) else PROBE_EVERY",
        new="0.0",
        tests=OUTAGES,
    ),
    Fault(
        name="wait for an answer of the cloud as long as bytes come",
        where="exchange.exchange",
        old="asyncio.timeout(deadline)",
        new="asyncio.timeout(None)",
        tests=DEADLINES,
    ),
    Fault(
        name="wait for the API server as long as bytes come",
        where="KubeClient.request",
        old="asyncio.timeout(deadline)",
        new="asyncio.timeout(None)",
        tests=DEADLINES,
    ),
)
