"""`shuyuan token --login`: a person signs in with a browser, here or on another device."""

import asyncio
import base64
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.support.callers import fill_sign_in_form
from tests.support.identity import Form
from tests.support.terminal import Terminal
from tests.support.world import World

PATIENCE_SECONDS = 180


@pytest.fixture
async def signing_in(
    world: World, settings: dict[str, str], request: pytest.FixtureRequest
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The command, waiting for somebody to sign in; no browser can be opened."""
    terminal = Terminal({**settings, "BROWSER": "true"})
    how = getattr(request, "param", ())
    process = await asyncio.create_subprocess_exec(
        *terminal.arguments(
            "token", "--login", *how, "--base-url", world.base_url, "--scope", "catalog:read"
        ),
        env=terminal.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def page_of(process: asyncio.subprocess.Process) -> str:
    assert process.stderr is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = (await process.stderr.readline()).decode()
    return line[line.index("http") :].strip()


async def test_the_token_is_that_of_the_person(
    signing_in: asyncio.subprocess.Process, world: World
) -> None:
    page = await page_of(signing_in)
    person = await world.new_person((await world.department()).uscc, "clerk")
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as browser:
        sent = await fill_sign_in_form(browser, page, person.username, person.password)
        back = await browser.get(sent.headers["location"])
    assert back.status_code == 200
    await is_the_persons(signing_in, world)


async def is_the_persons(process: asyncio.subprocess.Process, world: World) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    token = out.decode().strip()
    headers = {"Authorization": f"Bearer {token}"}
    me = (await world.http.get("/v1/me", headers=headers)).json()
    assert (me["kind"], me["roles"], me["scopes"]) == ("person", ["clerk"], ["catalog:read"])
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["sub"] == me["id"]


@pytest.mark.parametrize("signing_in", [("--device",)], indirect=True)
async def test_the_browser_may_be_on_another_device(
    signing_in: asyncio.subprocess.Process, world: World
) -> None:
    told = (await page_of(signing_in)).split()
    person = await world.new_person((await world.department()).uscc, "clerk")
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as browser:
        fields = {"user_code": told[-1], "username": person.username, "password": person.password}
        page = await browser.post(told[0], data=fields)
        answer = await browser.post(told[0], data=Form(page.text).fields | {"decision": "allow"})
    assert answer.status_code == 200
    await is_the_persons(signing_in, world)


async def test_a_sign_in_is_kept_until_it_is_ended(
    world: World, settings: dict[str, str], tmp_path: Path
) -> None:
    """Each command once opened the browser anew, and left a sign-in of hours behind."""
    terminal = Terminal(
        {**settings, "BROWSER": "true", "XDG_STATE_HOME": str(tmp_path),
         "SHUYUAN_BASE_URL": world.base_url}
    )  # fmt: skip
    person = await world.new_person((await world.department()).uscc, "clerk")
    process = await asyncio.create_subprocess_exec(
        *terminal.arguments("login"),
        env=terminal.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    page = await page_of(process)
    # A browser may connect ahead of its request, and send nothing: that once held everything up.
    listener = urlsplit(parse_qs(urlsplit(page).query)["redirect_uri"][0])
    idle = await asyncio.open_connection(listener.hostname, listener.port)
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as browser:
        sent = await fill_sign_in_form(browser, page, person.username, person.password)
        await browser.get(sent.headers["location"])
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    idle[1].close()
    assert process.returncode == 0, err.decode()
    assert "已登录" in out.decode()
    file = tmp_path / "shuyuan" / "sign-ins.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    for _ in range(2):
        ran = await terminal.run("tasks")
        assert (ran.code, ran.err) == (0, "没有待办事项。\n")
    kept = json.loads(file.read_text())[world.base_url]
    assert (await terminal.run("logout")).code == 0
    form = {"grant_type": "refresh_token", "client_id": "shuyuan-cli", "refresh_token": kept}
    assert (await world.http.post("/oauth/token", data=form)).status_code == 400
    nobody = await terminal.run("tasks")
    assert nobody.code == 1
    assert "SHUYUAN_CLIENT_ID" in nobody.err


async def test_a_forged_return_is_not_taken(signing_in: asyncio.subprocess.Process) -> None:
    page = await page_of(signing_in)
    listener = parse_qs(urlsplit(page).query)["redirect_uri"][0]
    async with httpx.AsyncClient(timeout=PATIENCE_SECONDS) as stranger:
        await stranger.get(listener, params={"code": "stolen", "state": "guessed"})
        assert (await stranger.get(listener.replace("callback", "other"))).status_code == 404
    await asyncio.sleep(0.5)
    assert signing_in.returncode is None
