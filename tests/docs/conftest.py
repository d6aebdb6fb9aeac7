"""The OpenAPI document of the gateway, without any server."""

from typing import Any

import pytest

from gateway.app import create
from kernel.settings import Settings


@pytest.fixture(scope="session")
def openapi() -> dict[str, Any]:
    return create(Settings()).openapi()
