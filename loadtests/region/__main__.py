"""`make load REGION=1`: a day of the region in ten minutes, on the platform that runs here."""

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

# Locust first: it makes sockets and threads of this program give way to each other.
from locust import LoadTestShape
from locust.env import Environment

from deploy.local.files import read_json
from deploy.local.report import Report
from deploy.local.up import Platform, place
from deploy.local.wording import say
from deploy.region import checking
from deploy.region.building.crowd import Crowd
from deploy.region.building.doors import Doors
from deploy.region.building.stage import Site, Stage
from deploy.region.records.cast import Cast
from loadtests import results as outcomes
from loadtests.arena import arena_of, program
from loadtests.processes import between, sample
from loadtests.region import day as plan
from loadtests.region import report as reports
from loadtests.region.day import Activity
from loadtests.region.reading_back import ReadBack
from loadtests.region.receiving import Receiving
from loadtests.region.users import Region, users_of
from loadtests.runs import GENERATOR
from shuyuan_client.failures import Failure

STOP_SECONDS = 20.0
# In a shorter day a flood would come and go within the wait of one answer.
SHORTEST, LONGEST = 1.0, 240.0


Minutes = Annotated[
    float,
    typer.Option(
        min=SHORTEST, max=LONGEST, help="一天压缩为多少分钟 / how many minutes the day takes"
    ),
]


def main(minutes: Minutes = plan.MINUTES) -> int:
    """Return the exit code: 0 when nothing failed and everything was read back."""
    report, where = Report(), place()
    running = Platform(where, report)
    running.up()
    folder = where.state_dir / "region"
    site = Site(running.base_url, read_json(running.credentials), {}, folder)
    whole = checking.region()
    families = {**arena_of(running, folder).families, GENERATOR: os.getpid()}
    with Stage(site, whole) as stage:
        region = Region(stage, Cast(whole.files), minutes)
        _require_built(region)
        found = played(region, plan.load(whole), families, report)
    outcomes.FOLDER.mkdir(exist_ok=True)
    (outcomes.FOLDER / "region.json").write_bytes(
        msgspec.json.format(msgspec.json.encode(found), indent=1)
    )
    sys.stdout.write(reports.told(found))
    for fault in found.faults:
        sys.stderr.write(f"✗ {fault}\n")
    return 1 if found.faults else 0


def _require_built(region: Region) -> None:
    missing = [p.id for p in region.stage.region.pairs if not region.stage.notes.get(f"use {p.id}")]
    if missing:
        raise Failure(
            f"区域场景尚未建成（{missing[0]}）：先运行 make region",
            f"the region is not built ({missing[0]}): make region first",
        )


def played(
    region: Region, day: Sequence[Activity], families: Mapping[str, int], report: Report
) -> reports.Day:
    """Let the region's day pass; return what came of it, faults among it."""
    pushed = {name for row in day if row.pushed for name in row.providers}
    published = {name for row in day if row.mode == "publish" for name in row.providers}
    pairs = [
        p for p in region.stage.region.pairs if p.mode == "push" and p.resource.system.id in pushed
    ]
    with Crowd() as crowd, Doors() as doors:
        receiving = Receiving(region, doors, pairs)
        try:
            with report.step(say("准备推送接收端和令牌", "opening receivers, signing systems in")):
                _sign_in(region, day, crowd)
                back = ReadBack(region, published)
                receiving.open(crowd)
            told = f"{region.minutes:g}"
            with report.step(say(f"一天压缩为 {told} 分钟", f"a day in {told} minutes")):
                before = sample(families)
                stats = _pass(region, day)
                missing = receiving.arrived(region.published)
                used = between(before, sample(families))
            faults = [*reports.faults_of(stats), *missing, *back.differences(region.published)]
        finally:
            receiving.close(crowd)
        spent, elsewhere = reports.costs(used)
        return reports.Day(
            minutes=region.minutes,
            lines=reports.lines_of(stats, region.read),
            pushed=receiving.taken(),
            published=sum(each.total() for each in region.published.values()),
            cpu_seconds=spent,
            cores_elsewhere=elsewhere,
            faults=faults,
        )


def _sign_in(region: Region, day: Sequence[Activity], crowd: Crowd) -> None:
    """Have every system's token ready: hundreds that ask for one at once are not the day's load."""
    names = {name for row in day if row.mode == "publish" for name in row.providers}
    for row in day:
        if row.mode != "publish":
            for name in row.providers:
                names |= {p.consumer.id for p in plan.uses(row, region.stage.region, name)}
    crowd.each(sorted(names), region.stage.system)


def _pass(region: Region, day: Sequence[Activity]) -> Any:  # noqa: ANN401 - Locust has no types
    users, count = users_of(day, region), sum(row.users for row in day)

    class Day(LoadTestShape):
        def tick(self) -> tuple[int, float] | None:
            return None if region.hour >= plan.HOURS else (count, float(count))

    shape = Day()  # type: ignore[no-untyped-call]
    environment = Environment(
        user_classes=[*users.values()], shape_class=shape, stop_timeout=STOP_SECONDS
    )
    runner = environment.create_local_runner()
    region.begun = time.monotonic()
    runner.start_shape()
    until = region.begun + region.minutes * 60 + STOP_SECONDS * 2
    while runner.state != "stopped" and time.monotonic() < until:
        time.sleep(0.2)
    runner.quit()
    return environment.stats


if __name__ == "__main__":
    program(main)
