"""
What the custom resource is declared with: blocks, their rules, and the violations that these find.

A rule is written once, as Python and beside it as CEL, from which `make crds` gives the API server
the same rule. Both check it: objects outlive schemas, and one that was stored under an older CRD
must end in a condition, not in a call.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, ErrorDetails

_ACRONYMS = {"acl": "ACL", "arn": "ARN", "ca": "CA", "id": "ID", "tls": "TLS"}


def wire_name(attribute: str) -> str:
    """Spell an attribute as the API does: ``instance_id`` → ``instanceID``."""
    first, *others = attribute.split("_")
    return first + "".join(_ACRONYMS.get(word, word.capitalize()) for word in others)


class Part(BaseModel):
    """A block of the object: immutable, attributes in snake_case, the API's names as aliases."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=wire_name, validate_by_name=True
    )


@dataclass(frozen=True, slots=True)
class ValidationRule:
    """A rule as the API server checks it: an item of ``x-kubernetes-validations``."""

    cel: str
    message: str
    field: str = ""
    """The field of a block that it is about, as the API spells it; empty: the value as a whole."""

    @property
    def item(self) -> dict[str, str]:
        """The rule as it stands in a CRD."""
        path = {"fieldPath": f".{self.field}"} if self.field else {}
        return {"rule": self.cel, "message": self.message, **path}

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the rule to the schema of what it annotates."""
        schema = handler(core)
        schema["x-kubernetes-validations"] = [
            *schema.get("x-kubernetes-validations", ()),
            self.item,
        ]
        return schema


@dataclass(frozen=True, slots=True)
class BlockRule:
    """A rule that compares the fields of a block, as both sides check it."""

    validation: ValidationRule
    holds: Callable[[Any], bool]


def rule(
    message: str, *, cel: str, field: str = ""
) -> Callable[[Callable[[Any], bool]], BlockRule]:
    """Give a predicate of a block its rule; *field* is what a violation is put down to."""
    return lambda holds: BlockRule(ValidationRule(cel, message, field), holds)


@cache
def rules_of(block: type[BaseModel]) -> tuple[BlockRule, ...]:
    """Collect the rules of a block and of its bases, in their order."""
    return tuple(
        each
        for kind in reversed(block.__mro__)
        for each in vars(kind).values()
        if isinstance(each, BlockRule)
    )


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """A broken rule: its message, and the field of the block that it is about."""

    message: str
    field: str = ""
    """``acl`` or, for the block itself, empty."""


class ViolationsError(ValueError):
    """All rules that one block breaks; pydantic would keep the first only."""

    def __init__(self, violations: tuple[FieldViolation, ...]) -> None:
        super().__init__("; ".join(each.message for each in violations))
        self.violations = violations


class Block(Part):
    """A block with rules that compare its fields."""

    model_config = ConfigDict(ignored_types=(BlockRule,))

    @model_validator(mode="after")
    def _check(self) -> Self:
        broken = [each.validation for each in rules_of(type(self)) if not each.holds(self)]
        if broken:
            raise ViolationsError(
                tuple(FieldViolation(each.message, each.field) for each in broken)
            )
        return self


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

    Our own rules are worded as they are (`ViolationsError` gives one sentence per rule).
    """
    path = "spec" + "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in detail["loc"]
    )
    context = detail.get("ctx", {})
    cause = context.get("error")
    if isinstance(cause, ViolationsError):
        for each in cause.violations:
            separator = "." if each.field else ""
            yield f"{path}{separator}{each.field}: {each.message}"
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
