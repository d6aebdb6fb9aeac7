"""The delivery ledger: both sides compute the same digests, or the page that differs is named."""

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc import jws

from kernel import clock
from kernel.workdays import local_date
from tests.integration.exchange.delivery.test_files import provided
from tests.integration.exchange.delivery.test_files import shared as with_files
from tests.integration.exchange.delivery.test_snapshots import made
from tests.integration.exchange.delivery.test_snapshots import shared as of_files
from tests.support.eventually import eventually
from tests.support.problems import problem
from tests.support.receiving import Receiver as Pushes
from tests.support.receiving import allow_loopback, receiving, set_endpoint
from tests.support.world import Sharing, World

Json = dict[str, Any]


@dataclass
class Receiver:
    """An independent program: it believes nothing but the bytes that it received."""

    pages: list[Json] = field(default_factory=list)
    records: int = 0
    deletes: int = 0

    async def receive(self, sharing: Sharing, cursor: str | None, **params: Any) -> str:  # noqa: ANN401
        page = await sharing.subscriber.pull(sharing.subscription, cursor, **params)
        body = page.answer.content
        if body:
            digest = hashlib.sha256(body).hexdigest()
            assert page.answer.headers["exchange-digest"] == f"sha-256={digest}"
            name = page.answer.headers["exchange-page"]
            self.pages.append({"page": name, "digest": digest})
            self.records += len(body.splitlines())
            self.deletes += sum(json.loads(line)["op"] == "delete" for line in body.splitlines())
        else:
            assert "exchange-page" not in page.answer.headers
        return page.cursor

    @property
    def digest(self) -> str:
        whole = b"".join(bytes.fromhex(page["digest"]) for page in self.pages)
        return hashlib.sha256(whole).hexdigest()

    def told(self, pages: list[Json] | None = None) -> Json:
        pages = self.pages if pages is None else pages
        whole = b"".join(bytes.fromhex(page["digest"]) for page in pages)
        return {"digest": hashlib.sha256(whole).hexdigest(), "pages": pages}


@pytest.fixture(scope="module")
async def sharing(world: World) -> Sharing:
    return await world.sharing(agreed={"ledger": True}, records_per_day=1_000)


def day() -> str:
    return local_date(clock.now()).isoformat()


def place(sharing: Sharing, act: str = "") -> str:
    return f"/v1/subscriptions/{sharing.subscription}/ledger{act}"


async def test_both_sides_agree_on_a_day_or_see_where_they_differ(sharing: Sharing) -> None:
    publisher, subscriber = sharing.publisher, sharing.subscriber
    lines = [{"id": f"k{n}", "name": "名", "amount": n} for n in range(25)]
    await publisher.publish(sharing.resource, lines)
    await publisher.publish(sharing.resource, [{"id": "k1"}], op="delete")
    mine, cursor = Receiver(), None
    for _page in range(4):
        cursor = await mine.receive(sharing, cursor, limit=7)
    # Asked again it is a page again.
    await mine.receive(sharing, None, limit=3)
    told = await subscriber.ask("GET", place(sharing), params={"day": day()})
    assert [{"page": p["page"], "digest": p["digest"]} for p in told["pages"]] == mine.pages
    assert (told["records"], told["deletes"]) == (mine.records, mine.deletes) == (29, 1)
    assert (told["digest"], told["agreed"]) == (mine.digest, False)
    signed = json.loads(jws.extract_compact(told["jws"].encode()).payload)
    assert (signed["digest"], signed["day"], signed["pages"]) == (mine.digest, day(), 5)
    half = await subscriber.ask("GET", place(sharing), params={"day": day(), "limit": 3})
    params = {"day": day(), "cursor": half["next_cursor"]}
    rest = await subscriber.ask("GET", place(sharing), params=params)
    assert half["pages"] + rest["pages"] == told["pages"]

    await planted_faults_are_found(sharing, mine)
    confirm = place(sharing, f"/{day()}/confirm")
    bare = problem(await subscriber.post(confirm, {"digest": "0" * 64}), 409, "ledger_differs")
    assert bare["page"] is None
    agreed = await subscriber.ask("POST", confirm, mine.told())
    assert agreed["agreed"]
    shown = await sharing.provider.clerk.ask("GET", place(sharing), params={"day": day()})
    assert (shown["agreed"], shown["digest"]) == (True, mine.digest)
    await mine.receive(sharing, None, limit=1)
    later = await subscriber.ask("GET", place(sharing), params={"day": day()})
    assert (later["agreed"], later["digest"]) == (False, mine.digest)
    forged = mine.told() | {"jws": told["jws"]}
    problem(await subscriber.post(confirm, forged), 422, "validation_failed")


async def test_only_the_parties_read_it_and_only_where_it_was_agreed_to(
    world: World, sharing: Sharing
) -> None:
    params = {"day": day()}
    stranger = await world.department()
    problem(await stranger.head.get(place(sharing), params=params), 404, "not_found")
    confirm = place(sharing, f"/{day()}/confirm")
    problem(await sharing.publisher.post(confirm, {"digest": "0" * 64}), 404, "not_found")
    wrong = await sharing.subscriber.get(place(sharing), params={"day": "2026-13-01"})
    assert wrong.status_code in (400, 422)
    plain = await world.subscription(sharing.resource, sharing.consumer, sharing.subscriber)
    page = await sharing.subscriber.pull(plain, limit=5)
    assert page.records
    assert not {"exchange-page", "exchange-digest"} & set(page.answer.headers)
    path = f"/v1/subscriptions/{plain}/ledger"
    problem(await sharing.subscriber.get(path, params=params), 409, "conflict")


