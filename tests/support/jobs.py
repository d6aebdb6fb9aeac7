"""Jobs of a story: waited for, and the workbooks that come of them."""

import io
from collections.abc import Mapping
from typing import Any

from python_calamine import CalamineWorkbook

from tests.support.callers import Caller
from tests.support.eventually import eventually


async def ended(who: Caller, job_id: str) -> dict[str, Any]:
    """Return a job once it is over."""
    seen: dict[str, Any] = {}

    async def over() -> bool:
        seen.update(await who.ask("GET", f"/v1/jobs/{job_id}"))
        return seen["status"] not in ("queued", "running")

    await eventually(over, within_seconds=30)
    return seen


async def rows(who: Caller, job: Mapping[str, Any], sheet: str) -> list[dict[str, str]]:
    """Return the rows of a sheet of a job's result by their headings."""
    answer = await who.get(job["result"]["url"])
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    head, *lines = book.get_sheet_by_name(sheet).to_python()
    return [dict(zip(map(str, head), map(str, line), strict=True)) for line in lines]
