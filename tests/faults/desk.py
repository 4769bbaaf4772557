"""Faults of the commands for people: what lint lets pass or tells, what is shown while waiting."""

from faults.fault import Fault

LINT = ("commands/test_lint.py",)
COMPLETION = ("commands/test_completion.py",)
EXPLAIN = ("commands/test_explain.py",)
LEADERS = ("commands/test_leaders.py",)
PROGRESS = ("commands/test_progress.py",)
TERMINAL = ("commands/test_terminal.py",)

DESK = (
    Fault(
        name="repeat what a file that is no YAML says",
        where="manifests._unparsed",
        old='_QUOTED.sub("…", ',
        new="str(",
        tests=LINT,
    ),
    Fault(
        name="show the name of a field whatever it is",
        where="name_shown",
        old="if _WORDS.fullmatch(str(name)) else UNSHOWN",
        new="",
        tests=LINT,
    ),
    Fault(
        name="show the name of an object whatever it is",
        where="object_name_shown",
        old="if not name or is_object_name(name) else UNSHOWN",
        new="",
        tests=LINT,
    ),
    Fault(
        name="repeat a line of a private key that stands for a time zone or a key",
        where="without_key_lines",
        old="_KEY_LINE.sub(UNSHOWN, text)",
        new="text",
        tests=LINT,
    ),
    Fault(
        name="list keys that may be lines of a private key",
        where="DataObject.value",
        old="if name_shown(each) != UNSHOWN",
        new="",
        tests=LINT,
    ),
    Fault(
        name="follow aliases without end",
        where="manifests.parse",
        old="_size(node, {}) > _MOST_VALUES",
        new="_size(node, {}) < 0",
        tests=LINT,
    ),
    Fault(
        name="take it for granted that what YAML tags as a boolean is one",
        where="manifests.parse",
        old="except _UNFIT:",
        new="except ValueError:",
        tests=LINT,
    ),
    Fault(
        name="let a field pass that the schema does not have",
        where="unknown_fields._unknown",
        old="            yield UnknownField(",
        new="            UnknownField(",
        tests=LINT,
    ),
    Fault(
        name="let a misspelt field of metadata pass",
        where="linting._of_metadata",
        old="        if name not in _METADATA:",
        new="        if name in ():",
        tests=LINT,
    ),
    Fault(
        name="let the certificate's fault hide what is wrong with the client CA",
        where="material_lint.judged",
        old="    yield from judging.clients()\n",
        new="    if not judging._told and not judging._places:\n"
        "        yield from judging.clients()\n",
        tests=LINT,
    ),
    Fault(
        name="read material of an object with SSL off",
        where="material_lint.judged",
        old="    if not declaration.enabled:\n        return",
        new="    if not declaration.enabled:\n        pass",
        tests=LINT,
    ),
    Fault(
        name="take the Secret of another namespace",
        where="linting._of_references",
        old='if each.namespace in {one.namespace, ""} or not one.namespace',
        new="if True",
        tests=LINT,
    ),
    Fault(
        name="judge what data says where stringData goes before it",
        where="data_object",
        old='        reading.block("data", _decoded)\n        reading.block("stringData", _plain)',
        new='        reading.block("stringData", _plain)\n        reading.block("data", _decoded)',
        tests=LINT,
    ),
    Fault(
        name="end with 0 where a file could not be read",
        where="offline.lint",
        old="    if report.unreadable:\n",
        new="    if report.unreadable and strict:\n",
        tests=LINT,
    ),
    Fault(
        name="end a command of GitHub within a name",
        where="lint_report._data",
        old='.replace("\\n", "%0A")',
        new="",
        tests=LINT,
    ),
    Fault(
        name="take what looks like a time for one",
        where="_Loader",
        old='if each[0] != "tag:yaml.org,2002:timestamp"',
        new="if each[0]",
        tests=LINT,
    ),
    Fault(
        name="explain a code without its parents",
        where="explaining.find",
        old="    while parent:",
        new="    while False:",
        tests=EXPLAIN,
    ),
    Fault(
        name="answer an unknown word with 0",
        where="offline.explain",
        old="        sys.exit(REFUSED)\n",
        new="        return\n",
        tests=EXPLAIN,
    ),
    Fault(
        name="be silent about a shard that never had a leader",
        where="leaders._told",
        old="range(1, one.count + 1)",
        new="sorted(one.leases)",
        tests=LEADERS,
    ),
    Fault(
        name="tell what an older installation has left behind",
        where="leader_notes",
        old="told = working or [",
        new="told = found or [",
        tests=LEADERS,
    ),
    Fault(
        name="tell the same step again and again",
        where="Steps.new",
        old="if self._told.get(each.title) != words:",
        new="if words:",
        tests=PROGRESS,
    ),
    Fault(
        name="tell a watched plan again and again",
        where="Watcher.told",
        old="if same and not self._terminal:",
        new="if same and self._json:",
        tests=("commands/test_watching.py",),
    ),
    Fault(
        name="cut off what is wider than the terminal",
        where="terminal._table",
        old="max(console.width, *(len(row) + 2 * len(first.head) for row in rows))",
        new="console.width",
        tests=TERMINAL,
    ),
    Fault(
        name="read markup in what the cluster says",
        where="terminal._line",
        old="text = Text(line)",
        new="text = Text.from_markup(line)",
        tests=TERMINAL,
    ),
    Fault(
        name="import rich where nobody looks",
        where="options.show",
        old="    if sys.stdout.isatty():\n",
        new="    from rds_ssl.commands import terminal\n\n"
        "    if sys.stdout.isatty() and terminal:\n",
        tests=TERMINAL,
    ),
    Fault(
        name="complete with an error where there is no cluster",
        where="object_names",
        old="contextlib.suppress(OperatorError, OSError, ValueError, LookupError)",
        new="contextlib.suppress(LookupError)",
        tests=COMPLETION,
    ),
)
