"""What people call the codes of the ways in which records go in and out."""

from collections.abc import Mapping
from typing import Final

from gateway.console.texts import N_

FILE_STATES: Final = {
    "open": N_("上传中"),
    "checking": N_("检查中"),
    "ready": N_("可下载"),
    "refused": N_("未通过检查"),
}
REPLACEMENT_STATES: Final = {
    "open": N_("正在上报"),
    "committing": N_("提交中"),
    "committed": N_("已完成"),
    "aborted": N_("已中止"),
    "expired": N_("已到期"),
}
REPLACEMENT_ACTIONS: Final = {
    "commit": N_("提交全量替换"),
    "abort": N_("中止全量替换"),
    "finish": N_("完成全量替换"),
    "reopen": N_("退回继续上报"),
    "expire": N_("到期"),
}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "file": FILE_STATES,
    "replacement": REPLACEMENT_STATES,
    "replacement_action": REPLACEMENT_ACTIONS,
}
