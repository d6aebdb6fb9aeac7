"""wrk as a generator, where it is installed: one thread, so that its script counts exactly.

Its percentiles are those of the whole run, warm-up included, and it says them only at its end.
"""

import math
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

from deploy.local.files import write_private
from loadtests.arena import Arena
from loadtests.generator import Pace, Publish, Pull, Work
from loadtests.pages import Book
from loadtests.runs import Child, Observed, observe
from loadtests.stage import SPARE_SECONDS, Stage

NAME = "wrk"
SCRIPT = Path(__file__).with_name("wrk.lua")
# For the answers under way when the window ends; wrk ends as soon as the last one is there.
DRAINING_SECONDS = 10


def is_installed() -> bool:
    return shutil.which(NAME) is not None


def generate(
    stage: Stage, work: Work, callers: int, pace: Pace, service: Arena | None = None
) -> Observed:
    """Let wrk ask the gateway, or another service; raises RunFailed unless all answers came."""
    asked = service or stage.arena
    order = stage.folder / "wrk.order"
    told = {
        "host": urlsplit(asked.base_url).netloc,
        "token": stage.token_for(work),
        "callers": callers,
        "warm_up": pace.warm_up_seconds,
        "seconds": pace.seconds,
        **(_publish(stage, work) if isinstance(work, Publish) else _pull(work)),
    }
    write_private(order, "".join(f"{name} {value}\n" for name, value in told.items()))
    most_seconds = math.ceil(pace.warm_up_seconds + pace.seconds) + DRAINING_SECONDS
    command = (
        *(NAME, "--threads", "1", "--connections", str(callers), "--timeout", "60s"),
        *("--duration", f"{most_seconds}s", "--script", str(SCRIPT)),
        *(asked.base_url, "--", str(order)),
    )
    return observe(Child(command, stage.log(NAME)), asked.families, most_seconds + SPARE_SECONDS)


def _publish(stage: Stage, work: Publish) -> dict[str, object]:
    bodies, ready = stage.folder / f"wrk-{work.records}.bodies", work.ready()
    if not bodies.exists():
        bodies.write_bytes(b"".join(ready))
        places = [sum(map(len, ready[:place])) for place in range(len(ready))]
        _index(bodies, zip(places, map(len, ready), strict=True))
    told = {"resources": " ".join(work.resources), "records": work.records, "bodies": bodies}
    return told | ({"keys": secrets.token_hex(6)} if work.keyed else {})


def _pull(work: Pull) -> dict[str, object]:
    book = Book(Path(work.book))
    _index(Path(work.book), ((p.start, p.size, p.count, p.target, p.sent) for p in book.pages))
    return {"pages": 1, "ending": book.ending or "-", "bodies": work.book}


def _index(bodies: Path, lines: Iterable[Iterable[object]]) -> None:
    """Write where each body lies: start, size, and for a page count, target and what is sent."""
    told = "".join(" ".join(map(str, line)) + "\n" for line in lines)
    Path(f"{bodies}.lines").write_text(told, encoding="utf-8")
