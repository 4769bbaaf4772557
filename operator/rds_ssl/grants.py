"""
Which namespaces may act on which instances by the operator's own identity, and in which roles.

An administrator says so: in a setting, or in a file that is read again when it has changed. A file
and no cluster-scoped object, because an operator that is confined to namespaces has Roles only, and
because whoever may change the operator's Deployment can change what it is allowed anyway. Source:
docs/credentials.md, "Which namespace may use what".
"""

import fnmatch
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictStr, StringConstraints, ValidationError
from yaml import YAMLError, safe_load

from rds_ssl.core.errors import SettingsError
from rds_ssl.core.formats import ROLE_ARN_PATTERN

_log = logging.getLogger(__name__)

_READ_AGAIN = 10.0
"""Seconds between two looks at whether the file has changed; kubelet takes a minute by itself."""

MAX_BYTES = 256 * 1024
"""Of the file; a ConfigMap has room for 1 MiB, and it is parsed on the event loop."""

_Glob = Annotated[StrictStr, StringConstraints(pattern=r"^[A-Za-z0-9*?\[\]!-]{1,253}$")]
_Role = Annotated[StrictStr, StringConstraints(pattern=rf"^{ROLE_ARN_PATTERN}$")]
_PLAINER = {
    "string_pattern_mismatch": "is no name, glob or role ARN",
    "missing": "is missing",
    "extra_forbidden": "is not known",
    "string_type": "should be a text",
    "tuple_type": "should be a list",
    "too_short": "should not be empty",
    "model_type": "should be a mapping",
}
"""What is said in place of pydantic's words for a type of fault."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Grant(_Part):
    """What some namespaces are allowed."""

    namespaces: Annotated[tuple[_Glob, ...], Field(min_length=1)]
    """Names or globs."""
    instances: Annotated[tuple[_Glob, ...], Field(min_length=1)]
    """Names or globs of instance ids."""
    roles: tuple[_Role, ...] | None = None
    """
    ARNs of the roles in which the instances may be acted on, and in these alone; absent: by the
    operator's own identity as it is.
    """

    def allows(self, namespace: str, instance_id: str, role_arn: str) -> bool:
        """See `Grants.allowed`."""
        in_role = role_arn in self.roles if self.roles is not None else not role_arn
        places = ((namespace, self.namespaces), (instance_id, self.instances))
        return in_role and all(_is_listed(name, patterns) for name, patterns in places)


class _File(_Part):
    grants: tuple[Grant, ...]


class Grants:
    """What is allowed; all else is not."""

    def __init__(
        self,
        *,
        namespaces: Sequence[str] = (),
        file: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        Read the file, if there is one.

        Args:
            namespaces: Globs of those that may act on any instance by the operator's own identity
                as it is.

        Raises:
            SettingsError: The file cannot be read, or is faulty.
        """
        self._grants: tuple[Grant, ...] = ()
        if namespaces:
            self._grants = (Grant(namespaces=tuple(namespaces), instances=("*",)),)
        self._file = file
        self._monotonic = monotonic
        self._looked = monotonic()
        self._version: object = None
        if file is not None:
            self._version = _version(file)
            self._grants = read_grants(file)

    def allowed(self, namespace: str, instance_id: str, role_arn: str) -> bool:
        """
        True if a namespace may act on an instance by the operator's own identity.

        Args:
            role_arn: The role that it assumes for it; empty: none.
        """
        self._refresh()
        return any(each.allows(namespace, instance_id, role_arn) for each in self._grants)

    def _refresh(self) -> None:
        """Read the file again if it has changed; what is faulty changes nothing."""
        now = self._monotonic()
        if self._file is None or now < self._looked + _READ_AGAIN:
            return
        self._looked = now
        version = _version(self._file)
        if version == self._version:
            return
        self._version = version
        try:
            self._grants = read_grants(self._file)
        except SettingsError as error:
            _log.error("What was granted before stays so: %s", error)
            return
        _log.info("%s has changed: %s grants", self._file, len(self._grants))


def read_grants(file: Path) -> tuple[Grant, ...]:
    """
    Return what a file grants.

    Raises:
        SettingsError: It cannot be read, is too long, is no YAML, or has a faulty entry; with the
            place in the file.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _faulty(file, f"cannot be read ({error.strerror})") from None
    if len(data) > MAX_BYTES:
        raise _faulty(file, f"is longer than {MAX_BYTES // 1024} KiB")
    try:
        return _File.model_validate(safe_load(data.decode())).grants
    except UnicodeDecodeError:
        raise _faulty(file, "is not text") from None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise _faulty(file, f"is no YAML{line}") from None
    except RecursionError:
        raise _faulty(file, "is nested too deep") from None
    except ValidationError as error:
        raise SettingsError(tuple(f"{file}: {each}" for each in _faults(error))) from None


def _faulty(file: Path, fault: str) -> SettingsError:
    return SettingsError((f"{file} {fault}",))


def _faults(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False, include_input=False, include_context=False):
        parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"])
        place = "".join(parts)
        what = _PLAINER.get(each["type"], each["msg"])
        yield f"{place.removeprefix('.') or 'the whole file'} {what}"


def _version(file: Path) -> object:
    """Return what tells one content of the file from another; a mounted one is a link."""
    try:
        found = file.stat()
    except OSError as error:
        return error.errno
    return found.st_mtime_ns, found.st_ino, found.st_size


def _is_listed(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, each) for each in patterns)
