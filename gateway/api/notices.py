"""`/v1/departments/{uscc}/notices`: how a department is told of its decisions and deadlines."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from auth import departments, networks
from exchange.notices import wishes
from exchange.notices.wishes import Standing, Wanted
from gateway.api.departments import Uscc
from gateway.lists import Matching, tag
from gateway.once import SHOWN_ONCE
from gateway.principal import Admin, CatalogReader
from gateway.receiving import url_faults
from gateway.services import Reading, Using
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/departments", tags=["departments"])

Address = Annotated[str, StringConstraints(min_length=3, max_length=wishes.EMAIL_MAX)]
Digest = Literal["immediate", "daily"]


class NoticesIn(Wire):
    """What is absent is not used; `daily` sends at 08:00, Asia/Shanghai."""

    email: Annotated[
        list[Address],
        Field(
            default_factory=list,
            max_length=wishes.EMAILS_MAX,
            examples=[["office@example.org"]],
        ),
    ]
    webhook: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=2048),
        Field(examples=["https://receiver.example/notices"]),
    ] = None
    digest: Digest = "immediate"


class NoticeChannelView(Wire):
    """`failure` is why the last try came to nothing; it is repeated at `next_at`."""

    kind: Literal["email", "webhook"]
    told_at: datetime | None
    attempts: int
    failure: str | None
    next_at: datetime | None


class NoticesView(Wire):
    """`secret` is told once, when `webhook` is set or changed; `mail_on`: mail is sent at all."""

    department: str
    department_name: str
    email: list[str]
    webhook: str | None
    digest: Digest
    secret: Annotated[str | None, SHOWN_ONCE] = None
    mail_on: bool
    channels: list[NoticeChannelView]
    changed_at: datetime


@router.put("/{uscc}/notices")
async def put(
    uscc: Uscc,
    body: NoticesIn,
    precondition: Matching,
    principal: Admin,
    using: Using,
    response: Response,
) -> NoticesView:
    """设置通知方式，变更须带 If-Match / say who is told and how; a change needs If-Match."""
    async with using.database.reading() as session:
        allowed = await networks.allowed(session, uscc)
    # A name is resolved, and nobody's lock is held meanwhile.
    faults = await url_faults(using, "webhook", body.webhook, allowed)
    wanted = Wanted(tuple(body.email), body.webhook, body.digest)
    async with using.database.transaction() as session:
        standing = await wishes.put(
            session, principal, uscc, precondition, wanted, box=using.box, now=clock.now()
        )
        faults.raise_if_any()
        view = await _view(session, standing, mail_on=bool(using.settings.smtp_host))
    tag(response, standing.row.revision)
    return view


@router.get("/{uscc}/notices")
async def get(
    uscc: Uscc, session: Reading, principal: CatalogReader, using: Using, response: Response
) -> NoticesView:
    """查看通知方式 / who of the own department is told, and how."""
    standing = await wishes.find(session, principal, uscc)
    tag(response, standing.row.revision)
    return await _view(session, standing, mail_on=bool(using.settings.smtp_host))


async def _view(session: ReadSession, standing: Standing, *, mail_on: bool) -> NoticesView:
    row = standing.row
    department = await departments.load(session, row.department)
    return NoticesView(
        department=row.department,
        department_name=department.name,
        email=row.email,
        webhook=row.webhook,
        digest=row.digest,
        secret=standing.secret,
        mail_on=mail_on,
        channels=[
            NoticeChannelView(
                kind=each.kind,
                told_at=each.told_at,
                attempts=each.attempts,
                failure=each.failure,
                next_at=each.next_at,
            )
            for each in standing.channels
        ],
        changed_at=row.changed_at,
    )
