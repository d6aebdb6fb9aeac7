"""Signing in to the console: its session, its cookie, its end."""

import re

import httpx

from tests.support.browsing import browsing, sign_in
from tests.support.world import World


async def test_the_first_page_is_for_everybody(gateway: str) -> None:
    async with browsing(gateway) as browser:
        page = await browser.open("/")
        assert page.status == 200
        assert "一数一源" in page.text
        assert "/console" in page.links
        assert "运行正常" in page.text
        icon = await browser.http.get("/favicon.ico")
        assert icon.headers["content-type"] == "image/svg+xml"


async def test_a_missing_page_is_a_page_for_browsers_and_json_for_programs(gateway: str) -> None:
    async with browsing(gateway) as browser:
        page = await browser.open("/nowhere")
        assert (page.status, "没有这个页面" in page.text) == (404, True)
        answer = await browser.http.get("/nowhere", headers={"Accept": "application/json"})
        assert answer.json()["code"] == "not_found"
        answer = await browser.http.get("/v1/nowhere", headers={"Accept": "text/html"})
        assert answer.headers["content-type"] == "application/problem+json"


async def test_static_files_are_addressed_by_their_content_and_kept_for_ever(gateway: str) -> None:
    async with browsing(gateway) as browser:
        page = await browser.http.get("/")
        (address,) = re.findall(r'href="(/static/console/[0-9a-f]+/console\.css)"', page.text)
        answer = await browser.http.get(address)
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["content-type"].startswith("text/css")
        stale = await browser.http.get("/static/console/000000000000/console.css")
        assert stale.status_code == 404


async def test_whoever_is_not_signed_in_signs_in_and_comes_to_the_page_they_wanted(
    world: World,
) -> None:
    async with browsing(world.base_url) as browser:
        page = await sign_in(browser, world.clerk, "/console/catalogue?q=区划")
        assert page.status == 200, page.text
        assert page.url.endswith("/console/catalogue?q=%E5%8C%BA%E5%88%92")


async def test_the_cookie_is_for_no_script_and_other_sites_do_not_send_it(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        answer = await browser.http.get("/console/sign-in")
        # The browser's sign-in answers: no second form.
        assert str(answer.url).endswith("/console")
        kept = [header for each in answer.history for header in each.headers.get_list("set-cookie")]
        session = next(each for each in kept if each.startswith("shuyuan_console="))
        assert "HttpOnly" in session
        assert "SameSite=lax" in session


async def test_the_command_line_tool_still_has_to_ask_for_the_password(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        query = {
            "response_type": "code",
            "client_id": "shuyuan-cli",
            "redirect_uri": "http://127.0.0.1:47113/callback",
            "code_challenge": "a" * 43,
            "code_challenge_method": "S256",
        }
        page = await browser.open("/oauth/authorize", **query)
        assert page.form("/oauth/authorize").fields["username"] == [""]


async def test_a_code_of_the_console_is_sent_to_the_console_only(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        query = {
            "response_type": "code",
            "client_id": "shuyuan-console",
            "redirect_uri": "http://127.0.0.1:47113/callback",
            "code_challenge": "a" * 43,
            "code_challenge_method": "S256",
        }
        page = await browser.open("/oauth/authorize", **query)
        assert page.status == 400
        assert "回调地址未登记" in page.text


async def test_signing_out_ends_session_and_tokens(world: World) -> None:
    person = await world.new_person(world.authority_department, "clerk")
    async with browsing(world.base_url, person) as browser:
        page = await browser.open("/console")
        before = dict(browser.http.cookies)
        left = await browser.send(page, "/console/sign-out")
        assert left.path == "/"
        async with httpx.AsyncClient(base_url=world.base_url, cookies=before) as thief:
            answer = await thief.get("/console", headers={"Accept": "text/html"})
            assert answer.status_code == 303
            assert "/console/sign-in" in answer.headers["location"]


async def test_a_sign_in_that_somebody_else_began_is_not_finished(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        page = await browser.open("/console/signed-in", code="x" * 43, state="y" * 43)
        assert page.status == 400
        assert "登录未完成" in page.text


async def test_then_leads_nowhere_else(world: World) -> None:
    async with browsing(world.base_url, world.clerk) as browser:
        for then in ("https://evil.example/", "//evil.example", "/consoles", "/\\evil.example"):
            page = await browser.open("/console/sign-in", then=then)
            assert page.path == "/console", then


async def test_a_password_is_changed_by_who_knows_the_old_one(world: World) -> None:
    clerk = (await world.department()).clerk
    new = "另换的口令-2026-8"
    async with browsing(world.base_url, clerk) as browser:
        page = await browser.open("/console/sessions")
        said = {"old_password": clerk.password, "new_password": new}
        page = await browser.send(page, "/console/password", **said, again_password="别的口令")
        assert "与新口令不一致" in page.text
        assert clerk.password not in (await browser.http.get("/console/sessions")).text
        page = await browser.send(page, "/console/password", **said, again_password=new)
        assert "口令已更换" in page.text, page.text
        other = {"new_password": "再换的口令-2026-9", "again_password": "再换的口令-2026-9"}
        page = await browser.send(page, "/console/password", **said | other)
        assert page.status == 422
        assert "原口令不正确" in page.text


async def test_load_tests_are_shown_to_operators_alone(world: World) -> None:
    async with browsing(world.base_url, world.operator) as operator:
        page = await operator.open("/console/status/load-tests")
        assert "压测报告" in page.text
        assert (await operator.open("/console/status/load-tests/secret.json")).status == 404
        assert "记录进出" in (await operator.open("/console/status", span="24")).text
    async with browsing(world.base_url, world.clerk) as clerk:
        assert (await clerk.open("/console/status/load-tests")).status == 403
