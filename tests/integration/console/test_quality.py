"""Quality by pages: what was found, and the rules that are declared."""

from tests.support.browsing import browsing
from tests.support.world import World


async def test_rules_of_quality_are_declared(world: World) -> None:
    department = await world.department()
    resource = await world.resource(department)
    path = f"/console/catalogue/{resource}/quality"
    async with browsing(world.base_url, department.clerk) as clerk:
        assert path in (await clerk.open(f"/console/catalogue/{resource}")).links
        page = await clerk.open(path)
        rule = {"rule_id": ["name-there", ""], "rule_items": ["name", ""]}
        page = await clerk.send(page, "/quality", **_filled(rule))
        assert "质量规则已保存" in page.text, page.text
        assert page.form("/quality").fields["rule_id"][0] == "name-there"
    async with browsing(world.base_url, department.head) as head:
        page = await head.open(path)
        assert not any(form.action.endswith("/quality") for form in page.forms)
        assert "name-there" in page.text


def _filled(rule: dict[str, list[str]]) -> dict[str, list[str]]:
    """Every column of the two rows, as a browser sends them."""
    rest = {"rule_dimension": "完整", "rule_kind": "complete", "rule_op": "", "rule_threshold": ""}
    return {**rule, **{name: [value, value] for name, value in rest.items()}}
