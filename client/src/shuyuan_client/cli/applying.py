"""`shuyuan apply`: a clerk drafts applications for the head to sign; safe to repeat."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Final

import typer

from shuyuan_client.cli.applications import shown
from shuyuan_client.cli.asking import (
    Asked,
    Wanted,
    asked_of,
    client_of,
    provider_of,
    require_used,
    resources_of,
)
from shuyuan_client.cli.callers import Device, address_of, person
from shuyuan_client.cli.explaining import explained, note
from shuyuan_client.cli.profile import BaseUrl, ProfileFile
from shuyuan_client.cli.words import MODES, SHARE_TYPES, word
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient, Json
from shuyuan_client.wording import say

APPLICATIONS, BUNDLES = "/v1/applications", "/v1/bundles"
TITLE_MAX: Final = 200
# So often the same may be asked for anew within the life of an Idempotency-Key.
TIMES_MAX: Final = 100
ENDED: Final = frozenset({"withdrawn", "refused", "rerouted"})
PROMISE: Final = (
    "承诺按所申请的目的和范围使用数据，依法保护国家秘密、商业秘密和个人信息",
    "to use the data as applied for, and to protect secrets and personal data by law",
)


class Mode(StrEnum):
    PULL = "pull"
    PUSH = "push"
    QUERY = "query"
    VERIFY = "verify"
    FILE = "file"
    TABLE = "table"
    API = "api"


def apply(  # noqa: PLR0913 - an option is a parameter
    resources: Annotated[
        list[str] | None, typer.Argument(help=say("资源标识", "ids of resources"))
    ] = None,
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    *,
    device: Device = False,
    find: Annotated[
        list[str] | None,
        typer.Option(help=say("检索资源，须只找到一个；可重复", "look for a resource; repeatable")),
    ] = None,
    item: Annotated[
        list[str] | None,
        typer.Option(
            help=say("所需信息项的名称或中文名；可重复", "item wanted, name or label; repeatable")
        ),
    ] = None,
    all_items: Annotated[
        bool, typer.Option("--all-items", help=say("需要全部信息项", "every item is needed"))
    ] = False,
    mode: Annotated[Mode, typer.Option(help=say("共享方式", "how it is shared"))] = Mode.PULL,
    filters: Annotated[
        list[str] | None,
        typer.Option(
            "--filter",
            help=say(
                "只需要符合条件的记录，如 '区划 prefix 4501'；可重复",
                "only these records, as 'division prefix 4501'; repeatable",
            ),
        ),
    ] = None,
    per_day: Annotated[
        int | None, typer.Option(min=1, help=say("每日条数上限", "records a day at most"))
    ] = None,
    client: Annotated[
        str | None,
        typer.Option(help=say("接收数据的应用系统标识", "id of the system that is to receive")),
    ] = None,
    basis: Annotated[str, typer.Option(help=say("履职依据", "legal basis"))] = "",
    scenario: Annotated[str, typer.Option(help=say("使用场景", "what it is needed for"))] = "",
    scope: Annotated[str, typer.Option(help=say("使用范围", "who will use it"))] = "",
    begin: Annotated[
        str | None, typer.Option("--from", help=say("自何日起", "first day, YYYY-MM-DD"))
    ] = None,
    until: Annotated[str, typer.Option(help=say("至何日止", "last day, YYYY-MM-DD"))] = "",
    title: Annotated[
        str | None, typer.Option(help=say("批量申请的标题", "title, for several resources"))
    ] = None,
    promise: Annotated[bool, typer.Option("--promise", help=say(*PROMISE))] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=say("只列出要申请的内容", "only show what it asks"))
    ] = False,
) -> None:
    """起草共享申请，由负责人签批 / apply for resources; the head signs what this drafts."""
    wanted = Wanted(item or (), all_items, mode.value, filters or (), per_day)
    form = {"basis": basis, "scenario": scenario, "scope": scope, "valid_until": until}
    if begin is not None:
        form["valid_from"] = begin
    with explained(), person(address_of(profile, base_url), device=device) as caller:
        _require_said(form, promise=promise or dry_run)
        found = resources_of(caller, resources or (), find or ())
        require_used(wanted, found)
        asked = [asked_of(caller, each, wanted) for each in found]
        receiver = client_of(caller, client)
        _tell(asked, wanted, receiver, form)
        if dry_run:
            note("没有提交任何申请。", "Nothing was applied for.")
            return
        lines = [each.line(wanted, str(receiver["client_id"])) for each in asked]
        for made in _made(caller, lines, {**form, "commitment": True}, _title(title, asked)):
            for told in shown(made):
                typer.echo(told)


def _require_said(form: Mapping[str, str], *, promise: bool) -> None:
    """Raise Failure for what an application cannot do without."""
    options = {"valid_until": "until"}
    missing = [f"--{options.get(name, name)}" for name, said in form.items() if not said.strip()]
    if missing:
        told = " ".join(missing)
        raise Failure(f"申请须写明 {told}。", f"An application needs {told}.")
    if not promise:
        raise Failure(
            f"申请须作出承诺：{PROMISE[0]}。同意的，加 --promise。",
            f"An application promises {PROMISE[1]}. If you do, add --promise.",
        )


def _tell(asked: Sequence[Asked], wanted: Wanted, receiver: Json, form: Mapping[str, str]) -> None:
    """Say on standard error what is asked for, in words."""
    for each in asked:
        labels = {item["name"]: item["label"] for item in each.resource["items"]}
        items = "、".join(labels[name] for name in each.items)
        kind = word(SHARE_TYPES, each.resource["share_type"])
        note(
            f"• {each.resource['name']}（{provider_of(each.resource)}，{kind}）：{items}",
            f"• {each.resource['name']} ({provider_of(each.resource)}, {kind}): {items}",
        )
        for condition in each.row_filter:
            value = json.dumps(condition["value"], ensure_ascii=False)
            told = f"{labels[condition['item']]} {condition['op']} {value}"
            note(f"  仅限 {told}", f"  only where {told}")
    name, days = receiver["name"], f"{form.get('valid_from', '')} – {form['valid_until']}"
    mode = word(MODES, wanted.mode)
    note(f"  由 {name} 以{mode}接收，{days}", f"  received by {name}, {mode}, {days}")


def _title(title: str | None, asked: Sequence[Asked]) -> str:
    return (title or "、".join(each.resource["name"] for each in asked))[:TITLE_MAX]


def _made(
    client: ExchangeClient, lines: Sequence[Json], form: Mapping[str, object], title: str
) -> list[Json]:
    """Draft an application, or a bundle of several; return each with how it stands now.

    Repeated, the same is found again while it is open; what has ended is asked for anew.
    """
    path = APPLICATIONS if len(lines) == 1 else BUNDLES
    body = {**form, **lines[0]} if len(lines) == 1 else {**form, "title": title, "lines": lines}
    named = json.dumps([path, body], sort_keys=True)
    for nth in range(TIMES_MAX):
        key = hashlib.sha256(f"{named} {nth}".encode()).hexdigest()
        made = client.ask("POST", path, body, headers={"Idempotency-Key": key})
        ids = [line["application_id"] for line in made["lines"]] if "lines" in made else None
        now = [client.ask("GET", f"{APPLICATIONS}/{each}") for each in ids or [made["id"]]]
        if not all(each["status"] in ENDED for each in now):
            return now
    raise Failure(
        "同样的申请近日已提出过多次；请改写内容。",
        "The same was applied for too often lately; word it anew.",
    )
