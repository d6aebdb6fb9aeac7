"""Twenty entries are drafted from one workbook; of one of them the data are shared already."""

import io
import time
from collections.abc import Iterator, Mapping
from typing import Any

from python_calamine import CalamineWorkbook

from deploy.demo.cast import AGRICULTURE, CODE, IMPORTED, LEVEL, NAME, RESOURCE, TWIN
from deploy.demo.proof import require
from deploy.demo.stage import Json, Stage
from gateway.workbooks.catalogue import ENTRY, ITEM, LAYOUT
from gateway.workbooks.columns import cells_of
from gateway.workbooks.importing import XLSX
from gateway.workbooks.layouts import ALIKE, DONE, laid_out
from kernel.workbooks.writing import write
from shuyuan_client.failures import Failure
from shuyuan_client.http import ExchangeClient

PATIENCE_SECONDS, POLL_SECONDS = 60.0, 0.1
OPEN = ("queued", "running")


def import_entries(stage: Stage) -> str:
    """Import the workbook and prove what became of it; return what is said of the duplicate."""
    clerk = stage.as_(AGRICULTURE.clerk)
    headers = {"Content-Type": XLSX}
    begun = clerk.send("POST", "/v1/imports/catalogue", content=_workbook(), headers=headers)
    job = ended(clerk, begun.json()["job_id"], within_seconds=PATIENCE_SECONDS)
    require(
        (job["status"], job["errors_count"]) == ("done", 0),
        f"二十条均应导入，实为 {job['status']}，{job['errors_count']} 条有误",
        f"all twenty should be imported: {job['status']}, {job['errors_count']} wrong",
    )
    return _prove(clerk.send("GET", job["result"]["url"]).content)


def ended(who: ExchangeClient, job_id: str, *, within_seconds: float) -> Json:
    """Return a job of its author's once it is over; raises Failure where it takes longer."""
    until = time.monotonic() + within_seconds
    while (job := who.ask("GET", f"/v1/jobs/{job_id}"))["status"] in OPEN:
        if time.monotonic() > until:
            raise Failure(
                f"导入或导出在 {within_seconds:.0f} 秒内未完成。",
                f"The import or export was not done after {within_seconds:.0f} s.",
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
    entries = [cells_of(ENTRY, _entry(name)) for name in IMPORTED]
    items = [cells_of(ITEM, item) for name in IMPORTED for item in _items(name)]
    return write(laid_out(LAYOUT, entries, items))


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
