"""All deliberate faults."""

from faults.acting import ACTING
from faults.gating import GATING
from faults.judging import JUDGING

FAULTS = (*JUDGING, *ACTING, *GATING)
