"""Describe what the tests of the image share: the image, once, and the system around it."""

from collections.abc import Iterator

import pytest

from support.image import Image
from support.system_fixtures import cluster

__all__ = ["cluster", "image"]


@pytest.fixture(scope="session")
def image() -> Iterator[Image]:
    """The Dockerfile's result, on a base that is made from Debian's packages."""
    with Image.build() as image:
        yield image
