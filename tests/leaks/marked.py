"""Marked secrets, and what of them is found in bytes: whole or in part, however it is written."""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, quote_plus

from support import pki

RUN = 24
"""Characters in a row that count as a find: 18 bytes of a key."""

_BREAKS = re.compile(rb"(?:\\+[nrt]|%0[AaDd]|%25?0[AaDd]|&#1[03];|[\s\"'])+")
"""What may stand between two lines of a key, also escaped once or twice."""


@dataclass(frozen=True, slots=True)
class Marked:
    """A secret that is looked for."""

    name: str
    text: str

    def forms(self) -> Iterator[str]:
        """Give what it may be written as: as it is, in Base64, escaped for a URL or for JSON."""
        for whole in (self.text, "".join(_body(self.text))):
            yield whole
            yield quote(whole, safe="")
            yield quote(quote(whole, safe=""), safe="")
            yield quote_plus(whole)
            yield json.dumps(whole)[1:-1]
            raw = whole.encode()
            for shift in range(3):
                # What stands before it moves its Base64: three ways, and their outer groups.
                coded = base64.b64encode(b"\0" * shift + raw).decode()
                yield coded[4:-4]
                yield coded[4:-4].replace("+", "-").replace("/", "_")


def _body(text: str) -> list[str]:
    """Give the lines of a PEM block, or the text itself."""
    return [line for line in text.splitlines() if not line.startswith("-----")] or [text]


@cache
def _runs(marked: Marked) -> frozenset[bytes]:
    found: set[bytes] = set()
    for form in marked.forms():
        plain = _BREAKS.sub(b"", form.encode())
        for text in (form.encode(), plain):
            found.update(text[at : at + RUN] for at in range(len(text) - RUN + 1))
    # The armour is no secret, and stands in sentences of the operator.
    return frozenset(each for each in found if b"-----" not in each and b"PRIVATE" not in each)


@cache
def _all_runs() -> Mapping[bytes, str]:
    return {run: name for name, each in marked().items() for run in _runs(each)}


def finds(haystack: bytes) -> Counter[str]:
    """Count the runs of each marked secret in *haystack*, as it is or without line breaks."""
    runs = _all_runs()
    found: Counter[str] = Counter()
    for text in (haystack, _BREAKS.sub(b"", haystack)):
        windows = {text[at : at + RUN] for at in range(len(text) - RUN + 1)}
        found.update(runs[each] for each in windows & runs.keys())
    return found


KEY_ID = "LTAI5tMarkedKeyOfTheShop"
OWN_KEY_ID = "LTAI5tMarkedKeyOfTheOperator"


@cache
def marked() -> Mapping[str, Marked]:
    """Make the secrets of this process, by name."""
    texts = {
        "private key": pki.make_root("Leaks")
        .leaf("x", kind=pki.KeyType.RSA_2048)
        .key_pem()
        .decode(),
        "access key": "Zq7xM2vKp9Lw4RtYb6Nc8HdJf3Gs5A",
        "token": "CAIS" + "h3Wk8sPz1Qm5Xn7Vb2Lc9Td4Rf6Gj0Yk3Hp8Ea5Uw1Io7Sz" * 2,
        "PFX password": "tK9w,Qz4;mXp7&vLc2)nRb5}yHd8s",
        "own access key": "Lc4Vn8Xb2Mz6Kq9Wp3Rt7Yh5Jd1Fg0",
        "proxy login": "gate:Xw6Tq3Zn9Vk2Pm7Lb4Rc8Hs5",
    }
    return {name: Marked(name, text) for name, text in texts.items()}
