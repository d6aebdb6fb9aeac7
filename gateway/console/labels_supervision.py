"""What people call the codes of supervision and quality."""

from collections.abc import Mapping
from typing import Final

from gateway.console.texts import N_

ORDER_STATES: Final = {
    "open": N_("待整改"),
    "answered": N_("已答复，待办结"),
    "closed": N_("已办结"),
}
ORDER_ACTIONS: Final = {
    "issue": N_("下达督办单"),
    "answer": N_("答复督办单"),
    "close": N_("办结督办单"),
    "reopen": N_("退回继续整改"),
}
ORDER_SIDES: Final = {
    "department": N_("向我部门下达的"),
    "authority": N_("本辖区的"),
}
GROUPINGS: Final = {
    "department": N_("按部门"),
    "region": N_("按地区"),
    "month": N_("按月"),
}
CORRECTION_SIDES: Final = {
    "provider": N_("我部门答复的"),
    "consumer": N_("我部门提出的"),
    "authority": N_("本辖区的"),
}
CORRECTION_STATES: Final = {
    "submitted": N_("待受理"),
    "accepted": N_("已受理，待更正"),
    "rejected": N_("不予更正"),
    "fixed": N_("已更正，待确认"),
    "confirmed": N_("已确认更正"),
    "withdrawn": N_("已撤回"),
}
CORRECTION_ACTIONS: Final = {
    "submit": N_("提出校核"),
    "accept": N_("受理校核"),
    "reject": N_("不予更正"),
    "fix": N_("更正数据"),
    "confirm": N_("确认更正"),
    "reopen": N_("退回更正"),
    "withdraw": N_("撤回校核"),
    "breach": N_("逾期"),
    "reckoned-anew": N_("期限重新计算"),
}
PROBLEMS: Final = {
    "wrong": N_("有误"),
    "missing": N_("缺失"),
    "stale": N_("过时"),
    "duplicate": N_("重复"),
    "other": N_("其他"),
}
VIOLATIONS: Final = {
    "catalogue_late": N_("未按照规定编制或者更新政务数据目录"),
    "conditions_added": N_("擅自增设条件阻碍、影响共享"),
    "source_not_supported": N_("未配合数源部门开展工作"),
    "reply_late": N_("未按时答复共享申请"),
    "delivery_late": N_("未按时共享政务数据"),
    "return_flow_missing": N_("未按照规定回流政务数据"),
    "correction_late": N_("未按时完成校核"),
    "service_stopped": N_("擅自终止或者变更已提供的共享服务"),
    "platform_not_joined": N_("未按照规定接入共享平台"),
    "collected_again": N_("重复收集可以共享获取的数据"),
    "used_out_of_scope": N_("超出使用范围或者用途使用"),
    "passed_on": N_("擅自将共享数据提供给第三方"),
    "not_disposed": N_("未按照要求处置共享数据"),
    "use_not_recorded": N_("未按照规定记录共享数据使用情况"),
    "not_secured": N_("未履行共享数据安全管理责任"),
    "source_not_designated": N_("未按照规定明确数源部门"),
    "dispute_not_handled": N_("未按照规定处理争议"),
    "review_late": N_("未按时审核并公布更新的目录"),
}
DIMENSIONS: Final = {
    "规范": N_("规范"),
    "完整": N_("完整"),
    "准确": N_("准确"),
    "一致": N_("一致"),
    "时效": N_("时效"),
    "可访问": N_("可访问"),
}
QUALITY_KINDS: Final = {
    "complete": N_("完整（不为空）"),
    "compare": N_("比较"),
    "in_codes": N_("在代码集内"),
    "fresh": N_("新鲜（多少天内）"),
    "answered": N_("可访问（每小时应答比例）"),
}

PACES: Final = {
    "in": N_("上报的记录"),
    "out": N_("取用的记录"),
    "answers": N_("应答"),
    "refusals": N_("拒绝"),
}
MEASURES: Final = {
    "records": N_("记录数"),
    "answers": N_("应答数"),
    "bytes": N_("字节"),
}
SERIES: Final = {
    "flow": N_("记录进出"),
    "in": N_("入库"),
    "out": N_("提供"),
    "latency": N_("应答用时"),
    "p99_ms": N_("百分之九十九的应答不超过"),
    "trouble": N_("拒绝和失败"),
    "refused": N_("拒绝"),
    "failed": N_("平台失败"),
    "behind": N_("滞后"),
    "lag": N_("最新状态落后"),
    "outbox": N_("待发事项最久等待"),
    "published_days": N_("逐日上报"),
    "delivered_days": N_("逐日提供"),
    "records": N_("记录"),
    "quality_days": N_("逐日合格率"),
}
UNITS: Final = {
    "per_second": N_("每秒"),
    "milliseconds": N_("毫秒"),
    "seconds": N_("秒"),
    "records": N_("条"),
    "percent": N_("百分比"),
}
LOAD_FIGURES: Final = {
    "rate": N_("速率"),
    "gateway": N_("网关处理器时间"),
}
SPANS: Final = {
    "1": N_("最近 1 小时"),
    "6": N_("最近 6 小时"),
    "24": N_("最近 1 天"),
    "168": N_("最近 7 天"),
}
CORRECTION_FIGURES: Final = {
    "submitted": N_("提出数"),
    "waiting": N_("待办理"),
    "accepted": N_("已受理"),
    "rejected": N_("不予更正"),
    "fixed": N_("已更正"),
    "confirmed": N_("已确认"),
    "withdrawn": N_("已撤回"),
    "reopened": N_("重新提出"),
    "breached": N_("逾期"),
}

VERDICTS: Final = {"bad": N_("须处理"), "doubtful": N_("须留意"), "good": N_("正常")}
AREAS: Final = {
    "settings": N_("设置"),
    "database": N_("数据库"),
    "broker": N_("消息集群"),
    "files": N_("文件"),
    "mail": N_("邮件"),
    "disk": N_("磁盘"),
    "certificates": N_("证书"),
    "clock": N_("时钟"),
    "processes": N_("进程"),
    "work": N_("后台工作"),
}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "correction_figure": CORRECTION_FIGURES,
    "verdict": VERDICTS,
    "area": AREAS,
    "measure": MEASURES,
    "pace": PACES,
    "series": SERIES,
    "unit": UNITS,
    "span": SPANS,
    "load_figure": LOAD_FIGURES,
    "correction": CORRECTION_STATES,
    "correction_action": CORRECTION_ACTIONS,
    "correction_side": CORRECTION_SIDES,
    "problem": PROBLEMS,
    "order": ORDER_STATES,
    "order_action": ORDER_ACTIONS,
    "order_side": ORDER_SIDES,
    "violation": VIOLATIONS,
    "grouping": GROUPINGS,
    "dimension": DIMENSIONS,
    "quality_kind": QUALITY_KINDS,
}
