"""Documents that applications and corrections take along, and the agreement to print."""

from typing import Any

from tests.support.browsing import Browser, Page, browsing
from tests.support.world import World
from tests.unit.exchange.attachments.test_kinds import PDF


async def sent(browser: Browser, page: Page, ending: str, content: bytes, **filled: Any) -> Page:  # noqa: ANN401
    """Send a form with a document, as a browser sends it."""
    form = page.form(ending)
    data = {**form.fields, **{name: [str(value)] for name, value in filled.items()}}
    answer = await browser.http.post(
        form.action,
        data=data,
        files={"document": ("法定职责.pdf", content)},
        headers={"Origin": browser.base_url},
    )
    return Page(answer)


async def test_an_application_takes_documents_along(world: World) -> None:
    provider, consumer = await world.department(), await world.department()
    resource = await world.resource(provider)
    await world.client(consumer)
    said = {
        "basis": "依据", "scenario": "场景", "scope": "范围",
        "valid_until": "2098-12-31", "commitment": "yes",
    }  # fmt: skip
    async with browsing(world.base_url, consumer.clerk) as clerk:
        page = await clerk.open(f"/console/applications/new?resource={resource}")
        refused = await sent(clerk, page, "/applications/new", b"MZ", **said)
        assert refused.status == 422
        assert "以内容为准" in refused.text
        page = await sent(clerk, page, "/applications/new", PDF, **said)
        (first,) = attached(page)
        page = await sent(clerk, page, "/attachments", PDF)
        assert len(attached(page)) == 2, page.text
        removing = next(form for form in page.forms if "attachment" in form.fields)
        page = await clerk.post(removing.action, removing.fields)
        (left,) = attached(page)
        assert left != first
    async with browsing(world.base_url, consumer.head) as head:
        page = await head.send(await head.open(page.path), "/sign")
        assert not any(form.action.endswith("/attachments") for form in page.forms)
    async with browsing(world.base_url, provider.head) as answering:
        page = await answering.open(page.path)
        assert (await answering.http.get(attached(page)[0])).content == PDF


def attached(page: Page) -> list[str]:
    return [each for each in page.links if each.startswith("/console/attachments/")]


async def test_a_correction_takes_a_document_along_and_the_agreement_is_printed(
    world: World,
) -> None:
    sharing = await world.sharing()
    subscription = f"/console/subscriptions/{sharing.subscription}"
    async with browsing(world.base_url, sharing.consumer.clerk) as clerk:
        page = await clerk.open(f"/console/corrections/new?subscription={sharing.subscription}")
        page = await sent(
            clerk, page, "/new", PDF, key="a-1", problem="missing", description="缺少"
        )
        assert len(attached(page)) == 1, page.text
        assert f"{subscription}/agreement" in (await clerk.open(subscription)).links
        agreement = await clerk.open(f"{subscription}/agreement")
        assert "政务数据共享协议" in agreement.text
    stranger = await world.department()
    async with browsing(world.base_url, stranger.head) as head:
        assert (await head.open(f"{subscription}/agreement")).status == 404
