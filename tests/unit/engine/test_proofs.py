"""What the status of another namespace's object counts for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from rds_ssl.engine.objects import Key, Objects, Resource
from rds_ssl.engine.proofs import PATIENCE, PATIENCE_IN_CONFLICT, Proofs, Standing
from support.engine_world import EngineWorld, played

STARTED = datetime(2026, 7, 1, tzinfo=UTC)

MINE: Key = ("shop", "a")
THEIRS: Key = ("elsewhere", "b")


def resource(key: Key, *, uid: str = "", created: datetime | None = None) -> Resource:
    spec: Mapping[str, object] = {"instanceID": "pgm-a", "regionID": "cn-hangzhou"}
    return Resource.of(
        {
            "metadata": {
                "namespace": key[0],
                "name": key[1],
                "uid": uid or "/".join(key),
                "resourceVersion": "1",
                "generation": 1,
                "creationTimestamp": (created or STARTED - timedelta(days=1)).isoformat(),
            },
            "spec": spec,
        }
    )


class Known:
    """Proofs of a process, and the looks that it was asked for."""

    def __init__(self, *resources: Resource) -> None:
        self.looks: list[Key] = []
        self.settled = 0
        objects = Objects()
        for each in resources:
            objects.put(each)
        self.proofs = Proofs(objects, started=STARTED, look=self.looks.append, settled=self._settle)

    def _settle(self) -> None:
        self.settled += 1

    def standing(self, other: Resource, *, in_conflict: bool = False) -> Standing:
        return self.proofs.standing(other, mine=resource(MINE), in_conflict=in_conflict)


@played
async def test_within_a_namespace_a_status_counts() -> None:
    known = Known()

    assert known.standing(resource(("shop", "b"))) is Standing.COUNTS
    assert known.looks == []


@played
async def test_what_is_not_known_yet_is_looked_at_and_waited_for_and_then_counts_for_nothing() -> (
    None
):
    known, other = Known(), resource(THEIRS)

    assert known.standing(other) is Standing.OPEN
    assert known.standing(other) is Standing.OPEN
    assert known.looks == [THEIRS]
    assert known.proofs.is_awaited(THEIRS)

    await EngineWorld.run(PATIENCE + 1)
    assert known.standing(other) is Standing.NOTHING
    assert known.settled == 1


@played
async def test_one_that_waits_has_one_patience_for_all() -> None:
    known = Known()
    assert known.standing(resource(THEIRS)) is Standing.OPEN
    await EngineWorld.run(PATIENCE + 1)

    assert known.standing(resource(("a third", "c"))) is Standing.NOTHING


@played
async def test_an_object_that_came_after_the_process_has_nothing_to_tell() -> None:
    known, late = Known(), resource(THEIRS, created=STARTED + timedelta(seconds=1))

    assert known.standing(late) is Standing.NOTHING
    assert known.standing(late, in_conflict=True) is Standing.NOTHING

    known.proofs.reached(late, "LTAI5t")
    assert known.standing(late) is Standing.COUNTS


@played
async def test_whoever_has_reached_the_instance_counts_whatever_becomes_of_the_credentials() -> (
    None
):
    known, other = Known(), resource(THEIRS)
    known.proofs.reached(other, "LTAI5t")

    known.proofs.refused(other)

    assert known.standing(other) is Standing.COUNTS
    assert known.standing(resource(THEIRS, uid="another of that name")) is not Standing.COUNTS


@played
async def test_one_that_does_not_reach_it_counts_only_to_whom_it_was_in_conflict_with() -> None:
    known, other = Known(), resource(THEIRS)
    known.proofs.refused(other)

    assert known.standing(other) is Standing.NOTHING
    assert known.standing(other, in_conflict=True) is Standing.OPEN
    await EngineWorld.run(PATIENCE_IN_CONFLICT + 1)
    assert known.standing(other, in_conflict=True) is Standing.NOTHING


@played
async def test_a_slot_without_an_account_counts_for_its_namespace_and_else_until_it_is_known() -> (
    None
):
    known = Known(resource(THEIRS))
    neighbour = ("elsewhere", "c")

    assert known.proofs.may_hold(THEIRS, neighbour)
    assert known.proofs.may_hold(THEIRS, MINE)
    known.proofs.refused(resource(THEIRS))
    assert known.settled == 1
    assert not known.proofs.may_hold(THEIRS, MINE)
    assert known.proofs.may_hold(THEIRS, neighbour)


@played
async def test_what_becomes_of_material_tells_something_within_a_namespace_and_an_account() -> None:
    known = Known()
    known.proofs.reached(resource(THEIRS), "LTAI5t")

    assert known.proofs.same_account(THEIRS, MINE, "LTAI5t")
    assert not known.proofs.same_account(THEIRS, MINE, "another")
    assert known.proofs.same_account(("shop", "b"), MINE, "another")
    assert not known.proofs.same_account(("nowhere", "b"), MINE, "LTAI5t")


@played
async def test_of_what_another_process_serves_a_proof_is_asked_for_however_new_it_is() -> None:
    late = resource(THEIRS, created=STARTED + timedelta(days=1))
    asked: list[Resource] = []
    proofs = Proofs(
        Objects(),
        started=STARTED,
        look=lambda _key: None,
        settled=lambda: None,
        prove=asked.append,
    )

    assert proofs.standing(late, mine=resource(MINE)) is Standing.OPEN
    await EngineWorld.run(PATIENCE + 1)
    assert proofs.standing(late, mine=resource(MINE)) is Standing.NOTHING
    assert [each.key for each in asked] == [THEIRS] * 2

    proofs.reached(late, "LTAI5t")
    assert proofs.standing(late, mine=resource(MINE)) is Standing.COUNTS


@played
async def test_what_is_served_elsewhere_comes_and_goes_so_that_there_is_patience_for_it_anew() -> (
    None
):
    proofs = Proofs(
        Objects(),
        started=STARTED,
        look=lambda _key: None,
        settled=lambda: None,
        prove=lambda _other: None,
    )
    mine, other = resource(MINE), resource(THEIRS)
    assert proofs.standing(other, mine=mine) is Standing.OPEN
    await EngineWorld.run(PATIENCE + 1)
    assert proofs.standing(other, mine=mine) is Standing.NOTHING

    await EngineWorld.run(3600)

    assert proofs.standing(other, mine=mine) is Standing.OPEN
