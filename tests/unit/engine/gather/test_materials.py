"""What is kept of material from pass to pass."""

import gc
from collections.abc import Mapping

import pytest

from rds_ssl.aliyun.credentials import Credentials
from rds_ssl.core.api.spec import parse_spec
from rds_ssl.core.errors import MaterialError
from rds_ssl.core.model import Reason
from rds_ssl.core.x509.facts import ClientCAMaterial
from support import pki
from support.engine_world import CREDENTIALS, NAMESPACE, EngineWorld, played


async def two_ready(world: EngineWorld) -> None:
    """Bring the objects ``a``, of other credentials, and ``b`` to Ready."""
    world.write_credentials("own")
    for name in "ab":
        world.add_instance(name)
    world.declare("a", credentialsSecretRef={"name": "own"})
    world.declare("b")
    await world.run(300)
    assert world.ready("a") == world.ready("b") == ("True", "Verified")


def alive(kind: type) -> int:
    """How many objects of a class there are; other tests of this process may keep some."""
    gc.collect()
    return sum(isinstance(each, kind) for each in gc.get_objects())


def kept_credentials() -> int:
    return alive(Credentials)


BUNDLE = {"configMapKeyRef": {"name": "bundle", "key": "ca.crt"}}
LISTS = {"configMapKeyRef": {"name": "lists", "key": "ca.crl"}}

TRUST = {"ca": BUNDLE, "revocationList": LISTS}

SPEC = {
    "instanceID": "pgm-a",
    "regionID": "cn-hangzhou",
    "credentialsSecretRef": {"name": CREDENTIALS},
}

DECLARED = parse_spec({**SPEC, "clientAuthentication": TRUST})

KEPT_MIB = 24

Signed = Mapping[str, frozenset[str]]


class Trust:
    """A client CA bundle and its lists in a world, and who has signed which, as is gathered."""

    def __init__(self, world: EngineWorld) -> None:
        self.world = world
        self.root = pki.make_root()
        self.write_bundle(self.root)
        self.write_lists(number=1)

    def write_bundle(self, *cas: pki.Authority) -> None:
        self.world.write("ConfigMap", "bundle", {"ca.crt": b"".join(ca.pem for ca in cas)})

    def write_lists(self, *, number: int) -> None:
        text = self.root.revocation_list(number=number)
        self.world.write("ConfigMap", "lists", {"ca.crl": text})

    async def signed(self, *, fresh: bool = False) -> Signed:
        await self.world.run(1)  # Until the watch has shown what was written.
        assert self.world.engine is not None
        gathered = await self.world.engine.materials.gather(DECLARED, NAMESPACE, fresh=fresh)
        assert gathered.signed is not None
        assert set(gathered.signed) == {
            each.certificate.sha256 for each in gathered.facts.client_ca
        }
        return gathered.signed


@played
async def test_who_has_signed_which_list_is_found_out_once_for_both_versions() -> None:
    async with EngineWorld() as world:
        trust = Trust(world)

        first = await trust.signed()

        assert await trust.signed() is first
        assert await trust.signed(fresh=True) is first


@played
async def test_who_has_signed_which_list_is_found_out_anew_when_either_changes() -> None:
    async with EngineWorld() as world:
        trust = Trust(world)
        world.add_instance("a")
        world.declare("a", clientAuthentication=TRUST)  # What is used is not forgotten.
        first = await trust.signed()

        trust.write_lists(number=2)
        second = await trust.signed()

        assert second != first
        assert second[trust.root.sha256]

        other = pki.make_root()
        trust.write_bundle(other, trust.root)
        third = await trust.signed()

        assert third == {**second, other.sha256: frozenset()}
        assert await trust.signed() is third


@played
async def test_what_nobody_refers_to_is_forgotten_when_it_goes() -> None:
    async with EngineWorld() as world:
        trust = Trust(world)
        first = await trust.signed()
        kept = world.kube.data["ConfigMap", (NAMESPACE, "lists")]

        world.kube.delete_data("ConfigMap", (NAMESPACE, "lists"))
        await world.run(1)
        world.kube.data["ConfigMap", (NAMESPACE, "lists")] = kept
        again = await trust.signed(fresh=True)

        assert again == first
        assert again is not first


@played
async def test_credentials_of_a_secret_that_nobody_names_any_more_are_forgotten() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        before = kept_credentials()

        world.kube.delete((NAMESPACE, "a"))
        await world.run(1)

        assert kept_credentials() == before - 1


