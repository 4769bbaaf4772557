"""
Which open questions a report settles, and what it says to them. Pure.

They are the questions that no document answers, or that several answer differently; the simulator
has a switch for most. docs/first-account.md has a row for each, with what the answer changes.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rds_ssl.commands.examination import OK, UNREAD, Examined, Report
from rds_ssl.commands.formatting import counted
from rds_ssl.commands.shapes import ABSENT

UNTOLD = "not told by these instances"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and how a report answers it."""

    name: str
    """As docs/first-account.md has it."""
    asks: str
    answer: Callable[[Report], list[str]]


def answers(report: Report) -> Iterator[tuple[Question, list[str]]]:
    """Yield each question with the answer of a report."""
    return ((each, each.answer(report) or [UNTOLD]) for each in QUESTIONS)


def _signature(report: Report) -> list[str]:
    return [f"{name}: {_read(ended)}" for name, ended in report.signatures.items()]


def _read(ended: str) -> str:
    if ended in {OK, UNREAD}:
        return "read" if ended == OK else ended
    # What is said about an instance comes after the signature was found right.
    return f"not read, {ended}" if ended.startswith(_OF_SIGNATURES) else f"read, {ended}"


_OF_SIGNATURES = (
    "Missing",
    "IncompleteSignature",
    "InvalidSignatureMethod",
    "SignatureDoesNotMatch",
)
"""How codes begin by which a gateway says that it could not read who calls, or what."""


def _of_ssl(*names: str) -> Callable[[Report], list[str]]:
    return lambda report: _told(report, lambda each: {name: each.ssl.get(name) for name in names})


def _of_attribute(*names: str) -> Callable[[Report], list[str]]:
    return lambda report: _told(
        report, lambda each: {name: each.attribute.get(name) for name in names}
    )


def _told(report: Report, read: Callable[[Examined], dict[str, str | None]]) -> list[str]:
    """Return what instances say, those of one engine that say the same told once."""
    found: dict[str, None] = {}
    for each in report.instances:
        told = {name: text for name, text in read(each).items() if text}
        if not told:
            continue
        several = len(told) > 1
        words = ", ".join(f"{name} {text}" if several else text for name, text in told.items())
        found[f"{each.engine or each.label}: {words}"] = None
    return list(found)


def _absent_values(report: Report) -> list[str]:
    def said(each: Examined) -> dict[str, str | None]:
        shapes = list(each.ssl.values())
        ways = {
            "missing": sum(text == ABSENT for text in shapes),
            "empty": sum(text == 'the text ""' for text in shapes),
            '"-"': sum(text == 'the text "-"' for text in shapes),
            "null": sum(text == "null" for text in shapes),
        }
        words = (f"{way} {counted(count, 'field')}" for way, count in ways.items() if count)
        return {"": ", ".join(words)}

    return _told(report, said)


def _times(report: Report) -> list[str]:
    found = {
        text.removeprefix("a time, ")
        for each in report.instances
        for fields in (each.ssl, each.attribute)
        for text in fields.values()
        if text.startswith("a time, ")
    }
    return sorted(found)


def _undocumented(report: Report) -> list[str]:
    return _told(report, lambda each: dict(each.undocumented))


def _endpoints(report: Report) -> list[str]:
    return list(dict.fromkeys(text for each in report.instances for text in each.endpoints))


def _tasks(report: Report) -> list[str]:
    found = []
    for each in report.instances:
        for task in each.tasks:
            took = ""
            if task.seconds is not None:
                shortest, median, longest = (f"{number:.0f}" for number in task.seconds)
                took = f", {shortest}/{median}/{longest} s (shortest/median/longest)"
            found.append(f"{each.engine}: {task.count} x {task.kind} {task.status}{took}")
    return found


def _absent_instance(report: Report) -> list[str]:
    return [report.absent_instance]


def _throttling(report: Report) -> list[str]:
    found = {each.outcome for each in report.calls if "hrottling" in each.outcome}
    count = sum(each.count for each in report.calls)
    return sorted(found) or [f"none in {counted(count, 'call')}"]


def _clock(report: Report) -> list[str]:
    if report.skew is None:
        return ["no answer had a Date"]
    return [f"this machine's is {report.skew:+.0f} s from the API's"]


QUESTIONS = (
    Question("signature", "Which signature is read with a form body?", _signature),
    Question(
        "words",
        "Which words say on, off and how a change went?",
        _of_ssl("SSLEnabled", "RequireUpdate", "LastModifyStatus"),
    ),
    Question("ca-type", "Does RDS say whose certificate it is?", _of_ssl("CAType")),
    Question(
        "server-certificate",
        "Is the certificate shown, with its intermediates?",
        _of_ssl("ServerCert"),
    ),
    Question("server-key", "Is the private key answered in clear?", _of_ssl("ServerKey")),
    Question("endpoint", "Is the protected endpoint shown?", _of_ssl("ConnectionString")),
    Question(
        "client-ca",
        "Are client CA and revocation list shown?",
        _of_ssl("ClientCACert", "ClientCertRevocationList", "ClientCACertExpireTime"),
    ),
    Question("acl", "Is it prefer or perfer?", _of_ssl("ACL", "ReplicationACL")),
    Question(
        "force-encryption",
        "Which engines show ForceEncryption, and how?",
        _of_ssl("ForceEncryption"),
    ),
    Question("tls-version", "Is TlsVersion a number or a text?", _of_ssl("TlsVersion")),
    Question("absent", "How is it said that there is no value?", _absent_values),
    Question("undocumented", "Are there fields that no page has?", _undocumented),
    Question("times", "How are times spelled, MaintainTime among them?", _times),
    Question(
        "states",
        "Which words are states, locks and kinds of instances?",
        _of_attribute("DBInstanceStatus", "LockMode", "Category", "DBInstanceStorageType"),
    ),
    Question(
        "versions",
        "How are versions spelled?",
        _of_attribute("EngineVersion", "CurrentKernelVersion"),
    ),
    Question("endpoints", "Which kinds of addresses are there?", _endpoints),
    Question("tasks", "What is a change called, and how long does it take?", _tasks),
    Question("not-found", "What is answered about no instance?", _absent_instance),
    Question("throttling", "Which codes throttle?", _throttling),
    Question("clock", "Do the clocks agree?", _clock),
)
