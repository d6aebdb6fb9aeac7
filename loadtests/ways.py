"""The rows of the other ways out and in: pushes, tables of a department, snapshots.

What HTTP asks for again and again (queries, files, services) is among the plain cases; here a row
is one piece of work on a known number of records, done in a process of its own.
"""

import asyncio
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit
from zoneinfo import ZoneInfo

from pyarrow import parquet

from deploy.local import mariadb
from deploy.local.files import write_private
from deploy.local.ports import PortBook
from exchange.log.topics import topic_of
from loadtests import readback, records, timed
from loadtests.arena import connected
from loadtests.generator import Pace
from loadtests.pages import expected
from loadtests.readback import Answer
from loadtests.receiver import Receivers
from loadtests.results import Case, Label, Row, judged
from loadtests.runs import Child, Observed, observe
from loadtests.stage import BATCH, REGISTER, Stage, fill
from loadtests.targets import AGENT, COPY, RAW, SHUYUAN
from loadtests.world import Seeding
from shuyuan_client.agent.config import Config, DatabaseSettings, Exchange, Pull, Push
from shuyuan_client.agent.databases import Database, connect
from shuyuan_client.agent.values import landed

PUSHED_RECORDS, ROWS = 40_000, 20_000
# With fewer pairs asked for, a tenth of the receivers shows that the row works.
RECEIVERS, PAIRS_LEAST, PAIRS_ASKED, WINDOW_SECONDS = 100, 10, 5, 5.0
LIMIT_SECONDS = 900.0
DATABASE, TABLE = "shuyuan_loadtests", "people"
# What the department's table has for items that are no text, and for texts, by the database.
TYPES = {"birth": "date", "amount": "decimal(18, 2)"}
TEXTS = {"postgresql": ("text", "timestamptz"), "mysql": ("varchar(500)", "datetime(6)")}
ZONE, BEGUN = ZoneInfo("Asia/Shanghai"), datetime(2026, 1, 5, tzinfo=UTC)


def ways(stage: Stage) -> Iterator[Row]:
    """Yield the rows; those that need psql only where it is."""
    for name, by, callers, run in (
        ("push", RAW, 1, _push),
        ("push-beside-bad", RAW, RECEIVERS, _beside_bad),
        ("snapshot-parquet", RAW, 1, _snapshot),
        ("table-out", AGENT, 1, partial(_in_postgresql, _table_out)),
        ("table-in", AGENT, 1, partial(_in_postgresql, _table_in)),
    ):
        label = Label(name, SHUYUAN, by, callers, stage.arena.workers)
        yield Row(label, partial(run, stage, label), story=run is _beside_bad)
    if mariadb.is_there():
        for name, table in (("table-out", _table_out), ("table-in", _table_in)):
            label = Label(f"{name}-mariadb", SHUYUAN, AGENT, 1, stage.arena.workers)
            yield Row(label, partial(_in_mariadb, table, stage, label))
    if shutil.which("psql"):
        for name in ("table-out", "table-in"):
            label = Label(name, COPY, "psql", 1)
            yield Row(label, partial(_copy, stage, label))


def _timed(stage: Stage, work: Callable[..., None], *asked: object) -> Observed:
    child = Child.calling(stage.log("timed"), work, *asked)
    return observe(child, stage.arena.families, LIMIT_SECONDS)


def _push(stage: Stage, label: Label, _pace: Pace) -> Case:
    """Let a backlog come to one good receiver, whose endpoint rests until it is there."""
    world = stage.world
    fill(stage, world.outbox, PUSHED_RECORDS)
    seen = _received(stage, world.outbox, [world.pushed], "push", backlog=PUSHED_RECORDS)
    return judged(label, seen, Answer())


