"""`/v1/clients`: application systems of a department (`api.md` section 2)."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field, StrictBool

from auth import clients, states
from auth.clients import Credentialed, Method, NewClient, Rotation
from auth.duties import DUTIES, Operation
from auth.principal import Role, Scope
from auth.states import State
from gateway import names
from gateway.api.registry import Contractor, Line, Words
from gateway.lists import ListOf, Paging, Revision, tag
from gateway.names import Fields
from gateway.next_steps import NextStep, by_role
from gateway.once import SHOWN_ONCE, Acting, Once, creating
from gateway.principal import Admin, CatalogReader
from gateway.services import Reading, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/clients", tags=["clients"])

Creating = Annotated[Once, Depends(creating(Scope.ADMIN, Role.HEAD, Role.SECURITY))]

MANAGERS = dict.fromkeys(states.Action, DUTIES[Operation.MANAGE_CLIENT].roles)
Status = Literal["active", "suspended"]
ClientId = Annotated[str, Path(max_length=64)]
Department = Annotated[str, Field(min_length=1, max_length=64)]
Scopes = Annotated[list[Scope], Field(min_length=1, max_length=len(Scope))]
Jwks = Annotated[
    dict[str, Any],
    Field(description="RFC 7517, 1 至 10 个公钥 / public keys: EC P-256, or RSA 2048 to 8192 bits"),
]


PerSecond = Annotated[float | None, Field(gt=0, le=1_000_000, allow_inf_nan=False)]
Burst = Annotated[int | None, Field(ge=1, le=10_000_000)]


class RateLimitModel(Wire):
    """Requests a second and at once; null leaves a value to the settings.

    The first two are of all publishes and pulls of the client, the others of the pulls of each of
    its subscriptions.
    """

    per_second: PerSecond = None
    burst: Burst = None
    subscription_per_second: PerSecond = None
    subscription_burst: Burst = None


class ClientIn(Wire):
    name: Line
    department: Department
    scopes: Scopes
    auth_method: Method = "client_secret_basic"
    jwks: Jwks | None = None
    operated_by: Contractor | None = None


class ClientChangeIn(Wire):
    """What is absent stays."""

    name: Line | None = None
    scopes: Scopes | None = None
    jwks: Jwks | None = None
    rate_limit: Annotated[
        RateLimitModel | None,
        Field(description="仅 operator；null 恢复默认 / operator only; null: the settings' again"),
    ] = None
    operated_by: Annotated[
        Contractor | None,
        Field(description="仅 head；null 表示自行运维 / head only; null: run by the department"),
    ] = None


class RotateIn(Wire):
    revoke_tokens: Annotated[
        StrictBool, Field(description="旧密钥泄露时为 true / true when the old secret leaked")
    ] = False
    overlap_hours: Annotated[
        int,
        Field(
            ge=0,
            le=168,
            strict=True,
            description="旧密钥继续有效的小时数 / hours that the old secret holds beside the new",
        ),
    ] = 0


class SuspendIn(Wire):
    reason: Line | None = None


class ClientView(Wire):
    client_id: str
    name: str
    department: str
    department_name: str | None
    scopes: list[Scope]
    auth_method: Method
    jwks: dict[str, Any] | None
    rate_limit: RateLimitModel | None
    operated_by: Contractor | None
    operator_approved_by: str | None
    operator_approved_at: datetime | None
    status: Status
    created_at: datetime
    next: list[NextStep]


class CredentialedView(ClientView):
    client_secret: Annotated[
        str | None,
        Field(
            description="只显示一次；重放的应答中为 null，可轮换取得新密钥 / "
            "shown once: null in an answer given again, rotate for a new one; null with "
            "private_key_jwt"
        ),
        SHOWN_ONCE,
    ] = None


async def _views(session: ReadSession, found: Sequence[BaseModel]) -> list[ClientView]:
    taken = {*ClientView.model_fields} - {"next"}
    views: list[Fields] = [client.model_dump(include=taken) for client in found]
    await names.add(session, views, own="client_id")
    for view in views:
        view["next"] = by_role(states.allowed(State(view["status"])), MANAGERS)
    return [ClientView.model_validate(view) for view in views]


async def _view(
    session: ReadSession, client: BaseModel, revision: int, response: Response
) -> ClientView:
    tag(response, revision)
    return (await _views(session, [client]))[0]


async def _credentialed(
    session: ReadSession, made: Credentialed, response: Response
) -> CredentialedView:
    response.headers["Cache-Control"] = "no-store"
    view = await _view(session, made.client, made.client.revision, response)
    return CredentialedView(**view.model_dump(), client_secret=made.secret)


@router.post("", status_code=201)
async def register(
    body: ClientIn, once: Creating, session: Writing, principal: Admin, response: Response
) -> CredentialedView:
    """登记应用系统，密钥只显示一次 / register a client; its secret is told once."""
    new = NewClient(
        body.name,
        body.department,
        frozenset(body.scopes),
        body.auth_method,
        body.jwks,
        None if body.operated_by is None else body.operated_by.model_dump(),
    )
    made = await clients.register(session, principal, new, now=clock.now())
    return await once.keep(await _credentialed(session, made, response))


@router.get("")
async def find(
    session: Reading,
    principal: CatalogReader,
    page: Paging,
    q: Words = None,
    department: Annotated[str | None, Query(max_length=64)] = None,
    status: Status | None = None,
) -> ListOf[ClientView]:
    """应用系统列表 / the clients of the department; operators see all."""
    found = await clients.find(
        session, principal, page, text=q, department=department, status=status
    )
    items = await _views(session, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.get("/{client_id}")
async def get(
    client_id: ClientId, session: Reading, principal: CatalogReader, response: Response
) -> ClientView:
    """一个应用系统 / one client."""
    client = await clients.get(session, principal, client_id)
    return await _view(session, client, client.revision, response)


@router.patch("/{client_id}")
async def change(
    client_id: ClientId,
    body: ClientChangeIn,
    revision: Revision,
    session: Writing,
    principal: Admin,
    response: Response,
) -> ClientView:
    """更改应用系统 / change a client."""
    values = body.model_dump(exclude_none=True, exclude={"rate_limit", "operated_by"})
    if "operated_by" in body.model_fields_set:
        values["operated_by"] = body.operated_by and body.operated_by.model_dump()
    if "rate_limit" in body.model_fields_set:
        values["rate_limit"] = body.rate_limit and body.rate_limit.model_dump()
    client = await clients.change(session, principal, client_id, revision, values, now=clock.now())
    return await _view(session, client, client.revision, response)


@router.post("/{client_id}/rotate")
async def rotate(
    client_id: ClientId,
    session: Writing,
    principal: Admin,
    response: Response,
    once: Acting,
    body: RotateIn | None = None,
) -> CredentialedView:
    """A new secret, shown once; the old one ends at once, or after `overlap_hours`."""
    asked = body or RotateIn()
    rotation = Rotation(asked.revoke_tokens, asked.overlap_hours)
    made = await clients.rotate(session, principal, client_id, rotation, now=clock.now())
    return await once.keep(await _credentialed(session, made, response))


@router.post("/{client_id}/suspend")
async def suspend(
    client_id: ClientId,
    session: Writing,
    principal: Admin,
    response: Response,
    once: Acting,
    body: SuspendIn | None = None,
) -> ClientView:
    """The client's tokens end for ever, within a second on every worker."""
    reason = body.reason if body else None
    client = await clients.suspend(session, principal, client_id, reason=reason)
    return await once.keep(await _view(session, client, client.revision, response))


@router.post("/{client_id}/resume")
async def resume(
    client_id: ClientId, session: Writing, principal: Admin, response: Response, once: Acting
) -> ClientView:
    """恢复已停用的应用系统 / let a suspended client act again."""
    client = await clients.resume(session, principal, client_id)
    return await once.keep(await _view(session, client, client.revision, response))
