"""What the demo plays on: a control plane, a simulated cloud, and the operator."""

import contextlib
import dataclasses
import json
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import yaml

from demo.story import NotAsToldError, Story
from support.controlplane import ControlPlane
from support.operator_process import OperatorProcess
from support.polling import patience
from support.simulator import ACCESS_KEY_ID, ACCESS_KEY_SECRET, Simulator

# What JSON and YAML hold.
Json = dict[str, Any]

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "deploy" / "samples"
NAMESPACE = "shop"
OPERATOR = ("rds-ssl-system", "rds-ssl-operator")
"""Namespace and name of the ServiceAccount in deploy/."""

MOST_CHANGES = 5
"""In how many instances at a time; the default."""

SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "QUIET_PERIOD": "1s",
        "VERIFY_AFTER": "5s",
        "SETTLE": "10s",
        # A foreign change is put back after DRIFT_DELAY, but not before a second look, POLL later.
        "POLL": "2s",
        "DRIFT_DELAY": "2s",
        # One instance is changed more often than the default allows for a day, which is three.
        "MAX_CHANGES_PER_DAY": "0",
        "MAX_CONCURRENT_CHANGES": str(MOST_CHANGES),
    }
)
"""Shorter than the defaults (10 s, 30 s, 3 min, 10 s, 30 min), so that nobody has to wait."""

CHANGE_SECONDS = 2.0
"""How long the simulated instance takes for a change; a real one takes about three minutes."""

WAIT_SECONDS = 60.0
"""For anything that takes a few seconds on an idle machine."""

WATCHED_SECONDS = 2.5
"""How long nothing must be called, where nothing should be: the quiet period and more."""

