"""
Changes of a declaration, engine by engine: what `support.restarts` plays.

A new setting is a new row here. Each starts from an instance that is as it was declared *before*.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from support import pki
from support.engine_world import NAMESPACE, EngineWorld

Play = Callable[[EngineWorld], None]
Spec = Mapping[str, Any]

NAME = "a"
"""Of the object, and of the instance."""

DAY = 86_400.0

WAIVED: Spec = {"approvalRequired": [], "adoptionPolicy": "Overwrite"}
"""Nothing waits for approval: what is asked for is sent."""

RENEWAL_DAYS = 336
"""One more than 365 - 30: a cloud certificate lasts a year."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A change, and what it starts from."""

    profile: str
    change: str
    """In words, for the page."""
    before: Play | None = None
    """Declares what is in force before; None: SSL is off, and there is no object."""
    act: Play
    seconds: float = 300.0
    """Until everything that comes of it has come."""
    switches: Mapping[str, str] = field(default_factory=dict)
    """Of the simulator, beside ``restart``."""
    calls: int = 1
    """That are to be accepted."""
    stalled: str = ""
    """The reason with which it ends, where it is refused before any call."""


def _declared(**spec: Any) -> Play:  # noqa: ANN401  # JSON.
    return lambda world: world.declare(NAME, **WAIVED, **spec)


def _edited(**spec: Any) -> Play:  # noqa: ANN401  # JSON.
    return lambda world: world.edit(NAME, **spec)


def _both(*plays: Play) -> Play:
    def play(world: EngineWorld) -> None:
        for each in plays:
            each(world)

    return play


def _pair(world: EngineWorld) -> None:
    """Write another certificate for the same host into the object's Secret."""
    world.write_pair(NAME)


def _rewritten(change: Callable[[bytes], bytes], **extra: bytes) -> Play:
    """Write the Secret again with its certificate in other bytes, and *extra* keys."""

    def play(world: EngineWorld) -> None:
        data = world.kube.data["Secret", (NAMESPACE, f"{NAME}-tls")].data
        again = {**data, "tls.crt": change(data["tls.crt"]), **extra}
        world.write("Secret", f"{NAME}-tls", again)

    return play


def _trust(ca: str = "Client root", *, number: int = 1) -> Play:
    """Write client CA and revocation list into the ConfigMap: another *ca* is another root."""

    def play(world: EngineWorld) -> None:
        root = world.root if ca == "Client root" else pki.make_root(ca)
        lists = root.revocation_list(number=number)
        world.write("ConfigMap", f"{NAME}-ca", {"ca.crt": root.pem, "ca.crl": lists})

    return play


def _public(world: EngineWorld) -> str:
    return str(world.truth(NAME)["endpoints"][1]["host"])


def _moved(world: EngineWorld) -> None:
    """Ask for the public endpoint."""
    world.edit(NAME, connectionString=_public(world))


def _pair_for_both(world: EngineWorld) -> None:
    """Write a certificate for the internal and the public endpoint."""
    world.write_pair(NAME, world.issuer.leaf(world.host(NAME), _public(world)))


def _by_vendor(world: EngineWorld) -> None:
    world.meddle(NAME, renew=True)
    world.ask(NAME, "look")


_END = b"-----END CERTIFICATE-----\n"

OWN: Spec = {"serverCertificate": {"secretRef": {"name": f"{NAME}-tls"}}}
CLOUD: Spec = {"serverCertificate": None}
RENEW: Spec = {"serverCertificate": {"renewBefore": "720h"}}
OFF: Spec = {"enabled": False}
CA: Spec = {"ca": {"configMapKeyRef": {"name": f"{NAME}-ca"}}}
LISTED: Spec = {**CA, "revocationList": {"configMapKeyRef": {"name": f"{NAME}-ca"}}}
STRICT: Spec = {"acl": "cert", "replicationACL": "cert"}

_cloud = _declared()
_own = _both(_pair, _declared(**OWN))


