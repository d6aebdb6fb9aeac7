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
FILE_FORMATS: Final = {
    "xlsx": N_("电子表格（XLSX）"),
    "csv": N_("文本表格（CSV）"),
    "ndjson": N_("逐行 JSON（NDJSON）"),
    "parquet": N_("Parquet 列式文件"),
}
# `ready`, or how its job stands.
SNAPSHOT_STATES: Final = {
    "queued": N_("排队中"),
    "running": N_("正在生成"),
    "done": N_("即将可下载"),
    "ready": N_("可下载"),
    "failed": N_("未能完成"),
    "cancelled": N_("已取消"),
}
DIGESTS: Final = {
    "immediate": N_("随时"),
    "daily": N_("每日八时一次"),
}
NOTICE_CHANNELS: Final = {"email": N_("邮件"), "webhook": N_("接口")}
SERVICE_AUTHS: Final = {
    "none": N_("不认证"),
    "basic": N_("用户名和口令（Basic）"),
    "bearer": N_("令牌（Bearer）"),
    "header": N_("自定义请求头"),
}
SERVICE_RESPONSES: Final = {
    "records": N_("记录（核验、过滤、脱敏）"),
    "opaque": N_("原样转交"),
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
LAG_ORDERS: Final = {
    "places": N_("落后最多的在前"),
    "silence": N_("最久没有保存位点的在前"),
}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "file": FILE_STATES,
    "file_format": FILE_FORMATS,
    "snapshot": SNAPSHOT_STATES,
    "service_auth": SERVICE_AUTHS,
    "service_response": SERVICE_RESPONSES,
    "digest": DIGESTS,
    "notice_channel": NOTICE_CHANNELS,
    "lag_order": LAG_ORDERS,
    "replacement": REPLACEMENT_STATES,
    "replacement_action": REPLACEMENT_ACTIONS,
}
