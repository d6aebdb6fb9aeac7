"""Words of DCAT-AP 3 and of the European code lists that it wants, as the catalogue uses them."""

from collections.abc import Mapping
from typing import Final

from rdflib import Namespace, URIRef

from catalog.entries import UpdateCycle

HYDRA: Final = Namespace("http://www.w3.org/ns/hydra/core#")
# Of DCAT 3, which rdflib 7 does not know yet.
VERSION: Final = URIRef("http://www.w3.org/ns/dcat#version")
_AUTHORITY: Final = "http://publications.europa.eu/resource/authority/"
CHINESE: Final = URIRef(f"{_AUTHORITY}language/ZHO")
ENGLISH: Final = URIRef(f"{_AUTHORITY}language/ENG")
PUBLIC: Final = URIRef(f"{_AUTHORITY}access-right/PUBLIC")
FREQUENCY: Final[Mapping[str, URIRef]] = {
    cycle: URIRef(f"{_AUTHORITY}frequency/{name}")
    for cycle, name in {
        UpdateCycle.REALTIME: "UPDATE_CONT",
        UpdateCycle.DAILY: "DAILY",
        UpdateCycle.WEEKLY: "WEEKLY",
        UpdateCycle.MONTHLY: "MONTHLY",
        UpdateCycle.QUARTERLY: "QUARTERLY",
        UpdateCycle.HALF_YEARLY: "ANNUAL_2",
        UpdateCycle.YEARLY: "ANNUAL",
        UpdateCycle.IRREGULAR: "IRREG",
        UpdateCycle.NEVER: "NEVER",
        UpdateCycle.OTHER: "OTHER",
    }.items()
}
# 类 of the compilation guide (发改高技〔2017〕1272号): the first digit of a class code.
CLASSES: Final[Mapping[str, tuple[str, str]]] = {
    "1": ("基础信息资源类", "Base information"),
    "2": ("主题信息资源类", "Thematic information"),
    "3": ("部门信息资源类", "Information of departments"),
}
TITLE: Final = ("数源 · 开放目录", "Shuyuan · open catalogue")
DESCRIPTION: Final = (
    "各部门无条件开放的公共数据目录",
    "Public data that departments open to everybody without conditions",
)
PUBLISHER: Final = ("自治区数据共享交换平台", "Data-sharing exchange of the autonomous region")
