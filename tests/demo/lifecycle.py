"""The steps that bring an instance to what is declared, and keep it there."""

from demo.play import (
    INVENTORY,
    INVENTORY_INSTANCE,
    INVENTORY_SECRET,
    ORDERS,
    ORDERS_INSTANCE,
    Play,
    new_leaf,
    require_in_force,
    require_untouched,
    wait_in_force,
)
from demo.stage import Json, Stage, condition, lacks, require
from support import pki
from support.polling import patience

HELD_SECONDS = 30.0
"""For how long the cloud holds back the answer that a killed operator never gets."""


def become_ready(play: Play) -> None:
    """Step 1."""
    stage = play.stage
    stage.kubectl("create", "namespace", "shop")
    stage.apply_credentials()
    _create_client_ca(play)
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem(), new=True)
    stage.apply_sample("postgresql.yaml", lambda _: None, difference="as it is")
    stage.in_shop(
        "wait", "--for=condition=Ready", f"--timeout={patience(60):.0f}s", "rdsssl/orders"
    )
    stage.show(ORDERS)
    stage.in_shop(
        "get",
        "events",
        "--field-selector=involvedObject.name=orders",
        "--sort-by=.metadata.creationTimestamp",
        "-o",
        "custom-columns=REASON:.reason,MESSAGE:.message",
    )
    require_in_force(play)


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
    play.in_force = new_leaf(play.root, days=180)
    stage.story.note(f"a certificate for 180 days; the one in force expires {expiry}")
    stage.write_secret("orders-tls", play.in_force.chain_pem, play.in_force.key_pem())
    wait_in_force(play)
    after = stage.get(ORDERS)
    stage.show(ORDERS)
    new_expiry = _wire_time(play.in_force)
    require(
        after["status"]["observed"]["expireTime"] == new_expiry != expiry,
        f"The status shows expiry {after['status']['observed']['expireTime']}, the new"
        f" certificate's is {new_expiry}.",
    )
    require_untouched(before, after)
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
    require_untouched(before, after)
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
    play.in_force = new_leaf(play.root, days=270)
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
    wait_in_force(play)
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
    stage.in_shop("delete", "rdsssl", INVENTORY, f"--timeout={patience(60):.0f}s")
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


def _create_client_ca(play: Play) -> None:
    files = {"ca.crt": play.clients.pem, "ca.crl": play.clients.revocation_list(serials=[7])}
    arguments = []
    for name, content in files.items():
        path = play.stage.folder / name
        path.write_bytes(content)
        arguments.append(f"--from-file={name}={path}")
    shown = "kubectl -n shop create configmap client-ca --from-file=ca.crt --from-file=ca.crl"
    play.stage.in_shop("create", "configmap", "client-ca", *arguments, shown=shown)


def _with_crlf(pem: bytes) -> bytes:
    return pem.replace(b"\n", b"\r\n")


def _wire_time(leaf: pki.Leaf) -> str:
    return leaf.certificate.not_valid_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ")


def _accepted(stage: Stage) -> int:
    count: int = stage.rds.instance(ORDERS_INSTANCE)["accepted"]
    return count


def _moved(before: Json, now: Json) -> str | None:
    """Say that an object was written to, None if it was not."""
    if now["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]:
        return None
    return f"The object was written to although nothing had changed; its status: {now['status']}"
