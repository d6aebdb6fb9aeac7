"""`shuyuan search` and `shuyuan tasks`: the catalogue and one's own open tasks, for a person."""

import json
from collections.abc import Iterator
from typing import Annotated

import typer

from shuyuan_client.cli.callers import Device, Login, caller
from shuyuan_client.cli.explaining import explained, note
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile
from shuyuan_client.cli.words import SHARE_TYPES, TASKS, THINGS, word
from shuyuan_client.failures import EXIT_FAILED
from shuyuan_client.http import ExchangeClient, Json
from shuyuan_client.wording import say

LIMIT_DEFAULT, LIMIT_MAX = 20, 1_000
PAGE = 100
AsJson = Annotated[
    bool, typer.Option("--json", help=say("每行一个 JSON 对象", "a JSON object a line"))
]
Limit = Annotated[
    int, typer.Option(min=1, max=LIMIT_MAX, help=say("最多列出的条数", "list at most so many"))
]


def search(  # noqa: PLR0913 - an option is a parameter
    words: Annotated[list[str], typer.Argument(help=say("检索词", "words to look for"))],
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Login = False,
    device: Device = False,
    limit: Limit = LIMIT_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """检索已发布的资源目录 / search the published catalogue; exit code 1 where nothing is found."""
    with (
        explained(),
        caller(profile, base_url, client_id, client_secret, login=login, device=device) as client,
    ):
        params = {"q": " ".join(words), "status": "published"}
        found = list(listed(client, "/v1/resources", params, limit))
    for each in found:
        typer.echo(as_line(each) if as_json else _resource(each))
    if not found:
        note("没有找到；可换用更短的检索词。", "Nothing found; try fewer or shorter words.")
        raise typer.Exit(EXIT_FAILED)


def tasks(  # noqa: PLR0913 - an option is a parameter
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Login = False,
    device: Device = False,
    limit: Limit = LIMIT_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """待办事项，先到期的在前 / what waits for you, the earliest due first."""
    with (
        explained(),
        caller(profile, base_url, client_id, client_secret, login=login, device=device) as client,
    ):
        found = list(listed(client, "/v1/me/tasks", {}, limit))
    for each in found:
        typer.echo(as_line(each) if as_json else _task(each))
    if not found:
        note("没有待办事项。", "Nothing waits for you.")


def listed(client: ExchangeClient, path: str, params: dict[str, str], most: int) -> Iterator[Json]:
    """Yield what a list has, page by page, at most so many."""
    left, cursor = most, None
    while left:
        asked = params | {"limit": str(min(left, PAGE))} | ({"cursor": cursor} if cursor else {})
        page = client.ask("GET", path, params=asked)
        yield from page["items"][:left]
        left -= len(page["items"][:left])
        cursor = page["next_cursor"]
        if cursor is None:
            return


def as_line(found: Json) -> str:
    """Return one thing as a line of JSON."""
    return json.dumps(found, ensure_ascii=False)


def _resource(found: Json) -> str:
    provider = found["department_name"] or found["department"]
    shared = word(SHARE_TYPES, found["share_type"])
    return f"{found['id']}\t{found['name']}\t{provider}\t{shared}"


def _task(found: Json) -> str:
    sender = found["from_name"] or found["from_department"]
    thing = word(THINGS, found["kind"].partition(".")[0])
    kind = f"{thing}: {word(TASKS, found['kind'])}"
    return f"{due(found)}\t{kind}\t{found['title'] or '-'}\t{sender}\t{found['thing']}"


def due(found: Json) -> str:
    """Return by when something is due, in words."""
    days = found["remaining_working_days"]
    if days is None:
        return say("无期限", "no day")
    if found["overdue"]:
        return say(f"已逾期（{found['due_on']}）", f"overdue ({found['due_on']})")
    return say(f"余 {days} 个工作日（{found['due_on']}）", f"{days} wd left ({found['due_on']})")
