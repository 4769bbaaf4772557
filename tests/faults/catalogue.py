"""All deliberate faults."""

from faults.acting import ACTING
from faults.ahead import AHEAD
from faults.certificates import CERTIFICATES
from faults.chain import CHAIN
from faults.gating import GATING
from faults.judging import JUDGING
from faults.meeting import MEETING
from faults.secrecy import SECRECY
from faults.service import SERVICE
from faults.speed import SPEED
from faults.way import WAY

FAULTS = (
    *JUDGING,
    *CERTIFICATES,
    *CHAIN,
    *AHEAD,
    *ACTING,
    *GATING,
    *MEETING,
    *SERVICE,
    *SPEED,
    *SECRECY,
    *WAY,
)
