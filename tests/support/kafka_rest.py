"""A small bridge that speaks the Kafka REST v2 API, to test what measures such bridges."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from fastapi import FastAPI, Request, Response

JSON = "application/vnd.kafka.json.v2+json"
HOST = "127.0.0.1"
BATCH = 500
NEVER = 1_000_000


class KafkaRest:
    """`forgets` acknowledges records that it does not store; `blurs` changes what it hands out.

    One that `is_strict` answers 422 instead of more than it was asked for.
    """

    def __init__(self, bootstrap: str) -> None:
        self.forgets = self.blurs = self.is_strict = False
        self.deleted: list[str] = []
        self._bootstrap = bootstrap
        self._readers: dict[str, AIOKafkaConsumer] = {}
        self._producer: AIOKafkaProducer
        self.app = FastAPI(openapi_url=None)
        routes: dict[str, tuple[str, Callable[..., Any]]] = {
            "/topics/{topic}": ("POST", self.produce),
            "/consumers/{group}": ("POST", self.create),
            "/consumers/{group}/instances/{name}/subscription": ("POST", self.subscribe),
            "/consumers/{group}/instances/{name}/positions/beginning": ("POST", self.rewind),
            "/consumers/{group}/instances/{name}/records": ("GET", self.poll),
            "/consumers/{group}/instances/{name}": ("DELETE", self.delete),
        }
        for path, (method, endpoint) in routes.items():
            self.app.add_api_route(path, endpoint, methods=[method], response_model=None)

    async def produce(self, topic: str, request: Request) -> Any:  # noqa: ANN401 - JSON
        if request.headers["content-type"] != JSON:
            return Response(status_code=415)
        records = orjson.loads(await request.body())["records"]
        if self.forgets:
            return {"offsets": [{"partition": 0, "offset": NEVER} for _ in records]}
        sent = [
            await self._producer.send(topic, orjson.dumps(each["value"]), orjson.dumps(each["key"]))
            for each in records
        ]
        stored = await asyncio.gather(*sent)
        return {
            "offsets": [{"partition": each.partition, "offset": each.offset} for each in stored]
        }

    async def create(self, group: str, request: Request) -> dict[str, str]:
        told = await request.json()
        assert told["format"] == "json"
        name = told["name"]
        return {"instance_id": name, "base_uri": f"{request.url}/instances/{name}", "group": group}

    async def subscribe(self, name: str, request: Request) -> Response:
        (topic,) = (await request.json())["topics"]
        reader = AIOKafkaConsumer(bootstrap_servers=self._bootstrap, enable_auto_commit=False)
        await reader.start()
        reader.assign([TopicPartition(topic, 0)])
        await reader.seek_to_beginning()
        self._readers[name] = reader
        return Response(status_code=204)

    async def rewind(self, name: str, request: Request) -> Response:
        for each in (await request.json())["partitions"]:
            self._readers[name].seek(TopicPartition(each["topic"], each["partition"]), 0)
        return Response(status_code=204)

    async def poll(self, name: str, request: Request, max_bytes: int) -> Response:
        assert request.headers["accept"] == JSON
        found = await self._readers[name].getmany(timeout_ms=200, max_records=BATCH)
        page = [self._shown(each) for batch in found.values() for each in batch]
        body = orjson.dumps(page)
        if self.is_strict and len(body) > max_bytes:
            return Response(b"{}", status_code=422)
        return Response(body, media_type=JSON)

    def _shown(self, record: Any) -> dict[str, Any]:  # noqa: ANN401 - aiokafka has no types
        value = orjson.loads(record.value) | ({"sex": "9"} if self.blurs else {})
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        return {**place, "key": None, "value": value}

    async def delete(self, name: str) -> Response:
        await self._readers.pop(name).stop()
        self.deleted.append(name)
        return Response(status_code=204)

    @asynccontextmanager
    async def served(self) -> AsyncIterator[str]:
        """Serve on a free port of the loopback while the block runs; yield the address."""
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all")
        await self._producer.start()
        listener = socket.create_server((HOST, 0))
        server = uvicorn.Server(uvicorn.Config(self.app, log_level="error", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        try:
            yield f"http://{HOST}:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            await serving
            listener.close()
            for reader in self._readers.values():
                await reader.stop()
            await self._producer.stop()
