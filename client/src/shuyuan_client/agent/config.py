"""The agent's configuration: one TOML file, secrets by reference only."""

import os
import tomllib
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta

from shuyuan_client.failures import Failure, unusable_file
from shuyuan_client.grants import ClientGrant, with_key, with_secret

BYTES_MAX = 1024 * 1024
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Table = Annotated[str, Meta(pattern=r"^[^.?%\x00]{1,64}(\.[^.?%\x00]{1,64})?$")]
Reference = Annotated[str, Meta(pattern=r"^(env|file):.+$")]
Batch = Annotated[int, Meta(ge=1, le=10_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Seconds = Annotated[float, Meta(ge=0)]
# SQL is written with `?` and `%s` for values: a name has neither.
ColumnName = Annotated[str, Meta(pattern=r"^[^?%\x00]{1,64}$")]
Columns = dict[str, ColumnName]


class Exchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    base_url: str
    client_id: str
    secret: Reference | None = None
    private_key: Reference | None = None
    key_id: str | None = None


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`time_zone` is that of columns which have none."""

    kind: Literal["postgresql", "mysql"]
    host: str = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    database: str
    user: str
    password: Reference | None = None
    tls: Literal["off", "require", "verify"] = "verify"
    tls_ca: str | None = None
    own_schema: Annotated[str, Meta(pattern=r"^[^.?%\x00]{1,63}$")] | None = None
    time_zone: str = "Asia/Shanghai"


class Pull(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A subscription into a table; `columns` are column by item."""

    name: Name
    subscription: str
    table: Table
    columns: Columns = {}
    key: list[str] = []
    key_column: ColumnName | None = None
    deletes: Literal["delete", "mark"] = "delete"
    mark_column: ColumnName | None = None
    start: str = "earliest"
    after_gap: Literal["keep", "remove"] = "keep"
    batch: Batch = 5_000


class Push(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table into a resource; `columns` are column by item, `key` items."""

    name: Name
    resource: str
    table: Table
    method: Literal["increment", "compare", "outbox"]
    columns: Columns = {}
    key: Annotated[list[str], Meta(min_length=1)]
    increment: ColumnName | None = None
    look_back: Seconds = 600
    every_seconds: Seconds = 3_600
    max_deletes: Share = 0.1
    batch: Batch = 1_000


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Name
    exchange: Exchange
    database: DatabaseSettings
    interval_seconds: Annotated[float, Meta(ge=0.1, le=3_600)] = 5
    pull: list[Pull] = []
    push: list[Push] = []

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.database.time_zone)


def load(path: Path) -> Config:
    """Read and check the file; raises Failure with what is wrong and where."""
    try:
        with path.open("rb") as file:
            text = file.read(BYTES_MAX).decode()
        config = msgspec.convert(tomllib.loads(text), Config)
    except OSError as error:
        raise unusable_file(str(path), error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise _wrong(f"{path}: {error}") from error
    for problem in _contradictions(config):
        raise _wrong(f"{path}: {problem}")
    return config


def _contradictions(config: Config) -> list[str]:
    """Return what each section allows by itself and all of them together do not."""
    names = [*(job.name for job in config.pull), *(job.name for job in config.push)]
    found = [f"name = {name!r} twice" for name in {*names} if names.count(name) > 1]
    if not names:
        found.append("no [[pull]] and no [[push]]")
    if (config.exchange.secret is None) == (config.exchange.private_key is None):
        found.append("[exchange] needs secret or private_key")
    try:
        _ = config.zone
    except (KeyError, ValueError, OSError):
        found.append(f"[database] time_zone {config.database.time_zone!r} is not known")
    return [*found, *(f"{job.name}: {each}" for job in config.pull for each in _of_pull(job)),
            *(f"{job.name}: {each}" for job in config.push for each in _of_push(job))]  # fmt: skip


def _of_pull(job: Pull) -> list[str]:
    found = []
    if bool(job.key) == (job.key_column is not None):
        found.append("needs key (items), or key_column")
    if (job.deletes == "mark") != (job.mark_column is not None):
        found.append('mark_column goes with deletes = "mark"')
    if job.columns and not {*job.key} <= job.columns.keys():
        found.append("key names items that columns does not")
    if len({*job.columns.values()}) < len(job.columns):
        found.append("columns names a column twice")
    return found


def _of_push(job: Push) -> list[str]:
    found = []
    if (job.method == "increment") != (job.increment is not None):
        found.append('increment goes with method = "increment"')
    if job.columns and not {*job.key} <= job.columns.keys():
        found.append("key names items that columns does not")
    return found


def secret(reference: str) -> str:
    """Return what `env:NAME` or `file:PATH` refers to; raises Failure where there is nothing."""
    kind, _, place = reference.partition(":")
    if kind == "env":
        value = os.environ.get(place, "")
    else:
        try:
            value = Path(place).read_text(encoding="utf-8").strip("\r\n")
        except OSError as error:
            raise unusable_file(place, error) from error
    if not value:
        raise Failure(f"{reference} 没有内容。", f"{reference} is empty.")
    return value


def grant(exchange: Exchange) -> ClientGrant:
    """Return how the agent signs in; raises Failure."""
    if exchange.secret is not None:
        return with_secret(exchange.client_id, secret(exchange.secret))
    pem = secret(str(exchange.private_key))
    return with_key(exchange.client_id, pem.encode(), exchange.key_id)


def _wrong(what: str) -> Failure:
    return Failure(f"配置有误：{what}", f"The configuration is wrong: {what}")