def _clients(authentication: Spec, *, own: bool = True) -> Play:
    """Declare client authentication beside a certificate of one's own, or the cloud's."""
    declared = _declared(clientAuthentication=authentication, **(OWN if own else {}))
    return _both(_pair, _trust(), declared)


def _to(authentication: Spec | None) -> Play:
    return _edited(clientAuthentication=authentication)


def _rows(
    profile: str, *rows: tuple[str, Play | None, Play], calls: int = 1, **switches: str
) -> Iterator[Scenario]:
    for change, before, act in rows:
        yield Scenario(
            profile=profile,
            change=change,
            before=before,
            act=act,
            calls=calls,
            switches=_named(switches),
        )


def _named(switches: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in switches.items()}


def _certificates(profile: str) -> Iterator[Scenario]:
    """Whose certificate it is, on engines that take one in PEM."""
    yield from _rows(
        profile,
        ("SSL on, cloud certificate", None, _cloud),
        ("SSL on, own certificate", None, _own),
        ("own certificate in place of the cloud's", _cloud, _both(_pair, _edited(**OWN))),
        ("cloud certificate in place of the own", _own, _edited(**CLOUD)),
        ("another own certificate in the Secret", _own, _pair),
        (
            "the same certificate in the Secret, without its intermediate",
            _own,
            _rewritten(lambda pem: pem.partition(_END)[0] + _END),
        ),
        ("another endpoint, cloud certificate", _cloud, _moved),
        (
            "another endpoint, own certificate for both",
            _both(_pair_for_both, _declared(**OWN)),
            _moved,
        ),
    )
    yield from _rows(
        profile,
        (
            "the same certificate in the Secret, with CRLF and text around it",
            _own,
            _rewritten(lambda pem: b"Orders\r\n" + pem.replace(b"\n", b"\r\n")),
        ),
        (
            "the Secret written again, with another key in it",
            _own,
            _rewritten(bytes, **{"ca.crt": b"x"}),
        ),
        calls=0,
    )


def _postgresql(profile: str) -> Iterator[Scenario]:
    yield from _certificates(profile)
    yield from _rows(profile, ("RDS renews the cloud certificate", _cloud, _by_vendor), calls=0)
    loose, strict, listed = CA, {**CA, **STRICT}, {**LISTED, **STRICT}
    yield from _rows(
        profile,
        ("SSL on, own certificate, client CA, revocation list, ACLs", None, _clients(listed)),
        ("client CA", _own, _both(_trust(), _to(loose))),
        ("client CA and `acl: cert`", _own, _both(_trust(), _to({**CA, "acl": "cert"}))),
        ("another client CA, ACLs `prefer`", _clients(loose), _trust("Next root")),
        ("another client CA, ACLs `cert`", _clients(strict), _trust("Next root")),
        ("revocation list", _clients(strict), _to(listed)),
        ("newer revocation list", _clients(listed), _trust(number=2)),
        ("no revocation list any more", _clients(listed), _to({"revocationList": None})),
        ("`acl: cert`, own certificate", _clients(loose), _to({"acl": "cert"})),
        ("`acl: cert`, cloud certificate", _clients(loose, own=False), _to({"acl": "cert"})),
        ("`acl: verify-full` after `cert`", _clients(strict), _to({"acl": "verify-full"})),
        ("`acl: prefer` after `cert`", _clients(strict), _to({"acl": "prefer"})),
        ("`replicationACL: cert`", _clients(loose), _to({"replicationACL": "cert"})),
        ("no client CA any more, ACLs `prefer`", _clients(loose), _to(None)),
        ("SSL off", _cloud, _edited(**OFF)),
        ("SSL off, with client CA and ACLs `cert`", _clients(listed), _edited(**OFF)),
    )
    yield from _rows(
        profile,
        ("no client CA any more, ACLs `cert`", _clients(strict), _to(None)),
        ("no client CA and revocation list any more, ACLs `cert`", _clients(listed), _to(None)),
        calls=2,
    )
    forced = _declared(forceEncryption=True)
    yield from _rows(
        profile,
        (
            "`forceEncryption: true`, where RDS takes it",
            _cloud,
            _edited(forceEncryption=True),
        ),
        ("`forceEncryption: false`, after that", forced, _edited(forceEncryption=False)),
        force_on_postgresql="accepted",
    )


