"""Helm against a control plane: releases, and earlier versions of the chart."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from support.chart import CHART
from support.controlplane import ControlPlane
from support.polling import patience

MINUTE = 60.0

PLACEHOLDERS = {
    "alerts.yaml": "groups:\n  - name: placeholder\n    rules:\n      - alert: Never\n"
    "        expr: vector(0) > 0\n        annotations:\n          summary: '{{ $labels.name }}'\n",
    "dashboard.json": '{"title": "placeholder {{ name }}"}\n',
}
"""In place of what the chart does not have."""


class HelmError(Exception):
    """What Helm said when it refused."""


class Helm:
    """The program, for one cluster; it keeps nothing in the home directory."""

    def __init__(self, program: Path, plane: ControlPlane, home: Path) -> None:
        self.program, self.plane, self._home = program, plane, home

    def __call__(self, *arguments: str) -> str:
        """
        Run it; return what it printed.

        Raises:
            HelmError: If it fails.
        """
        done = subprocess.run(
            [str(self.program), *arguments],
            env={
                **os.environ,
                "KUBECONFIG": str(self.plane.kubeconfig),
                **{f"HELM_{kind}_HOME": str(self._home) for kind in ("CACHE", "CONFIG", "DATA")},
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience(2 * MINUTE),
        )
        if done.returncode:
            raise HelmError(f"helm {' '.join(arguments)}: {done.stderr}")
        return done.stdout


def copied_chart(target: Path, changes: Mapping[str, tuple[str, str]]) -> Path:
    """Copy the chart, and replace a text in each of some files: a chart as it might have been."""
    shutil.copytree(CHART, target)
    for name, (old, new) in changes.items():
        text = (target / name).read_text()
        if old not in text:
            raise ValueError(f"{name} has no {old!r}")
        (target / name).write_text(text.replace(old, new))
    return target


def whole_chart(target: Path) -> Path:
    """Copy the chart, with placeholders for what `make render` had no source of."""
    shutil.copytree(CHART, target)
    for name, text in PLACEHOLDERS.items():
        if not (target / "files" / name).exists():
            (target / "files" / name).write_text(text)
    return target
