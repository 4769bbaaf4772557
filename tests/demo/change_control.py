"""The steps in which a change waits: for a person, for others, for a while, for its time."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import yaml

from demo.play import ORDERS, ORDERS_INSTANCE, Play, new_leaf, wait_in_force
from demo.stage import MOST_CHANGES, NAMESPACE, Json, Stage, condition, lacks, require
from support import pki

APPROVE = "rds-ssl.dev/approve"
RECONCILE = "rds-ssl.dev/reconcile-requested-at"

PLAN = "jsonpath=" + "".join(
    f'{told}: {{.status.plan.{field}}}{{"\\n"}}'
    for told, field in (
        ("plan", "digest"),
        ("what", "summary"),
        ("cause", "cause"),
        ("held by", "heldBy"),
        ("not before", "notBefore"),
    )
)

AT_WORK = "custom-columns=NAME:.metadata.name,CALL:.status.operation.phase,PLAN:.status.plan.digest"

FLEET = tuple(f"fleet-{number}" for number in range(1, 9))
FLEET_CA = "fleet-ca"
WINDOW_ZONE = "Asia/Shanghai"
WINDOW_HOUR = 3


# -- an approval -------------------------------------------------------------------------------


def weaken(play: Play) -> None:
    """Step 9."""
    stage = play.stage
    _declare_acl(stage, "verify-ca")
    _wait_held(stage, ORDERS, "AwaitingApproval")
    stage.in_shop("get", "rdsssl", ORDERS, "-o", PLAN)
    digest = _plan(stage, ORDERS)["digest"]
    require("Weakens" in _plan(stage, ORDERS)["impacts"], "The plan does not say that it weakens.")

    stage.in_shop("annotate", "rdsssl", ORDERS, f"{APPROVE}=0123456789abcdef")
    _wait_told(stage, ORDERS, "is of another plan and is ignored")
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "ChangePending", "True"))
    _show_pending(stage, ORDERS)
    stage.story.confirm("the digest of another plan approves nothing, and the object says so")

    stage.in_shop("annotate", "--overwrite", "rdsssl", ORDERS, f"{APPROVE}={digest}")
    _wait_acl(stage, "verify-ca")
    spent = stage.get(ORDERS)["status"]["lastApproval"]["digest"]
    require(spent == digest, f"The approval on record is {spent}, given was {digest}.")
    stage.story.confirm("approved, sent once, verified")

    stage.story.note(
        "the annotation stays; somebody tightens, and then weakens in the same way again"
    )
    _declare_acl(stage, "verify-full")
    _wait_acl(stage, "verify-full")
    _declare_acl(stage, "verify-ca")
    _wait_told(stage, ORDERS, "was spent already")
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "ChangePending", "True"))
    _show_pending(stage, ORDERS)
    stage.story.confirm("an approval that was spent approves nothing later")
    _declare_acl(stage, "verify-full")
    _wait_acl(stage, "verify-full")


def _declare_acl(stage: Stage, acl: str) -> None:
    patch = f'{{"spec":{{"clientAuthentication":{{"acl":"{acl}"}}}}}}'
    stage.in_shop("patch", "rdsssl", ORDERS, "--type=merge", "-p", patch)


def _wait_acl(stage: Stage, acl: str) -> None:
    def problem() -> str | None:
        now = stage.get(ORDERS)
        status = now["status"]
        if status["observedGeneration"] != now["metadata"]["generation"]:
            return "the declaration was not looked at yet"
        if status.get("plan") or status.get("operation"):
            return f"it is not done: {status.get('plan')}"
        return lacks(now, "Ready", "True", "Verified")

    stage.wait(f"the ACL {acl} is verified", problem)
    found = stage.rds.instance(ORDERS_INSTANCE)["ssl"]["acl"]
    require(found == acl, f"The ACL of the instance is {found}, not {acl}.")


# -- a shared client CA ------------------------------------------------------------------------


def roll_a_shared_ca(play: Play) -> None:
    """Step 10."""
    stage = play.stage
    older, newer = pki.make_root("Fleet clients"), pki.make_root("Fleet clients, next")
    for name in FLEET:
        stage.rds.put_instance(_instance(name), profile="postgresql-14")
        settings = {"enabled": True, "client_ca": older.pem.decode()}
        stage.rds.patch_instance(_instance(name), ssl=settings)
    _write_fleet_ca(stage, "create", older.pem)
    manifests = yaml.safe_dump_all([_declared(name) for name in FLEET])
    shown = f"kubectl -n {NAMESPACE} apply -f -   # {len(FLEET)} objects that refer to {FLEET_CA}"
    stage.in_shop("apply", "-f", "-", input=manifests, shown=shown)
    stage.wait(
        "all are adopted", lambda: _first_problem(stage, lambda now: lacks(now, "Ready", "True"))
    )

    stage.story.note("the next CA is added beside the old one, in the one ConfigMap")
    _write_fleet_ca(stage, "replace", older.pem + newer.pem)
    stage.wait("some are in change and some wait", lambda: _not_in_turns(stage))
    stage.in_shop("get", "rdsssl", "-o", AT_WORK)
    wanted = {older.sha256, newer.sha256}
    stage.wait(
        "all are verified",
        lambda: _first_problem(stage, lambda now: lacks(now, "Ready", "True", "Verified")),
    )
    for name in FLEET:
        truth = stage.rds.instance(_instance(name))
        found = set(truth["ssl"]["client_ca_sha256"])
        require(found == wanted, f"{_instance(name)} trusts {found}, not both CAs.")
    highest = _highest(stage)
    require(
        1 < highest <= MOST_CHANGES,
        f"{highest} instances were in change at a time, at most {MOST_CHANGES} may be.",
    )
    stage.story.confirm(
        f"{len(FLEET)} instances, each changed once; by the cloud's account never more than"
        f" {highest} at a time"
    )


def _instance(name: str) -> str:
    return f"pgm-bp1{name.replace('-', '')}0example"


def _declared(name: str) -> Json:
    return {
        "apiVersion": "rds-ssl.dev/v1alpha1",
        "kind": "DBInstanceSSL",
        "metadata": {"name": name},
        "spec": {
            "instanceID": _instance(name),
            "regionID": "cn-hangzhou",
            "credentialsSecretRef": {"name": "rds-credentials"},
            "clientAuthentication": {"ca": {"configMapKeyRef": {"name": FLEET_CA}}},
        },
    }


def _write_fleet_ca(stage: Stage, verb: str, pem: bytes) -> None:
    path = stage.folder / "fleet-ca.crt"
    path.write_bytes(pem)
    create = ["create", "configmap", FLEET_CA, f"--from-file=ca.crt={path}"]
    made = stage.quietly(*create, "--dry-run=client", "-o", "json")
    shown = (
        f"kubectl create configmap {FLEET_CA} --from-file=ca.crt --dry-run=client -o json"
        f" | kubectl -n {NAMESPACE} {verb} -f -"
    )
    stage.in_shop(verb, "-f", "-", input=made, shown=shown)


def _fleet(stage: Stage) -> list[Json]:
    return [each for each in stage.all() if each["metadata"]["name"] in FLEET]


def _first_problem(stage: Stage, problem: Callable[[Json], str | None]) -> str | None:
    for each in _fleet(stage):
        status, name = each.get("status", {}), each["metadata"]["name"]
        if status.get("plan") or status.get("operation"):
            return f"{name} has something to do"
        if wrong := problem(each):
            return f"{name}: {wrong}"
    return None


def _not_in_turns(stage: Stage) -> str | None:
    known = [each.get("status", {}) for each in _fleet(stage)]
    at_work = sum("operation" in each for each in known)
    waiting = sum("plan" in each and "operation" not in each for each in known)
    return None if at_work > 1 and waiting else f"{at_work} are in change, {waiting} wait"


def _highest(stage: Stage) -> int:
    """Count how many of the fleet were in change at a time, at most, by the cloud's account."""
    moves: list[tuple[datetime, int]] = []
    for name in FLEET:
        for each in stage.rds.instance(_instance(name))["events"]:
            step = {"accepted": 1, "succeeded": -1, "failed": -1}.get(each["what"], 0)
            moves.append((datetime.fromisoformat(each["at"]), step))
    return max(itertools.accumulate(step for _, step in sorted(moves)), default=0)


