"""
From text to PEM blocks, and to the lines that look like the beginning of one and are none.

A block begins where ``-----BEGIN …-----`` starts a line (after blanks, or right after the END of
another block), as OpenSSL has it: what stands in a comment is no block. But what somebody meant for
a block must not be dropped without a word, so all that looks like one is reported.
"""

import re
from dataclasses import dataclass

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason

BEGIN = "-----BEGIN "
"""How a block begins."""

_END = "-----END "

_BLANKS = " \t\v\f\xa0\u200b\ufeff"
"""Byte order marks among them, of files that were put together."""

_BEGIN_LINE = re.compile(r"-----BEGIN ((?:[^\n]{0,63}?[^\n-])??)-----(?!-)")

_DASHES = "\\-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d\u0096\u0097"
"""All kinds of them; the last two are those of Windows-1252 in a text read as Latin-1."""

_LIKE_BEGIN = re.compile(rf"(?:[{_DASHES}]{{2,}}\s*|[{_DASHES}])begin\b", re.IGNORECASE)
"""One dash and a blank are the bullet of a list."""

_BODY_LINE = re.compile(r"M[A-Za-z0-9+/]{47,}={0,2}")
"""A line that is the beginning of a DER SEQUENCE in base64, longer than any word."""

_BODY_WITHIN = re.compile(r"(?<![A-Za-z0-9+/])M[A-Za-z0-9+/]{47,}")

_COMMENT = re.compile(r"[#;%*/!]|<!|--(?!-)|REM\b")
"""How a line of comment begins, in the languages that people keep PEM in."""

_QUOTED_BEGIN = re.compile(r"[^\w\s]\W*-----BEGIN [^\n]{0,64}-----")
"""The whole line: a BEGIN behind a quotation mark, or quoted as mail is."""

_WORD = re.compile(r"[A-Z]{1,14}|[a-z]{1,14}|[A-Z][a-z]{1,13}|X\.?509|PKCS ?#?(?:1|7|8|12)")
"""A word of a label; base64 of a key is longer, or mixes its letters."""

_MOST_WORDS = 6

_MAX_SHOWN = 80
"""Characters of a line."""

_NO_LINE = (-1, "")

_SHORTEST = len("-BEGIN")
"""Of a line that could be anything; a text of many short ones is looked through in no time."""


@dataclass(frozen=True, slots=True)
class Block:
    """
    One block; *body* is the text between its lines, not decoded yet.

    *line* is the number of its BEGIN line, from 1. repr() leaves the body out: it may be a key.
    """

    label: str
    body: str
    line: int

    def __repr__(self) -> str:
        return f"Block({cleaned(self.label)!r}, line {self.line})"


@dataclass(frozen=True, slots=True)
class Odd:
    """A line that looks like the beginning, or the end, of a block and is not one."""

    line: int
    label: str
    """Its words, as `cleaned` gives them."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """What a text holds, in its order."""

    blocks: tuple[Block, ...]
    odd: tuple[Odd, ...]


def invalid(field: str, sentence: str) -> MaterialError:
    """Return the error for text that cannot be used; *sentence* goes on after the field's name."""
    return MaterialError(f"{field} {sentence}", reason=Reason.MATERIAL_INVALID, field=field)


def cleaned(label: str) -> str:
    """
    Return the words of a label or a line, fit for a message.

    A word that is none (too long, mixed, with digits) becomes an ellipsis: it is text of unknown
    origin, perhaps of a key.
    """
    words = re.sub(rf"[{_DASHES}\s]+", " ", label).split()
    fit = [word if _WORD.fullmatch(word) else "…" for word in words[:_MOST_WORDS]]
    return " ".join([*fit, *(["…"] if len(words) > _MOST_WORDS else [])])


def scan(plain: str, *, field: str) -> Scanned:
    r"""
    Find all blocks of *plain*, whatever their labels, and what looks like one.

    Line ends may be those of any system, or lost, or written as a backslash and an n.

    Raises:
        MaterialError: A block has no END line.
    """
    text = plain.replace("\\r", "").replace("\\n", "\n").replace("\r\n", "\n").replace("\r", "\n")
    blocks: list[Block] = []
    lines = _Lines()
    position, number = 0, 1
    while position < len(text):
        end = text.find("\n", position)
        end = len(text) if end < 0 else end
        content = text[position:end].strip(_BLANKS)
        begin = _BEGIN_LINE.match(text, text.find(BEGIN, position)) if _begins(content) else None
        if begin is None:
            lines.note(content, number)
            position, number = end + 1, number + 1
            continue
        block, after = _block_at(text, begin, number, field=field)
        blocks.append(block)
        lines.reset()
        number += text.count("\n", position, after)
        position = after
    return Scanned(tuple(blocks), tuple(lines.odd))


def _looks_like_begin(content: str) -> bool:
    return bool(_LIKE_BEGIN.match(content) or _QUOTED_BEGIN.fullmatch(content))


def _begins(content: str) -> bool:
    return _BEGIN_LINE.match(content) is not None


class _Lines:
    """What stands outside of all blocks, line by line."""

    def __init__(self) -> None:
        self.odd: list[Odd] = []
        self._before = _NO_LINE
        self._commented = False
        """Whether a BEGIN was commented out: its body and its END may still stand there."""

    def reset(self) -> None:
        """Begin anew after a block."""
        self._before, self._commented = _NO_LINE, False

    def note(self, content: str, number: int) -> None:
        """Look at a line that begins no block."""
        if len(content) < _SHORTEST:
            return
        here, before = (number, content), self._before
        self._before = here
        if _COMMENT.match(content):
            self._commented = self._commented or BEGIN in content
        elif content.startswith(_END) and self._commented:
            self._commented = False
        elif content.startswith(_END) or _looks_like_begin(content):
            self._report(here)
        elif _BODY_LINE.fullmatch(content):
            # What stands above it was meant for its BEGIN line.
            if not self._commented:
                self._report(before if before[0] == number - 1 else here)
        elif (BEGIN in content or _END in content) and _BODY_WITHIN.search(content):
            self._report(here)

    def _report(self, line: tuple[int, str]) -> None:
        number, content = line
        if not self.odd:  # One is enough to say.
            self.odd.append(Odd(number, cleaned(content[:_MAX_SHOWN])))


def _block_at(text: str, begin: re.Match[str], line: int, *, field: str) -> tuple[Block, int]:
    """Read the block that begins there; also give the position after it."""
    label, body_at = begin[1], begin.end()
    end_line = f"{_END}{label}-----"
    end = text.find(end_line, body_at)
    if end < 0 or BEGIN in text[body_at:end]:
        raise invalid(
            field,
            f"has a {cleaned(label)} block without its END line (from line {line}; cut off, or"
            " pasted wrongly); store the file again.",
        )
    return Block(label, text[body_at:end], line), end + len(end_line)
