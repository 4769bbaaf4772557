"""What of the official client is imported, and what others find of it."""

import subprocess
import sys

import pytest


def in_a_new_process(code: str) -> str:
    """Run *code*, for which nothing is imported yet; give what it prints."""
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.strip()


LEFT = """
import sys
print(sorted(each for each in sys.modules if each.partition(".")[0] in {
    "kubernetes", "requests", "urllib3", "oauthlib", "websocket"}))
"""


@pytest.mark.parametrize("module", ["rds_ssl.kube.client", "rds_ssl.app"])
def test_the_client_itself_is_not_imported(module: str) -> None:
    assert in_a_new_process(f"import {module}{LEFT}") == "[]"


def test_a_command_does_not_import_what_the_operator_works_with() -> None:
    code = """
from rds_ssl.commands import actions, plans
import sys
print({"kopf", "httpx", "cryptography", "prometheus_client"} & set(sys.modules) or "nothing")
"""
    assert in_a_new_process(code) == "nothing"


def test_whoever_imports_the_client_later_gets_all_of_it() -> None:
    code = """
from rds_ssl.engine.events import handlers
from rds_ssl.kube import imports
import kubernetes.aio
from kubernetes.aio import client, config
assert client.CoreV1Api and config.kube_config.ApiClient is client.ApiClient
assert kubernetes.client.V1ObjectMeta and kubernetes.config.load_kube_config
assert config.ConfigException is not imports.config.ConfigException  # Ours is another copy.
"""
    in_a_new_process(code)


def test_a_client_that_is_there_already_is_used() -> None:
    code = """
import kubernetes.aio
from rds_ssl.engine.events import handlers
from rds_ssl.kube import imports
import sys
assert imports.config is kubernetes.aio.config is sys.modules["kubernetes.aio.config"]
assert imports.Configuration is kubernetes.aio.client.Configuration
assert kubernetes.client.V1ObjectMeta
"""
    in_a_new_process(code)


def test_without_the_client_the_import_says_so_and_leaves_nothing_behind() -> None:
    code = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "kubernetes.aio" else find(name)
try:
    from rds_ssl.kube import imports
except ModuleNotFoundError as error:
    assert error.name == "kubernetes.aio"
else:
    sys.exit("no error")
assert "kubernetes" not in sys.modules
"""
    in_a_new_process(code)


def test_the_client_is_hidden_only_while_it_is_told_so() -> None:
    code = """
from rds_ssl.kube.imports import client_hidden
try:
    with client_hidden():
        import kubernetes
except ModuleNotFoundError:
    print("hidden")
import kubernetes
"""
    assert in_a_new_process(code) == "hidden"
