"""
The pictures of the page of ``rds-ssl web``, from a real run.

    PYTHONPATH=tests python -m pictures.web_page [--folder FOLDER]

A control plane, a simulated cloud and the operator, with the objects of `support.gallery`.
"""

import argparse
import asyncio
import sys
from pathlib import Path

from support import browser
from support.browser import Browser
from support.cluster import Cluster
from support.controlplane import ControlPlane
from support.gallery import OPERATOR, Gallery
from support.operator_process import OperatorProcess
from support.simulator import Simulator
from support.system_fixtures import DURATIONS, PACE
from support.web_process import WebProcess

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"

PICTURES = (
    ("web-light.png", "", 1280, 2900, False),
    ("web-dark.png", "", 1280, 1500, True),
    ("web-narrow.png", "plans?namespace=shop", 390, 1700, False),
    ("web-object.png", "object?namespace=shop&name=orders", 1280, 2000, False),
)
"""Name, address, width and greatest height in pixels, and whether it is dark."""


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m pictures.web_page")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    folder: Path = parser.parse_args().folder
    if browser.program() is None:
        print(browser.MISSING, file=sys.stderr)
        return 1
    folder.mkdir(parents=True, exist_ok=True)
    with ControlPlane.start(controllers=False) as control_plane, Simulator() as rds:
        cluster = Cluster(control_plane)
        rds.config(durations=DURATIONS)
        settings = {**PACE, **OPERATOR}
        with OperatorProcess(
            kubeconfig=cluster.kubeconfig,
            api_url=rds.url,
            **settings,  # type: ignore[arg-type]
        ) as operator:
            operator.wait_ready()
            Gallery(cluster, rds).fill()
            with WebProcess(control_plane.kubeconfig, "-A") as web:
                asyncio.run(_take(web.wait_serving().url, folder))
        cluster.close()
    return 0


async def _take(url: str, folder: Path) -> None:
    async with Browser() as chromium:
        for name, address, width, most, dark in PICTURES:
            page = await chromium.open(f"{url}{address}", width=width, dark=dark)
            (folder / name).write_bytes(await page.picture(most=most))
            print(folder / name, flush=True)


if __name__ == "__main__":
    sys.exit(main())
