"""The certificates that other tests rest on are what they claim to be."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from support import odd_pem, pki

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl in PATH")


def verify(directory: Path, *, root: bytes, leaf: bytes, chain: bytes, crl: bytes = b"") -> str:
    """Let OpenSSL judge; returns what it prints."""
    for file, content in {"root": root, "leaf": leaf, "chain": chain, "crl": crl}.items():
        (directory / file).write_bytes(content)
    arguments = ["openssl", "verify", "-x509_strict", "-CAfile", "root"]
    arguments += ["-untrusted", "chain"] if chain else []
    arguments += ["-crl_check", "-CRLfile", "crl"] if crl else []
    done = subprocess.run(
        [*arguments, "leaf"], cwd=directory, capture_output=True, text=True, check=False
    )
    return done.stdout + done.stderr


@needs_openssl
def test_openssl_accepts_a_leaf_below_an_intermediate(tmp_path: Path) -> None:
    root = pki.make_root()
    leaf = root.intermediate().leaf("db.example.com", "10.0.0.1")

    said = verify(tmp_path, root=root.pem, leaf=leaf.pem, chain=pki.pem(*leaf.intermediates))

    assert said == "leaf: OK\n"


@needs_openssl
@pytest.mark.parametrize(
    ("expires", "serials", "verdict"),
    [
        pytest.param(True, [7], "OK", id="a list of others"),
        pytest.param(False, [7], "OK", id="a list without nextUpdate"),
        pytest.param(True, [42], "certificate revoked", id="a list with this one"),
    ],
)
def test_openssl_reads_a_revocation_list(
    tmp_path: Path, *, expires: bool, serials: list[int], verdict: str
) -> None:
    root = pki.make_root()
    key = pki.make_key()
    client = pki.build_certificate(
        subject="app", key=key, issuer=root, extras=pki.Extras(serial=42)
    )

    said = verify(
        tmp_path,
        root=root.pem,
        leaf=pki.pem(client),
        chain=b"",
        crl=root.revocation_list(serials=serials, expires=expires),
    )

    assert verdict in said


def test_a_server_can_load_a_leaf_with_its_key(tmp_path: Path) -> None:
    leaf = pki.make_root().intermediate().leaf("db.example.com")
    (tmp_path / "crt").write_bytes(leaf.chain_pem)
    (tmp_path / "key").write_bytes(leaf.key_pem())

    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tmp_path / "crt", tmp_path / "key")


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (pki.KeyType.RSA_1024, pki.KeyFormat.PKCS1),
        (pki.KeyType.EC, pki.KeyFormat.SEC1),
        (pki.KeyType.ED25519, pki.KeyFormat.PKCS8),
        (pki.KeyType.EC_P384, pki.KeyFormat.PKCS8_ENCRYPTED),
        (pki.KeyType.EC, pki.KeyFormat.LEGACY_ENCRYPTED),
    ],
)
def test_a_key_is_written_in_the_form_that_was_asked_for(
    kind: pki.KeyType, form: pki.KeyFormat
) -> None:
    written = pki.key_pem(pki.make_key(kind), form)

    assert form.encode() in written
    encrypted = "ENCRYPTED" in form
    password = pki.PASSPHRASE if encrypted else None
    assert serialization.load_pem_private_key(written, password)


def test_an_intermediate_of_an_intermediate_sends_both() -> None:
    root = pki.make_root()

    leaf = root.intermediate("upper").intermediate("lower").leaf("db.example.com")

    issuers = [one.issuer.rfc4514_string() for one in (leaf.certificate, *leaf.intermediates)]
    assert issuers == ["CN=lower", "CN=upper", "CN=Test root"]


def test_a_leaf_has_the_names_that_it_was_given() -> None:
    leaf = pki.make_root().leaf("*.example.com", "10.0.0.1", common_name=None)

    san = leaf.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert san.value.get_values_for_type(x509.DNSName) == ["*.example.com"]
    assert [str(one) for one in san.value.get_values_for_type(x509.IPAddress)] == ["10.0.0.1"]
    assert leaf.certificate.subject.rfc4514_string() == ""


def test_the_temporary_certificate_has_cert_managers_issuer() -> None:
    leaf = pki.cert_manager_temporary("db.example.com")

    assert leaf.certificate.issuer == pki.name("cert-manager.local")


def test_surgery_leaves_a_certificate_that_its_issuer_has_signed() -> None:
    root = pki.make_root()

    old = odd_pem.as_v1(root.certificate, root.key)

    assert old.version is x509.Version.v1
    old.verify_directly_issued_by(old)


def test_a_private_key_is_not_in_a_repr() -> None:
    leaf = pki.make_root().leaf("db.example.com")

    assert "key" not in repr(leaf)
