"""An approval lets exactly one plan go, once, to its end."""

import pytest

from rds_ssl.engine.reconcile.ports import Timings
from support import pki
from support.engine_world import MODIFY, NAMESPACE, EngineWorld, Json, played

A = (NAMESPACE, "a")
ACLS = {"acl": "verify-ca", "replicationACL": "cert"}


async def custom(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to SSL with a certificate of its own."""
    world.add_instance("a")
    world.write_pair("a")
    world.declare_custom("a", **spec)
    await world.run(120)
    assert world.ready("a") == ("True", "Verified")


async def mutual(world: EngineWorld, **spec: object) -> None:
    """Bring an instance to client authentication with a revocation list."""
    lists = world.root.revocation_list()
    world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate), "ca.crl": lists})
    reference = {"configMapKeyRef": {"name": "a-ca"}}
    await custom(
        world,
        clientAuthentication={"ca": reference, "revocationList": reference, **ACLS},
        **spec,
    )
    assert world.cost("a")[0] == 1


def weaken(world: EngineWorld) -> None:
    """Declare the cloud's certificate in place of an own one."""
    world.edit("a", serverCertificate=None)


def digest(world: EngineWorld) -> str:
    """Give the digest of the plan that is shown."""
    found: str = world.status("a")["plan"]["digest"]
    return found


def approve(world: EngineWorld, plan: str | None = None) -> str:
    """Approve a plan: the one that is shown, unless told."""
    given = plan or digest(world)
    world.kube.annotate(A, approve=given)
    return given


def held(world: EngineWorld) -> str:
    """Give the message of ChangePending, which waits for approval."""
    found = world.condition("ChangePending", "a")
    assert found is not None
    assert found["reason"] == "AwaitingApproval"
    return str(found["message"])


def history(world: EngineWorld) -> list[tuple[str, str, str | None]]:
    """Give cause, result and approval of each change, oldest first."""
    entries: list[Json] = world.status("a").get("history", [])
    return [(each["cause"], each["result"], each.get("approval")) for each in entries[::-1]]


@played
async def test_a_weakening_goes_once_it_is_approved_and_is_recorded_as_such() -> None:
    async with EngineWorld() as world:
        await custom(world)
        weaken(world)
        await world.run(60)
        assert "rds-ssl.dev/approve: " in held(world)
        assert world.cost("a")[0] == 1

        given = approve(world)
        await world.run(60)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2
        last = world.status("a")["lastApproval"]
        assert last["digest"] == given
        assert last["impacts"] == ["Restart", "Weakens", "TrustChanges"]
        assert last["endTime"]
        assert history(world)[-1] == ("spec", "Verified", given)
        started = [each for each in world.kube.events if each["reason"] == "ChangeStarted"][-1]
        assert f"Plan {given}. Cause: spec. Approved as {given}." in started["message"]


@played
async def test_an_approval_that_stays_in_git_never_approves_the_same_change_again() -> None:
    async with EngineWorld() as world:
        await custom(world)
        weaken(world)
        await world.run(60)
        given = approve(world)
        await world.run(60)

        world.edit("a", serverCertificate={"secretRef": {"name": "a-tls"}})
        await world.run(60)
        assert world.ready("a") == ("True", "Verified")
        weaken(world)
        await world.run(1500)

        assert digest(world) != given
        assert f"{given}, was spent already" in held(world)
        assert world.cost("a")[0] == 3
        await world.restart()
        await world.run(1500)
        assert world.cost("a")[0] == 3


@played
async def test_an_approval_of_another_plan_is_ignored_and_said_to_be() -> None:
    async with EngineWorld() as world:
        await custom(world)
        weaken(world)
        await world.run(60)

        approve(world, "0123456789abcdef")
        await world.run(60)

        assert "0123456789abcdef, is of another plan and is ignored" in held(world)
        assert world.cost("a")[0] == 1
        assert "lastApproval" not in world.status("a")


@played
async def test_an_approval_given_before_the_plan_changed_counts_for_the_old_plan_only() -> None:
    async with EngineWorld() as world:
        await custom(world)
        weaken(world)
        await world.run(60)
        given = digest(world)

        # Between the look of whoever approves and his word: SSL is to be off altogether.
        world.edit("a", enabled=False)
        approve(world, given)
        await world.run(600)

        assert "is of another plan and is ignored" in held(world)
        assert world.cost("a")[0] == 1
        world.edit("a", enabled=True)
        await world.run(120)
        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2


@played
async def test_another_objects_approval_does_not_fit() -> None:
    async with EngineWorld() as world:
        await custom(world)
        world.add_instance("b")
        world.write_pair("b")
        world.declare_custom("b")
        await world.run(120)
        weaken(world)
        world.edit("b", serverCertificate=None)
        await world.run(60)

        approve(world, world.status("b")["plan"]["digest"])
        await world.run(300)

        assert world.cost("a")[0] == 1


@played
async def test_one_approval_covers_both_steps_of_a_removal() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication=None)
        await world.run(60)
        assert "Weakens, DropsTrust" in held(world)

        given = approve(world)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 3
        assert history(world)[1:] == [("spec", "Verified", given)] * 2


