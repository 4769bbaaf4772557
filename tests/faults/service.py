"""Faults in what the service is taken to say, and in what it is left to decide."""

from faults.fault import Fault

SERVICE = (
    Fault(
        name="take the vendor's certificate for one's own that ends with it",
        where="told_by_end",
        old="is not None or observed.ca_type is CAType.ALIYUN:\n",
        new="is not None:\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="let the end of a certificate speak against the record",
        where="make_plan",
        old="    if applied is None and is_first_contact(applied, operation):\n",
        new="    if is_first_contact(applied, operation):\n",
        tests=("core/planning/test_planner.py",),
    ),
)
