"""A table of the consumer's own: the agent lands the subscription in a scratch database."""

import asyncio
import threading
import time
from datetime import datetime
from typing import Literal

from sqlalchemy.engine import make_url

from deploy.demo import divisions
from deploy.demo.cast import APPROVED, CONSUMER
from deploy.demo.exchange import Flow, Moved
from deploy.demo.proof import only, require, require_same
from deploy.demo.scratch import scratch
from deploy.demo.stage import Stage
from deploy.local.files import write_private
from kernel.database_access import DatabaseAccess
from kernel.settings import Settings, of
from shuyuan_client.agent.config import Config, DatabaseSettings, Exchange, Pull
from shuyuan_client.agent.running import run
from shuyuan_client.failures import Failure

NAME = "shuyuan_demo_department"
TABLE = "divisions"
KEY = "code"
COLUMNS = ", ".join(f"{item} text" for item in APPROVED if item != KEY)
CREATE = f"CREATE TABLE {TABLE} ({KEY} varchar(12) PRIMARY KEY, {COLUMNS})"
LACKING = Failure(
    "库表演示需要临时数据库，而当前账号无权建库；请授予 CREATEDB 后重试。",
    "Landing a table needs a scratch database: grant CREATEDB, then retry.",
)


def land(stage: Stage, flow: Flow, client_id: str, since: datetime) -> Moved:
    """Land what was published since a moment, and prove that the table is what was approved."""
    return asyncio.run(_land(stage, flow, client_id, since))


async def _land(stage: Stage, flow: Flow, client_id: str, since: datetime) -> Moved:
    settings = of(stage.platform.environment)
    async with scratch(DatabaseAccess.of(settings), NAME, LACKING) as (place, table, _live):
        await table.execute(CREATE)
        config = _config(stage, settings, place, client_id, _pull(flow, since))
        seconds = await asyncio.to_thread(_work, config)
        rows = await table.fetch(f"SELECT * FROM {TABLE}")  # noqa: S608
    landed = [{item: value for item, value in row.items() if value is not None} for row in rows]
    require_same(landed, only(divisions.divisions(), APPROVED))
    return Moved(len(landed), seconds)


def _work(config: Config) -> float:
    """Run the agent until it has caught up; return how long that took."""
    said: list[str] = []
    begun = time.monotonic()
    fine = run(config, once=True, stop=threading.Event(), say=said.append)
    require(fine, f"库表代理未能写入：{said}", f"the agent could not land the records: {said}")
    return time.monotonic() - begun


def _pull(flow: Flow, since: datetime) -> Pull:
    return Pull(
        name="divisions", subscription=flow.subscription_id, table=TABLE, key=[KEY],
        columns={item: item for item in APPROVED}, start=since.isoformat(),
    )  # fmt: skip


def _config(
    stage: Stage, settings: Settings, place: DatabaseAccess, client_id: str, job: Pull
) -> Config:
    url = make_url(place.url)
    secret = _private(stage, "consumer.secret", str(stage.memory.get(client_id)))
    password = None
    if url.password is not None:
        password = _private(stage, "database.password", str(url.password))
    authority = settings.database_tls_ca_file
    tls: Literal["off", "require", "verify"] = (
        "off" if place.tls is None else "verify" if authority else "require"
    )
    return Config(
        name=CONSUMER.profile,
        exchange=Exchange(base_url=stage.base_url, client_id=client_id, secret=secret),
        database=DatabaseSettings(
            kind="postgresql", host=str(url.query.get("host") or url.host), port=url.port,
            database=NAME, user=str(url.username), password=password, tls=tls,
            tls_ca=None if authority is None else str(authority),
        ),
        pull=[job],
    )  # fmt: skip


def _private(stage: Stage, name: str, content: str) -> str:
    """Keep a secret in a file of its own, and return how a configuration refers to it."""
    path = stage.memory.folder / name
    write_private(path, content)
    return f"file:{path}"
