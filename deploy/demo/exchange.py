"""Records on their way: published in batches by one system, pulled by the other."""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass

from deploy.demo import divisions
from deploy.demo.cast import APPROVED, CONSUMER, PROVIDER
from deploy.demo.divisions import Division
from deploy.demo.proof import only, require, require_same
from deploy.demo.stage import Json, Stage
from kernel.ids import new_id
from shuyuan_client import batching, record_files
from shuyuan_client.cli.progress import Meter
from shuyuan_client.cli.publish import BATCH_DEFAULT
from shuyuan_client.cli.refusing import Refusals
from shuyuan_client.cli.sending import Op, Sender
from shuyuan_client.http import Refused
from shuyuan_client.record_files import Format
from shuyuan_client.wording import say

ARRIVAL_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Flow:
    """The resource and the subscription under way; `cursor` is where the next pull begins."""

    resource_id: str
    subscription_id: str
    cursor: str


@dataclass(frozen=True, slots=True)
class Moved:
    records: int
    seconds: float

    @property
    def rate(self) -> float:
        """Records per second."""
        return self.records / max(self.seconds, 1e-9)


def publish_file(stage: Stage, resource_id: str) -> Moved:
    """Publish the whole file with `shuyuan publish`'s own sender, under a name of this run."""
    client, file = stage.as_(PROVIDER.name), divisions.DIVISIONS
    schema = client.ask("GET", f"/v1/resources/{resource_id}/schema")
    records = record_files.read(file, Format.CSV, encoding="utf-8", schema=schema)
    named = f"{resource_id} {Op.UPSERT} demo {new_id()}"
    title = say("提交", "publish")
    with Meter(title, file.stat().st_size) as meter:
        sender = Sender(client, resource_id, Op.UPSERT, Refusals(meter), go_on=False)
        sender.send_all(batching.batches(records, BATCH_DEFAULT, named))
    return Moved(sender.tally.accepted, meter.seconds)


def pull_rest(stage: Stage, flow: Flow) -> tuple[list[Json], str, Moved]:
    """Return what follows the cursor, the cursor after it, and how fast it came."""
    client, begun = stage.as_(CONSUMER.name), time.monotonic()
    lines: list[bytes] = []
    cursor = flow.cursor
    for page in client.pages(flow.subscription_id, cursor):
        lines += page.lines
        cursor = page.next_cursor
    seconds = time.monotonic() - begun
    return [json.loads(line) for line in lines], cursor, Moved(len(lines), seconds)


def require_everything(arrived: Sequence[Json]) -> str:
    """Prove that the pulled lines are the file's rows with the approved items, and no more."""
    require(
        all(line["op"] == "upsert" for line in arrived),
        "提取到了未曾提交的删除",
        "a deletion arrived that nobody published",
    )
    approved = only(divisions.divisions(), APPROVED)
    return require_same([line["data"] for line in arrived], approved)


def refused_reason(stage: Stage, flow: Flow, good: Division) -> Json:
    """Publish a bad record beside a good one; return why it is refused. Nothing is stored."""
    bad = good | {"code": good["code"].replace("0", "O"), "level": "hamlet"}
    try:
        _publish(stage, flow, "upsert", good, bad)
    except Refused as refusal:
        arrived, _cursor, _moved = pull_rest(stage, flow)
        require(not arrived, "被拒批次中的记录流出", "a record of the refused batch left")
        return refusal.errors[0]
    require(False, "平台接受了不合格的记录", "the exchange took a bad record")  # noqa: FBT003
    return {}


def change_and_delete(stage: Stage, flow: Flow, changed: Division, gone: Division) -> str:
    """Update one record, delete another, prove that just this arrives; return the cursor."""
    _publish(stage, flow, "upsert", changed)
    _publish(stage, flow, "delete", {"code": gone["code"]})
    arrived, cursor = _await(stage, flow, 2)
    shown = only([changed], APPROVED)[0]
    expected = [
        {"op": "upsert", "key": changed["code"], "data": shown},
        {"op": "delete", "key": gone["code"]},
    ]
    require(
        arrived == expected,
        f"应到一次更新和一次删除，实到 {arrived}",
        f"one update and one deletion should arrive, {arrived} did",
    )
    return cursor


def put_back(stage: Stage, flow: Flow, *originals: Division) -> None:
    """Publish the file's own rows again, so that the platform is left with the true data."""
    _publish(stage, flow, "upsert", *originals)
    _await(stage, flow, len(originals))


def _publish(stage: Stage, flow: Flow, op: str, *records: Division) -> None:
    lines = [json.dumps(record, ensure_ascii=False) for record in records]
    client = stage.as_(PROVIDER.name)
    client.publish(flow.resource_id, "\n".join(lines).encode(), key=new_id(), op=op)


def _await(stage: Stage, flow: Flow, count: int) -> tuple[list[Json], str]:
    """Return what follows the cursor as soon as it is `count` records, or time is up."""
    client, deadline = stage.as_(CONSUMER.name), time.monotonic() + ARRIVAL_SECONDS
    arrived: list[Json] = []
    cursor = flow.cursor
    while len(arrived) < count and time.monotonic() < deadline:
        page = client.page(flow.subscription_id, cursor, wait_seconds=1)
        arrived += [json.loads(line) for line in page.lines]
        cursor = page.next_cursor
    return arrived, cursor
