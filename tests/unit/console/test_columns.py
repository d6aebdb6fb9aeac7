"""Columns of a file that somebody says the items of."""

from typing import Any

import pytest
from starlette.datastructures import FormData

from catalog.contracts.model import Contract, DataType, Field
from gateway.console import columns, render
from gateway.console.columns import LEFT_OUT, UNDECIDED
from gateway.workbooks import records as sheets
from gateway.workbooks.records import HeadingsMisfit
from kernel.errors import Invalid


def item(name: str, label: str, *, required: bool = False, key: bool = False) -> Field:
    return Field(name=name, label=label, data_type=DataType.STRING, required=required, key=key)


CONTRACT = Contract(
    resource_id="r",
    version=1,
    title="t",
    fields=(
        item("id", "编号", key=True),
        item("name", "姓名", required=True),
        item("note", "备注"),
    ),
)


def rows(titles: list[str], said: dict[str, str | None] | None = None) -> dict[str, str]:
    asked = columns.form(titles, CONTRACT, said or {})
    assert asked is not None
    return {row.title: row.chosen for row in asked.rows}


def test_what_is_recognised_is_filled_in_and_the_rest_is_asked() -> None:
    asked = columns.form(["编号*", "户主", "note", "错误原因", ""], CONTRACT, {})
    assert asked is not None
    assert {row.title: row.chosen for row in asked.rows} == {
        "编号*": "id", "户主": UNDECIDED, "note": "note", "错误原因": LEFT_OUT,
    }  # fmt: skip
    assert asked.missing == ["姓名"]


def test_what_was_said_is_filled_in_unless_its_item_is_gone() -> None:
    said = {"户主": "name", "旧列": "gone", "编号": None}
    assert rows(["户主", "旧列", "编号"], said) == {
        "户主": "name", "旧列": UNDECIDED, "编号": LEFT_OUT,
    }  # fmt: skip


def test_a_heading_that_comes_twice_is_asked_once_and_500_are_the_most() -> None:
    assert list(rows(["户主", "户主"])) == ["户主"]
    assert len(rows([f"列{n}" for n in range(500)])) == 500
    assert columns.form([f"列{n}" for n in range(501)], CONTRACT, {}) is None


def test_only_what_is_not_known_anyhow_is_remembered() -> None:
    said = {"编号": "id", "户主": "name", "说明": None, "备注": None}
    before = {"说明": None, "户主": "id"}
    assert columns.told_anew(said, before, CONTRACT) == {"户主": "name", "备注": None}
    # Said back to what it says by itself, it is remembered as that.
    assert columns.told_anew({"编号": "id"}, {"编号": None}, CONTRACT) == {"编号": "id"}


def html(titles: list[str], contract: Contract) -> str:
    template = render.environment(english=False).get_template("columns.html")
    asked = columns.form(titles, contract, {})
    return str(template.make_module({"visit": None}).rows(asked, contract.fields))  # type: ignore[attr-defined]


def test_of_very_many_columns_and_items_no_page_of_megabytes_is_made() -> None:
    many = tuple(item(f"i{n}", f"项{n}", key=n == 0) for n in range(300))
    wide = Contract(resource_id="r", version=1, title="t", fields=many)
    page = html([f"列{n}" for n in range(500)], wide)
    assert len(page) < 300_000
    assert page.count("<datalist") == 1
    assert page.count('list="items"') == 500
    assert "<datalist" not in html(["户主"], wide)


def test_items_of_one_label_are_told_apart_by_their_names() -> None:
    fields = (item("a", "编号", key=True), item("b", "编号"), item("c", "姓名"))
    page = html(["户主"], Contract(resource_id="r", version=1, title="t", fields=fields))
    assert "编号（a） *</option>" in page
    assert "编号（b）</option>" in page
    assert "姓名</option>" in page


def told(titles: list[str], said: dict[str, str | None]) -> dict[str, str]:
    with pytest.raises(HeadingsMisfit) as raised:
        sheets.columns(titles, CONTRACT, said)
    return {error.path: error.zh for error in raised.value.errors}


def test_two_columns_for_one_item_and_a_mandatory_item_without_one_are_told_at_once() -> None:
    found = told(["编号", "号码", "注"], {"号码": "id", "注": "note"})
    assert found == {
        "号码": "与“编号”对应同一信息项“编号”，只能保留一列", "姓名": "缺少这一列",
    }  # fmt: skip


def test_what_was_remembered_of_other_files_does_not_matter() -> None:
    content = "号码,姓名\n1,甲\n".encode()
    said = {"号码": "id", "别的文件的列": "note", "姓名": "gone"}
    sheet = sheets.read(content, "a.csv", CONTRACT, remembered=said)
    assert sheet.lines == [b'{"id":"1","name":"\xe7\x94\xb2"}']
    with pytest.raises(HeadingsMisfit):
        sheets.read(content, "a.csv", CONTRACT, mapping=said)


@pytest.mark.parametrize(
    ("heading", "chosen"),
    [(['"a"'], []), (["a"], ["id"]), (["1"], ["id"]), (['""'], ["id"]), (["[" * 5000], ["id"])],
)  # fmt: skip
def test_a_form_that_no_page_has_sent_is_refused(heading: list[str], chosen: list[str]) -> None:
    class Typed:
        form = FormData([*(("heading", h) for h in heading), *(("item", c) for c in chosen)])

    visit: Any = Typed()
    with pytest.raises(Invalid) as raised:
        columns.typed(visit)
    assert "choose the file again" in raised.value.errors[0].en
