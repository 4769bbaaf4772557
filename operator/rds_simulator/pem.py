"""
PEM, found and written; all of it in time that grows with the text and no faster.

Not by one expression from BEGIN to END: that looks through the rest of the text again for each
BEGIN without an END, and at each character of white space.
"""

import base64
import bisect
import re
from collections.abc import Iterator

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----")
_END = re.compile(r"-----END ([A-Z0-9 ]+)-----")


class MaterialError(ValueError):
    """Text that is no certificate, key or list of the wanted kind; the message never quotes it."""


def read_blocks(text: str, label: str) -> list[bytes]:
    """
    Contents of the PEM blocks with that label; text around them is ignored.

    Raises:
        MaterialError: If there is none, or one is not Base64.
    """
    try:
        found = [
            base64.b64decode("".join(content.split()), validate=True)
            for name, content in _all_blocks(text)
            if name == label
        ]
    except ValueError as error:
        raise MaterialError(f"a {label} block is not Base64") from error
    if not found:
        raise MaterialError(f"there is no {label} block")
    return found


def _all_blocks(text: str) -> Iterator[tuple[str, str]]:
    """Label and content of each block; one that begins within another is a part of it."""
    ends: dict[str, list[int]] = {}
    end = text.find("-----END ")
    while end >= 0:
        if match := _END.match(text, end):
            ends.setdefault(match[1], []).append(end)
        # Not behind it: two of them may share their dashes.
        end = text.find("-----END ", end + 1)
    start = 0
    while begin := _BEGIN.search(text, start):
        label = begin[1]
        of_label = ends.get(label, [])
        index = bisect.bisect_left(of_label, begin.end())
        if index == len(of_label):
            start = begin.start() + 1
            continue
        yield label, text[begin.end() : of_label[index]]
        start = of_label[index] + len(f"-----END {label}-----")


def write_block(der: bytes, label: str) -> str:
    """Write one block in lines of 64 characters, without a line break at its end."""
    body = base64.b64encode(der).decode()
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----"])
