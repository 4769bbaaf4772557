"""Each command of the image, as a user without a name on a root that nobody can write."""

import json
import re

import pytest

from support.image import Image

PROBE = """
import json, os, pwd
refused = {}
places = ["/", "/tmp", "/var/tmp", "/run", "/dev", "/opt/venv", "/root", "/home"]
for place in places:
    try:
        open(place + "/probe", "w").close()
    except OSError as error:
        refused[place] = error.errno
try:
    name = pwd.getpwuid(os.getuid()).pw_name
except KeyError:
    name = None
status = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
wanted = ("CapEff", "CapBnd", "NoNewPrivs")
print(json.dumps({
    "pid": os.getpid(), "ids": os.getresuid() + os.getresgid(), "groups": os.getgroups(),
    "name": name, "places": places, "refused": refused,
    "status": {key: status[key].strip() for key in wanted},
}))
"""

EROFS, EACCES = 30, 13


def test_a_program_runs_as_a_pod_of_the_manifests_runs_it(image: Image) -> None:
    done = image.run("python", "-c", PROBE)
    told = json.loads(done.stdout)

    assert told["pid"] == 1
    assert told["ids"] == [65532] * 6
    assert told["groups"] == []
    assert told["name"] is None
    assert told["status"] == {"CapEff": "0" * 16, "CapBnd": "0" * 16, "NoNewPrivs": "1"}


def test_no_path_can_be_written(image: Image) -> None:
    told = json.loads(image.run("python", "-c", PROBE).stdout)

    assert list(told["refused"]) == told["places"]
    # Where its user may not even look, the kernel says so first: /root.
    assert set(told["refused"].values()) <= {EROFS, EACCES}
    assert list(told["refused"].values()).count(EROFS) == len(told["places"]) - 1


@pytest.mark.parametrize("program", ["rds-ssl", "rds-simulator"])
def test_each_program_says_how_it_is_used(program: str, image: Image) -> None:
    done = image.run(program, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert f"Usage: {program}" in done.stdout


def test_each_command_says_how_it_is_used(image: Image) -> None:
    listed = image.run("rds-ssl", "--help").stdout.partition("Commands:\n")[2]
    commands = re.findall(r"^  ([a-z][a-z-]*)  ", listed, flags=re.MULTILINE)

    for command in commands:
        done = image.run("rds-ssl", command, "--help")
        assert (done.returncode, done.stderr) == (0, ""), command
        assert f"Usage: rds-ssl {command}" in done.stdout

    assert {"run", "settings", "plan", "approve"} <= set(commands)


def test_it_says_its_version(image: Image) -> None:
    done = image.run("rds-ssl", "--version")

    assert done.stdout == f"rds-ssl {image.config['Labels']['org.opencontainers.image.version']}\n"


def test_faulty_settings_are_told_before_anything_else_happens(image: Image) -> None:
    done = image.run("rds-ssl", "run", RDS_SSL_POLL="soon")

    assert done.returncode == 2
    assert "RDS_SSL_POLL" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_command_without_a_cluster_says_so_in_a_sentence(image: Image) -> None:
    done = image.run("rds-ssl", "plan", "orders")

    assert done.returncode != 0
    assert done.stderr.startswith("There is no kubeconfig")
    assert "Traceback" not in done.stderr
