"""
What an error of the cloud API can mean: the disposition, the reason, and the sentence.

`rds_ssl.core.fault_table` says which code means which. A sentence says what is wrong, and who does
what about it.
"""

from dataclasses import dataclass
from enum import StrEnum

from rds_ssl.core.model import Disposition, Reason


class Source(StrEnum):
    """Where a row of the table comes from: how much it can be relied on."""

    DOC = "doc"
    """Every page of ModifyDBInstanceSSL."""
    NEWER = "newer"
    """Its later pages; they hold a list of the whole product."""
    READ = "read"
    """The pages of the operations that read."""
    TERRAFORM = "tf"
    """What the vendor's Terraform provider takes for one to try again."""
    GATEWAY = "gateway"
    """The gateway's own lists: signatures, keys, throttling."""
    STS = "sts"
    """The vendor's list for temporary keys."""
    INFERRED = "inferred"
    """Nobody's: the part before a dot, a pattern, or the HTTP status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What an error means for the object, and the sentence that says so."""

    disposition: Disposition
    reason: Reason
    remedy: str
    """What is wrong and who does what; ``{…}`` are names of `rds_ssl.core.faults.WORDS`."""
    read_back: bool = False
    """Look at the instance once more before the verdict counts: the code may as well mean that
    another change is in flight, or that the state wanted is there already."""
    source: Source = Source.INFERRED


def _fault(
    disposition: Disposition, reason: Reason, remedy: str, *, read_back: bool = False
) -> Fault:
    return Fault(disposition=disposition, reason=reason, remedy=remedy, read_back=read_back)


def _rejected(reason: Reason, remedy: str, *, read_back: bool = False) -> Fault:
    return _fault(Disposition.REJECTED, reason, remedy, read_back=read_back)


def _ineligible(remedy: str) -> Fault:
    return _fault(Disposition.INELIGIBLE, Reason.ENGINE_NOT_SUPPORTED, remedy)


def _blocked(reason: Reason, remedy: str) -> Fault:
    return _fault(Disposition.BLOCKED, reason, remedy)


def _account(remedy: str) -> Fault:
    return _blocked(Reason.ACCOUNT_BLOCKED, remedy)


def _credentials(remedy: str) -> Fault:
    return _blocked(Reason.CREDENTIALS_INVALID, remedy)


def _bug(remedy: str) -> Fault:
    return _fault(Disposition.BUG, Reason.REQUEST_MALFORMED, remedy)


# -- nobody has to act ------------------------------------------------------------------------

BUSY = _fault(
    Disposition.BUSY,
    Reason.INSTANCE_BUSY,
    "The instance is busy with another change; the operator waits for it",
)
THROTTLED = _fault(
    Disposition.THROTTLED,
    Reason.THROTTLED,
    "The account calls the RDS API too often; the operator slows down",
)
UNAVAILABLE = _fault(
    Disposition.UNAVAILABLE,
    Reason.API_UNAVAILABLE,
    "The RDS API cannot be reached; the operator tries again",
)
UNKNOWN = _fault(
    Disposition.UNKNOWN,
    Reason.API_UNAVAILABLE,
    "Whether RDS has taken the change is not known; the operator reads it back",
)
"""For a read, FAILED_READ takes its place."""
FAILED_READ = _fault(
    Disposition.UNAVAILABLE,
    Reason.API_UNAVAILABLE,
    "The RDS API gives no usable answer; the operator tries again",
)
# Refused before anything is looked at, and the same for all objects: as an outage.
CLOCK = _fault(
    Disposition.UNAVAILABLE,
    Reason.API_UNAVAILABLE,
    "The clock of the operator's node is {skew} the RDS API's; whoever runs the node has to correct"
    " it",
)

# -- the declaration --------------------------------------------------------------------------

