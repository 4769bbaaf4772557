"""
The image of the Dockerfile, built without an engine, and programs run in it.

::

    with Image.build() as image:
        done = image.run("rds-ssl", "--version")
        with SimulatorInImage(image) as rds, OperatorInImage(image, kubeconfig=…, api_url=rds.url):
            ...

buildah builds it; in the place of the official Python, which comes from a registry of images,
stands Debian's, made from packages by mmdebstrap. Both are kept in
``${XDG_CACHE_HOME:-~/.cache}/rds-ssl-operator/image``. Needs root. `contained` says how near to a
container a program runs.

    python -m support.image    # builds it and says how large it is: for `make test-image`
"""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

from support import polling
from support.go_command import ROOT
from support.operator_process import QUICK, TESTS, OperatorProcess
from support.simulator import Simulator
from support.watched_process import WatchedProcess

Json = dict[str, Any]

SUITE = "trixie"
"""The Debian whose Python is the version of the Dockerfile's base, 3.13."""

PACKAGES = ("ca-certificates", "python3", "python3-venv")
"""What the Dockerfile asks of a base."""

BASE = f"localhost/rds-ssl-base:{SUITE}"

NEEDED = {"buildah": "buildah", "mmdebstrap": "mmdebstrap"}
"""Package of Debian by program."""

BUILD_SECONDS = 400.0
"""One of the two, on an idle machine: 40 and 60 s, and as long as the network takes."""

RUN_SECONDS = 20.0

SERVICE_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
"""Where the kubelet puts it; by its own name /var/run, which is a link."""

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class ImageError(Exception):
    """The image cannot be built; the message says what to install, or has the builder's words."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of the image."""

    made_by: str
    """The instruction of the Dockerfile, as its history has it."""
    mib: float
    """Its files, not compressed."""


