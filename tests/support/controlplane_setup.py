"""
How the control plane's programs are called, their port, and the files that they read.

The programs run in the control plane's directory, so the flags name files without a path.
"""

import datetime as dt
import ipaddress
import json
import socket
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CONTROLLERS = (
    "namespace-controller",  # Without it a namespace never finishes deleting.
    "garbage-collector-controller",
    "serviceaccount-controller",  # The ServiceAccount `default` of each namespace.
    "root-ca-certificate-publisher-controller",
)
"""No others: most serve nodes, and TokenRequest needs none."""

VALIDITY = dt.timedelta(days=30)
"""Longer than any control plane for tests is kept."""

AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}
"""A line per request, two per watch (begin and end); never a body, so never a Secret."""


ETCD_SOCKET = "etcd.sock"
"""Where etcd listens, in the directory."""


def etcd(program: Path) -> list[str | Path]:
    """Command line of etcd."""
    return [
        program,
        "--data-dir=etcd",
        # A socket in the directory cannot clash with another control plane's, nor be mistaken for
        # it. Without a path it stays below the 107 bytes that a socket's name may have.
        f"--listen-client-urls=unix://{ETCD_SOCKET}",
        "--advertise-client-urls=http://127.0.0.1:2379",  # It must have one; nobody uses it.
        "--listen-peer-urls=http://127.0.0.1:0",
        "--log-level=error",
        "--unsafe-no-fsync",  # The data need to outlive a killed process, not a power failure.
    ]


def api_server(
    program: Path,
    *,
    host: str,
    port: int,
    audit: bool,
    client_ca: bool,
    etcd_socket: str = ETCD_SOCKET,
) -> list[str | Path]:
    """Command line of the API server, which shares *port* with the socket that reserves it."""
    command: list[str | Path] = [
        program,
        f"--etcd-servers=unix://{etcd_socket}",
        f"--bind-address={host}",
        f"--secure-port={port}",
        "--permit-port-sharing=true",
        f"--advertise-address={host}",  # Else it looks for a default route, and ends without one.
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--cert-dir=.",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=service-accounts.pub",
        "--service-account-signing-key-file=service-accounts.key",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount",
        # Priority and fairness stays as in a real cluster: it exempts system:masters, so tests are
        # not slowed down, and an operator that floods the API shall notice.
    ]
    if client_ca:
        command.append("--client-ca-file=clients.crt")
    if audit:
        command += [
            "--audit-policy-file=audit-policy.json",
            "--audit-log-path=audit.log",
            "--audit-log-maxsize=4096",  # MB. A reader would lose lines when the file is rotated.
        ]
    return command


def controller_manager(program: Path, controllers: Sequence[str] = CONTROLLERS) -> list[str | Path]:
    """Command line of the controller manager, which reads kube-controller-manager.kubeconfig."""
    return [
        program,
        "--kubeconfig=kube-controller-manager.kubeconfig",
        "--root-ca-file=ca.crt",
        "--leader-elect=false",
        "--secure-port=0",
        f"--controllers={','.join(controllers)}",
        # The default of 20 a second makes the deletion of a full namespace slow.
        "--kube-api-qps=1000",
        "--kube-api-burst=2000",
    ]


def custom_resource_paths(definitions: Mapping[str, Any]) -> Iterator[str]:
    """Paths of the custom resources that a CustomResourceDefinitionList says are served."""
    for definition in definitions["items"]:
        conditions = {
            condition["type"]: condition["status"]
            for condition in definition.get("status", {}).get("conditions", [])
        }
        if conditions.get("Established") == "True" and conditions.get("Terminating") != "True":
            spec = definition["spec"]
            version = next(version["name"] for version in spec["versions"] if version["served"])
            yield f"/apis/{spec['group']}/{version}/{spec['names']['plural']}"


def reserve_port() -> socket.socket:
    """
    Bind a free port of 127.0.0.1 that nobody else gets as long as the socket is open.

    The API server cannot choose a port itself, and one that was found free and closed again may
    be taken before it binds, or while it is down in a test of an outage.
    This socket never listens, so connections are refused while there is no API server;
    SO_REUSEPORT lets a server of the same user bind beside it. Retries would only make the
    clash rare.
    """
    reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reservation.bind(("127.0.0.1", 0))
    return reservation


def _last_lines(path: Path, count: int) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-count:] if path.exists() else []


def write_tls(directory: Path) -> None:
    """
    Make a CA, a certificate for 127.0.0.1 and localhost, and a key that signs tokens.

    Writes ca.crt, server.crt, server.key, service-accounts.key and service-accounts.pub into
    *directory*: PEM, EC P-256, keys in PKCS #8 and not encrypted. The CA's key is thrown away.
    """
    now = dt.datetime.now(dt.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "control plane for tests")])
    ca = (
        _certificate(ca_name, ca_name, ca_key.public_key(), ca_key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(sign_certificates=True), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    server_key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = (
        _certificate(
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")]),
            ca_name,
            server_key.public_key(),
            ca_key.public_key(),
            now,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(sign_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    _write(directory / "ca.crt", ca.public_bytes(serialization.Encoding.PEM))
    _write(directory / "server.crt", server.public_bytes(serialization.Encoding.PEM))
    _write(directory / "server.key", _pem(server_key))
    token_key = ec.generate_private_key(ec.SECP256R1())
    _write(directory / "service-accounts.key", _pem(token_key))
    # The API server cannot take the public key from a PKCS #8 file.
    public = token_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    _write(directory / "service-accounts.pub", public)


def write_tokens(directory: Path, tokens: Mapping[str, str]) -> None:
    """Write tokens.csv, which makes each user, with its token, a member of system:masters."""
    lines = [f'{token},{user},{user},"system:masters"\n' for user, token in tokens.items()]
    _write(directory / "tokens.csv", "".join(lines).encode())


def write_audit_policy(directory: Path) -> None:
    """Write AUDIT_POLICY to audit-policy.json."""
    _write(directory / "audit-policy.json", json.dumps(AUDIT_POLICY).encode())


def write_kubeconfig(path: Path, *, url: str, ca: Path, token: str, namespace: str) -> Path:
    """
    Write a kubeconfig with one context, whose default namespace is *namespace*.

    It names the CA by its path: from inline data clients of Python make a temporary file,
    which stays when they are killed.
    """
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "tests",
        "clusters": [
            {"name": "tests", "cluster": {"server": url, "certificate-authority": str(ca)}}
        ],
        "users": [{"name": "tests", "user": {"token": token}}],
        "contexts": [
            {
                "name": "tests",
                "context": {"cluster": "tests", "user": "tests", "namespace": namespace},
            }
        ],
    }
    # JSON is YAML, and needs no package.
    return _write(path, json.dumps(content, indent=2).encode())


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer_key: ec.EllipticCurvePublicKey,
    now: dt.datetime,
) -> x509.CertificateBuilder:
    # Python 3.13 verifies strictly and wants both key identifiers.
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key), critical=False
        )
    )


def _key_usage(*, sign_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not sign_certificates,
        key_cert_sign=sign_certificates,
        crl_sign=sign_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes) -> Path:
    path.touch(mode=0o600)
    path.write_bytes(content)
    return path
