"""A catalogue of any size by COPY; its names are topics of offices and divisions of Guangxi."""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import asyncpg

from catalog.rules.scopes import scopes
from catalog.rules.words import fold, grams, pairs
from deploy.demo.divisions import divisions
from kernel.identifiers import make_uscc
from kernel.ids import new_id
from loadtests.arena import connected
from loadtests.runs import RunFailed

TOPICS: Final = (
    "不动产", "渔船", "道路运输", "企业", "个体工商户", "社会团体", "养老机构", "医疗机构",
    "药品经营", "食品生产", "特种设备", "排污单位", "危险废物", "水库", "取水", "林木采伐",
    "自然保护地", "矿业权", "建设工程", "施工企业", "房屋租赁", "公积金", "社会保险", "失业",
    "残疾人", "低保家庭", "婚姻", "户籍", "出入境", "驾驶证", "机动车", "律师", "公证",
    "法律援助", "学籍", "教师资格", "职业技能", "民办学校", "文物", "旅行社", "网络文化",
    "广播电视", "出版物", "体育场馆", "高新企业", "科技项目", "商标", "专利", "计量器具",
    "检验检测", "统计调查", "预算单位", "政府采购", "国有资产", "税务", "海关备案", "外商投资",
    "粮食收购", "种子经营", "农药经营", "动物检疫", "屠宰企业", "水产养殖", "宅基地", "消防",
    "地震监测", "气象灾害", "应急物资", "安全生产", "民兵预备役",
)  # fmt: skip
ASPECTS: Final = (
    "名称", "编号", "状态", "类型", "登记日期", "有效期止", "负责人", "联系电话", "地址",
    "区划代码", "面积", "数量", "金额", "等级", "发证机关", "证书编号", "许可范围", "注销日期",
    "变更事项", "备注", "经度", "纬度", "用途", "来源", "处罚结果", "检查结论", "整改期限",
    "从业人数", "年度", "批次",
)  # fmt: skip
KINDS: Final = ("登记信息", "许可信息", "处罚信息", "检查记录", "年报", "名录", "证照", "台账")
SHARE_TYPES: Final = ("unconditional", "unconditional", "conditional")
ITEMS, DEPARTMENTS, AT_ONCE = 10, 300, 5_000
SEED: Final = 809
SINCE: Final = datetime(2026, 3, 2, 1, tzinfo=UTC)
STANDARD: Final = "GX-LOADTEST"
AUTHOR: Final = "loadtest"
PASSED: Final = {"passed": True, "by": "保密办", "date": "2026-01-05", "document": None}
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seeded:
    resources: int
    items: int
    elements: Sequence[str]
    departments: Sequence[str]


def element_names() -> Iterator[str]:
    """Yield names of elements, each once: a topic, an aspect, and beyond those a number."""
    for turn in itertools.count(1):
        for topic, aspect in itertools.product(TOPICS, ASPECTS):
            yield f"{topic}{aspect}" if turn == 1 else f"{topic}{aspect}{turn}"


async def filled(database_url: str, resources: int) -> Seeded:
    """Return what an earlier run has left, or fill the database; RunFailed for another size."""
    async with connected(database_url) as connection:
        count = await connection.fetchval(
            "SELECT count(*) FROM catalog.resource WHERE created_by = $1", AUTHOR
        )
        elements = await connection.fetch(
            "SELECT code FROM catalog.element WHERE standard = $1 ORDER BY code", STANDARD
        )
        departments = await connection.fetch(
            "SELECT DISTINCT department FROM catalog.resource WHERE created_by = $1 ORDER BY 1",
            AUTHOR,
        )
    if not count:
        return await fill(database_url, resources)
    if count != resources:
        raise RunFailed(f"the catalogue that was kept has {count} resources, not {resources}")
    codes = [row[0] for row in elements]
    return Seeded(resources, resources * ITEMS, codes, [row[0] for row in departments])


async def fill(database_url: str, resources: int) -> Seeded:
    """Put published entries of ITEMS items each into a migrated database, and analyse it."""
    chance = random.Random(SEED)  # noqa: S311 - the same catalogue each time
    async with connected(database_url) as connection:
        elements = await _elements(connection)
        departments = await _departments(connection)
        for start in range(0, resources, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, resources))
            entries = [_entry(chance, number, elements, departments) for number in numbers]
            await _copy(connection, "resource", [_resource(entry) for entry in entries])
            await _copy(connection, "resource_version", [_version(entry) for entry in entries])
        await connection.execute("ANALYZE catalog.resource")
        await connection.execute("VACUUM ANALYZE catalog.resource_version")
        usccs = sorted(uscc for each in departments.values() for uscc in each)
        return Seeded(resources, resources * ITEMS, list(elements), usccs)


