"""运行 · 限额: operators read every limit in force on the node that answers."""

from tests.support.browsing import browsing
from tests.support.world import World

ADDRESS = "/console/status/limits"


async def test_operators_read_the_limits_that_are_in_force(
    world: World, settings: dict[str, str]
) -> None:
    async with browsing(world.base_url, world.operator) as operator:
        assert ADDRESS in (await operator.open("/console/status")).links
        page = await operator.open(ADDRESS)
        assert "SHUYUAN_RATE_CLIENT_PER_SECOND" in page.text
        assert "/console/clients" in page.links
        # A publish may have 8 MiB, by the code's own constant.
        assert "一次上报的正文，解压后 8 MiB" in page.text
        # The tests' own platform sets it, and little else.
        names = settings["SHUYUAN_SIGN_IN_NAMES_PER_SOURCE"]
        assert f"{int(names):,} SHUYUAN_SIGN_IN_NAMES_PER_SOURCE 已调整" in page.text
        assert f"{page.text.count('已调整')} 项与默认值不同" in page.text
        assert "SHUYUAN_RATE_CLIENT_PER_SECOND 默认值" in page.text
    async with browsing(world.base_url, world.security) as security:
        assert (await security.open(ADDRESS)).status == 403
