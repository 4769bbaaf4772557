"""Faults of who may act by the operator's own identity."""

from faults.fault import Fault

_TESTS = ("test_grants.py",)

GRANTS = (
    Fault(
        name="let a namespace act on instances that are not granted to it",
        where="Grant.allows",
        old="((namespace, self.namespaces), (instance_id, self.instances))",
        new="((namespace, self.namespaces),)",
        tests=_TESTS,
    ),
    Fault(
        name="let a namespace that has a role act by the identity as it is",
        where="Grant.allows",
        old="role_arn in self.roles if self.roles is not None else not role_arn\n",
        new="not role_arn or role_arn in (self.roles or ())\n",
        tests=_TESTS,
    ),
    Fault(
        name="take all grants away when their file is faulty",
        where="Grants._refresh",
        old='            _log.error("What was granted before stays so: %s", error)\n',
        new='            _log.error("What was granted before stays so: %s", error)\n'
        "            self._grants = ()\n",
        tests=_TESTS,
    ),
    Fault(
        name="read the grants once",
        where="Grants._refresh",
        old="        if version == self._version:\n",
        new="        if version:\n",
        tests=_TESTS,
    ),
    Fault(
        name="leave out of the external id whose role it is",
        where="Clouds._of_the_operator",
        old='            external_id=f"{self._external_id_prefix}:{namespace}",\n',
        new='            external_id=f"{self._external_id_prefix}",\n',
        tests=("engine/gather/test_clouds.py",),
    ),
)
