"""What people call the codes of the ways in which records go in and out."""

from collections.abc import Mapping
from typing import Final

from gateway.console.texts import N_

ENDPOINT_STATES: Final = {
    "untested": N_("待测试"),
    "active": N_("推送中"),
    "paused": N_("已暂停"),
    "stopped": N_("已停止"),
}
ENDPOINT_ACTIONS: Final = {
    "test": N_("发送测试"),
    "rotate": N_("更换密钥"),
    "pause": N_("暂停推送"),
    "resume": N_("恢复推送"),
    "give-up": N_("多次失败，平台暂停推送"),
    "stop": N_("记录不再保留，平台停止推送"),
}
DELIVERY_STATES: Final = {
    "sending": N_("推送中"),
    "waiting": N_("等待重试"),
    "delivered": N_("已送达"),
    "skipped": N_("已跳过"),
}
DELIVERY_ACTIONS: Final = {"retry": N_("立即重试"), "skip": N_("跳过")}
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
    "endpoint": ENDPOINT_STATES,
    "endpoint_action": ENDPOINT_ACTIONS,
    "delivery": DELIVERY_STATES,
    "delivery_action": DELIVERY_ACTIONS,
    "file": FILE_STATES,
    "replacement": REPLACEMENT_STATES,
    "replacement_action": REPLACEMENT_ACTIONS,
}