# -- a fight -----------------------------------------------------------------------------------


def end_a_fight(play: Play) -> None:
    """Step 11."""
    stage, name = play.stage, FLEET[0]
    accepted = stage.rds.instance(_instance(name))["accepted"]
    _turn_off_elsewhere(stage, name, time=1)
    _wait_told(stage, name, "it is put back at")
    _show_pending(stage, name)
    stage.wait(
        "it is put back",
        lambda: _first_problem(stage, lambda now: lacks(now, "Ready", "True", "Verified")),
    )
    after = stage.rds.instance(_instance(name))
    require(after["ssl"]["enabled"], "SSL is still off.")
    require(after["accepted"] == accepted + 1, "It was not put back with one call.")
    stage.story.confirm("put back, once")

    _turn_off_elsewhere(stage, name, time=2)
    _wait_told(stage, name, "somebody else, perhaps another operator, wants it otherwise")
    stage.watch_no_change(name, lambda now: lacks(now, "Ready", "False", "Drifted"))
    _show_pending(stage, name)
    stage.story.confirm("the second time it is only reported, with the reason and the ways out")
    patch = '{"spec":{"enabled":false}}'
    stage.in_shop("patch", "rdsssl", name, "--type=merge", "-p", patch)
    stage.wait("that is adopted", lambda: lacks(stage.get(name), "Ready", "True", "Adopted"))
    stage.show(name)
    stage.story.confirm("declared as the other one wants it: settled without a call")


