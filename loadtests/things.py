"""One of each thing that a demo does without, so that a walk reaches each kind of page.

What the API gives to people is asked of it. Copies of grants get the other ways of delivery.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any, Final

import httpx

from deploy.demo.cast import APPLICATION, LEVEL_EDITION, LEVEL_LIST, NARROWER
from exchange.alarms.kinds import FAILURES_MIN
from loadtests.arena import Arena, connected
from loadtests.world import Credentials, signed_in
from shuyuan_client.http import ExchangeClient

WORDS: Final = dict.fromkeys(("title", "description", "basis", "scenario"), "压测")
SAID: Final = ("basis", "scenario", "scope", "commitment")
YEAR: Final = {"from": "2027-01-01", "until": "2027-12-31"}
MODES: Final = '["pull", "query", "push", "file", "api"]'
# Its entry has all ways of delivery, one copy of its grants is pushed, one is of files.
ENTRY: Final = """
    UPDATE catalog.resource_version v SET share_modes = $2 FROM catalog.resource r
    WHERE r.id = v.resource_id AND r.id = (
        SELECT resource_id FROM exchange.subscription WHERE provider_department = $1
        GROUP BY 1 ORDER BY count(*) DESC LIMIT 1
    )
    RETURNING r.id
"""
DRAFT: Final = """
    SELECT id FROM catalog.resource WHERE department = $1 AND version <> published_version
    ORDER BY id LIMIT 1
"""
GRANTS: Final = """
    UPDATE exchange.subscription SET mode = CAST($2 AS text), ledger = CAST($2 AS text) = 'file'
    WHERE id = (SELECT max(id) FROM exchange.subscription
        WHERE consumer_department = $1 AND status = 'active' AND mode = 'pull')
    RETURNING id
"""
Json = dict[str, Any]


def added(arena: Arena, known: Mapping[str, str]) -> None:
    """Ask the API for a demand, a dispute, a delegation, a bundle, a revision, an edition."""
    with ExitStack() as people:

        def person(who: str) -> ExchangeClient:
            return people.enter_context(signed_in(arena.base_url, Credentials(who, known[who])))

        clerk, head = person("agriculture.clerk"), person("agriculture.head")
        drafter, provider = person("statistics.clerk"), person("statistics.head")
        own = provider.ask("GET", "/v1/me")["department"]
        (entry, *_others) = clerk.ask("GET", f"/v1/resources?department={own}")["items"]
        _demand(clerk, head, entry)
        about = {"kind": "catalogue", "id": entry["id"]}
        head.ask("POST", "/v1/disputes", {"about": about, "claim": "压测"})
        head.ask("POST", "/v1/delegations", {"to": own, "powers": ["apply"], **YEAR})
        (system, *_more) = head.ask("GET", "/v1/clients")["items"]
        _bundle(clerk, entry, system["client_id"])
        drafter.ask("POST", f"/v1/resources/{entry['id']}/revise")
        path = f"/v1/code-lists/{LEVEL_LIST['code']}/editions"
        edition = {**LEVEL_EDITION, "edition": "2027", "effective_from": "2027-01-01"}
        person("authority").ask("POST", path, edition)
    _guess(arena.base_url, system["client_id"])


def _demand(clerk: ExchangeClient, head: ExchangeClient, entry: Json) -> None:
    demand = {**WORDS, "items": ["名称"], "region_code": entry["region_code"]}
    made = clerk.ask("POST", "/v1/demands", demand)
    head.ask("POST", f"/v1/demands/{made['id']}/submit")


def _bundle(clerk: ExchangeClient, entry: Json, client_id: str) -> None:
    line = {"resource_id": entry["id"], "items": list(NARROWER), "mode": "pull"}
    said = {name: APPLICATION[name] for name in SAID} | {"valid_until": YEAR["until"]}
    lines = [{**line, "client_id": client_id}]
    clerk.ask("POST", "/v1/bundles", {**said, "title": "压测", "lines": lines})


def _guess(base_url: str, client_id: str) -> None:
    """Guess a secret as often as it takes to be an alarm."""
    form = {"grant_type": "client_credentials"}
    for _ in range(FAILURES_MIN):
        httpx.post(f"{base_url}/oauth/token", data=form, auth=(client_id, "x"))


async def delivered(database_url: str) -> Mapping[str, Sequence[str]]:
    """Give an entry and copies of its grants the other ways of delivery; return who sees where."""
    async with connected(database_url) as connection:
        provider, consumer = [
            await connection.fetchval("SELECT department FROM auth.person WHERE username = $1", who)
            for who in ("statistics.clerk", "agriculture.clerk")
        ]
        entry = await connection.fetchval(ENTRY, provider, MODES)
        draft = await connection.fetchval(DRAFT, provider)
        grants = [await connection.fetchval(GRANTS, consumer, mode) for mode in ("push", "file")]
    return {
        "statistics.clerk": [f"/console/catalogue/{each}" for each in (entry, draft) if each],
        "authority": [f"/console/code-list?code={LEVEL_LIST['code']}"],
        "agriculture.clerk": [f"/console/subscriptions/{each}" for each in grants],
    }
