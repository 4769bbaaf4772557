"""
The bill of materials of a release: what is installed at run time, as CycloneDX 1.5.

    python -m support.sbom [FILE]    # dist/sbom.cdx.json unless told

uv reads names, versions, hashes and dependencies out of uv.lock; the licences are what the
installed distributions say of themselves. The same lock gives the same bytes: there is no time and
no random number in it.
"""

import importlib.metadata
import json
import re
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

from support.go_command import ROOT

Json = dict[str, Any]

FILE = ROOT / "dist" / "sbom.cdx.json"

_EXPRESSION = re.compile(r"[\w.+-]+( (AND|OR|WITH) [\w.+-]+)*")
"""What is an SPDX expression; older metadata have sentences, or the whole text of a licence."""

_BY_CLASSIFIER = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
"""For those that say nothing else; of the BSD licences a classifier does not tell which."""


def bill_of_materials() -> Json:
    """
    Return the bill: the operator, and each distribution that the image installs.

    Raises:
        subprocess.CalledProcessError: uv.lock is older than pyproject.toml.
    """
    chosen = ["--locked", "--offline", "--no-dev", "--format=cyclonedx1.5"]
    done = subprocess.run(
        [sys.executable, "-m", "uv", "export", *chosen, "--preview-features=sbom-export"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    bill: Json = json.loads(done.stdout)
    del bill["metadata"]["timestamp"]
    bill["metadata"]["component"] |= {"type": "application", "licenses": licences("Apache-2.0")}
    for component in bill["components"]:
        if found := licence(component["name"]):
            component["licenses"] = licences(found)
    del bill["serialNumber"]
    content = json.dumps(bill, sort_keys=True)
    bill["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}"
    return bill


def licence(name: str) -> str:
    """Return the licence of an installed distribution as SPDX has it, empty if none is known."""
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    fields = ("License-Expression", "License")
    for said in (text for field in fields for text in told.get_all(field) or ()):
        if _EXPRESSION.fullmatch(said):
            return str(said)
    classifiers = told.get_all("Classifier") or []
    return next((_BY_CLASSIFIER[each] for each in classifiers if each in _BY_CLASSIFIER), "")


def licences(expression: str) -> list[Json]:
    """Return what stands in a component: one licence by its id, or an expression of several."""
    if " " in expression:
        return [{"expression": expression}]
    return [{"license": {"id": expression}}]


def main() -> None:
    """Write it, and say what is in it."""
    file = Path(sys.argv[1]) if sys.argv[1:] else FILE
    bill = bill_of_materials()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(bill, indent=2) + "\n")
    print(f"{file}: {len(bill['components'])} distributions")


if __name__ == "__main__":
    main()
