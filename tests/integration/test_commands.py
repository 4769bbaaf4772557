"""
The commands for people, as processes with a kubeconfig, against a real API server.

No operator runs: the tests write the status that it would have written.
"""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from rds_ssl.core.model import (
    API_GROUP,
    API_VERSION,
    APPROVE_ANNOTATION,
    PLURAL,
    RECONCILE_ANNOTATION,
)
from support import polling, statuses
from support.cluster import Cluster

Json = dict[str, Any]
Ended = subprocess.CompletedProcess[str]

PROGRAM = Path(sys.executable).parent / "rds-ssl"
DIGEST = "1111222233334444"
SECONDS = 60


class Desk:
    """A namespace with objects, and a person at a shell whose kubeconfig is the administrator's."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.namespace = cluster.namespace(f"desk-{uuid.uuid4().hex[:8]}", credentials=False)
        self.kubeconfig = cluster.control_plane.kubeconfig

    def put(self, name: str = "orders", status: Json | None = None, **spec: object) -> Json:
        """Create an object, with the status that an operator has written."""
        wanted = {"instanceID": f"pgm-{self.namespace}-{name}", **spec}
        self.cluster.create(self.namespace, name, **wanted)
        return self.write_status(name, status) if status else self.get(name)

    def write_status(self, name: str, status: Json) -> Json:
        """Write a status as the operator does."""
        body = json.dumps({"status": status})
        self.cluster.kubectl(
            *("-n", self.namespace, "patch", PLURAL, name, "--subresource=status"),
            *("--type=merge", "-p", body),
        )
        return self.get(name)

    def edit_metadata(self, name: str, **metadata: object) -> None:
        """Change labels or annotations."""
        path = f"/apis/{API_GROUP}/{API_VERSION}/namespaces/{self.namespace}/{PLURAL}/{name}"
        self.cluster.request("PATCH", path, {"metadata": metadata})

    def get(self, name: str = "orders") -> Json:
        """Read an object."""
        return self.cluster.get(self.namespace, name)

    def annotation(self, annotation: str, name: str = "orders") -> str | None:
        """Read an annotation."""
        found: str | None = self.get(name)["metadata"].get("annotations", {}).get(annotation)
        return found

    def run(self, *arguments: str, kubeconfig: object = None, **environ: str) -> Ended:
        """Run ``rds-ssl`` without a terminal, and with nothing in the home directory."""
        return subprocess.run(
            [PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=polling.patience(SECONDS),
            check=False,
            env=self.environ(kubeconfig, **environ),
        )

    def environ(self, kubeconfig: object = None, **environ: str) -> dict[str, str]:
        """Give the environment of the shell."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("KUBE", "RDS_SSL_"))}
        named = {"KUBECONFIG": str(kubeconfig or self.kubeconfig), "HOME": "/nonexistent"}
        return {**kept, **named, **environ}

    def here(self, *arguments: str) -> Ended:
        """Run a command in the namespace."""
        command, *others = arguments
        return self.run(command, "-n", self.namespace, *others)

    def json(self, *arguments: str) -> Any:  # noqa: ANN401  # JSON.
        """Run a command in the namespace, and give what it says to programs."""
        ended = self.here(*arguments, "-o", "json")
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)


@pytest.fixture
def desk(cluster: Cluster) -> Desk:
    """A namespace without objects."""
    return Desk(cluster)


@pytest.fixture
def changed_kubeconfig(desk: Desk, tmp_path: Path) -> Callable[[Callable[[Json], object]], Path]:
    """Write the administrator's kubeconfig with a change."""

    def write(change: Callable[[Json], object]) -> Path:
        content = yaml.safe_load(desk.kubeconfig.read_text())
        change(content)
        path = tmp_path / f"{uuid.uuid4().hex}.kubeconfig"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


def refused(ended: Ended, *told: str, code: int = 1) -> bool:
    """Hold that a command ended with a sentence, not with a traceback."""
    assert ended.returncode == code, (ended.stdout, ended.stderr)
    assert "Traceback" not in ended.stderr
    assert [each for each in told if each not in ended.stderr] == [], ended.stderr
    return True


# --- plan -----------------------------------------------------------------------------------------


