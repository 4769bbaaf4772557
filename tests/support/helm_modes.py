"""Values of the chart for each way to install it."""

from typing import Any

Json = dict[str, Any]

DIGEST = "sha256:" + "a" * 64
ROLE = "acs:ram::1234567890123456:role/rds-ssl"
PROVIDER = "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1"
WEBHOOK = "pod-identity.alibabacloud.com/role-name"

MODES: dict[str, Json] = {
    "cluster": {},
    "static": {"creator": "static"},
    "namespaced": {"namespaces": ["team-a", "team-b"]},
    "named": {
        "settings": {"RDS_SSL_SECRET_WATCH": "named"},
        "rbac": {"material": {"team-a": {"secrets": ["orders-tls"], "configMaps": ["client-ca"]}}},
    },
    "off": {
        "namespaces": ["team-a"],
        "settings": {"RDS_SSL_SECRET_WATCH": "off"},
        "rbac": {"material": {"team-a": {"secrets": ["orders-tls"]}}},
    },
    "sharded": {"shards": 2},
    "alone": {"replicas": 1, "settings": {"RDS_SSL_LEADER_ELECTION": "off"}},
    "webhook": {"rrsa": {"roleName": "rds-ssl"}, "serviceAccount": {"labels": {"team": "dba"}}},
    "token": {
        "rrsa": {"roleARN": ROLE, "oidcProviderARN": PROVIDER},
        "grants": [{"namespaces": ["team-a"], "instances": ["pgm-*"]}],
        "caBundle": "CA",
    },
    "account": {"serviceAccount": {"create": False, "name": "there"}, "rbac": {"create": False}},
    "everything": {
        "nameOverride": "ssl",
        "commonLabels": {"team": "dba"},
        "crds": {"keep": False},
        "image": {"repository": "registry.example/rds-ssl", "digest": DIGEST},
        "imagePullSecrets": [{"name": "registry"}],
        "port": 9090,
        "settings": {
            "RDS_SSL_READ_ONLY": True,
            "RDS_SSL_API_RATE": 2.5,
            "RDS_SSL_MAX_CONCURRENT_CHANGES": 1000000,
            "RDS_SSL_ECS_ROLE": True,
            "RDS_SSL_IDENTITY_NAMESPACES": "shop,team-*",
            "RDS_SSL_SELECTOR": "tier in (a, b)",
            "RDS_SSL_LOG_FORMAT": None,
        },
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": "db", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
        "topologySpreadConstraints": [
            {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}
        ],
        "podAnnotations": {"note": "1"},
        "podLabels": {"tier": "a", "app.kubernetes.io/name": "mine"},
        "extraEnv": [{"name": "TZ", "value": "Asia/Shanghai"}],
        "extraEnvFrom": [{"configMapRef": {"name": "more", "optional": True}}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "podDisruptionBudget": {"maxUnavailable": "50%"},
        "networkPolicy": {
            "enabled": True,
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "extraEgress": [{"ports": [{"port": 3128}]}],
        },
        "service": {"annotations": {"note": "1"}},
        "monitoring": {
            "serviceMonitor": {"enabled": True, "interval": "30s", "labels": {"release": "prom"}},
            "prometheusRule": {"enabled": True, "runbookURL": "https://wiki.example/alerts/"},
            "dashboard": {"enabled": True, "annotations": {"grafana_folder": "RDS"}},
        },
    },
}
"""Values by the name of a way to install it; CA stands for a certificate."""
