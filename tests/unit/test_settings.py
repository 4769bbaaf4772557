"""Settings: what is read, what wins, and that all faults come at once and without secrets."""

from pathlib import Path

import pytest

from rds_ssl.core.errors import SettingsError
from rds_ssl.core.secret_text import SecretText
from rds_ssl.settings import describe, flags, load, sends_plain_http
from support import pki

KEY = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI5tExample",
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "hush-hush",
}


def faults(environ: dict[str, str], **overrides: object) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load(environ, overrides)
    return caught.value.faults


def test_without_any_setting_the_defaults_hold() -> None:
    settings = load({})

    assert settings.workers == 16
    assert settings.api_rate == 5.0
    assert settings.resync == 600.0
    assert settings.poll == 10.0
    assert settings.quiet_period == 10.0
    assert settings.settle == 180.0
    assert settings.verify_after == 30.0
    assert settings.apply_timeout == 1800.0
    assert settings.expiry_warning == 720 * 3600.0
    assert settings.max_concurrent_changes == 5
    assert settings.http_bind == ":8080"
    assert settings.network == "public"
    assert not settings.read_only
    assert settings.kubeconfig is None
    assert settings.namespaces == settings.identity_namespaces == ()
    assert settings.access_key_id is None
    assert settings.access_key_secret is None
    assert settings.security_token is None


def test_what_is_loaded_cannot_be_changed() -> None:
    settings = load({})

    with pytest.raises(ValueError, match="frozen"):
        settings.workers = 1  # type: ignore[misc]


def test_an_override_wins_over_the_environment() -> None:
    settings = load({"RDS_SSL_POLL": "7s", "RDS_SSL_SETTLE": "1m"}, {"poll": "3s", "settle": None})

    assert settings.poll == 3.0
    assert settings.settle == 60.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("0.5s", 0.5),
        ("90m", 5400.0),
        ("1h30m", 5400.0),
        ("1.5h", 5400.0),
        ("1h2m3.25s", 3723.25),
        (" 4s ", 4.0),
    ],
)
def test_durations_are_hours_minutes_and_seconds(text: str, seconds: float) -> None:
    assert load({"RDS_SSL_QUIET_PERIOD": text}).quiet_period == seconds


