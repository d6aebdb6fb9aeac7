"""A slice of the region on a platform of its own: built, again, and after its files changed.

What it publishes has the names of real resources: whoever publishes the like beside it has to say
why (ADR 0039), as other tests would.
"""

import asyncio
import itertools
import shutil
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from sqlmodel import col, update

from auth.regions.codes import STATE
from deploy.demo.narrator import Narrator
from deploy.demo.stage import listed
from deploy.local.databases import drop_database
from deploy.local.files import read_json
from deploy.local.seed import seed
from deploy.local.stack import Endpoints
from deploy.region import checking
from deploy.region.building import story, tables
from deploy.region.building.stage import Notes, Site, Stage
from deploy.region.events import events
from deploy.region.proof import page
from deploy.region.reading import DATA, Invalid
from deploy.region.region import Region
from exchange.subscriptions.tables import Subscription
from kernel import clock
from kernel.changes import announce_all
from kernel.database import Database
from kernel.workdays import local_date
from loadtests.region.report import Day
from shuyuan_client.failures import Failure
from tests.support import processes
from tests.support.databases import connected, new_database

# A use by every mode: push, api, verify, file, pull with a row filter and a table.
SLICE = (
    "emergency-broadcast", "zgt-infrastructure", "rural-service-sites", "smart-customer-service",
    "city-exchange-chongzuo",
)  # fmt: skip
BUILD_SECONDS, DAY_SECONDS = 600, 180
NOTES_BETWEEN_BREAKS = 31


class BrokenOffError(Exception):
    """A run that ends right after something was done."""


# Of each event what has come of it.
HAPPENED = {
    "bundle-enterprise-names": "agreed", "correction-enterprise-name": "confirmed",
    "contest-enterprise-name": "settled", "contest-power-use": "settled",
    "contest-rainfall": "settled", "refused-purpose": "refused", "refused-elsewhere": "refused",
    "rerouted-customs": "rerouted", "suspended-misuse": "suspended",
    "disposed-grant": "terminated", "announced-customs": "in force",
    "merger-investment": "abolished", "breach-insurance": "closed",
}  # fmt: skip


@pytest.fixture
async def site(endpoints: Endpoints, logs: Path, tmp_path: Path) -> AsyncIterator[Site]:
    """A platform with its first people, and the departments' own database beside it."""
    async with new_database(endpoints.database_url) as url:
        blobs = {"SHUYUAN_BLOBS_DIR": str(tmp_path / "blobs")}
        settings = processes.environment(url, endpoints.kafka_bootstrap, **blobs)
        with (
            processes.gateway(settings, logs / "region.log") as gateway,
            processes.worker(settings, logs / "region-worker.log"),
        ):
            credentials = tmp_path / "credentials.json"
            await asyncio.to_thread(seed, settings, credentials)
            yield Site(gateway.base_url, read_json(credentials), settings, tmp_path)
        async with connected(endpoints.database_url) as server:
            await drop_database(server, tables.NAME)


async def build(site: Site, region: Region) -> None:
    """Build on a thread, as `make region` does in a program of its own."""
    async with asyncio.timeout(BUILD_SECONDS):
        await asyncio.to_thread(story.build, site, region, Narrator())


@pytest.mark.slow
async def test_a_slice_is_built_once_however_often_it_is_built(site: Site, tmp_path: Path) -> None:
    part = checking.region(_with_one_city(tmp_path)).only(SLICE)
    assert {pair.mode for pair in part.pairs} >= {"push", "api", "verify", "file", "pull", "table"}
    await _build_broken_off_again_and_again(site, part)
    notes = Notes(tmp_path / "notes.json")
    uses = {pair.id: notes.get(f"use {pair.id}") for pair in part.pairs}
    assert all(uses.values())
    for pair in part.pairs:
        if pair.mode != "verify":
            assert uses[pair.id]["received"] > 0
            assert len(uses[pair.id]["digest"]) == 64
    happened = {row.id: notes.get(f"event {row.id}") for row in events(part)}
    # The grant of a day ends at midnight, which may pass meanwhile.
    assert happened.pop("expired-grant")["state"] in {"active", "expired"}
    assert {name: told["state"] for name, told in happened.items()} == HAPPENED
    told = page(part, notes)
    assert "not yet read" not in "".join(line for line in told.splitlines() if SLICE[0] in line)
    await _the_day_is_over(site, notes)
    await build(site, part)
    again = Notes(tmp_path / "notes.json")
    ended = again.get("event expired-grant")
    assert (ended["state"], ended["refused"]) == ("expired", "subscription_expired")
    assert {pair.id: again.get(f"use {pair.id}") for pair in part.pairs} == uses
    # A run whose notes were lost finds what stands, and doubles nothing.
    (tmp_path / "notes.json").unlink()
    await build(site, part)
    lost = Notes(tmp_path / "notes.json")
    for pair in part.pairs:
        assert lost.get(f"use {pair.id}")["subscription"] == uses[pair.id]["subscription"]
    await _a_day_passes(site, tmp_path, part)
    await _changed_records_are_published_and_used_again(site, tmp_path)
    await _changed_entries_are_refused(site, tmp_path)


