"""``rds-ssl web`` as its users run it."""

import os
import re
from pathlib import Path
from typing import Self

from support import polling
from support.watched_process import WatchedProcess

_START_SECONDS = 20.0


class WebProcess(WatchedProcess):
    """``rds-ssl web`` on a free port, with more *arguments* and the kubeconfig of whoever looks."""

    def __init__(self, kubeconfig: Path, *arguments: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KUBE", "RDS_SSL_"))}
        super().__init__(
            "web",
            ["rds_ssl", "web", "--port", "0", *arguments],
            environ={**kept, "KUBECONFIG": str(kubeconfig), "HOME": "/nonexistent"},
        )

    @property
    def url(self) -> str:
        """Its address, with a slash at the end; empty as long as it is not there."""
        found = re.search(r"http://127\.0\.0\.1:\d+/", self.log)
        return found.group() if found else ""

    def wait_serving(self) -> Self:
        """Wait until the page is there."""

        def problem() -> str | None:
            if self.poll() is not None:
                return f"it has ended with {self.poll()}: {self.log}"
            return None if self.url else f"it does not serve yet: {self.log}"

        polling.wait(problem, seconds=_START_SECONDS)
        return self
