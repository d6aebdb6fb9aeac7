"""The load tests' own world and requests hold to today's rules: nothing is measured here."""

import asyncio

import pytest

from loadtests.cases import works
from loadtests.stage import FILLING, Stage, generate
from loadtests.world import clear
from tests.support.world import World

REQUESTS = 100
"""So few that no machine is fast enough to use up what one consumer may verify in a day."""


@pytest.mark.parametrize(
    "name",
    [
        "publish-500",
        "publish-1-keyed",
        "pull-500-masked",
        "pull-500-masked-quota",
        "query",
        "verify",
    ],
)
async def test_what_is_measured_elsewhere_is_answered_here(stage: Stage, name: str) -> None:
    """A rule that refuses the load tests' own entries went unnoticed until somebody measured."""
    work, callers = works(stage)[name]
    ran = await asyncio.to_thread(generate, stage, work, callers, FILLING, requests=REQUESTS)
    assert not ran.total.complaints
    assert ran.total.records >= REQUESTS


async def test_what_was_registered_for_a_load_test_is_ended(stage: Stage, world: World) -> None:
    """Entries of earlier runs stayed in the catalogue, and departments nobody knew."""
    made = stage.world
    await asyncio.to_thread(clear, made, stage.arena.credentials)
    grants = [
        await world.authority.ask("GET", f"/v1/subscriptions/{each}") for each in made.subscriptions
    ]
    entries = [await world.authority.ask("GET", f"/v1/resources/{each}") for each in made.resources]
    assert {grant["status"] for grant in grants} == {"terminated"}
    assert {entry["status"] for entry in entries} == {"retired"}
