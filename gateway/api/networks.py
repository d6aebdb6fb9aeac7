"""`/v1/departments/{uscc}/networks`: where receivers and services of a department may stand."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from auth import departments, networks
from gateway.api.departments import Uscc
from gateway.lists import Matching, tag
from gateway.principal import Admin, CatalogReader
from gateway.services import Reading, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.outbound.addresses import Rule
from kernel.wire import Wire

router = APIRouter(prefix="/v1/departments", tags=["departments"])

Cidr = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class NetworksIn(Wire):
    """允许平台调用的网段，CIDR / networks in which the department may be called, as CIDR."""

    cidrs: Annotated[
        list[Cidr], Field(max_length=networks.NETWORKS_MAX, examples=[["10.1.2.0/24"]])
    ]


class NetworksView(Wire):
    """`changed_at` is null where none were ever named: then the department is never called."""

    department: str
    department_name: str
    cidrs: list[str]
    changed_at: datetime | None


async def _view(session: ReadSession, uscc: str, row: networks.Networks | None) -> NetworksView:
    department = await departments.load(session, uscc)
    return NetworksView(
        department=uscc,
        department_name=department.name,
        cidrs=[] if row is None else row.cidrs,
        changed_at=None if row is None else row.changed_at,
    )


@router.put("/{uscc}/networks")
async def put(
    uscc: Uscc,
    body: NetworksIn,
    precondition: Matching,
    using: Using,
    session: Writing,
    principal: Admin,
    response: Response,
) -> NetworksView:
    """指定可调用的网段，变更须带 If-Match / name the networks; a change needs If-Match."""
    row = await networks.put(
        session,
        principal,
        uscc,
        precondition,
        cidrs=body.cidrs,
        rule=Rule.of(using.settings),
        now=clock.now(),
    )
    tag(response, row.revision)
    return await _view(session, uscc, row)


@router.get("/{uscc}/networks")
async def get(
    uscc: Uscc, session: Reading, principal: CatalogReader, response: Response
) -> NetworksView:
    """查看可调用的网段 / the networks of the department, for its own people and security."""
    row = await networks.get(session, principal, uscc)
    if row is not None:
        tag(response, row.revision)
    return await _view(session, uscc, row)
