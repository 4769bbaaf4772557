"""Where an object's calls go, and as whom."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """
    What outages are told apart by.

    A tenant chooses each part for its own objects, and none of them is another tenant's all the
    same: `Outages` says what is shared.
    """

    endpoint: str
    """URL of the API in a region."""
    identity: str
    """See `rds_ssl.aliyun.credentials.identity_of`."""
    namespace: str