async def test_an_answer_of_a_query_is_a_page_too(world: World, sharing: Sharing) -> None:
    subscription = await world.subscription(
        sharing.resource,
        sharing.consumer,
        sharing.subscriber,
        mode="query",
        agreed={"ledger": True},
    )
    path = f"/v1/subscriptions/{subscription}"

    async def answered() -> bool:
        return (await sharing.subscriber.get(f"{path}/records/k2")).status_code == 200

    await eventually(answered)
    answer = await sharing.subscriber.get(f"{path}/records/k3")
    digest = hashlib.sha256(answer.content).hexdigest()
    assert answer.headers["exchange-digest"] == f"sha-256={digest}"
    told = await sharing.subscriber.ask("GET", f"{path}/ledger", params={"day": day()})
    assert told["pages"][-1]["page"] == answer.headers["exchange-page"]
    assert told["pages"][-1]["digest"] == digest


async def planted_faults_are_found(sharing: Sharing, mine: Receiver) -> None:
    """A loss, a doubling and a change among at least three pages; each names its page."""
    pages = mine.pages
    changed = {**pages[2], "digest": hashlib.sha256(b"another").hexdigest()}
    planted = {
        "missing": (pages[:1] + pages[2:], pages[1]),
        "unknown": ([*pages[:2], pages[1], *pages[2:]], pages[1]),
        "changed": ([*pages[:2], changed, *pages[3:]], pages[2]),
    }
    confirm = place(sharing, f"/{day()}/confirm")
    for name, (received, page) in planted.items():
        answer = await sharing.subscriber.post(confirm, mine.told(received))
        found = problem(answer, 409, "ledger_differs")
        assert (found["problem"], found["page"]) == (name, page["page"])


async def test_a_push_is_a_page_once_its_receiver_has_accepted_it(world: World) -> None:
    """By its `webhook-id`, however often it was tried; the lines are cut out of its body."""
    async with receiving() as receiver:
        sharing = await world.sharing(mode="push", agreed={"ledger": True})
        await allow_loopback(world, sharing.consumer)
        await set_endpoint(sharing, receiver, max_records=10)
        lines = [{"id": f"k{n}", "name": "名,\n", "amount": n} for n in range(25)]
        await sharing.publisher.publish(sharing.resource, lines)
        await eventually(lambda: len(receiver.accepted) == 3)
        receiver.status = 500
        await sharing.publisher.publish(sharing.resource, [{"id": "k1"}], op="delete")
        await eventually(lambda: bool(receiver.refused))
        receiver.status = 200
        path = f"/v1/subscriptions/{sharing.subscription}/deliveries/{receiver.refused[0]}/retry"

        async def tried_again() -> bool:
            return (await sharing.consumer.head.post(path)).status_code == 200

        await eventually(tried_again)
        await eventually(lambda: len(receiver.accepted) == 4)
        mine = received(receiver)

        async def all_listed() -> bool:
            told = await sharing.subscriber.ask("GET", place(sharing), params={"day": day()})
            return bool(told["page_count"] == 4)

        await eventually(all_listed)
        told = await sharing.subscriber.ask("GET", place(sharing), params={"day": day()})
        assert [{"page": p["page"], "digest": p["digest"]} for p in told["pages"]] == mine.pages
        assert (told["records"], told["deletes"], told["digest"]) == (26, 1, mine.digest)
        await planted_faults_are_found(sharing, mine)
        confirm = place(sharing, f"/{day()}/confirm")
        assert (await sharing.subscriber.ask("POST", confirm, mine.told()))["agreed"]


def received(receiver: Pushes) -> Receiver:
    """Return what a program that knows the description alone computes of what came."""
    mine = Receiver()
    for head, body in receiver.accepted:
        lines = [line.removesuffix(b",") for line in body.split(b"\n")[1:-1]]
        digest = hashlib.sha256(b"".join(b"%b\n" % line for line in lines)).hexdigest()
        assert head["exchange-digest"] == f"sha-256={digest}"
        mine.pages.append({"page": head["webhook-id"], "digest": digest})
    return mine


async def test_a_file_is_a_page_once_a_day_however_it_is_downloaded(world: World) -> None:
    sharing = await of_files(world, agreed={"ledger": True})
    mine = Receiver()
    for wanted in ("ndjson", "csv", "ndjson"):
        snapshot = await made(sharing, sharing.subscriber, wanted)
        first = await sharing.subscriber.get(snapshot["url"], headers={"Range": "bytes=0-9"})
        rest = await sharing.subscriber.get(snapshot["url"], headers={"Range": "bytes=10-"})
        digest = hashlib.sha256(first.content + rest.content).hexdigest()
        for answer in (first, rest, await sharing.consumer.clerk.get(snapshot["url"])):
            assert answer.headers["exchange-digest"] == f"sha-256={digest}"
            assert answer.headers["exchange-page"] == first.headers["exchange-page"]
        mine.pages.append({"page": first.headers["exchange-page"], "digest": digest})
    told = await sharing.subscriber.ask("GET", place(sharing), params={"day": day()})
    assert [{"page": p["page"], "digest": p["digest"]} for p in told["pages"]] == mine.pages
    assert (told["records"], told["digest"]) == (6, mine.digest)
    await planted_faults_are_found(sharing, mine)


async def test_a_providers_file_is_a_page_too(world: World) -> None:
    sharing = await with_files(world, agreed={"ledger": True})
    await provided(sharing.publisher, sharing.resource)
    path = f"/v1/subscriptions/{sharing.subscription}/files"
    (listed,) = (await sharing.subscriber.ask("GET", path))["items"]
    whole = await sharing.subscriber.get(listed["url"])
    told = await sharing.subscriber.ask("GET", place(sharing), params={"day": day()})
    digest = hashlib.sha256(whole.content).hexdigest()
    (page,) = told["pages"]
    assert (page["page"], page["digest"]) == (whole.headers["exchange-page"], digest)