async def _build_broken_off_again_and_again(site: Site, part: Region) -> None:
    """Broken off each time when something was done and could not be noted, it goes on."""
    note, done = Notes.note, itertools.count(1)

    def note_or_break(notes: Notes, name: str, value: object) -> None:
        if next(done) % NOTES_BETWEEN_BREAKS == 0:
            raise BrokenOffError(name)
        note(notes, name, value)

    breaks = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Notes, "note", note_or_break)
        while True:
            try:
                await build(site, part)
            except BrokenOffError:
                breaks += 1
            else:
                break
    assert breaks > 1
    await asyncio.to_thread(_nothing_is_doubled, site, part)


def _nothing_is_doubled(site: Site, part: Region) -> None:
    """Each entry, source, application and grant is there once, whatever was broken off."""
    with Stage(site, part) as stage:
        authority = stage.authority(STATE)
        departments = {each.department.uscc: each.department for each in part.resources.values()}
        entries = Counter(
            (row["department"], row["name"])
            for uscc, department in departments.items()
            for row in listed(stage.clerk(department), "/v1/resources", department=uscc)
        )
        assert {*entries.values()} == {1}
        open_claims = [*listed(authority, "/v1/sources", status="claimed")]
        assert open_claims == []
        uses = Counter(
            (row["client_id"], row["resource_id"], row["mode"])
            for row in listed(authority, "/v1/subscriptions", role="authority")
        )
        assert {*uses.values()} == {1}


async def _the_day_is_over(site: Site, notes: Notes) -> None:
    """Let the last day of the grant of one day be yesterday, as it is after midnight."""
    yesterday = local_date(clock.now()) - timedelta(days=1)
    application = notes.get("application expired-grant")
    database = Database(site.environment["SHUYUAN_DATABASE_URL"])
    try:
        async with database.transaction() as session:
            (grant,) = await session.scalars(
                update(Subscription)
                .where(col(Subscription.application_id) == application)
                .values(valid_until=yesterday)
                .returning(col(Subscription.id))
            )
            await announce_all(session, "subscription", [grant])
    finally:
        await database.close()


async def _a_day_passes(site: Site, tmp_path: Path, part: Region) -> None:
    """A few seconds of `make load REGION=1`: nothing fails, all is pushed and read back."""
    program = (sys.executable, "-m", "tests.support.region_day", site.base_url, str(tmp_path))
    async with asyncio.timeout(DAY_SECONDS):
        process = await asyncio.create_subprocess_exec(*program, *SLICE)
        assert await process.wait() == 0
    day = msgspec.json.decode((tmp_path / "day.json").read_bytes(), type=Day)
    assert day.faults == []
    assert day.published > 0
    # One system takes what is warned of, whatever else waited for its receiver.
    assert day.pushed >= day.published
    assert {line.mode for line in day.lines} == {"publish", "verify", "table", "follow"}
    assert all(line.requests for line in day.lines)
    pair = next(pair for pair in part.pairs if pair.mode == "push")
    with Stage(site, part) as stage:
        path = f"/v1/subscriptions/{stage.notes.get(f'subscription {pair.id}')}/endpoint"
        assert stage.head(pair.department).ask("GET", path)["status"] == "paused"


