"""类 and 项 of class codes by name, as the compilation guide orders them; pure.

发改高技〔2017〕1272号 names three 类 and what belongs to each; 项 are numbered in that order. What
lies below (目, 细目) is the authority's: any code that begins with one of a 项 may stand, and a 项
that the guide does not name as well.
"""

from collections.abc import Mapping
from typing import Final

CLASS_NAMES: Final[Mapping[str, str]] = {
    "1": "基础信息资源",
    "2": "主题信息资源",
    "3": "部门信息资源",
}
_ORDERED: Final[Mapping[str, tuple[str, ...]]] = {
    "1": ("人口", "法人单位", "自然资源和空间地理", "社会信用", "电子证照"),
    "2": (
        "公共服务", "健康保障", "社会保障", "食品药品安全", "安全生产", "价格监管", "能源安全",
        "信用体系", "城乡建设", "社区治理", "生态环保", "应急维稳",
    ),
    "3": (
        "党中央", "全国人大常委会", "国务院", "全国政协", "最高人民法院", "最高人民检察院",
        "省（自治区、直辖市）及其下各级政务部门", "计划单列市及其下各级政务部门",
    ),
}  # fmt: skip
DIGITS: Final = 3
GROUP_NAMES: Final[Mapping[str, str]] = {
    f"{class_}{place:02}": name
    for class_, names in _ORDERED.items()
    for place, name in enumerate(names, 1)
}


def name_of(code: str) -> str | None:
    """Return the name of a 类 or 项, None of anything else."""
    return CLASS_NAMES.get(code) or GROUP_NAMES.get(code)
