"""`/v1/subscriptions/{id}/endpoint`, `…/deliveries`: where a subscription is pushed to."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, StrictBool, StringConstraints

from auth import networks
from auth.principal import Principal
from exchange.delivery.push import deliveries, endpoints, receiver, states
from exchange.delivery.push.deliveries import Status
from exchange.delivery.push.endpoints import Standing, Wanted
from exchange.delivery.push.messages import Format, Signature
from exchange.delivery.push.pace import OPENS_AFTER, Verdict
from exchange.delivery.push.sender import Sender
from gateway import names
from gateway.api.sharing import Prose
from gateway.lists import ListOf, Matching, Paging, tag
from gateway.next_steps import NextStep, by_side
from gateway.once import SHOWN_ONCE, Acting
from gateway.principal import ApplicationsWriter, CatalogReader
from gateway.receiving import url_faults
from gateway.services import Reading, Services, Using, Writing
from kernel import clock
from kernel.database import ReadSession
from kernel.wire import Wire

router = APIRouter(prefix="/v1/subscriptions", tags=["subscriptions"])

MAX_BYTES_MIN, MAX_BYTES_MAX = 4 * 1024, 8 * 1024 * 1024
DeliveryId = Annotated[
    str, Path(max_length=64, description="推送编号，即 webhook-id / the webhook-id")
]


class EndpointIn(Wire):
    """`max_bytes` bounds a body; a record that does not fit is told of, to be pulled.

    `signature` is `v1` unless a new endpoint names `v1a`; later a rotation changes it.
    """

    url: Annotated[
        str,
        StringConstraints(min_length=1, max_length=2048),
        Field(examples=["https://receiver.example/records"]),
    ]
    format: Format = Format.WEBHOOK
    max_records: Annotated[int, Field(ge=1, le=10_000)] = 500
    max_bytes: Annotated[int, Field(ge=MAX_BYTES_MIN, le=MAX_BYTES_MAX)] = 1024 * 1024
    signature: Signature | None = None


class RotateIn(Wire):
    """For so many hours both secrets sign; `signature` may be another one from now on."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = endpoints.OVERLAP_HOURS
    signature: Signature | None = None


class ResumeIn(Wire):
    """`past_gap` goes on behind a gap of the log, with the first record that is kept."""

    past_gap: StrictBool = False


class SkipIn(Wire):
    reason: Prose


class LaneView(Wire):
    """One partition; `begun` once something of it was pushed."""

    partition: int
    begun: bool
    delivery_id: str | None
    attempts: int
    next_attempt_at: datetime | None


class EndpointView(Wire):
    """`secret` is told once, when it is made. `host_open_until`: its host is left alone so long.

    A receiver of `v1a` verifies by `public_key`, and has no secret.
    """

    subscription_id: str
    status: states.State
    paused_by: states.PausedBy | None
    reason: str | None
    url: str
    format: Format
    max_records: int
    max_bytes: int
    signature: Signature
    secret: Annotated[str | None, SHOWN_ONCE] = None
    public_key: str | None
    previous_public_key: str | None
    previous_secret_until: datetime | None
    tested_at: datetime | None
    host_failures: int
    host_open_until: datetime | None
    lanes: list[LaneView]
    created_at: datetime
    changed_at: datetime
    allowed: list[states.Action]
    next: list[NextStep]


class TrialView(Wire):
    """What the receiver did with the challenge; `answer` is the beginning of what it said."""

    passed: bool
    failure: str | None
    answer_status: int | None
    answer: str | None
    endpoint: EndpointView


class DeliveryView(Wire):
    """One batch. `available_only`: the record did not fit, its receiver was told where it is."""

    id: str
    subscription_id: str
    partition: int
    status: Status
    records: int
    bytes: int
    available_only: bool
    attempts: int
    begun_at: datetime
    tried_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None
    answer_status: int | None
    answer: str | None
    failure: str | None
    skipped_by: str | None
    skipped_by_name: str | None
    skip_reason: str | None
    allowed: list[deliveries.Action]


@router.put("/{subscription_id}/endpoint")
async def put(
    subscription_id: str,
    body: EndpointIn,
    precondition: Matching,
    principal: ApplicationsWriter,
    using: Using,
    response: Response,
) -> EndpointView:
    """设置推送端点，密钥只显示一次 / set where records are pushed to; the secret is told once."""
    wanted = Wanted(**body.model_dump())
    # A name is resolved, and nobody's lock is held meanwhile.
    async with using.database.reading() as session:
        allowed = await networks.allowed(session, principal.department)
    faults = await url_faults(using, "url", wanted.url, allowed)
    async with using.database.transaction() as session:
        standing = await endpoints.put(
            session, principal, subscription_id, precondition, wanted,
            box=using.box, now=clock.now(),
        )  # fmt: skip
        faults.raise_if_any()
        view = await _view(using, session, standing)
    tag(response, standing.row.revision)
    return view


@router.get("/{subscription_id}/endpoint")
async def find(
    subscription_id: str,
    principal: CatalogReader,
    session: Reading,
    using: Using,
    response: Response,
) -> EndpointView:
    """查看推送端点 / where it is pushed to, and how far that has come."""
    standing = await endpoints.find(session, principal, subscription_id)
    tag(response, standing.row.revision)
    return await _view(using, session, standing)