@played
async def test_between_two_steps_an_approval_covers_no_other_change() -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.rds.config(durations={"change": 30.0})
        world.edit("a", clientAuthentication=None)
        await world.run(60)
        approve(world)
        while world.cost("a")[0] < 2:
            await world.run(0.2)

        world.edit("a", serverCertificate=None)
        await world.run(1500)

        assert "was spent already" in held(world)
        assert world.cost("a")[0] == 2
        assert world.truth("a")["ssl"]["client_ca_sha256"]
        assert world.status("a")["lastApproval"]["endTime"]


@played
@pytest.mark.parametrize(
    ("fault", "accepted"),
    [
        pytest.param({"kind": "async-failed"}, 3, id="fails"),
        pytest.param({"kind": "reset-before"}, 2, id="its answer is lost, without effect"),
        pytest.param({"kind": "reset-after"}, 2, id="its answer is lost, with effect"),
        pytest.param({"code": "Throttling.User", "status": 400}, 2, id="throttled"),
        pytest.param({"code": "OperationDenied.DBInstanceStatus", "status": 400}, 2, id="busy"),
    ],
)
async def test_what_was_spent_covers_further_attempts_of_that_change_and_nothing_after_it(
    fault: dict[str, object], accepted: int
) -> None:
    async with EngineWorld() as world:
        await custom(world)
        weaken(world)
        await world.run(60)
        given = digest(world)
        world.rds.fault(fault, action=MODIFY)

        approve(world)
        await world.run(1800)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == accepted
        assert {approval for _, _, approval in history(world)[1:]} == {given}
        assert world.status("a")["lastApproval"]["endTime"]
        world.meddle("a", enabled=False)
        world.edit("a", driftPolicy="Report")
        await world.run(3 * 3600)
        assert world.cost("a")[0] == accepted


@played
async def test_a_refusal_spends_an_approval_and_the_corrected_change_needs_its_own() -> None:
    async with EngineWorld() as world:
        await custom(world)
        world.edit("a", approvalRequired=["TrustChanges"])
        other = pki.make_root("Other root").intermediate("Other issuer").leaf(world.host("a"))
        world.write_pair("a", other)
        await world.run(60)
        world.rds.fault({"code": "InvalidServerCertOrPrivateKey", "status": 400}, action=MODIFY)
        given = approve(world)
        await world.run(60)
        assert world.ready("a") == ("False", "ServerCertificateRejected")

        third = pki.make_root("Third root").intermediate("Third issuer").leaf(world.host("a"))
        world.write_pair("a", third)
        await world.run(600)

        assert f"{given}, was spent already" in held(world)
        assert world.cost("a")[0] == 1


