"""Certificates that fit together, as many tests of parsers need them."""

from dataclasses import dataclass

from support import pki

HOST = "orders.pg.rds.aliyuncs.com"
CRT = "Secret orders-tls, key tls.crt"
KEY = "Secret orders-tls, key tls.key"
CA = "ConfigMap client-ca, key ca.crt"
CRL = "ConfigMap client-ca, key ca.crl"


@dataclass(frozen=True)
class World:
    """A root, an intermediate, and what they have issued."""

    root: pki.Authority
    intermediate: pki.Authority
    leaf: pki.Leaf
    """For `HOST`, EC."""
    rsa: pki.Leaf
    """For `HOST`, RSA."""
    other: pki.Leaf
    """Of another CA, for another host."""
    crl: bytes
    """The list of the root."""


def make_world() -> World:
    """Make a new one; 50 ms or more, for there is an RSA key in it."""
    root = pki.make_root()
    intermediate = root.intermediate()
    return World(
        root=root,
        intermediate=intermediate,
        leaf=intermediate.leaf(HOST),
        rsa=intermediate.leaf(HOST, kind=pki.KeyType.RSA_2048),
        other=pki.make_root("Other root").leaf("other.example.com"),
        crl=root.revocation_list(serials=[7, 9], number=3),
    )
