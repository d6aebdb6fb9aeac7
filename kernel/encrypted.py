"""Columns whose values a `Secretbox` encrypts, and encrypting all of them anew under its key."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cryptography.fernet import InvalidToken
from sqlalchemy import Column, LargeBinary, Table, bindparam, func, select, tuple_, update
from sqlmodel import SQLModel

from kernel.secretbox import Secretbox

if TYPE_CHECKING:
    from kernel.database import Database, WriteSession

# A record in quarantine may have a megabyte: what one batch holds stays bounded.
ROWS = 50


class Encrypted(LargeBinary):
    """The type of every column that `Secretbox.encrypt` writes: a rotation must know them all."""


@dataclass
class Reencrypted:
    """How many values of each column got the new key, and how many no known key reads."""

    done: dict[str, int] = field(default_factory=dict)
    unreadable: dict[str, int] = field(default_factory=dict)


def of(*models: type[SQLModel]) -> tuple[Column[Any], ...]:
    """Return the encrypted columns of tables."""
    tables = [model.__table__ for model in models]  # type: ignore[attr-defined]
    return tuple(each for table in tables for each in table.columns if is_encrypted(each))


def is_encrypted(column: Column[Any]) -> bool:
    return isinstance(column.type, Encrypted)


def name_of(column: Column[Any]) -> str:
    """Return `schema.table.column`."""
    assert isinstance(column.table, Table)  # noqa: S101 - narrows the type
    return f"{column.table.fullname}.{column.name}"


async def reencrypt(
    database: "Database", box: Secretbox, columns: Iterable[Column[Any]]
) -> Reencrypted:
    """Encrypt under the key of the box what is not; each batch commits, repeating goes on."""
    told = Reencrypted()
    for column in columns:
        after: tuple[Any, ...] | None = None
        while True:
            async with database.transaction() as session:
                after = await _some(session, box, column, after, told)
            if after is None:
                break
    return told


async def _some(
    session: "WriteSession",
    box: Secretbox,
    column: Column[Any],
    after: tuple[Any, ...] | None,
    told: Reencrypted,
) -> tuple[Any, ...] | None:
    """Encrypt the next rows behind `after` anew; return the last one's key, None at the end."""
    keys = tuple(column.table.primary_key)
    other = func.substr(column, 1, len(box.mark), type_=LargeBinary) != box.mark
    wanted = select(*keys, column).where(other).order_by(*keys).limit(ROWS).with_for_update()
    if after is not None:
        wanted = wanted.where(tuple_(*keys) > tuple_(*after))
    rows = (await session.execute(wanted)).all()
    values = [(tuple(key), _anew(box, value)) for *key, value in rows]
    anew = [(key, value) for key, value in values if value is not None]
    if anew:
        await _write(session, column, anew)
    _add(told.done, column, len(anew))
    _add(told.unreadable, column, len(rows) - len(anew))
    return values[-1][0] if len(rows) == ROWS else None


async def _write(
    session: "WriteSession", column: Column[Any], anew: list[tuple[tuple[Any, ...], bytes]]
) -> None:
    table = column.table
    assert isinstance(table, Table)  # noqa: S101 - narrows the type
    keys = tuple(table.primary_key)
    matching = [key == bindparam(f"key_{place}") for place, key in enumerate(keys)]
    connection = await session.connection()
    await connection.execute(
        update(table).where(*matching).values({column: bindparam("anew")}),
        [
            {"anew": value, **{f"key_{place}": part for place, part in enumerate(key)}}
            for key, value in anew
        ],
    )


def _anew(box: Secretbox, value: bytes) -> bytes | None:
    try:
        return box.encrypt(box.decrypt(value))
    except InvalidToken:
        return None


def _add(counts: dict[str, int], column: Column[Any], more: int) -> None:
    if more:
        counts[name_of(column)] = counts.get(name_of(column), 0) + more
