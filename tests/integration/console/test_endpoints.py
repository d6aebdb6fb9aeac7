"""Where a subscription is pushed to, by pages."""

from tests.support.browsing import browsing
from tests.support.world import World


async def test_an_endpoint_outside_the_networks_is_refused_in_the_form(world: World) -> None:
    sharing = await world.sharing(mode="push")
    path = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.consumer.head) as head:
        assert f"{path}/endpoint" in (await head.open(path)).links
        page = await head.open(f"{path}/endpoint")
        assert "还没有设置推送端点" in page.text
        page = await head.send(page, "/endpoint", url="https://192.0.2.1/records")
        assert page.status == 422
        assert "网段" in page.text, page.text
        assert page.form("/endpoint").fields["url"] == ["https://192.0.2.1/records"]
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        page = await clerk.open(f"{path}/endpoint")
        assert not any(form.action.endswith("/endpoint") for form in page.forms)
    async with browsing(world.base_url, sharing.provider.head) as provider:
        assert f"{path}/endpoint" not in (await provider.open(path)).links
