"""All deliberate faults."""

from faults.acting import ACTING
from faults.ahead import AHEAD
from faults.certificates import CERTIFICATES
from faults.chain import CHAIN
from faults.desk import DESK
from faults.gating import GATING
from faults.gitops import GITOPS
from faults.grants import GRANTS
from faults.hostile import HOSTILE
from faults.identity import IDENTITY
from faults.importing import IMPORTING
from faults.judging import JUDGING
from faults.leading import LEADING
from faults.meeting import MEETING
from faults.page import PAGE
from faults.rates import RATES
from faults.room import ROOM
from faults.secrecy import SECRECY
from faults.service import SERVICE
from faults.shards import SHARDS
from faults.speed import SPEED
from faults.survival import SURVIVAL
from faults.tenants import TENANTS
from faults.tracing import TRACING
from faults.watching import WATCHING
from faults.way import WAY

FAULTS = (
    *JUDGING,
    *CERTIFICATES,
    *CHAIN,
    *HOSTILE,
    *AHEAD,
    *ACTING,
    *GATING,
    *LEADING,
    *MEETING,
    *SERVICE,
    *SPEED,
    *GITOPS,
    *GRANTS,
    *IDENTITY,
    *ROOM,
    *TENANTS,
    *RATES,
    *TRACING,
    *WATCHING,
    *SECRECY,
    *WAY,
    *SHARDS,
    *SURVIVAL,
    *DESK,
    *IMPORTING,
    *PAGE,
)
