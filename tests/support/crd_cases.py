"""
Specs that the CRD's rules accept or refuse: sentence, patch of a good spec, field, words.

*field* is the path that the refusal must name, or None if the spec is good; *words* is the sentence
of the rule, empty where the schema itself refuses and words it in its own way.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from rds_ssl.core.model import Impact

Json = dict[str, Any]

ABSENT: Any = object()
"""In a patch: take the field out of the good spec."""

GOOD: Json = {"instanceID": "pgm-bp1", "regionID": "cn-hangzhou"}
PAIR = {"name": "orders-tls"}
FILE = {"ossObject": "oss:b:f.pfx", "passwordSecretKeyRef": {"name": "p", "key": "k"}}
CA = {"configMapKeyRef": {"name": "client-ca"}}
WINDOW = {"schedule": "0 3 * * SAT", "duration": "2h"}


def server(**fields: object) -> Json:
    return {"serverCertificate": fields}


def clients(**fields: object) -> Json:
    return {"clientAuthentication": fields}


def maintenance(**fields: object) -> Json:
    return {"maintenance": fields}


def window(**fields: object) -> Json:
    return maintenance(windows=[{**WINDOW, **fields}])


def good(sentence: str, patch: Json) -> object:
    return pytest.param(patch, None, "", id=f"accepted: {sentence}")


def bad(sentence: str, patch: Json, field: str, words: str = "") -> object:
    return pytest.param(patch, field, words, id=f"refused: {sentence}")


ROLE = "acs:ram::1234567890123456:role/rds-ssl"
ROLE_ARN = "must be the ARN of a RAM role such as acs:ram::1234567890123456:role/rds-ssl"
INSTANCE = "must be an instance ID such as pgm-bp1234567890abcde"
REGION = "must be a region ID such as cn-hangzhou"
HOST = (
    "must be a host name alone, without scheme, port or trailing dot,"
    " such as orders.pg.rds.aliyuncs.com"
)
OBJECT = "must be the name of an object: lower-case letters, digits, - and ."
KEY = "must be a key of the object: letters, digits, -, _ and ."
MARGIN = "must be a duration between 1h and 2160h, such as 720h (units h, m, s)"
OPEN = "must be a duration between 30m and 24h, such as 2h (units h, m, s)"
CRON = "must have five fields (minute, hour, day of month, month, day of week), such as 0 3 * * SAT"
ZONE = "must be an IANA time zone such as Asia/Shanghai"
ONE_SOURCE = "exactly one of secretKeyRef and configMapKeyRef must be set"

IDENTITY = [
    good("the least that names an instance", {}),
    bad("no instance", {"instanceID": ABSENT}, "spec.instanceID"),
    bad("no region", {"regionID": ABSENT}, "spec.regionID"),
    good("an instance of an engine not heard of", {"instanceID": "xyz-BP_1"}),
    bad("an empty instance", {"instanceID": ""}, "spec.instanceID", INSTANCE),
    bad("an instance with a space", {"instanceID": "pgm bp1"}, "spec.instanceID", INSTANCE),
    bad("an instance and a line", {"instanceID": "pgm-bp1\n"}, "spec.instanceID", INSTANCE),
    good("the longest instance", {"instanceID": "p" * 64}),
    bad("a longer instance", {"instanceID": "p" * 65}, "spec.instanceID"),
    bad("an instance that is a number", {"instanceID": 7}, "spec.instanceID"),
    good("a role to act in", {"identity": {"roleARN": ROLE}}),
    good("a Secret to act by", {"credentialsSecretRef": {"name": "rds-credentials"}}),
    bad(
        "a role beside a Secret",
        {"identity": {"roleARN": ROLE}, "credentialsSecretRef": {"name": "rds-credentials"}},
        "spec.identity",
        "identity and credentialsSecretRef exclude each other",
    ),
    bad("an identity without a role", {"identity": {}}, "spec.identity.roleARN"),
    bad("a role by its name", {"identity": {"roleARN": "rds"}}, "spec.identity.roleARN", ROLE_ARN),
    bad(
        "an identity provider for a role",
        {"identity": {"roleARN": "acs:ram::1:oidc-provider/x"}},
        "spec.identity.roleARN",
        ROLE_ARN,
    ),
    bad(
        "a role and a line",
        {"identity": {"roleARN": f"{ROLE}\n"}},
        "spec.identity.roleARN",
        ROLE_ARN,
    ),
    bad("a longer role", {"identity": {"roleARN": f"{ROLE}{'x' * 128}"}}, "spec.identity.roleARN"),
    good("a region with a number", {"regionID": "ap-southeast-1"}),
    good("a region of the finance cloud", {"regionID": "cn-shenzhen-finance-1"}),
    good("a region as long as a label of a host name", {"regionID": "cn-" + "h" * 60}),
    bad(
        "a region longer than a label of a host name",
        {"regionID": "cn-" + "h" * 61},
        "spec.regionID",
    ),
    bad("a region that is a host name", {"regionID": "cn-h.evil.example"}, "spec.regionID", REGION),
    bad("a region with a path", {"regionID": "cn-h/../x"}, "spec.regionID", REGION),
    bad("a region without a hyphen", {"regionID": "hangzhou"}, "spec.regionID", REGION),
    good("an endpoint", {"connectionString": "orders.pg.rds.aliyuncs.com"}),
    good("an endpoint in capitals", {"connectionString": "Orders.PG.rds.aliyuncs.com"}),
    good("no endpoint, written as null", {"connectionString": None}),
    bad("an endpoint with a port", {"connectionString": "a.b:5432"}, "spec.connectionString", HOST),
    bad("a URL", {"connectionString": "postgres://a.b"}, "spec.connectionString", HOST),
    bad("an endpoint with a dot", {"connectionString": "a.b."}, "spec.connectionString", HOST),
    bad("an empty endpoint", {"connectionString": ""}, "spec.connectionString", HOST),
    bad("a long label", {"connectionString": "a" * 64 + ".b"}, "spec.connectionString", HOST),
    good("a field that nobody knows", {"nobodyKnows": {"this": 1}}),
]

SERVER_CERTIFICATE = [
    good("an empty block", server()),
    good("the cloud's certificate", server(caType="aliyun")),
    good("a custom certificate, inferred", server(secretRef=PAIR)),
    good("a custom certificate, declared", server(caType="custom", secretRef=PAIR)),
    good("a PFX file, inferred", server(pfx=FILE)),
    good("a PFX file, declared", server(caType="custom", pfx=FILE)),
    bad("another CA type", server(caType="acme"), "spec.serverCertificate.caType"),
    bad("an empty CA type", server(caType=""), "spec.serverCertificate.caType"),
    bad(
        "two certificates",
        server(secretRef=PAIR, pfx=FILE),
        "spec.serverCertificate",
        "secretRef and pfx exclude each other",
    ),
    bad(
        "two custom certificates",
        server(caType="custom", secretRef=PAIR, pfx=FILE),
        "spec.serverCertificate",
        "secretRef and pfx exclude each other",
    ),
    bad(
        "aliyun with a Secret",
        server(caType="aliyun", secretRef=PAIR),
        "spec.serverCertificate",
        "caType aliyun forbids secretRef and pfx; set caType: custom or leave it",
    ),
    bad(
        "aliyun with a PFX file",
        server(caType="aliyun", pfx=FILE),
        "spec.serverCertificate",
        "caType aliyun forbids secretRef and pfx; set caType: custom or leave it",
    ),
    bad(
        "custom without material",
        server(caType="custom"),
        "spec.serverCertificate",
        "caType custom needs secretRef or pfx",
    ),
    good("other keys", server(secretRef={**PAIR, "certificateKey": "c", "privateKeyKey": "k"})),
    bad("no name", server(secretRef={}), "spec.serverCertificate.secretRef.name"),
    bad(
        "a name with a path",
        server(secretRef={"name": "../x"}),
        "spec.serverCertificate.secretRef.name",
        OBJECT,
    ),
    bad(
        "a key with a slash",
        server(secretRef={**PAIR, "certificateKey": "a/b"}),
        "spec.serverCertificate.secretRef.certificateKey",
        KEY,
    ),
    bad(
        "a key that starts with two dots",
        server(secretRef={**PAIR, "privateKeyKey": "..k"}),
        "spec.serverCertificate.secretRef.privateKeyKey",
        KEY,
    ),
    bad(
        "a PFX file without a password",
        server(pfx={"ossObject": "x"}),
        "spec.serverCertificate.pfx.passwordSecretKeyRef",
    ),
    bad(
        "a PFX file without a name",
        server(pfx={**FILE, "ossObject": ""}),
        "spec.serverCertificate.pfx.ossObject",
    ),
    bad(
        "a password without its key",
        server(pfx={**FILE, "passwordSecretKeyRef": {"name": "p"}}),
        "spec.serverCertificate.pfx.passwordSecretKeyRef.key",
    ),
]

RENEW = "spec.serverCertificate.renewBefore"
DURATIONS = [
    good("the shortest margin", server(renewBefore="1h")),
    good("the longest margin", server(renewBefore="2160h")),
    good("a margin in seconds", server(renewBefore="3600s")),
    good("a margin in all units", server(renewBefore="1h30m5s")),
    bad("a margin too short", server(renewBefore="59m59s"), RENEW, MARGIN),
    bad("a margin too long", server(renewBefore="2160h1s"), RENEW, MARGIN),
    bad("days", server(renewBefore="30d"), RENEW, MARGIN),
    bad("fractions", server(renewBefore="1.5h"), RENEW, MARGIN),
    bad("a sign", server(renewBefore="-2h"), RENEW, MARGIN),
    bad("units in another order", server(renewBefore="30m1h"), RENEW, MARGIN),
    bad("a number without a unit", server(renewBefore="72"), RENEW, MARGIN),
    bad("an empty duration", server(renewBefore=""), RENEW, MARGIN),
    bad("seven digits", server(renewBefore="9999999h"), RENEW, MARGIN),
    bad("more digits than an int64", server(renewBefore="9" * 25 + "h"), RENEW, MARGIN),
    bad("a duration that is a number", server(renewBefore=72), RENEW),
    bad("digits of another script", server(renewBefore="\u0667h"), RENEW, MARGIN),
]

CLIENTS = "spec.clientAuthentication"
CLIENT_AUTHENTICATION = [
    good("an empty block of clients", clients()),
    good("a CA in a ConfigMap", clients(ca=CA)),
    good("a CA in a Secret", clients(ca={"secretKeyRef": {"name": "x", "key": "k"}})),
    bad("a CA without a source", clients(ca={}), f"{CLIENTS}.ca", ONE_SOURCE),
    bad(
        "a CA with two sources",
        clients(ca={**CA, "secretKeyRef": {"name": "x"}}),
        f"{CLIENTS}.ca",
        ONE_SOURCE,
    ),
    bad(
        "a CA with a faulty name",
        clients(ca={"configMapKeyRef": {"name": "X"}}),
        f"{CLIENTS}.ca.configMapKeyRef.name",
        OBJECT,
    ),
    good("a revocation list with a CA", clients(ca=CA, revocationList=CA)),
    bad(
        "a revocation list without a CA",
        clients(revocationList=CA),
        f"{CLIENTS}.revocationList",
        "revocationList needs ca",
    ),
    bad(
        "a revocation list without a source",
        clients(ca=CA, revocationList={}),
        f"{CLIENTS}.revocationList",
        ONE_SOURCE,
    ),
    good("ACLs that need no CA", clients(acl="prefer", replicationACL="prefer")),
    good("all ACLs with a CA", clients(ca=CA, acl="verify-full", replicationACL="cert")),
    good("a null where a default is", clients(acl=None)),
    bad(
        "an ACL without a CA",
        clients(acl="cert"),
        f"{CLIENTS}.acl",
        "acl other than prefer needs ca",
    ),
    bad(
        "a replication ACL without a CA",
        clients(replicationACL="verify-ca"),
        f"{CLIENTS}.replicationACL",
        "replicationACL other than prefer needs ca",
    ),
    bad("the API's own slip", clients(ca=CA, acl="perfer"), f"{CLIENTS}.acl"),
]

ENCRYPTION = [
    good("SSL off", {"enabled": False}),
    good("SSL off, with a certificate for later", {"enabled": False, **server(secretRef=PAIR)}),
    bad("a switch in words", {"enabled": "yes"}, "spec.enabled"),
    bad("a switch as a number", {"enabled": 1}, "spec.enabled"),
    good("forced encryption", {"forceEncryption": True}),
    bad(
        "forced encryption without SSL",
        {"enabled": False, "forceEncryption": True},
        "spec.forceEncryption",
        "forceEncryption cannot be true while enabled is false",
    ),
    good("a TLS minimum", {"minimumTLSVersion": "1.2"}),
    bad("a TLS minimum that RDS lacks", {"minimumTLSVersion": "1.3"}, "spec.minimumTLSVersion"),
    bad("a TLS minimum as a number", {"minimumTLSVersion": 1.2}, "spec.minimumTLSVersion"),
]

POLICIES = [
    good("credentials", {"credentialsSecretRef": {"name": "rds.credentials"}}),
    bad(
        "credentials without a name",
        {"credentialsSecretRef": {}},
        "spec.credentialsSecretRef.name",
    ),
    bad(
        "credentials of another namespace",
        {"credentialsSecretRef": {"name": "other/rds"}},
        "spec.credentialsSecretRef.name",
        OBJECT,
    ),
    good("observing", {"managementPolicy": "Observe"}),
    bad("another policy", {"managementPolicy": "observe"}, "spec.managementPolicy"),
    good("reporting drift", {"driftPolicy": "Report"}),
    bad("another drift policy", {"driftPolicy": "Ignore"}, "spec.driftPolicy"),
    good("overwriting", {"adoptionPolicy": "Overwrite"}),
    bad("another adoption policy", {"adoptionPolicy": "Adopt"}, "spec.adoptionPolicy"),
    good("disabling at the end", {"deletionPolicy": "Disable"}),
    bad("another deletion policy", {"deletionPolicy": "Delete"}, "spec.deletionPolicy"),
    bad(
        "disabling while observing",
        {"deletionPolicy": "Disable", "managementPolicy": "Observe"},
        "spec.deletionPolicy",
        "deletionPolicy Disable needs managementPolicy Enforce",
    ),
    good("approval waived", {"approvalRequired": []}),
    good("approval for everything", {"approvalRequired": [str(each) for each in Impact]}),
    bad("an unknown impact", {"approvalRequired": ["Reboot"]}, "spec.approvalRequired[0]"),
    bad(
        "an impact twice",
        {"approvalRequired": ["Restart", "Weakens", "Restart"]},
        "spec.approvalRequired",
        "must not name an impact twice",
    ),
    bad("too many impacts", {"approvalRequired": ["Restart"] * 7}, "spec.approvalRequired"),
    good("suspended", {"suspend": True}),
    bad("suspended in words", {"suspend": "true"}, "spec.suspend"),
]

FIRST = "spec.maintenance.windows[0]"
MAINTENANCE = [
    good("an empty block of maintenance", maintenance()),
    good("a window", window()),
    good("a window in its time zone", window(timeZone="America/Argentina/Buenos_Aires")),
    good("a window with an offset", window(timeZone="Etc/GMT+8")),
    bad("a zone with a space", window(timeZone="Asia/ Shanghai"), f"{FIRST}.timeZone", ZONE),
    bad("an offset", window(timeZone="+08:00"), f"{FIRST}.timeZone", ZONE),
    bad("a zone outside of the database", window(timeZone="../x"), f"{FIRST}.timeZone", ZONE),
    bad("four fields", window(schedule="0 3 * *"), f"{FIRST}.schedule", CRON),
    bad("six fields", window(schedule="0 0 3 * * SAT"), f"{FIRST}.schedule", CRON),
    bad("a macro", window(schedule="@daily"), f"{FIRST}.schedule", CRON),
    bad("a zone in the schedule", window(schedule="TZ=UTC 0 3 * *"), f"{FIRST}.schedule", CRON),
    good("lists, ranges and steps", window(schedule="*/15 0-4,22  1 JAN,JUL mon-fri")),
    good("the shortest window", window(duration="30m")),
    good("the longest window", window(duration="24h")),
    bad("a window too short", window(duration="29m59s"), f"{FIRST}.duration", OPEN),
    bad("a window too long", window(duration="25h"), f"{FIRST}.duration", OPEN),
    bad("nonsense", window(duration="long"), f"{FIRST}.duration", OPEN),
    bad("no schedule", maintenance(windows=[{"duration": "2h"}]), f"{FIRST}.schedule"),
    bad("no duration", maintenance(windows=[{"schedule": "0 3 * * *"}]), f"{FIRST}.duration"),
    good("sixteen windows", maintenance(windows=[WINDOW] * 16)),
    bad("seventeen", maintenance(windows=[WINDOW] * 17), "spec.maintenance.windows"),
    good("the instance's window", maintenance(useInstanceWindow=True)),
    good("no windows", maintenance(windows=[], useInstanceWindow=True)),
    bad(
        "two kinds of windows",
        maintenance(windows=[WINDOW], useInstanceWindow=True),
        "spec.maintenance",
        "windows and useInstanceWindow exclude each other",
    ),
    good("an override", maintenance(windows=[WINDOW], overrideBeforeExpiry="72h")),
    good("another", maintenance(useInstanceWindow=True, overrideBeforeExpiry="72h")),
    bad(
        "an override of nothing",
        maintenance(overrideBeforeExpiry="72h"),
        "spec.maintenance.overrideBeforeExpiry",
        "overrideBeforeExpiry needs windows or useInstanceWindow",
    ),
    bad(
        "an override of no windows",
        maintenance(windows=[], overrideBeforeExpiry="72h"),
        "spec.maintenance.overrideBeforeExpiry",
        "overrideBeforeExpiry needs windows or useInstanceWindow",
    ),
    bad(
        "an override of days",
        maintenance(useInstanceWindow=True, overrideBeforeExpiry="3d"),
        "spec.maintenance.overrideBeforeExpiry",
        MARGIN,
    ),
]

CASES: list[Any] = [
    *IDENTITY,
    *SERVER_CERTIFICATE,
    *DURATIONS,
    *CLIENT_AUTHENTICATION,
    *ENCRYPTION,
    *POLICIES,
    *MAINTENANCE,
]


def patched(patch: Mapping[str, object]) -> Json:
    return {name: value for name, value in {**GOOD, **patch}.items() if value is not ABSENT}
