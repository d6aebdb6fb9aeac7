"""What was agreed, as a page to print and as a statement that anybody can verify."""

import json

from joserfc import jws
from joserfc.jwk import KeySet

from tests.support.world import World


async def test_an_agreement_is_signed_by_a_key_of_the_key_set(world: World) -> None:
    sharing = await world.sharing(granted=["id", "name"], records_per_day=100)
    path = f"/v1/subscriptions/{sharing.subscription}/agreement"
    told = await sharing.consumer.head.ask("GET", path)
    keys = KeySet.import_key_set((await world.http.get("/oauth/jwks")).json())
    statement = jws.deserialize_compact(told["jws"], keys, algorithms=["ES256"])
    assert json.loads(statement.payload) == told["terms"]
    assert statement.headers()["typ"] == "sharing-agreement+jws"
    terms = told["terms"]
    assert (terms["items"], terms["records_per_day"]) == (["id", "name"], 100)
    assert (terms["provider_department"], terms["consumer_department"]) == (
        sharing.provider.uscc,
        sharing.consumer.uscc,
    )
    # A statement is no token.
    forged = {"Authorization": f"Bearer {told['jws']}"}
    assert (await world.http.get(path, headers=forged)).status_code == 401


async def test_both_sides_and_the_authority_print_it_and_nobody_else(world: World) -> None:
    sharing = await world.sharing()
    path = f"/v1/subscriptions/{sharing.subscription}/agreement"
    page = {"Accept": "text/html"}
    for reader in (sharing.provider.clerk, sharing.consumer.clerk, world.authority):
        answer = await reader.get(path, headers=page)
        assert answer.headers["content-type"].startswith("text/html")
        assert sharing.subscription in answer.text
        assert "form-action 'none'" in answer.headers["content-security-policy"]
    stranger = await world.department()
    assert (await stranger.head.get(path, headers=page)).status_code == 404
