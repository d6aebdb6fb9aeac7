"""Why a cluster of PostgreSQL is left alone, and what a person can do about it."""

from pathlib import Path

from deploy.local.wording import LocalError


def other_major(data: Path, found: str, ours: str) -> LocalError:
    return LocalError(
        f"{data} 属于 PostgreSQL {found}，而当前安装的是 {ours}：请先用旧版本导出"
        "，清空该目录后再导入。",
        f"{data} belongs to PostgreSQL {found}, the installed one is {ours}: dump "
        "it with the older one, clear it, restore.",
    )


def not_whole(data: Path, missing: str) -> LocalError:
    return LocalError(
        f"{data} 不是完整的数据目录（缺 {missing}），初始化可能被中断：请从备份恢复；"
        "若其中没有要保留的数据，删除该目录后重试。",
        f"{data} is no whole cluster ({missing} is missing), its setup may have been killed: "
        "restore it from a backup, or remove it if no data is in it, then retry.",
    )


def other_password(secrets: Path) -> LocalError:
    return LocalError(
        f"PostgreSQL 不接受 {secrets} 中的口令，该文件与数据目录不属于同一套：请恢复原文件；"
        "若已丢失，删除该文件后重试，将重设口令。",
        f"PostgreSQL refuses the password in {secrets}, which is not that of its data: restore "
        "the file, or remove it and retry, and new passwords are set.",
    )