def test_plan_lists_what_is_pending_and_the_totals(desk: Desk) -> None:
    desk.put("calm", statuses.settled())
    desk.put("orders", statuses.pending())
    desk.put("stock", statuses.pending(statuses.plan("5555", heldBy="QuietPeriod")))

    ended = desk.here("plan")

    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert [line.split()[1] for line in lines[1:3]] == ["orders", "stock"]
    assert "calm" not in ended.stdout
    assert "as soon as a person lets them go" in ended.stdout
    assert lines[-1].startswith("In all: 2 plans, at most 2 restarts. Waiting for a person: 1.")


def test_plan_of_one_object_shows_it_in_full(desk: Desk) -> None:
    desk.put("orders", statuses.pending(message="Because of Weakens."))

    text = desk.here("plan", "orders").stdout

    assert "clientAuthentication.acl  verify-ca" in text
    assert "Because of Weakens." in text
    assert f"rds-ssl approve -n {desk.namespace} orders --digest {DIGEST}" in text


def test_plan_as_json_is_a_list_whatever_was_asked_for(desk: Desk) -> None:
    desk.put("calm", statuses.settled())
    desk.put("orders", statuses.pending())

    assert [each["name"] for each in desk.json("plan")] == ["orders"]
    (found,) = desk.json("plan", "orders")
    assert (found["namespace"], found["digest"]) == (desk.namespace, DIGEST)
    assert found["steps"] == [{"changes": statuses.CHANGES}]
    assert desk.json("plan", "calm") == []


def test_plan_says_so_if_nothing_is_pending(desk: Desk) -> None:
    desk.put("calm", statuses.settled())

    ended = desk.here("plan")

    assert (ended.returncode, ended.stdout) == (0, "No change is pending in 1 object.\n")


def test_plan_of_all_namespaces_has_those_of_all(desk: Desk, cluster: Cluster) -> None:
    other = Desk(cluster)
    desk.put("orders", statuses.pending())
    other.put("orders", statuses.pending())

    listed = json.loads(desk.run("plan", "-A", "-o", "json").stdout)

    assert {desk.namespace, other.namespace} <= {each["namespace"] for each in listed}


# --- approve --------------------------------------------------------------------------------------


def test_approve_shows_the_plan_and_sets_its_digest(desk: Desk) -> None:
    desk.put("orders", statuses.pending())

    ended = desk.here("approve", "orders", "--yes")

    assert ended.returncode == 0, ended.stderr
    assert "clientAuthentication.acl" in ended.stdout
    assert f"Plan {DIGEST} of {desk.namespace}/orders is approved" in ended.stdout
    assert desk.annotation(APPROVE_ANNOTATION) == DIGEST


def test_approve_as_json_says_nothing_else_on_standard_output(desk: Desk) -> None:
    desk.put("orders", statuses.pending())

    assert desk.json("approve", "orders", "--yes", "--digest", DIGEST) == {
        "namespace": desk.namespace,
        "name": "orders",
        "digest": DIGEST,
        "approved": True,
        "changed": True,
        "notBefore": None,
    }


def test_approve_a_second_time_changes_nothing_and_says_so(desk: Desk) -> None:
    desk.put("orders", statuses.pending())
    desk.here("approve", "orders", "--yes")
    version = desk.get()["metadata"]["resourceVersion"]

    ended = desk.here("approve", "orders", "--yes")

    assert ended.returncode == 0
    assert "approved already" in ended.stdout
    assert desk.get()["metadata"]["resourceVersion"] == version


def test_approve_without_a_terminal_needs_yes(desk: Desk) -> None:
    desk.put("orders", statuses.pending())

    ended = desk.here("approve", "orders")

    assert refused(ended, f"--yes --digest {DIGEST}")
    assert desk.annotation(APPROVE_ANNOTATION) is None


