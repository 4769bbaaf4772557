"""All deliberate faults."""

from faults.acting import ACTING
from faults.gating import GATING
from faults.judging import JUDGING
from faults.service import SERVICE
from faults.speed import SPEED

FAULTS = (*JUDGING, *ACTING, *GATING, *SERVICE, *SPEED)
