"""Faults of traces: what they tell, and whom they keep waiting."""

from faults.fault import Fault

TOLD = ("test_tracing.py",)
SENT = ("tests/contract/test_tracing.py",)

TRACING = (
    Fault(
        name="import OpenTelemetry whether or not traces are on",
        where="app._tracing",
        old="    if not endpoint:\n",
        new="    import opentelemetry.trace\n\n    if not endpoint:\n",
        tests=TOLD,
    ),
    Fault(
        name="put the text of a bug into its trace",
        where="tracing.Tracing._end",
        old="span.set_status(StatusCode.ERROR)",
        new='span.set_status(StatusCode.ERROR, str(__import__("sys").exc_info()[1]))',
        tests=TOLD,
    ),
    Fault(
        name="tell names of Secrets in a trace",
        where="tracing.resource_of",
        old="parts[::2]",
        new="parts",
        tests=TOLD,
    ),
    Fault(
        name="tell in a trace what is asked after its pass",
        where="_Pass._child",
        old="if not self.span.is_recording():",
        new="if False:",
        tests=TOLD,
    ),
    Fault(
        name="tell of each call in a trace as the first attempt",
        where="_Pass.call",
        old="self._attempts[action] += 1",
        new="self._attempts[action] = 1",
        tests=TOLD,
    ),
    Fault(
        name="count no calls while traces are on",
        where="tracing.Tracing.telling",
        old="            counts(action, code, seconds)\n",
        new="",
        tests=TOLD,
    ),
    Fault(
        name="trace passes below each other",
        where="tracing.Tracing.begin",
        old="        token = _PASS.set(pass_)\n",
        new="        token = _PASS.set(_PASS.get() or pass_)\n",
        tests=TOLD,
    ),
    Fault(
        name="wait at the end for a collector that does not answer",
        where="tracing.Tracing.close",
        old="asyncio.timeout(CLOSING)",
        new="asyncio.timeout(None)",
        tests=SENT,
    ),
    Fault(
        name="say of each batch of spans that it is not taken",
        where="_Reporting._report",
        old="        if taken != self._taken:\n",
        new="        if not taken or taken != self._taken:\n",
        tests=SENT,
    ),
    Fault(
        name="send traces through a proxy of the environment",
        where="open_tracing",
        old="session.trust_env = False",
        new="session.trust_env = True",
        tests=SENT,
    ),
    Fault(
        name="repeat the token in a collector's URL",
        where="settings._URLS",
        old="""("api_url", "proxy", "tracing_endpoint")""",
        new="""("api_url", "proxy")""",
        tests=("test_settings.py",),
    ),
)
