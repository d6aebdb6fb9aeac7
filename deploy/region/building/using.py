"""Each system uses what it was granted; what came is compared with what was published."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from itertools import islice

from deploy.demo.proof import digest
from deploy.demo.stage import Json
from deploy.region.building.called import answers, call, mount, mounted, receive
from deploy.region.building.crowd import Crowd
from deploy.region.building.doors import Doors
from deploy.region.building.records import expected, granted, latest, received
from deploy.region.building.registry import allow_own_machine
from deploy.region.building.stage import Stage
from deploy.region.building.tables import Tables
from deploy.region.records.cast import Cast
from deploy.region.region import Pair
from kernel import clock
from kernel.workdays import local_date
from shuyuan_client.failures import Failure

QUERY_LIMIT = 1_000
ASKED = 5
JOB_SECONDS, JOB_PAUSE_SECONDS = 120.0, 0.3
MATTER = {"matter": "政务服务办理（场景）", "reference": "场景办件 0001"}


@dataclass(frozen=True, slots=True)
class Use:
    """What one pair has received: the proof's line. `digest` is the same on both sides."""

    subscription: str
    mode: str
    received: int
    cursor: str
    digest: str
    ledger: str


def use(stage: Stage, crowd: Crowd, cast: Cast, tables: Tables) -> int:
    """Let every pair use what it was granted, where it has not yet; return how many have.

    Services that stand beside the platform are mounted where they listen now, used or not.
    """
    todo = [pair for pair in stage.region.pairs if not _has_used(stage, pair)]
    with Doors() as doors:
        _prepare(stage, crowd, doors, todo, cast)
        crowd.each(todo, lambda it: _use(stage, doors, it, cast, tables))
    return len(stage.region.pairs)


def _prepare(stage: Stage, crowd: Crowd, doors: Doors, pairs: list[Pair], cast: Cast) -> None:
    """Name the networks and mount the services that are needed."""
    called = [pair.resource for pair in stage.region.pairs if pair.mode == "api"]
    services = {each.system.id: each for each in called}
    base_url = stage.services or doors.url("")
    if stage.services is None:
        services = {pair.resource.system.id: pair.resource for pair in pairs if pair.mode == "api"}
        for resource in services.values():
            doors.services |= answers(resource, cast)
    moved = [
        each
        for name, each in services.items()
        if stage.notes.get(f"service {name}") != mounted(base_url, each)
    ]
    departments = [each.department for each in moved]
    departments += [pair.department for pair in pairs if pair.mode == "push"]
    once = {each.uscc: each for each in departments}
    crowd.each(once.values(), lambda it: allow_own_machine(stage, it))
    crowd.each(moved, lambda it: mount(stage, base_url, it))


def _subscription(stage: Stage, pair: Pair) -> str:
    return str(stage.notes.get(f"subscription {pair.id}"))


def _has_used(stage: Stage, pair: Pair) -> bool:
    known = stage.notes.get(f"use {pair.id}") or {}
    told = (known.get("subscription"), known.get("print"))
    return told == (_subscription(stage, pair), pair.resource.records_print)


def _use(stage: Stage, doors: Doors, pair: Pair, cast: Cast, tables: Tables) -> None:
    subscription = _subscription(stage, pair)
    if pair.mode in READERS:
        done = READERS[pair.mode](stage, pair, cast)
    else:
        arrived = _by_own_program(stage, doors, pair, cast, tables)
        done = Use(subscription, pair.mode, len(arrived), "", _same(pair, cast, arrived), "")
    noted = asdict(done) | {"print": pair.resource.records_print}
    stage.notes.note(f"use {pair.id}", noted)


def _by_own_program(
    stage: Stage, doors: Doors, pair: Pair, cast: Cast, tables: Tables
) -> list[Json]:
    subscription = _subscription(stage, pair)
    if pair.mode == "table":
        return tables.land(stage, pair, subscription)
    if pair.mode == "push":
        return receive(stage, doors, pair, subscription, cast)
    return call(stage, pair, subscription)


def _same(pair: Pair, cast: Cast, arrived: list[Json]) -> str:
    """Return the digest of what was received, which is that of what was published for it."""
    came, meant = received(pair, arrived), expected(pair, cast)
    theirs, ours = digest(came), digest(meant)
    if theirs != ours:
        raise Failure(
            f"{pair.id}（{pair.mode}）应到 {len(meant)} 条 {ours[:16]}，"
            f"实到 {len(came)} 条 {theirs[:16]}",
            f"{pair.id} ({pair.mode}) should get {len(meant)} records {ours[:16]}, "
            f"got {len(came)} {theirs[:16]}",
        )
    return theirs


def _pull(stage: Stage, pair: Pair, cast: Cast) -> Use:
    """Read to the end of the log, store the position, and agree on the day's ledger."""
    client, subscription = stage.system(pair.consumer.id), _subscription(stage, pair)
    again = _reads_again(stage, pair)
    pages = [*client.pages(subscription, client.rewind(subscription, "earliest"))]
    cursor = pages[-1].next_cursor
    client.commit(subscription, cursor)
    arrived = latest(pages)
    bodies = [b"".join(line + b"\n" for line in page.lines) for page in pages if page.lines]
    told = _same(pair, cast, arrived)
    agreed = _agree_on_the_day(stage, pair, bodies, again=again)
    return Use(subscription, pair.mode, len(arrived), cursor, told, agreed)


