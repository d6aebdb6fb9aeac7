"""Code lists as a workbook: an edition a line in 代码集, a value a line in 代码."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from auth.principal import Principal
from catalog import code_lists
from catalog.code_lists import NewCodeList, NewEdition
from gateway.api.code_lists import CodeListIn, EditionIn
from gateway.workbooks.columns import Column, Kind
from gateway.workbooks.layouts import Layout, Part, Unit
from kernel.database import ReadSession, WriteSession
from kernel.errors import NotFound

LIST: Final = "代码集代码"
NAME_OF_EDITION: Final = "版本"
EDITION: Final = (
    Column(path="list.code", label=LIST, required=True, kind=Kind.CODE, width=24),
    Column(path="list.name", label="代码集名称", required=True, width=30),
    Column(path="list.standard", label="标准编号", required=True, kind=Kind.CODE, width=24),
    Column(path="edition", label=NAME_OF_EDITION, required=True),
    Column(path="effective_from", label="生效日期", required=True),
)
CODE: Final = (
    Column(path="list", label=LIST, required=True, kind=Kind.CODE, width=24),
    Column(path="edition", label=NAME_OF_EDITION, required=True),
    Column(path="value", label="代码", required=True, kind=Kind.CODE),
    Column(path="name", label="名称", required=True, width=30),
    Column(path="parent", label="上级代码", kind=Kind.CODE),
    Column(path="effective_from", label="代码生效日期"),
    Column(path="effective_to", label="代码失效日期"),
    Column(path="successors", label="后继代码", kind=Kind.LIST, width=24),
)
LAYOUT: Final = Layout(
    name="code-lists",
    title="代码集",
    master=Part("代码集", EDITION),
    detail=Part("代码", CODE),
    link=(LIST, NAME_OF_EDITION),
)

Listed = tuple[NewCodeList, NewEdition]


class CodeLists:
    """Editions are added; the list of one is registered where nobody knows it."""

    layout = LAYOUT

    async def prepare(
        self, session: WriteSession, principal: Principal, units: Sequence[Unit]
    ) -> None:
        """Nothing is to be looked up."""

    async def alike(
        self,
        session: ReadSession,  # noqa: ARG002 - of other workbooks
        units: Sequence[Unit],  # noqa: ARG002
        threshold: float,  # noqa: ARG002
    ) -> Mapping[int, Sequence[str]]:
        """Nothing: code lists are not compared."""
        return {}

    async def read(self, unit: Unit) -> Listed:
        """Return the list and the edition of a line; raises ValidationError."""
        new = CodeListIn.model_validate(unit.data["list"])
        body = EditionIn.model_validate(
            {
                "edition": unit.data["edition"],
                "effective_from": unit.data["effective_from"],
                "items": [_item(item) for item in unit.data.get("items", [])],
            }
        )
        edition = NewEdition(
            edition=body.edition, effective_from=body.effective_from, items=await body.codes()
        )
        return NewCodeList(**new.model_dump()), edition

    async def apply_all(
        self,
        session: WriteSession,
        principal: Principal,
        several: Sequence[tuple[Unit, Listed]],
        now: datetime,
    ) -> Sequence[str]:
        """Return what was done with each; raises for the first that is refused."""
        return [await self._add(session, principal, body, now) for _, body in several]

    async def _add(
        self, session: WriteSession, principal: Principal, body: Listed, now: datetime
    ) -> str:
        new, edition = body
        done = "新版本"
        try:
            await code_lists.get(session, new.code)
        except NotFound:
            done = "新建"
            await code_lists.register(session, principal, new, now=now)
        await code_lists.add_edition(session, principal, new.code, edition, now=now)
        return done


def _item(data: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in data.items() if name not in ("list", "edition")}
