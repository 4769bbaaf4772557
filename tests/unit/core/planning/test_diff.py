from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_ssl.core.api.status import AppliedStatus
from rds_ssl.core.model import ACL, CAType, Observed
from rds_ssl.core.planning.changes import changes
from rds_ssl.core.planning.desired import Desired, inputs_digest
from rds_ssl.core.planning.diff import compare, observed_material, surroundings
from rds_ssl.core.planning.fields import MATERIAL, Comparison, Field
from rds_ssl.core.rds.responses import read_ssl
from rds_ssl.core.x509.pem import parse_certificates, parse_revocation_lists
from support import pki, states
from support.states import (
    CA,
    CLOUD,
    CLOUD_LEAF,
    CRL,
    CUSTOM,
    HOST,
    LEAF,
    MUTUAL,
    OFF,
    OTHER_CA,
    applied,
    certificate,
    mysql,
    postgresql,
    revocation_list,
)

FORCED = replace(CLOUD, force_encryption=True)
RENEWED = replace(CUSTOM, server_certificate=certificate("renewed", not_after=states.NOW))
SAME_DATES = replace(CUSTOM, server_certificate=certificate("twin"))

certificates = st.sampled_from([LEAF, CA, OTHER_CA, CLOUD_LEAF, certificate("more")])
lists = st.sampled_from([CRL, revocation_list(number=6), revocation_list("CN=b")])


@st.composite
def desired_states(draw: st.DrawFn, *, enabled: bool | None = None) -> Desired:
    if not (draw(st.booleans()) if enabled is None else enabled):
        return OFF
    ca_type = draw(st.sampled_from(CAType))
    cas = tuple(draw(st.lists(certificates, unique=True)))
    acls = st.sampled_from(ACL) if cas else st.just(ACL.PREFER)
    return Desired(
        enabled=True,
        connection_string=draw(st.sampled_from([HOST, states.OTHER_HOST])),
        ca_type=ca_type,
        server_certificate=draw(certificates) if ca_type is CAType.CUSTOM else None,
        client_ca=cas,
        revocation_list=tuple(draw(st.lists(lists, unique=True))) if cas else (),
        acl=draw(acls),
        replication_acl=draw(acls),
        force_encryption=draw(st.booleans()),
    )


def only(*fields: Field) -> frozenset[Field]:
    return frozenset(fields)


@given(desired_states())
def test_a_state_is_shown_by_what_shows_it(state: Desired) -> None:
    assert compare(state, postgresql(state)).shown


@given(desired_states(), desired_states())
def test_two_states_are_equal_exactly_if_their_digests_are(one: Desired, other: Desired) -> None:
    assert compare(one, postgresql(other)).shown == (one.digest == other.digest)


@given(desired_states(), desired_states(), desired_states())
def test_what_is_echoed_needs_no_record_of_what_was_applied(
    wanted: Desired, shown: Desired, before: Desired
) -> None:
    beside = compare(wanted, postgresql(shown), applied=applied(before))

    assert beside.different >= compare(wanted, postgresql(shown)).different


@given(desired_states(enabled=True))
def test_an_answer_that_shows_nothing_makes_no_difference(state: Desired) -> None:
    comparison = compare(state, Observed(enabled=True))

    assert comparison.different == frozenset()
    assert not comparison.shown


@given(desired_states())
def test_what_was_applied_is_consistent_whatever_is_not_echoed(state: Desired) -> None:
    assert compare(state, Observed(enabled=state.enabled), applied=applied(state)).consistent


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param(
            {"connection_string": "other.example.com"}, Field.CONNECTION_STRING, id="host"
        ),
        pytest.param({"ca_type": CAType.ALIYUN}, Field.CA_TYPE, id="whose certificate"),
        pytest.param({"server_certificate": CA}, Field.SERVER_CERTIFICATE, id="leaf"),
        pytest.param({"client_ca": ()}, Field.CLIENT_CA, id="no CA"),
        pytest.param({"client_ca": (OTHER_CA,)}, Field.CLIENT_CA, id="another CA"),
        pytest.param({"client_ca": (CA, OTHER_CA)}, Field.CLIENT_CA, id="one CA more"),
        pytest.param({"revocation_list": ()}, Field.REVOCATION_LIST, id="no list"),
        pytest.param(
            {"revocation_list": (revocation_list(number=6),)}, Field.REVOCATION_LIST, id="list"
        ),
        pytest.param({"acl": ACL.CERT}, Field.ACL, id="ACL"),
        pytest.param({"replication_acl": ACL.CERT}, Field.REPLICATION_ACL, id="replication ACL"),
        pytest.param({"force_encryption": True}, Field.FORCE_ENCRYPTION, id="encryption forced"),
    ],
)
def test_one_field_that_is_shown_otherwise_is_the_one_that_differs(
    change: dict[str, object], field: Field
) -> None:
    shown = replace(postgresql(MUTUAL), **change)  # type: ignore[arg-type]

    assert compare(MUTUAL, shown) == Comparison(different=only(field), unknown=frozenset())