def _beside_bad(stage: Stage, label: Label, pace: Pace) -> Case:
    """Tell what one bad receiver of a hundred does to the others, in pairs of windows."""
    world, is_whole = stage.world, pace.pairs >= PAIRS_ASKED
    with ExitStack() as clients:
        seeding = Seeding(stage.arena.base_url, stage.arena.credentials, clients)
        resource = seeding.resource(world.provider, seeding.items(world.provider))
        asked = {"resource_id": resource, "items": list(records.ITEMS), "mode": "push"}
        lifted = list(records.MASKS)
        subscriptions = [
            seeding.subscription(asked, world.provider, world.user, lifted)
            for _ in range(RECEIVERS if is_whole else RECEIVERS // 10)
        ]
    pairs = max(PAIRS_LEAST, pace.pairs) if is_whole else 1
    seconds = min(WINDOW_SECONDS, pace.seconds)
    seen = _received(stage, resource, subscriptions, "crowd", pairs=pairs, seconds=seconds)
    return judged(label, seen, Answer())


def _received(
    stage: Stage, resource: str, subscriptions: Sequence[str], name: str, **more: Any  # noqa: ANN401 - of the order
) -> Observed:  # fmt: skip
    world = stage.world
    with world.person(world.user.head) as head:
        token = head.token()
    receivers = Receivers(
        base_url=stage.arena.base_url,
        port=PortBook(stage.folder / "ports.json").choose(name),
        head_token=token,
        publisher_token=world.publisher.token(stage.arena.base_url),
        resource=resource,
        subscriptions=subscriptions,
        secrets=stage.folder / f"{name}.secrets",
        **more,
    )
    child = Child.calling(stage.log("receiver"), receivers.run)
    return observe(child, stage.arena.families, LIMIT_SECONDS)


def _snapshot(stage: Stage, label: Label, _pace: Pace) -> Case:
    """Have a snapshot made as Parquet and take it; a record before makes it a new version."""
    world, path = stage.world, Path(stage.path("snapshot.parquet"))
    with world.client(world.publisher) as publisher:
        publisher.publish(world.register, records.line(0), key=None)
    asked = (stage.arena.base_url, world.consumer, world.downloaded, path)
    seen = _timed(stage, timed.snapshot, REGISTER, *asked)
    keys = {str(key) for key in parquet.read_table(path)[records.KEY].to_pylist()}
    wanted = {str(records.record(number)[records.KEY]) for number in range(REGISTER)}
    missing, unknown = len(wanted - keys), len(keys - wanted)
    return judged(label, seen, Answer(len(wanted & keys), missing=missing, unknown=unknown))


Table = Callable[[Stage, Label, DatabaseSettings], Case]


def _in_postgresql(run: Table, stage: Stage, label: Label, _pace: Pace) -> Case:
    return run(stage, label, _database(stage))


def _in_mariadb(run: Table, stage: Stage, label: Label, _pace: Pace) -> Case:
    with TemporaryDirectory() as folder, mariadb.running(Path(folder)) as settings:
        return run(stage, label, settings)


def _table_out(stage: Stage, label: Label, settings: DatabaseSettings) -> Case:
    """Let the agent land the archive's tail in an empty table, and compare the table."""
    job = Pull(
        name=TABLE, subscription=stage.world.landed, table=TABLE, key=[records.KEY],
        columns={item: item for item in records.ITEMS}, start=stage.tail_since,
    )  # fmt: skip
    _made(settings)
    seen = _timed(stage, timed.agent, ROWS, _config(stage, settings, pull=[job]))
    return judged(label, seen, _compared(settings))


def _table_in(stage: Stage, label: Label, settings: DatabaseSettings) -> Case:
    """Let the agent publish a table, and compare by how much the log has grown."""
    resource = stage.world.feeds[0]
    job = Push(
        name=TABLE, resource=resource, table=TABLE, method="increment", increment="changed",
        key=[records.KEY], columns={item: item for item in records.ITEMS},
    )  # fmt: skip
    _made(settings, filled=True)
    topic = topic_of(resource)
    before = stage.ends(topic)[0]
    seen = _timed(stage, timed.agent, ROWS, _config(stage, settings, push=[job]))
    moved = stage.ends(topic)[0] - before
    stage.delete(resource)
    return judged(label, seen, readback.moved(ROWS, moved))


def _copy(stage: Stage, label: Label, _pace: Pace) -> Case:
    """Let psql copy the same rows out of the same table, or into it: what a database can do."""
    is_out, path = label.name == "table-in", stage.path("copy.tsv")
    settings = _database(stage)
    _made(settings, filled=is_out)
    if not is_out:
        text = "".join("\t".join(_cell(v) for v in row) + "\n" for row in _rows())
        Path(path).write_text(text, encoding="utf-8")
    target = f"{TABLE} ({', '.join(records.ITEMS)})"
    said = f"\\copy {target} {'TO' if is_out else 'FROM'} '{path}'"
    command = ["psql", "-qX", "-v", "ON_ERROR_STOP=1", "-d", _url(stage), "-c", said]
    seen = _timed(stage, timed.command, ROWS, command)
    if is_out:
        there = Path(path).read_bytes().count(b"\n")
        return judged(label, seen, readback.moved(ROWS, there))
    return judged(label, seen, _compared(settings))


def _rows() -> list[tuple[object, ...]]:
    return [tuple(records.record(number).values()) for number in range(ROWS)]


def _cell(value: object) -> str:
    return r"\N" if value is None else str(value)


def _url(stage: Stage) -> str:
    return stage.arena.database_url.rpartition("/")[0] + f"/{DATABASE}"


def _database(stage: Stage) -> DatabaseSettings:
    """Make the department's PostgreSQL anew beside the platform's; return how to connect."""
    asyncio.run(_recreated(stage.arena.database_url))
    place, password = urlsplit(_url(stage)), None
    if place.password:
        write_private(stage.folder / "agent.password", unquote(place.password))
        password = f"file:{stage.folder / 'agent.password'}"
    return DatabaseSettings(
        kind="postgresql", host=place.hostname or "127.0.0.1", port=place.port,
        database=DATABASE, user=unquote(place.username or ""), password=password, tls="off",
    )  # fmt: skip


async def _recreated(url: str) -> None:
    async with connected(url) as own:
        await own.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        await own.execute(f"CREATE DATABASE {DATABASE}")


def _made(settings: DatabaseSettings, *, filled: bool = False) -> None:
    """Make the department's table, empty or filled."""
    text, moment = TEXTS[settings.kind]
    types = {**TYPES, "updated_at": moment}
    columns = "".join(f"{item} {types.get(item, text)}, " for item in records.ITEMS)
    columns = columns.replace(f"{records.KEY} {text}", f"{records.KEY} varchar(64) PRIMARY KEY")
    with closing(connect(settings)) as database:
        database.execute(f"CREATE TABLE {TABLE} ({columns} changed {moment})")
        if filled:
            # As docs/how-to/publish-from-a-table.md says of the increment.
            database.execute(f"CREATE INDEX changed ON {TABLE} (changed)")
            _fill(database)


def _fill(database: Database) -> None:
    known = database.columns(TABLE)
    rows = []
    for number in range(ROWS):
        values = {**records.record(number), "changed": str(BEGUN + timedelta(milliseconds=number))}
        rows.append([landed(value, known[name], ZONE) for name, value in values.items()])
    for first in range(0, ROWS, BATCH):
        database.upsert(TABLE, [*records.ITEMS, "changed"], [], rows[first : first + BATCH])


def _compared(settings: DatabaseSettings) -> Answer:
    """Compare the landed table with what was published, row by row."""
    with closing(connect(settings)) as database:
        rows = database.fetch(f"SELECT id_number, name, amount FROM {TABLE}")  # noqa: S608
    told = (expected(tuple(records.ITEMS), records.record(n))["data"] for n in range(ROWS))
    wanted = {(each["id_number"], each["name"], each["amount"]) for each in told}
    found = {(number, name, str(amount)) for number, name, amount in rows}
    return Answer(
        len(found & wanted), missing=len(wanted - found), unknown=len(found - wanted)
    )  # fmt: skip


def _config(stage: Stage, settings: DatabaseSettings, **jobs: Any) -> Config:  # noqa: ANN401 - jobs of either kind
    """Return an agent's configuration; the client's secret lies in the private folder."""
    who = stage.world.publisher if "push" in jobs else stage.world.consumer
    write_private(stage.folder / "agent.secret", who.secret)
    exchange = Exchange(
        base_url=stage.arena.base_url, client_id=who.name,
        secret=f"file:{stage.folder / 'agent.secret'}",
    )  # fmt: skip
    return Config(name="loadtests", exchange=exchange, database=settings, **jobs)
