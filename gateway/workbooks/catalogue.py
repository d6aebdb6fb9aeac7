"""The catalogue as a workbook: an entry a line in 资源目录, an item a line in 信息项."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from auth.principal import Principal
from catalog import duplicates, resources
from catalog.entries import (
    Duplicate,
    Entry,
    ItemRole,
    MaskKind,
    OpenType,
    ShareMode,
    ShareType,
    UpdateCycle,
)
from catalog.likeness import Known
from catalog.visibility import Shown
from gateway.api.entries import EntryIn
from gateway.workbooks.columns import YES_NO, Column, Kind
from gateway.workbooks.layouts import Layout, Part, Unit
from kernel.database import ReadSession, WriteSession

FORMATS: Final[Mapping[str, int]] = {
    "电子文件": 1,
    "电子表格": 2,
    "数据库": 3,
    "图形图像": 4,
    "流媒体": 5,
    "自描述格式": 6,
    "服务接口": 7,
}
CYCLES: Final[Mapping[str, UpdateCycle]] = {
    "实时": UpdateCycle.REALTIME,
    "每日": UpdateCycle.DAILY,
    "每周": UpdateCycle.WEEKLY,
    "每月": UpdateCycle.MONTHLY,
    "每季度": UpdateCycle.QUARTERLY,
    "每半年": UpdateCycle.HALF_YEARLY,
    "每年": UpdateCycle.YEARLY,
    "不定期": UpdateCycle.IRREGULAR,
    "不更新": UpdateCycle.NEVER,
    "其他": UpdateCycle.OTHER,
}
SHARING: Final[Mapping[str, ShareType]] = {
    "无条件共享": ShareType.UNCONDITIONAL,
    "有条件共享": ShareType.CONDITIONAL,
    "不予共享": ShareType.NONE,
}
OPENING: Final[Mapping[str, OpenType]] = {
    "无条件开放": OpenType.OPEN,
    "有条件开放": OpenType.CONDITIONAL,
    "不予开放": OpenType.CLOSED,
}
MODES: Final[Mapping[str, ShareMode]] = {
    "拉取": ShareMode.PULL,
    "推送": ShareMode.PUSH,
    "查询": ShareMode.QUERY,
    "核验": ShareMode.VERIFY,
    "文件": ShareMode.FILE,
    "库表": ShareMode.TABLE,
    "服务接口": ShareMode.API,
}
GRADES: Final[Mapping[str, int]] = {"1级": 1, "2级": 2, "3级": 3, "4级": 4}
ROLES: Final[Mapping[str, ItemRole]] = {"数源": ItemRole.SOURCE, "引用": ItemRole.REFERENCE}
MASKS: Final[Mapping[str, MaskKind]] = {
    "全部遮盖": MaskKind.FULL,
    "部分遮盖": MaskKind.PARTIAL,
    "哈希": MaskKind.HASH,
    "置空": MaskKind.NULL,
}


def _choice(path: str, label: str, choices: Mapping[str, Any], *, required: bool = True) -> Column:
    return Column(
        path=path, label=label, required=required, kind=Kind.CHOICE, choices=choices, width=12
    )


def _review(path: str, title: str) -> tuple[Column, ...]:
    return (
        _choice(f"{path}.passed", f"{title}是否通过", YES_NO),
        Column(path=f"{path}.by", label=f"{title}人", required=True),
        Column(path=f"{path}.date", label=f"{title}日期", required=True),
        Column(path=f"{path}.document", label=f"{title}文号"),
    )


NAME: Final = "资源名称"
CODE: Final = "资源代码"
ENTRY: Final = (
    Column(path="code", label=CODE, kind=Kind.CODE, width=36),
    Column(path="name", label=NAME, required=True, width=30),
    Column(path="abstract", label="摘要", required=True, width=40),
    Column(path="class_code", label="分类代码", required=True, kind=Kind.DIGITS),
    Column(path="region_code", label="行政区划代码", required=True, kind=Kind.DIGITS),
    _choice("format", "信息资源格式", FORMATS),
    _choice("update_cycle", "更新周期", CYCLES),
    _choice("share_type", "共享类型", SHARING),
    Column(path="share_conditions", label="共享条件", width=30),
    Column(path="share_scope", label="共享范围", width=30),
    Column(path="share_purposes", label="使用用途", width=30),
    Column(path="legal_basis", label="不予共享依据", width=30),
    Column(path="share_modes", label="共享方式", kind=Kind.CHOICES, choices=MODES),
    _choice("open_type", "开放类型", OPENING),
    _choice("grade", "数据级别", GRADES),
    Column(path="partitions", label="分区数", kind=Kind.WHOLE, width=8),
    Column(path="derived_from", label="加工来源资源代码", kind=Kind.LIST, width=36),
    *_review("reviews.secrecy", "保密审查"),
    *_review("reviews.privacy", "个人信息保护影响评估"),
)
ITEM: Final = (
    Column(path="of", label=NAME, required=True, width=30),
    Column(path="name", label="信息项名称", required=True, kind=Kind.CODE, width=20),
    Column(path="label", label="信息项中文名", required=True, width=24),
    Column(path="element", label="数据元代码", required=True, kind=Kind.CODE, width=24),
    _choice("required", "是否必填", YES_NO),
    _choice("key", "是否主键", YES_NO),
    _choice("role", "数源或引用", ROLES),
    _choice("mask.kind", "脱敏方式", MASKS, required=False),
    Column(path="mask.keep_start", label="保留前几位", kind=Kind.WHOLE, width=10),
    Column(path="mask.keep_end", label="保留后几位", kind=Kind.WHOLE, width=10),
    Column(path="unmasked_reason", label="不脱敏理由", width=24),
    Column(path="refers_to", label="引用的资源代码", kind=Kind.CODE, width=36),
    _choice("searchable", "可否查询", YES_NO, required=False),
)
LAYOUT: Final = Layout(
    name="catalogue",
    title="目录",
    master=Part("资源目录", ENTRY),
    detail=Part("信息项", ITEM),
    link=(NAME,),
    compared=True,
)


class Catalogue:
    """Drafts of the clerk's own department, new or changed, by the use cases of the API."""

    layout = LAYOUT

    def __init__(self) -> None:
        self._known: Mapping[str, Sequence[str]] = {}
        self._drafted: dict[int, Shown] = {}
        self._likeness: Known = {}

    async def prepare(
        self, session: WriteSession, principal: Principal, units: Sequence[Unit]
    ) -> None:
        """Look up which of the names the department has already."""
        names = [unit.data["name"] for unit in units if "name" in unit.data]
        self._known = await resources.own_by_name(session, principal, names)

    async def read(self, unit: Unit) -> Entry:
        """Return the entry of a line and of those that belong to it; raises ValidationError."""
        data = {name: value for name, value in unit.data.items() if name != "code"}
        data["items"] = [_item(item) for item in data.get("items", [])]
        data.setdefault("share_modes", [])
        return EntryIn.model_validate(data).entry()

    async def apply_all(
        self,
        session: WriteSession,
        principal: Principal,
        several: Sequence[tuple[Unit, Entry]],
        now: datetime,
    ) -> Sequence[str]:
        """Return what was done with each; raises for the first that is refused."""
        ids = {unit.row.number: self._id_of(unit, entry) for unit, entry in several}
        new = [(unit, entry) for unit, entry in several if ids[unit.row.number] is None]
        created = await resources.create_all(
            session, principal, [entry for _, entry in new], now=now
        )
        self._drafted.update(
            (unit.row.number, shown) for (unit, _), shown in zip(new, created, strict=True)
        )
        for unit, entry in several:
            if resource_id := ids[unit.row.number]:
                changed = await self._change(session, principal, resource_id, entry, now)
                self._drafted[unit.row.number] = changed
        return ["修改" if ids[unit.row.number] else "新建" for unit, _ in several]

    def _id_of(self, unit: Unit, entry: Entry) -> str | None:
        """Return which entry a line is about, None for a new one; Invalid for several."""
        code: str | None = unit.data.get("code")
        return code or resources.the_one(self._known.get(entry.name, ()))

    async def _change(
        self,
        session: WriteSession,
        principal: Principal,
        resource_id: str,
        entry: Entry,
        now: datetime,
    ) -> Shown:
        shown = await resources.get(session, principal, resource_id)
        # The workbook has no column for them: what was said of similar resources stays.
        kept = tuple(Duplicate(**each) for each in shown.version.duplicates)
        entry = replace(entry, duplicates=kept)
        return await resources.change(
            session, principal, resource_id, entry, revision=None, now=now
        )

    async def alike(
        self, session: ReadSession, units: Sequence[Unit], threshold: float
    ) -> Mapping[int, Sequence[str]]:
        """Return by line what others publish, and the entry neither refers to nor explains."""
        drafted = {unit.row.number: self._drafted[unit.row.number] for unit in units}
        self._drafted = {}
        told = await duplicates.told(session, list(drafted.values()), threshold, self._likeness)
        return {
            number: told[shown.resource.id]
            for number, shown in drafted.items()
            if shown.resource.id in told
        }


def _item(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != "of"}


def bodies(several: Sequence[Shown]) -> list[dict[str, Any]]:
    """Return entries as bodies that an import reads."""
    fields = [column.path.partition(".")[0] for column in ENTRY if column.path != "code"]
    found = []
    for shown in several:
        body = {name: getattr(shown.version, name) for name in fields}
        body["code"] = shown.resource.id
        body["items"] = [{**item, "of": shown.version.name} for item in shown.version.items]
        found.append(body)
    return found
