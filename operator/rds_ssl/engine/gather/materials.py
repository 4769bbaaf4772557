"""
What the references of an object hold: read when needed, facts kept, content not.

Facts are kept under (uid, resourceVersion) of the object they were read from, together with the
keys of its data. A text that does not parse is a fact as well; verdicts depend on the clock and on
other objects, and are not kept here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rds_ssl.core.api.spec import Declaration
from rds_ssl.core.api.spec_types import KeyReference
from rds_ssl.core.checks import certificates, contents
from rds_ssl.core.errors import KubeNotFound, KubeRefused, MaterialError
from rds_ssl.core.model import CAType, Finding, Reason
from rds_ssl.core.planning.parameters import Material, PFXMaterial
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.facts import (
    ClientCAMaterial,
    MaterialFacts,
    RevocationListMaterial,
    ServerFacts,
    ServerMaterial,
)
from rds_ssl.core.x509.signers import signed_lists
from rds_ssl.engine.gather.kept import Kept
from rds_ssl.engine.gather.refused import forbidden
from rds_ssl.engine.gather.values import again, cost
from rds_ssl.kube.resources import DataObject, Kind, Resources
from rds_ssl.offloading import offloaded

Version = tuple[str, str]

_Signed = Mapping[str, frozenset[str]] | MaterialError
"""Who has signed which list, or what is too costly to find that out."""

_CA, _CRL = "spec.clientAuthentication.ca", "spec.clientAuthentication.revocationList"
_PASSWORD = "spec.serverCertificate.pfx.passwordSecretKeyRef"  # noqa: S105  # A field.

_FINGERPRINT_BYTES = 113
"""Of SHA-256 in hexadecimal, as Python keeps a text."""

KEPT_BYTES = 24 * 2**20
"""
Of the texts that facts are kept of: a certificate with its chain has 4 KB, so that those of 5,000
objects are kept. The facts take about as much as the texts.
"""

KEPT_SIGNED_BYTES = 4 * 2**20
"""Of who has signed which list."""

_READABLE = "readable"
"""What is kept of a password."""


class _Source(NamedTuple):
    """The keys of an object that facts come from."""

    kind: Kind
    name: tuple[str, str]
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredMaterial:
    """
    What the references hold, or the first problem with them.

    *material* is there only if everything was read in this pass: it holds the private key.
    """

    facts: MaterialFacts
    problem: Finding | None = None
    material: Material | None = None
    signed: Mapping[str, frozenset[str]] | None = None
    password: Version | None = None
    """
    The version of the Secret with a PFX file's password: there is no other fact that could be kept
    of a password.
    """
    read: bool = True
    """Whether anybody looked; False of `NOTHING_READ` alone."""

    @property
    def refusable(self) -> tuple[str, ...]:
        """What a refusal may rest on beside the state wanted."""
        return (*self.chain, *(self.password or ()))

    @property
    def chain(self) -> tuple[str, ...]:
        """The fingerprints of the server chain, leaf first."""
        server = self.facts.server
        return tuple(each.sha256 for each in server.chain) if server else ()

    @property
    def fingerprint(self) -> object:
        """What of it a plan may rest on, and the first thing that is wrong."""
        return (
            self.chain,
            tuple(sorted(each.certificate.sha256 for each in self.facts.client_ca)),
            tuple(sorted(each.sha256 for each in self.facts.revocation_list)),
            self.password,
            self.problem,
        )


NOTHING_READ = DeclaredMaterial(facts=MaterialFacts(), read=False)
"""Of a pass that follows a change, or turns SSL off for an object that goes."""


class Materials:
    """
    Reads material. *version* gives (uid, resourceVersion) of an object as a watch knows it.

    What is kept is facts only: `ServerFacts`, CA and CRL material (public), or what was wrong, and
    which list is whose, under the versions of both sources. What does not fit is read again.
    """

    def __init__(
        self,
        resources: Resources,
        version: Callable[[Kind, tuple[str, str]], Version | None],
    ) -> None:
        self._resources = resources
        self._version = version
        self._kept: Kept[_Source, tuple[Version, object]] = Kept(KEPT_BYTES)
        self._signed: Kept[tuple[_Source, _Source], tuple[tuple[Version, Version], _Signed]] = Kept(
            KEPT_SIGNED_BYTES
        )

    def forget(self, kind: Kind, name: tuple[str, str]) -> None:
        """Drop the facts of an object that changed."""
        for source in [each for each in self._kept if each[:2] == (kind, name)]:
            self._kept.drop(source)
        for pair in [each for each in self._signed if (kind, name) in (each[0][:2], each[1][:2])]:
            self._signed.drop(pair)

    async def gather(
        self, declaration: Declaration, namespace: str, *, fresh: bool = False
    ) -> DeclaredMaterial:
        """
        Read what the declaration refers to; with *fresh* from the API server, key included.

        With ``enabled: false`` nothing is read.
        """
        if not declaration.enabled:
            return DeclaredMaterial(facts=MaterialFacts(), material=Material())
        reading = _Reading(self, namespace, fresh=fresh)
        try:
            server = await reading.server(declaration)
            cas = await reading.client_ca(declaration)
            lists = await reading.revocation_list(declaration)
            pfx = await reading.pfx(declaration)
            signed = await self._signed_lists(cas, lists, reading) if cas and lists else None
        except MaterialError as error:
            return DeclaredMaterial(facts=MaterialFacts(), problem=certificates.problem_of(error))
        facts = MaterialFacts(
            server=server.facts if isinstance(server, ServerMaterial) else server,
            client_ca=cas.cas if cas else (),
            revocation_list=lists.lists if lists else (),
        )
        material = None
        if not isinstance(server, ServerFacts) and not (reading.password and pfx is None):
            material = Material(server=server, client_ca=cas, revocation_list=lists, pfx=pfx)
        return DeclaredMaterial(
            facts=facts, material=material, signed=signed, password=reading.password
        )

    async def _signed_lists(
        self, cas: ClientCAMaterial, lists: RevocationListMaterial, reading: "_Reading"
    ) -> Mapping[str, frozenset[str]]:
        """Return `signed_lists`, or raise its error, made once for each version of the two."""
        (of_cas, cas_version), (of_lists, lists_version) = (
            reading.sources[_CA],
            reading.sources[_CRL],
        )
        pair, versions = (of_cas, of_lists), (cas_version, lists_version)
        found = self._signed.get(pair)
        if found is not None and found[0] == versions:
            if isinstance(found[1], MaterialError):
                raise again(found[1])
            return found[1]
        where = f"{of_lists.kind} {of_lists.name[1]}, key {of_lists.keys[0]}"
        try:
            signed = await offloaded(lambda: signed_lists(cas, lists, where=where))
        except MaterialError as error:
            self._signed.put(pair, (versions, again(error)), size=len(str(error)))
            raise
        size = sum(_FINGERPRINT_BYTES * (1 + len(each)) for each in signed.values())
        self._signed.put(pair, (versions, signed), size=size)
        return signed

    # -- facts of one object ------------------------------------------------------------------

    def kept(self, source: _Source) -> tuple[Version, object] | None:
        """Return the facts that still hold, and the version that they are of; or None."""
        found = self._kept.get(source)
        if found is None or found[0] != self._version(source.kind, source.name):
            return None
        return found

    def keep(self, source: _Source, *, version: Version, value: object, size: int) -> None:
        """Keep facts, made of *size* bytes; never anything with a private key."""
        self._kept.put(source, (version, value), size=size)

    async def read(self, kind: Kind, name: tuple[str, str], *, field: str) -> DataObject:
        """Read an object; a missing one is a `MaterialError`."""
        try:
            return await self._resources.read_data(kind, *name)
        except KubeNotFound:
            where = f"{kind} {name[1]}"
            raise MaterialError(
                f"{where} does not exist in namespace {name[0]} ({field} names it); create it.",
                reason=Reason.SECRET_NOT_FOUND,
                field=where,
            ) from None
        except KubeRefused as error:
            raise forbidden(error, kind, name, field=field) from None


class _Reading:
    """One gathering for one object: each Secret is asked for once."""

    def __init__(self, materials: Materials, namespace: str, *, fresh: bool) -> None:
        self._materials = materials
        self._namespace = namespace
        self._fresh = fresh
        self._read: dict[tuple[Kind, str], DataObject] = {}
        self.password: Version | None = None
        """See `DeclaredMaterial.password`."""
        self.sources: dict[str, tuple[_Source, Version]] = {}
        """What facts have come from, by field of the spec."""

    async def server(self, declaration: Declaration) -> ServerMaterial | ServerFacts | None:
        if declaration.effective_ca_type is not CAType.CUSTOM:
            return None
        reference = declaration.server_certificate.secret_ref
        if reference is None:
            return None
        keys = (reference.certificate_key, reference.private_key_key)
        found = await self._facts(
            "Secret",
            reference.name,
            keys,
            field="spec.serverCertificate.secretRef",
            parse=lambda values: contents.server_certificate(reference, *values),
            public=lambda one: one.facts,
        )
        if not isinstance(found, ServerMaterial | ServerFacts):
            raise TypeError(type(found))
        return found

    async def pfx(self, declaration: Declaration) -> PFXMaterial | None:
        """Read the password of a PFX file; None if there is no such file, or facts were kept."""
        pfx = declaration.server_certificate.pfx
        if pfx is None:
            return None
        reference = pfx.password_secret_key_ref
        found = await self._facts(
            "Secret",
            reference.name,
            (reference.key,),
            field=_PASSWORD,
            parse=lambda values: contents.pfx(pfx, *values),
            public=lambda _: _READABLE,
        )
        self.password = self.sources[_PASSWORD][1]
        return found if isinstance(found, PFXMaterial) else None

    async def client_ca(self, declaration: Declaration) -> ClientCAMaterial | None:
        source = declaration.client_authentication.ca
        if source is None:
            return None
        found = await self._public(
            source.secret_key_ref,
            source.config_map_key_ref,
            field=_CA,
            parse=pem.parse_client_ca,
        )
        if not isinstance(found, ClientCAMaterial):
            raise TypeError(type(found))
        return found

    async def revocation_list(self, declaration: Declaration) -> RevocationListMaterial | None:
        source = declaration.client_authentication.revocation_list
        if source is None:
            return None
        found = await self._public(
            source.secret_key_ref,
            source.config_map_key_ref,
            field=_CRL,
            parse=pem.parse_revocation_list,
        )
        if not isinstance(found, RevocationListMaterial):
            raise TypeError(type(found))
        return found

    async def _public(
        self,
        secret: KeyReference | None,
        config_map: KeyReference | None,
        *,
        field: str,
        parse: Callable[..., object],
    ) -> object:
        kind: Kind = "Secret" if secret else "ConfigMap"
        reference = secret or config_map
        if reference is None:
            raise TypeError(field)
        where = contents.place(kind, reference.name, reference.key)
        return await self._facts(
            kind,
            reference.name,
            (reference.key,),
            field=field,
            parse=lambda values: parse(values[0], field=where),
            public=lambda one: one,
        )

    async def _facts(
        self,
        kind: Kind,
        name: str,
        keys: tuple[str, ...],
        *,
        field: str,
        parse: Callable[[tuple[bytes, ...]], object],
        public: Callable[..., object],
    ) -> object:
        """Return what *parse* makes of the values, or what was kept of it: its *public* side."""
        source = _Source(kind, (self._namespace, name), keys)
        if not self._fresh:
            kept = self._materials.kept(source)
            if kept is not None and isinstance(kept[1], MaterialError):
                raise again(kept[1])
            if kept is not None:
                self.sources[field] = (source, kept[0])
                return kept[1]
        read = self._read.get((kind, name))
        if read is None:
            read = await self._materials.read(kind, source.name, field=field)
            self._read[kind, name] = read
        version = (read.uid, read.resource_version)
        self.sources[field] = (source, version)
        try:
            values = tuple(contents.value_of(read.data, kind, name, key) for key in keys)
            value = await offloaded(lambda: parse(values), size=cost(values))
        except MaterialError as error:
            self._materials.keep(source, version=version, value=again(error), size=len(str(error)))
            raise
        size = sum(map(len, values))
        self._materials.keep(source, version=version, value=public(value), size=size)
        return value
