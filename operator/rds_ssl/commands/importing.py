"""`rds-ssl import`: from instances, or a state of Terraform, to objects that adopt them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rds_ssl.commands import terraform
from rds_ssl.commands.adoption import (
    Found,
    LeftOut,
    Manifest,
    Place,
    manifest_of,
    names_of,
)
from rds_ssl.commands.formatting import counted
from rds_ssl.commands.yaml_text import yaml_of
from rds_ssl.core.errors import CommandRefused

LARGEST_STATE = 256 * 2**20
"""Bytes of a state that is read: the largest that people tell of have some ten megabytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which instances are to be imported."""

    region_id: str
    instance_ids: Sequence[str] = ()
    tags: Sequence[tuple[str, str]] = ()
    """With these, or without ids, it is whatever is in the region."""
    state: str = ""
    """The file with a state of Terraform; then no cloud is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of it: YAML by name, what is left to say, and whether all was imported."""

    documents: Sequence[tuple[str, str]]
    notes: Sequence[str]
    complete: bool


def import_instances(wanted: Wanted, place: Place, now: Callable[[], datetime]) -> Imported:
    """
    Read instances, and write objects that adopt them with an empty plan.

    Raises:
        CommandRefused: Nothing can be read at all: why, and what to do.
        SettingsError: The operator's settings in the environment are faulty.
    """
    if wanted.state:
        resources = terraform.read_state(_text_of(Path(wanted.state)), wanted.region_id)
        made = _made(terraform.instances_of(resources), place)
        adopted = {each.spec["instanceID"] for each in made if isinstance(each, Manifest)}
        leaving = [each for each in resources if each.found.instance_id in adopted]
        return _imported(made, terraform.farewell(leaving), terraform.RESOURCE)
    # With it come the clients of the cloud, which a state does not need.
    from rds_ssl.commands.reading import read_all  # noqa: PLC0415

    found = read_all(wanted.region_id, wanted.instance_ids, wanted.tags, now)
    return _imported(_made(found, place), [], "instance")


def _text_of(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST_STATE:
            raise CommandRefused(f"{file} is too large to be a state of Terraform.")
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandRefused(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise CommandRefused(f"{file} is not text.") from None


def _made(found: Sequence[Found | LeftOut], place: Place) -> list[Manifest | LeftOut]:
    usable = [each for each in found if isinstance(each, Found)]
    names = iter(names_of(usable))
    return [
        manifest_of(each, next(names), place) if isinstance(each, Found) else each for each in found
    ]


def _imported(made: Sequence[Manifest | LeftOut], farewell: Sequence[str], noun: str) -> Imported:
    written = [each for each in made if isinstance(each, Manifest)]
    left = [each for each in made if isinstance(each, LeftOut)]
    notes = [f"{each.instance_id} is left out: {each.why}." for each in left]
    if not made:
        notes.append(f"There is no {noun} to import.")
    secrets = [f"{each.name}-tls" for each in written if "secretRef" in str(each.spec)]
    notes.append(f"{counted(len(written), 'object')} written, {len(left)} left out.")
    if secrets:
        notes.append(
            f"Yours to create before they can be Ready: {', '.join(secrets)}"
            " (each with the key of the certificate in force; the comments say which one that is)."
        )
    return Imported(
        documents=[(each.name, yaml_of(each)) for each in written],
        notes=[*notes, *farewell],
        complete=not left,
    )
