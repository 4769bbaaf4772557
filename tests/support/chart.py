"""
The Helm chart, and what is written from it and for it.

    PYTHONPATH=tests python -m support.chart

The custom resource, alerts and dashboard are copied into the chart, the settings into its schema,
and the comments of its values into its README. Helm makes deploy/install.yaml and
deploy/demo/demo.yaml of it; both say of which state of the chart, so that a test without Helm
notices that they are behind.
"""

import hashlib
import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from rds_ssl.settings import Settings, flags
from support import go_tools

Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CHART = DEPLOY / "chart"
DEMO = DEPLOY / "demo"
INSTALL_FILE, DEMO_FILE = DEPLOY / "install.yaml", DEMO / "demo.yaml"

COPIED = {
    "dbinstancessl.yaml": ROOT / "crds" / "dbinstancessl.yaml",
    "alerts.yaml": DEPLOY / "monitoring" / "alerts.yaml",
    "dashboard.json": DEPLOY / "monitoring" / "dashboard.json",
}
"""By the name in files/ of the chart, which a template cannot leave."""

BY_OTHER_VALUES = {
    "KUBECONFIG": "none in a Pod",
    "RDS_SSL_HTTP_BIND": "port",
    "RDS_SSL_NAMESPACES": "namespaces",
    "RDS_SSL_SHARD": "shards",
}
"""Settings that other objects depend on as well, and the value that stands for all of it."""

SAMPLES = ("postgresql-minimal", "mysql", "sqlserver")
"""What the demo declares: those of deploy/samples that need no certificate of yours."""

OLDEST = "1.31.0"
"""The oldest Kubernetes that the chart takes: Chart.yaml."""

_NAME, _NAMESPACE, _DEMO_NAMESPACE = "rds-ssl-operator", "rds-ssl-system", "rds-ssl-demo"

_NUMBERS = {"ge": "minimum", "le": "maximum", "gt": "exclusiveMinimum"}


class Value(NamedTuple):
    """A row of the table of values."""

    key: str
    type: str
    default: str
    description: str


# --- without Helm -------------------------------------------------------------------------------


def written() -> dict[Path, str]:
    """Return the files that are made without Helm, with what has to be in them."""
    schema = CHART / "values.schema.json"
    files = {CHART / "files" / name: path for name, path in COPIED.items() if path.exists()}
    return {
        **{target: source.read_text() for target, source in files.items()},
        schema: schema_with_settings(schema.read_text()),
        CHART / "README.md": readme((CHART / "values.yaml").read_text()),
    }


def schema_with_settings(text: str) -> str:
    """Return the schema of the values with the settings as the operator has them now."""
    schema = json.loads(text)
    schema["properties"]["settings"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            flag.variable: setting_schema(flag.setting, flag.meaning)
            for flag in flags()
            if flag.variable not in BY_OTHER_VALUES
        },
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def setting_schema(name: str, meaning: str) -> Json:
    """Return what a value for a setting may be; the operator itself checks the rest."""
    field = Settings.model_fields[name]
    if name == "api_rate":
        kind: Json = {"type": "number", "minimum": 0}
    elif field.annotation is bool:
        kind = {"type": "boolean"}
    elif field.annotation is int:
        bounds = {
            word: getattr(each, bound)
            for each in field.metadata
            for bound, word in _NUMBERS.items()
            if hasattr(each, bound)
        }
        kind = {"type": "integer", **bounds}
    elif field.annotation is float:
        kind = {"type": "string", "pattern": r"^([0-9.]+h)?([0-9.]+m)?([0-9.]+s)?$"}
    elif choices := getattr(field.annotation, "__args__", ()) if _is_literal(field) else ():
        kind = {"enum": list(choices)}
    else:
        kind = {"type": "string"}
    return {"description": meaning, **kind}


def _is_literal(field: object) -> bool:
    return "Literal" in str(getattr(field, "annotation", ""))


def readme(values: str) -> str:
    """Return the chart's README, whose table is the comments of its values."""
    head, _, _ = (CHART / "README.md").read_text().partition("## Values\n")
    rows = [
        f"| `{each.key}` | {each.type} | `{each.default}` | {each.description} |"
        for each in documented(values)
    ]
    table = ["| key | type | default | meaning |", "|---|---|---|---|", *rows]
    return f"{head}## Values\n\nWritten from `values.yaml` by `make render`.\n\n" + "\n".join(
        [*table, ""]
    )


