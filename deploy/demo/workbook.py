"""Twenty entries are drafted from one workbook; of one of them the data are shared already."""

import io
import time
from collections.abc import Iterator, Mapping
from typing import Any

from python_calamine import CalamineWorkbook

from deploy.demo.cast import AGRICULTURE, CODE, IMPORTED, LEVEL, NAME, RESOURCE, TWIN
from deploy.demo.proof import require
from deploy.demo.stage import Json, Stage
from gateway.workbooks.catalogue import LAYOUT
from gateway.workbooks.columns import cells_of
from gateway.workbooks.importing import XLSX
from gateway.workbooks.layouts import ALIKE, DONE
from kernel.workbooks.writing import Sheet, write

PATIENCE_SECONDS, POLL_SECONDS = 60.0, 0.2
OPEN = ("queued", "running")


def import_entries(stage: Stage) -> str:
    """Import the workbook and prove what became of it; return what is said of the duplicate."""
    clerk = stage.as_(AGRICULTURE.clerk)
    headers = {"Content-Type": XLSX}
    begun = clerk.send("POST", "/v1/imports/catalogue", content=_workbook(), headers=headers)
    job = _ended(stage, begun.json()["job_id"])
    require(
        (job["status"], job["errors_count"]) == ("done", 0),
        f"二十条均应导入，实为 {job['status']}，{job['errors_count']} 条有误",
        f"all twenty should be imported: {job['status']}, {job['errors_count']} wrong",
    )
    return _prove(clerk.send("GET", job["result"]["url"]).content)


def _ended(stage: Stage, job_id: str) -> Json:
    until = time.monotonic() + PATIENCE_SECONDS
    while (job := stage.as_(AGRICULTURE.clerk).ask("GET", f"/v1/jobs/{job_id}"))["status"] in OPEN:
        require(
            time.monotonic() < until,
            f"导入在 {PATIENCE_SECONDS:.0f} 秒内未完成",
            f"the import was not done after {PATIENCE_SECONDS:.0f} s",
        )
        time.sleep(POLL_SECONDS)
    return dict(job)


def _prove(content: bytes) -> str:
    """Prove by another reader of workbooks that all are drafted, and one is there already."""
    read = CalamineWorkbook.from_filelike(io.BytesIO(content))
    head, *rows = read.get_sheet_by_name(LAYOUT.master.sheet).to_python()
    lines = [dict(zip(map(str, head), map(str, row), strict=True)) for row in rows]
    outcomes = {line[DONE] for line in lines}
    require(
        len(lines) == len(IMPORTED) and outcomes <= {"新建", "修改"},
        f"应有 {len(IMPORTED)} 条新建或修改，实为 {outcomes}",
        f"{len(IMPORTED)} should be drafted or changed, found {outcomes}",
    )
    alike = {line["资源名称*"]: line[ALIKE] for line in lines if line[ALIKE]}
    require(
        list(alike) == [TWIN] and RESOURCE["name"] in alike[TWIN],
        f"应只有《{TWIN}》标出可能重复，实为 {list(alike)}",
        f"{TWIN} alone should be marked as a duplicate, found {list(alike)}",
    )
    return alike[TWIN]


def _workbook() -> bytes:
    bodies = list(map(_entry, IMPORTED))
    items = [item for name in IMPORTED for item in _items(name)]
    parts = [(LAYOUT.master, bodies), (LAYOUT.detail, items)]
    return write(
        Sheet(
            part.sheet,
            [column.heading for column in part.columns],
            [cells_of(part.columns, each) for each in several],
        )
        for part, several in parts
        if part is not None
    )


def _entry(name: str) -> Mapping[str, Any]:
    usual = {field: value for field, value in RESOURCE.items() if field != "items"}
    return {**usual, "name": name, "abstract": f"{name}，演示用目录条目", "open_type": "closed"}


def _items(name: str) -> Iterator[Mapping[str, Any]]:
    """Keys refer to Statistics' codes; the twin would collect what Statistics shares."""
    key = {"of": name, "required": True, "searchable": False}
    yield {**key, "name": "code", "label": "区划代码", "element": CODE, "key": True,
           "role": "reference"}  # fmt: skip
    role, elements = ("source", (NAME, LEVEL)) if name == TWIN else ("reference", (NAME,))
    for place, element in enumerate(elements):
        yield {**key, "name": f"item_{place}", "label": "区划信息", "element": element,
               "key": False, "role": role}  # fmt: skip