def _turn_off_elsewhere(stage: Stage, name: str, *, time: int) -> None:
    stage.rds.patch_instance(_instance(name), ssl={"enabled": False})
    stage.story.note(f"somebody turns SSL off for {_instance(name)} in the console")
    stage.in_shop("annotate", "--overwrite", "rdsssl", name, f"{RECONCILE}={time}")


# -- a maintenance window ----------------------------------------------------------------------


def wait_for_the_window(play: Play) -> None:
    """Step 12."""
    stage, opens = play.stage, _opening()
    windows = (
        f'[{{"schedule":"0 {WINDOW_HOUR} * * {opens:%a}","duration":"2h",'
        f'"timeZone":"{WINDOW_ZONE}"}}]'
    )
    patch = f'{{"spec":{{"maintenance":{{"windows":{windows}}}}}}}'
    stage.in_shop("patch", "rdsssl", ORDERS, "--type=merge", "-p", patch)
    stage.rest()
    play.in_force = new_leaf(play.root, days=360)
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem())
    _wait_held(stage, ORDERS, "AwaitingWindow")
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "Ready", "True"))
    stage.in_shop("get", "rdsssl", ORDERS, "-o", PLAN)
    held = _plan(stage, ORDERS)
    told = opens.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    require(
        held["notBefore"] == told,
        f"The plan is said to start at {held['notBefore']}, the window opens at {told}.",
    )
    stage.story.confirm(f"held until {opens:%A %H:%M} in {WINDOW_ZONE}; Ready stays True")

    stage.operator.kill()
    stage.story.command(f"kill -9 {stage.operator.pid}", "")
    stage.move_to(opens - timedelta(minutes=5))
    stage.start_operator()
    stage.rest()
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "ChangePending", "True", "AwaitingWindow"))
    kept = _plan(stage, ORDERS)
    require(kept == held, f"The plan was {held}, now it is {kept}.")
    stage.story.confirm("five minutes before: another process, the same plan, still held")

    stage.operator.kill()
    stage.story.command(f"kill -9 {stage.operator.pid}", "")
    stage.move_to(opens)
    stage.start_operator()
    wait_in_force(play)
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "Ready", "True", "Verified"))
    stage.show(ORDERS)
    stage.story.confirm("the window is open: sent once, verified")


def _opening() -> datetime:
    """Give the opening of a window that is neither open now nor about to be."""
    day = datetime.now(ZoneInfo(WINDOW_ZONE)) + timedelta(days=3)
    return day.replace(hour=WINDOW_HOUR, minute=0, second=0, microsecond=0)


# -- looking -----------------------------------------------------------------------------------


def _plan(stage: Stage, name: str) -> Json:
    plan: Json = stage.get(name)["status"].get("plan", {})
    return plan


def _wait_held(stage: Stage, name: str, reason: str) -> None:
    stage.wait(
        f"{name} is held, {reason}", lambda: lacks(stage.get(name), "ChangePending", "True", reason)
    )


def _wait_told(stage: Stage, name: str, words: str) -> None:
    def problem() -> str | None:
        message = condition(stage.get(name), "ChangePending").get("message", "")
        return None if words in message else f"it says: {message}"

    stage.wait(f"{name} says: {words}", problem)


def _show_pending(stage: Stage, name: str) -> None:
    stage.in_shop(
        "get",
        "rdsssl",
        name,
        "-o",
        'jsonpath={.status.conditions[?(@.type=="ChangePending")].message}',
    )
