"""What is wrong with the files that settings name."""

import ssl
from pathlib import Path

from rds_ssl.core.errors import SettingsError


def unusable_bundle(path: str) -> str:
    """Return what is wrong with a file of CAs; empty if nothing is, or there is none."""
    if not path:
        return ""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except ssl.SSLError:
        return "it holds no certificate that can be read; it should be a file of CAs in PEM"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if not context.cert_store_stats()["x509_ca"]:
        return "none of its certificates is of a CA"
    return ""


def unusable_grants(path: str) -> tuple[str, ...]:
    """Return what is wrong with a file of grants; nothing if there is none."""
    if not path:
        return ()
    # YAML takes long to import, and few need it.
    from rds_ssl.grants import read_grants  # noqa: PLC0415  # As said above.

    try:
        read_grants(Path(path))
    except SettingsError as error:
        return error.faults
    return ()
