"""
On which fields of DescribeDBInstanceSSL nothing that an object declares rests. Pure.

Their words may be new or misspelt without anything to decide by them: such a word is said and fails
no read. All others are never guessed at.
"""

from collections.abc import Iterator

from rds_ssl.core.api.spec import Declaration


def undeclared_fields(declaration: Declaration, *, in_flight: bool) -> frozenset[str]:
    """
    Return those fields by their wire names.

    Args:
        in_flight: A call of the object may be at work, and LastModifyStatus is to say how it ends.
    """
    return frozenset(_undeclared(declaration, in_flight=in_flight))


def _undeclared(declaration: Declaration, *, in_flight: bool) -> Iterator[str]:
    on, server = declaration.enabled, declaration.server_certificate
    own = server.secret_ref is not None or server.pfx is not None
    yield "RequireUpdate"  # A hint of the vendor's.
    if not in_flight:
        yield "LastModifyStatus"
    if not on:
        yield "CAType"
    # SSLExpireTime tells whose certificate is in force where nothing else does.
    if not (on and (own or server.renew_before is not None)):
        yield "SSLExpireTime"
    if not (on and declaration.client_authentication.ca is not None):
        yield from ("ACL", "ReplicationACL")
    if not (on and declaration.force_encryption):
        yield "ForceEncryption"
    if not (on and declaration.minimum_tls_version is not None):
        yield "TlsVersion"
