"""Systems that a contractor runs are marked, approved by the head, and shown to providers."""

from datetime import timedelta
from typing import Any

from kernel.clock import now
from kernel.identifiers import make_uscc
from kernel.workdays import local_date
from tests.support.callers import Caller
from tests.support.world import World, unique


def contractor(days: int = 365) -> dict[str, Any]:
    uscc = make_uscc("9", "1", "450100", unique()[:8])
    until = local_date(now()) + timedelta(days=days)
    return {"name": "某软件公司", "uscc": uscc, "contract_until": str(until)}


async def change(who: Caller, client: str, body: dict[str, Any]) -> tuple[int, Any]:
    answer = await who.send("PATCH", f"/v1/clients/{client}", body, headers={"If-Match": "*"})
    return answer.status_code, answer.json()


async def test_a_contractor_is_approved_by_the_head_and_shown_to_the_provider(
    world: World,
) -> None:
    sharing = await world.sharing()
    client, head = sharing.subscriber.id, sharing.consumer.head
    said = contractor()
    assert (await change(world.security, client, {"operated_by": said}))[0] == 403
    for wrong, path in (
        (contractor(-1), "operated_by.contract_until"),
        ({**said, "uscc": "91450100000000000X"}, "operated_by.uscc"),
    ):
        status, told = await change(head, client, {"operated_by": wrong})
        assert (status, [error["path"] for error in told["errors"]]) == (422, [path])
    status, told = await change(head, client, {"operated_by": said})
    assert (status, told["operated_by"]) == (200, said)
    assert told["operator_approved_by"] is not None

    provider = sharing.provider.clerk
    path = f"/v1/subscriptions/{sharing.subscription}"
    subscription = await provider.ask("GET", path)
    assert subscription["operated_by"] == said
    application = await provider.ask("GET", f"/v1/applications/{subscription['application_id']}")
    assert application["operated_by"] == said
    status, told = await change(head, client, {"operated_by": None})
    assert (told["operated_by"], told["operator_approved_by"]) == (None, None)
    assert (await provider.ask("GET", path))["operated_by"] is None
