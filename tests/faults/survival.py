"""Faults of survival: what the API server does, and what a process finds that stood still."""

from faults.fault import Fault

_FREEZE = ("engine/test_freeze_at_every_write.py",)
_WATCH = ("kube/test_metadata_watch.py",)
_DOG = ("engine/events/test_watchdog.py",)
_WIRE = ("tests/contract/test_kube_client.py",)

SURVIVAL = (
    Fault(
        name="write the record of an operation over whatever is there by now",
        where="Reporter.record",
        old="                if not _goes_on(operation, resource.status.operation):\n"
        "                    raise\n",
        new="",
        tests=_FREEZE,
    ),
    Fault(
        name="let an operation that has ended go on",
        where="reporting._goes_on",
        old="        and recorded.phase in UNFINISHED\n",
        new="",
        tests=("engine/test_reporting.py",),
    ),
    Fault(
        name="take a later operation for the own one",
        where="reporting._goes_on",
        old="        and recorded.start_time == operation.start_time\n",
        new="",
        tests=("engine/test_reporting.py",),
    ),
    Fault(
        name="make a call that was recorded long ago",
        where="sending.send",
        old="    if ports.monotonic() - began > ",
        new="    if ports.monotonic() - began > 1e9 + ",
        tests=_FREEZE,
    ),
    Fault(
        name="list again at once when a watch is told 410",
        where="MetadataWatch._round",
        old="        return self._pause(error, self._in_vain)",
        new="        return 0.01 if lost else self._pause(error, self._in_vain)",
        tests=_WATCH,
    ),
    Fault(
        name="begin the pauses anew with each list",
        where="MetadataWatch._round",
        old="                self._unlisted = 0\n",
        new="                self._unlisted = self._in_vain = 0\n",
        tests=_WATCH,
    ),
    Fault(
        name="open a watch that ends at once again at once",
        where="MetadataWatch._round",
        old="        if error is None and (lived or self._brought):\n",
        new="        if error is None:\n",
        tests=_WATCH,
    ),
    Fault(
        name="list again after any error in the stream",
        where="MetadataWatch._round",
        old="(error is not None and error.status == 410)",
        new="(error is not None and error.status >= 410)",
        tests=_WATCH,
    ),
    Fault(
        name="wait for the end of a watch that hangs as long as for a silent one",
        where="MetadataWatch._watch",
        old="total=lasts + _LATE",
        new="total=lasts + _IDLE",
        tests=_WATCH,
    ),
    Fault(
        name="do not heed the pause that the API server asks a watch for",
        where="MetadataWatch._pause",
        old="            pause = max(pause, min(error.retry_after, _MAX_RETRY_AFTER))\n",
        new="            pass\n",
        tests=_WATCH,
    ),
    Fault(
        name="do not heed the pause that the API server asks a pass for",
        where="Reconciler.step",
        old="self._queue.backoff(key, least=asked or 0.0)",
        new="self._queue.backoff(key)",
        tests=("engine/reconcile/test_reconciler.py",),
    ),
    Fault(
        name="open a thousand watches of single Secrets as often as one",
        where="NamedWatches._lasts",
        old="max(LASTS, len(self._watches) // OPENED_PER_SECOND)",
        new="LASTS",
        tests=("kube/test_data_watch.py",),
    ),
    Fault(
        name="repeat a creation that the API server failed at",
        where="KubeClient.request",
        old='repeatable or method == "GET"',
        new='repeatable or method in {"GET", "POST"}',
        tests=_WIRE,
    ),
    Fault(
        name="ask again at once although the API server says when",
        where="KubeClient.request",
        old='                    if "Retry-After" in response.headers:\n',
        new='                    if "X-Retry-After" in response.headers:\n',
        tests=_WIRE,
    ),
    Fault(
        name="wait for a watch that is never answered",
        where="KubeClient.stream",
        old="                asyncio.timeout(OPENING) as opening,\n",
        new="                asyncio.timeout(None) as opening,\n",
        tests=_WIRE,
    ),
    Fault(
        name="never read what kopf does not show",
        where="Watchdog._compare",
        old="            self._unread[key] = None\n",
        new="",
        tests=_DOG,
    ),
    Fault(
        name="look at an object only once it stands still",
        where="Watchdog._changed",
        old="        if timer is not None and version is not None:\n",
        new="        if timer is not None and version == watch.version(('', '')):\n",
        tests=_DOG,
    ),
    Fault(
        name="take kopf for stale although it has caught up",
        where="Watchdog.observe",
        old="            del self._late[key]\n",
        new="            pass\n",
        tests=_DOG,
    ),
    Fault(
        name="take an older version for news after a later one was read",
        where="Objects.outlived",
        old="return known is not None and ",
        new="return known is not None and known[0] != resource.uid and ",
        tests=_DOG,
    ),
    Fault(
        name="let one path be asked without a pause",
        where="Pacing.wait",
        old="        if delay > 0:\n",
        new="        if delay > 1e9:\n",
        tests=("kube/test_pacing.py",),
    ),
)
