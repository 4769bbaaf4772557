"""
Lists, page by page, of which no page is larger than what the operator has room for.

The API server counts objects, not bytes, and an object may have anything from 300 bytes to
megabytes of metadata that is of no interest here: ``kubectl apply`` keeps a copy of the object in
an annotation, of up to 256 KiB. So a page that turns out too large is left, and asked for again
with fewer objects in it.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from rds_ssl.core.errors import KubeTooLarge
from rds_ssl.kube.client import LARGEST, KubeClient

PAGE_BYTES = 2 * 2**20
"""
Of one page of more than one object; decoded it takes three times that, for as long as the page is
looked at. 500 Secrets have 220 to 500 KB of metadata.
"""

_FIRST = 50
"""
Objects of the first page, where nobody knows how large they are: the API server reads and encodes
all of a page, also of one that is left.
"""

_FEWER = 8
"""By how much a page shrinks that was too large: from 500 to 1 in three steps."""

_MORE = 2
"""By how much it grows after one that was not."""

_BEFORE_MORE = 4
"""Pages of the size known to fit before a larger one is tried, which may have been in vain."""


async def pages(
    kube: KubeClient, path: str, query: Mapping[str, str], *, limit: int, accept: str
) -> AsyncIterator[dict[str, Any]]:
    """
    Yield the pages of a list, of *limit* objects at most, in the API server's order.

    Raises:
        KubeError: See `KubeClient.request`; `KubeTooLarge` for an object that alone is.
    """
    size, fits, good, asked, more = min(limit, _FIRST), limit, 0, 0, ""
    while True:
        page = {"limit": str(size), **({"continue": more} if more else {})}
        try:
            answer = await kube.request(
                "GET",
                path,
                query={**query, **page},
                accept=accept,
                largest=PAGE_BYTES if size > 1 else LARGEST,
            )
        except KubeTooLarge:
            if size == 1:
                raise
            fits = max(1, size // _MORE)
            size, good, asked = good if 0 < good <= fits else max(1, size // _FEWER), 0, 0
            continue
        more = (answer.get("metadata") or {}).get("continue") or ""
        yield answer
        del answer  # Not kept while the next one comes.
        if not more:
            return
        good, asked = size, asked + 1
        if size == fits and asked >= _BEFORE_MORE:
            fits, asked = min(limit, fits * _MORE), 0
        size = min(fits, size * _MORE)
