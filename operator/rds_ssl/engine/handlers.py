"""
From kopf's events to keys in the queue; the only contact with kopf beside the composition root.

`on.event` alone: no change handler, timer, daemon or index, and no `patch`. So kopf writes nothing,
keeps no progress in annotations and copies no Secret. Source: knowledge of kopf, 0.1.
"""

from collections.abc import Mapping
from typing import Any

import kopf

from rds_ssl.core.model import API_GROUP, API_VERSION, PLURAL
from rds_ssl.engine.intake import Intake


def register(registry: kopf.OperatorRegistry, intake: Intake) -> None:
    """Let *intake* see every event of DBInstanceSSL."""

    @kopf.on.event(API_GROUP, API_VERSION, PLURAL, registry=registry)
    async def observe(event: Mapping[str, Any], **_: Any) -> None:  # noqa: ANN401  # kopf's own.
        intake.observe(event["type"], event["object"])
