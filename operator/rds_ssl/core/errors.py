"""
Every error that this program raises on purpose.

::

    OperatorError
    ├── SettingsError           faulty settings of `rds-ssl run`
    ├── DeclarationError        an object that breaks a rule of the schema
    ├── MaterialError           PEM that cannot be used: reason, field
    ├── ObservationError        an answer of the API without what it must hold
    ├── CommandRefused          what a person asks for cannot be done: why, and what to do
    ├── NotLeading              another process may lead by now: nothing was sent
    ├── KubeError               the API server
    │   ├── KubeUnavailable     no answer, 429 or 5xx
    │   ├── KubeConflict        409: the object is another one by now
    │   ├── KubeNotFound        404
    │   └── KubeRefused         any other 4xx
    └── AliyunError             the cloud API
        ├── TurnAwaited         it is not asked yet: the account has called often enough for now
        ├── ApiError            it answered with an error code
        ├── NoCredentials       nothing to sign with: surely not executed
        └── TransportError      it did not answer usably
            ├── NotSent         nothing left this machine: surely not executed
            │   └── RegionUnknown   there is no such host, and other hosts of the vendor are found
            └── NoAnswer        sent, or perhaps sent: may have been executed

Texts of these errors never hold a key, a password, a token or a URL with a query.
"""

from collections.abc import Mapping

from rds_ssl.core.model import Reason


class OperatorError(Exception):
    """The root of the tree."""


