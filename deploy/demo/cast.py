"""Who plays in the demo, and what they share; people and credit codes are fictitious."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kernel.identifiers import make_uscc

REGION = "450000"
STATE_ORGAN = ("1", "1")
LEGAL_BASIS = (
    "《中华人民共和国统计法》；《统计用区划代码和城乡划分代码编制规则》（国统字〔2009〕91号）"
)

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Bureau:
    """A department; `organisation` is eight characters that no real one has."""

    name: str
    short: str
    organisation: str

    @property
    def uscc(self) -> str:
        """A fictitious social credit code whose check digits are right."""
        return make_uscc(*STATE_ORGAN, REGION, self.organisation)

    @property
    def clerk(self) -> str:
        return f"{self.short}.clerk"

    @property
    def head(self) -> str:
        return f"{self.short}.head"


STATISTICS = Bureau("广西壮族自治区统计局", "statistics", "DEM00001")
AGRICULTURE = Bureau("广西壮族自治区农业农村厅", "agriculture", "DEM00002")
CIVIL_AFFAIRS = Bureau("广西壮族自治区民政厅", "civil-affairs", "DEM00003")
MAPPING = Bureau("广西壮族自治区测绘地理信息局", "mapping", "DEM00004")
NATURAL_RESOURCES = Bureau("广西壮族自治区自然资源厅", "natural-resources", "DEM00005")
MERGER_BASIS = "《广西壮族自治区机构改革方案》（2018 年）"
BUREAUS = (STATISTICS, AGRICULTURE, CIVIL_AFFAIRS)


@dataclass(frozen=True, slots=True)
class System:
    """An application system of a department, and what it may do."""

    name: str
    bureau: Bureau
    scopes: Sequence[str]
    profile: str


PROVIDER = System("统计用区划报送系统", STATISTICS, ("catalog:read", "records:publish"), "provider")
CONSUMER = System("农业农村大数据平台", AGRICULTURE, ("catalog:read", "records:read"), "consumer")

STANDARD: Body = {
    "code": "国统字〔2009〕91号",
    "title": "统计用区划代码和城乡划分代码编制规则",
    "edition": "2009",
}
LEVELS: Mapping[str, str] = {
    "region": "自治区",
    "city": "设区市",
    "county": "县级",
    "township": "乡级",
    "village": "村级",
}
LEVEL_LIST: Body = {
    "code": "GX-TJQH-JB",
    "name": "统计用区划级别",
    "standard": STANDARD["code"],
}
LEVEL_EDITION: Body = {
    "edition": "2023",
    "effective_from": "2023-01-01",
    "items": [{"value": value, "name": name} for value, name in LEVELS.items()],
}
CODE, NAME, LEVEL = "GX-TJQH-DM", "GX-TJQH-MC", "GX-TJQH-JB"
CLAIMED = (CODE, NAME, LEVEL)
PUBLIC = {"standard": STANDARD["code"], "sensitivity": 1, "personal": False}
ELEMENTS: Sequence[Body] = (
    {
        "code": CODE,
        "name": "统计用区划代码",
        "definition": "统计上使用的 12 位行政区划代码",
        "data_type": "string",
        "min_length": 12,
        "max_length": 12,
        "checker": "division_code",
        **PUBLIC,
    },
    {
        "code": NAME,
        "name": "统计用区划名称",
        "definition": "统计用区划代码对应的区划名称",
        "data_type": "string",
        "max_length": 100,
        **PUBLIC,
    },
    {
        "code": LEVEL,
        "name": "统计用区划级别",
        "definition": "统计用区划所在的级别",
        "data_type": "code",
        "code_list": LEVEL_LIST["code"],
        **PUBLIC,
    },
)

PASSED = {"passed": True, "by": "保密与数据安全工作组（演示）", "date": "2026-01-05"}
RESOURCE: Body = {
    "name": "广西统计用区划代码",
    "abstract": "广西五级统计用区划的代码、名称、级别与上级代码（2023 年版）",
    "class_code": "101001",
    "region_code": REGION,
    "format": 3,
    "update_cycle": "yearly",
    "share_type": "unconditional",
    "share_modes": ["pull", "query", "verify"],
    "open_type": "open",
    "grade": 1,
    "reviews": {"secrecy": PASSED, "privacy": PASSED},
    "items": [
        {"name": "code", "label": "区划代码", "element": CODE, "required": True, "key": True,
         "role": "source"},
        {"name": "name", "label": "区划名称", "element": NAME, "required": True, "key": False,
         "role": "source"},
        {"name": "level", "label": "区划级别", "element": LEVEL, "required": True, "key": False,
         "role": "source"},
        {"name": "parent_code", "label": "上级区划代码", "element": CODE, "required": False,
         "key": False, "role": "reference"},
    ],
}  # fmt: skip
MERGED_ENTRY: Body = {
    **RESOURCE,
    "name": "广西基础测绘区划界线（演示）",
    "abstract": "测绘地理信息局起草中的目录条目，随机构合并归自然资源厅",
}
# Entries that Agriculture fills into a workbook; of TWIN the data are Statistics' already.
TWIN = "农业农村区划名录（演示）"
IMPORTED = (
    *(
        f"{topic}（演示）"
        for topic in (
            "粮食播种面积", "粮食产量", "甘蔗种植面积", "水果产量", "蔬菜产量", "茶叶产量",
            "生猪存栏", "生猪出栏", "家禽存栏", "水产养殖面积", "水产品产量", "农机具拥有量",
            "高标准农田面积", "农田灌溉面积", "农民专业合作社数", "家庭农场数", "农产品批发价格",
            "农村宅基地宗数", "农药化肥用量",
        )
    ),
    TWIN,
)  # fmt: skip
ANNOUNCED: Body = {
    **RESOURCE,
    "name": "广西统计用区划名称（演示）",
    "abstract": "统计用区划代码与名称，演示新版本的公告",
    "items": RESOURCE["items"][:2],
}
NARROWED_ITEMS: Sequence[Body] = (
    RESOURCE["items"][0],
    {**RESOURCE["items"][1], "mask": {"kind": "partial", "keep_start": 2, "keep_end": 0}},
)
SIGN_OFF: Body = {"leader_name": "（演示）部门负责人", "signed_on": "2026-01-06"}

APPROVED = ("code", "name", "parent_code")
NARROWER = ("code", "name")
APPLICATION: Body = {
    "mode": "pull",
    "basis": "《政务数据共享条例》第二十条；农业农村部门职责",
    "scenario": "农业经营主体登记时按村级区划归集与统计",
    "scope": "自治区农业农村厅农业农村大数据平台内部使用",
    "commitment": True,
}
