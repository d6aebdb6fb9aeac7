"""How much room is left where this node writes."""

import asyncio
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.diagnosis.findings import Area, Finding, Verdict
from kernel.errors import Text
from kernel.settings import Settings

# Shares of a file system that are free.
DOUBTFUL_SHARE: Final = 0.10
BAD_SHARE: Final = 0.03
GIB: Final = 1024**3
REMEDY: Final = Text(
    "清理或扩容该文件系统；写满后上传、快照和任务将失败",
    "free room there, or extend it: once it is full, uploads, snapshots and jobs fail",
)


async def look(settings: Settings) -> list[Finding]:
    """Look at each file system once; the disks of PostgreSQL and Kafka are other machines'."""
    return await asyncio.to_thread(_look, settings)


def _look(settings: Settings) -> list[Finding]:
    seen: dict[int, Finding] = {}
    for name, place in _places(settings).items():
        if place.exists():
            usage = shutil.disk_usage(place)
            seen.setdefault(place.stat().st_dev, finding(name, usage.free, usage.total))
    return list(seen.values())


def _places(settings: Settings) -> Mapping[str, Path]:
    named = {
        "SHUYUAN_BLOBS_DIR": settings.blobs_dir,
        "SHUYUAN_METRICS_DIR": settings.metrics_dir,
        "SHUYUAN_REPORTS_DIR": settings.reports_dir,
    }
    places = {name: place for name, place in named.items() if place is not None}
    return {**places, "TMPDIR": Path(tempfile.gettempdir())}


def finding(name: str, free: int, total: int) -> Finding:
    """Return what is to be said of a file system by its bytes; pure."""
    share = free / total if total else 0.0
    verdict = Verdict.GOOD if share >= DOUBTFUL_SHARE else Verdict.DOUBTFUL
    if share < BAD_SHARE:
        verdict = Verdict.BAD
    rounded = f"{free / GIB:,.1f} GiB（{share:.0%}）"
    return Finding(
        area=Area.DISK,
        part=Text(f"磁盘（{name} 所在）", f"disk of {name}"),
        told=Text(f"剩余 {rounded}", f"{free / GIB:,.1f} GiB ({share:.0%}) free"),
        verdict=verdict,
        remedy=None if verdict is Verdict.GOOD else REMEDY,
    )
