"""Faults where people and their tools meet the operator: schema, identity, Events, sentences."""

from faults.fault import Fault

HELD = ("engine/reconcile/test_change_held.py",)
CLAIMANTS = ("engine/reconcile/test_gathering.py",)
USERS = ("kube/test_user_entry.py",)
ACCESS = ("kube/test_access.py",)

MEETING = (
    Fault(
        name="pass over a field of a user that nobody understands",
        where="parse_user",
        old="    if unknown:\n",
        new="    if unknown and not given:\n",
        tests=USERS,
    ),
    Fault(
        name="act as of a group without acting as somebody",
        where="Impersonation.headers",
        old="        if found and not self.user:\n",
        new="        if found and not (self.user or self.groups):\n",
        tests=USERS,
    ),
    Fault(
        name="send the groups to act as in one header",
        where="Impersonation.headers",
        old='        found += [("Impersonate-Group", each) for each in self.groups]\n',
        new='        found += [("Impersonate-Group", ",".join(self.groups))]\n',
        tests=USERS,
    ),
    Fault(
        name="forget as whom to act where the requests are made",
        where="KubeClient.__init__",
        old='(("User-Agent", agent), *credentials.impersonation.headers())',
        new='(("User-Agent", agent),)',
        tests=("tests/contract/test_kube_credentials.py",),
    ),
    Fault(
        name="let the kubeconfig win over the flag that says as whom to act",
        where="Impersonation.over",
        old="            user=self.user or other.user,\n",
        new="            user=other.user or self.user,\n",
        tests=USERS,
    ),
    Fault(
        name="run the plugin of a user who has a certificate",
        where="parse_user",
        old='basic != ":" or certificate\n',
        new='basic != ":"\n',
        tests=USERS,
    ),
    Fault(
        name="go on without credentials where a plugin fails",
        where="ExecPlugin.run",
        old="        if process.returncode:\n",
        new="        if process.returncode and printed:\n",
        tests=ACCESS,
    ),
    Fault(
        name="read the file of a token once",
        where="_TokenFile.renew",
        old="        if now - self._read_at < _FILE_PAUSE:\n",
        new="        if now > self._read_at > 0:\n",
        tests=ACCESS,
    ),
    Fault(
        name="call the refusal of a policy a missing role",
        where="_is_of_a_policy",
        old="        return _OF_RIGHTS.search(error.message) is None\n",
        new="        return error.message.startswith('admission')\n",
        tests=("commands/test_overview.py",),
    ),
    Fault(
        name="write for a person as the operator",
        where="KubeClient._open",
        old='"fieldManager": self._manager}',
        new='"fieldManager": OPERATOR}',
        tests=("tests/contract/test_kube_client.py",),
    ),
    Fault(
        name="tell of a hold at each pass",
        where="ToldHolds.note",
        old="            self.gates.add(gate)\n",
        new="            self.gates.discard(gate)\n",
        tests=HELD,
    ),
    Fault(
        name="tell in each process anew of a plan that is held",
        where="ToldHolds.is_new",
        old="before.digest == digest and before.held_by == gate",
        new="before.digest != digest and before.held_by == gate",
        tests=HELD,
    ),
    Fault(
        name="tell of the quiet period",
        where="_told_once",
        old=" or hold.passing:\n",
        new=":\n",
        tests=HELD,
    ),
    Fault(
        name="tell of a hold before the status says it",
        where="_told_once",
        old="    event = Event(",
        new="    seen.memory.held.note(plan.digest, hold.reason)\n    event = Event(",
        tests=HELD,
    ),
    Fault(
        name="call the one with the lower UID the older one",
        where="claims.loses",
        old="        same_second=winner.created == mine.created,\n",
        new="        same_second=winner.created < mine.created,\n",
        tests=CLAIMANTS,
    ),
    Fault(
        name="let a loser wait for its time although the other has reached the instance",
        where="Reconciler._wake_rivals",
        old="        if first or (after.claims and not before.claims):\n",
        new="        if first:\n",
        tests=CLAIMANTS,
    ),
    Fault(
        name="show a plan of one that loses at once",
        where="awaits_older",
        old="        and elder(other) < elder(mine)\n",
        new="        and elder(other) > elder(mine)\n",
        tests=CLAIMANTS,
    ),
)
"""Of `rds_ssl.kube`, `rds_ssl.commands`, and what is told of an object."""
