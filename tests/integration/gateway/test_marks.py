"""Every answer names its process and its correlation id, hot paths and refusals included."""

import pytest

from tests.support import raw_http
from tests.support.identity import answers_of_workers
from tests.support.raw_http import head
from tests.support.world import Sharing, World

PATHS = (
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/oauth/jwks",
    "/oauth/authorize",
    "/v1/me",
    "/nowhere",
    "/v1/standards?limit=0",
    "/v1/standards?q=%00",
    "/static/openapi/nowhere.js",
    "/v1/subscriptions/{subscription}/records",
    "/v1/subscriptions/0/records",
    "/v1/subscriptions/{subscription}/records?limit=0",
)


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_is_marked(sharing: Sharing, path: str) -> None:
    path = path.format(subscription=sharing.subscription)
    answers = [await sharing.subscriber.get(path) for _ in range(2)]
    ids = {answer.headers["exchange-correlation-id"] for answer in answers}
    assert len(ids) == 2
    assert all(answer.headers.get_list("exchange-worker") for answer in answers)
    assert all(len(answer.headers.get_list("exchange-correlation-id")) == 1 for answer in answers)


async def test_publishes_are_marked(sharing: Sharing) -> None:
    for body in (b"", b"{", b'{"id":"marks","name":"x"}\n'):
        answer = await sharing.publisher.try_publish(sharing.resource, body)
        assert answer.headers["exchange-worker"]
        assert answer.headers["exchange-correlation-id"]


PLAIN = ("a", "0", "order-4711", "x" * 64, "A-b-C")


@pytest.mark.parametrize("given", PLAIN)
async def test_a_plain_correlation_id_is_the_callers(
    world: World, sharing: Sharing, given: str
) -> None:
    headers = {"Exchange-Correlation-Id": given}
    for path in ("/v1/me", "/nowhere", f"/v1/subscriptions/{sharing.subscription}/records"):
        answer = await sharing.subscriber.get(path, headers=headers)
        assert answer.headers["exchange-correlation-id"] == given
        if answer.status_code == 404:
            assert answer.json()["correlation_id"] == given


@pytest.mark.parametrize(
    "given", ["", "x" * 65, "a b", "a;b", "<script>", "数".encode().decode("latin-1"), "-", "a\tb"]
)
async def test_any_other_is_replaced(gateway: str, given: str) -> None:
    answer = await raw_http.send(gateway, head("GET", "/nowhere", Exchange_Correlation_Id=given))
    assert answer.headers["exchange-correlation-id"] != given
    assert answer.headers["exchange-correlation-id"] == answer.json()["correlation_id"]
    assert answer.headers["exchange-correlation-id"].isalnum()


async def test_both_workers_name_themselves(world: World) -> None:
    """Workers are told apart, and neither says more than that."""
    said = await answers_of_workers(world.base_url, await world.operator.token())
    assert len(said) == 2
    answer = await world.http.get("/healthz")
    assert "server" not in answer.headers
