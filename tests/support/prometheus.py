"""
A real Prometheus (Debian's package ``prometheus``) that scrapes an operator, with our alerts.

::

    with Prometheus([operator.port], rules=RULES) as prometheus:
        prometheus.query("rds_ssl_leader")
        prometheus.samples(panel_expression("rate(x[$__rate_interval])"), seconds=60)

Panels of the dashboard ask in Grafana's words; `panel_expression` puts numbers in their place.
"""

import json
import re
import shutil
import socket
import urllib.parse
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support import polling
from support.supervisor import Supervisor

Json = dict[str, Any]

START_SECONDS = 60.0
"""Until it answers: 1 s on an idle machine."""

RATE_SECONDS = 20
"""In place of ``$__rate_interval``: it scrapes every second."""

_CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: rds-ssl-operator
    static_configs: [{{targets: {targets}}}]
"""


def missing() -> str:
    """Return what has to be installed; empty: nothing."""
    return "" if shutil.which("prometheus") else "apt-get install prometheus"


def panel_expression(expression: str, *, seconds: int = 600) -> str:
    """Return a panel's query as Prometheus takes it: of all namespaces, over *seconds*."""
    for name, value in {
        "$namespace": ".*",
        "$__rate_interval": f"{RATE_SECONDS}s",
        "$__range": f"{seconds}s",
    }.items():
        expression = expression.replace(name, value)
    left = re.search(r"\$[a-z_]\w*", expression)  # A number is a group of label_replace.
    if left:
        raise ValueError(f"{left.group()} is a variable that nobody knows")
    return expression


class Prometheus:
    """It, running on a port of loopback, with its data in a directory that goes with it."""

    def __init__(self, ports: Sequence[int], *, rules: Path) -> None:
        program = shutil.which("prometheus")
        if program is None:
            raise RuntimeError(missing())
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._supervisor = Supervisor(prefix="rds-ssl-prometheus-")
        directory = self._supervisor.directory
        targets = json.dumps([f"127.0.0.1:{port}" for port in ports])
        configuration = directory / "prometheus.yml"
        configuration.write_text(_CONFIGURATION.format(rules=rules, targets=targets))
        self._supervisor.start(
            "prometheus",
            [
                program,
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
            ],
        )
        polling.wait(self._problem, seconds=START_SECONDS)

    def _problem(self) -> str | None:
        try:
            up = self.query("up == 1")
        except OSError as error:
            return str(error)
        return None if up else "no target is up"

    def ask(self, path: str, **query: str) -> Any:  # noqa: ANN401  # As it answers.
        """Return the ``data`` of an answer of its API."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=polling.patience(10)) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[Json]:
        """
        Return the samples of this moment: ``metric`` and ``value`` each.

        Raises:
            HTTPError: 400 if it does not parse.
        """
        result: list[Json] = self.ask("query", query=expression)["result"]
        return result

    def samples(self, expression: str, *, start: float, end: float) -> list[Json]:
        """Return the series between two times, of each second: ``metric`` and ``values`` each."""
        result: list[Json] = self.ask(
            "query_range", query=expression, start=f"{start}", end=f"{end}", step="1"
        )["result"]
        return result

    def stop(self) -> None:
        """End it."""
        self._supervisor.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
