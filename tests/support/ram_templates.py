"""
The templates of deploy/ram, as an administrator fills them in.

::

    rds.put_access_key("LTAI5tReader", secret="s", policy=template("read-only"))
    rds.put_role("operator", template("trust-rrsa", CLUSTER_ID="c1"))
"""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "ram"
NAMES = tuple(sorted(each.stem for each in FOLDER.glob("*.json")))


def template(name: str, /, **placeholders: str) -> dict[str, Any]:
    """Read a template with texts put in place of others; one that is not in it is an error."""
    text = (FOLDER / f"{name}.json").read_text()
    for placeholder, value in placeholders.items():
        if placeholder not in text:
            raise ValueError(f"{name} has no {placeholder}")
        text = text.replace(placeholder, value)
    document: dict[str, Any] = json.loads(text)
    return document
