"""`/validate` is a publish that stores nothing: the same checks, limits and answers."""

import httpx
import pytest

from tests.support.callers import NDJSON
from tests.support.world import Sharing, World


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing()


async def dry_run(sharing: Sharing, body: bytes) -> httpx.Response:
    path = f"/v1/resources/{sharing.resource}/validate"
    return await sharing.provider.clerk.post(path, content=body, headers={"Content-Type": NDJSON})


@pytest.mark.parametrize(
    "body", [b'{"id":"a","name":"n","amount":1,"x\\u0000":1}', b'{"\\ud800":1}', b'{"\\u202e":1}']
)
async def test_a_name_that_nothing_can_hold_is_an_error_and_no_failure(
    sharing: Sharing, body: bytes
) -> None:
    """A NUL in a name was a 500 here, and made a receipt that was 500 for ever."""
    answer = await dry_run(sharing, body)
    assert answer.status_code == 200
    assert "unknown_item" in {error["code"] for error in answer.json()["errors"]}
    receipt = await sharing.publisher.publish(sharing.resource, body, on_invalid="quarantine")
    again = await sharing.publisher.ask("GET", f"/v1/receipts/{receipt['receipt_id']}")
    assert again["errors"] == receipt["errors"]
    place = f"/v1/resources/{sharing.resource}/quarantine"
    kept = await sharing.provider.clerk.ask(
        "GET", place, params={"receipt_id": receipt["receipt_id"]}
    )
    assert [entry["index"] for entry in kept["items"]] == [0]


async def test_dry_runs_count_against_the_rate_of_their_client(
    world: World, sharing: Sharing
) -> None:
    """Nothing bounded them, and each compiled the contract anew on the event loop."""
    client = await world.client(sharing.provider)
    path = f"/v1/clients/{client.id}"
    shown = await world.operator.get(path)
    changed = await world.operator.patch(
        path,
        json={"rate_limit": {"per_second": 0.001, "burst": 1}},
        headers={"If-Match": shown.headers["etag"]},
    )
    assert changed.status_code == 200
    place = f"/v1/resources/{sharing.resource}/validate"
    headers = {"Content-Type": NDJSON}
    answers = [await client.post(place, content=b"{}", headers=headers) for _ in range(20)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {answer.json()["code"] for answer in refused} == {"rate_limited"}
    assert answers[0].status_code == 200
