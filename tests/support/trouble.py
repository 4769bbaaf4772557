"""What goes wrong on the way to the API server and to the cloud, and comes right again."""

from collections.abc import Callable
from typing import Any

from rds_ssl.core.errors import KubeConflict, KubeUnavailable
from support.engine_world import MODIFY
from support.line import Call

Json = dict[str, Any]


def kube_fault(kind: str, times: int) -> Callable[[Call], None]:
    """Make a hook that spoils the next requests to the API server."""
    left = times

    def spoil(call: Call) -> None:
        nonlocal left
        applies = call.port == "kube" and (kind == "unavailable" or call.what.startswith("patch"))
        if not applies or left <= 0:
            return
        left -= 1
        if kind == "conflict":
            raise KubeConflict("409", status=409)
        raise KubeUnavailable("503", status=503)

    return spoil


FAULTS: tuple[tuple[str, Json], ...] = (
    (MODIFY, {"kind": "reset-before"}),
    (MODIFY, {"kind": "reset-after"}),
    (MODIFY, {"kind": "html"}),
    (MODIFY, {"kind": "html", "after": True}),
    (MODIFY, {"kind": "delay", "seconds": 90}),
    (MODIFY, {"kind": "async-failed"}),
    (MODIFY, {"kind": "async-half"}),
    (MODIFY, {"code": "Throttling.User", "status": 400}),
    (MODIFY, {"code": "OperationDenied.DBInstanceStatus", "status": 403}),
    (MODIFY, {"code": "InvalidCAType.NotFound", "status": 400}),
    (MODIFY, {"code": "InvalidSSLStatus", "status": 400}),
    (MODIFY, {"code": "IncorrectDBSslStatus", "status": 400}),
    (MODIFY, {"code": "InternalError", "status": 500}),
    (MODIFY, {"code": "Forbidden.RAM", "status": 403}),
    ("DescribeDBInstanceSSL", {"kind": "reset-before"}),
    ("DescribeDBInstanceSSL", {"kind": "bare"}),
    ("DescribeDBInstanceSSL", {"kind": "throttle", "retry_after_ms": 3000}),
    ("DescribeDBInstanceAttribute", {"kind": "html"}),
    ("DescribePGHbaConfig", {"kind": "reset-before"}),
    ("DescribeDBInstanceAttribute", {"code": "Forbidden.RAM", "status": 403}),
)
"""Action and fault."""
