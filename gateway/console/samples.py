"""Programs that use a subscription, filled in: they run as they stand, given the secret; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from catalog.contracts.model import Contract, DataType, Field
from exchange.modes import FOLLOWING
from gateway.console.render import HERE

BARE: Final = frozenset({DataType.INTEGER, DataType.BOOLEAN})
EXCHANGE_KEY: Final = "exchange_key"
# What `shuyuan agent` calls the databases that it lands records in.
QUOTES: Final[Mapping[str, str]] = {"postgresql": '"', "mysql": "`"}
DATABASES: Final[Mapping[str, str]] = {"postgresql": "PostgreSQL", "mysql": "MySQL, MariaDB"}
POSTGRESQL: Final[Mapping[DataType, str]] = {
    DataType.STRING: "text",
    DataType.CODE: "text",
    DataType.INTEGER: "numeric",
    DataType.DECIMAL: "numeric",
    DataType.BOOLEAN: "boolean",
    DataType.DATE: "date",
    DataType.DATETIME: "timestamptz",
}
MYSQL: Final[Mapping[DataType, str]] = {
    DataType.STRING: "longtext",
    DataType.CODE: "longtext",
    DataType.INTEGER: "bigint",
    # Text where no element says how many places a number has: MySQL would round it.
    DataType.DECIMAL: "longtext",
    DataType.BOOLEAN: "tinyint(1)",
    DataType.DATE: "date",
    DataType.DATETIME: "datetime(6)",
}
# An index of MySQL tells letters apart by their case only where it is said.
MYSQL_KEY: Final = "varchar({length}) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
MYSQL_KEY_MAX: Final = 190


@dataclass(frozen=True, slots=True)
class Granted:
    """What of a subscription its programs are made from; `masked` are items that have a mask."""

    base_url: str
    client_id: str
    id: str
    mode: str
    items: Sequence[str]
    masked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Sample:
    """A program; `language` is what people call it, the same in every language."""

    language: str
    text: str


def of(granted: Granted, contract: Contract) -> Sequence[Sample]:
    """Return the programs that a subscription's mode serves."""
    keys = [field for field in contract.fields if field.key] or contract.fields[:1]
    rest = [f for f in contract.fields if f.name in granted.items and not f.key]
    told = {
        "base": granted.base_url,
        "client": granted.client_id,
        "grant": f"{granted.base_url}/v1/subscriptions/{granted.id}",
        "mode": granted.mode,
        "key": keys[0],
        "asked": (rest or keys)[0],
    }
    languages = {"curl": "curl.txt", "Python": "python.txt", "Java": "java.txt"}
    if granted.mode == "api":
        languages = {"curl": "curl.txt"}
    elif granted.mode == "file":
        del languages["Java"]
    made = [Sample(name, _filled(file, told)) for name, file in languages.items()]
    return [*made, *_agents(granted, contract)] if granted.mode in FOLLOWING else made


def _agents(granted: Granted, contract: Contract) -> Sequence[Sample]:
    """Return a table and a configuration of the agent for each kind of database."""
    shown = [field for field in contract.fields if field.name in granted.items]
    keys = [field.name for field in contract.fields if field.key]
    own = [] if granted.masked & {*keys} or not {*keys} <= {*granted.items} else keys
    table = f"grant_{granted.id[-12:].lower().replace('-', '_')}"
    made = []
    for kind, title in DATABASES.items():
        columns = [(f.name, _type(f, kind, own, granted.masked)) for f in shown]
        if not own:
            columns.insert(0, (EXCHANGE_KEY, "text" if kind == "postgresql" else _key_type(255)))
        place = {"table": table, "quote": QUOTES[kind]}
        ddl = _filled("table.txt", {**place, "columns": columns, "keys": own or [EXCHANGE_KEY]})
        told = {
            "name": table.replace("_", "-"),
            "base": granted.base_url,
            "client": granted.client_id,
            "subscription": granted.id,
            "kind": kind,
            "table": table if kind == "mysql" else f"public.{table}",
            "key": own,
            "items": [field.name for field in shown],
        }
        agent = _filled("agent.txt", told)
        made += [Sample(f"SQL · {title}", ddl), Sample(f"shuyuan agent · {title}", agent)]
    return made


def _type(field: Field, kind: str, own: Sequence[str], masked: frozenset[str]) -> str:
    """Return the type of a column; what is masked is text, whatever it was."""
    data_type = DataType.STRING if field.name in masked else field.data_type
    if kind == "postgresql":
        return POSTGRESQL[data_type]
    if field.name in own and field.textual:
        return _key_type(field.max_length or MYSQL_KEY_MAX)
    if data_type is DataType.DECIMAL and field.precision and field.scale is not None:
        return f"decimal({field.precision}, {field.scale})"
    return MYSQL[data_type]


def _key_type(length: int) -> str:
    return MYSQL_KEY.format(length=min(length, 255))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE / "programs"),
        autoescape=False,  # noqa: S701 - programs, not HTML: the page that shows them escapes
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(shell=_shell, python=_python, java=_java)
    return made


def _filled(name: str, told: Mapping[str, Any]) -> str:
    return _environment().get_template(name).render(told)


def _shell(field: Field, variable: str) -> str:
    """Return JSON of a variable inside single quotes of a shell."""
    bare = f"'\"${variable}\"'"
    return bare if field.data_type in BARE else f'"{bare}"'


def _python(field: Field, variable: str) -> str:
    told = f'os.environ["{variable}"]'
    return f"json.loads({told})" if field.data_type in BARE else told


def _java(field: Field, variable: str) -> str:
    told = f'System.getenv("{variable}")'
    return told if field.data_type in BARE else f"quoted({told})"
