"""`python -m deploy.region.serving`: the departments' own services, beside the platform.

A process of the platform: `make region` starts it, `make down` stops it. What it answers is made
from the files when it starts.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

import httpx

from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from deploy.local.up import DEPARTMENTS, ROOT, START_SECONDS, Place
from deploy.region import checking
from deploy.region.building.called import answers
from deploy.region.building.doors import Doors
from deploy.region.records.cast import Cast
from deploy.region.region import Region

PROBE_SECONDS = 2.0
HEALTH = "/healthz"


def standing(where: Place) -> str:
    """Return the address of the departments' services, which are started unless they run."""
    ports = PortBook(where.state_dir / "ports.json")
    service = Service(
        DEPARTMENTS, where.state_dir, ready=lambda: _answers(int(ports.get(DEPARTMENTS) or 0))
    )
    if service.running() is None:
        ports.choose(DEPARTMENTS)
    port = str(ports.get(DEPARTMENTS))
    program = (sys.executable, "-m", "deploy.region.serving", "--port", port)
    service.start(Command(program, directory=ROOT), within_seconds=START_SECONDS)
    return f"http://{HOST}:{port}"


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}{HEALTH}", timeout=PROBE_SECONDS).is_success
    except httpx.HTTPError:
        return False


def serve(region: Region, port: int, stop: threading.Event) -> None:
    """Answer for every resource that is called, until stopped."""
    cast, doors = Cast(region.files), Doors(port)
    for resource in region.resources.values():
        if "api" in resource.modes:
            doors.services |= answers(resource, cast)
    doors.services[HEALTH] = b"[]"
    with doors:
        stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="deploy.region.serving", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_told: stop.set())
    serve(checking.region(), chosen.port, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