@pytest.mark.parametrize(
    ("field", "name"),
    [
        pytest.param(Field.CONNECTION_STRING, "connection_string", id="host"),
        pytest.param(Field.CA_TYPE, "ca_type", id="whose certificate"),
        pytest.param(Field.SERVER_CERTIFICATE, "server_certificate", id="leaf"),
        pytest.param(Field.CLIENT_CA, "client_ca", id="CA"),
        pytest.param(Field.REVOCATION_LIST, "revocation_list", id="list"),
        pytest.param(Field.ACL, "acl", id="ACL"),
        pytest.param(Field.REPLICATION_ACL, "replication_acl", id="replication ACL"),
        pytest.param(Field.FORCE_ENCRYPTION, "force_encryption", id="encryption forced"),
    ],
)
def test_a_field_that_is_not_echoed_is_unknown_and_no_difference(field: Field, name: str) -> None:
    wanted = replace(MUTUAL, force_encryption=True)
    shown = replace(postgresql(wanted), **{name: None})  # type: ignore[arg-type]

    assert compare(wanted, shown) == Comparison(different=frozenset(), unknown=only(field))
    beside = compare(wanted, shown, applied=applied(wanted))
    assert beside.unknown == (only(field) & {Field.CLIENT_CA, Field.REVOCATION_LIST})


@pytest.mark.parametrize("wanted", [OFF, CLOUD, MUTUAL], ids=["off", "cloud", "mutual"])
def test_a_switch_that_differs_hides_everything_else(wanted: Desired) -> None:
    shown = postgresql(CUSTOM if not wanted.enabled else OFF)

    assert compare(wanted, shown).different == only(Field.ENABLED)


@pytest.mark.parametrize(
    ("forced", "different"),
    [
        pytest.param(True, only(Field.FORCE_ENCRYPTION), id="forced"),
        pytest.param(False, only(), id="not forced"),
        pytest.param(None, only(), id="not told"),
    ],
)
def test_of_ssl_that_is_off_forced_encryption_alone_counts(
    *, forced: bool | None, different: frozenset[Field]
) -> None:
    left_over = replace(postgresql(MUTUAL), enabled=False, force_encryption=forced)

    assert compare(OFF, left_over).different == different


def test_what_is_left_over_of_ssl_that_is_off_is_no_difference() -> None:
    left_over = replace(postgresql(MUTUAL), enabled=False)

    assert compare(CLOUD, left_over).different == only(Field.ENABLED)


def test_a_certificate_is_its_fingerprint_and_not_what_is_read_out_of_it() -> None:
    shown = replace(postgresql(CUSTOM), server_certificate=replace(LEAF, subject="cn=LEAF"))

    assert compare(CUSTOM, shown).shown


def test_without_a_client_ca_acls_are_not_compared() -> None:
    shown = replace(postgresql(CLOUD), acl=ACL.CERT, replication_acl=ACL.VERIFY_CA)

    assert compare(CLOUD, shown).shown


@pytest.mark.parametrize(
    "spelling", [HOST.upper(), f"{HOST}.", f"{HOST}:5432", f" {HOST}.:5432"], ids=str
)
def test_host_names_compare_without_case_port_and_dot(spelling: str) -> None:
    assert compare(CLOUD, replace(postgresql(CLOUD), connection_string=spelling)).shown
    assert compare(replace(CLOUD, connection_string=spelling), postgresql(CLOUD)).shown