def test_approve_with_the_digest_of_another_plan_is_refused(desk: Desk) -> None:
    desk.put("orders", statuses.pending())

    ended = desk.here("approve", "orders", "--yes", "--digest", "9999")

    assert refused(ended, f"{DIGEST}, not 9999")
    assert desk.annotation(APPROVE_ANNOTATION) is None


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (statuses.settled(), "no plan"),
        (statuses.pending(statuses.plan(heldBy="Suspended")), "Suspended"),
        (statuses.pending(statuses.plan(heldBy=None), operation=statuses.operation()), "was sent"),
        (statuses.stalled("CredentialsInvalid"), "CredentialsInvalid"),
        ({**statuses.pending(), "observedGeneration": 0}, "changed after"),
    ],
)
def test_approve_of_what_needs_no_approval_says_what_holds_it(
    desk: Desk, status: Json, told: str
) -> None:
    desk.put("orders", status)

    ended = desk.here("approve", "orders", "--yes")

    assert refused(ended, told)
    assert desk.annotation(APPROVE_ANNOTATION) is None


class Terminal:
    """A person at a terminal, in front of ``rds-ssl approve``."""

    def __init__(self, desk: Desk) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [PROGRAM, "approve", "-n", desk.namespace, "orders"],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=desk.environ(),
        )
        os.close(theirs)
        self.shown = ""

    def wait_for_question(self) -> None:
        """Read until something is asked."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + polling.patience(SECONDS)
        while "[y/N]" not in self.shown:
            assert time.monotonic() < deadline, self.shown
            read = os.read(self._process.stdout.fileno(), 4096)
            assert read, self.shown
            self.shown += read.decode()

    def answer(self, text: str) -> int:
        """Type an answer; give the exit code."""
        os.write(self._ours, f"{text}\n".encode())
        output, _ = self._process.communicate(timeout=polling.patience(SECONDS))
        self.shown += output.decode()
        return self._process.returncode

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.communicate()
        os.close(self._ours)


@pytest.fixture
def terminal(desk: Desk) -> Iterator[Terminal]:
    """A terminal that has asked whether to approve the plan of ``orders``."""
    desk.put("orders", statuses.pending())
    terminal = Terminal(desk)
    try:
        terminal.wait_for_question()
        yield terminal
    finally:
        terminal.close()


def test_approve_asks_and_yes_approves_what_was_shown(desk: Desk, terminal: Terminal) -> None:
    assert DIGEST in terminal.shown

    assert terminal.answer("y") == 0

    assert desk.annotation(APPROVE_ANNOTATION) == DIGEST


def test_approve_asks_and_no_approves_nothing(desk: Desk, terminal: Terminal) -> None:
    assert terminal.answer("n") == 1

    assert "Nothing was approved." in terminal.shown
    assert desk.annotation(APPROVE_ANNOTATION) is None


def test_a_plan_that_became_another_one_while_a_person_read_is_not_approved(
    desk: Desk, terminal: Terminal
) -> None:
    desk.write_status("orders", {"plan": statuses.plan("5555666677778888")})

    assert terminal.answer("y") == 1

    assert "changed meanwhile" in terminal.shown
    assert desk.annotation(APPROVE_ANNOTATION) is None


# --- suspend, resume ------------------------------------------------------------------------------


def test_suspend_and_resume_set_the_field_and_say_if_it_was_so(desk: Desk) -> None:
    desk.put("orders", statuses.settled())
    desk.put("stock", statuses.settled(), suspend=True)

    ended = desk.here("suspend", "orders", "stock")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        f"{desk.namespace}/orders is suspended.",
        f"{desk.namespace}/stock was suspended already.",
    ]
    assert [desk.get(each)["spec"]["suspend"] for each in ("orders", "stock")] == [True, True]
    assert "is resumed" in desk.here("resume", "orders").stdout
    assert desk.get("orders")["spec"]["suspend"] is False
    assert "was not suspended" in desk.here("resume", "orders").stdout


def test_suspend_as_json_says_what_was_changed(desk: Desk) -> None:
    desk.put("orders", statuses.settled())

    (first,) = desk.json("suspend", "orders")
    (second,) = desk.json("suspend", "orders")

    assert first == {
        "namespace": desk.namespace,
        "name": "orders",
        "suspended": True,
        "changed": True,
        "warnings": [],
        "error": None,
    }
    assert second["changed"] is False


def test_suspend_warns_of_a_change_that_goes_on(desk: Desk) -> None:
    desk.put("orders", statuses.settled(operation=statuses.operation()))

    ended = desk.here("suspend", "orders")

    assert ended.returncode == 0
    assert "goes on in RDS" in ended.stderr


def test_resume_warns_of_a_restart_that_it_lets_go(desk: Desk) -> None:
    desk.put("orders", statuses.pending(statuses.plan(heldBy="Suspended")), suspend=True)

    assert "may restart the database" in desk.here("resume", "orders").stderr


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({"annotations": {"argocd.argoproj.io/tracking-id": "shop:x"}}, "Argo CD"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "shop"}}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "shop"}}, "Flux"),
        ({"labels": {"team": "shop"}}, ""),
    ],
)
def test_suspend_warns_if_git_may_set_it_back(desk: Desk, metadata: Json, told: str) -> None:
    desk.put("orders", statuses.settled())
    desk.edit_metadata("orders", **metadata)

    ended = desk.here("suspend", "orders")

    assert (f"kept by {told}, which may set it back" in ended.stderr) is bool(told)


def test_suspend_changes_nothing_if_one_of_the_names_is_wrong(desk: Desk) -> None:
    desk.put("orders", statuses.settled())

    assert refused(desk.here("suspend", "orders", "ordres"), "Did you mean orders?")
    assert desk.get()["spec"]["suspend"] is False


# --- reconcile ------------------------------------------------------------------------------------


def test_reconcile_sets_a_new_token_each_time(desk: Desk) -> None:
    desk.put("orders", statuses.settled())

    (first,) = desk.json("reconcile", "orders")
    ended = desk.here("reconcile", "orders")

    assert first["handled"] is None
    assert ended.returncode == 0
    token = desk.annotation(RECONCILE_ANNOTATION)
    assert token is not None
    assert token in ended.stdout
    assert token > first["requestedAt"]


def test_reconcile_waits_until_the_operator_echoes_the_token(desk: Desk) -> None:
    desk.put("orders", statuses.settled())
    command = [PROGRAM, "reconcile", "-n", desk.namespace, "orders", "--wait"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=desk.environ(), stdin=subprocess.DEVNULL
    ) as process:
        polling.wait(
            lambda: None if desk.annotation(RECONCILE_ANNOTATION) else "no token", seconds=SECONDS
        )
        assert process.poll() is None

        token = desk.annotation(RECONCILE_ANNOTATION)
        desk.write_status("orders", {"lastHandledReconcileAt": token})
        output, _ = process.communicate(timeout=polling.patience(SECONDS))

    assert process.returncode == 0
    assert "was looked at: Ready=True Verified." in output


def test_reconcile_that_nobody_answers_in_time_says_where_to_look(desk: Desk) -> None:
    desk.put("orders", statuses.settled())

    ended = desk.here("reconcile", "orders", "--wait", "--timeout", "1s")

    assert refused(ended, "not answered in time", "logs deployment/rds-ssl-operator")
    assert "was not looked at yet" in ended.stdout


# --- status ---------------------------------------------------------------------------------------


def test_status_is_a_table_of_all_and_everything_of_one(desk: Desk) -> None:
    desk.put("orders", statuses.settled())
    desk.put("stock")

    listed, one = desk.here("status"), desk.here("status", "orders")

    assert listed.returncode == one.returncode == 0
    assert [line.split()[1] for line in listed.stdout.splitlines()[1:]] == ["orders", "stock"]
    assert "orders.pg.rds.aliyuncs.com" in listed.stdout
    assert "not looked at yet" in listed.stdout
    assert "MaterialReady=True MaterialAccepted" in one.stdout
    assert "REQ-7" in one.stdout


def test_status_as_json_is_a_list(desk: Desk) -> None:
    desk.put("orders", statuses.settled())

    (found,) = desk.json("status", "orders")

    assert (found["namespace"], found["ready"], found["reason"]) == (
        desk.namespace,
        "True",
        "Verified",
    )
    assert found["expires"] == "2027-01-23T03:00:00Z"
    assert desk.json("status") == [found]


def test_text_of_the_cluster_cannot_steer_the_terminal(desk: Desk) -> None:
    desk.put("orders", statuses.pending(message="\x1b[2Jgone\x07"))

    for arguments in (("status", "orders"), ("plan", "orders"), ("status",)):
        text = desk.here(*arguments).stdout
        assert [each for each in text if not each.isprintable() and each != "\n"] == []


def test_status_of_an_empty_namespace_says_that_there_is_none(desk: Desk) -> None:
    ended = desk.here("status")

    assert ended.returncode == 0
    assert "-A" in ended.stdout


# --- access, and what can be wrong with it --------------------------------------------------------


def test_the_namespace_is_that_of_the_context(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    desk.put("orders", statuses.pending())
    path = changed_kubeconfig(
        lambda it: it["contexts"][0]["context"].update(namespace=desk.namespace)
    )

    assert "orders" in desk.run("plan", kubeconfig=path).stdout
    assert "orders" in desk.run("plan", "--kubeconfig", str(path), kubeconfig="/nowhere").stdout


def test_several_kubeconfigs_are_one_and_the_first_chooses_the_context(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    desk.put("orders", statuses.pending())

    def point_elsewhere(content: Json) -> None:
        content["contexts"][0]["name"] = content["current-context"] = "elsewhere"
        content["contexts"][0]["context"].update(cluster="elsewhere", namespace="other")
        content["clusters"][0].update(name="elsewhere")
        content["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"

    elsewhere = changed_kubeconfig(point_elsewhere)
    both = f"{desk.kubeconfig}:/nonexistent/config:{elsewhere}"

    assert "orders" in desk.run("plan", "-n", desk.namespace, kubeconfig=both).stdout
    ended = desk.run("plan", "--context", "elsewhere", kubeconfig=both)
    assert refused(ended, "https://127.0.0.1:1 cannot be reached", "VPN")


def test_without_a_kubeconfig_it_says_where_one_was_sought(desk: Desk) -> None:
    assert refused(
        desk.run("plan", kubeconfig="/nowhere/config"), "/nowhere/config", "--kubeconfig"
    )
    ended = desk.run("plan", KUBECONFIG="")
    assert refused(ended, "/nonexistent/.kube/config", "no Pod")


def test_a_kubeconfig_that_was_named_must_be_there(desk: Desk) -> None:
    ended = desk.run("plan", "--kubeconfig", "/nowhere")

    assert refused(ended)
    assert ended.stderr == "kubeconfig /nowhere: no such file\n"


@pytest.mark.parametrize("content", ["", "- a\n- list\n", "{not: [yaml", "a: b\n"])
def test_a_file_that_is_no_kubeconfig_is_called_that(
    desk: Desk, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "config"
    path.write_text(content)

    assert refused(desk.run("plan", kubeconfig=path), str(path))


def test_a_context_that_does_not_exist_comes_with_those_that_do(desk: Desk) -> None:
    assert refused(desk.run("plan", "--context", "prod"), "no context prod", "are: tests")


def test_credentials_that_are_not_accepted_are_told(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    path = changed_kubeconfig(lambda it: it["users"][0]["user"].update(token="stale"))

    assert refused(desk.run("plan", kubeconfig=path), "(401)", "Log in again")


def person(desk: Desk, *roles: str) -> Path:
    """Make somebody with these ClusterRoles in the namespace."""
    plane = desk.cluster.control_plane
    name = f"person-{len(roles)}"
    plane.kubectl("-n", desk.namespace, "create", "serviceaccount", name)
    for role in roles:
        plane.kubectl(
            *("-n", desk.namespace, "create", "rolebinding", role, f"--clusterrole={role}"),
            f"--serviceaccount={desk.namespace}:{name}",
        )
    return plane.kubeconfig_for(desk.namespace, name)


def test_whoever_may_not_read_is_told_which_role_it_takes(desk: Desk) -> None:
    nobody = person(desk)

    ended = desk.run("plan", kubeconfig=nobody)

    assert refused(ended, f"list dbinstancessls.rds-ssl.dev in namespace {desk.namespace}", "view")
    assert refused(desk.run("plan", "-A", kubeconfig=nobody), "in all namespaces", "-n")


def test_a_viewer_reads_and_is_told_which_role_changing_takes(desk: Desk) -> None:
    desk.put("orders", statuses.pending())
    viewer = person(desk, "rds-ssl-dbinstancessl-viewer")

    assert desk.run("status", kubeconfig=viewer).returncode == 0
    assert "orders" in desk.run("plan", kubeconfig=viewer).stdout
    for command in (("approve", "--yes"), ("suspend",), ("reconcile",)):
        ended = desk.run(*command, "orders", kubeconfig=viewer)
        assert refused(ended, "patch dbinstancessls.rds-ssl.dev", "the role edit")
    assert desk.annotation(APPROVE_ANNOTATION) is None


def test_an_editor_may_do_everything_that_the_commands_do(desk: Desk) -> None:
    desk.put("orders", statuses.pending())
    editor = person(desk, "rds-ssl-dbinstancessl-viewer", "rds-ssl-dbinstancessl-editor")

    ended = [
        desk.run(*command, "orders", kubeconfig=editor)
        for command in (("approve", "--yes"), ("reconcile",), ("suspend",), ("resume",))
    ]

    assert [each.returncode for each in ended] == [0, 0, 0, 0], ended


def test_a_kubeconfig_that_acts_as_somebody_may_no_more_than_he(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    desk.put("orders", statuses.pending())
    person(desk, "rds-ssl-dbinstancessl-viewer")
    viewer = f"system:serviceaccount:{desk.namespace}:person-1"
    acting = changed_kubeconfig(lambda it: it["users"][0]["user"].update({"as": viewer}))
    here = ("-n", desk.namespace)

    in_file = desk.run("approve", *here, "orders", "--yes", kubeconfig=acting)
    by_flag = desk.run("approve", *here, "orders", "--yes", "--as", viewer)
    of_group = desk.run("approve", *here, "orders", "--yes", "--as", "x", "--as-group", "y")

    assert refused(in_file, f'User "{viewer}" cannot patch', "the role edit")
    assert refused(by_flag, f'User "{viewer}" cannot patch')
    assert refused(of_group, 'User "x" cannot list')
    assert desk.annotation(APPROVE_ANNOTATION) is None
    assert desk.run("plan", *here, kubeconfig=acting).returncode == 0
    admin = desk.run(
        "approve", *here, "orders", "--yes", "--as", "x", "--as-group", "system:masters"
    )
    assert admin.returncode == 0, admin.stderr


def test_whoever_may_not_act_as_others_is_told_that(desk: Desk) -> None:
    viewer = person(desk, "rds-ssl-dbinstancessl-viewer")

    ended = desk.run("plan", "--as", "bob", kubeconfig=viewer)

    assert refused(ended, "You may not act as somebody else", "cannot impersonate")


def test_a_field_that_might_say_as_whom_to_act_is_not_passed_over(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    path = changed_kubeconfig(lambda it: it["users"][0]["user"].update(asUser="bob"))

    assert refused(desk.run("plan", kubeconfig=path), "asUser", "not understood")


def test_a_plugin_that_fails_is_told_with_its_remedy(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "false",
        "installHint": "Run: corp-login.",
    }
    path = changed_kubeconfig(lambda it: it["users"][0].update(user={"exec": plugin}))

    ended = desk.run("plan", kubeconfig=path)

    assert refused(ended, "no credentials: the plugin false", "exit code 1", "Run: corp-login.")


def test_a_context_without_a_user_has_no_credentials(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    path = changed_kubeconfig(lambda it: it["contexts"][0]["context"].pop("user"))

    assert refused(desk.run("plan", kubeconfig=path), "You have no credentials", "log in")


POLICY = """
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: NAME}
spec:
  matchConstraints:
    resourceRules:
      - {apiGroups: [rds-ssl.dev], apiVersions: [v1alpha1], operations: [UPDATE],
         resources: [dbinstancessls]}
  validations:
    - {expression: "false", message: "Approvals go through the change board.", reason: REASON}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: NAME}
