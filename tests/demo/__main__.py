"""
The demo: a real control plane, a simulated cloud, the operator, and twelve steps.

    PYTHONPATH=tests python -m demo [--keep]

Each step is checked. Exit status: 0 as told, 1 if a step was not, 130 after Ctrl-C.
"""

import argparse
import contextlib
import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

from demo import play, steps
from demo.stage import CHANGE_SECONDS, NAMESPACE, SETTINGS, Counters, Stage
from demo.story import NotAsToldError, Story
from support.controlplane import ControlPlaneError
from support.go_command import BuildError

FAILED, INTERRUPTED = 1, 130
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.split("\n\n")[0])
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    # One way to clean up, however it is told to end; and a shell makes programs in the background
    # deaf to SIGINT.
    for number in INTERRUPTS:
        signal.signal(number, signal.default_int_handler)
    story = Story()
    try:
        return _tell(story, keep=keep)
    except KeyboardInterrupt:
        story.say()
        story.say("Interrupted; everything is stopped.")
        return INTERRUPTED
    except (BuildError, ControlPlaneError) as error:
        story.complain(str(error))
        return FAILED


def _tell(story: Story, *, keep: bool) -> int:
    started = time.monotonic()
    story.heading("rds-ssl-operator, a demonstration")
    _introduce(story)
    with Stage.set_up(story) as stage, _cleaning_up_undisturbed():
        try:
            stage.install()
            story.note("The Deployment is there, but no node to run it. The operator runs as a")
            story.note(
                "process beside it, with the token of its ServiceAccount and no other right."
            )
            stage.start_operator()
            rows = _play(stage)
        except (NotAsToldError, subprocess.SubprocessError, RuntimeError, TimeoutError) as error:
            story.complain(f"Not as told: {error}")
            _show_log(story, stage)
            return FAILED
        except Exception:
            _show_log(story, stage)
            raise
        _conclude(story, rows, seconds=time.monotonic() - started)
        if keep:
            _keep(story, stage)
    return 0


def _introduce(story: Story) -> None:
    settings = ", ".join(f"{name}={value}" for name, value in SETTINGS.items())
    story.say("Kubernetes is real (etcd, kube-apiserver), RDS is simulated on this machine.")
    story.say(f"Shortened, so that nobody has to wait: {settings};")
    story.say(f"a change takes {CHANGE_SECONDS:.0f} s, in reality it is about three minutes.")
    story.say("MAX_CHANGES_PER_DAY=0 is no limit: here a day's changes are made within a minute.")
    story.heading("Setting the stage")


def _play(stage: Stage) -> list[tuple[str, Counters]]:
    """
    Play all steps; give their titles with what each has cost.

    Raises:
        NotAsToldError: If one is not as told.
    """
    hands = play.begin(stage)
    beginning = before = stage.counters()
    rows = []
    for number, step in enumerate(steps.STEPS, start=1):
        stage.story.heading(f"Step {number} of {len(steps.STEPS)}: {step.title}")
        _check_quiet(before, stage.counters(), number)
        step.act(hands)
        after = stage.counters()
        cost = after.since(before)
        _check_cost(step, cost)
        stage.story.confirm(f"simulator: {_told(cost)}")
        rows.append((f"{number:>2}  {step.title}", cost))
        before = after
    # A call that comes late, after its step, shows up in what the next step begins with; one that
    # comes after the last step would be missed without this.
    stage.rest()
    _check_quiet(before, stage.counters(), len(steps.STEPS) + 1)
    return [*rows, ("    all steps", before.since(beginning))]


def _check_quiet(before: Counters, now: Counters, number: int) -> None:
    late = now.since(before)
    if late.modify or late.restarts:
        raise NotAsToldError(f"After step {number - 1} had ended there came {_told(late)}.")


def _check_cost(step: play.Step, cost: Counters) -> None:
    if (cost.modify, cost.restarts, cost.keys_in_url) != (step.modify, step.restarts, 0):
        told = Counters(calls=0, modify=step.modify, restarts=step.restarts, keys_in_url=0)
        raise NotAsToldError(f"The simulator counted {_told(cost)}; told was {_told(told)}.")


def _told(cost: Counters) -> str:
    return (
        f"{_count(cost.modify, 'Modify call')}, {_count(cost.restarts, 'restart')},"
        f" {_count(cost.keys_in_url, 'key')} in a URL"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _conclude(story: Story, rows: list[tuple[str, Counters]], *, seconds: float) -> None:
    story.heading("What it cost")
    story.table(
        ("step", "Modify calls", "restarts", "keys in a URL"),
        [
            (title, str(cost.modify), str(cost.restarts), str(cost.keys_in_url))
            for title, cost in rows
        ],
    )
    story.say()
    story.say(f"All {len(steps.STEPS)} steps were as told, {seconds:.0f} s.")


def _show_log(story: Story, stage: Stage) -> None:
    story.say()
    story.say("The end of the operator's log:")
    for line in stage.log_end():
        story.say(f"  {line}")


def _keep(story: Story, stage: Stage) -> None:
    simulator = f"{stage.rds.url}/_sim"
    slower = {"durations": {"change": 60}}
    failure = {"fault": {"kind": "async-failed"}}
    code = "InvalidServerCertOrPrivateKey"
    refusal = {"action": "ModifyDBInstanceSSL", "fault": {"code": code, "status": 400}}
    story.heading("Everything is still running: play with it from another terminal")
    for line in (
        f"export KUBECONFIG={shlex.quote(str(stage.plane.kubeconfig))}",
        f"alias kubectl={shlex.quote(str(stage.plane.kubectl_path))}",
        f"kubectl -n {NAMESPACE} get rdsssl -w",
        f"kubectl -n {NAMESPACE} edit rdsssl {play.ORDERS}",
        "kubectl explain rdsssl.spec",
        "",
        "# What was called, and what came of it:",
        f"curl -s {simulator}/stats",
        f"curl -s {simulator}/calls",
        f"curl -s {simulator}/instances/{play.ORDERS_INSTANCE}",
        "# From now on a change takes a minute:",
        f"curl -s -X PUT {simulator}/config -d '{json.dumps(slower)}'",
        "# The next change is accepted and fails:",
        f"curl -s {simulator}/faults -d '{json.dumps(failure)}'",
        "# The next change is refused:",
        f"curl -s {simulator}/faults -d '{json.dumps(refusal)}'",
        "",
        "# The operator, and the certificates and keys of the steps:",
        f"tail -f {shlex.quote(str(stage.operator.log_file))}",
        f"curl -s http://127.0.0.1:{stage.operator.port}/metrics",
        f"ls {shlex.quote(str(stage.folder))}",
    ):
        story.say(f"  {line}".rstrip())
    story.say()
    story.say("Ctrl-C ends it and leaves nothing behind.")
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            signal.pause()
    story.say()
    story.say("Everything is stopped.")


@contextlib.contextmanager
def _cleaning_up_undisturbed() -> Iterator[None]:
    """After the body of the ``with`` a second Ctrl-C cannot cut short what ends then."""
    try:
        yield
    finally:
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    sys.exit(main())
