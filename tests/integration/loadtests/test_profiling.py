"""A profile of a hot path in a short form."""

import asyncio
from pathlib import Path

import pytest

from loadtests import profiling
from loadtests.runs import RunFailed
from loadtests.stage import Stage

pytestmark = [pytest.mark.benchmark, pytest.mark.timeout(1200)]


async def test_a_profile_shows_the_frames_of_the_hot_path(stage: Stage, tmp_path: Path) -> None:
    try:
        graph = await asyncio.to_thread(profiling.profile, stage, "pull-500-tail", 3, tmp_path)
    except RunFailed as error:
        if profiling.ADVICE not in str(error):
            raise
        pytest.skip("this machine forbids looking at another process")
    assert "(gateway/hot/paths.py)" in graph.read_text("utf-8")