@played
@pytest.mark.parametrize("number", range(1, 24))
async def test_whenever_a_process_dies_an_approval_lets_its_change_go_and_nothing_more(
    number: int,
) -> None:
    async with EngineWorld() as world:
        await mutual(world)
        world.edit("a", clientAuthentication=None)
        await world.run(60)
        given = approve(world)

        world.line.cut_after = len(world.line.calls) + number
        waited = 0.0
        while not world.line.is_cut.is_set():
            await world.run(1)
            waited += 1
            assert waited < 300
        world.line.cut_after = None
        await world.restart()
        await world.run(900)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 3
        assert world.status("a")["lastApproval"]["digest"] == given
        assert world.status("a")["lastApproval"]["endTime"]
        reference = {"configMapKeyRef": {"name": "a-ca"}}
        world.edit("a", clientAuthentication={"ca": reference, "revocationList": reference, **ACLS})
        await world.run(120)
        world.edit("a", clientAuthentication=None)
        await world.run(600)
        assert "was spent already" in held(world)
        assert world.cost("a")[0] == 4


@played
async def test_what_did_not_converge_is_sent_once_more_with_the_approval_that_it_tells() -> None:
    async with EngineWorld() as world:
        await custom(world)
        world.write("ConfigMap", "a-ca", {"ca.crt": pki.pem(world.root.certificate)})
        world.rds.fault({"kind": "async-half", "claim": "success"}, action=MODIFY)
        ca = {"configMapKeyRef": {"name": "a-ca"}}
        world.edit("a", clientAuthentication={"ca": ca, "acl": "verify-ca"})
        await world.run(300)
        stalled = world.condition("Stalled", "a")
        assert stalled is not None
        assert stalled["reason"] == "NotConverging"
        assert f"rds-ssl.dev/approve: {digest(world)}" in stalled["message"]
        world.ask("a", "now")
        await world.run(300)
        assert len(world.modifies("a")) == 2

        given = approve(world)
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert len(world.modifies("a")) == 3
        assert history(world)[-1] == ("spec", "Verified", given)


@played
async def test_an_approval_is_spent_in_the_record_and_not_before() -> None:
    async with EngineWorld(timings=Timings(quiet_period=30.0, max_changes_per_day=0)) as world:
        await custom(world)
        weaken(world)
        await world.run(60)

        approve(world)
        await world.run(20)
        assert "lastApproval" not in world.status("a")
        assert world.conditions("a")["ChangePending"] == ("True", "QuietPeriod")
        await world.run(15)

        sending = [each for each in world.line.calls if each.phase == "Sending"][-1]
        assert sending.content["lastApproval"]["digest"] == sending.content["operation"]["approval"]


@played
async def test_material_that_breaks_after_an_approved_change_does_not_keep_the_approval_open() -> (
    None
):
    async with EngineWorld() as world:
        await custom(world)
        world.rds.config(durations={"change": 30.0})
        world.edit("a", approvalRequired=["Restart"])
        world.write_pair("a")
        await world.run(60)
        approve(world)
        while world.cost("a")[0] < 2:
            await world.run(0.2)
        good = world.kube.data["Secret", (NAMESPACE, "a-tls")].data
        world.write("Secret", "a-tls", {"tls.crt": b"", "tls.key": b""})
        await world.run(120)
        assert world.status("a")["history"][0]["result"] == "Verified"

        world.meddle("a", enabled=False)
        world.write("Secret", "a-tls", good)
        await world.run(2 * 3600)

        assert "changed elsewhere" in held(world)
        assert world.cost("a")[0] == 2


@played
async def test_a_plan_whose_approval_was_spent_without_effect_can_be_approved_anew() -> None:
    async with EngineWorld() as world:
        await custom(world)
        weaken(world)
        await world.run(60)
        world.rds.fault({"code": "Throttling.User", "status": 400}, action=MODIFY, times=1)
        first = approve(world)
        while "lastApproval" not in world.status("a"):
            await world.run(0.02)
        await world.run(0.1)
        own = {"secretRef": {"name": "a-tls"}}
        world.edit("a", serverCertificate=own)
        await world.run(60)
        assert world.cost("a")[0] == 1

        weaken(world)
        await world.run(300)
        assert "was spent already" in held(world)
        assert world.cost("a")[0] == 1
        assert approve(world) != first
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")
        assert world.cost("a")[0] == 2
