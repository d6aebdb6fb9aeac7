"""Elements as a workbook: 数据元, a line each."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from catalog import elements, likeness
from catalog.contracts.model import Checker, DataType
from catalog.likeness import SameDatum
from catalog.rules.elements import NewElement
from gateway.api.elements import ElementIn
from gateway.workbooks.columns import YES_NO, Column, Kind
from gateway.workbooks.layouts import Layout, Part, Unit
from kernel.database import ReadSession, WriteSession

TYPES: Final[Mapping[str, DataType]] = {
    "字符": DataType.STRING,
    "整数": DataType.INTEGER,
    "小数": DataType.DECIMAL,
    "逻辑": DataType.BOOLEAN,
    "日期": DataType.DATE,
    "日期时间": DataType.DATETIME,
    "代码": DataType.CODE,
}
CHECKERS: Final[Mapping[str, Checker]] = {
    "公民身份号码": Checker.RESIDENT_ID,
    "统一社会信用代码": Checker.USCC,
    "行政区划代码": Checker.DIVISION_CODE,
    "手机号码": Checker.MOBILE,
}
LEVELS: Final[Mapping[str, int]] = {"1级": 1, "2级": 2, "3级": 3, "4级": 4}
ELEMENT: Final = (
    Column(path="code", label="数据元代码", required=True, kind=Kind.CODE, width=24),
    Column(path="name", label="数据元名称", required=True, width=24),
    Column(path="definition", label="定义", required=True, width=40),
    Column(path="data_type", label="数据类型", required=True, kind=Kind.CHOICE, choices=TYPES),
    Column(path="min_length", label="最小长度", kind=Kind.WHOLE),
    Column(path="max_length", label="最大长度", kind=Kind.WHOLE),
    Column(path="pattern", label="格式（正则表达式）", width=30),
    Column(path="minimum", label="最小值", kind=Kind.BOUND),
    Column(path="maximum", label="最大值", kind=Kind.BOUND),
    Column(path="precision", label="总位数", kind=Kind.WHOLE),
    Column(path="scale", label="小数位数", kind=Kind.WHOLE),
    Column(path="code_list", label="代码集", kind=Kind.CODE, width=24),
    Column(path="checker", label="校验规则", kind=Kind.CHOICE, choices=CHECKERS),
    Column(path="standard", label="标准编号", required=True, kind=Kind.CODE, width=24),
    Column(path="sensitivity", label="敏感级别", required=True, kind=Kind.CHOICE, choices=LEVELS),
    Column(path="personal", label="是否个人信息", required=True, kind=Kind.CHOICE, choices=YES_NO),
)
LAYOUT: Final = Layout(
    name="elements",
    title="数据元",
    master=Part("数据元", ELEMENT),
    link=("数据元代码",),
    compared=True,
)


class Elements:
    """Elements are registered; of one that is known what may change is changed."""

    layout = LAYOUT

    def __init__(self) -> None:
        self._known: frozenset[str] = frozenset()

    async def prepare(
        self,
        session: ReadSession,
        principal: Principal,  # noqa: ARG002 - of other workbooks
        units: Sequence[Unit],
    ) -> None:
        """Look up which of the codes are registered."""
        self._known = await elements.registered(session, [str(u.data.get("code")) for u in units])

    async def read(self, unit: Unit) -> NewElement:
        """Return the element of a line; raises ValidationError."""
        return ElementIn.model_validate(unit.data).element()

    async def apply_all(
        self,
        session: WriteSession,
        principal: Principal,
        several: Sequence[tuple[Unit, NewElement]],
        now: datetime,
    ) -> Sequence[str]:
        """Return what was done with each; raises for the first that is refused."""
        new = [body for _, body in several if body.code not in self._known]
        await elements.register_all(session, principal, new, now=now)
        for _, body in several:
            if body.code in self._known:
                changes = {name: value for name, value in asdict(body).items() if name != "code"}
                await elements.change(session, principal, body.code, changes, revision=None)
        return ["修改" if body.code in self._known else "新建" for _, body in several]

    async def alike(
        self, session: ReadSession, units: Sequence[Unit], threshold: float
    ) -> Mapping[int, Sequence[str]]:
        """Return by line which other elements are the same datum (ADR 0039)."""
        wanted = [(unit.data["name"], unit.data["code"]) for unit in units]
        found = await likeness.same(session, wanted, threshold)
        return {
            unit.row.number: [_told(each) for each in same]
            for unit, same in zip(units, found, strict=True)
            if same
        }


def _told(same: SameDatum) -> str:
    return f"数据元 {same.code} {same.name}（相似度 {same.score:.2f}）"


def bodies(rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return elements as bodies that an import reads."""
    fields = [column.path for column in ELEMENT]
    return [{name: getattr(row, name) for name in fields} for row in rows]
