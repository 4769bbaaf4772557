"""
From values to HTML, by the templates beside this module.

All that is shown is escaped: by the templates' engine against HTML, and by `safe` against what
hides in a text or turns its direction. No template may switch that off; a test looks for it.
"""

from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rds_ssl.commands.formatting import counted, safe
from rds_ssl.commands.page.pages import LABELS

_FOLDER = resources.files("rds_ssl.commands.page") / "templates"

STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
ICON = (_FOLDER / "icon.svg").read_text(encoding="utf-8")


def _shown(value: object) -> object:
    if value is None:
        return ""
    # What a macro returns is HTML already.
    return safe(value) if isinstance(value, str) and not isinstance(value, Markup) else value


_ENVIRONMENT = Environment(
    loader=PackageLoader("rds_ssl.commands.page"),
    autoescape=True,
    undefined=StrictUndefined,
    finalize=_shown,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)
_ENVIRONMENT.globals.update(labels=LABELS, counted=counted)


def render(template: str, **values: Any) -> str:  # noqa: ANN401  # Whatever the template shows.
    """Return the HTML of a page."""
    return _ENVIRONMENT.get_template(template).render(values)
