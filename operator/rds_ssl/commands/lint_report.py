"""What `rds-ssl lint` has found, for people, for programs and for GitHub. Pure."""

from collections.abc import Iterator

from rds_ssl.commands.findings import ERROR, Finding
from rds_ssl.commands.formatting import counted, safe
from rds_ssl.commands.linting import Report


def text_lines(report: Report) -> list[str]:
    """Return a line for each finding, as compilers write them, and the sum."""
    warnings = len(report.findings) - report.errors
    what = (
        f"{counted(report.errors, 'error')} and {counted(warnings, 'warning')}"
        if report.findings
        else "nothing is wrong"
    )
    where = f"{counted(report.objects, 'object')} (DBInstanceSSL)"
    in_all = f"{where} in {counted(report.files, 'file')}: {what}."
    return [*(_line(each) for each in report.findings), in_all]


def _line(finding: Finding) -> str:
    parts = (finding.title, finding.field, finding.message)
    said = ": ".join(safe(part) for part in parts if part)
    reason = f" [{finding.reason}]" if finding.reason else ""
    return f"{safe(finding.file)}:{finding.line}: {finding.severity}: {said}{reason}"


def github_lines(report: Report) -> Iterator[str]:
    """
    Yield workflow commands of GitHub Actions, which show each finding at its line.

    Source: docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of
    actions/toolkit, packages/core/src/command.ts.
    """
    for each in report.findings:
        command = "error" if each.severity == ERROR else "warning"
        said = ": ".join(part for part in (each.field, each.message) if part)
        properties = {"file": each.file, "line": str(each.line), "title": each.title or "rds-ssl"}
        told = ",".join(f"{name}={_property(text)}" for name, text in properties.items())
        yield f"::{command} {told}::{_data(said)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def json_value(report: Report) -> list[dict[str, object]]:
    """Return the shape that docs/commands.md promises: every key is always there."""
    return [
        {
            "file": each.file,
            "line": each.line,
            "severity": each.severity,
            "kind": each.kind or None,
            "namespace": each.namespace or None,
            "name": each.name or None,
            "field": each.field or None,
            "reason": each.reason or None,
            "message": each.message,
        }
        for each in report.findings
    ]
