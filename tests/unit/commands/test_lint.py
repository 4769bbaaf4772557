"""What `rds-ssl lint` says of files, and where; nothing that it says is a part of a private key."""

import base64
import json
import re
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from rds_ssl.cli import main
from rds_ssl.commands import manifests
from rds_ssl.commands.findings import Finding
from rds_ssl.commands.linting import lint
from support import pki
from support.crd_cases import CASES, GOOD, PAIR, patched, window
from support.pki_world import HOST, World, make_world

Json = dict[str, Any]

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def world() -> World:
    return make_world()


def resource(spec: object = None, *, name: str = "orders", namespace: str = "shop") -> Json:
    """An object as it stands in a file."""
    return {
        "apiVersion": "rds-ssl.dev/v1alpha1",
        "kind": "DBInstanceSSL",
        "metadata": {"name": name, "namespace": namespace},
        "spec": GOOD if spec is None else spec,
    }


def secret(name: str = "orders-tls", *, namespace: str = "shop", **texts: str | bytes) -> Json:
    """A Secret whose keys have _ for a dot."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "data": {
            key.replace("_", "."): base64.b64encode(
                text.encode() if isinstance(text, str) else text
            ).decode()
            for key, text in texts.items()
        },
    }


def with_certificate(**fields: object) -> Json:
    return {**GOOD, "serverCertificate": {"secretRef": {"name": "orders-tls"}}, **fields}


def text_of(*objects: object) -> str:
    return yaml.safe_dump_all(objects, sort_keys=False)


def found(text: str, *, strict: bool = False, now: datetime | None = None) -> list[Finding]:
    """Lint a text as the file x.yaml."""
    files = manifests.read(["-"], stdin=text.encode)
    return list(lint(files, now=now or datetime.now(UTC), strict=strict).findings)


def said(findings: list[Finding]) -> list[tuple[str, str, str]]:
    return [(each.severity, each.field, each.reason) for each in findings]


def invoke(*arguments: object, stdin: str | None = None) -> Result:
    return CliRunner().invoke(main, ["lint", *map(str, arguments)], input=stdin)


# --- schema and rules -----------------------------------------------------------------------------


@pytest.mark.parametrize(("patch", "field", "words"), CASES)
def test_a_spec_is_judged_as_the_api_server_judges_it(
    patch: Json, field: str | None, words: str
) -> None:
    findings = [
        each
        for each in found(text_of(resource(patched(patch))))
        if each.severity == "error" and not each.message.startswith("unknown field")
    ]

    if field is None:
        assert findings == []
    else:
        assert [each for each in findings if each.field == field and words in each.message]


@pytest.mark.parametrize(
    ("spec", "field", "words"),
    [
        ({**GOOD, "serverCert": {}}, "spec.serverCert", "did you mean serverCertificate"),
        (
            {**GOOD, "serverCertificate": {"ca_type": "aliyun"}},
            "spec.serverCertificate.ca_type",
            "did you mean caType?",
        ),
        (
            {
                **GOOD,
                "maintenance": {
                    "windows": [{"schedule": "0 3 * * SAT", "duration": "2h", "zone": "UTC"}]
                },
            },
            "spec.maintenance.windows[0].zone",
            "known here are",
        ),
        (
            {**GOOD, "clientAuthentication": {"ca": {"secretKeyRef": {"name": "a", "path": "b"}}}},
            "spec.clientAuthentication.ca.secretKeyRef.path",
            "unknown field",
        ),
    ],
)
def test_a_field_that_the_schema_does_not_have_is_told_with_the_one_that_was_meant(
    spec: Json, field: str, words: str
) -> None:
    [finding] = [each for each in found(text_of(resource(spec))) if each.field == field]

    assert finding.severity == "error"
    assert words in finding.message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("namspace", "did you mean namespace"),
        ("lables", "did you mean labels?"),
        ("owner_references", "did you mean ownerReferences?"),
        ("team", "take it out; known here are annotations, "),
    ],
)
def test_metadata_has_the_fields_that_every_object_has_and_no_others(name: str, words: str) -> None:
    wanted = resource()
    wanted["metadata"] |= {"labels": {"a": "b"}, "uid": "x", "managedFields": [], name: "shop"}

    [finding] = found(text_of(wanted))

    assert (finding.severity, finding.field) == ("error", f"metadata.{name}")
    assert f"unknown field; {words}" in finding.message


def test_a_finding_names_the_line_of_its_field() -> None:
    text = textwrap.dedent("""\
        # The shop.
        apiVersion: rds-ssl.dev/v1alpha1
        kind: DBInstanceSSL
        metadata:
          name: orders
        spec:
          instanceID: pgm-bp1
          regionID: cn-hangzhou
          maintenance:
            windows:
              - schedule: 0 3 * * SAT
                duration: 1m
          serverCertificate:
            caType: custom
          wrong: 1
    """)

    assert [(each.line, each.field) for each in found(text)] == [
        (12, "spec.maintenance.windows[0].duration"),
        (13, "spec.serverCertificate"),
        (15, "spec.wrong"),
    ]


def test_a_window_that_never_comes_is_told() -> None:
    windows = {"windows": [{"schedule": "0 3 31 2 *", "duration": "2h"}]}

    [finding] = found(text_of(resource({**GOOD, "maintenance": windows})))

    assert (finding.reason, finding.field) == (
        "DeclarationInvalid",
        "spec.maintenance.windows[0].schedule",
    )


@pytest.mark.parametrize(
    ("patch", "field"),
    [
        ({"apiVersion": "rds-ssl.dev/v1"}, "apiVersion"),
        ({"kind": "DbInstanceSsl"}, "kind"),
        ({"spec": None}, "spec"),
        ({"specs": {}}, "specs"),
        ({"metadata": {}}, "metadata.name"),
        ({"metadata": {"name": "Orders"}}, "metadata.name"),
        ({"metadata": {"name": "o", "namespace": "a.b"}}, "metadata.namespace"),
        ({"metadata": {"name": "o", "labels": {"team": True}}}, "metadata.labels.team"),
    ],
)
def test_what_stands_around_the_spec_is_checked_too(patch: Json, field: str) -> None:
    findings = found(text_of({**resource(), **patch}))

    assert [each.field for each in findings] == [field]


def test_two_objects_of_one_instance_are_told_and_one_that_observes_is_not() -> None:
    first, second = resource(), resource(name="copy")
    observing = resource({**GOOD, "managementPolicy": "Observe"}, name="look")

    [finding] = found(text_of(first, second, observing))

    assert (finding.name, finding.field, finding.reason) == (
        "copy", "spec.instanceID", "Conflict",
    )  # fmt: skip
    assert "shop/orders" in finding.message


def test_an_object_that_stands_twice_is_told_once() -> None:
    assert said(found(text_of(resource(), resource()))) == [("warning", "metadata.name", "")]


def test_a_field_that_stands_twice_is_told_with_its_line() -> None:
    text = text_of(resource()) + "  enabled: true\n  enabled: false\n"

    [finding] = found(text)

    assert finding.line == text.count("\n")
    assert "enabled stands twice" in finding.message


# --- what they refer to ---------------------------------------------------------------------------


def test_a_good_pair_has_nothing_wrong_with_it(world: World) -> None:
    pair = secret(tls_crt=world.leaf.chain_pem, tls_key=world.leaf.key_pem())

    assert found(text_of(pair, resource(with_certificate(connectionString=HOST)))) == []


def broken_key(world: World) -> Json:
    text = world.leaf.key_pem().decode()
    return secret(tls_crt=world.leaf.chain_pem, tls_key=text[:60] + "#" + text[61:])


@pytest.mark.parametrize(
    ("pair", "reason", "key"),
    [
        (lambda w: secret(tls_crt=w.leaf.chain_pem, tls_key=w.rsa.key_pem()), "KeyMismatch",
         "tls.key"),
        (lambda w: secret(tls_crt=w.leaf.chain_pem), "SecretKeyMissing", ""),
        (lambda w: secret(tls_crt="", tls_key=w.leaf.key_pem()), "SecretKeyMissing", "tls.crt"),
        (lambda w: secret(tls_crt=w.other.pem, tls_key=w.other.key_pem()), "MaterialInvalid",
         "tls.crt"),
        (lambda w: secret(tls_crt=w.leaf.wrong_order_pem, tls_key=w.leaf.key_pem()),
         "MaterialInvalid", "tls.crt"),
        (lambda w: secret(tls_crt="hello", tls_key=w.leaf.key_pem()), "MaterialInvalid",
         "tls.crt"),
        (broken_key, "MaterialInvalid", "tls.key"),
    ],
)  # fmt: skip
def test_a_pair_that_the_operator_would_refuse_is_told_at_its_line(
    pair: Callable[[World], Json], reason: str, key: str, world: World
) -> None:
    text = text_of(resource(with_certificate(connectionString=HOST)), pair(world))

    [finding] = [each for each in found(text) if each.severity == "error"]

    assert (finding.reason, finding.field) == (reason, "spec.serverCertificate.secretRef")
    assert finding.title == "DBInstanceSSL shop/orders"
    assert "Secret orders-tls" in finding.message
    line = text.splitlines()[finding.line - 1]
    assert line.strip().startswith(f"{key}:" if key else "apiVersion: v1")


def test_an_expired_certificate_and_one_that_expires_soon_are_told(world: World) -> None:
    end = datetime(2030, 1, 1, tzinfo=UTC)
    leaf = world.intermediate.leaf(HOST, not_before=end - timedelta(days=300), not_after=end)
    text = text_of(
        resource(with_certificate()), secret(tls_crt=leaf.chain_pem, tls_key=leaf.key_pem())
    )

    def judged(days: int) -> list[tuple[str, str]]:
        now = end + timedelta(days=days)
        return [(each.severity, each.reason) for each in found(text, now=now)]

    assert ("warning", "CertificateExpiring") in judged(-10)
    assert ("error", "MaterialInvalid") in judged(1)
    assert ("warning", "CertificateExpiring") not in judged(1)


def test_string_data_goes_before_data_and_a_config_map_is_read_as_it_is(world: World) -> None:
    pair = secret(tls_crt="old", tls_key=world.leaf.key_pem())
    pair["stringData"] = {"tls.crt": world.leaf.chain_pem.decode()}
    ca = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "client-ca", "namespace": "shop"},
        "data": {"ca.crt": world.root.pem.decode()},
        "binaryData": {"ca.crl": base64.b64encode(world.crl).decode()},
    }
    reference = {"configMapKeyRef": {"name": "client-ca"}}
    clients = {
        "ca": reference,
        "revocationList": reference,
        "acl": "cert",
        "replicationACL": "cert",
    }

    assert found(text_of(pair, ca, resource(with_certificate(clientAuthentication=clients)))) == []


def test_what_is_wrong_with_the_certificate_does_not_hide_what_is_wrong_with_the_rest(
    world: World,
) -> None:
    reference = {"secretKeyRef": {"name": "orders-tls"}}
    lists = {"secretKeyRef": {"name": "orders-tls", "key": "ca.crl"}}
    clients = {"ca": reference, "revocationList": lists, "acl": "cert", "replicationACL": "cert"}
    foreign = pki.make_root("Foreign").revocation_list()
    pair = secret(tls_crt="x", tls_key="y", ca_crt=world.root.pem, ca_crl=foreign)

    findings = found(text_of(pair, resource(with_certificate(clientAuthentication=clients))))

    assert {(each.field, each.reason) for each in findings if each.severity == "error"} == {
        ("spec.serverCertificate.secretRef", "MaterialInvalid"),
        ("spec.clientAuthentication.revocationList", "MaterialInvalid"),
    }


def test_open_doors_are_a_warning_of_the_object_itself(world: World) -> None:
    clients = {"ca": {"secretKeyRef": {"name": "ca"}}}
    text = text_of(
        secret("ca", ca_crt=world.root.pem), resource({**GOOD, "clientAuthentication": clients})
    )

    [finding] = found(text)

    assert finding.severity == "warning"
    assert "acl and replicationACL prefer still accept" in finding.message
    assert text.splitlines()[finding.line - 1].strip() == "clientAuthentication:"


def test_a_value_that_is_no_base64_is_told_once_and_not_shown() -> None:
    pair = secret(tls_crt="x", tls_key="y")
    pair["data"]["tls.crt"] = "-----BEGIN CERTIFICATE-----"

    [finding] = found(text_of(pair, resource(with_certificate())))

    assert (finding.kind, finding.field) == ("Secret", "data.tls.crt")
    assert "stringData" in finding.message
    assert "BEGIN" not in finding.message


def test_an_access_key_that_lacks_a_part_is_told() -> None:
    wanted = resource({**GOOD, "credentialsSecretRef": {"name": "rds"}})

    [finding] = found(text_of(wanted, secret("rds", accessKeyId="LTAI5t")))

    assert (finding.reason, finding.field) == ("CredentialsInvalid", "spec.credentialsSecretRef")
    assert "accessKeySecret is missing" in finding.message


def test_with_enabled_false_no_material_is_read() -> None:
    pair = secret(tls_crt="x", tls_key="y")

    assert found(text_of(pair, resource(with_certificate(enabled=False)))) == []


def test_a_secret_of_another_namespace_does_not_count_and_one_without_any_does(
    world: World,
) -> None:
    bad = {"tls_crt": world.leaf.chain_pem, "tls_key": world.rsa.key_pem()}

    def reasons(namespace: str) -> list[str]:
        text = text_of(resource(with_certificate()), secret(namespace=namespace, **bad))
        return [each.reason for each in found(text) if each.severity == "error"]

    assert reasons("other") == []
    assert reasons("") == ["KeyMismatch"]


# --- what no file has -----------------------------------------------------------------------------


def test_a_reference_that_no_file_has_is_a_finding_with_strict_alone() -> None:
    text = text_of(resource(with_certificate(credentialsSecretRef={"name": "rds"})))

    assert found(text) == []
    assert said(found(text, strict=True)) == [
        ("error", "spec.serverCertificate.secretRef", "SecretNotFound"),
        ("error", "spec.credentialsSecretRef", "SecretNotFound"),
    ]


@pytest.mark.parametrize(
    "maker",
    [
        {"kind": "Certificate", "spec": {"secretName": "orders-tls"}},
        {"kind": "ExternalSecret", "spec": {"target": {"name": "orders-tls"}}},
        {"kind": "SealedSecret", "metadata": {"name": "orders-tls", "namespace": "shop"}},
        {"apiVersion": "v1", "kind": "Secret", "sops": {}, "data": {"tls.crt": "ENC[AES256]"},
         "metadata": {"name": "orders-tls", "namespace": "shop"}},
    ],
    ids=lambda each: each["kind"],
)  # fmt: skip
def test_what_makes_the_secret_in_the_cluster_counts_as_there(maker: Json) -> None:
    maker = {"metadata": {"name": "x", "namespace": "shop"}, **maker}

    assert found(text_of(maker, resource(with_certificate())), strict=True) == []


@pytest.mark.parametrize(
    ("namespace", "maker", "reasons"),
    [
        ("", "shop", []),
        ("", "", []),
        ("shop", "", []),
        ("shop", "other", ["SecretNotFound"]),
    ],
)
def test_what_makes_a_secret_counts_for_an_object_that_is_given_its_namespace_later(
    namespace: str, maker: str, reasons: list[str]
) -> None:
    certificate = {
        "kind": "Certificate",
        "metadata": {"name": "x", "namespace": maker},
        "spec": {"secretName": "orders-tls"},
    }
    wanted = resource(with_certificate(), namespace=namespace)

    findings = found(text_of(certificate, wanted), strict=True)

    assert [each.reason for each in findings] == reasons


# --- files ----------------------------------------------------------------------------------------


def test_lists_directories_json_and_standard_input_are_read(tmp_path: Path) -> None:
    bad = resource({**GOOD, "enabled": "yes!"})
    (tmp_path / "a.yaml").write_text("---\n---\n# Nothing.\n")
    (tmp_path / "b.json").write_text(
        json.dumps({"kind": "List", "items": [resource(), bad]}, indent=2)
    )
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.yaml").write_text(": : :")
    (tmp_path / "notes.txt").write_text(": : :")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.yml").write_text(text_of({"kind": "Deployment"}, bad))

    result = invoke(tmp_path, "-", stdin=text_of(bad))

    assert result.exit_code == 1
    places = re.findall(r"^(.*?):(\d+): error: .*spec.enabled", result.output, re.MULTILINE)
    assert [(Path(file).name, int(line)) for file, line in places] == [
        ("b.json", 26), ("d.yml", 11), ("-", 9),
    ]  # fmt: skip


def test_a_template_in_a_directory_is_left_out_and_one_that_was_named_is_not(
    tmp_path: Path,
) -> None:
    chart = tmp_path / "chart.yaml"
    chart.write_text("kind: {{ .Values.kind }}\n")

    whole, named = invoke(tmp_path), invoke(chart)

    assert whole.exit_code == 0
    assert "looks like a template and was left out" in whole.stderr
    assert named.exit_code == 2
    assert "helm template" in named.output


@pytest.mark.parametrize("kind", [{"a": "b"}, ["Secret"], None, 7])
def test_a_file_whose_kind_is_no_text_is_none_of_our_business(kind: object) -> None:
    broken = resource({**GOOD, "enabled": 1})

    assert said(found(text_of({"apiVersion": "v1", "kind": kind}, broken))) == [
        ("error", "spec.enabled", "DeclarationInvalid")
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"a: [",
        b"\xff\xfe",
        b"a: &x [*x]",
        b"[" * 5000,
        b"a: \x00",
        b"a: !!int x",
        b"a: !!int ''",
        b"a: !!bool x",
        b"a: !!timestamp x",
        b"a: !!timestamp [x]",
        b"a: " + b"1:" * 500 + b"1.0",
    ],
)
def test_a_file_that_cannot_be_read_is_told_and_the_others_are_judged(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    (tmp_path / "good.yaml").write_text(text_of(resource({**GOOD, "enabled": 1})))

    result = invoke(tmp_path / "bad.yaml", tmp_path / "good.yaml", tmp_path / "none.yaml")

    assert result.exit_code == 2
    assert re.search(r"bad.yaml:[12]: error: it ", result.output)
    assert "spec.enabled" in result.output
    assert "none.yaml:1: error: it cannot be read: No such file" in result.output


def test_a_text_that_looks_like_a_time_stays_a_text() -> None:
    text = text_of(resource()).replace("name: orders", "name: 2026-01-01")

    assert found(text) == []


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "code"),
    [
        (text_of(resource()), [], 0),
        (text_of(resource(), resource()), [], 0),
        (text_of(resource(), resource()), ["--strict"], 1),
        (text_of(resource({})), [], 1),
        ("a: [", [], 2),
    ],
    ids=["clean", "warnings", "warnings, strict", "errors", "unreadable"],
)
def test_the_exit_code_says_what_was_found(text: str, options: list[str], code: int) -> None:
    assert invoke(*options, "-", stdin=text).exit_code == code


def test_without_a_file_the_command_line_cannot_be_read() -> None:
    assert invoke().exit_code == 2


def test_json_has_every_key_and_nothing_else_is_on_standard_output() -> None:
    result = invoke("-o", "json", "-", stdin=text_of(resource({**GOOD, "suspend": "no!"})))

    assert json.loads(result.stdout) == [
        {
            "file": "-",
            "line": 9,
            "severity": "error",
            "kind": "DBInstanceSSL",
            "namespace": "shop",
            "name": "orders",
            "field": "spec.suspend",
            "reason": "DeclarationInvalid",
            "message": "Input should be a valid boolean",
        }
    ]
    assert json.loads(invoke("-o", "json", "-", stdin="").stdout) == []


def test_github_gets_commands_of_one_line_that_a_name_cannot_end(tmp_path: Path) -> None:
    file = tmp_path / "a,b:c%\nd.yaml"
    file.write_text(text_of(resource({**GOOD, "x\n::error::": 1}, name="Bad,\nname")))

    lines = invoke("-o", "github", file).output.splitlines()

    assert len(lines) == 2
    assert all(
        line.startswith(f"::error file={tmp_path}/a%2Cb%3Ac%25%0Ad.yaml,line=") for line in lines
    )
    assert all("title=DBInstanceSSL shop/…::" in line for line in lines)


def test_a_long_host_name_a_key_and_a_schedule_are_named_as_they_are_declared(
    world: World,
) -> None:
    host, key = "pgm-bp1234567890abcde.pg.rds.aliyuncs.com", "orders-2026.production.Client-CA.crt"
    pair = secret(tls_crt=world.leaf.chain_pem, tls_key=world.leaf.key_pem())
    ca = {"ca": {"secretKeyRef": {**PAIR, "key": key}}}
    declared = resource(with_certificate(connectionString=host, clientAuthentication=ca))
    never = resource({**GOOD, **window(schedule="0 3 31 2 *", timeZone="America/New_York")})

    text = "\n".join(each.message for each in found(text_of(pair, declared, never)))

    assert all(each in text for each in (host, key, "0 3 31 2 *"))


def test_a_name_that_no_object_can_have_is_not_shown_and_one_that_it_can_have_is() -> None:
    bad = {**GOOD, "enabled": 1}

    def shown(name: str, namespace: str) -> set[str]:
        return {
            each.title for each in found(text_of(resource(bad, name=name, namespace=namespace)))
        }

    assert shown("orders.v1", "shop") == {"DBInstanceSSL shop/orders.v1"}
    assert shown("Orders", "Shop") == {"DBInstanceSSL …/…"}
    assert shown("o" * 253, "") == {f"DBInstanceSSL {'o' * 253}"}
    assert shown("o" * 254, "") == {"DBInstanceSSL …"}


def test_nothing_of_a_private_key_is_ever_said_wherever_it_was_pasted(
    world: World, tmp_path: Path
) -> None:
    key = world.rsa.key_pem().decode()
    line = key.splitlines()[1]
    inner = re.sub(r"[+/]", "A", line)  # What could be a name, or a tag.
    head = text_of(resource(with_certificate()))
    pasted = [
        f"{head}---\napiVersion: v1\nkind: Secret\nstringData:\n  tls.key: |\n{key}",
        f"{head}---\n{key}",
        f"{head}  {inner}: x\n",
        f"{head}  enabled: {inner}\n",
        f"{head}  *{inner}\n",
        f"{head}  !{inner} x\n",
        f"a: '{inner}\n",
        f"a: !{inner} x\n",
        f"%{inner}\n---\n",
        text_of({**resource(with_certificate()), inner: 1}),
        text_of(secret(tls_crt=key, tls_key=key[:200]), resource(with_certificate())),
        text_of({**secret(), "data": {"tls.crt": key, inner: "x"}}, resource(with_certificate())),
        text_of({**secret(), "data": {"a": "eA==", inner: "eA=="}}, resource(with_certificate())),
        text_of({**secret(), "stringData": key}, resource(with_certificate())),
        *(
            text_of(*objects)
            for each in (key, line, inner)
            for objects in (
                [resource(name=each)],
                [resource(namespace=each)],
                [resource(name=each, namespace=each), resource()],
                [{**secret(each, namespace=each), "data": {"tls.crt": "no base64"}}],
                2 * [secret(each, namespace=each)],
            )
        ),
        *(
            text_of(
                secret(tls_crt=world.leaf.chain_pem, tls_key=world.leaf.key_pem()),
                resource(with_certificate(**fields)),
            )
            for fields in (
                {"serverCertificate": {"secretRef": {**PAIR, "certificateKey": inner}}},
                {"clientAuthentication": {"ca": {"secretKeyRef": {**PAIR, "key": inner}}}},
                {"connectionString": inner[:40]},
                window(timeZone=line),
                window(schedule=f"-----BEGIN RSA PRIVATE KEY----- {inner}"),
            )
        ),
    ]
    for number, text in enumerate(pasted):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        for form in ("text", "json", "github"):
            result = invoke("--strict", "-o", form, file)

            assert result.exit_code in {1, 2}, text
            assert not [
                each[at : at + 24]
                for each in (line, inner)
                for at in range(len(each) - 24)
                if each[at : at + 24] in result.output
            ], (number, result.output)


def test_the_samples_of_this_project_have_nothing_wrong_with_them() -> None:
    result = invoke(ROOT / "deploy" / "samples")

    assert result.exit_code == 0, result.output