@router.post("/{subscription_id}/endpoint/test")
async def try_endpoint(
    subscription_id: str, principal: ApplicationsWriter, using: Using
) -> TrialView:
    """发送签名的测试，答对后开始推送 / send the signed test; a right answer begins the push."""
    async with using.database.reading() as session:
        await endpoints.require_testable(session, principal, subscription_id)
        target = await receiver.load(session, using.box, subscription_id)
    outcome = await Sender(using.bus.outbound, using.settings.base_url).challenge(target)
    passed = outcome.verdict is Verdict.DELIVERED and outcome.failure is None
    async with using.database.transaction() as session:
        standing = await endpoints.tested(
            session, principal, target, passed=passed, now=clock.now()
        )
        view = await _view(using, session, standing)
    return TrialView(
        passed=passed,
        failure=outcome.failure,
        answer_status=outcome.status,
        answer=_text(outcome.answer),
        endpoint=view,
    )


@router.post("/{subscription_id}/endpoint/rotate")
async def rotate(
    subscription_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    once: Acting,
    body: RotateIn | None = None,
) -> EndpointView:
    """更换密钥，过渡期内两把都签名 / another secret; meanwhile both sign."""
    standing = await endpoints.rotate(
        session,
        principal,
        subscription_id,
        overlap_hours=(body or RotateIn()).overlap_hours,
        signature=(body or RotateIn()).signature,
        box=using.box,
        now=clock.now(),
    )
    return await once.keep(await _view(using, session, standing))


@router.post("/{subscription_id}/endpoint/pause")
async def pause(
    subscription_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    once: Acting,
) -> EndpointView:
    """暂停推送 / push nothing until it is resumed; nothing is lost."""
    standing = await endpoints.pause(session, principal, subscription_id, now=clock.now())
    return await once.keep(await _view(using, session, standing))


@router.post("/{subscription_id}/endpoint/resume")
async def resume(
    subscription_id: str,
    principal: ApplicationsWriter,
    session: Writing,
    using: Using,
    once: Acting,
    body: ResumeIn | None = None,
) -> EndpointView:
    """恢复推送 / push again, after a gap of the log with `past_gap`."""
    past_gap = body is not None and body.past_gap
    standing = await endpoints.resume(
        session, principal, subscription_id, past_gap=past_gap, now=clock.now()
    )
    return await once.keep(await _view(using, session, standing))


@router.get("/{subscription_id}/deliveries")
async def page(
    subscription_id: str,
    principal: CatalogReader,
    session: Reading,
    paging: Paging,
    status: Annotated[Status | None, Query()] = None,
) -> ListOf[DeliveryView]:
    """推送记录，最新在前 / what was pushed, the newest first."""
    found = await deliveries.page(session, principal, subscription_id, paging, status)
    items = await _deliveries(session, principal, found.items)
    return ListOf(items=items, next_cursor=found.next_cursor)


@router.post("/{subscription_id}/deliveries/{delivery_id}/retry")
async def retry(
    subscription_id: str,
    delivery_id: DeliveryId,
    principal: ApplicationsWriter,
    session: Writing,
    once: Acting,
) -> DeliveryView:
    """立即重试 / try a waiting batch at once."""
    row = await deliveries.retry(session, principal, subscription_id, delivery_id, now=clock.now())
    return await once.keep((await _deliveries(session, principal, [row]))[0])


@router.post("/{subscription_id}/deliveries/{delivery_id}/skip")
async def skip(
    subscription_id: str,
    delivery_id: DeliveryId,
    body: SkipIn,
    principal: ApplicationsWriter,
    session: Writing,
    once: Acting,
) -> DeliveryView:
    """跳过该批，须说明原因 / leave a waiting batch out for good, with a reason."""
    row = await deliveries.skip(
        session, principal, subscription_id, delivery_id, reason=body.reason, now=clock.now()
    )
    return await once.keep((await _deliveries(session, principal, [row]))[0])


async def _view(using: Services, session: ReadSession, standing: Standing) -> EndpointView:
    row = standing.row
    keys = endpoints.keys(row, using.box, clock.now())
    failures, open_until = await endpoints.host_state(session, row.url)
    same = (
        "status", "paused_by", "reason", "url", "format", "max_records", "max_bytes",
        "tested_at", "created_at", "changed_at",
    )  # fmt: skip
    return EndpointView.model_validate(
        {name: getattr(row, name) for name in same}
        | {
            "subscription_id": row.id,
            "signature": keys.signature,
            "secret": standing.secret,
            "public_key": keys.public_key,
            "previous_public_key": keys.previous_public_key,
            "previous_secret_until": row.previous_until,
            "host_failures": failures,
            "host_open_until": open_until if failures >= OPENS_AFTER else None,
            "lanes": [
                LaneView(
                    partition=each.partition,
                    begun=each.next_offset is not None,
                    delivery_id=each.delivery_id,
                    attempts=each.attempts,
                    next_attempt_at=each.next_attempt_at,
                )
                for each in standing.lanes
            ],
            "allowed": list(standing.allowed),
            "next": by_side(standing.possible, states.ALLOWED_ROLES),
        }
    )


async def _deliveries(
    session: ReadSession, principal: Principal, rows: object
) -> list[DeliveryView]:
    views = [
        row.model_dump(exclude={"number", "size_bytes", "answer"})
        | {
            "bytes": row.size_bytes,
            "answer": _text(row.answer),
            "allowed": deliveries.allowed(row),
        }
        for row in rows  # type: ignore[attr-defined] # rows of the use case
    ]
    await names.add_people(session, principal, views, ("skipped_by",), lambda *_: "head")
    return [
        DeliveryView.model_validate({name: view[name] for name in DeliveryView.model_fields})
        for view in views
    ]


def _text(answer: bytes | None) -> str | None:
    return None if not answer else answer.decode("utf-8", "replace").replace("\x00", "\ufffd")
