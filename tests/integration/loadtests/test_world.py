"""The load tests' own world and requests hold to today's rules: nothing is measured here."""

import asyncio

import pytest

from loadtests.profiling import works
from loadtests.stage import Pace, Stage, generate


@pytest.mark.parametrize("name", ["publish-500", "publish-1-keyed", "pull-500-masked"])
async def test_what_is_measured_elsewhere_is_answered_here(stage: Stage, name: str) -> None:
    """A rule that refuses the load tests' own entries went unnoticed until somebody measured."""
    work, callers = works(stage)[name]
    ran = await asyncio.to_thread(generate, stage, work, callers, Pace(0.0, 0.5))
    assert ran.total.records > 0, ran.total.complaints
    assert not ran.total.complaints