class SettingsError(OperatorError):
    """Faulty settings; *faults* has one sentence each."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class DeclarationError(OperatorError):
    """An object that breaks a rule of the schema; *faults* has one sentence each."""

    def __init__(self, faults: tuple[str, ...]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class MaterialError(OperatorError):
    """
    PEM that cannot be used.

    *reason* is the reason of the condition, *field* the place in the words of the user
    (``Secret orders-tls, key tls.crt``); the text is a sentence for the condition and the same on
    every attempt.
    """

    def __init__(self, text: str, *, reason: Reason, field: str) -> None:
        super().__init__(text)
        self.reason = reason
        self.field = field


class ObservationError(OperatorError):
    """An answer of the API without what it must hold: a failed read, never a verdict."""


class CommandRefused(OperatorError):
    """What a person asks for cannot be done; the text says why, and what to do about it."""


class NotLeading(OperatorError):
    """A write to the cloud that was not sent because another process may lead by now."""


class KubeError(OperatorError):
    """The API server; *status* is the HTTP status or 0 without an answer."""

    def __init__(self, text: str, *, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class KubeUnavailable(KubeError):
    """No answer, 429 or 5xx; *retry_after* in seconds if the server named one."""

    def __init__(self, text: str, *, status: int = 0, retry_after: float | None = None) -> None:
        super().__init__(text, status=status)
        self.retry_after = retry_after


class KubeTooLarge(KubeError):
    """The answer is larger than what is read of one: ask for less at a time."""


class KubeConflict(KubeError):
    """409: the object has changed since it was read."""


class KubeNotFound(KubeError):
    """404: the object, or its kind, does not exist."""


class KubeRefused(KubeError):
    """
    Any other 4xx.

    *causes* are the reasons of its details: ``NamespaceTerminating``; *message* is what the API
    server, or a policy in it, says about it, longer than it is in the text.
    """

    def __init__(
        self,
        text: str,
        *,
        status: int = 0,
        causes: frozenset[str] = frozenset(),
        message: str = "",
    ) -> None:
        super().__init__(text, status=status)
        self.causes = causes
        self.message = message


class AliyunError(OperatorError):
    """The cloud API."""


class TurnAwaited(AliyunError):
    """
    The API is not asked yet: the rate of calls, or a pause that the API itself has asked for.

    Whoever has called is called back. *seconds* is about when; *code* is what the API said, empty
    if it is the operator's own rate.
    """

    def __init__(self, *, action: str, seconds: float, code: str = "") -> None:
        super().__init__(f"{action}: its turn comes in about {seconds:.0f} s")
        self.action = action
        self.seconds = seconds
        self.code = code


class ApiError(AliyunError):
    """
    The API answered with an error code.

    *message* is the API's own text, cut and without values of parameters; for logs and Events
    only, never for a condition. *retry_after* is in seconds. *access_denied* holds the fields of
    AccessDeniedDetail that name who lacks what (``AuthAction``, ``AuthPrincipalDisplayName``, …).
    """

    def __init__(
        self,
        *,
        action: str,
        code: str,
        http_status: int,
        request_id: str = "",
        message: str = "",
        retry_after: float | None = None,
        access_denied: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{action}: HTTP {http_status} {code}")
        self.action = action
        self.code = code
        self.http_status = http_status
        self.request_id = request_id
        self.message = message
        self.retry_after = retry_after
        self.access_denied = dict(access_denied or {})


class NoCredentials(AliyunError):
    """
    Whoever gives credentials gave none, so that the call was not sent.

    *action* is what was asked of *service*; *code* is the service's own, or one of
    `rds_ssl.core.rds.sts_codes` for what has none, or empty without an answer. *label* says whose
    credentials they are, *role* which role was to be assumed, *external_id* the one that the
    operator has made up for it; both empty if none. *retry_in* is in how many seconds the next
    attempt is made, whoever asks for it.
    """

    def __init__(
        self,
        *,
        action: str,
        service: str,
        code: str = "",
        http_status: int = 0,
        label: str = "",
        role: str = "",
        external_id: str = "",
        access_denied: Mapping[str, str] | None = None,
        skew: float | None = None,
        retry_after: float | None = None,
        kind: str = "",
        retry_in: float = 0.0,
    ) -> None:
        super().__init__(f"{action}: {code or kind or 'no answer'}: no credentials")
        self.action = action
        self.service = service
        self.code = code
        self.http_status = http_status
        self.label = label
        self.role = role
        self.external_id = external_id
        self.access_denied = dict(access_denied or {})
        self.skew = skew
        self.retry_after = retry_after
        self.kind = kind
        self.retry_in = retry_in

    def again(self, *, retry_in: float) -> "NoCredentials":
        """Return another one that says the same: one that was raised belongs to who caught it."""
        return NoCredentials(
            action=self.action,
            service=self.service,
            code=self.code,
            http_status=self.http_status,
            label=self.label,
            role=self.role,
            external_id=self.external_id,
            access_denied=self.access_denied,
            skew=self.skew,
            retry_after=self.retry_after,
            kind=self.kind,
            retry_in=retry_in,
        )


class TransportError(AliyunError):
    """The API did not answer usably; *kind* names the failure in a word or two."""

    def __init__(self, *, action: str, kind: str) -> None:
        super().__init__(f"{action}: {kind}")
        self.action = action
        self.kind = kind


class NotSent(TransportError):
    """
    Nothing left this machine (no name, no route, connection refused): surely not executed.

    *no_such_host*: DNS has answered, and it knows no such name.
    """

    def __init__(self, *, action: str, kind: str, no_such_host: bool = False) -> None:
        super().__init__(action=action, kind=kind)
        self.no_such_host = no_such_host


class RegionUnknown(NotSent):
    """There is no *host* of the region that was asked for, and other names of the vendor exist."""

    def __init__(self, *, action: str, kind: str, host: str) -> None:
        super().__init__(action=action, kind=kind, no_such_host=True)
        self.host = host


class NoAnswer(TransportError):
    """
    Sent, or perhaps sent, and no usable answer: time-out, reset, HTML page, empty body.

    *http_status* is 0 if there was none. For a write the outcome is unknown.
    """

    def __init__(self, *, action: str, kind: str, http_status: int = 0) -> None:
        super().__init__(action=action, kind=kind)
        self.http_status = http_status