def test_a_certificate_that_the_vendor_renews_is_no_difference() -> None:
    shown = replace(postgresql(CLOUD), server_certificate=CA, expire_time=CA.not_after)

    assert compare(CLOUD, shown).shown


# -- what MySQL does not echo ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "shown", "before", "different", "unknown"),
    [
        pytest.param(CLOUD, CLOUD, CLOUD, (), (), id="as applied"),
        pytest.param(CUSTOM, CUSTOM, CUSTOM, (), (), id="custom as applied, by its date"),
        pytest.param(
            CUSTOM,
            RENEWED,
            CUSTOM,
            (Field.SERVER_CERTIFICATE,),
            (),
            id="another date: changed elsewhere",
        ),
        pytest.param(
            RENEWED, CUSTOM, CUSTOM, (Field.SERVER_CERTIFICATE,), (), id="a renewal to be sent"
        ),
        pytest.param(
            SAME_DATES,
            CUSTOM,
            CUSTOM,
            (Field.SERVER_CERTIFICATE,),
            (),
            id="a renewal of the same date is no less to be sent",
        ),
        pytest.param(CLOUD, CUSTOM, CUSTOM, (Field.CA_TYPE,), (), id="custom to cloud"),
        pytest.param(
            CUSTOM,
            CLOUD,
            CLOUD,
            (Field.CA_TYPE, Field.SERVER_CERTIFICATE),
            (),
            id="cloud to custom",
        ),
        pytest.param(CLOUD, CLOUD, None, (), (Field.CA_TYPE,), id="cloud at first contact"),
        pytest.param(
            CUSTOM,
            CUSTOM,
            None,
            (),
            (Field.CA_TYPE, Field.SERVER_CERTIFICATE),
            id="custom at first contact",
        ),
        pytest.param(
            CUSTOM,
            RENEWED,
            None,
            (Field.SERVER_CERTIFICATE,),
            (Field.CA_TYPE,),
            id="custom of another date at first contact",
        ),
        pytest.param(CLOUD, CLOUD, OFF, (), (Field.CA_TYPE,), id="turned on elsewhere"),
        pytest.param(FORCED, FORCED, CLOUD, (), (), id="declared what was done elsewhere"),
    ],
)
def test_what_mysql_does_not_echo_is_resolved_by_what_was_applied(
    wanted: Desired,
    shown: Desired,
    before: Desired | None,
    different: tuple[Field, ...],
    unknown: tuple[Field, ...],
) -> None:
    comparison = compare(wanted, mysql(shown), applied=applied(before) if before else None)

    assert comparison == Comparison(different=only(*different), unknown=only(*unknown))


def test_a_certificate_of_which_not_even_the_date_is_echoed_stays_unknown() -> None:
    shown = replace(mysql(CUSTOM), expire_time=None)

    comparison = compare(CUSTOM, shown, applied=applied(CUSTOM))

    assert comparison == Comparison(different=only(), unknown=only(Field.SERVER_CERTIFICATE))


def test_a_certificate_to_be_renewed_differs_from_the_applied_one_without_any_date() -> None:
    shown = replace(mysql(CUSTOM), expire_time=None)

    assert compare(RENEWED, shown, applied=applied(CUSTOM)).different == only(
        Field.SERVER_CERTIFICATE
    )


def test_a_record_that_lost_its_state_makes_no_difference() -> None:
    damaged = applied(CUSTOM).model_copy(update={"state": None})

    assert compare(CUSTOM, mysql(CUSTOM), applied=damaged).consistent


HIDDEN: dict[Field, Callable[[Desired], Desired]] = {
    Field.CONNECTION_STRING: lambda state: replace(state, connection_string="other.example.com"),
    Field.FORCE_ENCRYPTION: lambda state: replace(
        state, force_encryption=not state.force_encryption
    ),
    Field.ACL: lambda state: replace(state, acl=ACL.CERT),
    Field.REPLICATION_ACL: lambda state: replace(state, replication_acl=ACL.CERT),
    Field.CA_TYPE: lambda state: replace(state, ca_type=CAType.ALIYUN, server_certificate=None),
}
SHOWN = {
    Field.CONNECTION_STRING: "connection_string",
    Field.FORCE_ENCRYPTION: "force_encryption",
    Field.ACL: "acl",
    Field.REPLICATION_ACL: "replication_acl",
    Field.CA_TYPE: "ca_type",
}


