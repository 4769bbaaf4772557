"""Faults by which two shards change one thing, or none of them does; each name has "shard"."""

from faults.fault import Fault

CORE = ("core/test_shards.py",)
FLEET = "engine/test_shards.py::test_"
STRANGERS = "engine/test_strangers.py::test_"
PAIR = FLEET + "a_primary_and_its_replica_in_two_shards_never_change_at_the_same_time"
PART = FLEET + "each_shard_serves_its_part_within_its_share_of_the_rate"

SHARDS = (
    Fault(
        name="count the shards from nought",
        where="Shard.owns",
        old=" == self.number - 1\n",
        new=" == self.number % self.count\n",
        tests=CORE,
    ),
    Fault(
        name="give each shard all changes at a time",
        where="Shard.share_of",
        old="        return max(1, whole + (self.number <= left))\n",
        new="        return limit\n",
        tests=CORE,
    ),
    Fault(
        name="give a shard beyond the limit no change at all, for ever",
        where="Shard.share_of",
        old="        return max(1, whole + (self.number <= left))\n",
        new="        return whole + (self.number <= left)\n",
        tests=CORE,
    ),
    Fault(
        name="give each shard the whole rate",
        where="Shard.share_of_rate",
        old="        return rate / self.count\n",
        new="        return rate\n",
        tests=(*CORE, PART),
    ),
    Fault(
        name="elect one leader for all shards",
        where="Shard.name",
        old="        if self.count == 1:\n",
        new="        if self.count:\n",
        tests=CORE,
    ),
    Fault(
        name="serve what belongs to another shard",
        where="EventRouter.observe",
        old="        if not self._owns(",
        new="        if None in (",
        tests=(PART,),
    ),
    Fault(
        name="know nothing of what another shard serves, so that the watch seems behind",
        where="Objects.version",
        old="            return self._elsewhere.get(key)\n",
        new="            return None\n",
        tests=(FLEET + "of_what_another_shard_serves_only_the_version_is_known",),
    ),
    Fault(
        name="keep an object whose name has come back in another shard",
        where="Objects.pass_over",
        old="        gone = self.drop(key)\n",
        new="        gone = None\n",
        tests=(FLEET + "a_name_that_comes_back_with_another_instance_moves_to_the_shard_of_that",),
    ),
    Fault(
        name="do not look for another shard's record after one's own",
        where="_meets_another",
        old="        return await rivals.meets_another(ports, seen, seen.resource)\n",
        new="        return bool(seen.resource.deleting) and ports.shared\n",
        tests=(PAIR,),
    ),
    Fault(
        name="take a replica in another shard for an instance of its own",
        where="meets_another",
        old="    listed = await ports.resources.list_by_primary(primary)\n",
        new="    listed = await ports.resources.list_by_instance(instance_id or primary)\n",
        tests=(PAIR,),
    ),
    Fault(
        name="send by a look from before another shard's whole change",
        where="is_stale",
        old="    return not 0 <= age <= _LASTS\n",
        new="    return age < 0\n",
        tests=(
            STRANGERS + "two_first_contacts_with_one_instance_never_meet_whoever_stands_still_when",
        ),
    ),
    Fault(
        name="see no claim that another shard serves",
        where="Ports.beside",
        old=", *self.strangers.beside(resource)]\n",
        new="]\n",
        tests=("engine/test_strangers.py",),
    ),
    Fault(
        name="never look again who else, in another shard, declares an instance",
        where="Strangers.refresh",
        old="        if known is not None and now - known[0] < self._fresh:\n",
        new="        if known is not None:\n",
        tests=(STRANGERS + "when_the_older_one_goes_the_younger_takes_over_within_a_resync",),
    ),
    Fault(
        name="take a claim that another shard serves for nothing if it is new",
        where="Proofs._open",
        old="        if self._prove is not None and self._is_strange(other.key):\n",
        new="        if self._prove is not None and not other.uid:\n",
        tests=("engine/test_proofs.py",),
    ),
    Fault(
        name="prove a claim that another shard serves at each look",
        where="Strangers.prove",
        old="        if now < known.again_at:\n",
        new="        if now < 0:\n",
        tests=(STRANGERS + "a_proof_is_remembered_and_made_anew_now_and_then",),
    ),
    Fault(
        name="prove claims that another shard serves as fast as their account allows",
        where="Strangers._prove_all",
        old="                await asyncio.sleep(_PAUSE)\n",
        new="                await asyncio.sleep(0)\n",
        tests=(STRANGERS + "many_forged_claims_cost_their_own_account_a_call_a_second",),
    ),
    Fault(
        name="believe the status of another tenant's object, in any shard, which primary it has",
        where="meets_another",
        old="        if each.instance_id == instance_id or ",
        new="        if each.instance_id or ",
        tests=(
            FLEET + "another_tenants_object_that_says_it_is_a_replica_holds_up_nobody_for_long",
        ),
    ),
)