@pytest.mark.parametrize(
    "text", ["10", "5 s", "1m1h", "-1s", "1d", "1e3s", ".5s", "h", "\uff11s", "500ms", "9999999s"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    [fault] = faults({"RDS_SSL_POLL": text})

    assert fault == (
        f"RDS_SSL_POLL is {text!r}: it should be a duration such as 10s, 0.5s or 1h30m"
        " (units h, m, s)"
    )


@pytest.mark.parametrize("seconds", [float("inf"), float("nan"), -1.0])
def test_a_duration_given_as_a_number_is_a_time_too(seconds: float) -> None:
    assert load({}, {"resync": 0.2}).resync == 0.2
    assert len(faults({}, resync=seconds)) == 1


def test_lists_are_separated_by_commas_or_spaces() -> None:
    settings = load(
        {
            "RDS_SSL_NAMESPACES": "shop, team-a\nteam-b,shop,",
            "RDS_SSL_IDENTITY_NAMESPACES": "team-* [a-c]?",
        }
    )

    assert settings.namespaces == ("shop", "team-a", "team-b")
    assert settings.identity_namespaces == ("team-*", "[a-c]?")


def test_an_empty_variable_is_one_that_is_not_set() -> None:
    names = [flag.variable for flag in flags() if flag.setting != "http_bind"]

    settings = load(dict.fromkeys(names, "") | {"ALIBABA_CLOUD_SECURITY_TOKEN": " "})

    assert settings == load({})


def test_an_empty_bind_address_turns_the_server_off() -> None:
    assert load({"RDS_SSL_HTTP_BIND": ""}).http_bind == ""


@pytest.mark.parametrize("bind", [":8080", "127.0.0.1:0", "[::1]:65535", "localhost:80"])
def test_a_bind_address_is_a_host_or_none_and_a_port(bind: str) -> None:
    assert load({"RDS_SSL_HTTP_BIND": bind}).http_bind == bind


@pytest.mark.parametrize("bind", ["8080", ":", ":65536", "::1:80", "http://x:1", "a b:1", "x:y"])
def test_another_bind_address_is_refused(bind: str) -> None:
    [fault] = faults({"RDS_SSL_HTTP_BIND": bind})

    assert fault.startswith(f"RDS_SSL_HTTP_BIND is {bind!r}: it should be [HOST]:PORT")


@pytest.mark.parametrize(
    "url",
    [
        "https://rds.aliyuncs.com",
        "https://gateway.corp:8443/",
        "http://127.0.0.1:18080",
        "http://localhost",
        "http://[::1]:9",
        "cn-hangzhou=https://rds.corp",
        "cn-hangzhou=https://rds.corp:8443/, eu-central-1 = http://127.0.0.1:1",
    ],
)
def test_an_api_url_is_https_or_stays_on_this_machine(url: str) -> None:
    assert load({"RDS_SSL_API_URL": url}).api_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://rds.aliyuncs.com",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "rds.aliyuncs.com",
        "https://",
        "https://host/path",
        "https://host?query",
        "https://host:99999",
        "ftp://host",
        "cn-x=http://rds.aliyuncs.com",
        "cn-x=https://host,",
        "cn-x=",
        "=https://host",
        "CN-X=https://host",
        "cn-x=https://host,https://other",
        "https://host,https://other",
    ],
)
def test_another_api_url_is_refused(url: str) -> None:
    [fault] = faults({"RDS_SSL_API_URL": url})

    assert fault.startswith("RDS_SSL_API_URL")
    assert "it should be https://HOST" in fault


def test_a_region_has_one_api_url() -> None:
    [fault] = faults({"RDS_SSL_API_URL": "cn-x=https://a,cn-y=https://b,cn-x=https://c"})

    assert "it should name each region once" in fault


def test_a_password_in_a_url_is_not_repeated() -> None:
    [fault] = faults({"RDS_SSL_API_URL": "https://user:pa55word@host"})

    assert "pa55word" not in fault


@pytest.mark.parametrize(
    "selector", ["env=prod", "a", "!a", "example.com/tier in (a, b),c!=d , e==f", "a notin (b)"]
)
def test_a_label_selector_is_taken_as_it_is(selector: str) -> None:
    assert load({"RDS_SSL_SELECTOR": selector}).selector == selector


@pytest.mark.parametrize("selector", ["a in ()", "a=b=c", "a,,b", "a in b", "-a=b", "a=ü"])
def test_what_is_no_label_selector_is_refused(selector: str) -> None:
    assert len(faults({"RDS_SSL_SELECTOR": selector})) == 1


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("WORKERS", "many", "is 'many': it should be a whole number"),
        ("WORKERS", "0", "is '0': it should be greater than or equal to 1"),
        ("API_RATE", "-1", "is '-1': it should be greater than or equal to 0"),
        ("API_RATE", "fast", "is 'fast': it should be a number"),
        ("POLL", "0s", "is '0s': it should be greater than 0"),
        ("READ_ONLY", "perhaps", "is 'perhaps': it should be true or false"),
        ("NETWORK", "lan", "is 'lan': it should be 'public' or 'vpc'"),
        ("LOG_FORMAT", "xml", "is 'xml': it should be 'text' or 'json'"),
        (
            "NAMESPACES",
            "S",
            "is 'S': it should be names of namespaces with commas or spaces between them",
        ),
    ],
)
def test_a_fault_names_the_variable_the_value_and_what_is_allowed(
    variable: str, value: str, sentence: str
) -> None:
    assert faults({f"RDS_SSL_{variable}": value}) == (f"RDS_SSL_{variable} {sentence}",)


