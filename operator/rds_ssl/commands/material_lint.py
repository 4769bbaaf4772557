"""
What an object refers to, judged by what files hold of it. Pure.

The parts are judged one by one, so that what is wrong with the certificate does not hide what is
wrong with the client CA.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.aliyun import credentials
from rds_ssl.commands.data_objects import DataObject, Place
from rds_ssl.commands.findings import ERROR, WARNING
from rds_ssl.core.api.spec import ClientAuthentication, Declaration
from rds_ssl.core.api.spec_types import CASource, Reference, RevocationListSource
from rds_ssl.core.api.states import IntermediateStatus
from rds_ssl.core.checks import contents
from rds_ssl.core.checks.expiry import expiry
from rds_ssl.core.checks.material import validate
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import CAType, Observed, Reason
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.facts import (
    ClientCAMaterial,
    MaterialFacts,
    RevocationListMaterial,
)
from rds_ssl.core.x509.signers import signed_lists

Find = Callable[[str, str], DataObject | None]
"""Gives the Secret or ConfigMap of a kind and a name, if a file has it."""

_NOTHING_IN_FORCE = Observed(enabled=False)

_CREDENTIALS = "spec.credentialsSecretRef"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that is wrong with what an object refers to."""

    severity: str = ERROR
    reason: Reason
    field: str
    """Of the spec: what names it."""
    message: str
    place: Place | None = None
    """Where it stands; None: in the object itself."""
    missing: tuple[str, str] | None = None
    """Kind and name of what no file has: a problem for those who ask for it."""


def judged(declaration: Declaration, find: Find, *, now: datetime) -> Iterator[Problem]:
    """Yield what is wrong with what an object refers to, and what may hurt somebody."""
    if declaration.credentials_secret_ref is not None:
        yield from _credentials(declaration.credentials_secret_ref.name, find)
    if not declaration.enabled:
        return  # Nothing else is read then.
    judging = _Judging(declaration, find, now)
    yield from judging.server()
    yield from judging.pfx()
    yield from judging.clients()


def _credentials(name: str, find: Find) -> Iterator[Problem]:
    source = find("Secret", name)
    if source is None:
        yield _missing("Secret", name, _CREDENTIALS)
    elif not source.broken:
        try:
            credentials.from_secret(source.data, name=name)
        except MaterialError as error:
            key = error.field.rpartition("key ")[2]
            yield Problem(
                reason=error.reason,
                field=_CREDENTIALS,
                message=f"{error}; store the access key there",
                place=source.places.get(key, source.start),
            )


def _missing(kind: str, name: str, field: str) -> Problem:
    return Problem(
        reason=Reason.SECRET_NOT_FOUND,
        field=field,
        message=f"{kind} {name} is in none of these files, nor anything that makes it; add it, or"
        " name another",
        missing=(kind, name),
    )


