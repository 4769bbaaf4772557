"""All deliberate faults."""

from faults.acting import ACTING
from faults.certificates import CERTIFICATES
from faults.gating import GATING
from faults.judging import JUDGING
from faults.speed import SPEED

FAULTS = (*JUDGING, *CERTIFICATES, *ACTING, *GATING, *SPEED)
