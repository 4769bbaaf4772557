"""
What a key of a Secret or ConfigMap holds, read as what it is declared to be. Pure.

Whoever has the bytes reads them here, from a cluster or from a file, so that both are told the same
about them.
"""

from collections.abc import Mapping

from rds_ssl.core.api.spec_types import PFX, SecretReference
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.formats import shown
from rds_ssl.core.model import Reason
from rds_ssl.core.planning.parameters import PFXMaterial
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509 import pem
from rds_ssl.core.x509.facts import ServerMaterial

MAX_PASSWORD_BYTES = 1024
"""Of a PFX file: as much as OpenSSL asks for (PEM_BUFSIZE), far more than anybody types."""


def place(kind: str, name: str, key: str) -> str:
    """Return what a key of an object is called in messages: ``Secret orders-tls, key tls.crt``."""
    return f"{kind} {name}, key {key}"


def value_of(data: Mapping[str, bytes], kind: str, name: str, key: str) -> bytes:
    """
    Return what a Secret or ConfigMap holds under a key.

    Raises:
        MaterialError: Nothing; with the keys that there are.
    """
    if not data.get(key):
        where = place(kind, name, key)
        present = shown(", ".join(sorted(data))) or "none"
        what = "empty" if key in data else f"missing (keys present: {present})"
        raise MaterialError(
            f"{where}: the key is {what}; store its content, or name another key in the object.",
            reason=Reason.SECRET_KEY_MISSING,
            field=where,
        )
    return data[key]


def server_certificate(
    reference: SecretReference, certificate: bytes, private_key: bytes
) -> ServerMaterial:
    """
    Read a server certificate with its chain and its private key.

    Raises:
        MaterialError: It cannot be used.
    """
    return pem.parse_server_certificate(
        certificate,
        private_key,
        certificate_field=place("Secret", reference.name, reference.certificate_key),
        key_field=place("Secret", reference.name, reference.private_key_key),
    )


def pfx(declared: PFX, password: bytes) -> PFXMaterial:
    """
    Read the password of a PFX file.

    Raises:
        MaterialError: It is none.
    """
    reference = declared.password_secret_key_ref
    where = place("Secret", reference.name, reference.key)

    def invalid(what: str) -> MaterialError:
        text = f"{where}: the password of the PFX file is {what}."
        return MaterialError(text, reason=Reason.MATERIAL_INVALID, field=where)

    if len(password) > MAX_PASSWORD_BYTES:
        raise invalid(f"longer than {MAX_PASSWORD_BYTES} bytes")
    try:
        text = password.decode()
    except UnicodeDecodeError:
        raise invalid("not UTF-8 text") from None
    # Files end in a newline, passwords do not.
    stripped = SecretText(text.removesuffix("\n").removesuffix("\r"))
    return PFXMaterial(oss_object=declared.oss_object, password=stripped)