async def _elements(connection: asyncpg.Connection) -> Mapping[str, str]:
    """Register an element for each topic and aspect; return their names by code."""
    await _copy(connection, "standard", [{"code": STANDARD, "title": "测", "created_at": SINCE}])
    names = itertools.islice(element_names(), len(TOPICS) * len(ASPECTS))
    found = {f"LT{number:05}": name for number, name in enumerate(names)}
    rows = [
        {
            "code": code, "name": name, "definition": f"{name}的登记内容", "data_type": "string",
            "max_length": 200, "standard": STANDARD, "sensitivity": 1, "personal": False,
            "examples": "[]", "name_grams": pairs(name), "revision": 1, "created_at": SINCE,
        }
        for code, name in found.items()
    ]  # fmt: skip
    await _copy(connection, "element", rows)
    return found


async def _departments(connection: asyncpg.Connection) -> Mapping[str, Sequence[str]]:
    """Register departments; return those of each division."""
    counties = [row for row in divisions() if row["level"] in ("city", "county")]
    rows: list[dict[str, Any]] = []
    for number in range(DEPARTMENTS):
        place = counties[number % len(counties)]
        region = place["code"][:6]
        uscc = make_uscc("1", "1", region, f"LT{number:06}")
        rows.append(
            {
                "uscc": uscc, "name": f"{place['name']}第{number}局", "region_code": region,
                "authority": False, "standing_consent": False, "status": "active", "revision": 1,
                "created_at": SINCE,
            }
        )  # fmt: skip
    await _copy(connection, "department", rows, schema="auth")
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["region_code"], []).append(row["uscc"])
    return found


def _entry(
    chance: random.Random,
    number: int,
    elements: Mapping[str, str],
    departments: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    topic, kind = chance.choice(TOPICS), chance.choice(KINDS)
    place = chance.choice(_PLACES)
    chosen = chance.sample(sorted(elements), ITEMS)
    return {
        "id": new_id(),
        "code": f"307{number % 90:03}/{number:06}",
        "class_code": f"307{number % 90:03}",
        "department": chance.choice(departments[place["code"][:6]]),
        "region_code": place["code"][:6],
        "name": f"{place['name']}{topic}{kind}",
        "abstract": f"{place['name']}办理{topic}业务形成的{kind}，供各部门核对使用",
        "share_type": chance.choice(SHARE_TYPES),
        "items": [
            {
                "name": f"f{at}", "label": elements[code], "element": code, "required": at == 0,
                "key": at == 0, "role": "reference", "mask": None, "searchable": False,
                "refers_to": None, "unmasked_reason": None,
            }
            for at, code in enumerate(chosen)
        ],
    }  # fmt: skip


_PLACES: Final = [row for row in divisions() if row["level"] in ("city", "county", "township")]


def _resource(entry: Row) -> Row:
    return {
        "id": entry["id"], "resource_code": entry["code"], "department": entry["department"],
        "region_code": entry["region_code"], "status": "published", "version": 1,
        "published_version": 1, "version_floor": 0, "revision": 1, "created_by": AUTHOR,
        "created_at": SINCE, "updated_at": SINCE,
    }  # fmt: skip


def _version(entry: Row) -> Row:
    texts = [entry["name"], entry["abstract"]]
    texts += [text for item in entry["items"] for text in (item["name"], item["label"])]
    searched = fold("\n".join(texts))
    return {
        "resource_id": entry["id"], "number": 1, "state": "published", "name": entry["name"],
        "abstract": entry["abstract"], "class_code": entry["class_code"],
        "region_code": entry["region_code"], "format": 3, "update_cycle": "daily",
        "share_type": entry["share_type"], "share_modes": '["pull", "query"]',
        "open_type": "closed", "grade": 1, "items": json.dumps(entry["items"]),
        "reviews": json.dumps({"secrecy": PASSED, "privacy": PASSED}), "derived_from": "[]",
        "duplicates": "[]", "partitions": 1, "search_text": searched,
        "search_grams": grams(searched),
        "search_scopes": scopes(entry["department"], entry["region_code"], entry["class_code"]),
        "created_at": SINCE, "published_at": SINCE,
    }  # fmt: skip


async def _copy(
    connection: asyncpg.Connection, table: str, rows: Sequence[Row], schema: str = "catalog"
) -> None:
    columns = list(rows[0])
    records = [tuple(row[column] for column in columns) for row in rows]
    await connection.copy_records_to_table(
        table, schema_name=schema, columns=columns, records=records
    )
