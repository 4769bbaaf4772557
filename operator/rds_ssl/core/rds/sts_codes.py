"""
What each error of those means who give credentials: STS, the metadata service, the token's file.

Rows are as in `rds_ssl.core.rds.fault_codes`, which holds the codes that STS has in common with the
gateway (keys, signatures, tokens) and those of OIDC. Here is what means something else, or is said
otherwise, where a role is to be assumed; and the codes that are the operator's own, for what has
none. The comment behind codes says where they were found:

    sts        the vendor's pages on AssumeRole and AssumeRoleWithOIDC
    gateway    the gateway's own lists
    ours       no page: the operator's word for it

Nothing here is ever unknown: without credentials no call was sent.
"""

from collections.abc import Mapping

from rds_ssl.core.model import Disposition, Reason
from rds_ssl.core.rds.fault_codes import BY_CODE, Fault, Means

TOKEN_FILE_UNREADABLE = "OIDCTokenFile.Unreadable"  # noqa: S105  # A code, no password.
TOKEN_FILE_INVALID = "OIDCTokenFile.Invalid"  # noqa: S105  # A code, no password.
METADATA_NO_ROLE = "ECSMetadata.NoRole"
METADATA_REFUSED = "ECSMetadata.Refused"

WORDS: Mapping[str, str] = {"service": "STS", "role": "that is declared"}
"""Names in sentences of this table only; others are in `rds_ssl.core.rds.faults.WORDS`."""

STS_UNAVAILABLE = Means(Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)(
    "{service} gives no usable answer, so that there are no credentials for {credentials}; the"
    " operator tries again",
    "ServiceUnavailable InternalError SignatureNonceUsed",  # gateway
)
STS_THROTTLED = Means(Disposition.THROTTLED, Reason.THROTTLED)(
    "The account calls STS too often, so that there are no credentials for {credentials}; the"
    " operator slows down",
    "Throttling Rejected.Throttling",  # gateway
)
STS_FORBIDDEN = Means(Disposition.BLOCKED, Reason.FORBIDDEN)(
    "STS does not let {principal} ({credentials}) take role {role}: {permission} is missing;"
    " {denial}",
    "NoPermission Forbidden Forbidden.RAM",  # sts
)
STS_REFUSED = Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
    "STS gives no credentials for {credentials} and role {role}; whoever administers RAM has to"
    " look the code up in the reference of AssumeRole",
)

TABLE: tuple[Fault, ...] = (
    STS_UNAVAILABLE,
    STS_THROTTLED,
    STS_FORBIDDEN,
    STS_REFUSED,
    Means(Disposition.UNAVAILABLE, Reason.API_UNAVAILABLE)(
        "The clock of the operator's node is {skew} that of STS; whoever runs the node has to"
        " correct it",
        "InvalidTimeStamp.Expired",  # gateway
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "STS knows no role {role}; the owner of {credentials} has to correct the role's ARN, or"
        " whoever administers RAM has to create the role",
        "EntityNotExist.Role",  # sts
        "EntityNotExist InvalidParameter.RoleArn",  # sts
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "STS refuses the session policy for role {role}; the owner of {credentials} has to correct"
        " its key policy (JSON in the grammar of RAM)",
        "InvalidParameter.PolicyGrammar InvalidParameter.PolicySize",  # sts
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "STS refuses what role {role} is to be assumed with; the owner of {credentials} has to"
        " correct its keys externalId and sessionName",
        "InvalidParameter MissingParameter",  # sts
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The file with the operator's OIDC token cannot be read; whoever runs the operator has to"
        " see that the token is mounted where ALIBABA_CLOUD_OIDC_TOKEN_FILE says",
        TOKEN_FILE_UNREADABLE,  # ours
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The file with the operator's OIDC token holds no token (empty, half-written, too large or"
        " no text); whoever runs the operator has to see what is mounted where"
        " ALIBABA_CLOUD_OIDC_TOKEN_FILE says",
        TOKEN_FILE_INVALID,  # ours
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The ECS instance has no such RAM role; whoever runs the operator has to attach the role"
        " to its nodes, or to correct ALIBABA_CLOUD_ECS_METADATA",
        METADATA_NO_ROLE,  # ours
    ),
    Means(Disposition.BLOCKED, Reason.CREDENTIALS_INVALID)(
        "The ECS metadata service refuses to give credentials; whoever runs the operator has to"
        " see whether it wants tokens only (version 2), and whether Pods may reach it",
        METADATA_REFUSED,  # ours
    ),
)

BY_STS_CODE: Mapping[str, Fault] = {code: fault for fault in TABLE for code in fault.codes}
"""Code, or its part before a dot, to fault; the longer match wins."""

_SHARED = frozenset({Reason.CREDENTIALS_INVALID, Reason.FORBIDDEN, Reason.ACCOUNT_BLOCKED})
"""Reasons of the gateway's codes that say the same whoever answers."""


def lookup(code: str, http_status: int) -> Fault:
    """
    Return the fault of an answer without credentials; an empty *code* is no answer.

    Looked up by the code and its dotted parents: here, then among those of the gateway; then by
    the HTTP status.
    """
    part = code
    while part:
        if part in BY_STS_CODE:
            return BY_STS_CODE[part]
        shared = BY_CODE.get(part)
        if shared is not None and shared.reason in _SHARED:
            return shared
        part = part.rpartition(".")[0]
    if http_status == 429:
        return STS_THROTTLED
    return STS_REFUSED if code and 400 <= http_status < 500 else STS_UNAVAILABLE
