"""What a legal basis must name: an express rule, by its name and article (Order 809 Art 14–15).

Data are 不予共享 only where a law, an administrative regulation or a decision of the State Council
forbids sharing them. Rules of ministries and of regions forbid nothing. Which rule it is can be
told by its name only roughly: a wrong basis is for the authority to find, an empty one is found
here.
"""

import re
from typing import Final

ARTICLE: Final = "第[零〇一二三四五六七八九十百千两0-9]{1,8}条"
RULE: Final = re.compile(
    r"《?(?P<name>[^《》，。；、,;\s]{0,80}?"
    r"(?:法典|办法|法规|法|条例|决定|规定|细则))》?"
    r"(?:[（(][^（）()]{0,80}[）)])?\s*" + ARTICLE
)
# Of a province or below: 《南宁市…条例》, 《广西壮族自治区…条例》, and not 《城市供水条例》.
LOCAL: Final = re.compile(
    r"^[\u4e00-\u9fff]{2,12}?(?:省|自治区|自治州|自治县|市|县)(?![\u4e00-\u9fff]{0,2}法$)"
)
# These are made by the State Council, and by ministries and regions too: then it says so.
OF_THE_STATE_COUNCIL: Final = "国务院"
OF_CONGRESS: Final = ("国务院", "全国人民代表大会", "全国人大")


def is_express(basis: str) -> bool:
    """Whether a text names a law, regulation or State Council decision and an article of it."""
    return any(_is_express(found["name"], basis) for found in RULE.finditer(basis))


def _is_express(name: str, basis: str) -> bool:
    if LOCAL.match(name):
        return False
    if name.endswith(("办法", "规定", "细则")):
        return OF_THE_STATE_COUNCIL in basis
    if name.endswith("决定"):
        return any(body in basis for body in OF_CONGRESS)
    return True
