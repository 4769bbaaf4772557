"""The CRD on a real API server."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from rds_ssl.core.model import API_GROUP, PLURAL
from support.controlplane import ControlPlane
from support.polling import patience

CRD_FILE = Path(__file__).parents[2] / "crds" / "dbinstancessl.yaml"


@pytest.fixture(scope="session")
def crd(control_plane: ControlPlane) -> ControlPlane:
    """The control plane, with the CRD served."""
    control_plane.kubectl("apply", "--server-side", "-f", str(CRD_FILE))
    control_plane.kubectl(
        "wait",
        "--for=condition=Established",
        f"--timeout={patience(30):.0f}s",
        f"crd/{PLURAL}.{API_GROUP}",
    )
    return control_plane


@pytest.fixture(scope="session")
def api(crd: ControlPlane) -> Iterator[httpx.Client]:
    """An administrator's client of the API server."""
    user = yaml.safe_load(Path(crd.kubeconfig).read_text())["users"][0]["user"]
    with httpx.Client(
        base_url=crd.url,
        headers={"Authorization": f"Bearer {user['token']}"},
        verify=ssl.create_default_context(cafile=str(crd.ca_file)),
        trust_env=False,
        timeout=patience(30),
    ) as client:
        yield client
