"""Whether a piece of a private key stands in what came out of a run."""

import base64
import re
from collections.abc import Iterable, Mapping

PIECE = 32
"""Characters in a row that are a piece of a key; by chance they are alike once in 64^32."""

ENCODED = re.compile(rf"[A-Za-z0-9+/]{{{PIECE},}}")

SHARED = 48
"""Characters at the beginning of a key of this kind that are the same in all: the algorithm."""


def leaks(keys: Iterable[bytes], texts: Mapping[str, str]) -> list[str]:
    """Name the texts that have a piece of one of the *keys* (PEM), plain or in base64 again."""
    pieces = {piece for key in keys for piece in _pieces(key)}
    return [
        f"{name} has a piece of a private key"
        for name, text in texts.items()
        if any(
            run[at : at + PIECE] in pieces
            for run in ENCODED.findall(text)
            for at in range(len(run) - PIECE + 1)
        )
    ]


def _pieces(key: bytes) -> Iterable[str]:
    lines = [line for line in key.decode().splitlines() if not line.startswith("-----")]
    secret = "".join(lines)[SHARED:]
    yield from _windows(secret)
    for line in lines:  # A line alone, as it is or cut.
        yield from (each for each in _windows(line) if each in secret)
    again = base64.b64encode(key).decode()
    begins = len(again) * (len("-----BEGIN PRIVATE KEY-----") + SHARED) // len(key)
    ends = again.rstrip("=")[: -len("-----END PRIVATE KEY-----") * 4 // 3 - 4]
    yield from _windows(ends[begins:])


def _windows(text: str) -> Iterable[str]:
    return (text[at : at + PIECE] for at in range(len(text) - PIECE + 1))
