"""
Broken and unusual material from end to end: parser, facts, checks, verdict.

A case is what somebody has stored; `verdict` says what becomes of it, as a pass would.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core.api.spec import Declaration, parse_spec
from rds_ssl.core.checks.material import validate
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Observed, Reason
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.facts import MaterialFacts
from rds_ssl.core.x509.signers import signed_lists
from support import pki
from support.pki_world import CA, CRL, CRT, HOST, KEY, World

NOW = pki.real_now()
AGO, YESTERDAY = NOW - 60 * pki.DAY, NOW - pki.DAY
TOMORROW, LATER = NOW + pki.DAY, NOW + 60 * pki.DAY
LONG_AGO = pki.Extras(not_before=NOW - 400 * pki.DAY)
"""Of CAs: older than all that they sign here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """What is in the objects; None: not referenced."""

    crt: bytes | None = None
    key: bytes = b""
    ca: bytes | None = None
    crl: bytes | None = None
    endpoint: str = HOST


@dataclass(frozen=True, slots=True)
class Case:
    """
    What is stored, and its documented verdict.

    *reason* None: it is accepted. *words* are of the sentence, or of a warning; without any an
    accepted case has no warning at all.
    """

    stored: Callable[[World], Stored]
    reason: Reason | None
    words: str = ""


def verdict(stored: Stored, *, now: datetime = NOW) -> tuple[Reason | None, tuple[str, ...]]:
    """Give the reason, or None for accepted, and the sentences to it."""
    server = cas = lists = None
    try:
        if stored.crt is not None:
            server = pem.parse_server_certificate(
                stored.crt, stored.key, certificate_field=CRT, key_field=KEY
            )
        if stored.ca is not None:
            cas = pem.parse_client_ca(stored.ca, field=CA)
        if stored.crl is not None:
            lists = pem.parse_revocation_list(stored.crl, field=CRL)
    except MaterialError as error:
        return error.reason, (str(error),)
    facts = MaterialFacts(
        server=server.facts if server else None,
        client_ca=cas.cas if cas else (),
        revocation_list=lists.lists if lists else (),
    )
    judgement = validate(
        declared(stored),
        facts,
        signed_lists(cas, lists) if cas and lists else None,
        Observed(enabled=False),
        applied=None,
        endpoint=stored.endpoint,
        now=now,
    )
    if judgement.problem is not None:
        return judgement.problem.reason, (judgement.problem.message,)
    return None, judgement.warnings


def declared(stored: Stored) -> Declaration:
    """Make a declaration that names what is stored; ACLs are not loose, which would warn."""
    spec: dict[str, object] = {"instanceID": "pgm-orders", "regionID": "cn-hangzhou"}
    if stored.crt is not None:
        spec["serverCertificate"] = {"secretRef": {"name": "orders-tls"}}
    if stored.ca is not None:
        clients: dict[str, object] = {"ca": {"configMapKeyRef": {"name": "client-ca"}}}
        clients |= {"acl": "cert", "replicationACL": "cert"}
        if stored.crl is not None:
            clients["revocationList"] = {"configMapKeyRef": {"name": "client-ca"}}
        spec["clientAuthentication"] = clients
    return parse_spec(spec)
