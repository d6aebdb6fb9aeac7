"""Forms of strangers, of nobody's page, and of a session that has ended."""

from tests.support.browsing import browsing, sign_in
from tests.support.world import World, unique

NEW = "/console/catalogue/new"


async def test_a_form_of_another_site_does_nothing(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        page = await browser.open(NEW)
        fields = page.form("/new").fields
        for origin in ("https://evil.example", "null", "http://["):
            answer = await browser.post(NEW, fields, Origin=origin)
            assert (answer.status, "未受理" in answer.text) == (403, True), origin


async def test_a_form_without_the_token_is_asked_about_and_not_taken(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        name = unique("资源")
        page = await browser.post(NEW, {"name": name, "go": "items", "token": "0" * 32})
        assert page.status == 403
        page = await browser.post(NEW, {"name": name, "go": "items"})
        assert page.status == 403
        assert page.form("/new").fields["name"] == [name]
        meant = await browser.send(page, "/new")
        assert meant.status == 200
        assert meant.form("/new").fields["name"] == [name]


async def test_what_was_typed_outlives_the_session(world: World) -> None:
    person = await world.new_person(world.authority_department, "clerk")
    async with browsing(world.base_url, person) as browser:
        page, name = await browser.open(NEW), unique("资源")
        await browser.send(page, "/console/sign-out")
        lapsed = await browser.send(page, "/new", name=name, go="items")
        assert lapsed.status == 401
        assert name in lapsed.text
        await sign_in(browser, person)
        again = await browser.send(lapsed, "/new")
        if again.status == 403:
            # Signed out, the browser no longer says whose form it was: the person confirms.
            again = await browser.send(again, "/new")
        assert again.status == 200
        assert again.form("/new").fields["name"] == [name]


async def test_passwords_are_not_written_into_pages(world: World) -> None:
    async with browsing(world.base_url, world.security) as browser:
        secret = unique("口令")
        page = await browser.post("/console/people/new", {"username": "x", "password": secret})
        assert page.status == 403
        assert secret not in page.answer.text


async def test_a_body_that_is_no_form_is_refused(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        answer = await browser.http.post(NEW, json={"name": "x"})
        assert answer.status_code == 415
