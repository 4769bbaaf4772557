"""What is in the image, and above all what is not."""

import json
import re
from pathlib import Path

import pytest

from support import sbom
from support.image import Image

COMPILERS = {"as", "c++", "cc", "clang", "cpp", "g++", "gcc", "ld", "make", "rustc", "tcc"}
INSTALLERS = {"easy_install", "pip", "pip3", "poetry", "uv", "uvx"}

LARGEST_MIB = 320
"""Of the whole image, not compressed, on the stand-in for its base."""

LIBRARIES_MIB = 160
"""Of the layer with the operator and its libraries, which no base changes."""


def files(image: Image) -> list[Path]:
    """Everything in it as paths of it, what a runtime or the builder mounts left out."""
    found = (path.relative_to(image.root) for path in image.root.rglob("*"))
    return [path for path in found if path.parts[0] not in {"dev", "proc", "sys"}]


@pytest.fixture(scope="module")
def paths(image: Image) -> list[Path]:
    return files(image)


def in_image(image: Image, code: str) -> str:
    done = image.run("python", "-c", code)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_has_no_compiler_and_no_installer(paths: list[Path]) -> None:
    names = {path.name for path in paths if path.parent.name in {"bin", "sbin"}}

    assert names & (COMPILERS | INSTALLERS) == set()
    assert {name for name in names if re.match(r"(pip|gcc|g\+\+|clang)[-\d.]", name)} == set()


def test_no_module_and_no_wheel_of_pip_is_left(image: Image, paths: list[Path]) -> None:
    assert {path for path in paths if path.suffix == ".whl"} == set()
    assert {path for path in paths if path.name in {"pip", "ensurepip", "setuptools"}} == set()
    assert image.run("python", "-m", "pip").returncode == 1
    assert image.run("python3", "-m", "ensurepip").returncode == 1


def test_it_has_no_development_packages_and_no_headers(image: Image, paths: list[Path]) -> None:
    packages = (image.root / "var/lib/dpkg/status").read_text()

    assert re.findall(r"^Package: (.*-dev)$", packages, flags=re.MULTILINE) == []
    # A wheel is left as it is: cffi brings six headers in its own.
    outside = [path for path in paths if "site-packages" not in path.parts]
    assert [path for path in outside if path.suffix in {".a", ".h"}] == []
    # What a scanner of vulnerabilities reads is still there.
    assert "Package: libssl3" in packages


def test_it_keeps_no_cache_of_a_package_manager(image: Image, paths: list[Path]) -> None:
    kept = ("var/cache/apt", "var/lib/apt/lists", "root/.cache", "root/.local", "opt/uv", "src")

    assert [place for place in kept if (image.root / place).exists()] == []
    assert [path for path in paths if path.suffix == ".deb"] == []


def test_no_file_lends_the_rights_of_another_user(image: Image) -> None:
    found = image.root.rglob("*")

    lending = [path for path in found if path.is_file() and path.lstat().st_mode & 0o6000]

    assert lending == []


def test_no_file_can_be_written_by_its_user(image: Image, paths: list[Path]) -> None:
    for path in paths:
        known = (image.root / path).lstat()
        assert known.st_uid != 65532, path
        if (image.root / path).is_file() and not (image.root / path).is_symlink():
            assert not known.st_mode & 0o002, path


def test_nothing_was_deleted_on_top_of_a_layer(image: Image, paths: list[Path]) -> None:
    """What a layer deletes is still in the one below: pulled, kept and found by who looks."""
    sizes = [(image.root / path).lstat() for path in paths]
    once = {(each.st_dev, each.st_ino): each.st_size for each in sizes}

    layered = sum(layer.mib for layer in image.layers())

    # Beside the files a layer counts the headers of its archive.
    assert layered < sum(once.values()) / 2**20 * 1.1


def test_it_is_as_large_as_the_page_says(image: Image) -> None:
    layers = image.layers()

    assert sum(layer.mib for layer in layers) < LARGEST_MIB
    (libraries,) = (layer.mib for layer in layers if layer.made_by.endswith("in /opt/venv "))
    assert libraries < LIBRARIES_MIB


def test_nothing_of_what_the_operator_imports_is_compiled_at_its_start(image: Image) -> None:
    told = in_image(
        image,
        "import json, os, sys, rds_ssl.app, rds_simulator.cli; "
        "print(json.dumps([m.__file__ for m in list(sys.modules.values()) "
        "if (getattr(m, '__cached__', None) or '').endswith('.pyc') "
        "and not os.path.exists(m.__cached__)]))",
    )

    assert json.loads(told) == []


def test_its_distributions_are_those_of_the_bill_of_materials(image: Image) -> None:
    told = in_image(
        image,
        "import json, importlib.metadata as m; "
        "print(json.dumps([[d.name.lower().replace('_', '-'), d.version] "
        "for d in m.distributions()]))",
    )
    bill = sbom.bill_of_materials()

    installed = {(name, version) for name, version in json.loads(told)}
    listed = {(each["name"], each["version"]) for each in bill["components"]}
    root = bill["metadata"]["component"]
    assert installed == listed | {(root["name"], root["version"])}


def test_both_packages_say_that_they_are_typed(image: Image) -> None:
    (packages,) = (image.root / "opt/venv/lib").glob("python3.*/site-packages")

    assert (packages / "rds_ssl/py.typed").is_file()
    assert (packages / "rds_simulator/py.typed").is_file()


def test_its_configuration_is_that_of_the_dockerfile(image: Image) -> None:
    config = image.config

    assert config["User"] == "65532:65532"
    assert (config["Entrypoint"], config["Cmd"]) == (["rds-ssl"], ["run"])
    assert config["WorkingDir"] == "/"
    assert config["Labels"]["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert not config.get("Volumes")
