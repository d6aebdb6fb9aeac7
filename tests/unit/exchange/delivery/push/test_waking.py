"""Which pushes a change of rules wakes: those that it concerns."""

from types import SimpleNamespace
from typing import Any, cast

from exchange.delivery.push.lane import PartitionPusher
from exchange.delivery.push.pushers import Pushers

NO_TOOLS = cast("Any", None)


def lane(subscription_id: str, resource_id: str) -> PartitionPusher:
    grant = SimpleNamespace(id=subscription_id, resource_id=resource_id)
    plan = cast("Any", SimpleNamespace(grant=grant, topic="t"))
    return PartitionPusher(NO_TOOLS, plan, 0, lambda: True)


def test_a_change_of_one_resource_leaves_the_pushes_of_others_alone() -> None:
    """Each draft that anybody saved had every lane ask the database anew, and cut its bytes off."""
    pushers = Pushers(NO_TOOLS)
    pushers.lanes = {each: [lane(each, f"of-{each}")] for each in ("a", "b")}
    pushers.wake_those(lambda grant: grant.resource_id == "of-a")
    assert [lanes[0].is_woken for lanes in pushers.lanes.values()] == [True, False]
    pushers.wake_all()
    assert all(lanes[0].is_woken for lanes in pushers.lanes.values())
