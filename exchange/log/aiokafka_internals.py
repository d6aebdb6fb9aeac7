"""Every private name of aiokafka that is relied on, checked when this module is imported.

What its public names cannot do is done here and nowhere else; `check` refuses a release in which
one of these names is gone, before anything is served.

`Client` keeps one connection to each broker, as aiokafka's does, with three differences: a broker
that does not answer holds up nobody who wants another one; there is no task in the background
that may die or wait; and why a broker could not be reached is remembered.
"""

import asyncio
import logging
import random
import weakref
from collections.abc import Iterable
from functools import partial
from typing import Any, Final

import aiokafka
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import AIOKafkaConnection, CloseReason, create_conn
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    NodeNotReadyError,
    RequestTimedOutError,
)
from aiokafka.protocol.metadata import MetadataRequest

from exchange.log.access import Access, trouble_of
from exchange.log.frames import Frames
from exchange.log.racing import first_answer

log = logging.getLogger(__name__)

# Until a connection stands: TCP, TLS, versions and SASL.
CONNECT_SECONDS = 4.0
# A broker that says nothing for so long is not waited for where another can answer as well.
SILENCE_SECONDS = 0.3
# And is asked last for so long.
AVOID_SECONDS = 10.0
RELEASES: Final = "0.14."
PAUSE_SECONDS: Final = 0.1


def check() -> None:
    """Raise ImportError when this release of aiokafka is not one whose insides are known."""
    if not aiokafka.__version__.startswith(RELEASES):
        raise ImportError(f"aiokafka {RELEASES}x is needed, found {aiokafka.__version__}")
    methods = (
        (AIOKafkaClient, "_metadata_update"),
        (AIOKafkaClient, "_get_conn"),
        (AIOKafkaConnection, "_handle_frame"),
    )
    missing = [name for owner, name in methods if not callable(getattr(owner, name, None))]
    attributes = (
        (AIOKafkaClient, "_conns"),
        (AIOKafkaClient, "_loop"),
        (AIOKafkaClient, "_connections_max_idle_ms"),
        (AIOKafkaProducer, "client"),
    )
    missing += [
        name
        for owner, name in attributes
        if name not in owner.__init__.__code__.co_names and not hasattr(owner, name)
    ]
    made = AIOKafkaConnection.connect.__code__.co_names
    missing += [name for name in ("_writer", "_protocol", "_read_task") if name not in made]
    if missing:
        raise ImportError(f"aiokafka {aiokafka.__version__} has no {', '.join(missing)}")


