"""The tables of the database; `python -m tests.docs.tables` prints docs/tables.md anew."""

import importlib
import sys
from collections.abc import Iterator

import sqlalchemy as sa
from sqlmodel import SQLModel

from tests.docs.pages import ROOT, text

PACKAGES = ("kernel", "auth", "catalog", "exchange", "gateway")
MARK = "<!-- tables -->\n"


def _import_all() -> None:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*tables.py")):
            importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))


def models() -> list[type[SQLModel]]:
    """Return the class of every table, by folder and name."""
    _import_all()
    mapped = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]
    return sorted(mapped, key=lambda model: (folder(model), table(model).fullname))


def table(model: type[SQLModel]) -> sa.Table:
    found = model.__table__  # type: ignore[attr-defined]
    assert isinstance(found, sa.Table)
    return found


def folder(model: type[SQLModel]) -> str:
    return "/".join(model.__module__.split(".")[:-1])


def references(model: type[SQLModel]) -> list[str]:
    """Return the tables whose rows its foreign keys name, itself among them."""
    keys = (key for column in table(model).columns for key in column.foreign_keys)
    return sorted({key.target_fullname.rpartition(".")[0] for key in keys})


def _rows() -> Iterator[str]:
    for model in models():
        said = (model.__doc__ or "").strip().partition("\n\n")[0].replace("\n", " ")
        said = " ".join(said.split()).replace("|", "\\|") or "history of what it refers to"
        refers = ", ".join(f"`{name}`" for name in references(model))
        yield f"| `{table(model).fullname}` | `{folder(model)}` | {refers} | {said} |"


def page_part() -> str:
    """Return the table of docs/tables.md as it is to be."""
    head = "| table | owned by | refers to | holds |\n|---|---|---|---|\n"
    return head + "\n".join(_rows()) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text("tables.md").partition(MARK)[0] + MARK + page_part())