class _Judging:
    """The material of one object."""

    def __init__(self, declaration: Declaration, find: Find, now: datetime) -> None:
        self._declaration = declaration
        self._find = find
        self._now = now
        self._places: dict[str, Place] = {}
        """Where what a message begins with stands."""
        self._told: set[str] = set()

    def server(self) -> Iterator[Problem]:
        declaration = self._declaration
        reference = declaration.server_certificate.secret_ref
        if reference is None or declaration.effective_ca_type is not CAType.CUSTOM:
            return
        field = "spec.serverCertificate.secretRef"
        values = yield from self._values(field)
        if values is None:
            return
        try:
            material = contents.server_certificate(reference, *values)
        except MaterialError as error:
            yield self._raised(error, field)
            return
        facts = MaterialFacts(server=material.facts)
        leaf, *others = material.facts.chain
        observed = Observed(enabled=True, server_certificate=leaf)
        yield from self._checked(facts, None, field)
        yield from self._expiring(observed, field, map(IntermediateStatus.of, others))

    def pfx(self) -> Iterator[Problem]:
        declared = self._declaration.server_certificate.pfx
        if declared is None:
            return
        field = "spec.serverCertificate.pfx.passwordSecretKeyRef"
        values = yield from self._values(field)
        try:
            if values is not None:
                contents.pfx(declared, *values)
        except MaterialError as error:
            yield self._raised(error, field)

    def clients(self) -> Iterator[Problem]:
        declared = self._declaration.client_authentication
        # What is declared itself may hurt somebody, whatever the files hold.
        yield from self._checked(MaterialFacts(), None, "spec.clientAuthentication")
        cas = yield from self._public("ca", declared.ca, pem.parse_client_ca)
        lists = yield from self._public(
            "revocationList", declared.revocation_list, pem.parse_revocation_list
        )
        if not isinstance(cas, ClientCAMaterial):
            return
        field = "spec.clientAuthentication.ca"
        yield from self._checked(MaterialFacts(client_ca=cas.cas), None, field)
        shown = tuple(each.certificate for each in cas.cas)
        observed = Observed(enabled=True, client_ca=shown)
        if isinstance(lists, RevocationListMaterial):
            yield from self._lists(cas, lists)
            observed = Observed(enabled=True, client_ca=shown, revocation_list=lists.lists)
        yield from self._expiring(observed, field)

    def _lists(self, cas: ClientCAMaterial, lists: RevocationListMaterial) -> Iterator[Problem]:
        field = "spec.clientAuthentication.revocationList"
        (where,) = (
            contents.place(each.kind, each.name, each.key) for each in self._references(field)
        )
        try:
            signed = signed_lists(cas, lists, where=where)
        except MaterialError as error:
            yield self._raised(error, field)
            return
        facts = MaterialFacts(client_ca=cas.cas, revocation_list=lists.lists)
        yield from self._checked(facts, signed, field)

    # -- what each part takes -------------------------------------------------------------------

    def _public(
        self,
        block: str,
        source: CASource | RevocationListSource | None,
        parse: Callable[..., object],
    ) -> Generator[Problem, None, object | None]:
        if source is None:
            return None
        field = f"spec.clientAuthentication.{block}"
        values = yield from self._values(field)
        if values is None:
            return None
        (reference,) = self._references(field)
        try:
            return parse(
                values[0], field=contents.place(reference.kind, reference.name, reference.key)
            )
        except MaterialError as error:
            yield self._raised(error, field)
        return None

    def _references(self, field: str) -> list[Reference]:
        return [
            each for each in self._declaration.material_references if each.field.startswith(field)
        ]

    def _values(self, field: str) -> Generator[Problem, None, tuple[bytes, ...] | None]:
        """Return what the references of a field hold; None if a file lacks it, or it is broken."""
        values: list[bytes] = []
        for each in self._references(field):
            source = self._find(each.kind, each.name)
            if source is None:
                yield _missing(each.kind, each.name, each.field)
                return None
            if each.key in source.broken:
                return None  # That is a finding of its own.
            self._places[contents.place(each.kind, each.name, each.key)] = source.places.get(
                each.key, source.start
            )
            try:
                values.append(source.value(each.key))
            except MaterialError as error:
                yield self._raised(error, each.field)
                return None
        return tuple(values)

    def _checked(
        self, facts: MaterialFacts, signed: Mapping[str, frozenset[str]] | None, field: str
    ) -> Iterator[Problem]:
        """Yield what the operator would say of facts: the first problem, else the warnings."""
        declared = self._declaration
        if facts.server is not None:
            declared = declared.model_copy(update={"client_authentication": ClientAuthentication()})
        result = validate(
            declared,
            facts,
            signed,
            _NOTHING_IN_FORCE,
            applied=None,
            endpoint=declared.connection_string or "",
            now=self._now,
        )
        if result.problem is not None:
            yield from self._once(result.problem.message, field, reason=result.problem.reason)
        for text in result.warnings:
            yield from self._once(text, field, reason=Reason.MATERIAL_ACCEPTED, severity=WARNING)

    def _expiring(
        self, observed: Observed, field: str, others: Iterable[IntermediateStatus] = ()
    ) -> Iterator[Problem]:
        """Yield what expires soon; what has expired is a problem of the checks."""
        for each in expiry(observed, now=self._now, intermediates=tuple(others)):
            if each.at > self._now:
                text = f"{each.message} Renew it."
                yield from self._once(text, field, reason=each.reason, severity=WARNING)

    def _raised(self, error: MaterialError, field: str) -> Problem:
        return Problem(
            reason=error.reason, field=field, message=str(error), place=self._place(str(error))
        )

    def _once(
        self, text: str, field: str, *, reason: Reason, severity: str = ERROR
    ) -> Iterator[Problem]:
        if text in self._told:
            return
        self._told.add(text)
        place = self._place(text)
        if place is None and severity == WARNING:
            references = self._references(field)
            first = references[0] if references else None
            key = contents.place(first.kind, first.name, first.key) if first else ""
            place = self._places.get(key)
        yield Problem(severity=severity, reason=reason, field=field, message=text, place=place)

    def _place(self, message: str) -> Place | None:
        """Find where the key stands that a message begins with."""
        found = [each for each in self._places if message.startswith(each)]
        return self._places[max(found, key=len)] if found else None