@played
async def test_credentials_that_an_edit_takes_out_of_use_are_forgotten() -> None:
    async with EngineWorld() as world:
        await two_ready(world)
        before = kept_credentials()

        world.kube.edit((NAMESPACE, "a"), credentialsSecretRef={"name": CREDENTIALS})
        await world.run(30)

        assert kept_credentials() == before - 1


@played
async def test_material_that_an_edit_takes_out_of_use_is_read_again_for_the_next_who_names_it() -> (
    None
):
    async with EngineWorld() as world:
        trust = Trust(world)
        world.add_instance("a")
        world.declare("a", clientAuthentication=TRUST)
        first = await trust.signed()

        world.kube.edit((NAMESPACE, "a"), clientAuthentication=None)
        await world.run(1)

        assert await trust.signed(fresh=True) is not first


@played
async def test_what_is_kept_of_material_has_a_bound_and_what_does_not_fit_is_read_again() -> None:
    async with EngineWorld() as world:
        bundle = pki.make_root().pem + b"# " + b"x" * 240_000
        bundles = 2 * KEPT_MIB * 2**20 // len(bundle)
        for number in range(bundles):
            world.write("ConfigMap", f"ca-{number}", {"ca.crt": bundle})
        await world.run(1)
        assert world.engine is not None
        others = alive(ClientCAMaterial)

        for number in (*range(bundles), 0):
            named = {"configMapKeyRef": {"name": f"ca-{number}", "key": "ca.crt"}}
            declared = parse_spec({**SPEC, "clientAuthentication": {"ca": named}})
            gathered = await world.engine.materials.gather(declared, NAMESPACE)
            assert len(gathered.facts.client_ca) == 1

        assert 0 < alive(ClientCAMaterial) - others <= bundles // 2


@played
async def test_no_error_that_is_kept_holds_a_private_key() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.root.leaf(world.host("a"))
        world.write("Secret", "a-tls", {"tls.crt": b"garbage", "tls.key": leaf.key_pem()})
        world.declare_custom("a")
        await world.run(30)
        assert world.ready("a") == ("False", "MaterialInvalid")

        gc.collect()
        errors = [each for each in gc.get_objects() if isinstance(each, MaterialError)]

        assert errors  # The text does not parse: that is a fact, and kept.
        assert [each.__traceback__ for each in errors] == [None] * len(errors)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param({"ca.crt": b""}, "key ca.crt: the key is empty;", id="empty"),
        pytest.param(
            {"other": b"x"}, "key ca.crt: the key is missing (keys present: other);", id="no"
        ),
        pytest.param({}, "key ca.crt: the key is missing (keys present: none);", id="nothing"),
    ],
)
@played
async def test_a_key_is_said_to_be_missing_or_to_be_empty(
    data: dict[str, bytes], words: str
) -> None:
    async with EngineWorld() as world:
        world.write("ConfigMap", "bundle", data)
        await world.run(1)
        assert world.engine is not None

        gathered = await world.engine.materials.gather(DECLARED, NAMESPACE)

        assert gathered.problem is not None
        assert gathered.problem.reason is Reason.SECRET_KEY_MISSING
        assert words in gathered.problem.message


@played
async def test_material_that_may_not_be_read_is_told_and_read_once_it_may() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        leaf = world.root.leaf(world.host("a"))
        world.write("Secret", "a-tls", {"tls.crt": leaf.chain_pem, "tls.key": leaf.key_pem()})
        world.kube.forbidden.add(("Secret", (NAMESPACE, "a-tls")))
        world.declare_custom("a")
        await world.run(5)

        assert world.conditions("a")["MaterialReady"] == ("False", "SecretForbidden")
        await world.run(300)
        assert world.ready("a") == ("False", "SecretForbidden")
        message = (world.condition("MaterialReady", "a") or {})["message"]
        assert "Secret a-tls" in message
        assert "administrator" in message
        assert world.cost("a") == (0, 0)

        world.kube.forbidden.clear()
        await world.run(700)
        assert world.ready("a") == ("True", "Verified")


@played
async def test_credentials_that_may_not_be_read_are_told() -> None:
    async with EngineWorld() as world:
        world.add_instance("a")
        world.kube.forbidden.add(("Secret", (NAMESPACE, CREDENTIALS)))
        world.declare("a")
        await world.run(1000)

        assert world.ready("a") == ("False", "SecretForbidden")
        assert world.conditions("a")["Stalled"] == ("True", "SecretForbidden")
