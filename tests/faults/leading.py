"""Faults of the leader election, and of a take-over."""

from faults.fault import Fault

ELECTION = ("core/test_lease.py", "engine/test_election.py")
TAKE_OVER = ("engine/test_take_over.py",)

LEADING = (
    Fault(
        name="count a renewal from its answer",
        where="Elector._attempt",
        old="self._until = began + DEADLINE",
        new="self._until = self._clock() + DEADLINE + 6",
        tests=ELECTION,
    ),
    Fault(
        name="remember that one leads",
        where="Elector.leads",
        old="return self._clock() < self._until",
        new="return self._until > 0",
        tests=ELECTION,
    ),
    Fault(
        name="take a Lease that was deleted",
        where="Watch.seen",
        old="until = self.others_until",
        new="until = self.others_until if lease is not None else 0.0",
        tests=ELECTION,
    ),
    Fault(
        name="take a Lease without a holder",
        where="Lease.released",
        old="return not self.holder and self.duration <= RELEASED",
        new="return not self.holder",
        tests=ELECTION,
    ),
    Fault(
        name="believe a Lease that lasts for days",
        where="Watch.seen",
        old="min(max(lease.duration, DURATION), LONGEST)",
        new="max(lease.duration, DURATION)",
        tests=ELECTION,
    ),
    Fault(
        name="call a Lease that was taken back the same term",
        where="Elector._take",
        old="same = lease is not None and (lease.holder, lease.acquired) == mine",
        new="same = bool(self._acquired)",
        tests=ELECTION,
    ),
    Fault(
        name="keep the Lease at the end",
        where="Elector.release",
        old="if not leads or lease is None:",
        new="if leads or lease is None:",
        tests=ELECTION,
    ),
    Fault(
        name="begin passes whoever leads",
        where="WorkQueue._start_passes",
        old="while len(self._in_flight) < self._workers and self._allowed():",
        new="while len(self._in_flight) < self._workers:",
        tests=("engine/scheduling/test_workqueue.py",),
    ),
    Fault(
        name="send a write whoever leads",
        where="Transport._exchange",
        old="self._before_a_write if wanted.write else None",
        new="None",
        tests=TAKE_OVER,
    ),
    Fault(
        name="work while another one leads",
        where="EventRouter._begin",
        old="if not self._leads:",
        new="if False:",
        tests=TAKE_OVER,
    ),
    Fault(
        name="forget at a take-over what changed meanwhile",
        where="EventRouter._changed",
        old="self._noted[key] = asyncio.get_running_loop().time()",
        new="pass",
        tests=TAKE_OVER,
    ),
    Fault(
        name="look at everything at once after a take-over",
        where="EventRouter.take_over",
        old="if spread is not None and priority is Priority.RESYNC:",
        new="if False:",
        tests=TAKE_OVER,
    ),
    Fault(
        name="take what has changed before a standby was there for looked at",
        where="EventRouter.take_over",
        old="if recent or self._refers_to_newer(resource):",
        new="if recent:",
        tests=("engine/test_take_over.py",),
    ),
    Fault(
        name="let a pass that resists outlive the Lease",
        where="leading.lead",
        old="if parts.queue.in_flight:",
        new="if False:",
        tests=("test_leading.py",),
    ),
    Fault(
        name="go on after another one has led",
        where="leading.lead",
        old="elif term != election.term:",
        new="elif False:",
        tests=("test_leading.py",),
    ),
)