class Image:
    """An image, its files in *root*; use it with ``with``, or call ``close``."""

    def __init__(self, container: str, root: Path, described: Json) -> None:
        """Internal: use ``build``."""
        self._container, self.root = container, root
        self.config: Json = described["OCIv1"]["config"]
        self._described = described

    @classmethod
    def build(cls) -> Self:
        """
        Build the image of this work tree; the first time that takes minutes, later seconds.

        Raises:
            ImageError: A program is missing, this is not root, or a build fails.
        """
        missing = [package for program, package in NEEDED.items() if not shutil.which(program)]
        if missing:
            raise ImageError(
                f"there is no {' and no '.join(missing)} here; on Debian and Ubuntu: "
                f"apt-get install --no-install-recommends {' '.join(missing)}"
            )
        if os.geteuid() != 0:
            raise ImageError("an image is built and mounted as root only")
        if not _succeeds("inspect", "--type", "image", BASE):
            _build_base()
        tag = "localhost/rds-ssl-operator:test"
        _build(tag)
        described = json.loads(_buildah("inspect", "--type", "image", tag))
        container = _buildah("from", "--pull-never", tag).strip()
        return cls(container, Path(_buildah("mount", container).strip()), described)

    def close(self) -> None:
        """Forget the container in which it is mounted; what was built is kept."""
        _buildah("rm", self._container)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def layers(self) -> list[Layer]:
        """Give its layers, the lowest first."""
        known = json.loads((_home() / "store/overlay-layers/layers.json").read_text())
        sizes = {each["diff-digest"]: each["diff-size"] for each in known if "diff-size" in each}
        history = [
            each["created_by"]
            for each in self._described["OCIv1"]["history"]
            if not each.get("empty_layer")
        ]
        digests = self._described["OCIv1"]["rootfs"]["diff_ids"]
        return [
            Layer(made_by=made_by, mib=sizes[digest] / 2**20)
            for made_by, digest in zip(history, digests, strict=True)
        ]

    def contained(
        self,
        *program: str,
        binds: Mapping[Path, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Return the arguments of ``python -m`` that run a program in it as its user."""
        variables = [*self.config["Env"], *(f"{k}={v}" for k, v in (environ or {}).items())]
        return [
            "support.contained",
            str(self.root),
            f"--user={self.config['User']}",
            *(f"--bind={source}:{target}" for source, target in (binds or {}).items()),
            *(f"--env={each}" for each in variables),
            "--",
            *program,
        ]

    def run(self, *program: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program in it to its end."""
        return subprocess.run(
            [sys.executable, "-m", *self.contained(*program, environ=environ)],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=polling.patience(RUN_SECONDS),
        )


class SimulatorInImage(Simulator):
    """The simulator of the image."""

    def __init__(self, image: Image) -> None:
        self._image = image
        super().__init__()

    def _command(self) -> list[str]:
        program = self._image.contained("rds-simulator")
        return ["env", f"PYTHONPATH={TESTS}", sys.executable, "-m", *program]


class OperatorInImage(OperatorProcess):
    """The image started as the kubelet starts it: its entry point, with a ServiceAccount."""

    def __init__(
        self, image: Image, *, directory: Path, kubeconfig: Path, api_url: str, **settings: str
    ) -> None:
        """*directory* is an empty one for the files of the ServiceAccount in *kubeconfig*."""
        host, port = _write_service_account(kubeconfig, directory)
        chosen = {"API_URL": api_url, "HTTP_BIND": "127.0.0.1:0", **QUICK, **settings}
        environ = {
            "HOSTNAME": "rds-ssl-operator-0",
            "KUBERNETES_SERVICE_HOST": host,
            "KUBERNETES_SERVICE_PORT": port,
            **{f"RDS_SSL_{name}": value for name, value in chosen.items()},
        }
        program = [*image.config["Entrypoint"], *image.config["Cmd"]]
        WatchedProcess.__init__(
            self,
            "operator in its image",
            image.contained(*program, binds={directory: SERVICE_ACCOUNT}, environ=environ),
            environ={**os.environ, "PYTHONPATH": str(TESTS)},
        )

    @property
    def inner_pid(self) -> int:
        """Its process as this machine numbers it; to itself it is 1."""
        (child,) = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return int(child)


def _write_service_account(kubeconfig: Path, directory: Path) -> tuple[str, str]:
    """Write what the kubelet would mount; give host and port of the API server."""
    loaded = yaml.safe_load(kubeconfig.read_text())
    cluster, context = loaded["clusters"][0]["cluster"], loaded["contexts"][0]["context"]
    (directory / "token").write_text(loaded["users"][0]["user"]["token"])
    (directory / "ca.crt").write_bytes(Path(cluster["certificate-authority"]).read_bytes())
    (directory / "namespace").write_text(context["namespace"])
    directory.chmod(0o755)  # It is read as another user.
    host, _, port = cluster["server"].removeprefix("https://").rpartition(":")
    return host, port


def _home() -> Path:
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute()
    return caches / "rds-ssl-operator" / "image"


def _build_base() -> None:
    files = _home() / f"base-{SUITE}.tar"
    if not files.exists():
        files.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=files.parent) as scratch:
            made = Path(scratch) / files.name
            chosen = ["--variant=minbase", f"--include={','.join(PACKAGES)}", SUITE, str(made)]
            _run("mmdebstrap", "--quiet", *chosen)
            made.rename(files)
    container = _buildah("from", "scratch").strip()
    _buildah("add", container, str(files), "/")
    _buildah("commit", *_policy(), container, BASE)
    _buildah("rm", container)


def _build(tag: str) -> None:
    # What this machine trusts is trusted while the image is built: the way to the packages may
    # lead through a proxy with a CA of its own. Nothing of it is in the image.
    uv = _home() / "uv.toml"
    uv.write_text("system-certs = true\n")
    mounted = {uv: "/etc/uv/uv.toml", CERTIFICATES: str(CERTIFICATES)}
    volumes = [f"--volume={source}:{to}:ro" for source, to in mounted.items() if source.exists()]
    how = ["--isolation=chroot", "--network=host", "--pull-never", "--layers"]
    named = [f"--build-arg=BASE={BASE}", f"--tag={tag}"]
    _buildah("bud", *_policy(), *how, *volumes, *named, str(ROOT))


def _policy() -> list[str]:
    """Nothing is fetched from a registry of images: there is no signature to look at."""
    policy = _home() / "policy.json"
    policy.write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    return [f"--signature-policy={policy}"]


def _succeeds(*arguments: str) -> bool:
    try:
        _buildah(*arguments)
    except ImageError:
        return False
    return True


def _buildah(*arguments: str) -> str:
    home = _home()
    home.mkdir(parents=True, exist_ok=True)
    return _run("buildah", f"--root={home / 'store'}", f"--runroot={home / 'run'}", *arguments)


def _run(*command: str | Path) -> str:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=polling.patience(BUILD_SECONDS),
    )
    if done.returncode != 0:
        said: Sequence[str] = (done.stdout + done.stderr).splitlines()[-30:]
        raise ImageError("\n".join([f"{command[0]} ended with {done.returncode}", *said]))
    return done.stdout


def main() -> int:
    """Build it, or say why not; a test must not take the minutes of a first build."""
    print("== the image: minutes the first time, seconds later", flush=True)
    try:
        with Image.build() as image:
            layers = image.layers()
    except ImageError as error:
        print(f"no image: {error}", file=sys.stderr)
        return 1
    for layer in layers:
        print(f"{layer.mib:8.1f} MiB  {layer.made_by.removeprefix('/bin/sh -c #(nop) ')[:80]}")
    print(f"{sum(layer.mib for layer in layers):8.1f} MiB  in all, not compressed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
