"""
What can be said of a certificate or a list that is no strict DER: its dates, and its names.

For what an instance shows, where not to know is worse than to be lenient: nothing of that is ever
taken for equal to what is declared. And for the outline of keys, certificates and lists, before
anything is computed with them. It looks at some twenty elements, whatever the input is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rds_ssl.core.formats import escaped

SEQUENCE = 0x30
INTEGER, OCTET_STRING, OID = 0x02, 0x04, 0x06
_SET = 0x31
_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18

_MOST_ELEMENTS = 12
"""Of one constructed element: a certificate has ten at most, a name rarely more."""

_MOST_TEXT = 128
"""Bytes of one part of a name."""

_ATTRIBUTES = {
    b"\x55\x04\x03": "CN",
    b"\x55\x04\x06": "C",
    b"\x55\x04\x07": "L",
    b"\x55\x04\x08": "ST",
    b"\x55\x04\x0a": "O",
    b"\x55\x04\x0b": "OU",
}
"""By object identifier, of id-at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaxFacts:
    """What was found; None and empty: not found."""

    subject: str = ""
    """The parts that are known, in the order of RFC 4514; of a list its issuer's."""
    issuer: str = ""
    first: datetime | None = None
    """notBefore, or thisUpdate."""
    second: datetime | None = None
    """notAfter, or nextUpdate."""


Element = tuple[int, bytes]
"""Tag and content."""


def first_element(data: bytes) -> bytes:
    """Return the SEQUENCE that *data* begins with, to its end; empty if it is none, or cut off."""
    found = element(data)
    if found is None or found[0][0] != SEQUENCE:
        return b""
    return data[: len(data) - len(found[1])]


def written(tag: int, content: bytes) -> bytes:
    """Return an element in strict DER."""
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def certificate_facts(der: bytes) -> LaxFacts:
    """Return what a certificate says of names and dates, where it can be found."""
    parts = to_be_signed(der)
    for index, (tag, content) in enumerate(parts):
        times = _times(children(content)) if tag == SEQUENCE else ()
        if len(times) == 2 and index > 0:
            after = parts[index + 1 : index + 2]
            return LaxFacts(
                issuer=_name(parts[index - 1]),
                subject=_name(after[0]) if after else "",
                first=times[0],
                second=times[1],
            )
    return LaxFacts()


def list_facts(der: bytes) -> LaxFacts:
    """Return what a revocation list says of its issuer and its dates, where it can be found."""
    parts = to_be_signed(der)
    for index, (tag, _) in enumerate(parts):
        if tag in {_UTC_TIME, _GENERALIZED_TIME} and index > 0:
            times = (*_times(parts[index : index + 2]), None, None)
            name = _name(parts[index - 1])
            return LaxFacts(subject=name, issuer=name, first=times[0], second=times[1])
    return LaxFacts()


def to_be_signed(der: bytes) -> Sequence[Element]:
    """Return what is signed of a certificate or a list, part by part; empty if it is neither."""
    outer = element(der)
    inner = element(outer[0][1]) if outer else None
    return tuple(children(inner[0][1])) if inner else ()


def inside(der: bytes) -> Sequence[Element]:
    """Return what is in the one SEQUENCE that *der* is; empty if it is none, or not alone."""
    outer = element(der)
    return tuple(children(outer[0][1])) if outer and not outer[1] else ()


def bits(number: bytes) -> int:
    """Return the length of an INTEGER's content in bits, without leading zeros."""
    # A shorter copy at most: nothing is computed with what may be large.
    digits = number.lstrip(b"\0")
    return 8 * len(digits) - 8 + digits[0].bit_length() if digits else 0


def children(content: bytes) -> Iterator[Element]:
    """Yield the elements of a constructed one, the first `_MOST_ELEMENTS` of them."""
    for _ in range(_MOST_ELEMENTS):
        found = element(content)
        if found is None:
            return
        yield found[0]
        content = found[1]


def element(data: bytes) -> tuple[Element, bytes] | None:
    """Return the first element and what follows; a length may be longer than it has to be."""
    if len(data) < 2:
        return None
    size, at = data[1], 2
    if size >= 0x80:
        count = size & 0x7F
        at += count
        if not 0 < count <= 8 or len(data) < at:
            return None
        size = int.from_bytes(data[2:at], "big")
    if len(data) < at + size:
        return None
    return (data[0], data[at : at + size]), data[at + size :]


def _times(elements: Sequence[Element] | Iterator[Element]) -> tuple[datetime, ...]:
    found = []
    for tag, content in elements:
        time = _time(tag, content)
        if time is None:
            break
        found.append(time)
    return tuple(found)


def _time(tag: int, content: bytes) -> datetime | None:
    digits = content[:14].decode("latin-1")
    if tag == _UTC_TIME:
        digits = f"{'19' if digits[:2] >= '50' else '20'}{digits[:12]}"
    elif tag != _GENERALIZED_TIME:
        return None
    for form, length in (("%Y%m%d%H%M%S", 14), ("%Y%m%d%H%M", 12)):
        text = digits[:length]
        if len(text) == length and text.isascii() and text.isdigit():
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                continue
    return None


def _name(element: Element) -> str:
    if element[0] != SEQUENCE:
        return ""
    found = []
    for tag, content in children(element[1]):
        for _, pair in children(content) if tag == _SET else ():
            parts = tuple(children(pair))
            if len(parts) == 2 and parts[0][0] == OID and parts[0][1] in _ATTRIBUTES:
                value = escaped(parts[1][1][:_MOST_TEXT].decode("utf-8", "replace"))
                found.append(f"{_ATTRIBUTES[parts[0][1]]}={value}")
    return ",".join(reversed(found))
