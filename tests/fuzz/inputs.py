"""What inputs by chance are made of: good ones with parts replaced, and JSON of any kind."""

import base64
import functools
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from support import hostile_der, odd_pem, pki

Json = Any

TEXTS = (
    "", " ", "-", "null", "\x00", "\x1b[2J\x9b31m", "\u202eevil\u200b", "\ud800", "é" * 300,
    "a" * 5_000, "9" * 5_000, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "1e999", "%s{0}",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "True", "Sending", "Accepted",
)  # fmt: skip
NUMBERS = (0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 1.5, float("inf"), float("nan"))

LEAVES: SearchStrategy[Json] = st.one_of(
    st.sampled_from(TEXTS), st.sampled_from(NUMBERS), st.none(), st.booleans(), st.text(max_size=12)
)

ANY_JSON: SearchStrategy[Json] = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def changed(draw: st.DrawFn, good: Json) -> Json:
    """Give *good* with one to four of its parts replaced, taken away or doubled."""
    found = json.loads(json.dumps(good))
    for _ in range(draw(st.integers(1, 4))):
        holder, place = draw(st.sampled_from(list(_places(found)) or [({}, "x")]))
        match draw(st.integers(0, 3)):
            case 0 if isinstance(holder, dict):
                holder.pop(place, None)
            case 1:
                nested: Json = holder[place] if place in _keys(holder) else None
                for _ in range(draw(st.sampled_from([1, 30, 200, 480]))):
                    nested = [nested]
                holder[place] = nested
            case 2 if isinstance(holder, dict):
                holder[draw(st.text(max_size=8))] = draw(ANY_JSON)
            case _:
                holder[place] = draw(ANY_JSON)
    return found


def _places(value: Json) -> list[tuple[Json, Any]]:
    found: list[tuple[Json, Any]] = []
    for key in _keys(value):
        found += [(value, key), *_places(value[key])]
    return found


def _keys(value: Json) -> list[Any]:
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


@st.composite
def mutated(draw: st.DrawFn, seeds: SearchStrategy[bytes]) -> bytes:
    """Give one of *seeds* with some pieces replaced, repeated, swapped or cut off."""
    found = bytearray(draw(seeds))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, 1 << 20)) % (len(found) + 1)
        size = draw(st.sampled_from([0, 1, 1, 2, 4, 16, 64]))
        match draw(st.integers(0, 5)):
            case 0:
                found[at : at + size] = draw(st.binary(max_size=8))
            case 1 if at < len(found):
                found[at] = draw(st.integers(0, 255))
            case 2 if at < len(found):
                found[at] ^= 1 << draw(st.integers(0, 7))
            case 3:
                found[at:at] = found[at : at + size] * draw(st.sampled_from([1, 2, 50]))
            case 4:
                del found[at + 64 * size :]
            case _:
                found[at : at + size] = draw(st.sampled_from(PIECES))
    return bytes(found)


PIECES = (
    b"-----BEGIN CERTIFICATE-----\n", b"-----END CERTIFICATE-----", b"\x00", b"\xff", b"\x30\x80",
    b"\x30\x84\x7f\xff\xff\xff", b"\x02\x88" + b"\0" * 7 + b"\1", b'"', b"[" * 300, b"{" * 300,
    b"NaN", b"\\ud800", b"1e999", b"\xed\xa0\x80", b"9" * 4_400, b"\n", b": ", b"- ", b"&a [*a]",
)  # fmt: skip


def in_pem(label: str, seeds: Callable[[], tuple[bytes, ...]]) -> SearchStrategy[bytes]:
    """Give changed DER in PEM, so that what is behind base64 is reached."""
    return mutated(st.deferred(lambda: st.sampled_from(seeds()))).map(
        lambda der: odd_pem.to_block(der, label)
    )


