"""`python -m deploy.region.serving`: the departments' own services, beside the platform.

A process of the platform: `make region` starts it, `make down` stops it. What it answers is made
from the files when it starts.
"""

import signal
import sys
import threading
from collections.abc import Sequence
from hashlib import sha256

import httpx

from deploy.arguments import Parser
from deploy.local.ports import HOST, PortBook
from deploy.local.processes import Command, Service
from deploy.local.up import DEPARTMENTS, ROOT, START_SECONDS, Place
from deploy.region import checking
from deploy.region.building.called import answers
from deploy.region.building.doors import Doors
from deploy.region.records.cast import Cast
from deploy.region.region import Region, Resource

PROBE_SECONDS = 2.0
HEALTH = "/healthz"


def standing(where: Place, region: Region) -> str:
    """Return the address of the departments' services, which are started unless they run.

    Those that answer by other files than the region's are stopped first.
    """
    ports, served = PortBook(where.state_dir / "ports.json"), where.state_dir / "region" / "served"
    service = Service(
        DEPARTMENTS, where.state_dir, ready=lambda: _answers(int(ports.get(DEPARTMENTS) or 0))
    )
    if not served.exists() or served.read_text(encoding="ascii") != _print(region):
        service.stop()
    if service.running() is None:
        ports.choose(DEPARTMENTS)
    port = str(ports.get(DEPARTMENTS))
    program = (sys.executable, "-m", "deploy.region.serving", "--port", port)
    service.start(Command(program, directory=ROOT), within_seconds=START_SECONDS)
    served.write_text(_print(region), encoding="ascii")
    return f"http://{HOST}:{port}"


def _print(region: Region) -> str:
    """Changes when a service would answer otherwise."""
    said = sorted((each.system.id, each.records_print) for each in _served(region))
    return sha256(repr(said).encode()).hexdigest()


def _served(region: Region) -> list[Resource]:
    return [each for each in region.resources.values() if "api" in each.modes]


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://{HOST}:{port}{HEALTH}", timeout=PROBE_SECONDS).is_success
    except httpx.HTTPError:
        return False


def serve(region: Region, port: int, stop: threading.Event) -> None:
    """Answer for every resource that is called, until stopped."""
    cast, doors = Cast(region.files), Doors(port)
    for resource in _served(region):
        doors.services |= answers(resource, cast)
    doors.services[HEALTH] = b"[]"
    with doors:
        stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = Parser(
        "python -m deploy.region.serving",
        "区域场景中各部门的服务 / the services of departments of the region",
    )
    parser.add_argument("--port", type=int, required=True)
    chosen = parser.parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_told: stop.set())
    serve(checking.region(), chosen.port, stop)
    return 0


if __name__ == "__main__":
    sys.exit(main())