def _forced(profile: str) -> Iterator[Scenario]:
    """What MySQL and SQL Server have both."""
    forced = _declared(forceEncryption=True)
    plain, off = _edited(forceEncryption=False), _edited(**OFF, forceEncryption=False)
    yield from _rows(
        profile,
        ("SSL on with `forceEncryption`", None, forced),
        ("`forceEncryption: true`", _cloud, _edited(forceEncryption=True)),
        ("`forceEncryption: false`", forced, plain),
        ("SSL off", _cloud, _edited(**OFF)),
        ("SSL off, with `forceEncryption`", forced, off),
    )
    yield _renewal(profile, "`renewBefore: 720h`, when it is due")


def _renewal(profile: str, change: str, **switches: str) -> Scenario:
    return Scenario(
        profile=profile,
        change=change,
        before=_declared(**RENEW),
        act=lambda _: None,
        seconds=RENEWAL_DAYS * DAY,
        switches=_named(switches),
    )


def _mysql(profile: str) -> Iterator[Scenario]:
    yield from _certificates(profile)
    yield from _forced(profile)


def _pfx(file: str = "orders-1.pfx") -> Spec:
    return {
        "serverCertificate": {
            "pfx": {
                "ossObject": f"oss-cn-hangzhou.aliyuncs.com:certs:{file}",
                "passwordSecretKeyRef": {"name": f"{NAME}-pfx", "key": "password"},
            }
        }
    }


def _password(text: bytes) -> Play:
    return lambda world: world.write("Secret", f"{NAME}-pfx", {"password": text})


def _sqlserver(profile: str) -> Iterator[Scenario]:
    first = _password(b"first of two")
    own = _both(first, _declared(**_pfx()))
    tls = _declared(minimumTLSVersion="1.1")
    yield from _rows(
        profile,
        ("SSL on, cloud certificate", None, _cloud),
        ("SSL on, PFX file", None, own),
        ("PFX file in place of the cloud's certificate", _cloud, _both(first, _edited(**_pfx()))),
        ("another PFX file", own, _edited(**_pfx("orders-2.pfx"))),
        ("another endpoint, cloud certificate", _cloud, _moved),
        ('`minimumTLSVersion: "1.2"` after `"1.1"`', tls, _edited(minimumTLSVersion="1.2")),
        ('`minimumTLSVersion: "1.0"` after `"1.1"`', tls, _edited(minimumTLSVersion="1.0")),
    )
    yield from _rows(
        profile,
        ("another password of the same PFX file", own, _password(b"second of two")),
        ("`minimumTLSVersion` not managed any more", tls, _edited(minimumTLSVersion=None)),
        calls=0,
    )
    yield Scenario(
        profile=profile,
        change="cloud certificate in place of the PFX file",
        before=own,
        act=_edited(**CLOUD),
        calls=0,
        stalled="EngineNotSupported",
    )
    yield from _forced(profile)
    yield _renewal(
        profile, "`renewBefore: 720h`, where RDS refuses `SSLEnabled=2`", update_value="refused"
    )


SCENARIOS: Mapping[str, Mapping[str, tuple[Scenario, ...]]] = {
    "PostgreSQL": {"14": tuple(_postgresql("postgresql-14"))},
    "MySQL": {each: tuple(_mysql(f"mysql-{each}")) for each in ("5.7", "8.0", "8.4")},
    "SQL Server": {"2019": tuple(_sqlserver("sqlserver-2019"))},
}
"""By engine and version, in the order of the page."""
