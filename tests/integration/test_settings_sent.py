"""What is sent: the complete set of parameters for each kind of change, once."""

import pytest

from support.shop import Shop

pytestmark = pytest.mark.usefixtures("operator")


def test_a_cloud_certificate_is_turned_on_with_one_call(shop: Shop) -> None:
    shop.add_instance()
    shop.declare()

    shop.wait_ready(reason="Verified")

    assert shop.cost() == (1, 1, 1)
