"""What a call brings: of the material declared what its step takes, else what is in force."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from rds_ssl.core.api.status import OperationStatus
from rds_ssl.core.model import Engine, Observed
from rds_ssl.core.planning.desired import Desired
from rds_ssl.core.planning.parameters import Material, parameters
from rds_ssl.core.secret_text import SecretText
from rds_ssl.core.x509 import pem
from rds_ssl.engine.reconcile.stages import Order
from rds_ssl.offloading import offloaded


async def wire(
    order: Order, material: Material, operation: OperationStatus
) -> Mapping[str, str | SecretText]:
    """Return what is sent, by the names of the API's parameters."""
    seen, step = order.planned.seen, order.planned.step
    observed = seen.observed
    material = _of_step(material, step)
    if _lacks_trust(material, step):
        material = await offloaded(
            partial(_with_trust_in_force, material, step, observed),
            size=len(observed.client_ca_pem) + len(observed.revocation_list_pem),
        )
    renews = step.renews is not None and seen.engine == Engine.SQLSERVER
    return parameters(
        step,
        observed,
        material,
        engine=seen.engine or "",
        comparison=order.planned.comparison,
        update=renews and operation.attempt == 1,
    )


def _of_step(material: Material, step: Desired) -> Material:
    """Return what a step sends of the material declared: what an edit brings may have to wait."""
    cas, lists = material.client_ca, material.revocation_list
    return replace(
        material,
        server=material.server if step.server_certificate else None,
        client_ca=cas if cas and set(cas.certificates) == set(step.client_ca) else None,
        revocation_list=lists if lists and set(lists.lists) == set(step.revocation_list) else None,
        pfx=material.pfx if step.pfx else None,
    )


def _lacks_trust(material: Material, step: Desired) -> bool:
    """True if a step keeps a client CA, or a list, that is not declared any more."""
    return bool(step.client_ca and material.client_ca is None) or bool(
        step.revocation_list and material.revocation_list is None
    )


def _with_trust_in_force(material: Material, step: Desired, observed: Observed) -> Material:
    """Return it with the client CA and list in force where the step keeps them."""
    client_ca, lists = material.client_ca, material.revocation_list
    if step.client_ca and client_ca is None:
        client_ca = pem.client_ca_in_force(observed.client_ca_pem, field="ClientCACert")
    if step.revocation_list and lists is None:
        text = observed.revocation_list_pem
        lists = pem.revocation_list_in_force(text, field="ClientCertRevocationList")
    return replace(material, client_ca=client_ca, revocation_list=lists)