@pytest.mark.parametrize(
    ("hidden", "changed"), list(product(HIDDEN, HIDDEN)), ids=lambda field: field.name
)
def test_a_setting_that_is_not_echoed_differs_only_if_it_was_applied_otherwise(
    hidden: Field, changed: Field
) -> None:
    before = replace(MUTUAL, force_encryption=True)
    wanted = HIDDEN[changed](before)
    shown = replace(postgresql(before), **{SHOWN[hidden]: None})  # type: ignore[arg-type]

    comparison = compare(wanted, shown, applied=applied(before))

    assert comparison == Comparison(different=only(changed), unknown=only())


# -- texts -------------------------------------------------------------------------------------


def _crlf(pem: bytes) -> bytes:
    return pem.replace(b"\n", b"\r\n")


@pytest.mark.parametrize(
    "rewrite",
    [
        pytest.param(b"".join, id="as it is"),
        pytest.param(lambda cas: b"".join(reversed(cas)), id="order"),
        pytest.param(lambda cas: _crlf(b"".join(cas)), id="CRLF"),
        pytest.param(lambda cas: b"\n\n# CA\n" + b"\n \n".join(cas), id="white space, comments"),
        pytest.param(lambda cas: b"".join(cas * 2), id="twice"),
    ],
)
def test_the_same_material_in_another_text_is_equal(
    rewrite: Callable[[list[bytes]], bytes],
) -> None:
    roots = [pki.make_root("A"), pki.make_root("B")]
    leaf = roots[0].intermediate().leaf(HOST)
    crls = [each.revocation_list(serials=[7]) for each in roots]
    wanted = Desired(
        enabled=True,
        connection_string=HOST,
        ca_type=CAType.CUSTOM,
        server_certificate=parse_certificates(leaf.chain_pem.decode(), field="tls.crt")[0],
        client_ca=parse_certificates(b"".join(each.pem for each in roots).decode(), field="ca"),
        revocation_list=parse_revocation_lists(b"".join(crls).decode(), field="crl"),
    )
    answer = {
        "SSLEnabled": "on",
        "CAType": "custom",
        "ConnectionString": HOST,
        "ServerCert": _crlf(leaf.pem).decode(),  # Without its chain.
        "ClientCACert": rewrite([each.pem for each in roots]).decode(),
        "ClientCertRevocationList": rewrite(crls).decode(),
        "ACL": "perfer",
        "ReplicationACL": "prefer",
    }

    assert compare(wanted, read_ssl(answer, "PostgreSQL")).shown


# -- the material that is shown ----------------------------------------------------------------


@given(desired_states(enabled=True))
def test_shown_material_is_that_of_the_state(state: Desired) -> None:
    assert observed_material(postgresql(state)) == state.state.material


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(postgresql(OFF), id="off"),
        pytest.param(mysql(CLOUD), id="MySQL, which may have a certificate of one's own"),
        pytest.param(mysql(CUSTOM), id="MySQL with one"),
        pytest.param(replace(postgresql(CUSTOM), server_certificate=None), id="leaf"),
        pytest.param(replace(postgresql(CUSTOM), ca_type=None), id="whose certificate it is"),
        pytest.param(replace(postgresql(MUTUAL), client_ca=None), id="client CA"),
        pytest.param(replace(postgresql(MUTUAL), revocation_list=None), id="list"),
    ],
)
def test_material_that_is_not_shown_as_a_whole_has_no_name(shown: Observed) -> None:
    assert observed_material(shown) is None


def test_what_a_refusal_rests_on_stays_what_it_is_from_version_to_version() -> None:
    # In records: another text would send once more what was refused.
    text = surroundings(postgresql(MUTUAL), ("15.0",))

    assert inputs_digest(MUTUAL, chain=(), surroundings=text) == "fe14935ace6fd465"


