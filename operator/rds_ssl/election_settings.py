"""The settings of the leader election."""

from pydantic import BaseModel, Field

from rds_ssl.setting_types import LeaderElection, LeaseName, LeaseNamespace


class ElectionSettings(BaseModel):
    """How several processes agree on the one that works."""

    leader_election: LeaderElection = Field(
        default="auto",
        description="Whether several processes elect the one that works: on, off, or auto: on in a"
        " Pod, off with a kubeconfig.",
    )
    lease_name: LeaseName = Field(
        default="rds-ssl-operator", description="Name of the Lease that the leader holds."
    )
    lease_namespace: LeaseNamespace = Field(
        default="", description="Namespace of that Lease; empty: the Pod's own."
    )
