"""`/v1/resources/{id}/service`, and the calls that `gateway.hot.calls` serves, documented."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Response
from pydantic import Field, StringConstraints

from exchange.publishing.errors import Misrouted
from exchange.services import operations, register
from exchange.services.operations import Auth, AuthKind, ServiceTerms, Timeouts
from exchange.services.register import Service
from gateway.api.records import ThingId
from gateway.lists import Matching, tag
from gateway.principal import CatalogReader, CatalogWriter, RecordsReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.errors import NotFound, ShuyuanError
from kernel.wire import Verbatim, Wire

router = APIRouter(prefix="/v1/resources/{id}/service", tags=["resources"])
calls = APIRouter(prefix="/v1/subscriptions/{id}/call", tags=["records"])

OPERATIONS_MAX: Final = 50
QUERY_MAX: Final = 50
OPERATION: Final = re.compile(r"[a-zA-Z][0-9a-zA-Z_-]{0,63}")
Name = Annotated[str, StringConstraints(pattern=f"^{OPERATION.pattern}$")]
QueryName = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_.~-]{1,64}$")]
PathText = Annotated[str, StringConstraints(pattern=r"^/[^\s?#\\\x00-\x1f\x7f]{0,511}$")]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
UserName = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
Secret = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{1,4096}$")]
Seconds = Annotated[float, Field(gt=0, le=60, allow_inf_nan=False)]
ConnectSeconds = Annotated[float, Field(gt=0, le=10, allow_inf_nan=False)]


class OperationWire(Wire):
    """`records` answers are checked by the contract, filtered and masked; `opaque` ones pass."""

    name: Name
    method: Literal["GET", "POST"] = "GET"
    path: PathText
    query: Annotated[list[QueryName], Field(default_factory=list, max_length=QUERY_MAX)]
    response: operations.Response

    def operation(self) -> operations.Operation:
        return operations.Operation(
            self.name, self.method, self.path, self.response, tuple(self.query)
        )


class AuthIn(Wire):
    """`name` is the user (`basic`) or the header (`header`); `secret` is never told again.

    Where it is left out and the kind stays, the secret stays.
    """

    kind: AuthKind = AuthKind.NONE
    name: UserName | None = None
    secret: Secret | None = None


class AuthView(Wire):
    kind: AuthKind
    name: str | None


class TimeoutsWire(Wire):
    """Seconds to connect, to the first byte, and between bytes."""

    connect: ConnectSeconds = 2.0
    first_byte: Seconds = 10.0
    idle: Seconds = 30.0


class ServiceIn(Wire):
    base_url: Annotated[str, StringConstraints(min_length=8, max_length=1024)]
    operations: Annotated[list[OperationWire], Field(min_length=1, max_length=OPERATIONS_MAX)]
    auth: AuthIn = AuthIn()
    timeouts: TimeoutsWire = TimeoutsWire()

    def terms(self) -> ServiceTerms:
        return ServiceTerms(
            base_url=self.base_url,
            operations=[each.operation() for each in self.operations],
            auth=Auth(self.auth.kind, self.auth.name, self.auth.secret),
            timeouts=Timeouts(**self.timeouts.model_dump()),
        )


class ServiceView(Wire):
    resource_id: str
    base_url: str
    operations: list[OperationWire]
    auth: AuthView
    timeouts: TimeoutsWire
    changed_at: datetime
    revision: int


class CalledRecord(Wire):
    key: Verbatim
    data: dict[str, Any]
    unmapped: list[str] | None = None


class CalledRecords(Wire):
    """What an operation with `records` answers: those that the grant shows, as it shows them."""

    items: list[CalledRecord]


@router.put("")
async def put(
    id: ThingId,  # noqa: A002 - the contract's name
    body: ServiceIn,
    precondition: Matching,
    using: Using,
    session: Writing,
    principal: CatalogWriter,
    response: Response,
) -> ServiceView:
    """挂接服务，变更须带 If-Match / mount a service, by the provider's head."""
    row = await register.put(
        session,
        principal,
        id,
        precondition,
        body.terms(),
        box=using.box,
        outbound=using.bus.outbound,
        now=clock.now(),
    )
    tag(response, row.revision)
    return _view(row)


@router.get("")
async def find(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: CatalogReader,
    session: Reading,
    response: Response,
) -> ServiceView:
    """查看挂接的服务，不含密钥 / the service, without its secret, for its own department."""
    row = await register.find(session, principal, id)
    tag(response, row.revision)
    return _view(row)


OperationName = Annotated[str, Path(min_length=1, max_length=64)]


def _refusal(operation: str) -> ShuyuanError:
    """What can name an operation is served before FastAPI; anything else names none."""
    return Misrouted() if OPERATION.fullmatch(operation) else NotFound()


@calls.get("/{operation}")
async def call(
    id: ThingId,  # noqa: A002 - the contract's name
    operation: OperationName,
    principal: RecordsReader,
) -> CalledRecords:
    """调用服务操作 / call an operation of the resource's service, for mode `api`.

    An `opaque` one answers with whatever the provider does.
    """
    raise _refusal(operation)


@calls.post("/{operation}")
async def call_with_body(
    id: ThingId,  # noqa: A002 - the contract's name
    operation: OperationName,
    principal: RecordsReader,
) -> CalledRecords:
    """以请求体调用服务操作 / the same with a body, of at most 1 MiB, which is handed on."""
    raise _refusal(operation)


def _view(row: Service) -> ServiceView:
    return ServiceView(
        resource_id=row.resource_id,
        base_url=row.base_url,
        operations=[OperationWire.model_validate(each) for each in row.operations],
        auth=AuthView.model_validate(row.auth),
        timeouts=TimeoutsWire.model_validate(row.timeouts),
        changed_at=row.changed_at,
        revision=row.revision,
    )
