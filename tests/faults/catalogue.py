"""All deliberate faults."""

from faults.acting import ACTING
from faults.judging import JUDGING

FAULTS = (*JUDGING, *ACTING)
