"""`rds-ssl import` of a state of Terraform, from the file to what is said."""

import json
from datetime import UTC, datetime
from pathlib import Path

import yaml

from rds_ssl.commands.adoption import Place
from rds_ssl.commands.importing import Imported, Wanted, import_instances

MYSQL = {
    "id": "rm-1",
    "engine": "MySQL",
    "engine_version": "8.0",
    "zone_id": "cn-hangzhou-h",
    "ssl_action": "Open",
    "ssl_connection_string": "rm-1.mysql.rds.aliyuncs.com",
}


def imported(folder: Path, **resources: dict[str, str]) -> Imported:
    """Import a state with resources by their names, which have these attributes beside `MYSQL`."""
    state = folder / "terraform.tfstate"
    written = [
        {
            "mode": "managed",
            "type": "alicloud_db_instance",
            "name": name,
            "instances": [{"attributes": {**MYSQL, **attributes}}],
        }
        for name, attributes in resources.items()
    ]
    state.write_text(json.dumps({"version": 4, "resources": written}))
    wanted = Wanted(region_id="cn-hangzhou", state=str(state))
    return import_instances(wanted, Place(), lambda: datetime.now(UTC))


def test_one_instance_by_two_addresses_is_one_object_and_both_are_to_leave(tmp_path: Path) -> None:
    result = imported(tmp_path, orders={}, same={}, other={"id": "rm-2"})

    specs = [yaml.safe_load(text)["spec"]["instanceID"] for _, text in result.documents]
    assert specs == ["rm-1", "rm-2"]
    assert [name for name, _ in result.documents] == ["orders", "other"]
    assert result.complete
    for name in ("orders", "same", "other"):
        assert f"  alicloud_db_instance.{name}" in result.notes


def test_one_instance_of_which_two_addresses_say_different_things_is_left_out(
    tmp_path: Path,
) -> None:
    result = imported(
        tmp_path,
        orders={},
        closed={"ssl_action": "Close"},
        other={"id": "rm-2"},
        stale={"id": "rm-2", "ssl_action": "Update"},
    )

    assert result.documents == []
    assert not result.complete
    for name in ("rm-1", "rm-2"):
        (note,) = [each for each in result.notes if each.startswith(f"{name} is left out")]
        assert "import it from RDS, by its id" in note
    assert "alicloud_db_instance" not in "".join(result.notes)
