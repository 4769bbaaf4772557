"""
Real peers for certificates: a TLS handshake of OpenSSL's own programs, and a PostgreSQL.

Both on loopback, in processes that are started here and ended here. What is asked is one thing:
does the connection come to stand?
"""

import contextlib
import os
import shutil
import socket
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from support import pki
from support.polling import patience

OPENSSL = shutil.which("openssl")

_PROGRAMS = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin", "/usr/local/bin")

SECONDS = 10.0
"""For a program to answer; all is on loopback."""


def postgres_programs() -> Path | None:
    """Return the directory of initdb and postgres; None if there is no PostgreSQL here."""
    found = shutil.which("initdb")
    places = [Path(found).parent] if found else []
    for place in (*places, *map(Path, _PROGRAMS)):
        if (place / "initdb").exists() and (place / "postgres").exists():
            return place
    return None


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait(port: int) -> None:
    until = time.monotonic() + patience(SECONDS)
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=patience(SECONDS)).close()
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.02)  # A program that starts tells nobody.
        else:
            return


@contextlib.contextmanager
def openssl_server(directory: Path, chain: bytes, key: bytes) -> Iterator[int]:
    """Run ``openssl s_server`` with a chain; give its port. It ends with the block."""
    leaf, _, rest = chain.partition(b"-----END CERTIFICATE-----\n")
    (directory / "crt.pem").write_bytes(leaf + b"-----END CERTIFICATE-----\n")
    (directory / "chain.pem").write_bytes(rest)
    (directory / "key.pem").write_bytes(key)
    port = free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-quiet"]
    command += ["-cert", "crt.pem", "-key", "key.pem"]
    command += ["-cert_chain", "chain.pem"] if rest.strip() else []
    server = subprocess.Popen(
        command,
        cwd=directory,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if server.poll() is None:
            _wait(port)
        yield port
    finally:
        server.kill()
        server.wait()
        if server.stdin:
            server.stdin.close()


def openssl_client(directory: Path, port: int, *, root: bytes, host: str, more: str = "") -> str:
    """Return why ``openssl s_client``, trusting *root* alone, does not connect; empty: it does."""
    (directory / "root.pem").write_bytes(root)
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", "root.pem"]
    command += ["-no-CApath", "-no-CAstore", "-verify_return_error", "-verify_hostname", host]
    told = subprocess.run(
        [*command, "-servername", host, *more.split()],
        cwd=directory,
        input=b"",
        capture_output=True,
        timeout=patience(SECONDS),
        check=False,
    )
    text = (told.stdout + told.stderr).decode("utf-8", "replace")
    if told.returncode == 0 and "Verify return code: 0 (ok)" in text:
        return ""
    lines = [line for line in text.splitlines() if "verify error" in line or "alert" in line]
    return (lines or text.splitlines() or ["refused"])[0]


_GO_CLIENT = """package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	pem, err := os.ReadFile(os.Args[2])
	roots := x509.NewCertPool()
	if err == nil && roots.AppendCertsFromPEM(pem) {
		settings := &tls.Config{RootCAs: roots, ServerName: os.Args[3]}
		var connection *tls.Conn
		if connection, err = tls.Dial("tcp", os.Args[1], settings); err == nil {
			connection.Close()
			return
		}
	}
	fmt.Println(err)
	os.Exit(1)
}
"""


@dataclass(frozen=True, slots=True)
class GoClient:
    """A TLS client of Go's own library."""

    program: Path

    @classmethod
    def build(cls, directory: Path) -> "GoClient | None":
        """Build it; None if there is no Go on PATH. The first time that takes most of a minute."""
        if shutil.which("go") is None:
            return None
        (directory / "main.go").write_text(_GO_CLIENT)
        (directory / "go.mod").write_text("module peer\n\ngo 1.21\n")
        environment = {**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": "-p=1 -buildvcs=false"}
        made = subprocess.run(
            ["go", "build", "-o", "peer", "."],
            cwd=directory,
            env=environment,
            capture_output=True,
            check=False,
        )
        return cls(directory / "peer") if made.returncode == 0 else None

    def refusal(self, directory: Path, port: int, *, root: bytes, host: str) -> str:
        """Return why it does not connect; empty: it does."""
        (directory / "root.pem").write_bytes(root)
        told = subprocess.run(
            [self.program, f"127.0.0.1:{port}", "root.pem", host],
            cwd=directory,
            capture_output=True,
            timeout=patience(SECONDS),
            check=False,
        )
        return "" if told.returncode == 0 else told.stdout.decode("utf-8", "replace") or "refused"


_STARTING_UP = b"C57P03"
"""What a server answers that listens already, and lets nobody in yet."""


_HBA = {
    True: b"hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n",
    False: b"host all all 127.0.0.1/32 trust\n",
}
"""Who may log in: with a certificate of the client CA only, or whoever comes."""


class PostgreSQL:
    """A PostgreSQL with SSL, whose client CA and lists can be changed; ends with its block."""

    def __init__(self) -> None:
        programs = postgres_programs()
        assert programs is not None, "ask postgres_programs first"
        self._programs = programs
        self._place = tempfile.TemporaryDirectory()
        self._home = Path(self._place.name)
        self._data = self._home / "data"
        self._server: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self._leaf = pki.self_signed("localhost")

    def __enter__(self) -> Self:
        self._home.chmod(0o755)
        self._data.mkdir(mode=0o700)
        self._give(self._data)
        self._run("initdb", "-D", str(self._data), "-U", "app", "-A", "trust", "-N")
        self._write("server.crt", self._leaf.pem)
        self._write("server.key", self._leaf.key_pem())
        self._write("pg_hba.conf", _HBA[True])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()
        self._place.cleanup()

    def start(
        self, ca: bytes | None, crl: bytes | None = None, *, needs_certificate: bool = True
    ) -> bool:
        """
        Start it anew with these client CAs, and lists; False if it does not take them.

        Args:
            needs_certificate: True: clients need one (ACL ``verify-ca``); else as with ``prefer``.
        """
        self._stop()
        self._write("pg_hba.conf", _HBA[needs_certificate])
        if ca is not None:
            self._write("ca.crt", ca)
        if crl is not None:
            self._write("ca.crl", crl)
        options = {
            "ssl": "on",
            "ssl_ca_file": "ca.crt" if ca is not None else "",
            "ssl_crl_file": "ca.crl" if crl is not None else "",
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "off",
        }
        arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._server = subprocess.Popen(
            self._as_nobody("postgres", "-D", str(self._data), "-p", str(self.port), *arguments),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
        )
        until = time.monotonic() + patience(SECONDS)
        while time.monotonic() < until:
            if self._server.poll() is not None:
                return False
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=patience(1)).close()
                return True
            time.sleep(0.02)  # As above.
        return False

    def lets_in(self, client: pki.Leaf | None) -> bool:
        """True if a client with that certificate, and its chain, is let in; None shows none."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if client is not None:
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(client.chain_pem + client.key_pem())
                file.flush()
                context.load_cert_chain(file.name)
        until, answer = time.monotonic() + patience(SECONDS), _STARTING_UP
        while _STARTING_UP in answer and time.monotonic() < until:
            answer = self._answer(context)
        return answer.startswith(b"R")

    def _answer(self, context: ssl.SSLContext) -> bytes:
        """Give the first answer to a login; empty for an alert, or the end of the connection."""
        try:
            with socket.create_connection(
                ("127.0.0.1", self.port), timeout=patience(SECONDS)
            ) as plain:
                plain.sendall(struct.pack("!II", 8, 80877103))
                if plain.recv(1) != b"S":
                    return b""
                with context.wrap_socket(plain) as connection:
                    body = struct.pack("!I", 196608) + b"user\0app\0database\0postgres\0\0"
                    connection.sendall(struct.pack("!I", len(body) + 4) + body)
                    return connection.recv(4096)
        except OSError:
            return b""

    def _stop(self) -> None:
        if self._server is not None:
            self._server.terminate()
            try:
                self._server.wait(patience(SECONDS))
            except subprocess.TimeoutExpired:
                self._server.kill()
                self._server.wait()
            self._server = None

    def _write(self, name: str, content: bytes) -> None:
        file = self._data / name
        file.write_bytes(content)
        file.chmod(0o600)
        self._give(file)

    def _give(self, path: Path) -> None:
        if os.geteuid() == 0:  # Which PostgreSQL refuses to run as.
            shutil.chown(path, 65534, 65534)

    def _as_nobody(self, program: str, *arguments: str) -> list[str]:
        command = [str(self._programs / program), *arguments]
        if os.geteuid() == 0:
            return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        return command

    def _run(self, program: str, *arguments: str) -> None:
        subprocess.run(
            self._as_nobody(program, *arguments), check=True, capture_output=True, cwd="/"
        )
