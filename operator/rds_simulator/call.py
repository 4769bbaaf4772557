"""
A request as it came, and the call that it holds.

The region is a matter of the host name and no signed part of a request. This program answers for
all regions at one address, so it cannot see a call that went to the wrong one: only a ``RegionId``
parameter, which Terraform sends and the gateway accepts, is compared with the instance's region.
"""

import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field

SECRET_PARAMETERS = frozenset({"ServerKey", "PassWord", "OIDCToken"})
"""Their values are kept nowhere but in the instance, and they must never be in a URL."""

_FORM = "application/x-www-form-urlencoded"

_ESCAPES_OF_PEM = (("%0A", "\n"), ("%2B", "+"), ("%2F", "/"), ("%3D", "="))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of the API, read but not yet verified."""

    method: str
    path: str
    headers: Mapping[str, str]
    """Names in lower case."""
    query: Mapping[str, str]
    form: Mapping[str, str]
    parameters: Mapping[str, str]
    """All of them; one that is in both places counts as in the body."""
    body: bytes = field(repr=False)

    @property
    def legacy(self) -> bool:
        """Whether it is signed by V1: the signature is a parameter, not a header."""
        return "authorization" not in self.headers and "Signature" in self.parameters

    @property
    def action(self) -> str:
        """The operation; empty if none is named."""
        return self.headers.get("x-acs-action") or self.parameters.get("Action", "")

    @property
    def version(self) -> str:
        """The API's version; empty if none is named."""
        return self.headers.get("x-acs-version") or self.parameters.get("Version", "")

    @property
    def instance_id(self) -> str:
        """The instance it is about; empty if none."""
        return self.parameters.get("DBInstanceId", "")

    @property
    def wants_xml(self) -> bool:
        """V1 and what is not signed answer XML unless Format=JSON; V3 answers JSON."""
        if "authorization" in self.headers or "x-acs-action" in self.headers:
            return False
        return self.parameters.get("Format", "XML").upper() != "JSON"

    @property
    def claimed_key(self) -> str:
        """The access key that it claims to be signed with; empty if none."""
        _, _, after = self.headers.get("authorization", "").partition("Credential=")
        return after.partition(",")[0].strip() or self.parameters.get("AccessKeyId", "")

    @property
    def secret_in_url(self) -> bool:
        """Whether a private key, password or identity token stands in the query string."""
        return not SECRET_PARAMETERS.isdisjoint(self.query)


def read_call(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Take a request apart; text that is not UTF-8 is replaced, never refused."""
    parts = urllib.parse.urlsplit(url)
    lower = {name.lower(): value for name, value in headers.items()}
    is_form = lower.get("content-type", "").partition(";")[0].strip().lower() == _FORM
    query = _pairs(parts.query)
    form = _pairs(body.decode("utf-8", "replace")) if is_form else {}
    return Call(
        method=method.upper(),
        path=parts.path or "/",
        headers=lower,
        query=query,
        form=form,
        parameters={**query, **form},
        body=body,
    )


def _pairs(text: str) -> dict[str, str]:
    """Read a form as `urllib.parse.parse_qsl` does; of a name that comes again, the last counts."""
    pairs = (pair.partition("=") for pair in text.split("&") if pair)
    return {_decode(name): _decode(value) for name, _, value in pairs}


def _decode(text: str) -> str:
    text = text.replace("+", " ")
    if "%" not in text:
        return text
    # PEM has hundreds of these and hardly any others, and `unquote` is slow with them. None can
    # make another escape of its neighbours: none is a per cent sign or a hexadecimal digit.
    for escape, character in _ESCAPES_OF_PEM:
        text = text.replace(escape, character)
    return urllib.parse.unquote(text, errors="replace")