SERVER_CERTIFICATE = _rejected(
    Reason.SERVER_CERTIFICATE_REJECTED,
    "RDS refuses the server certificate or its private key, from {server_certificate}; whoever"
    " makes it has to provide a pair that fits, with an unencrypted key",
)
CLIENT_CA = _rejected(
    Reason.CLIENT_CA_REJECTED,
    "RDS refuses the client CA, from {client_ca}; whoever makes it has to provide CA certificates"
    " in PEM",
)
REVOCATION_LIST = _rejected(
    Reason.REVOCATION_LIST_REJECTED,
    "RDS refuses the revocation list, from {revocation_list}; whoever makes it has to provide a"
    " current list of the client CA in PEM",
)
CA_TYPE = _rejected(
    Reason.CA_TYPE_REJECTED,
    "RDS refuses the CA type ({ca_type}) on {engine}; the owner of the object has to declare the"
    " other one",
)
ACL = _rejected(
    Reason.ACL_REJECTED,
    "RDS refuses the access rule ({acl}) on {engine}; the owner of the object has to declare"
    " another one (verify-full needs PostgreSQL 12 or later)",
)
SSL_STATUS = _rejected(
    Reason.SSL_STATUS_REJECTED,
    "RDS refuses this change of SSL (wanted: {wanted}, observed: {observed}); the owner of the"
    " object has to compare its declaration with status.observed",
    read_back=True,
)
SSL_STATE = _rejected(
    Reason.SSL_STATUS_REJECTED,
    "The present state of SSL does not allow this change (wanted: {wanted}, observed: {observed});"
    " the owner of the object has to compare its declaration with status.observed",
    read_back=True,
)
# These two come with HTTP 403 and are no matter of permissions.
LIST_NEEDS_CA = _rejected(
    Reason.CLIENT_CA_REQUIRED,
    "A revocation list needs a client CA; the owner of the object has to declare the client CA"
    " first",
)
ACL_NEEDS_CA = _rejected(
    Reason.CLIENT_CA_REQUIRED,
    "An access rule needs a client CA; the owner of the object has to declare the client CA first",
)
ENDPOINT = _rejected(
    Reason.ENDPOINT_NOT_FOUND,
    "The instance has no such endpoint ({endpoint}); the owner of the object has to declare one"
    " that it has, and that is not for read/write splitting, which cannot have SSL",
)
ENDPOINT_TWICE = _rejected(
    Reason.REQUEST_REJECTED,
    "RDS finds {endpoint} twice; the owner of the object has to declare another endpoint",
)
# Probably the limit of a certificate's common name: no page says it.
ENDPOINT_LENGTH = _rejected(
    Reason.REQUEST_REJECTED,
    "The host name of {endpoint} is too long for a certificate; the owner of the object has to"
    " declare or create a shorter endpoint",
)
PARAMETER = _rejected(
    Reason.REQUEST_REJECTED,
    "RDS refuses a value that was declared, and does not say which; the owner of the object has to"
    " compare the declaration with the reference of ModifyDBInstanceSSL",
)
UNRELATED = _rejected(
    Reason.REQUEST_REJECTED,
    "RDS refuses the change with a code of another operation; the owner of the instance has to ask"
    " the vendor what it means for SSL",
)
REFUSED = _rejected(
    Reason.REQUEST_REJECTED,
    "RDS refuses the declared settings; the owner of the object has to look the code up in the"
    " reference of ModifyDBInstanceSSL",
)

# -- the instance -----------------------------------------------------------------------------

GONE = _fault(
    Disposition.GONE,
    Reason.INSTANCE_NOT_FOUND,
    "There is no such instance for this account in this region; the owner of the object has to"
    " check instance id, region and credentials",
)
ENGINE = _ineligible(
    "RDS offers no SSL for {engine} in this form of the instance; the owner of the object has to"
    " name another instance"
)
VERSION = _ineligible(
    "The engine's version is too old for this; the owner of the instance has to upgrade its major"
    " or minor version"
)
INSTANCE_CLASS = _ineligible(
    "RDS offers no SSL for the instance's edition, class or storage type; the owner of the instance"
    " has to change it, or the owner of the object has to name another instance"
)
PLACE = _ineligible(
    "RDS offers no SSL for the instance's region, zone, network or mirror; the owner of the"
    " instance has to move it, or the owner of the object has to name another instance"
)
# What is locked shows in DescribeDBInstanceAttribute, so that this is met in between only; and it
# ends without a change that this operator could see: tried again, as the others of the account.
LOCKED = _blocked(
    Reason.INSTANCE_UNAVAILABLE,
    "The instance is locked, by an overdue payment, a full disk or by hand; its owner has to unlock"
    " it",
)
KMS_KEY = _blocked(
    Reason.REQUEST_REJECTED,
    "The instance's KMS key cannot be used; the owner of the key has to enable it in KMS and to let"
    " RDS use it",
)

