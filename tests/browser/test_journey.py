"""People who have never seen the console get from a draft to a subscription by its pages."""

import httpx
import pytest

from tests.browser import chromium
from tests.browser.chromium import Account
from tests.browser.journey import Cast, play
from tests.support.callers import Person, Recruit
from tests.support.world import World, unique

pytestmark = pytest.mark.skipif(chromium.found() is None, reason=chromium.INSTALL)


async def account(person: Person) -> Account:
    if isinstance(person, Recruit):
        await person.register()
    return Account(person.username, person.password)


async def cast(world: World, *, scripts: bool) -> Cast:
    provider, consumer = await world.department(), await world.department()
    element = await world.element(max_length=64)
    await world.source(provider, element)
    await world.client(consumer)
    return Cast(
        base_url=world.base_url,
        clerk=await account(provider.clerk),
        head=await account(provider.head),
        authority=await account(world.authority),
        consumer_clerk=await account(consumer.clerk),
        consumer_head=await account(consumer.head),
        element=element,
        name=unique("走查资源"),
        scripts=scripts,
    )


@pytest.mark.slow
async def test_from_a_draft_to_a_subscription_without_javascript(world: World) -> None:
    async with chromium.chromium() as browser:
        address = await play(browser, await cast(world, scripts=False))
    shown = await world.authority.get(f"/v1/subscriptions/{address.rpartition('/')[2]}")
    assert shown.status_code == httpx.codes.OK
    assert shown.json()["status"] == "active"
