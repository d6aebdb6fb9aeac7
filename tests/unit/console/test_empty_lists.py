"""An empty list says what will stand there and what to do first, not that there is nothing.

On a region's first day the league of deadlines, the workbench and a dozen lists said 没有数据: a
newcomer could not tell an empty platform from a broken one.
"""

import re
from collections.abc import Iterator
from typing import Final

from starlette.requests import Request

from gateway.console.render import HERE
from gateway.console.visit import narrows

SAID: Final = re.compile(r'_\("([^"]+)"')
# Told on the way, where the page itself says what to do, or of a search that found nothing.
BRIEF: Final = frozenset(
    {
        "这段时间没有数据。", "没有找到部门。", "没有找到人员。", "没有符合条件的记录。",
        "没有找到行政区划。", "没有运行中的授权。", "没有这个主键的记录，或者已经删除。",
        "没有发现已经发布的相同或相近数据。", "提供方还没有提供文件。", "还没有部门认责。",
        "这一天没有有效的代码。",
    }
)  # fmt: skip


def sentences() -> Iterator[tuple[str, str]]:
    for path in sorted((HERE / "templates").glob("*.html")):
        for line in path.read_text(encoding="utf-8").splitlines():
            for start in re.finditer(r'class="empty">|call nothing\(', line):
                told = SAID.search(line, start.end())
                if told is not None and path.name != "parts.html":
                    yield path.name, told[1]


def test_an_empty_list_says_more_than_that_it_is_empty() -> None:
    found = list(sentences())
    assert len(found) > 40
    brief = [each for each in found if not re.search(r"[。：]\S", each[1])]
    assert [each for each in brief if each[1] not in BRIEF] == []


def test_a_list_is_empty_by_its_filters_or_by_itself() -> None:
    """How it is laid out narrows nothing; an empty field of a filter does not either."""
    assert narrows(Request({"type": "http", "query_string": b"q=%E6%B0%B4"}).query_params)
    plain = b"q=&cursor=x&as=xlsx&live=0&by=region&done=ok"
    assert not narrows(Request({"type": "http", "query_string": plain}).query_params)
