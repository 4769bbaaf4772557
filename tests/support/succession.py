"""Operators one after the other: each ends before the next begins, and their logs are kept."""

import base64
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from support.operator_process import OperatorProcess
from support.simulator import ACCESS_KEY_SECRET
from support.tcp_proxy import TcpProxy
from support.wire import Wire


class Succession:
    """
    Starts operators with the same settings, never two at a time.

    At the end all of their logs are searched for *secrets*, which every test that fails or breaks
    something is good for.
    """

    def __init__(self, *, kubeconfig: Path, api_url: str, **settings: str) -> None:
        self._kubeconfig = kubeconfig
        self._api_url = api_url
        self._settings = settings
        self._operators: list[OperatorProcess] = []
        self.secrets: list[bytes] = [ACCESS_KEY_SECRET.encode()]
        """What must be in no log: keys as PEM, and the like."""

    @property
    def now(self) -> OperatorProcess:
        """The one that was started last."""
        return self._operators[-1]

    @property
    def log(self) -> str:
        """What all of them have written."""
        return "".join(each.log for each in self._operators)

    def start(self, *, ahead: float = 0.0, **settings: str) -> OperatorProcess:
        """
        Start the next one, with other *settings* for this one; does not wait for it.

        Args:
            ahead: How far its clock is, see `OperatorProcess`.
        """
        if self._operators and self.now.poll() is None:
            raise RuntimeError("the one before is still at work")
        operator = OperatorProcess(
            kubeconfig=self._kubeconfig,
            api_url=self._api_url,
            environ=None,
            ahead=ahead,
            **{**self._settings, **settings},
        )
        self._operators.append(operator)
        return operator

    def kill(self) -> None:
        """End the present one as a crash does."""
        self.now.kill()

    def check_logs(self) -> None:
        """Fail if a secret stands in a log, as it is or in base64, in whole lines or less."""
        log = self.log
        for secret in self.secrets:
            for line in secret.decode().splitlines():
                if line.startswith("-----") or len(line) < 8:
                    continue
                assert line not in log
                assert base64.b64encode(line.encode()).decode().rstrip("=") not in log
            if len(secret) > 60:
                assert base64.b64encode(secret).decode()[60:120] not in log

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self.check_logs()
            else:
                print(f"--- the operators' logs ---\n{self.log[-6000:]}")
        finally:
            for each in self._operators:
                each.stop()


def kubeconfig_through(wire: Wire | TcpProxy, kubeconfig: Path, directory: Path) -> Path:
    """Write a copy of *kubeconfig* that goes through *wire*."""
    content = yaml.safe_load(kubeconfig.read_text())
    for each in content["clusters"]:
        each["cluster"]["server"] = wire.url
    path = directory / "through-a-wire.kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return path