def test_all_faults_come_at_once() -> None:
    found = faults(
        {
            "RDS_SSL_WORKERS": "many",
            "RDS_SSL_POLL": "soon",
            "RDS_SSL_SETTLE": "2h",
            "RDS_SSL_READ_ONY": "true",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI5tExample",
        },
        network="lan",
        colour="red",
    )

    text = "\n".join(found)
    assert len(found) == 7
    for part in ("WORKERS", "POLL", "SETTLE", "READ_ONY", "KEY_SECRET", "--network", "colour"):
        assert part in text


def test_a_faulty_flag_is_named_as_flag_and_as_variable() -> None:
    [fault] = faults({"RDS_SSL_POLL": "5s"}, poll="soon")

    assert fault.startswith("RDS_SSL_POLL (as --poll) is 'soon': ")


def test_a_long_value_is_cut() -> None:
    [fault] = faults({"RDS_SSL_LOG_LEVEL": "x" * 5000})

    assert len(fault) < 250


@pytest.mark.parametrize(
    ("environ", "first", "second"),
    [
        ({"VERIFY_AFTER": "4m"}, "VERIFY_AFTER is 4m", "SETTLE with 3m"),
        ({"POLL": "200s"}, "POLL is 3m20s", "SETTLE with 3m"),
        ({"SETTLE": "0.5h", "APPLY_TIMEOUT": "61.5s"}, "SETTLE is 30m", "TIMEOUT with 61.5s"),
    ],
)
def test_durations_that_contradict_each_other_are_refused(
    environ: dict[str, str], first: str, second: str
) -> None:
    [fault] = faults({f"RDS_SSL_{name}": value for name, value in environ.items()})

    assert first in fault
    assert second in fault


def test_a_faulty_duration_contradicts_nothing_else() -> None:
    found = faults({"RDS_SSL_SETTLE": "long", "RDS_SSL_VERIFY_AFTER": "10m"})

    assert [fault.split()[0] for fault in found] == ["RDS_SSL_SETTLE"]


def test_a_misspelt_setting_is_refused() -> None:
    assert faults({"RDS_SSL_READ_ONY": "true"}) == (
        "RDS_SSL_READ_ONY is no setting; `rds-ssl run --help` lists them",
    )


def test_what_kubernetes_says_about_a_service_is_no_setting() -> None:
    load(
        {
            "RDS_SSL_SERVICE_HOST": "10.0.0.1",
            "RDS_SSL_SERVICE_PORT": "80",
            "RDS_SSL_SERVICE_PORT_METRICS": "80",
            "RDS_SSL_PORT": "tcp://10.0.0.1:80",
            "RDS_SSL_PORT_80_TCP_ADDR": "10.0.0.1",
            "RDS_SSL_METRICS_PORT_80_TCP": "tcp://10.0.0.1:80",
        }
    )


def test_an_access_key_is_read_and_never_shown() -> None:
    settings = load(KEY | {"ALIBABA_CLOUD_SECURITY_TOKEN": " CAISexample\n"})

    assert settings.access_key_id == "LTAI5tExample"
    assert settings.access_key_secret == SecretText("hush-hush")
    assert settings.security_token == SecretText("CAISexample")
    for text in (repr(settings), str(settings), repr(describe(settings))):
        assert "hush" not in text
        assert "CAIS" not in text


@pytest.mark.parametrize(
    "present",
    [
        ("ACCESS_KEY_ID",),
        ("ACCESS_KEY_SECRET",),
        ("SECURITY_TOKEN",),
        ("ACCESS_KEY_ID", "SECURITY_TOKEN"),
    ],
    ids="+".join,
)
def test_half_an_access_key_is_a_fault(present: tuple[str, ...]) -> None:
    [fault] = faults({f"ALIBABA_CLOUD_{name}": "hush" for name in present})

    assert "set without ALIBABA_CLOUD_ACCESS_KEY_" in fault
    assert "hush" not in fault


def test_characters_that_no_key_has_are_refused_without_the_value() -> None:
    found = faults(
        {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAI, 5t",
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "hush\r\nhush",
        }
    )

    assert found == (
        "ALIBABA_CLOUD_ACCESS_KEY_ID: it holds characters that no access key has",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET: it holds characters that no access key has",
    )


