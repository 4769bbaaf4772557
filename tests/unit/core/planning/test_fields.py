from rds_ssl.core.api.states import ObservedStatus
from rds_ssl.core.model import Observed
from rds_ssl.core.planning.fields import MATERIAL, ROWS, SETTINGS, Field
from support.states import MUTUAL, OFF, postgresql


def test_every_field_has_a_row_in_the_order_of_the_spec() -> None:
    assert list(ROWS) == list(Field)


def test_a_field_is_a_setting_or_material_or_the_renewal() -> None:
    assert SETTINGS | MATERIAL | {Field.RENEWAL} == set(Field)
    assert not SETTINGS & MATERIAL


def test_settings_read_the_same_from_what_was_shown_and_from_its_status() -> None:
    shown = postgresql(MUTUAL)

    for field in SETTINGS:
        assert ROWS[field].shown(shown) == ROWS[field].shown(ObservedStatus.of(shown))


def test_what_is_not_shown_has_no_value_and_no_verdict() -> None:
    for field in set(Field) - {Field.ENABLED}:
        assert ROWS[field].shown(Observed(enabled=True)) is None
        assert ROWS[field].verdict(MUTUAL.state, Observed(enabled=True)) is None


def test_while_ssl_is_off_the_switch_and_forced_encryption_alone_count() -> None:
    assert {field for field, row in ROWS.items() if row.while_off} == {
        Field.ENABLED,
        Field.FORCE_ENCRYPTION,
    }
    assert ROWS[Field.ENABLED].verdict(MUTUAL.state, postgresql(OFF)) is False