def _with_one_city(tmp_path: Path) -> Path:
    """The files, with one city's entry alone in what is derived from all of them."""
    data = Path(shutil.copytree(DATA, tmp_path / "data"))
    head, *_ = (data / "derived.csv").read_text(encoding="utf-8").splitlines()
    line = "digital-gov-platform,city-exchange-chongzuo,市级办件汇聚为自治区办件"
    (data / "derived.csv").write_text(f"{head}\n{line}\n", encoding="utf-8")
    return data


async def _changed_records_are_published_and_used_again(site: Site, tmp_path: Path) -> None:
    """Other records are published and land where the old ones were, whose keys are gone.

    They were published beside the old ones: the digests of both sides differed for ever. Of a pull
    the day's ledger has the pages of the first run too, which the second did not receive.
    """
    before = Notes(tmp_path / "notes.json")
    data = tmp_path / "data"
    _say(data / "rules.csv", "墒情;苗情;病虫情;灾情", "墒情;苗情")
    _say(data / "rules.csv", "政务服务办件,case,社会保障;医疗卫生;", "政务服务办件,case,社会保障;")
    # Whoever is under thirty is none of the insured any more.
    _say(data / "rules.csv", "失业保险;工伤保险,,16-60", "失业保险;工伤保险,,30-60")
    part = checking.region(data).only({"city-exchange-chongzuo", "rural-service-sites"})
    await build(site, part)
    after = Notes(tmp_path / "notes.json")
    names = [f"use {pair.id}" for pair in part.pairs]
    changed = {name for name in names if before.get(name)["digest"] != after.get(name)["digest"]}
    assert changed == {
        "use city-exchange-chongzuo<jinnong", "use city-exchange-chongzuo<digital-gov-platform",
    }  # fmt: skip
    with Stage(site, part) as stage:
        path = f"/v1/resources/{stage.resource_id('jinbao')}/replacements"
        (replaced,) = listed(stage.system("jinbao"), path)
        assert replaced["status"] == "committed"
        assert replaced["deletes"] > 0


def _say(file: Path, old: str, new: str) -> None:
    said = file.read_text(encoding="utf-8")
    assert old in said
    file.write_text(said.replace(old, new, 1), encoding="utf-8")


async def _changed_entries_are_refused(site: Site, tmp_path: Path) -> None:
    """What is in force is its department's to revise: told by name, and nothing is done."""
    data = tmp_path / "data"
    await _what_stands_is_neither_doubled_nor_forgotten(site, tmp_path)
    with (data / "resources.csv").open("a", encoding="utf-8") as stream:
        stream.write("tianditu,,2,,,,,,更严的分级\n")
    part = checking.region(data).only({"zgt-infrastructure"})
    with pytest.raises(Failure, match="天地图"):
        await build(site, part)


async def _what_stands_is_neither_doubled_nor_forgotten(site: Site, tmp_path: Path) -> None:
    """All that the files say otherwise is told by file and line, and nothing is done.

    Systems, uses and entries were built once more under their new names; lines that were taken out
    were not missed.
    """
    data = Path(shutil.copytree(tmp_path / "data", tmp_path / "otherwise"))
    _say(data / "systems.csv", "应急广播", "应急播报")
    _say(data / "systems.csv", "崇左市政务服务办件信息", "崇左市政务服务办件记录信息")
    _say(data / "elements.csv", "户口登记的公民姓名", "户口簿登记的公民姓名")
    _say(data / "people.csv", "*,clerk,clerk,经办", "*,clerk,clerk,经办人员")
    fates = (data / "fates.csv").read_text(encoding="utf-8").splitlines()
    kept = [line for line in fates if not line.startswith("disposed-grant")]
    (data / "fates.csv").write_text("\n".join(kept) + "\n", encoding="utf-8")
    part = checking.region(data).only(SLICE)
    with pytest.raises(Invalid) as refusal:
        await build(site, part)
    told = {(each.file, each.english.split()[0]) for each in refusal.value.problems}
    assert told == {
        ("people.csv", "region.gx-data.clerk"), ("elements.csv", "GX-CJ-XM"),
        ("systems.csv", "emergency-broadcast"), ("systems.csv", "city-exchange-chongzuo"),
        ("events", "disposed-grant"),
    }  # fmt: skip