# -- who may, and who pays --------------------------------------------------------------------

FORBIDDEN = _blocked(
    Reason.FORBIDDEN,
    "A RAM permission is missing: {principal} ({credentials}) may not use {permission}; {denial}",
)
FORBIDDEN_ROLE = _blocked(
    Reason.FORBIDDEN,
    "A RAM permission is missing: STS does not let the identity behind {credentials} take its role;"
    " whoever administers RAM has to add it to the role's trust policy",
)
NOT_ADMITTED = _account(
    "The account is not admitted to this feature; the account's owner has to ask Alibaba Cloud for"
    " it by a ticket"
)
PAYMENT = _account(
    "The account has an unpaid order, too little balance or no means of payment; the account's"
    " owner has to settle it in Expenses and Costs"
)
VERIFICATION = _account(
    "The account is not verified, or its data are incomplete; the account's owner has to complete"
    " them"
)
RISK = _account(
    "Risk control has stopped the account; the account's owner has to ask Alibaba Cloud to lift it"
)
ORDER = _account(
    "The vendor's order system refuses the change for this account or instance; the account's owner"
    " has to look at its orders and quotas, or to open a ticket"
)
REGION_CLOSED = _account(
    "The vendor closes its business in this region; the account's owner has to move the instance"
)
KEY_UNKNOWN = _credentials(
    "The access key of {credentials} does not exist, or was a temporary one that has expired; the"
    " owner of the credentials has to provide another"
)
KEY_INACTIVE = _credentials(
    "The access key of {credentials} is disabled; the owner of the credentials has to enable it or"
    " to provide another"
)
KEY_SECRET = _credentials(
    "The secret of {credentials} does not belong to its access key; the owner of the credentials"
    " has to provide the right one"
)
TOKEN_MISSING = _credentials(
    "The access key of {credentials} is a temporary one and came without its security token; the"
    " owner of the credentials has to provide the token"
)
TOKEN_EXPIRED = _credentials(
    "The security token of {credentials} has expired; the owner of the credentials has to provide a"
    " new temporary key"
)
TOKEN_WRONG = _credentials(
    "The security token of {credentials} is damaged or of another access key; the owner of the"
    " credentials has to provide key, secret and token that were made together"
)
OIDC_EXPIRED = _credentials(
    "The OIDC token for {credentials} has expired; whoever runs the operator has to see that the"
    " cluster renews the mounted token"
)
OIDC_TOKEN = _credentials(
    "STS does not accept the OIDC token for {credentials}; whoever administers RAM has to correct"
    " the OIDC provider (issuer, fingerprint, client ID)"
)
ROLE = _credentials(
    "STS gives no temporary key for {credentials}; whoever administers RAM has to check the role,"
    " the OIDC provider and the role's trust policy"
)

# -- a fault of ours --------------------------------------------------------------------------

MALFORMED = _bug(
    "The operator has sent a request that the API cannot read; whoever runs the operator is asked"
    " to report it, for this is a fault of the operator or of its API_URL"
)
ADDRESS = _bug(
    "What answers is not the RDS API of this region; whoever runs the operator has to correct its"
    " API_URL or NETWORK, or is asked to report a region that has another endpoint"
)
PLAIN_HTTP = _bug(
    "The API is called without TLS; whoever runs the operator has to begin its API_URL with https"
)
