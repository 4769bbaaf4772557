"""What is written into a Lease, beside its spec."""

from typing import cast

from rds_ssl.core.lease import SERVES
from rds_ssl.kube.leases import Leases
from support.engine_world import played
from support.kube_answers import AnsweringKube, Asked, Json

SPEC = {"holderIdentity": "me"}


class Kept:
    """One Lease, kept as the API server does it; a PATCH is merged."""

    def __init__(self, serves: str) -> None:
        self.version = 1
        self.annotations = {SERVES: serves}

    def answer(self, asked: Asked) -> Json:
        self.version += 1
        metadata = cast("Json", asked.body or {}).get("metadata", {})
        self.annotations.update(metadata.get("annotations", {}))
        return {
            "metadata": {"resourceVersion": str(self.version), "annotations": self.annotations},
            "spec": SPEC,
        }


@played
async def test_a_lease_says_what_its_holder_serves_whoever_had_it_before() -> None:
    kept = Kept("all namespaces")
    leases = Leases(
        AnsweringKube(kept.answer), namespace="ops", name="lease", serves="namespaces shop"
    )
    before = await leases.read(deadline=1.0)
    assert before is not None
    assert before.serves == "all namespaces"

    written = await leases.write(SPEC, before, deadline=1.0)

    assert written.serves == "namespaces shop"


@played
async def test_a_lease_that_is_made_says_what_its_holder_serves() -> None:
    leases = Leases(
        AnsweringKube(Kept("").answer), namespace="ops", name="lease", serves="namespaces shop"
    )

    assert (await leases.write(SPEC, None, deadline=1.0)).serves == "namespaces shop"
