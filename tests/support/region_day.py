"""A short day of a part of the region, in a program of its own: Locust changes its sockets.

`python -m tests.support.region_day BASE_URL FOLDER SYSTEM…`: the folder is that of the build, with
`data`; what came of the day is its `day.json`.
"""

import sys
from pathlib import Path

import msgspec

from deploy.local.files import read_json
from deploy.local.report import Report
from deploy.region import checking
from deploy.region.building.stage import Site, Stage
from deploy.region.records.cast import Cast
from loadtests.region.__main__ import played
from loadtests.region.day import Activity
from loadtests.region.users import Region

MINUTES = 0.12


def activity(name: str, mode: str, provider: str, *, pushed: bool = False) -> Activity:
    return msgspec.convert(
        {
            "line": 0, "id": name, "title": name, "mode": mode, "providers": [provider],
            "begin": 0, "end": 24, "users": 1, "pause": 0.2, "pushed": "yes" if pushed else None,
        },
        Activity,
    )  # fmt: skip


DAY = [
    activity("warning", "publish", "warning-release", pushed=True),
    activity("morning", "verify", "e-licence"),
    activity("night", "table", "jinguan"),
    activity("followers", "follow", "digital-gov-platform"),
]


def main(base_url: str, folder: Path, systems: list[str]) -> None:
    """Play the day, and write down what came of it."""
    part = checking.region(folder / "data").only(systems)
    site = Site(base_url, read_json(folder / "credentials.json"), {}, folder)
    with Stage(site, part) as stage:
        found = played(Region(stage, Cast(part.files), MINUTES), DAY, {}, Report())
    (folder / "day.json").write_bytes(msgspec.json.encode(found))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