def _reads_again(stage: Stage, pair: Pair) -> bool:
    """Whether an earlier run may have taken pages of this day that it has told nobody of."""
    name, today = f"reading {pair.id}", local_date(clock.now()).isoformat()
    known, used = stage.notes.get(name) == today, stage.notes.get(f"use {pair.id}") is not None
    if not known:
        stage.notes.note(name, today)
    return known or used


def _agree_on_the_day(stage: Stage, pair: Pair, bodies: list[bytes], *, again: bool) -> str:
    """Confirm the day's ledger by digests of what came, and of nothing that the platform says.

    Pages that may have gone to an earlier run are nothing that this one can vouch for: the day is
    left unconfirmed then.
    """
    client, day = stage.system(pair.consumer.id), local_date(clock.now()).isoformat()
    path = f"/v1/subscriptions/{_subscription(stage, pair)}/ledger"
    pages = client.ask("GET", path, params={"day": day, "limit": "10000"})["pages"]
    if not pages:
        return ""
    mine = {hashlib.sha256(body).hexdigest() for body in bodies}
    strange = [page["page"] for page in pages if page["digest"] not in mine]
    if strange and again:
        return ""
    if strange:
        raise Failure(
            f"{pair.id} 的交付账列有未收到的页 {strange[:3]}",
            f"the ledger of {pair.id} lists pages that did not come: {strange[:3]}",
        )
    whole = hashlib.sha256(b"".join(bytes.fromhex(page["digest"]) for page in pages)).hexdigest()
    confirmed = client.ask("POST", f"{path}/{day}/confirm", {"digest": whole})
    return whole if confirmed["agreed"] else ""


def _query(stage: Stage, pair: Pair, cast: Cast) -> Use:
    """Ask for all rows, a page at a time."""
    client, subscription = stage.system(pair.consumer.id), _subscription(stage, pair)
    path = f"/v1/subscriptions/{subscription}/query"
    arrived: list[Json] = []
    bodies: list[bytes] = []
    cursor: str | None = None
    again = _reads_again(stage, pair)
    while True:
        asked: Json = {"where": [], "limit": QUERY_LIMIT}
        asked |= {} if cursor is None else {"cursor": cursor}
        body = client.send("POST", path, json=asked).content
        page = json.loads(body)
        arrived += [item["data"] for item in page["items"]]
        if page["items"]:
            bodies.append(body)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    told = _same(pair, cast, arrived)
    agreed = _agree_on_the_day(stage, pair, bodies, again=again)
    return Use(subscription, pair.mode, len(arrived), "", told, agreed)


def _verify(stage: Stage, pair: Pair, cast: Cast) -> Use:
    """Ask some things that are right, and one that is wrong: the values stay with the provider."""
    client, subscription = stage.system(pair.consumer.id), _subscription(stage, pair)
    path = f"/v1/subscriptions/{subscription}/verify"
    rows = [*islice(granted(pair, cast), ASKED)]
    key = pair.resource.key.name
    told = next(item.name for item in pair.resource.items if not item.row.key)
    answers = []
    for number, row in enumerate(rows):
        wrong = number == len(rows) - 1
        value = row[told] + ("误" if wrong else "")
        body = {"key": row[key], "expect": {told: value}, **MATTER}
        answers.append(bool(client.ask("POST", path, body)["match"]) is not wrong)
    if not rows or not all(answers):
        raise Failure(f"{pair.id} 的核验结果不正确", f"the answers of {pair.id} are wrong")
    return Use(subscription, pair.mode, len(rows), "", "", "")


def _file(stage: Stage, pair: Pair, cast: Cast) -> Use:
    """Have a snapshot made and fetch it, whole by its digest."""
    client, subscription = stage.system(pair.consumer.id), _subscription(stage, pair)
    path = f"/v1/subscriptions/{subscription}/snapshots"
    made = client.ask("POST", path, {"format": "ndjson"})
    until = time.monotonic() + JOB_SECONDS
    while (shown := client.ask("GET", f"{path}/{made['snapshot_id']}"))["status"] != "ready":
        if shown["status"] in {"failed", "cancelled"} or time.monotonic() > until:
            raise Failure(
                f"{pair.id} 的快照未做成：{shown['status']}",
                f"the snapshot of {pair.id} was not made: {shown['status']}",
            )
        time.sleep(JOB_PAUSE_SECONDS)
    body = client.send("GET", f"{path}/{made['snapshot_id']}/content").content
    if hashlib.sha256(body).hexdigest() != shown["manifest"]["sha256"]:
        raise Failure(f"{pair.id} 的文件摘要不符", f"the file of {pair.id} is not whole")
    arrived = [json.loads(line)["data"] for line in body.splitlines()]
    told = _same(pair, cast, arrived)
    return Use(subscription, pair.mode, len(arrived), "", told, shown["manifest"]["sha256"])


READERS: Mapping[str, Callable[[Stage, Pair, Cast], Use]] = {
    "pull": _pull,
    "query": _query,
    "verify": _verify,
    "file": _file,
}
