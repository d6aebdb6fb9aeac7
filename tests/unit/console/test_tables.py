"""Lists as workbooks: what a page shows, and nothing to act with."""

from gateway.console.tables import first, joined

PAGE = """
<table><tbody><tr><td>not a list</td></tr></tbody></table>
<form action="/choose"><table><thead><tr><th>选</th><th>名称</th><th>状态</th></tr></thead><tbody>
<tr><td><input type="checkbox"></td><td><a href="/1">甲<br><span>id-1</span></a></td>
<td>有效 <details><summary>撤销</summary><form><button>撤销</button></form></details></td></tr>
<tr><td></td><td>乙</td></tr></tbody></table></form>
"""


def test_the_first_list_of_a_page_is_read_without_its_buttons() -> None:
    table = first(PAGE)
    assert table is not None
    assert joined([table]).headings == ["名称", "状态"]
    assert joined([table, table]).rows == [["甲 id-1", "有效"], ["乙", ""]] * 2


def test_a_page_without_a_list_has_none() -> None:
    assert first("<p>nothing</p>") is None
