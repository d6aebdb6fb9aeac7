"""Every private name of aiokafka that is relied on, checked when this module is imported.

What its public names cannot do is done here and nowhere else; `check` refuses a release in which
one of these names is gone, before anything is served.
"""

import asyncio
from typing import Any, Final

import aiokafka
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient

RELEASES: Final = "0.14."
PAUSE_SECONDS: Final = 0.1


def check() -> None:
    """Raise ImportError when this release of aiokafka is not one whose insides are known."""
    if not aiokafka.__version__.startswith(RELEASES):
        raise ImportError(f"aiokafka {RELEASES}x is needed, found {aiokafka.__version__}")
    methods = ((AIOKafkaClient, "_metadata_update"),)
    missing = [name for owner, name in methods if not callable(getattr(owner, name, None))]
    attributes = (
        (AIOKafkaClient, "_topics"),
        (AIOKafkaClient, "_conns"),
        (AIOKafkaAdminClient, "_client"),
        (AIOKafkaProducer, "client"),
    )
    missing += [
        name
        for owner, name in attributes
        if name not in owner.__init__.__code__.co_names and not hasattr(owner, name)
    ]
    if missing:
        raise ImportError(f"aiokafka {aiokafka.__version__} has no {', '.join(missing)}")


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


def watch_one_topic(client: Any, topic: str) -> None:  # noqa: ANN401
    """Name one topic to a client that knows none.

    Without any it would ask for all topics of the cluster twice a minute.
    """
    if not client._topics:  # noqa: SLF001 - `add_topic` asks the cluster at once
        client._topics.add(topic)  # noqa: SLF001


def knows_controller(admin: Any) -> bool:  # noqa: ANN401
    """Whether an admin client has learned of a controller; a broker just come back names none."""
    return admin._client.cluster.controller is not None  # noqa: SLF001 - no public look-up


check()
