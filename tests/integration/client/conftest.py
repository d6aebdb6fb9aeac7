"""Terminals on a sharing of the session's platform."""

import pytest

from tests.support.desk import Desk
from tests.support.terminal import Terminal
from tests.support.world import World


@pytest.fixture
async def desk(world: World, settings: dict[str, str]) -> Desk:
    return Desk(await world.sharing(), Terminal(settings), world.base_url)
