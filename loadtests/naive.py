"""The obvious way to build it, kept as a reference: FastAPI, pydantic, a token verified each time.

One pydantic model per record, one `send` per record, one consumer with `seek` per page, `json` for
the projection. Topics whose names begin with BATCHED are published to with a little more care: one
`send_batch` a request. No grants, receipts, idempotency, quotas or audit: it has less to do. It
takes the tokens of the exchange and answers the same requests: the same generator can ask it.
Run as `python -m loadtests.naive ORDER.json`.
"""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import msgspec
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import Depends, FastAPI, Header, HTTPException, Request, Response
from fastapi.responses import FileResponse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.types import Receive, Send

from kernel.identifiers import resident_check_digit, uscc_check
from loadtests import records

ORDER = "LOADTESTS_NAIVE_ORDER"
BATCHED = "batched."
NATIONS = frozenset(f"{number:02d}" for number in range(1, 57))
SHOWN = ("id_number", "name", "birth", "division", "mobile", "status")
PERSON = records.line(0)
FETCH_MS, BATCH_BYTES = 2000, 1_000_000


class Order(msgspec.Struct):
    """Where the broker is, who signs the tokens, and how many workers to start.

    `file` is what they serve, `department` what they hand calls on to.
    """

    bootstrap: str
    issuer: str
    port: int
    workers: int
    topics: list[str]
    file: str = ""
    department: str = ""


def _checked(is_right: Callable[[str], bool]) -> AfterValidator:
    def check(value: str) -> str:
        if not is_right(value):
            raise ValueError("check digit or code list")
        return value

    return AfterValidator(check)


RESIDENT = _checked(lambda value: resident_check_digit(value[:17]) == value[17])
CREDIT_CODE = _checked(lambda value: uscc_check(value[:17]) == value[17])


class Person(BaseModel):
    """The record of `loadtests.records` as pydantic says it."""

    model_config = ConfigDict(extra="forbid")

    id_number: Annotated[str, Field(pattern=r"^[1-9]\d{16}[\dX]$"), RESIDENT]
    name: str = Field(min_length=1, max_length=50)
    employer: Annotated[str, Field(pattern=r"^[0-9A-HJ-NP-RT-UW-Y]{18}$"), CREDIT_CODE]
    nation: Annotated[str, _checked(NATIONS.__contains__)]
    birth: date
    address: str = Field(max_length=200)
    division: str = Field(pattern=r"^\d{6}(\d{3}){0,2}$")
    mobile: str = Field(pattern=r"^1[3-9]\d{9}$")
    amount: Decimal = Field(max_digits=18, decimal_places=2, ge=0)
    status: Literal["normal", "closed"]
    updated_at: datetime
    remark: str | None = Field(default=None, max_length=100)


class Shelf:
    """One consumer of one topic, shared under a lock."""

    def __init__(self, consumer: AIOKafkaConsumer, place: TopicPartition) -> None:
        self._consumer = consumer
        self._place = place
        self._lock = asyncio.Lock()

    async def page(self, offset: int, limit: int) -> list[Any]:
        async with self._lock:
            self._consumer.seek(self._place, offset)
            found: list[Any] = []
            while len(found) < limit:
                batches = await self._consumer.getmany(
                    self._place, timeout_ms=FETCH_MS, max_records=limit - len(found)
                )
                if not batches:
                    break
                found += batches[self._place]
            return found


def read_order(path: str) -> Order:
    return msgspec.json.decode(Path(path).read_bytes(), type=Order)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    order = read_order(os.environ[ORDER])
    async with httpx.AsyncClient(base_url=order.issuer) as http:
        app.state.keys = KeySet.import_key_set((await http.get("/oauth/jwks")).json())
    app.state.producer = AIOKafkaProducer(
        bootstrap_servers=order.bootstrap, acks="all", max_batch_size=BATCH_BYTES
    )
    await app.state.producer.start()
    app.state.order, app.state.http = order, httpx.AsyncClient()
    app.state.shelves = {topic: await _shelf(order, topic) for topic in order.topics}
    yield
    await app.state.producer.stop()
    for shelf in app.state.shelves.values():
        await shelf._consumer.stop()  # noqa: SLF001 - one module


