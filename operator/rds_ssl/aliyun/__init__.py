"""The cloud: signed calls to the RDS API."""

import sys

# httpx brings its own command line where rich is installed, and with it 80 modules, 60 ms of CPU
# and 4 MiB. Documented: the import of a module that is None fails, and httpx goes on without.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]
