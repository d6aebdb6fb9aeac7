"""How long workbooks take: `python -m loadtests.imports`, 10,000 rows of each kind.

Elements, a code list and entries are imported as XLSX, with everything that a department's import
is looked through for, then exported. What is told is the time from sending the file to the end of
its job, and to the last byte of the export.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any, Final

from catalog.contracts.model import DataType
from deploy.demo.workbook import ended
from deploy.local.report import Report
from gateway.workbooks import catalogue, code_lists, elements
from gateway.workbooks.columns import cells_of
from gateway.workbooks.importing import XLSX
from gateway.workbooks.layouts import Layout, laid_out
from kernel.workbooks.writing import write
from loadtests.arena import machine, own_arena, program
from loadtests.catalogue_seed import PASSED, element_names
from loadtests.processes import between, sample
from loadtests.runs import RunFailed
from loadtests.statistics import seconds
from loadtests.world import signed_in, staff_logins
from shuyuan_client.http import ExchangeClient

ROWS: Final = 10_000
ITEMS_OF_ENTRY: Final = 3
# What is aimed at; and how long a busy machine may take.
LIMIT_SECONDS, PATIENCE_SECONDS = 60.0, 3600.0
STANDARD: Final = "GX-WORKBOOKS"
# Bodies of a workbook's first sheet, and of its second.
Bodies = tuple[list[Mapping[str, Any]], list[Mapping[str, Any]]]


def main(rows: int = ROWS) -> int:
    report = Report()
    with own_arena(report) as arena, ExitStack() as stack:
        report.line(f"{rows:,} rows each; {machine(arena)}")
        logins = staff_logins(arena.credentials)
        authority, clerk = (
            stack.enter_context(signed_in(arena.base_url, logins[role]))
            for role in ("authority", "clerk")
        )
        authority.ask("POST", "/v1/standards", {"code": STANDARD, "title": "测试标准"})
        longest = 0.0
        for layout, bodies, who in (
            (elements.LAYOUT, _elements(rows), authority),
            (code_lists.LAYOUT, _codes(rows), authority),
            (catalogue.LAYOUT, _entries(rows), clerk),
        ):
            content = _workbook(layout, bodies)
            before = sample(arena.families, memory=False)
            took = seconds(lambda: _import(who, layout.name, content))  # noqa: B023 - run at once
            used = between(before, sample(arena.families, memory=False)).cpu_seconds
            back = seconds(lambda: _export(who, layout.name))  # noqa: B023
            report.line(
                f"{layout.name:<10} import {took:6.1f} s (processor: worker"
                f" {used['worker']:.1f} s, database {used['database']:.1f} s)  export {back:6.1f} s"
            )
            longest = max(longest, took, back)
        mark = "≤" if longest <= LIMIT_SECONDS else ">"
        report.line(f"longest {longest:.1f} s {mark} {LIMIT_SECONDS}")
        return 0 if longest <= LIMIT_SECONDS else 1


def _import(who: ExchangeClient, name: str, content: bytes) -> None:
    """Send the file and wait for its job; RunFailed where a line was refused."""
    headers = {"Content-Type": XLSX}
    sent = who.send("POST", f"/v1/imports/{name}", content=content, headers=headers)
    job = ended(who, sent.json()["job_id"], within_seconds=PATIENCE_SECONDS)
    if job["status"] != "done" or job["errors_count"]:
        raise RunFailed(f"the import of {name} ended {job}")


def _export(who: ExchangeClient, name: str) -> None:
    answer = who.send("GET", f"/v1/exports/{name}.xlsx")
    if "job_id" in (told := answer.json() if answer.headers["content-type"] != XLSX else {}):
        job = ended(who, told["job_id"], within_seconds=PATIENCE_SECONDS)
        who.send("GET", job["result"]["url"])


def _workbook(layout: Layout, bodies: Bodies) -> bytes:
    own = [cells_of(layout.master.columns, each) for each in bodies[0]]
    columns = layout.detail.columns if layout.detail else ()
    return write(laid_out(layout, own, [cells_of(columns, each) for each in bodies[1]]))


def _elements(rows: int) -> Bodies:
    names = itertools.islice(element_names(), rows)
    usual = {
        "definition": "各部门办理业务时登记的内容", "data_type": DataType.STRING,
        "max_length": 200, "standard": STANDARD, "sensitivity": 1, "personal": False,
    }  # fmt: skip
    return [usual | {"code": _code(at), "name": name} for at, name in enumerate(names)], []


def _codes(rows: int) -> Bodies:
    known = {"code": "WB-LIST", "name": "测试代码集", "standard": STANDARD}
    edition = {"list": known, "edition": "1", "effective_from": "2020-01-01"}
    of = {"list": "WB-LIST", "edition": "1"}
    return [edition], [of | {"value": f"{at:06}", "name": f"值{at}"} for at in range(rows)]


def _entries(rows: int) -> Bodies:
    names = [f"{name}名录" for name in itertools.islice(element_names(), rows)]
    return list(map(_entry, names)), [
        item for at, name in enumerate(names) for item in _items(name, at, rows)
    ]


def _entry(name: str) -> Mapping[str, Any]:
    return {
        "name": name, "abstract": f"{name}，供各部门核对使用", "class_code": "101001",
        "region_code": "450000", "format": 3, "update_cycle": "daily",
        "share_type": "unconditional", "share_modes": ["pull"], "open_type": "closed", "grade": 1,
        "reviews": {"secrecy": PASSED, "privacy": PASSED},
    }  # fmt: skip


def _items(name: str, at: int, rows: int) -> Iterator[Mapping[str, Any]]:
    for place in range(ITEMS_OF_ENTRY):
        yield {
            "of": name, "name": f"f{place}", "label": "登记内容", "required": place == 0,
            "element": _code((at + 7 * place) % rows), "key": place == 0,
            "role": "source" if place else "reference",
        }  # fmt: skip


def _code(number: int) -> str:
    return f"WB{number:06}"


if __name__ == "__main__":
    program(main)