def test_an_error_keeps_no_secret_behind_it() -> None:
    with pytest.raises(SettingsError) as caught:
        load(KEY | {"RDS_SSL_WORKERS": "many"})

    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_the_description_tells_value_and_source_of_each_setting() -> None:
    settings = load(
        {"RDS_SSL_POLL": "0.25s", "RDS_SSL_NAMESPACES": "a b", "KUBECONFIG": "~/.kube/config"}
        | KEY,
        {"api_rate": "0.5", "read_only": True},
    )

    rows = {row.name: (row.value, row.source) for row in describe(settings)}

    assert rows["RDS_SSL_POLL"] == ("0.25s", "environment")
    assert rows["RDS_SSL_NAMESPACES"] == ("a,b", "environment")
    assert rows["RDS_SSL_API_RATE"] == ("0.5", "flag")
    assert rows["RDS_SSL_READ_ONLY"] == ("true", "flag")
    assert rows["RDS_SSL_EXPIRY_WARNING"] == ("720h", "default")
    assert rows["KUBECONFIG"] == ("~/.kube/config", "environment")
    assert rows["ALIBABA_CLOUD_ACCESS_KEY_ID"] == ("set", "environment")
    assert rows["ALIBABA_CLOUD_SECURITY_TOKEN"] == ("not set", "default")
    assert all(row.meaning for row in describe(settings))


def test_what_is_shown_of_a_setting_reads_as_the_same_setting() -> None:
    settings = load({"RDS_SSL_POLL": "0.25s", "RDS_SSL_SETTLE": "1m1s"})
    shown = {row.name: row.value for row in describe(settings) if row.name.startswith("RDS_SSL_")}

    assert load(shown) == settings


def test_a_shard_is_read_and_shown_as_it_is_written() -> None:
    settings = load({"RDS_SSL_SHARD": " 2/8 "})

    assert (settings.shard.number, settings.shard.count) == (2, 8)
    assert {row.name: row.value for row in describe(settings)}["RDS_SSL_SHARD"] == "2/8"
    assert str(load({}, {"shard": "1/2"}).shard) == "1/2"


@pytest.mark.parametrize("text", ["8", "0/8", "9/8", "two of eight", "1/1000"])
def test_a_shard_that_is_none_is_a_fault_that_says_how_one_is_written(text: str) -> None:
    (fault,) = faults({"RDS_SSL_SHARD": text})

    assert fault.startswith(f"RDS_SSL_SHARD is {text!r}: it should be NUMBER/COUNT such as 2/8")


# -- the operator's own identity -------------------------------------------------------------------

RRSA = {
    "ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1234567890123456:role/rds-ssl",
    "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1234567890123456:oidc-provider/ack-rrsa-c1",
    "ALIBABA_CLOUD_OIDC_TOKEN_FILE": "/var/run/secrets/ack.alibabacloud.com/rrsa-tokens/token",
}


def test_what_the_webhook_of_ack_sets_is_understood() -> None:
    settings = load(
        RRSA
        | {
            "ALIBABA_CLOUD_STS_ENDPOINT": "sts-vpc.cn-hangzhou.aliyuncs.com",
            "ALIBABA_CLOUD_STS_REGION": "cn-hangzhou",
            "ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED": "true",
        }
    )

    assert settings.role_arn == RRSA["ALIBABA_CLOUD_ROLE_ARN"]
    assert settings.oidc_provider_arn == RRSA["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"]
    assert settings.oidc_token_file == RRSA["ALIBABA_CLOUD_OIDC_TOKEN_FILE"]
    assert settings.sts_endpoint == "sts-vpc.cn-hangzhou.aliyuncs.com"
    assert (settings.sts_region, settings.vpc_endpoint_enabled) == ("cn-hangzhou", True)


