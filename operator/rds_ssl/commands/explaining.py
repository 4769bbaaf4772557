"""
What a word means that stands in a condition, a plan or a message. Pure, but for one file.

The texts are those of docs/conditions.md, packaged by `make explanations`; those of error codes are
the sentences of the tables that the operator itself looks them up in.
"""

import json
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from itertools import groupby
from pathlib import Path

from rds_ssl.commands.formatting import indented, table
from rds_ssl.core.rds import fault_codes, faults, sts_codes
from rds_ssl.core.rds.fault_codes import Fault

_FILE = Path(__file__).with_name("explanations.json")

_CODE = "error code"
_STS_CODE = "error code of STS"

_WIDTH = 100
"""Characters of a line."""

_SHORT = 68
"""Characters of a meaning in the list of all."""

_KINDS: Mapping[str, str] = {
    "condition": "a condition",
    "reason": "a reason of conditions",
    "impact": "an impact of a plan",
    "cause": "a cause of a plan",
    "disposition": "what the operator does after an error code",
    _CODE: "an error code of the RDS API",
    _STS_CODE: "an error code where a temporary key is asked for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A word and what is known of it; what does not apply is empty."""

    word: str
    kind: str
    group: str
    """Heading in the list of all."""
    means: str
    where: str = ""
    way_out: str = ""
    disposition: str = ""
    """Of an error code."""
    reason: str = ""
    """The reason of the conditions that an error code leads to."""

    @property
    def value(self) -> dict[str, str | None]:
        """The shape that docs/commands.md promises: every key is always there."""
        return {
            "word": self.word,
            "kind": self.kind,
            "means": self.means,
            "where": self.where or None,
            "wayOut": self.way_out or None,
            "disposition": self.disposition or None,
            "reason": self.reason or None,
        }


@cache
def explanations() -> tuple[Explanation, ...]:
    """Return all that can be explained: first what conditions say, then the error codes."""
    texts = [
        Explanation(
            word=each["word"],
            kind=each["kind"],
            group=each["group"],
            where=each["where"],
            means=each["means"],
            way_out=each["wayOut"],
        )
        for each in json.loads(_FILE.read_text(encoding="utf-8"))
    ]
    return (*texts, *_codes(fault_codes.BY_CODE, _CODE), *_codes(sts_codes.BY_STS_CODE, _STS_CODE))


def _codes(table_of: Mapping[str, Fault], kind: str) -> Iterator[Explanation]:
    group = f"{kind[0].upper()}{kind[1:].replace('code', 'codes')}"
    for code in sorted(table_of, key=str.lower):
        yield _of_fault(code, table_of[code], kind=kind, group=group)


def _of_fault(code: str, fault: Fault, *, kind: str = _CODE, group: str = "") -> Explanation:
    # Only where a key is asked for is there a permission that the sentence does not name itself.
    words = {"permission": "sts:AssumeRole"} if kind == _STS_CODE else {}
    sentence = faults.sentence(fault, code, **words).removesuffix(f" ({code})")
    return Explanation(
        word=code,
        kind=kind,
        group=group,
        means=f"{sentence}.",
        disposition=fault.disposition,
        reason=fault.reason,
    )


def find(word: str) -> list[Explanation]:
    """Return what a word means, in whatever case; of an unheard error code what its form says."""
    wanted = word.strip().lower()
    exact = [each for each in explanations() if each.word.lower() == wanted]
    if exact or not wanted:
        return exact
    parent = wanted.rpartition(".")[0]
    while parent:  # As the operator looks codes up.
        codes = [each for each in explanations() if each.kind in {_CODE, _STS_CODE}]
        found = [each for each in codes if each.word.lower() == parent]
        if found:
            return found
        parent = parent.rpartition(".")[0]
    for pattern, fault in fault_codes.BY_PATTERN:
        if pattern.fullmatch(word):
            return [_of_fault(word, fault)]
    return []


def unknown(word: str) -> str:
    """Return that a word is not known, and which ones are near."""
    words = {each.word.lower(): each.word for each in explanations()}
    near = [each for low, each in words.items() if word.lower() in low]
    close = get_close_matches(word.lower(), words, n=5)
    near += [words[each] for each in close if words[each] not in near]
    hint = (
        f" Did you mean {' or '.join(near[:5])}?"
        if near
        else " `rds-ssl explain` lists all words. An error code that is not in the list counts by"
        " its HTTP status: 4xx is RequestRejected, 429 Throttled, 5xx ApiUnavailable."
    )
    return f"Nothing is known of {word}.{hint}"


def detail(found: Sequence[Explanation]) -> list[str]:
    """Show what a word means in full, each of its meanings."""
    lines: list[str] = []
    for each in found:
        lines += [*([""] if lines else []), f"{each.word}: {_KINDS[each.kind]}"]
        lines += indented(_wrapped("Where", each.where))
        lines += indented(_wrapped("Means", each.means))
        lines += indented(_wrapped("Way out", each.way_out))
        if each.disposition:
            lines += indented(_wrapped("Then", f"{each.disposition}: {_disposition(each)}"))
            lines += indented(_wrapped("Reason", f"{each.reason}; rds-ssl explain {each.reason}"))
    return lines


def _disposition(code: Explanation) -> str:
    return next(
        each.means
        for each in explanations()
        if each.kind == "disposition" and each.word == code.disposition
    )


def _wrapped(name: str, text: str) -> list[str]:
    if not text:
        return []
    head = f"{name}:".ljust(9)
    return textwrap.wrap(
        text,
        width=_WIDTH - 2,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_long_words=False,
        break_on_hyphens=False,
    )


def all_lines() -> list[str]:
    """Return every word with the beginning of what it means, below headings."""
    lines: list[str] = []
    for group, members in groupby(explanations(), key=lambda each: each.group):
        rows = [(each.word, _shortened(each.means)) for each in members]
        lines += [*([""] if lines else []), group, *indented(table(("WORD", "MEANS"), rows)[1:])]
    return [*lines, "", "rds-ssl explain WORD says more of one."]


def _shortened(text: str) -> str:
    sentence = text.partition(". ")[0]
    return textwrap.shorten(sentence, _SHORT, placeholder=" …").removesuffix(".")
