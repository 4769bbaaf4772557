"""Faults of what is written for people: objects that adopt, and reports (`rds_ssl.commands`)."""

from faults.fault import Fault

_ADOPTION = ("commands/test_adoption.py",)
_TERRAFORM = ("commands/test_terraform.py",)
_IMPORTING = ("commands/test_importing.py",)
_READING = ("commands/test_reading.py",)
_DOCTOR = ("commands/test_doctor.py",)
_QUESTIONS = ("aliyun/test_questions.py",)

IMPORTING = (
    Fault(
        name="write into a ConfigMap whatever came beside a client CA",
        where="_client_data",
        old='pem.client_ca_in_force(observed.client_ca_pem, field="ClientCACert").pem',
        new="observed.client_ca_pem",
        tests=(*_ADOPTION, *_TERRAFORM),
    ),
    Fault(
        name="write an object whose first plan is not empty",
        where="adoption._not_empty",
        old="    if plan is None:\n",
        new="    if plan is not None or plan is None:\n",
        tests=_ADOPTION,
    ),
    Fault(
        name="declare a TLS version that an engine shows and nobody can declare there",
        where="adoption._manifest",
        old="        if found.instance.engine == Engine.SQLSERVER:\n",
        new="        if found.instance.engine:\n",
        tests=_ADOPTION,
    ),
    Fault(
        name="give two instances one name",
        where="names_of",
        old="if counted[name] == 1 else",
        new="if counted[name] else",
        tests=_ADOPTION,
    ),
    Fault(
        name="declare a revocation list whose CA is gone",
        where="_client_data",
        old="    if not observed.client_ca:\n        return {}\n",
        new="    if not (observed.client_ca or observed.revocation_list):\n        return {}\n",
        tests=_ADOPTION,
    ),
    Fault(
        name="take a state that says Update for SSL that is on",
        where="terraform._ACTIONS",
        old='"Open": "on", ',
        new='"Open": "on", "Update": "on", ',
        tests=_TERRAFORM,
    ),
    Fault(
        name="believe an ssl_action that an older provider never read back",
        where="terraform._found",
        old=' or "ssl_connection_string" not in attributes:',
        new=":",
        tests=_TERRAFORM,
    ),
    Fault(
        name="take an endpoint that a state does not show for the internal one",
        where="terraform._fields",
        old='    return {**fields, "SSLEnabled": action}\n',
        new='    fields["ConnectionString"] = fields["ConnectionString"] or attributes.get(\n'
        '        "connection_string"\n    )\n    return {**fields, "SSLEnabled": action}\n',
        tests=_TERRAFORM,
    ),
    Fault(
        name="import from a state what is yet to be destroyed",
        where="terraform._of_file",
        old='if instance.get("deposed"):',
        new='if instance.get("deposed_key"):',
        tests=_TERRAFORM,
    ),
    Fault(
        name="believe the first of two addresses that say different things of an instance",
        where="terraform.instances_of",
        old="        if not _alike(first, each):\n",
        new="        if each is None:\n",
        tests=_IMPORTING,
    ),
    Fault(
        name="import an instance of another region from a state",
        where="terraform._found",
        old="    if zone and not _is_zone_of(region_id, zone):\n",
        new="    if zone == region_id:\n",
        tests=_TERRAFORM,
    ),
    Fault(
        name="leave out of a state the regions whose zones have no hyphen",
        where="terraform._is_zone_of",
        old="-?(?:",
        new="-(?:",
        tests=_TERRAFORM,
    ),
    Fault(
        name="fail over a TLS version of an engine that cannot have one",
        where="reading._one",
        old="else _HINTS | _OF_SQLSERVER,\n",
        new="else _HINTS,\n",
        tests=_READING,
    ),
    Fault(
        name="end in a traceback where the list of instances is not understood",
        where="read_of",
        old="    except ObservationError as error:\n",
        new="    except NotImplementedError as error:\n",
        tests=_READING,
    ),
    Fault(
        name="find instances by any of several tags",
        where="Questions.instances",
        old="all(name in other for other in others)",
        new="name",
        tests=_QUESTIONS,
    ),
    Fault(
        name="stop a list at its first page",
        where="Questions._listed",
        old="            if len(page) < PAGE:\n",
        new="            if len(page) <= PAGE:\n",
        tests=_QUESTIONS,
    ),
    Fault(
        name="let a command for people send what changes something",
        where="Questions.ask_once",
        old='        if not action.startswith("Describe"):\n',
        new='        if action.startswith("Delete"):\n',
        tests=_QUESTIONS,
    ),
    Fault(
        name="show in a report whatever stands in a field for words",
        where="shapes.shape",
        old="    if name in WORDS and is_word(value):\n",
        new="    if name in WORDS:\n",
        tests=_DOCTOR,
    ),
    Fault(
        name="show in a report the value of a field that no page has",
        where="shapes.others",
        old="            fields[name]\n",
        new="            fields[name]\n        ) + str(\n            fields[name]\n",
        tests=_DOCTOR,
    ),
    Fault(
        name="say of signature V3 what V1 was answered",
        where="doctor._signatures",
        old="UNREAD if account.signature() is Dialect.V1 else first",
        new="first",
        tests=_DOCTOR,
    ),
)
