"""
What the references of an object hold: read when needed, facts kept, content not.

Facts are kept under (uid, resourceVersion) of the object they were read from, together with the
keys of its data. A text that does not parse is a fact as well; verdicts, which depend on the clock
and on other objects, are made anew on each pass.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rds_ssl.core import material as checks
from rds_ssl.core import pem
from rds_ssl.core.declaration import CAKeyReference, Declaration, RevocationListKeyReference
from rds_ssl.core.desired import MaterialFacts
from rds_ssl.core.errors import KubeNotFound, MaterialError
from rds_ssl.core.facts import (
    ClientCAFacts,
    ClientCAMaterial,
    RevocationListMaterial,
    ServerFacts,
    ServerMaterial,
)
from rds_ssl.core.material import Problem
from rds_ssl.core.model import CAType, Observed, Reason, RevocationListFacts
from rds_ssl.core.plan import Material
from rds_ssl.kube.resources import DataObject, Kind, Resources

Version = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """
    What the references hold, or the first problem with them.

    *material* is there only if everything was read in this pass: it holds the private key.
    """

    facts: MaterialFacts
    problem: Problem | None = None
    material: Material | None = None
    signed: Mapping[str, frozenset[str]] | None = None

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
            self.problem,
        )


class Materials:
    """
    Reads material. *version* gives (uid, resourceVersion) of an object as a watch knows it.

    *kept* holds facts only: `ServerFacts`, CA and CRL material (public), or what was wrong.
    """

    def __init__(
        self,
        resources: Resources,
        version: Callable[[Kind, tuple[str, str]], Version | None],
        now: Callable[[], datetime],
    ) -> None:
        self._resources = resources
        self._version = version
        self._now = now
        self._kept: dict[tuple[object, ...], tuple[Version, object]] = {}

    def forget(self, kind: Kind, name: tuple[str, str]) -> None:
        """Drop the facts of an object that changed."""
        for key in [each for each in self._kept if each[:2] == (kind, name)]:
            del self._kept[key]

    async def gather(
        self, declaration: Declaration, namespace: str, *, fresh: bool = False
    ) -> Gathered:
        """
        Read what the declaration refers to; with *fresh* from the API server, key included.

        With ``enabled: false`` nothing is read.
        """
        if not declaration.enabled:
            return Gathered(facts=MaterialFacts(), material=Material())
        reading = _Reading(self, namespace, fresh=fresh)
        try:
            server = await reading.server(declaration)
            cas = await reading.client_ca(declaration)
            lists = await reading.revocation_list(declaration)
        except MaterialError as error:
            return Gathered(facts=MaterialFacts(), problem=checks.problem_of(error))
        facts = MaterialFacts(
            server=server.facts if isinstance(server, ServerMaterial) else server,
            client_ca=cas.cas if cas else (),
            revocation_list=lists.lists if lists else (),
        )
        material = None
        if server is None or isinstance(server, ServerMaterial):
            material = Material(server=server, client_ca=cas, revocation_list=lists)
        signed = pem.signed_lists(cas, lists) if cas and lists else None
        return Gathered(facts=facts, material=material, signed=signed)

    def check(
        self,
        declaration: Declaration,
        gathered: Gathered,
        observed: Observed,
        *,
        endpoint: str,
        now: datetime,
    ) -> Problem | None:
        """
        Judge what would be newly sent: the first problem, in the order of the design.

        What is in force already is not judged: it blocks no change of something else.
        """
        facts = gathered.facts
        references = declaration.material_references
        in_force = _InForce(observed)
        if facts.server is not None and not in_force.server(facts.server):
            where = next(
                f"Secret {each.name}, key {each.key}"
                for each in references
                if each.field == "spec.serverCertificate.secretRef"
            )
            problem = checks.check_server_certificate(
                facts.server, endpoint=endpoint or None, now=now, where=where
            )
            if problem:
                return problem
        places = {
            each.field.split(".")[2]: f"{each.kind} {each.name}, key {each.key}"
            for each in references
            if each.field.startswith("spec.clientAuthentication.")
        }
        same_ca = in_force.client_ca(facts.client_ca)
        if facts.client_ca and not same_ca:
            problem = checks.check_client_ca(facts.client_ca, now=now, where=places["ca"])
            if problem:
                return problem
        same_lists = in_force.revocation_list(facts.revocation_list)
        if gathered.signed is not None and not (same_ca and same_lists):
            return checks.check_revocation_list(
                facts.revocation_list,
                facts.client_ca,
                gathered.signed,
                now=now,
                where=places["revocationList"],
            )
        return None

    # -- facts of one object ------------------------------------------------------------------

    def kept(self, kind: Kind, name: tuple[str, str], keys: tuple[str, ...]) -> object:
        """Give the facts that still hold, or None."""
        found = self._kept.get((kind, name, keys))
        if found is None or found[0] != self._version(kind, name):
            return None
        return found[1]

    def keep(
        self,
        kind: Kind,
        name: tuple[str, str],
        keys: tuple[str, ...],
        *,
        version: Version,
        value: object,
    ) -> None:
        """Keep facts; never anything with a private key."""
        self._kept[kind, name, keys] = (version, value)

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


@dataclass(frozen=True, slots=True)
class _InForce:
    """What the instance has already."""

    observed: Observed

    def server(self, facts: ServerFacts) -> bool:
        leaf = self.observed.server_certificate
        return leaf is not None and leaf.sha256 == facts.leaf.sha256

    def client_ca(self, cas: Sequence[ClientCAFacts]) -> bool:
        shown = {each.sha256 for each in self.observed.client_ca or ()}
        return {each.certificate.sha256 for each in cas} == shown

    def revocation_list(self, lists: Sequence[RevocationListFacts]) -> bool:
        shown = {each.sha256 for each in self.observed.revocation_list or ()}
        return {each.sha256 for each in lists} == shown


class _Reading:
    """One gathering for one object: each Secret is asked for once."""

    def __init__(self, materials: Materials, namespace: str, *, fresh: bool) -> None:
        self._materials = materials
        self._namespace = namespace
        self._fresh = fresh
        self._read: dict[tuple[Kind, str], DataObject] = {}

    async def server(self, declaration: Declaration) -> ServerMaterial | ServerFacts | None:
        if declaration.effective_ca_type is not CAType.CUSTOM:
            return None
        reference = declaration.server_certificate.secret_ref
        if reference is None:
            return None
        keys = (reference.certificate_key, reference.private_key_key)

        def parse(values: tuple[bytes, ...]) -> ServerMaterial:
            return pem.parse_server_certificate(
                values[0],
                values[1],
                certificate_field=f"Secret {reference.name}, key {keys[0]}",
                key_field=f"Secret {reference.name}, key {keys[1]}",
            )

        found = await self._facts(
            "Secret",
            reference.name,
            keys,
            field="spec.serverCertificate.secretRef",
            parse=parse,
            public=lambda one: one.facts,
        )
        if not isinstance(found, ServerMaterial | ServerFacts):
            raise TypeError(type(found))
        return found

    async def client_ca(self, declaration: Declaration) -> ClientCAMaterial | None:
        source = declaration.client_authentication.ca
        if source is None:
            return None
        found = await self._public(
            source.secret_key_ref,
            source.config_map_key_ref,
            field="spec.clientAuthentication.ca",
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
            field="spec.clientAuthentication.revocationList",
            parse=pem.parse_revocation_list,
        )
        if not isinstance(found, RevocationListMaterial):
            raise TypeError(type(found))
        return found

    async def _public(
        self,
        secret: CAKeyReference | RevocationListKeyReference | None,
        config_map: CAKeyReference | RevocationListKeyReference | None,
        *,
        field: str,
        parse: Callable[..., object],
    ) -> object:
        kind: Kind = "Secret" if secret else "ConfigMap"
        reference = secret or config_map
        if reference is None:
            raise TypeError(field)
        where = f"{kind} {reference.name}, key {reference.key}"
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
        """Give what *parse* makes of the values, or what was kept of it: its *public* side."""
        where = (self._namespace, name)
        if not self._fresh:
            kept = self._materials.kept(kind, where, keys)
            if isinstance(kept, MaterialError):
                raise _again(kept)
            if kept is not None:
                return kept
        source = self._read.get((kind, name))
        if source is None:
            source = await self._materials.read(kind, where, field=field)
            self._read[kind, name] = source
        version = (source.uid, source.resource_version)
        try:
            value = parse(tuple(_value(source, kind, name, key) for key in keys))
        except MaterialError as error:
            self._materials.keep(kind, where, keys, version=version, value=_again(error))
            raise
        self._materials.keep(kind, where, keys, version=version, value=public(value))
        return value


def _value(source: DataObject, kind: Kind, name: str, key: str) -> bytes:
    if not source.data.get(key):
        where = f"{kind} {name}, key {key}"
        present = ", ".join(sorted(source.data)) or "none"
        raise MaterialError(
            f"{where}: the key is missing or empty (keys present: {present}).",
            reason=Reason.SECRET_KEY_MISSING,
            field=where,
        )
    return source.data[key]


def _again(error: MaterialError) -> MaterialError:
    # A fresh one: a raised exception collects the traceback of each raise.
    return MaterialError(str(error), reason=error.reason, field=error.field)
