"""The template of an upload: what is typed into it, or copied from its examples, is read."""

import io
from dataclasses import replace
from typing import Any

import orjson
import pytest
from python_calamine import CalamineWorkbook

from catalog.contracts.compile import compile_plan
from catalog.contracts.examples import examples
from catalog.contracts.model import Contract
from gateway.workbooks import record_template
from gateway.workbooks import records as sheets
from kernel.errors import Invalid
from kernel.turns import finished
from kernel.workbooks.writing import Sheet, write
from tests.unit.catalog.contracts.samples import EVERYTHING

MADE = finished(examples(EVERYTHING))


def book(of: Contract = EVERYTHING) -> CalamineWorkbook:
    content = record_template.template(of, finished(examples(of)))
    return CalamineWorkbook.from_filelike(io.BytesIO(content))


def filled(of: Contract) -> list[Any]:
    """Return the records of a template whose examples somebody has typed into its first sheet."""
    made = finished(examples(of))
    columns = record_template.headings(of)
    content = write([Sheet("数据", columns, record_template.rows(of, made))])
    return [orjson.loads(line) for line in sheets.read(content, "数据.xlsx", of).lines]


def test_the_template_is_empty_and_nothing_of_its_examples_is_uploaded() -> None:
    assert book().sheet_names == ["数据", "填写示例", "填写说明"]
    content = record_template.template(EVERYTHING, MADE)
    with pytest.raises(Invalid, match="no records"):
        sheets.read(content, "模板.xlsx", EVERYTHING)
    heading, *rows = book().get_sheet_by_name("填写示例").to_python()
    assert len(rows) == len(MADE.records)
    assert "虚构" in str(heading[-1])
    assert rows[0][0] == MADE.records[0]["id"]


def test_what_is_copied_from_the_examples_is_read_and_valid() -> None:
    found = filled(EVERYTHING)
    plan = compile_plan(EVERYTHING)
    checked = plan.check_ndjson(b"\n".join(map(orjson.dumps, found)))
    assert checked.rejected == []
    kept = [{k: v for k, v in record.items() if v is not None} for record in MADE.records]
    assert [record.keys() for record in found] == [record.keys() for record in kept]


def test_items_of_one_label_have_columns_by_name() -> None:
    fields = tuple(replace(field, label="同名") for field in EVERYTHING.fields)
    alike = replace(EVERYTHING, fields=fields)
    labels = [heading.label for heading in record_template.headings(alike)]
    assert labels == [field.name for field in fields]
    told = [
        {**record, "text": "示例同名"} if "text" in record else record
        for record in filled(EVERYTHING)
    ]
    assert filled(alike) == told


def test_short_lists_of_codes_are_offered_and_long_ones_left_out() -> None:
    offered = {each.label: each.choices for each in record_template.headings(EVERYTHING)}
    assert offered["项sex"] == ("0", "1", "2", "9")
    assert offered["项division"] == ()
