"""
When the cloud does not answer, or knows no such credentials: one probe, and everybody else waits.

Without it every object would wait out its own back-off, so that an API that is back after a minute
is noticed by some after five; or all would hammer it.

What a tenant can bring about must hold up nobody else, so an outage is no wider than what proves
it. Who answers is the endpoint, whatever was asked: that nobody takes a connection is proved by
one. A connection that gets no answer, or a page instead of one, may be due to what was sent: that
is an outage of one identity in one namespace, until it gets nothing in a second one, and the
endpoint's once a second identity gets nothing either. A wider outage takes in the narrower ones:
there is one probe for all of them.
Credentials that are refused are one namespace's as well.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from rds_ssl.core.errors import AliyunError, NoAnswer, NotSent
from rds_ssl.engine.objects import Key
from rds_ssl.engine.places import Place

PROBE_EVERY = 2.0
"""Seconds between two probes of one outage, at most."""

PROBE_UNHEARD = 30.0
"""Seconds to which they grow at an endpoint that has never answered: a region may not exist."""

PROBER_SILENT = 30.0
"""Seconds after which a prober has been lost; longer than a read may take."""

_AT_ONCE = 0.01
"""Seconds: a timer of the loop may come a moment early."""

NO_FREE_CONNECTION = "no free connection"
"""A `NotSent` that says nothing of the other end."""


class _Kind(Enum):
    CREDENTIALS = auto()
    """They are refused."""
    IDENTITY = auto()
    """It gets no answer."""
    ENDPOINT = auto()
    """Nobody does."""


_Scope = tuple[_Kind, str, str, str]


@dataclass(slots=True, kw_only=True)
class _Outage:
    error: AliyunError
    """What everybody says of it: what came first."""
    prober: Key
    heard_at: float
    patience: float = PROBER_SILENT
    due: float = 0.0
    """When it is probed next: whoever is the prober may be looked at before, for its own sake."""
    probes: int = 0
    handed: int = 0
    """How often another one was to probe at once, since the last probe."""
    parked: dict[Key, None] = field(default_factory=dict)


class Outages:
    """
    What is down, who probes it, and who waits.

    *wake_after* puts a key back into the queue in so many seconds. A prober that is not heard of
    (its credentials went, its object is suspended) is replaced.
    """

    def __init__(self, wake_after: Callable[[Key, float], None]) -> None:
        self._wake_after = wake_after
        self._outages: dict[_Scope, _Outage] = {}
        self._joined: dict[Key, set[_Scope]] = {}
        """The outages that a key probes or waits for."""
        self._heard: set[str] = set()
        """Endpoints that have answered."""

    def blocks(self, place: Place, key: Key, *, asks: bool = False) -> AliyunError | None:
        """
        Return what keeps *key* from a call: it is woken once that is over. None: it may call.

        *asks*: a person wants another try, who may have mended the credentials.
        """
        scopes = _scopes(place)
        for scope in self._joined.get(key, set()).difference(scopes):
            self._leave(scope, key)  # It has gone elsewhere.
        now = asyncio.get_running_loop().time()
        for number, scope in enumerate(scopes):
            outage = self._outages.get(scope)
            if outage is None or (asks and scope[0] is _Kind.CREDENTIALS):
                continue
            silent = now - outage.heard_at > outage.patience
            if outage.prober == key and not silent and now < outage.due - _AT_ONCE:
                self._wake_after(key, outage.due - now)
                return outage.error
            if outage.prober == key or silent:
                self._probe(scope, outage, key)
                outage.heard_at = now
                continue
            self._park(scope, outage, key)
            # Of what is narrower, whoever is in it is kept from calling as well.
            for wider in scopes[number + 1 :]:
                self._hand_over(wider, key)
            return outage.error
        return None

    def failed(self, place: Place, key: Key, error: AliyunError) -> AliyunError:
        """
        Note that a call of *key* got no answer; the first becomes the prober.

        Returns:
            What is said of it: the same by everybody.
        """
        scope = self._scope_of(place, error)
        outage = self._note(scope, key, error)
        if outage.prober != key:
            self._park(scope, outage, key)
            return outage.error
        # Each turn is somebody else's: one instance alone may be what does not answer.
        self._park(scope, outage, key)
        turn = next(iter(outage.parked))
        self._probe(scope, outage, turn)
        outage.probes += 1
        outage.handed = 0
        every = PROBE_EVERY
        if place.endpoint not in self._heard:
            every = min(PROBE_UNHEARD, PROBE_EVERY * 2.0 ** min(outage.probes - 1, 10))
        outage.heard_at = asyncio.get_running_loop().time()
        outage.due = outage.heard_at + every
        outage.patience = PROBER_SILENT + every - PROBE_EVERY
        self._wake_after(turn, every)
        return outage.error

    def refused(self, place: Place, key: Key, error: AliyunError, *, again_after: float) -> None:
        """Note that the credentials of *key* are refused; it tries again by itself, for all."""
        self._reached(place)
        outage = self._note((_Kind.CREDENTIALS, *_who(place)), key, error)
        outage.error = error
        outage.heard_at = asyncio.get_running_loop().time()
        outage.patience = again_after + PROBER_SILENT

    def answered(self, place: Place, *, known: bool = True) -> None:
        """
        Note that the endpoint answers, whatever it said: everybody goes on.

        *known*: the answer shows that it has accepted the credentials.
        """
        self._reached(place)
        if known:
            self._end((_Kind.CREDENTIALS, *_who(place)))

    def gone(self, key: Key) -> None:
        """Forget an object, or one that asks nothing; if it was the prober, another takes over."""
        for scope in tuple(self._joined.get(key, ())):
            self._leave(scope, key)

    def passes_on(self, key: Key) -> None:
        """Let another one probe: *key* has to wait for its turn at the API."""
        for scope in tuple(self._joined.get(key, ())):
            self._hand_over(scope, key)

    def _scope_of(self, place: Place, error: AliyunError) -> _Scope:
        if isinstance(error, NotSent) and error.kind != NO_FREE_CONNECTION:
            return _endpoint(place)
        mine = (_Kind.IDENTITY, *_who(place))
        if not _is_silence(error):
            return mine
        others = [scope for scope in self._silent(place.endpoint) if scope != mine]
        if _endpoint(place) in self._outages or any(of[2] != place.identity for of in others):
            return _endpoint(place)
        return _identity(place) if others else mine

    def _silent(self, endpoint: str) -> list[_Scope]:
        """Return the identities that get no answer at all."""
        return [
            scope
            for scope, outage in self._outages.items()
            if scope[0] is _Kind.IDENTITY and scope[1] == endpoint and _is_silence(outage.error)
        ]

    def _note(self, scope: _Scope, key: Key, error: AliyunError) -> _Outage:
        now = asyncio.get_running_loop().time()
        outage = self._outages.get(scope)
        if outage is None:
            outage = self._outages[scope] = _Outage(error=error, prober=key, heard_at=now)
            self._joined.setdefault(key, set()).add(scope)
            self._take_in(scope, outage)
        return outage

    def _take_in(self, scope: _Scope, outage: _Outage) -> None:
        """Let those wait here who have waited for a part of it: they get no answer either."""
        kind, endpoint, identity, namespace = scope
        if kind is _Kind.CREDENTIALS or namespace or not _is_silence(outage.error):
            return
        for narrower in self._silent(endpoint):
            if narrower != scope and identity in {"", narrower[2]}:
                known = self._outages.pop(narrower)
                for key in (known.prober, *known.parked):
                    self._unjoin(narrower, key)
                    if key != outage.prober:
                        self._park(scope, outage, key)

    def _probe(self, scope: _Scope, outage: _Outage, key: Key) -> None:
        outage.parked.pop(key, None)
        if outage.prober != key:
            outage.parked[outage.prober] = None
        outage.prober = key
        self._joined.setdefault(key, set()).add(scope)

    def _park(self, scope: _Scope, outage: _Outage, key: Key) -> None:
        outage.parked[key] = None
        self._joined.setdefault(key, set()).add(scope)

    def _hand_over(self, scope: _Scope, key: Key) -> None:
        """Let the next one probe in the place of *key*, at once."""
        outage = self._outages.get(scope)
        if outage is None or outage.prober != key:
            return
        turn = next((each for each in outage.parked if each != key), None)
        if turn is not None:
            self._probe(scope, outage, turn)
            outage.handed += 1
            # If nobody can, for now, they are not to ask each other without end.
            after = 0.0 if outage.handed <= len(outage.parked) else PROBE_EVERY
            outage.due = asyncio.get_running_loop().time() + after
            self._wake_after(turn, after)

    def _leave(self, scope: _Scope, key: Key) -> None:
        outage = self._outages.get(scope)
        if outage is not None and outage.prober == key:
            outage.parked.pop(key, None)
            self._end(scope)
        elif outage is not None:
            outage.parked.pop(key, None)
        self._unjoin(scope, key)

    def _reached(self, place: Place) -> None:
        self._heard.add(place.endpoint)
        self._end((_Kind.IDENTITY, *_who(place)))
        self._end(_identity(place))
        self._end(_endpoint(place))

    def _end(self, scope: _Scope) -> None:
        outage = self._outages.pop(scope, None)
        if outage is None:
            return
        self._unjoin(scope, outage.prober)
        for key in outage.parked:
            self._unjoin(scope, key)
            self._wake_after(key, 0.0)

    def _unjoin(self, scope: _Scope, key: Key) -> None:
        joined = self._joined.get(key)
        if joined is not None:
            joined.discard(scope)
            if not joined:
                del self._joined[key]


def _is_silence(error: AliyunError) -> bool:
    """True if there was no answer at all: a page of a gateway is one."""
    return isinstance(error, NoAnswer) and not error.http_status


def _who(place: Place) -> tuple[str, str, str]:
    return place.endpoint, place.identity, place.namespace


def _identity(place: Place) -> _Scope:
    """Return the scope of an identity in all namespaces."""
    return _Kind.IDENTITY, place.endpoint, place.identity, ""


def _endpoint(place: Place) -> _Scope:
    return _Kind.ENDPOINT, place.endpoint, "", ""


def _scopes(place: Place) -> tuple[_Scope, ...]:
    """Return what may keep an object from calling, the narrowest first."""
    return (
        (_Kind.CREDENTIALS, *_who(place)),
        (_Kind.IDENTITY, *_who(place)),
        _identity(place),
        _endpoint(place),
    )
