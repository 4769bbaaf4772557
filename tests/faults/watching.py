"""Faults of what is told to those who watch: metrics that lie by omission, twice, or too much."""

from faults.fault import Fault

FIGURES = ("core/checks/test_figures.py",)
SERIES = ("test_object_series.py",)
METRICS = ("test_metrics.py",)
EXPIRING = ("core/api/test_conditions.py", "engine/reconcile/test_expiry.py")

WATCHING = (
    Fault(
        name="tell the latest end of a kind",
        where="ends_in_force",
        old="        earliest[name] = min(each.at, earliest.get(name, each.at))\n",
        new="        earliest[name] = max(each.at, earliest.get(name, each.at))\n",
        tests=FIGURES,
    ),
    Fault(
        name="take SSLExpireTime for the end of a certificate that is shown",
        where="figures._ends",
        old="(leaf and leaf.not_after) or observed.expire_time",
        new="observed.expire_time or (leaf and leaf.not_after)",
        tests=FIGURES,
    ),
    Fault(
        name="tell ends of an instance whose SSL is off",
        where="ends_in_force",
        old="observed is None or not observed.enabled",
        new="observed is None",
        tests=FIGURES,
    ),
    Fault(
        name="tell the first of several lists of a CA as its end",
        where="figures._lists",
        old='yield from _end("revocation_list", SOME if others else ALL, max(known))',
        new='yield from _end("revocation_list", SOME if others else ALL, min(known))',
        tests=FIGURES,
    ),
    Fault(
        name="say that a list locks out all where another CA lives on",
        where="figures._lists",
        old="SOME if others else ALL",
        new="ALL",
        tests=FIGURES,
    ),
    Fault(
        name="make a label of a reason that somebody wrote",
        where="reason_told",
        old="reason if reason in _REASONS else OTHER_REASON",
        new="reason",
        tests=FIGURES,
    ),
    Fault(
        name="make a series of a condition of another controller",
        where="figures._own",
        old="each.type in OWN and each.type not in seen",
        new="each.type not in seen",
        tests=FIGURES,
    ),
    Fault(
        name="leave those out that somebody has to look at",
        where="object_series._chosen",
        old="return (others + at_rest)[:most]",
        new="return (at_rest + others)[:most]",
        tests=SERIES,
    ),
    Fault(
        name="let a name break out of its label",
        where="object_series._label",
        old="text[:_LONGEST].translate(_ESCAPES)",
        new="text[:_LONGEST]",
        tests=SERIES,
    ),
    Fault(
        name="make the text of all objects in one turn of the loop",
        where="object_series._AT_ONCE",
        old="100",
        new="100_000",
        tests=SERIES,
    ),
    Fault(
        name="count a restart that was seen as none",
        where="metrics._word",
        old='return "true" if seen else "false"',
        new='return "false"',
        tests=METRICS,
    ),
    Fault(
        name="begin counters at their first increase",
        where="Metrics.__init__",
        old="        self._begin()\n",
        new="",
        tests=METRICS,
    ),
    Fault(
        name="take a change that is under way for a restart",
        where="verification.verify",
        old="left_running=watch.left_running or not running",
        new="left_running=True",
        tests=("core/operation/test_verification.py",),
    ),
    Fault(
        name="count the restart of a change again for each attempt to write it",
        where="following._end",
        old="    entry = _entry(ports, stage, operation, end, sent)\n",
        new="    ports.ended(Restart.EXPECTED, True)\n"
        "    entry = _entry(ports, stage, operation, end, sent)\n",
        tests=("engine/reconcile/test_following.py",),
    ),
    Fault(
        name="measure a wait from the last attempt on",
        where="RateLimiter._call_back",
        old="since=known.since if known else asyncio.get_running_loop().time()",
        new="since=asyncio.get_running_loop().time()",
        tests=("aliyun/test_pace.py",),
    ),
    Fault(
        name="take a warning back while nobody can look at what ends",
        where="compose",
        old="    elif verdict.expiring is Unjudged.EXPIRY and CERTIFICATE_EXPIRING in old:\n",
        new="    elif verdict.expiring is None and CERTIFICATE_EXPIRING in old:\n",
        tests=EXPIRING,
    ),
    Fault(
        name="warn of no end where a person has to act first",
        where="finishing.write",
        old="verdict.expiring is Unjudged.EXPIRY and isinstance(draft, Seen)",
        new="False",
        tests=("engine/reconcile/test_expiry.py",),
    ),
    Fault(
        name="go on warning of an instance that counts for another object",
        where="claims.loses",
        old="    return replace(outcomes.stalled(finding), expiring=None)\n",
        new="    return outcomes.stalled(finding)\n",
        tests=("engine/reconcile/test_expiry.py",),
    ),
    Fault(
        name="go on telling when what another object looks after ends",
        where="gathering.select",
        old="        observed=None,\n",
        new="",
        tests=("engine/reconcile/test_expiry.py",),
    ),
)
