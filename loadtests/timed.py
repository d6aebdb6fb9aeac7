"""One piece of work in a process of its own, with marks at its begin and end as of a generator.

All raise the client's failures, ValueError and CalledProcessError.
"""

import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from loadtests import pages
from loadtests.tally import BEGIN, DONE, END, Total, Window, tell
from loadtests.world import Credentials
from shuyuan_client.agent.config import Config
from shuyuan_client.agent.running import run


@contextmanager
def _timed(records: int) -> Iterator[None]:
    tell(BEGIN)
    begun = time.perf_counter()
    yield
    seconds = time.perf_counter() - begun
    tell(END, Window(seconds, 1, records, seconds * 1000, seconds * 1000))
    tell(DONE, Total(records=records))


def agent(records: int, config: Config) -> None:
    """Let an agent do its jobs once."""
    said: list[str] = []
    with _timed(records):
        if not run(config, once=True, stop=threading.Event(), say=said.append):
            raise ValueError("; ".join(said))


def command(records: int, arguments: Sequence[str]) -> None:
    with _timed(records):
        subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - ours


def snapshot(records: int, base_url: str, who: Credentials, subscription: str, path: Path) -> None:
    """Have a snapshot made as Parquet, and download it to a file."""
    with _timed(records), who.client(base_url) as client:
        _, content = pages.snapshot(client, subscription, records, "parquet")
        path.write_bytes(content)