@pytest.mark.parametrize("name", SHOWN.values())
def test_a_refusal_rests_on_all_settings_that_are_shown(name: str) -> None:
    shown = postgresql(replace(MUTUAL, force_encryption=True))
    other = replace(shown, **{name: None})  # type: ignore[arg-type]

    assert surroundings(shown, ()) != surroundings(other, ())


# -- in words ----------------------------------------------------------------------------------


def test_changes_name_each_field_with_what_it_was_and_will_be() -> None:
    shown = replace(postgresql(MUTUAL), acl=ACL.PREFER, revocation_list=())

    words = changes(MUTUAL, shown, compare(MUTUAL, shown))

    assert [(each.field, each.before, each.after) for each in words] == [
        (
            "clientAuthentication.revocationList",
            "none",
            f"CN=ca ({CRL.sha256[:16]}, 0 revoked)",
        ),
        ("clientAuthentication.acl", "prefer", "verify-ca"),
    ]


def test_turning_on_names_everything_that_comes_with_it() -> None:
    words = changes(MUTUAL, postgresql(OFF), compare(MUTUAL, postgresql(OFF)))

    elsewhere = {
        Field.FORCE_ENCRYPTION,
        Field.PFX,
        Field.RENEWAL,
        Field.MINIMUM_TLS_VERSION,
        Field.CHAIN,  # It comes with its certificate.
    }
    assert [each.field for each in words] == [
        field.value for field in Field if field not in elsewhere
    ]


def test_turning_off_names_nothing_else() -> None:
    words = changes(OFF, postgresql(MUTUAL), compare(OFF, postgresql(MUTUAL)))

    assert [(each.field, each.before, each.after) for each in words] == [("enabled", "on", "off")]


def test_what_is_not_echoed_is_not_called_off() -> None:
    shown = replace(postgresql(FORCED), force_encryption=None)

    (words,) = changes(FORCED, shown, compare(FORCED, shown))

    assert (words.before, words.after) == ("not shown", "on")


def test_a_name_out_of_a_list_is_made_fit_to_be_read() -> None:
    odd = revocation_list("CN=a\nReady: True" + "x" * 1000)
    wanted = replace(MUTUAL, revocation_list=(odd,))

    (words,) = changes(wanted, postgresql(MUTUAL), compare(wanted, postgresql(MUTUAL)))

    assert "\n" not in words.after
    assert len(words.after) < 300


def test_material_is_what_the_state_names_as_such() -> None:
    renewed = {
        Field.SERVER_CERTIFICATE: replace(MUTUAL, server_certificate=OTHER_CA),
        Field.CLIENT_CA: replace(MUTUAL, client_ca=(OTHER_CA,)),
        Field.REVOCATION_LIST: replace(MUTUAL, revocation_list=(revocation_list(number=6),)),
        Field.PFX: replace(MUTUAL, pfx="another file"),
    }

    assert set(renewed) == MATERIAL - {Field.CHAIN}  # It is told by what was applied.
    for field, state in renewed.items():
        found = compare(state, postgresql(MUTUAL))
        assert found.different | found.unknown == {field}
        assert state.state.settings == MUTUAL.state.settings


def test_a_moment_of_difference_between_the_dates_is_a_difference() -> None:
    shown = replace(mysql(CUSTOM), expire_time=LEAF.not_after + timedelta(seconds=1))

    assert compare(CUSTOM, shown, applied=applied(CUSTOM)).different == {Field.SERVER_CERTIFICATE}


def test_an_endpoint_that_is_not_echoed_stays_applied_though_somebody_changed_the_certificate() -> (
    None
):
    """A foreign change of what is shown says nothing about what is not."""
    custom = replace(CLOUD, ca_type=CAType.CUSTOM, server_certificate=None)
    applied = AppliedStatus(
        state=custom.state,
        time=states.NOW,
    )
    observed = Observed(enabled=True, ca_type=CAType.ALIYUN, client_ca=(), revocation_list=())

    same = compare(CLOUD, observed, applied=applied)
    moved = compare(
        replace(CLOUD, connection_string="other.pg.rds.aliyuncs.com"), observed, applied=applied
    )

    assert same.shown
    assert moved.unknown == {Field.CONNECTION_STRING}
