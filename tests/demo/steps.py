"""The steps: each does something, shows what comes of it, and checks that it is as told."""

import dataclasses
from collections.abc import Callable

from demo.stage import Json, Stage, condition, lacks, require
from demo.story import NotAsToldError
from support import pki

ORDERS = "orders"
ORDERS_INSTANCE = "pgm-bp1orders0example"
ORDERS_HOST = "orders.pg.rds.aliyuncs.com"
"""Names of deploy/samples/postgresql.yaml."""

INVENTORY = "inventory"
INVENTORY_INSTANCE = "pgm-bp1minimal0example"
INVENTORY_SECRET = "inventory-tls"
"""Names of deploy/samples/postgresql-minimal.yaml, and a Secret of ours."""

HELD_SECONDS = 30.0
"""For how long the cloud holds back the answer that a killed operator never gets."""


@dataclasses.dataclass(slots=True, kw_only=True)
class Play:
    """The stage, and what one step hands on to the next."""

    stage: Stage
    root: pki.Authority
    clients: pki.Authority
    in_force: pki.Leaf
    """What the Secret of `ORDERS` holds, and the instance should show."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, with the calls and restarts that it is told to cost."""

    title: str
    act: Callable[[Play], None]
    modify: int
    restarts: int


def begin(stage: Stage) -> Play:
    """Make the instances and certificates that the steps need."""
    stage.rds.put_instance(ORDERS_INSTANCE, profile="postgresql-14", connection_string=ORDERS_HOST)
    stage.rds.put_instance(INVENTORY_INSTANCE, profile="postgresql-14")
    root = pki.make_root("Demo server root")
    return Play(
        stage=stage,
        root=root,
        clients=pki.make_root("Demo client root"),
        in_force=_leaf(root, days=90),
    )


def become_ready(play: Play) -> None:
    """Step 1."""
    stage = play.stage
    stage.kubectl("create", "namespace", "shop")
    stage.apply_credentials()
    _create_client_ca(play)
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem(), new=True)
    stage.apply_sample("postgresql.yaml", lambda _: None, difference="as it is")
    stage.in_shop("wait", "--for=condition=Ready", "--timeout=60s", "rdsssl/orders")
    stage.show(ORDERS)
    stage.in_shop(
        "get",
        "events",
        "--field-selector=involvedObject.name=orders",
        "--sort-by=.metadata.creationTimestamp",
        "-o",
        "custom-columns=REASON:.reason,MESSAGE:.message",
    )
    _require_in_force(play)


def rewrite_the_same(play: Play) -> None:
    """Step 2."""
    stage, leaf = play.stage, play.in_force
    passes = stage.rest()
    before, calls = stage.get(ORDERS), stage.counters().calls
    certificate = b"# written again\r\n" + _with_crlf(leaf.chain_pem) + b"\r\n\r\n"
    key = b"# the same key\r\n\r\n" + _with_crlf(leaf.key_pem())
    stage.story.note(
        f"tls.crt grows from {len(leaf.chain_pem)} to {len(certificate)} bytes,"
        f" tls.key from {len(leaf.key_pem())} to {len(key)}: CRLF, comments, empty lines"
    )
    stage.write_secret("orders-tls", certificate, key)
    stage.wait_for_pass(passes)
    stage.story.confirm("the operator has seen the new version of the Secret")
    stage.watch_no_change(ORDERS, lambda now: _moved(before, now))
    reads = stage.counters().calls - calls
    stage.show(ORDERS)
    require(reads == 0, f"the cloud was asked {reads} times although no fact had changed")
    stage.story.confirm(
        "it is the same certificate: nothing sent, nothing read in the cloud, nothing written to"
        " the object"
    )


def rotate(play: Play) -> None:
    """Step 3."""
    stage, old = play.stage, play.in_force
    before = stage.get(ORDERS)
    expiry = before["status"]["observed"]["expireTime"]
    play.in_force = _leaf(play.root, days=180)
    stage.story.note(f"a certificate for 180 days; the one in force expires {expiry}")
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem())
    _wait_in_force(play)
    after = stage.get(ORDERS)
    stage.show(ORDERS)
    new_expiry = _wire_time(play.in_force)
    require(
        after["status"]["observed"]["expireTime"] == new_expiry != expiry,
        f"The status shows expiry {after['status']['observed']['expireTime']}, the new"
        f" certificate's is {new_expiry}.",
    )
    _require_untouched(before, after)
    stage.story.confirm(
        f"certificate {play.in_force.sha256[:8]} in place of {old.sha256[:8]},"
        f" read back from the API, expires {new_expiry}"
    )


