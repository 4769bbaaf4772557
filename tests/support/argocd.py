"""
Argo CD: the ConfigMap of deploy/argocd from its scripts, and a sandbox in which these run.

    PYTHONPATH=tests python -m support.argocd

writes deploy/argocd/argocd-cm.yaml anew. The sandbox is what Argo CD gives to a script of
argocd-cm: the functions of Lua's base library and ``table``, one second, and the global ``obj``.
There is no ``string``, no method of a string, no ``math`` and no ``os``::

    health = sandbox.run(HEALTH.read_text(), manifest)
"""

import argparse
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

# Of its engines the one that knows ``goto``, as Argo CD's does.
from lupa import luajit21  # type: ignore[import-untyped]  # It has no stubs.

from rds_ssl.core.model import API_GROUP, KIND

Json = dict[str, Any]

HOME = Path(__file__).parents[2] / "deploy" / "argocd"
HEALTH = HOME / "health.lua"
DISCOVERY = HOME / "actions" / "discovery.lua"
CONFIG_MAP = HOME / "argocd-cm.yaml"

ACTIONS = ("approve", "suspend", "resume", "reconcile")
"""In the order in which they are listed."""

_HEAD = f"""\
# Generated from health.lua and actions/*.lua: PYTHONPATH=tests python -m support.argocd
# A patch: the other keys of argocd-cm stay as they are.
apiVersion: v1
kind: ConfigMap
metadata:
  name: argocd-cm
  namespace: argocd
  labels:
    app.kubernetes.io/name: argocd-cm
    app.kubernetes.io/part-of: argocd
data:
  resource.customizations.health.{API_GROUP}_{KIND}: |
"""

_LIMIT = 1_000_000
"""Instructions of a script: far more than ours take, far less than a second."""

_ENVIRONMENT = """
debug.getmetatable("").__index = nil
jit.off()
local base = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget",
  "rawset", "select", "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
}
return function(source, object)
  local environment = { table = table, obj = object }
  for _, name in ipairs(base) do
    environment[name] = _G[name]
  end
  environment._G = environment
  local chunk = assert(loadstring(source))
  setfenv(chunk, environment)
  debug.sethook(function() error("context deadline exceeded") end, "", %d)
  local done, result = pcall(chunk)
  debug.sethook()
  if not done then error(result, 0) end
  return result
end
"""


class Sandbox:
    """Runs scripts, each as if it were the first."""

    def __init__(self) -> None:
        self._lua = luajit21.LuaRuntime(register_eval=False, register_builtins=False)
        self._run = self._lua.execute(_ENVIRONMENT % _LIMIT)

    def run(self, script: str, manifest: Mapping[str, Any]) -> Any:  # noqa: ANN401 - what it gives.
        """
        Give what a script returns for an object, as JSON.

        Raises:
            luajit21.LuaError: The script fails.
        """
        return _json(self._run(script, self._table(manifest)), like=manifest)

    def _table(self, value: object) -> object:
        if isinstance(value, Mapping):
            return self._lua.table_from({key: self._table(each) for key, each in value.items()})
        if isinstance(value, list | tuple):
            return self._lua.table_from([self._table(each) for each in value])
        return value


def _json(value: Any, *, like: Any) -> Any:  # noqa: ANN401 - JSON.
    """Read a table; an empty one is a list where *like* has one, as Argo CD restores it."""
    if luajit21.lua_type(value) != "table":
        return value
    keys = list(value.keys())
    if not keys:
        return [] if isinstance(like, list) else {}
    if keys == list(range(1, len(keys) + 1)):
        known = like if isinstance(like, list) else []
        known = [*known, *([None] * len(keys))]
        return [_json(value[key], like=known[key - 1]) for key in keys]
    known_fields = like if isinstance(like, Mapping) else {}
    return {key: _json(value[key], like=known_fields.get(key)) for key in keys}


def config_map() -> str:
    """Give the text of the ConfigMap."""
    parts = [_HEAD, _indented(HEALTH, 4)]
    parts.append(f"  resource.customizations.actions.{API_GROUP}_{KIND}: |\n")
    parts += ["    discovery.lua: |\n", _indented(DISCOVERY, 6), "    definitions:\n"]
    for name in ACTIONS:
        parts.append(f"      - name: {name}\n        action.lua: |\n")
        parts.append(_indented(DISCOVERY.with_name(f"{name}.lua"), 10))
    return "".join(parts)


def _indented(script: Path, columns: int) -> str:
    return textwrap.indent(script.read_text(), " " * columns)


def main() -> int:
    """Command line."""
    argparse.ArgumentParser(prog="python -m support.argocd").parse_args()
    CONFIG_MAP.write_text(config_map())
    return 0


if __name__ == "__main__":
    sys.exit(main())
