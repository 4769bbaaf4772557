"""Statuses as an operator would have written them, for what reads them."""

from typing import Any

Json = dict[str, Any]

SINCE = "2026-11-24T01:00:00Z"

STATE = {
    "enabled": True,
    "connectionString": "orders.pg.rds.aliyuncs.com",
    "forceEncryption": False,
}

CHANGES = [
    {"field": "serverCertificate", "from": "orders (aaaa)", "to": "orders (bbbb)"},
    {"field": "clientAuthentication.acl", "from": "verify-ca", "to": "prefer"},
]


def plan(digest: str = "1111222233334444", **fields: object) -> Json:
    """Make a plan with one step that restarts; None takes a field away."""
    made = {
        "digest": digest,
        "cause": "spec",
        "summary": "serverCertificate: orders (aaaa) → orders (bbbb). Restart: Expected.",
        "steps": [{"changes": CHANGES}],
        "impacts": ["Restart", "Weakens"],
        "restart": "Expected",
        "heldBy": "AwaitingApproval",
        "since": SINCE,
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def condition(kind: str, status: str, reason: str, message: str) -> Json:
    """Make a condition."""
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": SINCE,
        "observedGeneration": 1,
    }


def pending(made: Json | None = None, *, message: str = "It waits.", **fields: object) -> Json:
    """Make a status with a plan that is held, or is not if its ``heldBy`` is absent."""
    made = made or plan()
    reason = made.get("heldBy", "")
    held = [condition("ChangePending", "True", reason, message)] if reason else []
    ready = condition("Ready", "False", reason or "Applying", message)
    return {"observedGeneration": 1, "conditions": [ready, *held], "plan": made, **fields}


def stalled(reason: str, made: Json | None = None) -> Json:
    """Make a status that is Stalled, with a plan or without."""
    message = "Send it once more, or not."
    return {
        "observedGeneration": 1,
        "conditions": [
            condition("Ready", "False", reason, message),
            condition("Stalled", "True", reason, message),
        ],
        **({"plan": made} if made else {}),
    }


def operation(phase: str = "Accepted") -> Json:
    """Make the record of a call."""
    return {
        "digest": "d",
        "target": STATE,
        "phase": phase,
        "startTime": SINCE,
        "attempt": 1,
        "requestID": "REQ-1",
    }


def settled(expires: str = "2027-01-23T03:00:00Z", **fields: object) -> Json:
    """Make the status of an object with which all is well."""
    return {
        "observedGeneration": 1,
        "conditions": [
            condition("Ready", "True", "Verified", "SSL on."),
            condition("MaterialReady", "True", "MaterialAccepted", "Secret orders-tls: fine."),
        ],
        "instance": {
            "engine": "PostgreSQL",
            "engineVersion": "14.0",
            "endpoint": "orders.pg.rds.aliyuncs.com",
        },
        "observed": {
            "enabled": True,
            "caType": "custom",
            "connectionString": "orders.pg.rds.aliyuncs.com",
            "serverCertificate": {
                "sha256": "ab" * 32,
                "subject": "CN=orders",
                "issuer": "CN=Shop root",
                "dnsNames": ["orders.pg.rds.aliyuncs.com"],
                "notAfter": expires,
            },
            "clientCA": [{"sha256": "cd" * 32, "subject": "CN=Clients", "notAfter": expires}],
            "acl": "verify-full",
            "forceEncryption": False,
            "expireTime": expires,
        },
        "applied": {"state": STATE, "time": SINCE},
        "history": [
            {
                "time": "2026-11-20T03:00:00Z",
                "cause": "rotation",
                "changes": "serverCertificate: a → b.",
                "impacts": ["Restart"],
                "restartSeen": True,
                "requestID": "REQ-7",
                "result": "Verified",
            }
        ],
        **fields,
    }


def manifest(
    name: str = "orders", status: Json | None = None, *, namespace: str = "shop", **spec: object
) -> Json:
    """Make an object as the API server gives it."""
    return {
        "metadata": {
            "namespace": namespace,
            "name": name,
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "generation": 1,
        },
        "spec": {"instanceID": f"pgm-{name}", "regionID": "cn-hangzhou", **spec},
        "status": status if status is not None else {"observedGeneration": -1},
    }
