"""What the twins of the CRD are made of: blocks, rules with sentences, and the faults they find."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic_core import ErrorDetails

from rds_ssl.core.durations import parse_duration

_ACRONYMS = {"acl": "ACL", "ca": "CA", "id": "ID", "tls": "TLS"}


def wire_name(attribute: str) -> str:
    """Spell an attribute as the API does: ``replication_acl`` → ``replicationACL``."""
    first, *others = attribute.split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in others)


class Part(BaseModel):
    """A block of the object: immutable, attributes in snake_case, the API's names as aliases."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=wire_name, validate_by_name=True
    )


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule: a sentence, and the field or item of the block that it is about."""

    sentence: str
    field: str = ""
    """``acl``, ``[1]`` or, for the block itself, empty."""


class FaultsError(ValueError):
    """All rules that one block breaks; pydantic would keep the first only."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__("; ".join(fault.sentence for fault in faults))
        self.faults = faults


class Block(Part):
    """A block with rules that compare its fields."""

    def _faults(self) -> Iterator[Fault]:
        """Yield the rules of this block that its fields break."""
        yield from ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if faults := tuple(self._faults()):
            raise FaultsError(faults)
        return self


def matching(pattern: str, sentence: str) -> AfterValidator:
    """Refuse, with *sentence*, text that *pattern* does not match as a whole."""
    compiled = re.compile(pattern, re.ASCII)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(sentence)
        return text

    return AfterValidator(check)


def between(lowest: str, highest: str, example: str) -> BeforeValidator:
    """Read the text of a duration that lies between two bounds, both allowed."""
    least, most = parse_duration(lowest), parse_duration(highest)
    sentence = (
        f"must be a duration between {lowest} and {highest}, such as {example} (units h, m, s)"
    )

    def read(value: object) -> timedelta:
        if isinstance(value, timedelta):
            return value
        if not isinstance(value, str):
            # pydantic collects ValueErrors and lets TypeErrors through.
            raise ValueError("must be a string")  # noqa: TRY004
        try:
            duration = parse_duration(value)
        except ValueError as error:
            raise ValueError(sentence) from error
        if not least <= duration <= most:
            raise ValueError(sentence)
        return duration

    return BeforeValidator(read)


def without_nulls(value: object) -> object:
    """Leave out what is null, at any depth, as the API server does."""
    if isinstance(value, Mapping):
        return {name: without_nulls(part) for name, part in value.items() if part is not None}
    if isinstance(value, list | tuple):
        return [without_nulls(part) for part in value]
    return value


def sentences(detail: ErrorDetails) -> Iterator[str]:
    """
    Word one error of pydantic, led by the path of its field; no value of the object is repeated.

    Our own rules are worded as they are (`FaultsError` gives one sentence per fault).
    """
    path = "spec" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in detail["loc"]
    )
    context = detail.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, FaultsError):
        for fault in cause.faults:
            separator = "." if fault.field and not fault.field.startswith("[") else ""
            yield f"{path}{separator}{fault.field}: {fault.sentence}"
        return
    words = {
        "enum": "must be one of {expected}",
        "literal_error": "must be one of {expected}",
        "missing": "is required",
        "string_too_long": "must have at most {max_length} characters",
        "string_too_short": "must have at least {min_length} characters",
        "too_long": "must have at most {max_length} entries",
        "value_error": "{error}",
    }
    kind = detail["type"]
    # pydantic's own words for a wrong type ("Input should be a valid string") name no value.
    yield f"{path}: " + (words[kind].format(**context) if kind in words else detail["msg"])
