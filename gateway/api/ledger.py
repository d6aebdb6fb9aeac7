"""`/v1/subscriptions/{id}/ledger`: what was handed on in a day, and the consumer's word for it."""

from datetime import datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query
from pydantic import Field

from auth.statements import signed
from exchange.metering.ledger.digests import NamedPage
from exchange.subscriptions import ledger
from exchange.subscriptions.ledger import LISTED_MAX, LedgerOfDay
from gateway.api.records import ThingId
from gateway.principal import Caller, RecordsReader
from gateway.services import Reading, Services, Using, Writing
from kernel import clock
from kernel.errors import InvalidCursor
from kernel.paging import decode, encode
from kernel.wire import Day, Wire

router = APIRouter(prefix="/v1/subscriptions/{id}/ledger", tags=["records"])

PAGES_MAX: Final = 10_000
PAGES_DEFAULT: Final = 1_000
JWS_MAX: Final = 8192
STATEMENT: Final = "shuyuan-ledger+jws"
Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class LedgerPageView(Wire):
    """`digest` is SHA-256 of the lines as they were sent, before any coding; hexadecimal."""

    page: str
    records: int
    deletes: int
    digest: str


class LedgerView(Wire):
    """`records`, `deletes` and `digest` are of the whole day, whatever part of `pages` this is.

    `digest` is SHA-256 over the digests of all pages, 32 bytes each, in order. `jws` signs the sums
    by a key of `/oauth/jwks`. `agreed` tells that the consumer confirmed the digest of now.
    """

    subscription_id: str
    day: Day
    pages: list[LedgerPageView]
    next_cursor: str | None
    page_count: int
    records: int
    deletes: int
    digest: str
    agreed: bool
    confirmed_at: datetime | None
    jws: str


class NamedPageIn(Wire):
    page: Annotated[str, Field(min_length=1, max_length=128)]
    digest: Hex


class ConfirmBody(Wire):
    """What the consumer received; `pages` lets the answer name the first one that differs."""

    digest: Hex
    pages: Annotated[list[NamedPageIn], Field(fail_fast=True, max_length=LISTED_MAX)] | None = None
    jws: Annotated[str, Field(min_length=1, max_length=JWS_MAX)] | None = None

    def named(self) -> list[NamedPage] | None:
        if self.pages is None:
            return None
        return [NamedPage(each.page, each.digest) for each in self.pages]


@router.get("")
async def find(
    id: ThingId,  # noqa: A002 - the contract's name
    principal: Caller,
    using: Using,
    session: Reading,
    day: Annotated[Day, Query()],
    limit: Annotated[int, Query(ge=1, le=PAGES_MAX)] = PAGES_DEFAULT,
    cursor: Annotated[str | None, Query(max_length=64)] = None,
) -> LedgerView:
    """某日的交付台账，平台签名 / the pages of a day, signed by the platform.

    For the subscription's client, and the staff of both sides and of the authority.
    """
    after = 0 if cursor is None else _number(decode(cursor))
    found = await ledger.of_day(session, principal, id, day, after, limit)
    return await _view(using, found)


@router.post("/{day}/confirm")
async def confirm(
    id: ThingId,  # noqa: A002 - the contract's name
    day: Annotated[Day, Path()],
    body: ConfirmBody,
    principal: RecordsReader,
    using: Using,
    session: Writing,
) -> LedgerView:
    """确认收到的与台账一致，否则 409 `ledger_differs` / confirm that all of it was received.

    Asked again it is confirmed again. A day to which pages were added since is no longer agreed.
    """
    found = await ledger.confirm(
        session, principal, id, day, body.digest, body.named(), body.jws, now=clock.now()
    )
    return await _view(using, found)


async def _view(using: Services, found: LedgerOfDay) -> LedgerView:
    sums = found.sums
    digest = sums.digest.hex()
    facts: dict[str, Any] = {
        "iss": using.settings.base_url,
        "iat": int(clock.epoch()),
        "subscription_id": found.subscription.id,
        "day": str(found.day),
        "pages": sums.pages,
        "records": sums.records,
        "deletes": sums.deletes,
        "digest": digest,
        "agreed": found.agreed,
    }
    last = found.pages[-1].id if found.more else None
    return LedgerView(
        subscription_id=found.subscription.id,
        day=found.day,
        pages=[
            LedgerPageView(
                page=row.page, records=row.records, deletes=row.deletes, digest=row.digest.hex()
            )
            for row in found.pages
        ],
        next_cursor=None if last is None else encode(str(last)),
        page_count=sums.pages,
        records=sums.records,
        deletes=sums.deletes,
        digest=digest,
        agreed=found.agreed,
        confirmed_at=None if found.confirmed is None else found.confirmed.confirmed_at,
        jws=signed(await using.tokens.keys.signing(), STATEMENT, facts),
    )


def _number(text: str) -> int:
    """Return the id of a page; raises InvalidCursor."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):  # noqa: PLR2004 - what a column holds
        raise InvalidCursor
    return int(text)