async def _shelf(order: Order, topic: str) -> Shelf:
    consumer = AIOKafkaConsumer(bootstrap_servers=order.bootstrap, enable_auto_commit=False)
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    return Shelf(consumer, place)


def verified(request: Request, authorization: Annotated[str, Header()]) -> Mapping[str, Any]:
    """Verify the token's signature and claims, every time."""
    try:
        token = jwt.decode(
            authorization.removeprefix("Bearer "), request.app.state.keys, algorithms=["ES256"]
        )
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(token.claims)
    except JoseError as error:
        raise HTTPException(401) from error
    return token.claims


def may(scope: str, claims: Mapping[str, Any]) -> None:
    if scope not in claims["scope"].split():
        raise HTTPException(403)


Caller = Annotated[Mapping[str, Any], Depends(verified)]
app = FastAPI(lifespan=lifespan)


@app.post("/v1/resources/{resource_id}/records", status_code=201)
async def publish(resource_id: str, request: Request, caller: Caller) -> dict[str, Any]:
    may("records:publish", caller)
    lines = (await request.body()).splitlines()
    people = [Person.model_validate_json(line) for line in lines]
    producer: AIOKafkaProducer = request.app.state.producer
    if resource_id.startswith(BATCHED):
        return await _in_one_batch(producer, resource_id, people, lines)
    sent = [
        await producer.send(resource_id, line, key=person.id_number.encode())
        for line, person in zip(lines, people, strict=True)
    ]
    stored = await asyncio.gather(*sent)
    positions = [
        {"partition": each.partition, "first_offset": each.offset, "last_offset": each.offset}
        for each in stored
    ]
    return {"resource_id": resource_id, "accepted": len(stored), "positions": positions}


async def _in_one_batch(
    producer: AIOKafkaProducer, topic: str, people: Sequence[Person], lines: Sequence[bytes]
) -> dict[str, Any]:
    batch = producer.create_batch()
    for person, line in zip(people, lines, strict=True):
        batch.append(key=person.id_number.encode(), value=line, timestamp=None)
    stored = await (await producer.send_batch(batch, topic, partition=0))
    first, last = stored.offset, stored.offset + len(lines) - 1
    position = {"partition": 0, "first_offset": first, "last_offset": last}
    return {"resource_id": topic, "accepted": len(lines), "positions": [position]}


@app.get("/v1/subscriptions/{topic}/records")
async def pull(
    topic: str,
    request: Request,
    caller: Caller,
    cursor: int = 0,
    limit: int = 500,
    items: Literal["narrow", "all"] = "narrow",
) -> Response:
    may("records:read", caller)
    found = await request.app.state.shelves[topic].page(cursor, limit)
    show = _whole if items == "all" else _shown
    body = "".join(json.dumps(show(each.value), ensure_ascii=False) + "\n" for each in found)
    following = found[-1].offset + 1 if found else cursor
    headers = {"Exchange-Next-Cursor": str(following), "Exchange-Count": str(len(found))}
    return Response(body, media_type="application/x-ndjson", headers=headers)


@app.get("/file")
async def file(request: Request) -> FileResponse:
    return FileResponse(request.app.state.order.file)


@app.get("/proxy")
async def proxy(request: Request) -> Response:
    """Hand a call on, and nothing else."""
    answer = await request.app.state.http.get(request.app.state.order.department)
    return Response(answer.content, media_type="application/json")


async def department(_scope: object, receive: Receive, send: Send) -> None:
    """The program of a department: one record, whatever is asked."""
    await receive()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(PERSON)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": PERSON})


def _whole(value: bytes) -> dict[str, Any]:
    record = json.loads(value)
    return {"op": "upsert", "key": record["id_number"], "data": record}


def _shown(value: bytes) -> dict[str, Any]:
    shown = _whole(value)
    data = {item: shown["data"][item] for item in SHOWN}
    data["name"] = data["name"][:1] + "***"
    data["mobile"] = data["mobile"][:3] + "***" + data["mobile"][-4:]
    return shown | {"data": data}


def main() -> None:
    order = read_order(sys.argv[1])
    os.environ[ORDER] = sys.argv[1]
    uvicorn.run(
        "loadtests.naive:app",
        host="127.0.0.1",
        port=order.port,
        workers=order.workers,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )


if __name__ == "__main__":
    main()
