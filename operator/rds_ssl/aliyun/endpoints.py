"""Which host serves RDS in a region, and which URLs are fit to carry a private key."""

import functools
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

Network = Literal["public", "vpc"]
"""Where the operator stands: anywhere, or in a VPC of the region without a way out."""

_CENTRAL = "rds.aliyuncs.com"

# Source: the endpoint map of the vendor's SDK (alibabacloud_rds20140815 16.0.2, client.py) without
# the vendor's internal regions. The endpoints page, and the metadata of 2026-04-21, give some of
# them a host of their own; the map is what all users of the SDK reach, so it is the safer of the
# two. But for cn-hangzhou-finance: there the map has a VPC host, which is not reached from outside,
# and the metadata have the central one.
_AT_THE_CENTRE = frozenset(
    {
        "ap-southeast-1",
        "cn-beijing",
        "cn-beijing-finance-1",
        "cn-fujian",
        "cn-hangzhou",
        "cn-hangzhou-finance",
        "cn-heyuan",
        "cn-hongkong",
        "cn-north-2-gov-1",
        "cn-qingdao",
        "cn-shanghai",
        "cn-shanghai-finance-1",
        "cn-shenzhen",
        "cn-shenzhen-finance-1",
        "cn-wuhan",
        "cn-zhangbei",
        "us-east-1",
        "us-west-1",
    }
)

# The region becomes a part of a host name that gets signed requests.
_REGION = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEndpoint:
    """Where RDS of a region is called."""

    url: str
    """Without a path: ``https://rds.aliyuncs.com``."""
    host: str = ""
    """The host if it was made of the region's name, so that it may not exist; else empty."""


def endpoint_of(
    region_id: str, *, network: Network = "public", override: str = "", allow_http: bool = False
) -> RegionEndpoint:
    """
    Return where RDS of a region is called.

    *override* (setting ``API_URL``) wins: a URL for all regions, or ``REGION=URL`` with commas
    between, for those that it names. Asked for ``vpc``, the regional VPC host is given always; the
    vendor's SDK gives the public one for mapped regions, which a closed VPC cannot reach.

    Raises:
        ValueError: The region is no region's name, or a URL is refused by `checked_url`.
    """
    ours = _overrides(override)
    url = ours.get(region_id) or ours.get(_EVERYWHERE)
    if url:
        return RegionEndpoint(url=checked_url(url, allow_http=allow_http))
    if not _REGION.fullmatch(region_id):
        raise ValueError("a region id has lower-case letters, digits and hyphens only")
    if network == "public" and region_id in _AT_THE_CENTRE:
        return RegionEndpoint(url=f"https://{_CENTRAL}")
    kind = "rds-vpc" if network == "vpc" else "rds"
    host = f"{kind}.{region_id}.aliyuncs.com"
    return RegionEndpoint(url=f"https://{host}", host=host)


_EVERYWHERE = ""
"""In place of a region, for a URL that is for all of them."""


@functools.lru_cache(maxsize=16)
def _overrides(text: str) -> Mapping[str, str]:
    """Read ``API_URL``; of what a setting may be, see `rds_ssl.setting_types`."""
    entries = (entry.strip().rpartition("=") for entry in text.split(",") if entry.strip())
    return {region.strip(): url.strip() for region, _, url in entries}


def endpoint_url(region_id: str, *, network: Network = "public", override: str = "") -> str:
    """Return the URL of `endpoint_of`."""
    return endpoint_of(region_id, network=network, override=override).url


@functools.lru_cache(maxsize=256)
def checked_url(url: str, *, allow_http: bool = False) -> str:
    """
    Refuse a URL that must not get a private key; give it back without a trailing slash.

    https to any host; http to this machine only (the simulator), unless *allow_http*. No user,
    path, query or fragment.

    Raises:
        ValueError: With a sentence that does not hold the URL, which may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise ValueError("an API endpoint is an https URL with a host")
    if (
        parts.username
        or parts.password
        or parts.path not in {"", "/"}
        or parts.query
        or parts.fragment
    ):
        raise ValueError("an API endpoint is a URL without user, path, query and fragment")
    if parts.scheme == "http" and not allow_http and not is_loopback(parts.hostname):
        raise ValueError("an API endpoint is reached by https; http is for this machine only")
    # An impossible port raises ValueError here instead of at the first request.
    _ = parts.port
    return f"{parts.scheme}://{parts.netloc}"


METADATA_HOST = "100.100.100.200"
"""Of the ECS instance's metadata service, see `rds_ssl.aliyun.identity.metadata`."""


def is_behind_no_proxy(host: str) -> bool:
    """True if *host* is this machine, or what tells it its role: a proxy has another one."""
    return host == METADATA_HOST or is_loopback(host)


def is_loopback(host: str) -> bool:
    """True if *host*, a name or an address, is this machine whatever DNS says."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
