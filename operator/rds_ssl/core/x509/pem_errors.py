"""The sentences about material that is PEM and still cannot be read, or cannot be sent."""

from rds_ssl.core.errors import MaterialError
from rds_ssl.core.formats import shown
from rds_ssl.core.model import Reason
from rds_ssl.core.x509.pem_text import invalid


def certificate(field: str, *, number: int, of: int, fault: str) -> MaterialError:
    """One of the certificates is unreadable; *fault* is ``it …``."""
    return invalid(
        field,
        f"has a certificate that cannot be read (number {number} of {of}): {fault};"
        f" {_remedy(fault)}.",
    )


def revocation_list(field: str, *, number: int, of: int, fault: str) -> MaterialError:
    """One of the revocation lists is unreadable; *fault* is ``it …``."""
    return invalid(
        field,
        f"has a revocation list that cannot be read (number {number} of {of}): {fault};"
        f" {_remedy(fault)}.",
    )


def _remedy(fault: str) -> str:
    # Stored again, what is of an unusual kind is the same.
    return "store the file again" if "damaged" in fault else "issue it again, by other means"


def partial_list(field: str, *, kind: str, issuer: str) -> MaterialError:
    """A revocation list does not speak for the whole CA."""
    return invalid(field, f"holds a {kind} of {shown(issuer)}; store that CA's full list instead.")


def long_chain(field: str, *, longest: int) -> MaterialError:
    """The chain has too many certificates."""
    return invalid(
        field,
        f"has a chain of more than {longest} certificates, which Java clients refuse;"
        " keep the leaf and its intermediates.",
    )


def pss(field: str) -> MaterialError:
    """The leaf's key is bound to RSA-PSS."""
    return invalid(
        field, "has a certificate for an RSA-PSS key, which few servers take; use a plain RSA key."
    )


def private_key(field: str) -> MaterialError:
    """The private key is unreadable."""
    return invalid(
        field, "has a private key that cannot be read: it is damaged; store the file again."
    )


def large_key(field: str, *, most: int) -> MaterialError:
    """The private key is an RSA key with a modulus that no server is given."""
    return invalid(field, f"is a private key larger than RSA with {most} bits; use a smaller one.")


def many_signers(field: str) -> MaterialError:
    """Which list is whose would take too long to tell."""
    return invalid(
        field,
        "has revocation lists that too many CAs of one name may have signed, and none says which;"
        " issue the lists with an authority key identifier, or remove CAs that are not needed.",
    )


def exponent_of_key(field: str, *, most: int) -> MaterialError:
    """The private key is an RSA key with a public exponent that takes long to compute with."""
    return invalid(
        field,
        f"is a private key with a public exponent of more than {most} bits, which no server is"
        " given; make a new key with the exponent 65537, and a certificate for it.",
    )


def primes_of_key(field: str) -> MaterialError:
    """The private key is an RSA key with three primes or more."""
    return invalid(
        field,
        "is a private key with more than two primes, which few programs read; make a new key with"
        " two (openssl genpkey -algorithm RSA), and a certificate for it.",
    )


def kind_of_key(field: str) -> MaterialError:
    """The private key is DSA, X25519 or the like, or on a curve without a name."""
    return invalid(
        field,
        "is a private key of a kind that serves no TLS;"
        " use RSA, ECDSA (P-256, P-384 or P-521) or Ed25519.",
    )


def curve_of_key(field: str, *, curve: str) -> MaterialError:
    """The private key is on a curve that no TLS client takes."""
    return invalid(
        field,
        f"is a private key on the curve {curve}, with which no TLS client connects;"
        " use P-256, P-384 or P-521, or RSA or Ed25519.",
    )


def not_in_order(field: str, *, leaf: str) -> MaterialError:
    """The key fits a certificate that is not the first."""
    return invalid(
        field,
        f"is not in order: the private key fits {leaf}, which is not the first certificate;"
        " put the leaf first and its issuers after it.",
    )


def key_mismatch(field: str, *, leaf: str, certificate_field: str) -> MaterialError:
    """The key fits no certificate of the chain."""
    return MaterialError(
        f"{field} is not the private key of {leaf} in {certificate_field};"
        " store the certificate and the key that were made together.",
        reason=Reason.KEY_MISMATCH,
        field=field,
    )
