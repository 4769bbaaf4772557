"""Who may act by the operator's own identity is what its administrator has listed, and no more."""

from pathlib import Path

import pytest

from rds_ssl.core.errors import SettingsError
from rds_ssl.grants import MAX_BYTES, Grants, read_grants

ROLE = "acs:ram::1234567890123456:role/rds-ssl-a"
FILE = f"""
grants:
- namespaces: [team-a, team-a-*]
  instances: [pgm-a*, rm-1]
  roles: [{ROLE}]
- namespaces: [platform]
  instances: ["*"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "grants.yaml"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    ("namespace", "instance", "role", "allowed"),
    [
        pytest.param("team-a", "pgm-a1", ROLE, True, id="what is listed"),
        pytest.param("team-a-test", "rm-1", ROLE, True, id="a namespace by its glob"),
        pytest.param("team-b", "pgm-a1", ROLE, False, id="another namespace"),
        pytest.param("team-a", "pgm-b1", ROLE, False, id="another instance"),
        pytest.param("team-a", "rm-11", ROLE, False, id="a longer instance id"),
        pytest.param("team-a", "pgm-a1", f"{ROLE}b", False, id="another role"),
        pytest.param("team-a", "pgm-a1", "", False, id="no role where one is listed"),
        pytest.param("platform", "pgm-a1", "", True, id="the identity as it is"),
        pytest.param("platform", "pgm-a1", ROLE, False, id="a role where none is listed"),
    ],
)
def test_a_file_grants_what_it_lists(
    file: Path, namespace: str, instance: str, role: str, *, allowed: bool
) -> None:
    assert Grants(file=file).allowed(namespace, instance, role) is allowed


def test_the_setting_grants_any_instance_and_no_role() -> None:
    grants = Grants(namespaces=("team-*",))

    assert grants.allowed("team-a", "pgm-1", "")
    assert not grants.allowed("team-a", "pgm-1", ROLE)
    assert not grants.allowed("other", "pgm-1", "")


def test_nothing_said_grants_nothing() -> None:
    assert not Grants().allowed("team-a", "pgm-1", "")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the whole file should be a mapping"),
        ("grants: {}", "grants should be a list"),
        ("grants:\n- namespaces: [a]\n", "grants[0].instances is missing"),
        ("grants:\n- namespaces: []\n  instances: ['*']\n", "grants[0].namespaces should not be"),
        (
            "grants:\n- namespaces: [a]\n  instances: [1]\n",
            "instances[0] should be a text",
        ),
        (
            "grants:\n- namespaces: [a]\n  instances: ['*']\n  role: x\n",
            "grants[0].role is not known",
        ),
        (
            "grants:\n- namespaces: [a]\n  instances: ['*']\n  roles: ['*']\n",
            "grants[0].roles[0] is no name, glob or role ARN",
        ),
        (
            "grants:\n- namespaces: [a b]\n  instances: ['*']\n",
            "grants[0].namespaces[0] is no name, glob or role ARN",
        ),
        ("grants: [", "is no YAML in line 1"),
        ("grants: !!python/object:os.system {}", "is no YAML"),
        ("[" * 5000, "is nested too deep"),
        ("#" * (MAX_BYTES + 1), "is longer than 256 KiB"),
    ],
)
def test_a_faulty_file_is_refused_at_the_start_with_its_place(
    file: Path, text: str, words: str
) -> None:
    file.write_text(text)

    with pytest.raises(SettingsError) as caught:
        Grants(file=file)

    assert words in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        read_grants(tmp_path / "none.yaml")
    (tmp_path / "odd.yaml").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(SettingsError, match="is not text"):
        read_grants(tmp_path / "odd.yaml")


def changed(file: Path, text: str) -> None:
    """Put another content in place as kubelet does, in one step."""
    other = file.with_suffix(".new")
    other.write_text(text)
    other.replace(file)


def test_a_file_that_changes_is_read_again_and_a_faulty_one_changes_nothing(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    grants = Grants(file=file, monotonic=lambda: now)
    changed(file, "grants:\n- namespaces: [team-b]\n  instances: ['*']\n")
    assert not grants.allowed("team-b", "pgm-1", "")  # Not looked at each time.

    now += 11
    assert grants.allowed("team-b", "pgm-1", "")
    assert not grants.allowed("team-a", "pgm-a1", ROLE)

    changed(file, "grants: [")
    now += 11
    assert grants.allowed("team-b", "pgm-1", "")
    now += 11
    assert grants.allowed("team-b", "pgm-1", "")
    assert caplog.text.count("What was granted before stays so") == 1

    file.unlink()
    now += 11
    assert grants.allowed("team-b", "pgm-1", "")

    changed(file, FILE)
    now += 11
    assert grants.allowed("team-a", "pgm-a1", ROLE)