spec:
  policyName: NAME
  validationActions: [Deny]
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAME}}
"""


@pytest.mark.parametrize("reason", ["Forbidden", "Invalid"])
def test_what_a_policy_of_the_cluster_refuses_is_told_in_its_words(desk: Desk, reason: str) -> None:
    desk.put("orders", statuses.pending())
    policy = POLICY.replace("NAME", desk.namespace).replace("REASON", reason)
    desk.cluster.control_plane.kubectl("apply", "-f", "-", input=policy)

    def problem() -> str | None:
        try:
            desk.edit_metadata("orders", labels={"a": uuid.uuid4().hex})
        except httpx.HTTPStatusError:
            return None
        return "the policy is not in force yet"

    polling.wait(problem, seconds=30)

    ended = desk.here("approve", "orders", "--yes")

    assert refused(ended, "A policy of the cluster", "Approvals go through the change board.")
    assert "role edit" not in ended.stderr
    assert desk.annotation(APPROVE_ANNOTATION) is None


@pytest.mark.parametrize("command", ["plan", "status", "approve", "suspend", "reconcile"])
def test_a_name_that_does_not_exist_comes_with_near_ones(desk: Desk, command: str) -> None:
    desk.put("orders", statuses.settled())

    assert refused(desk.here(command, "order"), "There is no DBInstanceSSL order", "mean orders?")


def test_a_cluster_without_the_resource_says_how_to_install_it(
    desk: Desk, changed_kubeconfig: Callable[[Callable[[Json], object]], Path]
) -> None:
    url = f"{desk.cluster.control_plane.url}/without"
    # The API server answers any path that it does not serve as it does without the CRD.
    path = changed_kubeconfig(lambda it: it["clusters"][0]["cluster"].update(server=url))

    assert refused(desk.run("status", kubeconfig=path), "kubectl apply -k crds/", url)


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan", "-A", "-n", "shop"),
        ("plan", "-A", "orders"),
        ("plan", "-n", "../x"),
        ("suspend",),
        ("approve",),
        ("approve", "a", "b"),
        ("reconcile", "a", "--timeout", "soon"),
        ("status", "-o", "yaml"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_a_matter_of_usage(
    desk: Desk, arguments: tuple[str, ...]
) -> None:
    assert refused(desk.run(*arguments), "Usage: rds-ssl", code=2)


# --- while it goes on -----------------------------------------------------------------------------


class Going:
    """A command that goes on; what it has said so far."""

    def __init__(self, desk: Desk, *arguments: str, terminal: bool = False) -> None:
        self._ours, theirs = pty.openpty() if terminal else os.pipe()
        # What a shell starts in the background is deaf to Ctrl-C, and so would be its children.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self._process = subprocess.Popen(
            [PROGRAM, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=desk.environ(TERM="xterm", COLUMNS="200"),
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)  # As the function has it.
        self.said = ""

    def wait_for(self, words: str) -> None:
        """Read until something was said."""

        def problem() -> str | None:
            self._read()
            return None if words in self.said else f"{words!r} is not in {self.said!r}"

        polling.wait(problem, seconds=SECONDS)

    def _read(self) -> None:
        try:
            while text := os.read(self._ours, 65536):
                self.said += text.decode()
        except OSError:
            pass  # Nothing more for now, or the terminal is closed.

    def end(self, sign: signal.Signals | None = None) -> int:
        """Wait for its end, or interrupt it; give the exit code."""
        if sign is not None:
            self._process.send_signal(sign)
        code = self._process.wait(timeout=polling.patience(SECONDS))
        self._read()
        return code

    def close(self) -> None:
        """Leave nothing behind."""
        self._process.kill()
        self._process.wait()
        os.close(self._ours)


@pytest.fixture
def going(desk: Desk) -> Iterator[Callable[..., Going]]:
    """Start a command that goes on."""
    made: list[Going] = []

    def start(*arguments: str, terminal: bool = False) -> Going:
        made.append(Going(desk, *arguments, terminal=terminal))
        return made[-1]

    yield start
    for each in made:
        each.close()


def test_a_watched_plan_is_told_anew_when_it_changes_and_ends_with_ctrl_c(
    desk: Desk, going: Callable[..., Going]
) -> None:
    desk.put("orders", statuses.pending())
    watch = going("plan", "-n", desk.namespace, "--watch")
    watch.wait_for("In all: 1 plan")
    before = watch.said

    desk.write_status("orders", statuses.pending(statuses.plan("5555", heldBy="AwaitingWindow")))

    watch.wait_for("AwaitingWindow")
    assert before.count("--- ") == 1
    assert "\x1b" not in watch.said
    assert watch.end(signal.SIGINT) == 130
    assert "Traceback" not in watch.said


def test_reconcile_tells_each_step_of_a_change_and_waits_for_its_end(
    desk: Desk, going: Callable[..., Going]
) -> None:
    desk.put("orders", statuses.settled())
    reconcile = going(
        "reconcile", "-n", desk.namespace, "orders", "--wait", "--timeout", "1s", terminal=True
    )
    reconcile.wait_for("asked for: the operator has not looked yet")

    plan = statuses.plan(heldBy=None)
    token = desk.annotation(RECONCILE_ANNOTATION)
    for phase in ("Sending", "Accepted"):
        status = statuses.pending(plan, operation=statuses.operation(phase))
        desk.write_status("orders", {**status, "lastHandledReconcileAt": token})
        reconcile.wait_for(f"{phase.lower()}")
    desk.write_status("orders", {**statuses.settled(), "operation": None, "plan": None})

    assert reconcile.end() == 0
    steps = [each for each in ("asked", "sending", "accepted", "done") if each in reconcile.said]
    assert steps == ["asked", "sending", "accepted", "done"]
    assert "was looked at: Ready=True Verified." in reconcile.said.replace("\x1b[32m", "").replace(
        "\x1b[0m", ""
    )


def test_a_table_on_a_terminal_has_colours_and_every_word_of_it(
    desk: Desk, going: Callable[..., Going]
) -> None:
    desk.put("orders", statuses.settled())
    piped = desk.here("status").stdout

    shown = going("status", "-n", desk.namespace, terminal=True)

    assert shown.end() == 0
    assert "\x1b[32mTrue" in shown.said
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown.said).split()[:40] == piped.split()[:40]


# --- leases, completion, kubectl ------------------------------------------------------------------


def test_status_tells_each_shard_by_the_leases_that_the_operator_has_written(desk: Desk) -> None:
    now = f"{datetime.now(UTC):%FT%T.%fZ}"
    for name, holder, manager in (
        ("mine-1-of-2", "pod-a", "rds-ssl-operator"),
        ("mine-2-of-2", "", "rds-ssl-operator"),
        ("theirs", "pod-c", "another"),
    ):
        path = f"/apis/coordination.k8s.io/v1/namespaces/{desk.namespace}/leases"
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name},
            "spec": {"holderIdentity": holder, "renewTime": now},
        }
        desk.cluster.request("POST", path, body, fieldManager=manager)

    told = desk.here("status", "--operator-namespace", desk.namespace).stderr.splitlines()

    assert told[0] == f"Operator: pod-a in namespace {desk.namespace} leads shard 1 of 2."
    assert told[1].startswith("Operator: nobody leads shard 2 of 2")
    assert len(told) == 2


def test_names_of_objects_are_completed_from_the_cluster(desk: Desk) -> None:
    for name in ("orders", "order-items", "stock"):
        desk.put(name)
    words = f"rds-ssl plan -n {desk.namespace} order-items o"

    ended = desk.run(
        _RDS_SSL_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=str(words.count(" "))
    )

    assert (ended.stdout, ended.stderr) == ("plain,orders\n", "")


def test_kubectl_finds_the_plugin_on_the_path(desk: Desk, tmp_path: Path) -> None:
    desk.put("orders", statuses.settled())
    for name, function in (
        ("kubectl-rds_ssl", "plugin"),
        ("kubectl_complete-rds_ssl", "complete_plugin"),
    ):
        program = tmp_path / name
        program.write_text(
            f"#!{sys.executable}\nfrom rds_ssl.cli import {function}\n{function}()\n"
        )
        program.chmod(0o755)
    environ = desk.environ()
    environ["PATH"] = f"{tmp_path}:{environ['PATH']}"

    def kubectl(*arguments: str) -> Ended:
        return subprocess.run(
            [desk.cluster.control_plane.kubectl_path, *arguments],
            env=environ, capture_output=True, text=True, check=False,
            timeout=polling.patience(SECONDS),
        )  # fmt: skip

    shown = kubectl("rds-ssl", "status", "-n", desk.namespace)
    completed = kubectl("__complete", "rds-ssl", "plan", "-n", desk.namespace, "o")

    assert shown.returncode == 0, shown.stderr
    assert "orders" in shown.stdout
    assert "orders" in completed.stdout.splitlines()