class Client(AIOKafkaClient):  # type: ignore[misc] # aiokafka is untyped
    def __init__(self, access: Access, client_id: str, request_timeout_ms: int) -> None:
        super().__init__(
            client_id=client_id, request_timeout_ms=request_timeout_ms, **access.options()
        )
        self._access = access
        self._connect_options = {
            "client_id": client_id,
            "request_timeout_ms": request_timeout_ms,
            "ssl_context": access.tls,
            "security_protocol": access.protocol,
            "sasl_mechanism": access.mechanism,
            "sasl_plain_username": access.username,
            "sasl_plain_password": access.password,
            "max_idle_ms": self._connections_max_idle_ms,
        }
        self._locks: dict[object, asyncio.Lock] = {}
        self._silent: dict[int, float] = {}
        self.troubles: dict[str, str] = {}
        """By address, why a broker could not be reached the last time."""

    async def bootstrap(self) -> None:
        """Learn the brokers from the first address that answers; KafkaError, OSError."""
        attempts = [partial(self._introduced, host, port) for host, port, _family in self.hosts]
        self.cluster.update_metadata(await first_answer(attempts, SILENCE_SECONDS))

    async def _introduced(self, host: str, port: int) -> Any:  # noqa: ANN401
        connection = await self._connected(host, port)
        try:
            answer = await connection.send(MetadataRequest([], False))  # noqa: FBT003
        except TimeoutError as error:
            raise RequestTimedOutError from error
        finally:
            connection.close()
        if not answer.brokers:
            # A broker that has just come back names none, itself included.
            raise NodeNotReadyError(f"{host}:{port} names no brokers yet")
        return answer

    async def _connected(self, host: str, port: int, **more: Any) -> AIOKafkaConnection:  # noqa: ANN401
        address = f"{host}:{port}"
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                connection = await create_conn(host, port, **self._connect_options, **more)
        except (KafkaError, OSError, TimeoutError) as error:
            trouble = trouble_of(error)
            if self.troubles.get(address) != trouble:
                log.warning("kafka %s: %s", address, trouble)
            self.troubles[address] = trouble
            raise
        self.troubles.pop(address, None)
        return connection

    async def _get_conn(
        self,
        node_id: int,
        *,
        group: ConnectionGroup = ConnectionGroup.DEFAULT,
        no_hint: bool = False,  # noqa: ARG002 - aiokafka's signature
    ) -> AIOKafkaConnection | None:
        """Return the connection to a broker, None when there is none; one lock for each broker."""
        place = (node_id, group)
        known = self._conns.get(place)
        if known is not None and known.connected():
            return known
        async with self._locks.setdefault(place, asyncio.Lock()):
            known = self._conns.get(place)
            if known is not None and known.connected():
                return known
            self._conns.pop(place, None)
            broker = self.cluster.broker_metadata(node_id)
            if broker is None:
                return None
            try:
                opened = await self._connected(broker.host, broker.port)
            except (KafkaError, OSError, TimeoutError):
                return None
            _read_in_frames(opened)
            self._conns[place] = opened
            return opened

    async def send(
        self,
        node_id: int,
        request: Any,  # noqa: ANN401
        *,
        group: ConnectionGroup = ConnectionGroup.DEFAULT,
    ) -> Any:  # noqa: ANN401
        """Return a broker's answer; KafkaError, among them NodeNotReadyError: nothing was sent.

        A connection without an answer in time is given up, with all that waits on it.
        """
        connection = self._conns.get((node_id, group))
        if connection is None or not connection.connected():
            connection = await self._get_conn(node_id, group=group)
            if connection is None:
                raise NodeNotReadyError(f"no connection to broker {node_id}")
        try:
            return await connection.send(request)
        except TimeoutError as error:
            connection.close(reason=CloseReason.CONNECTION_TIMEOUT)
            raise RequestTimedOutError from error

    async def ask_any(self, request: Any, *, pause_seconds: float = SILENCE_SECONDS) -> Any:  # noqa: ANN401
        """Return the first answer of any broker; KafkaError, OSError."""
        nodes = self._by_readiness()
        if not nodes:
            raise KafkaConnectionError("no broker is known")
        return await first_answer(
            [partial(self._asked, node, request) for node in nodes], pause_seconds
        )

    async def _asked(self, node: int, request: Any) -> Any:  # noqa: ANN401
        timer = self._loop.call_later(SILENCE_SECONDS, self._fell_silent, node)
        try:
            answer = await self.send(node, request)
        finally:
            timer.cancel()
        self._silent.pop(node, None)
        return answer

    def _fell_silent(self, node: int) -> None:
        self._silent[node] = self._loop.time()

    def _by_readiness(self) -> list[int]:
        """Return the brokers: connected ones first, those that said nothing lately last."""
        nodes = [broker.nodeId for broker in self.cluster.brokers()]
        random.shuffle(nodes)
        recent = self._loop.time() - AVOID_SECONDS

        def rank(node: int) -> tuple[bool, bool]:
            known = self._conns.get((node, ConnectionGroup.DEFAULT))
            silent = self._silent.get(node, recent) > recent
            return silent, known is None or not known.connected()

        return sorted(nodes, key=rank)

    async def learn(self, topics: Iterable[str]) -> Any:  # noqa: ANN401
        """Ask who leads the partitions of some topics, and learn all brokers from the answer."""
        answer = await self.ask_any(MetadataRequest(list(topics), False))  # noqa: FBT003
        if answer.brokers:
            self.cluster.update_metadata(_brokers_only(answer))
        return answer

    def told_troubles(self) -> tuple[str, ...]:
        return tuple(f"{address}: {trouble}" for address, trouble in self.troubles.items())

    def force_metadata_update(self) -> "asyncio.Future[bool]":
        """Do nothing: whoever fails asks for what it needs (aiokafka calls this by itself)."""
        done: asyncio.Future[bool] = self._loop.create_future()
        done.set_result(True)
        return done


def _read_in_frames(connection: AIOKafkaConnection) -> None:
    """Let a connection that waits for nothing read by `Frames` from here on.

    Its own task goes on waiting for the end, and ends the connection then, as ever.
    """
    known = weakref.ref(connection)

    def take(frame: bytes | bytearray) -> None:
        opened = known()
        if opened is None or not opened.connected():
            return
        try:
            opened._handle_frame(frame)  # noqa: SLF001 - it has no public name
        except Exception as error:
            log.exception("kafka %s:%s: an answer cannot be read", opened.host, opened.port)
            opened.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)

    frames = Frames(connection._protocol, take)  # noqa: SLF001 - it has no public name
    connection._writer.transport.set_protocol(frames)  # noqa: SLF001


def _brokers_only(answer: Any) -> Any:  # noqa: ANN401
    """Return an answer of the same kind without topics: aiokafka would keep them all."""
    said = {name: getattr(answer, name) for name in answer.SCHEMA.names}
    return type(answer)(**{**said, "topics": []})


def pause_between_updates(client: Any) -> None:  # noqa: ANN401 - aiokafka is untyped
    """Let a client that finds no broker pause before it tries again: its own loops do not.

    A producer with something to send asked 600 times a second while its broker was away.
    """
    update = client._metadata_update  # noqa: SLF001 - there is no setting for it

    async def paused(*arguments: Any) -> bool:  # noqa: ANN401
        found = bool(await update(*arguments))
        if not found:
            await asyncio.sleep(PAUSE_SECONDS)
        return found

    client._metadata_update = paused  # noqa: SLF001


check()
