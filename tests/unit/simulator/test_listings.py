"""DescribeDBInstances by tags, and DescribeHistoryTasks: what commands for people ask."""

import json
from typing import Any

import pytest

from support.simulator import InProcess

WEEK = {"FromStartTime": "2000-01-01T00:00:00Z", "ToStartTime": "2100-01-01T00:00:00Z"}


def ids(rds: InProcess, **parameters: str) -> list[str]:
    answer = rds.call("DescribeDBInstances", RegionId="cn-hangzhou", **parameters).json()
    return [each["DBInstanceId"] for each in answer["Items"]["DBInstance"]]


def tasks(rds: InProcess, **parameters: str) -> list[dict[str, Any]]:
    answer = rds.call("DescribeHistoryTasks", **{**WEEK, **parameters}).json()
    return list(answer["Items"])


def test_an_instance_with_any_of_the_tags_is_found(rds: InProcess) -> None:
    rds.put_instance("a", tags={"team": "shop", "stage": "prod"})
    rds.put_instance("b", tags={"team": "shop"})
    rds.put_instance("c", tags={"team": "bank"})

    assert ids(rds, Tags=json.dumps({"team": "shop"})) == ["a", "b"]
    assert ids(rds, Tags=json.dumps({"team": "bank", "stage": "prod"})) == ["a", "c"]
    assert ids(rds) == ["pg", "my", "a", "b", "c"]


@pytest.mark.parametrize("tags", ["team=shop", "{}", "[]", json.dumps(dict.fromkeys("abcdef"))])
def test_tags_that_are_no_short_map_are_refused(rds: InProcess, tags: str) -> None:
    answer = rds.call("DescribeDBInstances", RegionId="cn-hangzhou", Tags=tags)

    assert answer.json()["Code"] == "InvalidTags"


def test_a_description_is_shown_in_place_of_the_id(rds: InProcess) -> None:
    rds.patch_instance("pg", description="orders of the shop")

    answer = rds.call("DescribeDBInstanceAttribute", DBInstanceId="pg").json()

    attribute = answer["Items"]["DBInstanceAttribute"][0]
    assert attribute["DBInstanceDescription"] == "orders of the shop"


def test_the_history_of_tasks_has_each_change_with_its_times(rds: InProcess) -> None:
    rds.config(durations={"window": 1.0, "change": 100.0})
    assert tasks(rds, InstanceId="pg") == []

    rds.modify("pg")
    (running,) = tasks(rds, InstanceId="pg")
    rds.advance(200)
    (ended,) = tasks(rds, InstanceId="pg")

    assert (running["Status"], running["EndTime"]) == ("Running", "")
    assert ended["Status"] == "Succeed"
    assert ended["EndTime"] > ended["StartTime"]
    assert tasks(rds, InstanceId="my") == []
    assert len(tasks(rds, InstanceId="my,pg")) == len(tasks(rds)) == 1


def test_the_history_of_tasks_needs_its_times(rds: InProcess) -> None:
    answer = rds.call("DescribeHistoryTasks", InstanceId="pg")

    assert answer.json()["Code"] == "MissingFromStartTime"
