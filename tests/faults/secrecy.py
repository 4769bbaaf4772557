"""Faults by which a secret gets out: what `make leaks`, and its part among the tests, must find."""

from faults.fault import Fault

LEAKS = ("engine/test_leaks.py",)

SECRECY = (
    Fault(
        name="log what looks like a secret as it comes",
        where="telemetry.redact",
        old="            text = secret.pattern.sub(secret.replacement, text)\n",
        new="            pass\n",
        tests=LEAKS,
    ),
    Fault(
        name="redact a field by its value alone",
        where="telemetry._redacted",
        old="REDACTED if _NAMED.search(str(key)) else _redacted(each)",
        new="_redacted(each)",
        tests=LEAKS,
    ),
    Fault(
        name="print what a record holds that cannot be written",
        where="RedactingHandler.handleError",
        old="        kind = getattr(",
        new="        super().handleError(record)\n        kind = getattr(",
        tests=LEAKS,
    ),
    Fault(
        name="leave the exceptions of a record as they are",
        where="RedactingHandler.format",
        old="copy.exc_text = _visible(redact_exception(text))",
        new="copy.exc_text = text",
        tests=LEAKS,
    ),
    Fault(
        name="end a password at the first comma",
        where="telemetry._SECRETS",
        old="""r"(?:(b?\\\\*\\")[^\\"]+|(b?\\\\*')[^']+|""",
        new="""r"(?:(b?\\\\*\\")[^\\",]+|(b?\\\\*')[^',]+|""",
        tests=LEAKS,
    ),
    Fault(
        name="let RDS's message echo what was sent",
        where="answers.read_error",
        old="scrubbed(value, (*values, *sorted(short, key=len, reverse=True)))[:length]",
        new="value",
        tests=("aliyun/test_answers.py", "aliyun/test_transport.py"),
    ),
    Fault(
        name="look for no secret itself in a traceback",
        where="RedactingHandler.format",
        old="copy.exc_text = _visible(redact_exception(text))",
        new="copy.exc_text = _visible(redact(text))",
        tests=("test_telemetry.py",),
    ),
    Fault(
        name="look for a secret in a traceback only as it is",
        where="telemetry._forms",
        old="return {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1], once, quote(",
        new="return {secret} or {quote(",
        tests=("test_telemetry.py",),
    ),
    Fault(
        name="show a SecretText",
        where="SecretText.__repr__",
        old="""return "SecretText(…)\"""",
        new="return self._text",
        tests=LEAKS,
    ),
)
