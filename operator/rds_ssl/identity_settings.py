"""
The settings of the operator's own identity: keys, roles, and where they are asked for.

Names with ``ALIBABA_CLOUD_`` are those of the vendor's SDK and of ack-pod-identity-webhook.
"""

from collections.abc import Iterator, Mapping

from pydantic import BaseModel, Field

from rds_ssl.setting_types import (
    ExternalId,
    KeyText,
    MetadataUrl,
    ProviderArn,
    RegionName,
    RoleArn,
    RoleName,
    Secret,
    SessionName,
    StsEndpoint,
)

IDENTITY_VARIABLES: Mapping[str, str] = {
    name: "ALIBABA_CLOUD_" + name.upper()
    for name in (
        "access_key_id",
        "access_key_secret",
        "security_token",
        "role_arn",
        "oidc_provider_arn",
        "oidc_token_file",
        "role_session_name",
        "sts_endpoint",
        "sts_region",
        "vpc_endpoint_enabled",
        "ecs_metadata",
        "ecs_metadata_disabled",
        "imdsv1_disabled",
    )
}
"""The settings that have the vendor's variables."""

OF_A_KEY = ("access_key_id", "access_key_secret", "security_token")
"""Never shown, and never in the list of processes for all to read."""

_OF_OIDC = ("role_arn", "oidc_provider_arn", "oidc_token_file")


class IdentitySettings(BaseModel):
    """As whom the operator acts where an object names no Secret."""

    access_key_id: KeyText | None = Field(
        default=None, description="The operator's own access key: its id."
    )
    access_key_secret: Secret | None = Field(default=None, description="Its secret.")
    security_token: Secret | None = Field(
        default=None, description="Its token, if it is temporary."
    )
    role_arn: RoleArn | None = Field(
        default=None, description="The RAM role for the token of the ServiceAccount (RRSA)."
    )
    oidc_provider_arn: ProviderArn | None = Field(
        default=None, description="The OIDC provider in RAM that knows the cluster's tokens."
    )
    oidc_token_file: str | None = Field(
        default=None, description="File with the token; read anew each time."
    )
    role_session_name: SessionName = Field(
        default="rds-ssl", description="What sessions of that role are called in the audit log."
    )
    sts_endpoint: StsEndpoint = Field(
        default="", description="Host of STS; empty: by the next two, or sts.aliyuncs.com."
    )
    sts_region: RegionName = Field(default="", description="Region whose STS is called.")
    vpc_endpoint_enabled: bool = Field(
        default=False, description="Call that region's STS by its host inside a VPC."
    )
    ecs_metadata: RoleName | None = Field(
        default=None, description="The RAM role of the ECS instance that the operator is to use."
    )
    ecs_metadata_disabled: bool = Field(
        default=False, description="Never ask the ECS metadata service."
    )
    imdsv1_disabled: bool = Field(
        default=False, description="Never ask it without a token (its version 1)."
    )
    ecs_role: bool = Field(
        default=False, description="Use whichever RAM role the ECS instance has."
    )
    ecs_metadata_url: MetadataUrl = Field(
        default="http://100.100.100.200",
        description="Where the ECS metadata service is; another only on this machine, for tests.",
    )
    assume_role_arn: RoleArn = Field(
        default="", description="RAM role, of another account perhaps, to assume by all of these."
    )
    assume_role_external_id: ExternalId = Field(
        default="", description="The external id that this role asks for."
    )
    external_id_prefix: ExternalId = Field(
        default="rds-ssl",
        description="Before :NAMESPACE in the external id of a role that an object names.",
    )


def contradictions(given: Mapping[str, object], variable: Mapping[str, str]) -> Iterator[str]:
    """
    Yield what is said by halves.

    Args:
        given: The settings that are set.
        variable: What each is called.
    """
    present = [name for name in OF_A_KEY if name in given]
    missing = [name for name in OF_A_KEY[:2] if name not in given]
    if present and missing:
        yield (
            f"{_list(present, variable)} set without {_list(missing, variable)}: an access key has"
            " an id and a secret"
        )
    # A role alone is set for other programs as well.
    present = [name for name in _OF_OIDC if name in given]
    missing = [name for name in _OF_OIDC if name not in given]
    if missing and {*present} & {*_OF_OIDC[1:]}:
        yield (
            f"{_list(present, variable)} set without {_list(missing, variable)}: RRSA needs a role,"
            " an OIDC provider and a token file"
        )
    if "assume_role_external_id" in given and "assume_role_arn" not in given:
        yield (
            f"{variable['assume_role_external_id']} set without {variable['assume_role_arn']}: it"
            " is for that role"
        )


def _list(names: list[str], variable: Mapping[str, str]) -> str:
    return " and ".join(variable[name] for name in names)