def break_the_pair(play: Play) -> None:
    """Step 4."""
    stage = play.stage
    stage.rest()
    other = pki.key_pem(pki.make_key())
    stage.write_secret("orders-tls", play.in_force.chain_pem, other)
    stage.wait(
        "MaterialReady is False",
        lambda: lacks(stage.get(ORDERS), "MaterialReady", "False", "KeyMismatch"),
    )
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "Ready", "True"))
    stage.show(ORDERS)
    stage.show_conditions(ORDERS)
    message = condition(stage.get(ORDERS), "MaterialReady").get("message", "")
    require(
        "orders-tls" in message and "tls.key" in message,
        f"MaterialReady names no Secret and key that are at fault: {message}",
    )
    stage.story.confirm("MaterialReady says what is wrong and where; Ready stays True")


def repair_the_pair(play: Play) -> None:
    """Step 5."""
    stage = play.stage
    before = stage.get(ORDERS)
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem())
    stage.wait(
        "MaterialReady is True again",
        lambda: lacks(stage.get(ORDERS), "MaterialReady", "True"),
    )
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "Ready", "True"))
    stage.show_conditions(ORDERS)
    after = stage.get(ORDERS)
    _require_untouched(before, after)
    for kind in ("Reconciling", "Stalled", "ChangePending"):
        require(not condition(after, kind), f"{kind} is still there after the repair.")
    stage.story.confirm("healed by itself: nobody touched the object")


def survive_a_kill(play: Play) -> None:
    """Step 6."""
    stage = play.stage
    stage.rest()
    accepted = _accepted(stage)
    # Otherwise the answer would be there before the process is gone, now and then.
    stage.rds.fault({"kind": "delay", "seconds": HELD_SECONDS}, action="ModifyDBInstanceSSL")
    stage.story.note(
        f"the cloud holds its answer back for {HELD_SECONDS:.0f} s, so that the operator dies"
        " without it"
    )
    play.in_force = _leaf(play.root, days=270)
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem())
    stage.wait(
        "RDS has accepted the change",
        lambda: None if _accepted(stage) > accepted else "no ModifyDBInstanceSSL yet",
    )
    stage.operator.kill()
    stage.story.command(f"kill -9 {stage.operator.pid}", "")
    phase = stage.in_shop("get", "rdsssl", ORDERS, "-o", "jsonpath={.status.operation.phase}")
    require(
        phase == "Sending",
        f"The record in the object should say Sending, it says {phase or 'nothing'}.",
    )
    stage.story.confirm("accepted by RDS, unknown to the operator; the object has it on record")
    stage.start_operator()
    _wait_in_force(play)
    stage.watch_no_change(ORDERS, lambda now: lacks(now, "Ready", "True", "Verified"))
    stage.show(ORDERS)
    stage.story.confirm(
        "the new process found the record, waited, and verified; nothing sent again"
    )


def adopt(play: Play) -> None:
    """Step 7."""
    stage = play.stage
    host = stage.rds.instance(INVENTORY_INSTANCE)["endpoints"][0]["host"]
    leaf = play.root.intermediate("Demo intermediate").leaf(host)
    stage.rds.patch_instance(
        INVENTORY_INSTANCE,
        ssl={
            "enabled": True,
            "server_cert": leaf.chain_pem.decode(),
            "server_key": leaf.key_pem().decode(),
        },
    )
    stage.story.note(f"somebody has turned SSL on for {host} by hand, with this certificate")
    stage.write_secret(INVENTORY_SECRET, leaf.chain_pem, leaf.key_pem(), new=True)

    def with_certificate(manifest: Json) -> None:
        manifest["spec"]["serverCertificate"] = {"secretRef": {"name": INVENTORY_SECRET}}

    stage.apply_sample(
        "postgresql-minimal.yaml",
        with_certificate,
        difference=f"with serverCertificate.secretRef.name={INVENTORY_SECRET}",
    )
    stage.wait(
        "the instance is adopted",
        lambda: lacks(stage.get(INVENTORY), "Ready", "True", "Adopted"),
    )
    stage.watch_no_change(INVENTORY, lambda now: lacks(now, "Ready", "True", "Adopted"))
    stage.in_shop("get", "rdsssl")
    stage.show_conditions(INVENTORY)
    shown = stage.get(INVENTORY)["status"]["observed"]["serverCertificate"]["sha256"]
    require(shown == leaf.sha256, f"The status shows certificate {shown}, not {leaf.sha256}.")
    stage.story.confirm("what is there is what is declared: taken over as it is")


