"""One piece of work in a process of its own: an agent's run, a command, or a snapshot.

Told an order on standard input, it marks begin and end as every generator does.
"""

import subprocess
import sys
import threading
import time

import msgspec

from loadtests import pages
from loadtests.tally import BEGIN, DONE, END, Total, Window, tell
from shuyuan_client.agent.config import Config
from shuyuan_client.agent.running import run
from shuyuan_client.http import ExchangeClient, with_secret


class Snapshot(msgspec.Struct):
    """Have a snapshot of a subscription made, and download it to a file."""

    base_url: str
    client_id: str
    secret: str
    subscription: str
    form: str
    path: str


class Order(msgspec.Struct):
    """What is done, and with how many records; just one of the three."""

    records: int
    agent: Config | None = None
    command: list[str] = []
    snapshot: Snapshot | None = None


def work(order: Order) -> None:
    """Do it; raises CalledProcessError, ValueError and the client's failures."""
    if order.agent:
        said: list[str] = []
        if not run(order.agent, once=True, stop=threading.Event(), say=said.append):
            raise ValueError("; ".join(said))
    elif order.snapshot:
        asked = order.snapshot
        with ExchangeClient(asked.base_url, with_secret(asked.client_id, asked.secret)) as client:
            _, content = pages.snapshot(client, asked.subscription, order.records, asked.form)
        with open(asked.path, "wb") as file:  # noqa: PTH123 - nothing else is done with it
            file.write(content)
    else:
        subprocess.run(order.command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours


def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    tell(BEGIN)
    begun = time.perf_counter()
    work(order)
    seconds = time.perf_counter() - begun
    tell(END, Window(seconds, 1, order.records, seconds * 1000, seconds * 1000))
    tell(DONE, Total(records=order.records))


if __name__ == "__main__":
    main()
