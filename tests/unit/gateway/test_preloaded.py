"""What workers are forked with: nothing in it may be a process' own."""

import subprocess
import sys

LOOK = """
import gc, json, os, threading
before = set(os.listdir("/dev/fd"))
import gateway.preloaded
from gateway.worker import worker_name
print(json.dumps({
    "threads": [each.name for each in threading.enumerate()],
    "opened": sorted(set(os.listdir("/dev/fd")) - before),
    "named": worker_name.cache_info().currsize,
    "spared": gc.get_freeze_count() > 100_000,
    "collects": gc.isenabled(),
}))
"""


def test_importing_the_application_starts_nothing_and_names_nobody() -> None:
    """A thread would not live on in a fork; a file, a name would be all workers' own."""
    shown = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, check=True, text=True)
    assert shown.stdout.strip() == (
        '{"threads": ["MainThread"], "opened": [], "named": 0, "spared": true, "collects": true}'
    )