@pytest.mark.parametrize("missing", RRSA)
def test_half_an_rrsa_is_a_fault(missing: str) -> None:
    [fault] = faults({name: value for name, value in RRSA.items() if name != missing})

    assert fault.endswith(
        f" set without {missing}: RRSA needs a role, an OIDC provider and a token file"
    )


def test_a_role_alone_is_for_other_programs() -> None:
    assert load({"ALIBABA_CLOUD_ROLE_ARN": RRSA["ALIBABA_CLOUD_ROLE_ARN"]}).oidc_token_file is None


def test_an_external_id_is_for_a_role() -> None:
    [fault] = faults({"RDS_SSL_ASSUME_ROLE_EXTERNAL_ID": "x-1"})

    assert "set without RDS_SSL_ASSUME_ROLE_ARN" in fault


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALIBABA_CLOUD_ROLE_ARN", "rds-ssl"),
        ("ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "acs:ram::1:role/x"),
        ("ALIBABA_CLOUD_STS_ENDPOINT", "http://sts.aliyuncs.com"),
        ("ALIBABA_CLOUD_STS_ENDPOINT", "sts.aliyuncs.com/path"),
        ("ALIBABA_CLOUD_STS_REGION", "cn-hangzhou.evil.example"),
        ("ALIBABA_CLOUD_ECS_METADATA", "../x"),
        ("RDS_SSL_ECS_METADATA_URL", "http://169.254.169.254"),
        ("RDS_SSL_ECS_METADATA_URL", "http://100.100.100.200.evil.example"),
        ("RDS_SSL_ASSUME_ROLE_ARN", "acs:ram::x:role/y"),
        ("RDS_SSL_EXTERNAL_ID_PREFIX", "a b"),
    ],
)
def test_what_is_no_identity_is_refused(variable: str, value: str) -> None:
    assert any(fault.startswith(f"{variable} is {value!r}") for fault in faults({variable: value}))


@pytest.mark.parametrize("url", ["http://100.100.100.200", "http://127.0.0.1:18080"])
def test_the_metadata_service_is_where_it_is_or_on_this_machine(url: str) -> None:
    assert load({"RDS_SSL_ECS_METADATA_URL": url}).ecs_metadata_url == url


# --- the way to the cloud -------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["http://rds.corp", "cn-x=https://a,cn-y=http://rds.corp:8080/"])
def test_plain_http_to_another_machine_is_allowed_by_those_who_say_so(url: str) -> None:
    [fault] = faults({"RDS_SSL_API_URL": url})
    assert fault.startswith(f"RDS_SSL_API_URL is {url!r}: it should be https://HOST")
    assert "RDS_SSL_ALLOW_HTTP" in fault

    settings = load({"RDS_SSL_API_URL": url, "RDS_SSL_ALLOW_HTTP": "true"})
    assert settings.api_url == url
    assert sends_plain_http(settings)


@pytest.mark.parametrize("url", ["", "https://rds.corp", "http://127.0.0.1:1", "http://localhost"])
def test_https_and_this_machine_are_no_plain_http(url: str) -> None:
    assert not sends_plain_http(load({"RDS_SSL_API_URL": url, "RDS_SSL_ALLOW_HTTP": "true"}))


@pytest.mark.parametrize("url", ["http://proxy.corp:3128", "https://10.0.0.1", "http://[::1]:1/"])
def test_a_proxy_is_a_url_and_its_login_is_never_shown(url: str) -> None:
    settings = load({"RDS_SSL_PROXY": url, "RDS_SSL_PROXY_CREDENTIALS": "gate:p@ss:word"})

    assert settings.proxy == url
    assert settings.proxy_credentials is not None
    assert settings.proxy_credentials.reveal() == "gate:p@ss:word"
    assert "p@ss" not in str(describe(settings)) + repr(settings)
    assert [each.value for each in describe(settings) if "CREDENTIALS" in each.name] == ["set"]
    assert "proxy_credentials" not in {flag.setting for flag in flags()}