CONDITIONS = (
    'jsonpath={range .status.conditions[*]}{.type}={.status} {.reason}: {.message}{"\\n"}{end}'
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the simulated cloud has counted."""

    calls: int
    """Of all operations."""
    modify: int
    """ModifyDBInstanceSSL, whatever the answer."""
    restarts: int
    keys_in_url: int

    def since(self, before: "Counters") -> "Counters":
        """What has come since *before*."""
        return Counters(
            calls=self.calls - before.calls,
            modify=self.modify - before.modify,
            restarts=self.restarts - before.restarts,
            keys_in_url=self.keys_in_url - before.keys_in_url,
        )


class Stage:
    """Everything that runs, and how a step looks at it."""

    def __init__(self, story: Story, plane: ControlPlane, rds: Simulator, folder: Path) -> None:
        """Internal: use ``set_up``."""
        self.story, self.plane, self.rds = story, plane, rds
        self.folder = folder
        """For certificates and keys; goes with the stage."""
        self._operators: list[OperatorProcess] = []
        self._kubeconfig = plane.kubeconfig
        self._ahead = 0.0
        """Seconds that the simulated cloud's clock is ahead, and that of an operator to come."""

    @classmethod
    @contextlib.contextmanager
    def set_up(cls, story: Story) -> Iterator[Self]:
        """Start everything but the operator; afterwards nothing of all that is left."""
        with contextlib.ExitStack() as stack:
            with story.doing("starting etcd, kube-apiserver and kube-controller-manager"):
                started = time.monotonic()
                plane = stack.enter_context(ControlPlane.start())
            story.confirm(f"Kubernetes control plane, {time.monotonic() - started:.1f} s")
            with story.doing("starting the simulated RDS"):
                started = time.monotonic()
                rds = stack.enter_context(Simulator())
            rds.config(durations={"change": CHANGE_SECONDS, "acl": CHANGE_SECONDS})
            story.confirm(f"simulated RDS, {time.monotonic() - started:.1f} s")
            # In there, because that goes however this process ends.
            folder = plane.directory / "demo"
            folder.mkdir()
            stage = cls(story, plane, rds, folder)
            stack.callback(stage._stop_operators)
            yield stage

    # -- the operator ---------------------------------------------------------------------

    @property
    def operator(self) -> OperatorProcess:
        """The one that was started last."""
        return self._operators[-1]

    def install(self) -> None:
        """Install the operator's manifests, and take its ServiceAccount for `start_operator`."""
        self.kubectl("apply", "--server-side", "-k", "deploy")
        crd = "crd/dbinstancessls.rds-ssl.dev"
        self.kubectl("wait", "--for=condition=Established", f"--timeout={patience(30):.0f}s", crd)
        self._kubeconfig = self.plane.kubeconfig_for(*OPERATOR)

    def start_operator(self) -> None:
        """Start the operator, again if need be, and wait until it is ready."""
        started = time.monotonic()
        self._operators.append(
            OperatorProcess(
                kubeconfig=self._kubeconfig,
                api_url=self.rds.url,
                environ=None,
                ahead=self._ahead,
                **SETTINGS,
            )
        )
        with self.story.doing("starting the operator"):
            self.operator.wait_ready()
        self.story.confirm(
            f"operator, process {self.operator.pid}: ready after {time.monotonic() - started:.1f} s"
        )

    def move_to(self, to: datetime) -> None:
        """Move the clocks of the cloud, and of the operator that is started next."""
        ahead = (to - datetime.now(UTC)).total_seconds()
        self.rds.move(ahead - self._ahead)
        self._ahead = ahead
        self.story.note(f"it is {to:%A, %H:%M} now, for the cloud and for the next operator")

    def log_end(self, lines: int = 30) -> list[str]:
        """Give the last lines of the operator's logs."""
        return [line for each in self._operators for line in each.log.splitlines()][-lines:]

    def _stop_operators(self) -> None:
        for each in self._operators:
            each.stop()

    # -- kubectl --------------------------------------------------------------------------

    def kubectl(self, *arguments: str, input: str | None = None, shown: str = "") -> str:  # noqa: A002
        """Run kubectl, show it (or *shown* in its place) and its output; give the output."""
        done = self._kubectl(*arguments, input=input)
        self.story.command(shown or shlex.join(["kubectl", *arguments]), done)
        return done

    def in_shop(self, *arguments: str, input: str | None = None, shown: str = "") -> str:  # noqa: A002
        """Do the same in the namespace of the demo."""
        return self.kubectl("-n", NAMESPACE, *arguments, input=input, shown=shown)

    def quietly(self, *arguments: str) -> str:
        """Run kubectl in the namespace of the demo without showing it."""
        return self._kubectl("-n", NAMESPACE, *arguments)

    def _kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002
        with self.story.doing(f"kubectl {' '.join(arguments[:4])}"):
            # `deploy` and the like are meant from the root of the project.
            absolute = [str(ROOT / each) if each == "deploy" else each for each in arguments]
            return self.plane.kubectl(*absolute, input=input).stdout

    def show(self, name: str) -> None:
        """Show an object as a person would look at it."""
        self.in_shop("get", "rdsssl", name)

    def show_conditions(self, name: str) -> None:
        """Show an object's conditions with their messages."""
        self.in_shop("get", "rdsssl", name, "-o", CONDITIONS)

    # -- objects --------------------------------------------------------------------------

    def get(self, name: str) -> Json:
        """Give a DBInstanceSSL; empty if there is none."""
        found = self.quietly("get", "rdsssl", name, "--ignore-not-found", "-o", "json")
        answer: Json = json.loads(found) if found.strip() else {}
        return answer

    def all(self) -> list[Json]:
        """Give every DBInstanceSSL of the namespace."""
        found: list[Json] = json.loads(self.quietly("get", "rdsssl", "-o", "json"))["items"]
        return found

    def apply_sample(self, file: str, change: Callable[[Json], None], *, difference: str) -> None:
        """Apply a file of deploy/samples with a *change*, which *difference* tells."""
        (manifest,) = yaml.safe_load_all((SAMPLES / file).read_text())
        change(manifest)
        shown = f"kubectl -n {NAMESPACE} apply -f -   # deploy/samples/{file} {difference}"
        self.in_shop("apply", "-f", "-", input=yaml.safe_dump(manifest), shown=shown)

    def apply_credentials(self) -> None:
        """Apply the sample of an access key, with the simulator's."""

        def fill_in(manifest: Json) -> None:
            manifest["stringData"] = {
                "accessKeyId": ACCESS_KEY_ID,
                "accessKeySecret": ACCESS_KEY_SECRET,
            }

        self.apply_sample("credentials.yaml", fill_in, difference="with the simulator's key")

    def write_secret(self, name: str, certificate: bytes, key: bytes, *, new: bool = False) -> None:
        """
        Create or replace a Secret with a certificate and a key.

        Not `create secret tls`: it refuses a key that does not fit, which is what a step is about.
        """
        files = {"tls.crt": certificate, "tls.key": key}
        create = ["create", "secret", "generic", name, "--type=kubernetes.io/tls"]
        for file, content in files.items():
            (self.folder / file).write_bytes(content)
            create.append(f"--from-file={file}={self.folder / file}")
        made = self.quietly(*create, "--dry-run=client", "-o", "json")
        verb = "create" if new else "replace"
        shown = (
            f"kubectl create secret generic {name} --type=kubernetes.io/tls --from-file=tls.crt"
            f" --from-file=tls.key --dry-run=client -o json | kubectl -n {NAMESPACE} {verb} -f -"
        )
        self.in_shop(verb, "-f", "-", input=made, shown=shown)

    # -- looking --------------------------------------------------------------------------

    def counters(self) -> Counters:
        """Give what the simulated cloud has counted so far."""
        stats = self.rds.stats()
        return Counters(
            calls=stats["calls"],
            modify=sum(stats["actions"].get("ModifyDBInstanceSSL", {}).values()),
            restarts=sum(stats["restarts"].values()),
            keys_in_url=stats["keys_in_url"],
        )

    def passes(self) -> int:
        """How many passes this operator has made."""
        return int(self.operator.metric("rds_ssl_passes_total"))

    def wait(self, what: str, problem: Callable[[], str | None]) -> None:
        """
        Wait for something that the operator should do.

        Raises:
            NotAsToldError: If it does not happen, or the operator has ended.
        """

        def looked() -> str | None:
            if self.operator.poll() is not None:
                raise NotAsToldError(
                    f"The operator has ended with status {self.operator.poll()} while waiting"
                    f" until {what}."
                )
            return problem()

        self.story.wait(what, looked, seconds=WAIT_SECONDS)

    def rest(self) -> int:
        """Wait until no pass has ended for a second; give the number of passes until then."""
        last, since = -1, time.monotonic()

        def problem() -> str | None:
            nonlocal last, since
            now = self.passes()
            if now != last:
                last, since = now, time.monotonic()
            return None if time.monotonic() - since >= 1 else f"{now} passes, and still counting"

        self.wait("the operator has nothing more to do", problem)
        return last

    def wait_for_pass(self, after: int) -> None:
        """Wait until the operator has made a pass beyond number *after*."""

        def problem() -> str | None:
            return None if self.passes() > after else f"still {after} passes"

        self.wait("the operator has made a pass for the change", problem)

    def watch_no_change(self, name: str, meanwhile: Callable[[Json], str | None]) -> None:
        """
        Look for a while, longer than the quiet period, that nothing is sent.

        Args:
            name: Of the object.
            meanwhile: Says what is wrong with the object while nothing should happen.

        Raises:
            NotAsToldError: As soon as ModifyDBInstanceSSL is called, or *meanwhile* says so.
        """
        before = self.counters()
        deadline = time.monotonic() + WATCHED_SECONDS

        def problem() -> str | None:
            if self.counters().modify != before.modify:
                raise NotAsToldError(
                    f"ModifyDBInstanceSSL was called:{self.calls_since(before.calls)}"
                )
            if wrong := meanwhile(self.get(name)):
                raise NotAsToldError(wrong)
            return "watching" if time.monotonic() < deadline else None

        self.wait(f"{WATCHED_SECONDS} s are over", problem)

    def calls_since(self, number: int) -> str:
        """Tell the calls of the cloud after the first *number*, a line each."""
        return "".join(
            f"\n  {each['time']} {each['action']} {each['instance']} {each['code']}"
            for each in self.rds.calls()[number:]
        )


def require(holds: object, otherwise: str) -> None:
    """
    Go on only if *holds*.

    Raises:
        NotAsToldError: With *otherwise*.
    """
    if not holds:
        raise NotAsToldError(otherwise)


def condition(manifest: Json, kind: str) -> Json:
    """Give a condition of an object; empty if it has none of that type."""
    conditions = manifest.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), {})


def lacks(manifest: Json, kind: str, status: str, *reasons: str) -> str | None:
    """Say how a condition differs from *status* and one of *reasons*; None if it does not."""
    found = condition(manifest, kind)
    if found.get("status") == status and (not reasons or found.get("reason") in reasons):
        return None
    wanted = f"{kind}={status} {' or '.join(reasons)}".rstrip()
    if not found:
        return f"{wanted} expected, there is no condition {kind} yet"
    return f"{wanted} expected, it is {found['status']} {found['reason']}: {found['message']}"
