"""What the fields of a DBInstanceSSL's status hold: times, counts, bounded texts and lists."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StrictInt,
    WithJsonSchema,
)

from rds_ssl.core.formats import escaped, write_time
from rds_ssl.core.model import UNTOLD, Impact

TOKEN_LENGTH = 1024
"""What is kept of the annotation ``reconcile-requested-at``: compare that many characters."""


def _read_time(value: object) -> datetime | None:
    """Read an RFC 3339 time; whole seconds, as metav1.Time has them on the wire."""
    if value == UNTOLD:
        return None
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("must be a time with its offset")  # Not a TypeError, for pydantic.
    try:
        return value.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:  # The first and the last day of the calendar, with an offset.
        raise ValueError("must be a time that UTC can name") from error


Time = Annotated[
    AwareDatetime,
    PlainValidator(_read_time),
    PlainSerializer(write_time, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


def cut(limit: int, ending: str = "…", *, foreign: bool = False) -> tuple[Any, ...]:
    """
    Bound a text: a longer one is shortened to *limit* characters, *ending* included.

    What would steer a terminal that shows it, or hide there, is escaped, unless the text is
    *foreign*: somebody else's, and to be written back as it is.
    """

    def shorten(value: object) -> object:
        if not isinstance(value, str):
            return value
        if not foreign:
            value = escaped(value)
        return value[: limit - len(ending)] + ending if len(value) > limit else value

    return Field(max_length=limit), BeforeValidator(shorten)


def first(limit: int) -> tuple[Any, ...]:
    """Bound a list: of a longer one, the first *limit* items are kept."""
    return Field(max_length=limit), BeforeValidator(
        lambda value: value[:limit] if isinstance(value, list | tuple) else value
    )


INT32 = {"format": "int32"}
INT64 = {"format": "int64"}
"""What the API server checks the size of a number by."""

Count = Annotated[StrictInt, Field(ge=0, json_schema_extra=INT32)]
Word = Annotated[str, *cut(128)]
Name = Annotated[str, *cut(253)]
Code = Annotated[str, *cut(256)]
Phrase = Annotated[str, *cut(512)]
Line = Annotated[str, *cut(1024)]
Summary = Annotated[str, *cut(4096)]
Token = Annotated[str, *cut(TOKEN_LENGTH, ending="", foreign=True)]
Material = Annotated[tuple[Word, ...], *first(4)]
Impacts = Annotated[tuple[Impact, ...], *first(6)]
