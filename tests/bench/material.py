"""Certificates for many objects, quickly: the keys are few and shared, each leaf is its own."""

import base64
import itertools

from bench.naming import host_of
from support import pki

Data = dict[str, str]
"""Of a Secret, in base64."""


class Mint:
    """
    A root with an intermediate below it, and a pool of keys for leaves.

    A certificate lives for `pki.LEAF_LIFETIME`, so nobody warns of its end; the chain has the
    intermediate, so nobody misses it.
    """

    def __init__(self, *, keys: int, kind: pki.KeyType = pki.KeyType.RSA_2048) -> None:
        self._intermediate = pki.make_root("Bench root", kind=kind).intermediate(kind=kind)
        made = [pki.make_key(kind) for _ in range(keys)]
        self._keys = itertools.cycle([(key, _base64(pki.key_pem(key))) for key in made])

    def data(self, number: int) -> Data:
        """Make the content of a Secret for the instance of that number, new at each call."""
        key, written = next(self._keys)
        leaf = self._intermediate.leaf(host_of(number), key=key)
        return {"tls.crt": _base64(leaf.chain_pem), "tls.key": written}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
