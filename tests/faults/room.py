"""Faults of what keeps memory within bounds, and of what is watched with which right."""

from faults.fault import Fault

PAGES = ("kube/test_pages.py",)
DATA_WATCH = ("kube/test_data_watch.py",)
MATERIALS = ("engine/gather/test_materials.py",)
ROUTER = ("engine/events/test_router.py",)

_MEMORY = (
    Fault(
        name="read a page of a list however large it is",
        where="pages.pages",
        old="                largest=PAGE_BYTES if size > 1 else LARGEST,\n",
        new="                largest=LARGEST,\n",
        tests=PAGES,
    ),
    Fault(
        name="leave objects out of a list after a page that was too large",
        where="pages.pages",
        old='        page = {"limit": str(size), **({"continue": more} if more else {})}\n',
        new='        page = {"limit": str(size), **({"continue": more} if size > 6 else {})}\n',
        tests=PAGES,
    ),
    Fault(
        name="ask for large pages in vain again and again",
        where="pages.pages",
        old="        size = min(fits, size * _MORE)\n",
        new="        size = min(limit, size * _MORE)\n",
        tests=PAGES,
    ),
    Fault(
        name="keep a line of a watch that has no end",
        where="metadata_watch._events",
        old="        if len(rest) > LARGEST:\n",
        new="        if len(rest) > 99 * LARGEST:\n",
        tests=("kube/test_metadata_watch.py",),
    ),
    Fault(
        name="let kopf hold on to annotations",
        where="_KOPFS_METADATA",
        old='"deletionTimestamp"}',
        new='"deletionTimestamp", "annotations"}',
        tests=("engine/events/test_handlers.py",),
    ),
    Fault(
        name="let kopf ask who the user is, who has no name in the image",
        where="handlers.watching",
        old="            identity=_IDENTITY,\n",
        new="",
        tests=("engine/events/test_handlers.py",),
    ),
    Fault(
        name="keep facts without a bound",
        where="KEPT_BYTES",
        old="24 * 2**20",
        new="240 * 2**20",
        tests=("engine/gather/test_materials.py", "engine/gather/test_kept.py"),
    ),
    Fault(
        name="count material as small whatever its size",
        where="_Reading._facts",
        old="        size = sum(map(len, values))\n",
        new="        size = len(values)\n",
        tests=MATERIALS,
    ),
    Fault(
        name="drop what was used last",
        where="Kept.get",
        old="        self._values.move_to_end(key)\n",
        new="        self._values.move_to_end(key, last=False)\n",
        tests=("engine/gather/test_kept.py",),
    ),
    Fault(
        name="keep the credentials of a reference that an edit took away",
        where="EventRouter.observe",
        old="            self._forget_unused(before)\n",
        new="",
        tests=(*MATERIALS, *ROUTER),
    ),
    Fault(
        name="take an access key id of a megabyte",
        where="credentials.text_of",
        old="    if len(value.strip()) > most:\n",
        new="    if len(value.strip()) > 2**20:\n",
        tests=("aliyun/test_credentials.py",),
    ),
    Fault(
        name="keep a bucket for each key that ever was",
        where="RateLimits._forget_idle",
        old="if limiter.is_idle]",
        new="if not limiter]",
        tests=("aliyun/test_rate_limit.py",),
    ),
    Fault(
        name="give a full bucket to a caller that has emptied it",
        where="RateLimiter.is_idle",
        old="        return self._tokens.is_full and not held\n",
        new="        return not self.waiting\n",
        tests=("aliyun/test_rate_limit.py",),
    ),
    Fault(
        name="count each code that anybody answers by its name",
        where="MOST_CODES",
        old="200",
        new="200_000",
        tests=("test_metrics.py",),
    ),
)

_RIGHTS = (
    Fault(
        name="watch all Secrets of a namespace where one is named",
        where="NamedWatches.want",
        old="            name=name,\n",
        new='            name="",\n',
        tests=DATA_WATCH,
    ),
    Fault(
        name="go on watching what no object refers to",
        where="EventRouter._forget_unused",
        old="                self._data.unwant(reference)\n",
        new="",
        tests=ROUTER,
    ),
    Fault(
        name="watch nothing new that an edit refers to",
        where="EventRouter.observe",
        old="            self._want(resource)\n            self._forget_unused(before)\n",
        new="            self._forget_unused(before)\n",
        tests=ROUTER,
    ),
    Fault(
        name="go on with a watch that was given up",
        where="NamedWatches.unwant",
        old="            task.cancel()\n",
        new="",
        tests=DATA_WATCH,
    ),
    Fault(
        name="let those that may not be watched keep the others waiting",
        where="MetadataWatch.run",
        old="            self.tried.set()\n",
        new="",
        tests=DATA_WATCH,
    ),
    Fault(
        name="ask all the time for what may not be watched",
        where="NamedWatches.want",
        old="            patience=FORBIDDEN_SECONDS,\n",
        new="",
        tests=DATA_WATCH,
    ),
    Fault(
        name="open a thousand watches in one moment",
        where="OPENED_AT_ONCE",
        old="10",
        new="1000",
        tests=DATA_WATCH,
    ),
    Fault(
        name="say nothing on an object of a Secret that may not be read",
        where="refused.forbidden",
        old="    if error.status != 403:\n",
        new="    if error.status:\n",
        tests=MATERIALS,
    ),
    Fault(
        name="wait for the right to all Secrets where some are named",
        where="Resources.missing",
        old="            rights = _RIGHTS + _RIGHTS_ON_CONFIG if watch_config else _RIGHTS\n",
        new="            rights = _RIGHTS + _RIGHTS_ON_CONFIG\n",
        tests=("kube/test_missing_rights.py",),
    ),
)

ROOM = _MEMORY + _RIGHTS
