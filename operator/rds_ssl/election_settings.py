"""The settings of the leader election, and of the shards."""

from pydantic import BaseModel, Field

from rds_ssl.core.lease import LEASE_NAME
from rds_ssl.core.shards import Shard
from rds_ssl.setting_types import LeaderElection, LeaseName, LeaseNamespace, ShardOfAll


class ElectionSettings(BaseModel):
    """How several processes agree on the one that works, and how several that work share."""

    leader_election: LeaderElection = Field(
        default="auto",
        description="Whether several processes elect the one that works: on, off, or auto: on in a"
        " Pod, off with a kubeconfig.",
    )
    lease_name: LeaseName = Field(
        default=LEASE_NAME,
        description="Name of the Lease that the leader holds; with SHARD -2-of-8 follows it.",
    )
    lease_namespace: LeaseNamespace = Field(
        default="", description="Namespace of that Lease; empty: the Pod's own."
    )
    shard: ShardOfAll = Field(
        default=Shard(),
        description="Which shard of the instances to serve, such as 2/8: the second of eight, by a"
        " hash of the instance's ID; 1/1: all.",
    )
