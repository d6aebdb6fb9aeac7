"""A slice of the region on a platform of its own: built, again, and after its files changed.

What it publishes has the names of real resources: whoever publishes the like beside it has to say
why (ADR 0039), as other tests would.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from deploy.demo.narrator import Narrator
from deploy.local.files import read_json
from deploy.local.stack import Endpoints
from deploy.region import checking
from deploy.region.building import story
from deploy.region.building.stage import Notes
from deploy.region.proof import page
from deploy.region.reading import DATA
from deploy.region.region import Region
from shuyuan_client.failures import Failure
from tests.support import processes
from tests.support.databases import new_database
from tests.support.world import World

# A use by every mode: push, api, verify, file, pull with a row filter and a table.
SLICE = (
    "emergency-broadcast", "zgt-infrastructure", "rural-service-sites", "smart-customer-service",
    "city-exchange-chongzuo",
)  # fmt: skip
BUILD_SECONDS = 600


@pytest.fixture
async def world(endpoints: Endpoints, logs: Path, tmp_path: Path) -> AsyncIterator[World]:
    async with new_database(endpoints.database_url) as url:
        blobs = {"SHUYUAN_BLOBS_DIR": str(tmp_path / "blobs")}
        settings = processes.environment(url, endpoints.kafka_bootstrap, **blobs)
        with (
            processes.gateway(settings, logs / "region.log") as gateway,
            processes.worker(settings, logs / "region-worker.log"),
        ):
            credentials = tmp_path / "credentials.json"
            async with World.begin(gateway.base_url, settings, credentials) as begun:
                yield begun


async def build(world: World, folder: Path, region: Region) -> None:
    """Build on a thread, as `make region` does in a program of its own."""
    credentials = read_json(folder / "credentials.json")
    async with asyncio.timeout(BUILD_SECONDS):
        await asyncio.to_thread(
            story.build, world.base_url, credentials, folder, region, Narrator()
        )


@pytest.mark.slow
async def test_a_slice_is_built_once_however_often_it_is_built(
    world: World, tmp_path: Path
) -> None:
    part = checking.region().only(SLICE)
    assert {pair.mode for pair in part.pairs} >= {"push", "api", "verify", "file", "pull", "table"}
    await build(world, tmp_path, part)
    notes = Notes(tmp_path / "notes.json")
    uses = {pair.id: notes.get(f"use {pair.id}") for pair in part.pairs}
    assert all(uses.values())
    for pair in part.pairs:
        if pair.mode != "verify":
            assert uses[pair.id]["received"] > 0
            assert len(uses[pair.id]["digest"]) == 64
    told = page(part, notes)
    assert "not yet read" not in "".join(line for line in told.splitlines() if SLICE[0] in line)
    await build(world, tmp_path, part)
    again = Notes(tmp_path / "notes.json")
    assert {pair.id: again.get(f"use {pair.id}") for pair in part.pairs} == uses
    # A run whose notes were lost finds what stands, and doubles nothing.
    (tmp_path / "notes.json").unlink()
    await build(world, tmp_path, part)
    lost = Notes(tmp_path / "notes.json")
    for pair in part.pairs:
        assert lost.get(f"use {pair.id}")["subscription"] == uses[pair.id]["subscription"]
    await _changed_entries_are_refused(world, tmp_path)


async def _changed_entries_are_refused(world: World, tmp_path: Path) -> None:
    """What is in force is its department's to revise: told by name, and nothing is done."""
    data = Path(shutil.copytree(DATA, tmp_path / "data"))
    with (data / "resources.csv").open("a", encoding="utf-8") as stream:
        stream.write("tianditu,,2,,,,,,更严的分级\n")
    part = checking.region(data).only({"zgt-infrastructure"})
    with pytest.raises(Failure, match="天地图"):
        await build(world, tmp_path, part)
