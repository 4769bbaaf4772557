"""
What is wrong with the objects of files, without a cluster: schema, rules, what they refer to. Pure.

It is judged by the functions that the operator judges by, as at first contact: nothing is in force.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any

from rds_ssl.commands.data_objects import DataObject, Place, data_object, made_here
from rds_ssl.commands.findings import (
    ERROR,
    WARNING,
    Finding,
    is_object_name,
    name_shown,
    object_name_shown,
    without_key_lines,
)
from rds_ssl.commands.manifests import Files, Manifest, Step
from rds_ssl.commands.material_lint import judged
from rds_ssl.core.api.spec import Declaration, ManagementPolicy, parse_spec
from rds_ssl.core.api.unknown_fields import UnknownField, unknown_fields
from rds_ssl.core.checks import eligibility
from rds_ssl.core.errors import DeclarationError
from rds_ssl.core.model import API_GROUP, API_VERSION, KIND, Reason

_VERSION = f"{API_GROUP}/{API_VERSION}"

_LABEL = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?", re.ASCII)
_TOP = ("apiVersion", "kind", "metadata", "spec", "status")

_METADATA = (
    "annotations", "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp",
    "finalizers", "generateName", "generation", "labels", "managedFields", "name", "namespace",
    "ownerReferences", "resourceVersion", "selfLink", "uid",
)  # fmt: skip
"""The fields of ObjectMeta (meta/v1)."""

_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")

_TWICE = "stands twice in one block; keep one of the two"

_INVALID = Reason.DECLARATION_INVALID


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found, in the order of the files, and in how many objects."""

    findings: Sequence[Finding]
    objects: int
    """DBInstanceSSL."""
    files: int
    skipped: Sequence[str]
    """Templates."""

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(each.severity == ERROR for each in self.findings)

    @property
    def unreadable(self) -> bool:
        """True if not everything could be read."""
        return any(each.unreadable for each in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    """A DBInstanceSSL of a file; *namespace* and *name* are as they stand there, to compare."""

    manifest: Manifest
    namespace: str
    name: str
    declaration: Declaration | None

    def finding(
        self, path: str, message: str, *, reason: Reason = _INVALID, severity: str = ERROR
    ) -> Finding:
        return Finding(
            file=self.manifest.file,
            line=self.manifest.line_of(steps(path)),
            severity=severity,
            kind=KIND,
            namespace=object_name_shown(self.namespace),
            name=object_name_shown(self.name),
            field=path,
            reason=reason,
            message=message,
        )


def lint(files: Files, *, now: datetime, strict: bool = False) -> Report:
    """
    Judge what was read.

    Args:
        strict: What an object refers to and no file has is a finding too.
    """
    found = [_of_file(each.file, each.line, each.message, broken=True) for each in files.unreadable]
    found += [
        _of_file(each.file, each.line, f"{name_shown(each.name)} {_TWICE}") for each in files.twice
    ]
    sources: list[DataObject] = []
    made: set[tuple[str, str, str]] = set()
    declared: list[_Declared] = []
    for manifest in files.manifests:
        source = data_object(manifest)
        if source is not None:
            sources.append(source)
            found += source.findings
        elif _is_ours(manifest):
            declared.append(_declared(manifest, found))
        else:
            made |= made_here(manifest)
    for each in declared:
        found += _of_references(each, sources, made, now=now, strict=strict)
    found += _conflicts(declared)
    found += _repeated(files.manifests)
    order = {each: number for number, each in enumerate(_files_in_order(files))}
    return Report(
        findings=sorted(
            dict.fromkeys(found), key=lambda each: (order.get(each.file, 0), each.line)
        ),
        objects=len(declared),
        files=files.count,
        skipped=files.skipped,
    )


def steps(path: str) -> tuple[Step, ...]:
    """Split the path of a field: ``spec.maintenance.windows[0].schedule``."""
    return tuple(int(each[1:-1]) if each.startswith("[") else each for each in _STEP.findall(path))


def _files_in_order(files: Files) -> Iterator[str]:
    yield from dict.fromkeys(
        [*(each.file for each in files.manifests), *(each.file for each in files.unreadable)]
    )


def _of_file(file: str, line: int, message: str, *, broken: bool = False) -> Finding:
    return Finding(file=file, line=line, severity=ERROR, message=message, unreadable=broken)


def _is_ours(manifest: Manifest) -> bool:
    return str(manifest.value.get("apiVersion") or "").partition("/")[0] == API_GROUP


# --- schema and rules -----------------------------------------------------------------------------


def _declared(manifest: Manifest, found: list[Finding]) -> _Declared:
    meta = manifest.value.get("metadata")
    metadata: Mapping[str, Any] = meta if isinstance(meta, Mapping) else {}
    spec = manifest.value.get("spec")
    declaration: Declaration | None = None
    faults: tuple[str, ...] = ()
    if isinstance(spec, Mapping):
        try:
            declaration = parse_spec(spec)
        except DeclarationError as error:
            faults = error.faults
    else:
        faults = ("spec: is required, with at least instanceID and regionID",)
    each = _Declared(
        manifest=manifest,
        namespace=_text(metadata.get("namespace")),
        name=_text(metadata.get("name")),
        declaration=declaration,
    )
    found += _of_head(each)
    found += _of_metadata(each, metadata)
    found += [_unknown(each, field) for field in unknown_fields(spec)]
    for fault in faults:
        path, _, message = fault.partition(": ")
        found.append(each.finding(path, message))
    unusable = eligibility.unusable(declaration) if declaration else None
    if unusable is not None:
        told = without_key_lines(unusable.message)
        path, _, message = told.partition(": ")
        known = path.startswith("spec")
        found.append(each.finding(*((path, message) if known else ("spec", told))))
    return each


def _of_head(each: _Declared) -> Iterator[Finding]:
    value = each.manifest.value
    if value.get("apiVersion") != _VERSION:
        yield each.finding("apiVersion", f"there is no such version; use {_VERSION}")
    if value.get("kind") != KIND:
        yield each.finding("kind", f"{API_GROUP} has no such kind; use {KIND}")
    for name in value:
        if name not in _TOP:
            yield _unknown(each, UnknownField(block="", name=str(name), known=_TOP))


def _of_metadata(each: _Declared, metadata: Mapping[str, Any]) -> Iterator[Finding]:
    if not each.name and not metadata.get("generateName"):
        yield each.finding("metadata.name", "is required")
    elif each.name and not is_object_name(each.name):
        yield each.finding("metadata.name", "must consist of lower-case letters, digits, - and .")
    if each.namespace and not _LABEL.fullmatch(each.namespace):
        yield each.finding("metadata.namespace", "must be the name of a namespace")
    for name in metadata:
        if name not in _METADATA:
            yield _unknown(each, UnknownField(block="metadata", name=str(name), known=_METADATA))
    for block in ("annotations", "labels"):
        yield from _of_texts(each, block, metadata.get(block))


def _of_texts(each: _Declared, block: str, texts: object) -> Iterator[Finding]:
    for name, text in texts.items() if isinstance(texts, Mapping) else ():
        if text is not None and not isinstance(text, str):
            # The name has dots, and is one step.
            line = each.manifest.line_of(("metadata", block, name))
            path = f"metadata.{block}.{name_shown(name)}"
            finding = each.finding(path, "must be a text; put it into quotes")
            yield finding.at(file=each.manifest.file, line=line)


def _unknown(each: _Declared, unknown: UnknownField) -> Finding:
    name = unknown.name
    near = get_close_matches(name, unknown.known, n=2)
    # Who writes ca_type or CAType has the right word, spelled otherwise.
    plain = {known.lower(): known for known in unknown.known}
    same = plain.get(name.replace("_", "").lower())
    remedy = f"did you mean {same or ' or '.join(near)}?" if same or near else "take it out"
    if not (same or near):
        remedy += f"; known here are {', '.join(unknown.known)}"
    line = each.manifest.line_of((*steps(unknown.block), name))
    path = ".".join(part for part in (unknown.block, name_shown(name)) if part)
    finding = each.finding(path, f"unknown field; {remedy}")
    return finding.at(file=each.manifest.file, line=line)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# --- what they refer to ---------------------------------------------------------------------------


def _of_references(
    each: _Declared,
    sources: Sequence[DataObject],
    made: set[tuple[str, str, str]],
    *,
    now: datetime,
    strict: bool,
) -> Iterator[Finding]:
    if each.declaration is None:
        return

    def find(kind: str, name: str) -> DataObject | None:
        near = [one for one in sources if (one.kind, one.name) == (kind, name)]
        # kubectl's -n, or a kustomization, gives both the namespace that one of them lacks.
        fits = [one for one in near if each.namespace in {one.namespace, ""} or not one.namespace]
        exact = [one for one in fits if one.namespace == each.namespace]
        return next(iter(exact or fits), None)

    for problem in judged(each.declaration, find, now=now):
        if problem.missing:
            known = any(
                (kind, name) == problem.missing
                and (not each.namespace or space in {each.namespace, ""})
                for kind, space, name in made
            )
            if not strict or known:
                continue
        message = without_key_lines(problem.message)
        finding = each.finding(
            problem.field, message, reason=problem.reason, severity=problem.severity
        )
        yield _located(finding, problem.place)


def _located(finding: Finding, place: Place | None) -> Finding:
    """Return it with the line of what is wrong, where that is in a file."""
    if place is None:
        return finding
    return finding.at(file=place.file, line=place.line)


# --- all of them ----------------------------------------------------------------------------------


def _conflicts(declared: Sequence[_Declared]) -> Iterator[Finding]:
    by_instance: defaultdict[str, list[_Declared]] = defaultdict(list)
    for each in declared:
        wanted = each.declaration
        if wanted and wanted.management_policy is ManagementPolicy.ENFORCE:
            by_instance[wanted.instance_id].append(each)
    for first, *others in by_instance.values():
        for each in others:
            if (each.namespace, each.name) == (first.namespace, first.name):
                continue  # Told as repeated.
            space = object_name_shown(first.namespace) or "-"
            of_first = f"{space}/{object_name_shown(first.name)} ({first.manifest.file})"
            yield each.finding(
                "spec.instanceID",
                f"{of_first} declares the same instance, of which one object counts;"
                " take one of the two out, or set managementPolicy: Observe in one",
                reason=Reason.CONFLICT,
            )


def _repeated(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    seen: dict[tuple[str, ...], Manifest] = {}
    for each in manifests:
        kind = _text(each.value.get("kind"))
        meta = each.value.get("metadata")
        if kind not in {KIND, "Secret", "ConfigMap"} or not isinstance(meta, Mapping):
            continue
        namespace, name = _text(meta.get("namespace")), _text(meta.get("name"))
        key = (kind, namespace, name)
        if not name or key not in seen:
            seen[key] = each
            continue
        first = seen[key]
        yield Finding(
            file=each.file,
            line=each.line,
            severity=WARNING,
            kind=kind,
            namespace=object_name_shown(namespace),
            name=object_name_shown(name),
            field="metadata.name",
            message=f"the object stands in {first.file}, line {first.line}, already; of the two,"
            " the one that is applied last counts: take one out",
        )
