"""A department on which others rely is not abolished by hand unawares: merge, or conclude first.

Its entries stayed published and its grants went on, its applications and corrections waited for
nobody, and nobody disposed of what it had received (Order 809 Art 21, 26, 27; ADR 0053).
"""

from collections.abc import Mapping
from typing import Any

from kernel import clock
from kernel.workdays import local_date
from tests.support.problems import problem
from tests.support.world import Department, World, unique

Json = dict[str, Any]
REASON = {"reason": "机构撤销"}


async def abolish(world: World, department: Department) -> Any:  # noqa: ANN401 - an answer
    path = f"/v1/departments/{department.uscc}"
    said = {"status": "abolished", "if_unused": True}
    return await world.operator.patch(path, said, headers={"If-Match": "*"})


async def refused(world: World, department: Department, what: Mapping[str, int]) -> None:
    said = problem(await abolish(world, department), 409, "department_in_use")
    assert said["open"] == what
    shown = await world.operator.ask("GET", f"/v1/departments/{department.uscc}")
    assert shown["status"] == "active"


async def test_a_department_is_abolished_once_nobody_relies_on_it(world: World) -> None:
    sharing = await world.sharing()
    provider, consumer = sharing.provider, sharing.consumer
    asked = await world.application(sharing.resource, consumer, sharing.subscriber)
    await consumer.head.ask("POST", f"/v1/applications/{asked}/sign")
    own = {"entries": 1, "subscriptions_as_provider": 1}
    await refused(world, provider, {**own, "applications": 1})
    await refused(world, consumer, {"subscriptions_as_consumer": 1, "applications": 1})

    await consumer.head.ask("POST", f"/v1/applications/{asked}/withdraw", REASON)
    path = f"/v1/subscriptions/{sharing.subscription}"
    await consumer.head.ask("POST", f"{path}/terminate", REASON)
    await refused(world, consumer, {"disposals": 1})
    disposed = {"method": "删除", "done_on": local_date(clock.now()).isoformat()}
    await consumer.head.ask("POST", f"{path}/disposal", disposed)
    await refused(world, provider, {"entries": 1, "disposals_to_confirm": 1})
    await provider.head.ask("POST", f"{path}/disposal/confirm", {})
    assert (await abolish(world, consumer)).status_code == 200

    await provider.head.ask("POST", f"/v1/resources/{sharing.resource}/retire", REASON)
    assert (await abolish(world, provider)).status_code == 200
    # What it leaves behind is history: it may be named better, and come back.
    path, held = f"/v1/departments/{provider.uscc}", {"If-Match": "*"}
    for change in ({"name": unique("曾用名")}, {"status": "active"}):
        assert (await world.operator.patch(path, change, headers=held)).status_code == 200


async def test_what_waits_for_a_department_is_counted(world: World) -> None:
    sharing = await world.sharing()
    provider, consumer = sharing.provider, sharing.consumer
    missing = {"key": "k", "problem": "missing", "description": "缺一条"}
    await sharing.subscriber.ask(
        "POST", f"/v1/subscriptions/{sharing.subscription}/corrections", missing
    )
    about = {"about": {"kind": "catalogue", "id": sharing.resource}, "claim": "条件不当"}
    await consumer.head.ask("POST", "/v1/disputes", about)
    await world.demand(consumer)
    await world.demand(consumer, submit=False)
    await world.order(consumer)
    waiting = {"corrections": 1, "disputes": 1}
    own = {"entries": 1, "subscriptions_as_provider": 1}
    await refused(world, provider, {**own, **waiting})
    own = {"subscriptions_as_consumer": 1, "demands": 1, "orders": 1}
    await refused(world, consumer, {**own, **waiting})


async def test_what_an_abolished_department_leaves_is_told_until_it_is_concluded(
    world: World,
) -> None:
    """At once, where it has to be: nobody of it comes in any more, and the authority winds up."""
    sharing = await world.sharing()
    provider, path = sharing.provider, f"/v1/departments/{sharing.provider.uscc}"
    own = {"entries": 1, "subscriptions_as_provider": 1}
    said = {"status": "abolished"}
    abolished = await world.operator.patch(path, said, headers={"If-Match": "*"})
    assert (abolished.status_code, abolished.json()["open"]) == (200, own)
    problem(await provider.head.get("/v1/me"), 401, "token_revoked")
    subscription = f"/v1/subscriptions/{sharing.subscription}"
    await world.authority.ask("POST", f"{subscription}/terminate", REASON)
    await world.authority.ask("POST", f"/v1/resources/{sharing.resource}/retire", REASON)
    assert (await world.operator.ask("GET", path))["open"] == {}
