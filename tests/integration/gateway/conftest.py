"""Callers that every test of the gateway's edges can share: they own nothing worth keeping."""

import pytest

from tests.support.world import ClientApp, Department, Sharing, World


@pytest.fixture(scope="session")
async def department(world: World) -> Department:
    return await world.department()


@pytest.fixture(scope="session")
async def system(world: World, department: Department) -> ClientApp:
    return await world.client(department)


@pytest.fixture(scope="session")
async def sharing(world: World) -> Sharing:
    return await world.sharing()