def delete_with_disable(play: Play) -> None:
    """Step 8."""
    stage = play.stage
    before = stage.counters()
    patch = '{"spec":{"deletionPolicy":"Disable"}}'
    stage.in_shop("patch", "rdsssl", INVENTORY, "--type=merge", "-p", patch)
    stage.wait(
        "the object has a finalizer",
        lambda: None if stage.get(INVENTORY)["metadata"].get("finalizers") else "no finalizer yet",
    )
    stage.in_shop("get", "rdsssl", INVENTORY, "-o", "jsonpath={.metadata.finalizers}")
    stage.rest()
    require(
        stage.counters().modify == before.modify,
        "ModifyDBInstanceSSL was called before the object was deleted.",
    )
    stage.in_shop("delete", "rdsssl", INVENTORY, "--timeout=60s")
    stage.wait(
        "the object is gone",
        lambda: "it is still there" if stage.get(INVENTORY) else None,
    )
    ssl = stage.rds.instance(INVENTORY_INSTANCE)["ssl"]
    require(not ssl["enabled"], "The object is gone, and SSL is still on.")
    stage.in_shop("get", "rdsssl")
    stage.in_shop(
        "get",
        "events",
        "--field-selector=involvedObject.name=inventory",
        "--sort-by=.metadata.creationTimestamp",
        "-o",
        "custom-columns=REASON:.reason,MESSAGE:.message",
    )
    stage.story.confirm("SSL is off, then the finalizer went and the object with it")


STEPS = (
    Step(
        title="an object, a certificate and a client CA: SSL is turned on, once",
        act=become_ready,
        modify=1,
        restarts=1,
    ),
    Step(
        title="the same certificate, written with other white space: nothing happens",
        act=rewrite_the_same,
        modify=0,
        restarts=0,
    ),
    Step(
        title="a new certificate in the Secret: one call, verified",
        act=rotate,
        modify=1,
        restarts=1,
    ),
    Step(
        title="a key that does not fit the certificate: said, not sent",
        act=break_the_pair,
        modify=0,
        restarts=0,
    ),
    Step(
        title="the right key again: heals by itself",
        act=repair_the_pair,
        modify=0,
        restarts=0,
    ),
    Step(
        title="kill -9 right after a change was sent: one restart, not two",
        act=survive_a_kill,
        modify=1,
        restarts=1,
    ),
    Step(
        title="an instance that is as declared already: adopted without a call",
        act=adopt,
        modify=0,
        restarts=0,
    ),
    Step(
        title="deletionPolicy Disable: SSL is turned off, then the object goes",
        act=delete_with_disable,
        modify=1,
        restarts=1,
    ),
)


def _create_client_ca(play: Play) -> None:
    files = {"ca.crt": play.clients.pem, "ca.crl": play.clients.revocation_list(serials=[7])}
    arguments = []
    for name, content in files.items():
        path = play.stage.folder / name
        path.write_bytes(content)
        arguments.append(f"--from-file={name}={path}")
    shown = "kubectl -n shop create configmap client-ca --from-file=ca.crt --from-file=ca.crl"
    play.stage.in_shop("create", "configmap", "client-ca", *arguments, shown=shown)


def _leaf(root: pki.Authority, *, days: int) -> pki.Leaf:
    """Make a certificate for `ORDERS_HOST` with an intermediate and a key of its own."""
    return root.intermediate("Demo intermediate").leaf(
        ORDERS_HOST, not_after=pki.real_now() + days * pki.DAY
    )


def _with_crlf(pem: bytes) -> bytes:
    return pem.replace(b"\n", b"\r\n")


def _wire_time(leaf: pki.Leaf) -> str:
    return leaf.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def _accepted(stage: Stage) -> int:
    count: int = stage.rds.instance(ORDERS_INSTANCE)["accepted"]
    return count


def _wait_in_force(play: Play) -> None:
    def problem() -> str | None:
        now = play.stage.get(ORDERS)
        shown = now["status"].get("observed", {}).get("serverCertificate", {}).get("sha256")
        if now["status"].get("operation") or shown != play.in_force.sha256:
            return f"the status shows certificate {shown or 'none'}"
        return lacks(now, "Ready", "True", "Verified")

    play.stage.wait(f"certificate {play.in_force.sha256[:8]} is verified", problem)
    _require_in_force(play)


def _require_in_force(play: Play) -> None:
    ssl = play.stage.rds.instance(ORDERS_INSTANCE)["ssl"]
    told = {
        "enabled": True,
        "connection_string": ORDERS_HOST,
        "server_sha256": play.in_force.sha256,
        "client_ca_sha256": [play.clients.sha256],
        "acl": "verify-full",
        "replication_acl": "cert",
    }
    for name, value in told.items():
        require(ssl[name] == value, f"The instance has {name}={ssl[name]}, declared is {value}.")
    play.stage.story.confirm("Ready, and the instance has what is declared")


def _moved(before: Json, now: Json) -> str | None:
    """Say that an object was written to, None if it was not."""
    if now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]:
        return None
    return f"The object was written to although nothing had changed; its status: {now['status']}"


def _require_untouched(before: Json, after: Json) -> None:
    for name in ("generation", "annotations", "labels", "finalizers"):
        if before["metadata"].get(name) != after["metadata"].get(name):
            raise NotAsToldError(f"metadata.{name} of the object was changed.")