@pytest.mark.parametrize(
    "url",
    ["proxy.corp:3128", "socks5://proxy.corp", "http://gate:pa55word@proxy.corp", "http://a/b"],
)
def test_another_proxy_is_refused_without_its_password(url: str) -> None:
    [fault] = faults({"RDS_SSL_PROXY": url})

    assert fault.startswith("RDS_SSL_PROXY")
    assert "it should be http://HOST[:PORT]" in fault
    assert "pa55word" not in fault


@pytest.mark.parametrize("login", ["pa55word", ":pa55word", "a\tb:pa55word"])
def test_a_login_has_a_user_and_a_password(login: str) -> None:
    [fault] = faults({"RDS_SSL_PROXY": "http://a", "RDS_SSL_PROXY_CREDENTIALS": login})

    assert fault == "RDS_SSL_PROXY_CREDENTIALS: it should be USER:PASSWORD"


def test_a_login_without_a_proxy_is_a_fault() -> None:
    [fault] = faults({"RDS_SSL_PROXY_CREDENTIALS": "gate:pa55word"})

    assert fault == "RDS_SSL_PROXY_CREDENTIALS set without RDS_SSL_PROXY: nobody asks for it"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://127.0.0.1:4318",
        "http://otel-collector.observability:4318/",
        "https://traces.example.com/otlp/v1/traces",
    ],
)
def test_a_collector_of_traces_is_a_url_perhaps_with_a_path(url: str) -> None:
    assert load({"RDS_SSL_TRACING_ENDPOINT": url}).tracing_endpoint == url


@pytest.mark.parametrize(
    "url",
    [
        "http://gate:pa55word@otel:4318",
        "http://traces.example.com/adapt_one@pa55word_two/api/otlp/traces",
        "http://otel:4318/?token=pa55word",
    ],
)
def test_a_token_in_the_url_of_a_collector_is_refused_and_not_repeated(url: str) -> None:
    [fault] = faults({"RDS_SSL_TRACING_ENDPOINT": url})

    assert fault.startswith("RDS_SSL_TRACING_ENDPOINT: it should be http://HOST[:PORT]")
    assert fault.endswith("(OTEL_EXPORTER_OTLP_HEADERS takes those)")


def test_a_proxy_of_the_environment_is_none_of_ours() -> None:
    settings = load({"HTTPS_PROXY": "http://a", "https_proxy": "http://a", "ALL_PROXY": "http://a"})

    assert settings.proxy == ""


def test_a_file_of_cas_is_read_at_the_start(tmp_path: Path) -> None:
    root = pki.make_root("Own")
    (tmp_path / "ca.pem").write_bytes(root.pem + pki.make_root("Other").pem)

    assert load({"RDS_SSL_CA_BUNDLE": str(tmp_path / "ca.pem")}).ca_bundle


def test_a_file_without_cas_is_refused_with_what_is_wrong(tmp_path: Path) -> None:
    root = pki.make_root("Own")
    leaf = root.leaf("rds.test")
    files: dict[str, tuple[bytes, str]] = {
        "empty": (b"", "holds no certificate"),
        "key": (leaf.key_pem(), "holds no certificate"),
        "broken": (root.pem.replace(b"MII", b"MIX", 1), "holds no certificate"),
        "half": (root.pem + root.pem[:200], "holds no certificate"),
        "leaf": (leaf.chain_pem, "none of its certificates is of a CA"),
    }
    for name, (content, told) in files.items():
        (tmp_path / name).write_bytes(content)
        [fault] = faults({"RDS_SSL_CA_BUNDLE": str(tmp_path / name)})
        assert fault.startswith(f"RDS_SSL_CA_BUNDLE is '{tmp_path / name}': "), name
        assert told in fault, name
    [fault] = faults({"RDS_SSL_CA_BUNDLE": str(tmp_path / "missing")})
    assert "it cannot be read: No such file or directory" in fault
    [fault] = faults({"RDS_SSL_CA_BUNDLE": str(tmp_path)})
    assert fault.startswith(f"RDS_SSL_CA_BUNDLE is '{tmp_path}': it ")
