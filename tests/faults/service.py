"""Faults in what the service is taken to say, and in what it is left to decide."""

from faults.fault import Fault

SERVICE = (
    Fault(
        name="take the vendor's certificate for one's own that ends with it",
        where="told_by_end",
        old="is not None or observed.ca_type is CAType.ALIYUN:\n",
        new="is not None:\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="let the end of a certificate speak against the record",
        where="make_plan",
        old="    first = applied is None and is_first_contact(applied, operation)\n",
        new="    first = is_first_contact(applied, operation)\n",
        tests=("core/planning/test_planner.py",),
    ),
    Fault(
        name="refuse in RDS's place what its documents disagree on",
        where="parameters.ENGINES",
        old="frozenset({Engine.MYSQL, Engine.POSTGRESQL, Engine.SQLSERVER})",
        new="frozenset({Engine.MYSQL, Engine.SQLSERVER})",
        tests=("core/planning/test_parameters.py",),
    ),
    Fault(
        name="say Verified of forced encryption that nobody has seen",
        where="evaluation._settled",
        old="    if standing.comparison.unknown - {Field.CHAIN} or desired.pfx or hidden:\n",
        new="    if standing.comparison.unknown - {Field.CHAIN} or desired.pfx:\n",
        tests=("engine/reconcile/test_forced_on_postgresql.py",),
    ),
    Fault(
        name="take a DNS that cannot tell for one that knows no such host",
        where="is_no_such_host",
        old="isinstance(link, socket.gaierror) and link.errno in _NO_SUCH_HOST for",
        new="isinstance(link, socket.gaierror) for",
        tests=("aliyun/test_transport.py",),
    ),
    Fault(
        name="call a region unknown whose instance was reached",
        where="read_failed",
        old="isinstance(error, RegionUnknown) and gathered.status.instance is None:",
        new="isinstance(error, RegionUnknown):",
        tests=("engine/reconcile/test_api_failures_of_regions.py",),
    ),
    Fault(
        name="call a region unknown although nothing else of the vendor is found",
        where="RdsApi._read",
        old="and self._names is not None and await self._names.exist_without(host):",
        new="and self._names is not None:",
        tests=("engine/reconcile/test_api_failures_of_regions.py",),
    ),
    Fault(
        name="ask DNS for each object",
        where="Names.exist_without",
        old="            if loop.time() >= self._until:\n",
        new="            if True:\n",
        tests=("aliyun/test_names.py",),
    ),
    Fault(
        name="say a word on a revocation list beside a client CA that goes",
        where="_client_parameters",
        old="    elif observed.revocation_list and material.client_ca:\n",
        new="    elif observed.revocation_list:\n",
        tests=("engine/reconcile/test_change_removals.py",),
    ),
    Fault(
        name="wait for a list to go that outlives its client CA",
        where="Observed.lists_in_force",
        old="        return self.revocation_list if self.client_ca else ()\n",
        new="        return self.revocation_list if self.client_ca != () else ()\n",
        tests=("engine/reconcile/test_change_removals.py",),
    ),
    Fault(
        name="guess at a word on which something declared rests",
        where="_undeclared",
        old="    if not (on and declaration.force_encryption):\n",
        new="    if on:\n",
        tests=("core/rds/test_undeclared.py",),
    ),
    Fault(
        name="let a call reset in silence what was not understood",
        where="impacts_of",
        old="    if any(field in _LOOSENED_IF_LEFT_OUT for field, _ in observed.not_understood):\n",
        new="    if False:\n",
        tests=("engine/reconcile/test_observing_unknown_words.py",),
    ),
    Fault(
        name="take a change for verified whose end is told by an unknown word",
        where="_undeclared",
        old="    if not in_flight:\n",
        new="    if True:\n",
        tests=("core/rds/test_undeclared.py",),
    ),
)
