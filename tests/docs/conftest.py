"""The OpenAPI document of the gateway, without any server."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True, scope="session")
def _counters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The gateway's counters want a folder before they are imported."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path_factory.mktemp("counters")))
        yield


@pytest.fixture(scope="session")
def openapi(_counters: None) -> dict[str, Any]:
    from gateway.app import create  # noqa: PLC0415 - after the folder of the counters
    from kernel.settings import Settings  # noqa: PLC0415

    return create(Settings()).openapi()