@functools.cache
def certificates() -> tuple[bytes, ...]:
    """Give DER of certificates of many kinds."""
    root = pki.make_root()
    issuer = root.intermediate()
    found = [root.certificate, issuer.certificate, issuer.leaf("a.example.com").certificate]
    found += [pki.make_root(kind=kind).certificate for kind in (pki.KeyType.ED25519,)]
    return (
        *map(pki.der, found),
        hostile_der.with_name(root, 50),
        hostile_der.with_rsa_public_key(root, bits=2048),
        hostile_der.with_public_key(
            root, hostile_der.DHX + hostile_der.diffie_hellman_group(), hostile_der.integer(4)
        ),
    )


@functools.cache
def private_keys() -> tuple[bytes, ...]:
    """Give DER of keys of many kinds and forms."""
    keys = [pki.make_key(kind) for kind in (pki.KeyType.EC, pki.KeyType.ED25519)]
    keys.append(pki.make_key(pki.KeyType.RSA_1024))
    forms = [(key, pki.KeyFormat.PKCS8) for key in keys]
    forms += [(keys[0], pki.KeyFormat.SEC1), (keys[2], pki.KeyFormat.PKCS1)]
    small = (hostile_der.odd(1024), 65537, 3, *(hostile_der.odd(512),) * 5)
    texts = [pki.key_pem(key, form) for key, form in forms]
    texts += [hostile_der.diffie_hellman_key(), hostile_der.rsa_key(small)]
    return tuple(base64.b64decode(b"".join(text.splitlines()[1:-1])) for text in texts)


@functools.cache
def revocation_lists() -> tuple[bytes, ...]:
    """Give DER of revocation lists."""
    root = pki.make_root()
    texts = (root.revocation_list(serials=[7, 1 << 150]), root.revocation_list(delta_of=1))
    return (
        *(base64.b64decode(b"".join(text.splitlines()[1:-1])) for text in texts),
        hostile_der.list_with_name(root, 20),
    )


def answer_bodies() -> Mapping[str, Json]:
    """Give good answers of the API, by operation."""
    root = pki.make_root()
    ssl = {
        "RequestId": "F2E9F6C1-0A6B-5D6C-9E51-2B8A7D1C4E55",
        "SSLEnabled": "on",
        "CAType": "custom",
        "ConnectionString": "a.pg.rds.aliyuncs.com",
        "SSLExpireTime": "2027-01-01T00:00:00Z",
        "ServerCert": root.leaf("a.pg.rds.aliyuncs.com").pem.decode(),
        "ServerKey": "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----",
        "ClientCACert": root.pem.decode(),
        "ClientCertRevocationList": root.revocation_list(serials=[7]).decode(),
        "ACL": "cert",
        "ReplicationACL": "cert",
        "ForceEncryption": "0",
        "TlsVersion": "TLSv1.2",
        "RequireUpdate": "No",
        "LastModifyStatus": "success",
        "ModifyStatusReason": "",
    }
    attribute = {
        "Engine": "PostgreSQL",
        "EngineVersion": "16.0",
        "Category": "HighAvailability",
        "DBInstanceStatus": "Running",
        "ConnectionString": "a.pg.rds.aliyuncs.com",
        "MaintainTime": "18:00Z-22:00Z",
    }
    entry = {"ConnectionString": "a.pg.rds.aliyuncs.com", "Port": "5432", "IPType": "Private"}
    row = {"Type": "hostssl", "Database": "all", "User": "all", "Address": "0.0.0.0/0"}
    return {
        "ssl": ssl,
        "attribute": {"Items": {"DBInstanceAttribute": [attribute]}},
        "endpoints": {"DBInstanceNetInfos": {"DBInstanceNetInfo": [entry]}},
        "hba": {"RunningHbaItems": {"HbaItem": [row]}},
        "error": {
            "Code": "InvalidX",
            "Message": "no",
            "RequestId": "R",
            "AccessDeniedDetail": {"AuthAction": "rds:X", "AuthPrincipalDisplayName": "u"},
        },
    }


NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
