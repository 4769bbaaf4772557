"""A region that does not exist, and a DNS that does not answer."""

from support.engine_world import NAMESPACE, EngineWorld, played

TYPO = "cn-hangzou"
HOST = f"rds.{TYPO}.aliyuncs.com"
LIVING = "rds.eu-central-1.aliyuncs.com"


def stalled_message(world: EngineWorld, name: str = "a") -> str:
    """Give the message of Stalled; empty if it is not."""
    condition = world.condition("Stalled", name)
    return condition["message"] if condition else ""


@played
async def test_a_misspelt_region_is_named_with_the_host_that_was_tried_and_the_way_out() -> None:
    async with EngineWorld(api_url="") as world:
        world.missing_hosts.add(HOST)
        world.declare("a", regionID=TYPO)
        await world.run(20)

        assert world.ready("a") == ("False", "RegionUnknown")
        message = stalled_message(world)
        assert HOST in message
        assert TYPO in message
        assert "create the object anew" in message
        calls = len(world.line.calls)

        await world.run(3600)

        assert stalled_message(world) == message
        # A look every ten minutes, of two reads at most and what the API server is asked.
        assert len(world.line.calls) - calls < 40
        assert len(world.asked_names) < 15


@played
async def test_a_hundred_misspelt_regions_ask_dns_once_and_wait_for_nobody() -> None:
    async with EngineWorld(api_url="") as world:
        world.missing_hosts.add(HOST)
        names = [f"a{number}" for number in range(100)]
        for name in names:
            world.declare(name, regionID=TYPO, instanceID=f"pgm-{name}")
        await world.run(30)

        assert {world.ready(name) for name in names} == {("False", "RegionUnknown")}
        assert len(world.asked_names) == 1


@played
async def test_an_outage_of_dns_is_no_misspelt_region() -> None:
    async with EngineWorld(api_url="") as world:
        world.add_instance("a", region="eu-central-1")
        world.dns_down = True
        world.declare("a", regionID="eu-central-1")
        await world.run(300)

        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        assert stalled_message(world) == ""
        world.dns_down = False
        await world.run(300)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_dns_that_knows_no_host_of_the_vendor_is_an_outage() -> None:
    """As in a network without a way out: its DNS answers, and knows its own names only."""
    async with EngineWorld(api_url="") as world:
        world.missing_hosts |= {HOST, "rds.aliyuncs.com", "sts.aliyuncs.com"}
        world.missing_hosts.add("rds-vpc.cn-hangzhou.aliyuncs.com")
        world.declare("a", regionID=TYPO)
        await world.run(300)

        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        assert stalled_message(world) == ""


@played
async def test_a_region_that_was_reached_once_is_not_called_unknown() -> None:
    async with EngineWorld(api_url="") as world:
        world.add_instance("a", region="eu-central-1")
        world.declare("a", regionID="eu-central-1")
        await world.run(300)
        assert world.ready("a") == ("True", "Verified")

        world.missing_hosts.add(LIVING)
        await world.restart()
        world.edit("a", enabled=False)
        await world.run(300)

        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        world.missing_hosts.clear()
        await world.run(300)
        assert world.cost("a")[0] == 1  # Weakens: it waits for an approval, and goes on.


@played
async def test_a_host_that_comes_to_be_is_found_by_itself() -> None:
    async with EngineWorld(api_url="") as world:
        world.add_instance("a", region="eu-central-1")
        world.missing_hosts.add(LIVING)
        world.declare("a", regionID="eu-central-1")
        await world.run(60)
        assert world.ready("a") == ("False", "RegionUnknown")

        world.missing_hosts.clear()
        await world.run(1000)

        assert world.ready("a") == ("True", "Verified")


@played
async def test_a_host_that_the_operator_was_told_is_no_matter_of_the_region() -> None:
    async with EngineWorld(api_url="https://rds.corp") as world:
        world.missing_hosts.add("rds.corp")
        world.declare("a", regionID=TYPO)
        await world.run(300)

        assert world.conditions("a")["Reconciling"] == ("True", "ApiUnavailable")
        assert world.asked_names == []


@played
async def test_an_object_of_an_unknown_region_can_be_deleted() -> None:
    async with EngineWorld(api_url="") as world:
        world.missing_hosts.add(HOST)
        world.declare("a", regionID=TYPO, deletionPolicy="Disable")
        await world.run(60)
        assert world.ready("a") == ("False", "RegionUnknown")

        world.kube.delete((NAMESPACE, "a"))
        await world.run(60)

        assert (NAMESPACE, "a") not in world.kube.objects
