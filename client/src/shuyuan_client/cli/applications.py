"""`shuyuan applications`: how applications stand, by when, and whose turn it is."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from shuyuan_client.cli.callers import Device, Login, caller
from shuyuan_client.cli.explaining import explained, note
from shuyuan_client.cli.finding import LIMIT_DEFAULT, AsJson, Limit, as_line, due, listed
from shuyuan_client.cli.profile import BaseUrl, ClientId, ClientSecret, ProfileFile
from shuyuan_client.cli.words import ACTIONS, APPLICATIONS, ROLES, word
from shuyuan_client.http import Json
from shuyuan_client.wording import say

REASONS = ("reason", "message", "note", "missing")


class Side(StrEnum):
    CONSUMER = "consumer"
    PROVIDER = "provider"
    AUTHORITY = "authority"


class Status(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    SUPPLEMENT_REQUESTED = "supplement_requested"
    EXTENSION_REQUESTED = "extension_requested"
    AGREED = "agreed"
    REFUSED = "refused"
    REROUTED = "rerouted"
    WITHDRAWN = "withdrawn"


def applications(  # noqa: PLR0913 - an option is a parameter
    ids: Annotated[
        list[str] | None, typer.Argument(help=say("申请标识", "ids of applications"))
    ] = None,
    profile: ProfileFile = None,
    base_url: BaseUrl = None,
    client_id: ClientId = None,
    client_secret: ClientSecret = None,
    *,
    login: Login = False,
    device: Device = False,
    role: Annotated[
        Side | None,
        typer.Option(help=say("只看本部门作为哪一方的", "only those where the department is")),
    ] = None,
    status: Annotated[Status | None, typer.Option(help=say("只看此状态的", "only these"))] = None,
    limit: Limit = LIMIT_DEFAULT,
    as_json: AsJson = False,
) -> None:
    """共享申请的状态、期限和下一步 / applications: how they stand, by when, whose turn."""
    params = {"role": role, "status": status}
    asked = {name: each.value for name, each in params.items() if each is not None}
    with (
        explained(),
        caller(profile, base_url, client_id, client_secret, login=login, device=device) as client,
    ):
        found = (
            [client.ask("GET", f"/v1/applications/{each}") for each in ids]
            if ids
            else list(listed(client, "/v1/applications", asked, limit))
        )
    for each in found:
        for told in [as_line(each)] if as_json else shown(each):
            typer.echo(told)
    if not found:
        note("没有共享申请。", "There are no applications.")


def shown(found: Json) -> Iterator[str]:
    """Yield an application in words: where it stands, by when, whose turn it is, and why."""
    state = word(APPLICATIONS, found["status"])
    told = f"{found['id']}\t{state}\t{found['resource_name'] or found['resource_id']}"
    yield told if found["due_on"] is None else f"{told}\t{due(_clock(found))}"
    if found["subscription_id"] is not None:
        subscription = found["subscription_id"]
        yield say(f"  共享授权 {subscription}", f"  subscription {subscription}")
    for reason in _reasons(found.get("decision") or {}):
        yield f"  {reason}"
    for step in found["next"]:
        who = "、".join(word(ROLES, each) for each in _who(step["who"]))
        yield f"  → {word(ACTIONS, step['action'])}：{who}"


def _clock(found: Json) -> Json:
    """Return the clock as that of a task."""
    return {**found, "overdue": found["breached"]}


def _reasons(decision: Json) -> Iterator[str]:
    for name in REASONS:
        said = decision.get(name)
        if said:
            yield "、".join(said) if isinstance(said, list) else str(said)


def _who(who: list[str] | str) -> list[str]:
    return [who] if isinstance(who, str) else who
