"""Where temporary keys come from: a token of the cluster, the instance's role, another key."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rds_ssl.aliyun.identity.metadata import Metadata
from rds_ssl.aliyun.identity.providers import Issued, Provider
from rds_ssl.aliyun.identity.roles import Role
from rds_ssl.aliyun.identity.sts import Sts
from rds_ssl.core.errors import ApiError, NoCredentials, TransportError
from rds_ssl.core.rds import faults
from rds_ssl.core.rds.sts_codes import TOKEN_FILE_INVALID, TOKEN_FILE_UNREADABLE
from rds_ssl.core.secret_text import SecretText

SHORTEST_TOKEN, LONGEST_TOKEN = 4, 20_000
"""Characters of an OIDC token. Source: the vendor's page on AssumeRoleWithOIDC."""

# A file may lie on a disk that does not answer: nobody else's work is behind it.
_files = ThreadPoolExecutor(max_workers=1, thread_name_prefix="token-file")


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSource:
    """
    A role for the bearer of an OIDC token (RRSA).

    The file is read each time: the cluster writes a new token into it before the old one ends.
    """

    sts: Sts
    role: Role
    provider_arn: str
    token_file: Path
    label: str

    async def issue(self) -> Issued:
        """
        Ask STS with the token of now.

        Raises:
            NoCredentials: There is no token, or STS gives nothing for it.
        """
        token = await self._token()
        try:
            return await self.sts.assume_role_with_oidc(
                token, self.role, provider_arn=self.provider_arn
            )
        except (ApiError, TransportError) as error:
            self.sts.no_credentials(error, label=self.label, role=self.role)

    def hurry(self) -> None:
        """Do nothing: each attempt reads the token anew."""

    async def _token(self) -> SecretText:
        code = TOKEN_FILE_UNREADABLE
        try:
            raw = await asyncio.get_running_loop().run_in_executor(_files, self._read)
        except OSError:
            raw = None
        if raw is not None:
            code = TOKEN_FILE_INVALID
            text = raw.decode("ascii", "replace").strip()
            whole = text.isascii() and text.isprintable() and " " not in text
            if whole and SHORTEST_TOKEN <= len(text) <= LONGEST_TOKEN:
                return SecretText(text)
        raise NoCredentials(
            action="AssumeRoleWithOIDC",
            service="The file with the operator's OIDC token",
            code=code,
            label=self.label,
            role=self.role.arn,
        )

    def _read(self) -> bytes:
        with self.token_file.open("rb") as file:
            # White space around it does not count, and whatever is larger is no token.
            return file.read(LONGEST_TOKEN + 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class EcsSource:
    """The RAM role of the ECS instance that the operator runs on."""

    metadata: Metadata
    role_name: str
    """Empty: whichever the instance has."""
    label: str

    async def issue(self) -> Issued:
        """
        Ask the metadata service.

        Raises:
            NoCredentials: It gives nothing.
        """
        return await self.metadata.issue(self.role_name, label=self.label)

    def hurry(self) -> None:
        """Do nothing: each attempt asks anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedSource:
    """A role that another identity assumes."""

    sts: Sts
    base: Provider
    role: Role
    label: str

    async def issue(self) -> Issued:
        """
        Ask STS, signed by the other identity; once more if its own key has ended meanwhile.

        Raises:
            NoCredentials: The other identity has none, or STS gives nothing for it.
        """
        credentials = await self.base.credentials()
        try:
            return await self.sts.assume_role(credentials, self.role)
        except (ApiError, TransportError) as error:
            other = None
            if isinstance(error, ApiError) and faults.renews(error):
                other = await self.base.after_refusal(credentials)
            if other is None:
                self.sts.no_credentials(error, label=self.label, role=self.role)
        try:
            return await self.sts.assume_role(other, self.role)
        except (ApiError, TransportError) as error:
            self.sts.no_credentials(error, label=self.label, role=self.role)

    def hurry(self) -> None:
        """Let the other identity hurry."""
        self.base.hurry()