def documented(values: str) -> list[Value]:
    """Return the values that have a comment which begins with ``# --``, in their order."""
    loaded = yaml.safe_load(values)
    return [
        Value(".".join(path), _type(default), _default(default), description)
        for path, description in _comments(values)
        for default in [_at(loaded, path)]
    ]


def undocumented(values: str) -> list[str]:
    """Return the values that neither have a comment nor are within one that has."""
    known = [path for path, _ in _comments(values)]
    return [
        ".".join(path)
        for path in _leaves(yaml.safe_load(values), ())
        if not any(path[: len(each)] == each for each in known)
    ]


def _comments(values: str) -> Iterator[tuple[tuple[str, ...], str]]:
    path: list[tuple[int, str]] = []
    pending = ""
    for line in values.splitlines():
        if comment := re.fullmatch(r" *# -- (.*)", line):
            pending = comment[1]
        elif key := re.match(r"( *)([A-Za-z_]\w*):", line):
            indent = len(key[1])
            path = [each for each in path if each[0] < indent] + [(indent, key[2])]
            if pending:
                yield tuple(name for _, name in path), pending
            pending = ""


def _leaves(tree: object, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path


def _at(tree: Any, path: Iterable[str]) -> object:  # noqa: ANN401  # As YAML has it.
    for step in path:
        tree = tree[step]
    found: object = tree
    return found


def _type(value: object) -> str:
    kinds = {bool: "bool", int: "int", str: "string", list: "list", dict: "object"}
    return kinds[type(value)]


def _default(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


# --- with Helm ----------------------------------------------------------------------------------


def rendered(helm: Path) -> dict[Path, str]:
    """Return the files that Helm makes of the chart, with what has to be in them."""
    install = template(helm, _NAME, "--set=creator=static", namespace=_NAMESPACE)
    values = f"--values={DEMO / 'values.yaml'}"
    demo = template(helm, _NAME, values, namespace=_DEMO_NAMESPACE)
    return {
        INSTALL_FILE: header() + install,
        DEMO_FILE: header(*_of_demo()) + demo + _around(demo),
    }


def template(helm: Path, release: str, *options: str, namespace: str, chart: Path = CHART) -> str:
    """
    Return the manifests of a release, as Helm makes them without a cluster.

    Raises:
        ValueError: With Helm's words, if it refuses.
    """
    done = subprocess.run(
        [
            *(str(helm), "template", release, str(chart), "--namespace", namespace),
            f"--kube-version={OLDEST}",  # Without, Helm 3 takes what it was built for.
            *options,
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ValueError(done.stderr)
    return done.stdout


def header(*others: Path) -> str:
    """Return the first lines of a file that Helm makes of the chart, and of *others*."""
    return f"# Made by `make render` of deploy/chart, state {state(others)}: edit that.\n"


def state(others: Iterable[Path] = ()) -> str:
    """Return a digest of what is rendered by default, and of *others*."""
    digest = hashlib.sha256()
    chart = [CHART / "Chart.yaml", CHART / "values.yaml", *CHART.glob("templates/*")]
    for path in sorted([*chart, CHART / "files" / "dbinstancessl.yaml", *others]):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def stale() -> list[Path]:
    """Return the files that Helm made of another state of the chart; it takes no Helm."""
    heads: Mapping[Path, str] = {INSTALL_FILE: header(), DEMO_FILE: header(*_of_demo())}
    return [path for path, head in heads.items() if not path.read_text().startswith(head)]


def _of_demo() -> list[Path]:
    return [DEMO / "values.yaml", DEMO / "around.yaml", *_samples()]


def _samples() -> list[Path]:
    return [DEPLOY / "samples" / f"{each}.yaml" for each in SAMPLES]


def _around(demo: str) -> str:
    """Return what the demo has beside the chart's objects: its image is the operator's."""
    (image,) = re.findall(r"^ +image: (.*)$", demo, re.MULTILINE)[:1]
    around = (DEMO / "around.yaml").read_text().replace("IMAGE", image)
    lines = [around.rstrip(), "---", "apiVersion: v1", "kind: ConfigMap", "metadata:"]
    lines += ["  name: rds-ssl-demo-samples", f"  namespace: {_DEMO_NAMESPACE}", "data:"]
    for path in _samples():
        lines.append(f"  {path.name}: |")
        lines += [f"    {line}".rstrip() for line in path.read_text().splitlines()]
    return "---\n" + "\n".join(lines) + "\n"


def _main() -> None:
    for path, text in written().items():
        path.write_text(text)
    for path, text in rendered(go_tools.tool("helm", print)).items():
        path.write_text(text)


if __name__ == "__main__":
    _main()
