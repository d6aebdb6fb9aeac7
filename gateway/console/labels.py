"""What people call the codes of the platform: msgids are Chinese, the English ones in `locale`."""

from collections.abc import Mapping, Sequence
from typing import Final

from gateway.console import (
    labels_catalogue,
    labels_delivery,
    labels_events,
    labels_guarding,
    labels_registry,
    labels_supervision,
)
from gateway.console.texts import N_

CONVERSIONS: Final = {
    "number_to_text": N_("数字单元格按文本读取"),
    "cell_to_date": N_("日期单元格写成标准日期"),
    "date_written_anew": N_("日期改写为年-月-日"),
    "yes_no": N_("“是/否”读作布尔值"),
    "whole_number": N_("“12.0”读作整数 12"),
}
RESOURCE_STATES: Final = {
    "draft": N_("起草中"),
    "submitted": N_("待审核"),
    "approved": N_("审核通过，待发布"),
    "published": N_("已发布"),
    "superseded": N_("已被新版本替代"),
    "retired": N_("已停止"),
    "discarded": N_("已放弃"),
}
RESOURCE_ACTIONS: Final = {
    "create": N_("新建"),
    "submit": N_("签批并送审"),
    "withdraw": N_("撤回送审"),
    "discard": N_("放弃草稿"),
    "return": N_("退回"),
    "approve": N_("审核通过"),
    "announce": N_("公告新版本"),
    "publish": N_("发布"),
    "revise": N_("起草新版本"),
    "retire": N_("停止提供"),
    "change": N_("按退回意见修改"),
    "update": N_("更新目录"),
    "regain-source": N_("恢复数源或者改为引用"),
    "consent-change-notice": N_("同意延长更新"),
    "review-yearly": N_("年度复核"),
}
APPLICATION_STATES: Final = {
    "draft": N_("起草中"),
    "submitted": N_("待答复"),
    "supplement_requested": N_("待补充材料"),
    "extension_requested": N_("申请延期中"),
    "agreed": N_("已同意"),
    "refused": N_("不予共享"),
    "rerouted": N_("已转至数源部门"),
    "withdrawn": N_("已撤回"),
}
APPLICATION_ACTIONS: Final = {
    "create": N_("新建"),
    "sign": N_("签批并提交"),
    "request-supplement": N_("要求补充材料"),
    "supplement": N_("补充材料"),
    "extend": N_("申请延期"),
    "consent-extension": N_("同意延期"),
    "deny-extension": N_("不同意延期"),
    "agree": N_("同意共享"),
    "refuse": N_("不予共享"),
    "reroute": N_("转至数源部门"),
    "withdraw": N_("撤回申请"),
    "breach": N_("逾期"),
}
BUNDLE_LINES: Final = {**APPLICATION_STATES, "not_signed": N_("未能签批")}
SUBSCRIPTION_STATES: Final = {
    "active": N_("有效"),
    "suspended": N_("已暂停"),
    "expired": N_("已到期"),
    "terminated": N_("已终止"),
}
SUBSCRIPTION_ACTIONS: Final = {
    "create": N_("授权"),
    "grant": N_("授权"),
    "suspend": N_("暂停"),
    "resume": N_("恢复"),
    "terminate": N_("终止"),
    "expire": N_("到期"),
    "file-termination": N_("终止备案"),
    "renew": N_("续期"),
    "amend": N_("变更授权"),
    "accept-version": N_("同意新版本"),
    "object": N_("对新版本提出异议"),
    "file-change": N_("变更备案"),
    "deliver": N_("提供首批数据"),
    "record-use": N_("登记使用情况"),
    "test-endpoint": N_("测试推送端点"),
    "resume-endpoint": N_("确认缺口并恢复推送"),
    "disposal-report": N_("报告数据处置"),
    "disposal-confirm": N_("确认数据处置"),
    "disposal-return": N_("退回数据处置"),
}
DISPOSAL_STATES: Final = {
    "due": N_("待处置"),
    "reported": N_("待提供方确认"),
    "returned": N_("已退回，待重新处置"),
    "confirmed": N_("已确认处置"),
}
DISPOSAL_ACTIONS: Final = {
    "report": N_("报告数据处置"),
    "confirm": N_("确认数据处置"),
    "return": N_("退回数据处置"),
}
EFFECTS: Final = {
    "none": N_("不受影响"),
    "narrowed": N_("将收窄"),
    "broken": N_("将受损"),
}
ANSWERS: Final = {
    "unanswered": N_("未答复"),
    "accepted": N_("已同意"),
    "objected": N_("有异议"),
    "filed": N_("已备案"),
}
BUNDLE_STATES: Final = {"open": N_("办理中"), "done": N_("已办结")}
BUNDLE_ACTIONS: Final = {"sign": N_("签批并提交"), "withdraw": N_("撤回")}
DISPUTE_STATES: Final = {
    "open": N_("待答复"),
    "replied": N_("协商中"),
    "escalated": N_("待裁决"),
    "decided": N_("已裁决"),
    "appealed": N_("待人民政府决定"),
    "closed": N_("已了结"),
}
DISPUTE_ACTIONS: Final = {
    "open": N_("提出争议"),
    "reply": N_("答复争议"),
    "settle": N_("和解"),
    "propose-settlement": N_("提出和解方案"),
    "escalate": N_("提请裁决"),
    "decide": N_("裁决争议"),
    "appeal": N_("提请人民政府决定"),
    "conclude": N_("登记政府决定"),
    "close": N_("了结"),
}
DISPUTE_KINDS: Final = {
    "source": N_("数源认责"),
    "catalogue": N_("目录条目"),
    "application": N_("共享申请"),
    "use": N_("数据使用"),
    "correction": N_("数据校核"),
    "version": N_("目录新版本"),
}
DISPUTE_SIDES: Final = {
    "claimant": N_("我部门提出的"),
    "respondent": N_("向我部门提出的"),
    "authority": N_("本辖区的"),
}
RULINGS: Final = {
    "upheld": N_("支持主张"),
    "partly": N_("部分支持"),
    "dismissed": N_("不予支持"),
}
ENDPOINT_STATES: Final = {
    "untested": N_("待测试"),
    "active": N_("推送中"),
    "paused": N_("已暂停"),
    "stopped": N_("因数据缺口停止"),
}
ENDPOINT_ACTIONS: Final = {
    "test": N_("测试端点"),
    "rotate": N_("更换密钥"),
    "pause": N_("暂停"),
    "resume": N_("恢复"),
    "give-up": N_("接收方已停用"),
    "stop": N_("停止推送"),
}
DELIVERY_STATES: Final = {
    "sending": N_("发送中"),
    "waiting": N_("待重试"),
    "delivered": N_("已送达"),
    "skipped": N_("已跳过"),
}
DELIVERY_ACTIONS: Final = {
    "retry": N_("立即重试"),
    "skip": N_("跳过该批"),
}
DEMAND_STATES: Final = {
    "draft": N_("草稿"),
    "submitted": N_("已提出"),
    "assigned": N_("已派发"),
    "accepted": N_("已受理"),
    "merged": N_("已并入"),
    "met": N_("已满足"),
    "closed": N_("已关闭"),
}
DEMAND_ACTIONS: Final = {
    "submit": N_("提出需求"),
    "merge": N_("并入其他需求"),
    "assign": N_("派发需求"),
    "accept": N_("受理需求"),
    "decline": N_("退回需求"),
    "meet": N_("以资源满足需求"),
    "close": N_("关闭需求"),
}
DELEGATION_STATES: Final = {
    "proposed": N_("待受托方同意"),
    "active": N_("生效"),
    "ended": N_("已终止"),
    "expired": N_("已到期"),
}
DELEGATION_ACTIONS: Final = {
    "consent": N_("同意接受委托"),
    "end": N_("终止委托"),
}
POWERS: Final = {
    "catalogue": N_("编目和认责"),
    "publish": N_("上报数据"),
    "apply": N_("申请和需求"),
    "correct": N_("校核"),
}
THINGS: Final = {
    "bundle": N_("批量申请"),
    "resource": N_("目录条目"),
    "application": N_("共享申请"),
    "subscription": N_("共享授权"),
    "source": N_("数源认责"),
    "dispute": N_("争议"),
    "demand": N_("数据需求"),
    "correction": N_("校核申请"),
    "order": N_("督办单"),
    "endpoint": N_("推送端点"),
    "department": N_("部门"),
    "delegation": N_("委托"),
    "alarm": N_("告警"),
    "attachment": N_("附件"),
    "calendar": N_("工作日历"),
    "code_list": N_("代码集"),
    "deadline": N_("时限"),
    "delivery": N_("推送批次"),
    "disposal": N_("数据处置"),
    "element": N_("数据元"),
    "file": N_("文件"),
    "ledger": N_("交付台账"),
    "open_file": N_("开放文件"),
    "platform": N_("平台"),
    "quarantine": N_("隔离区"),
    "records": N_("数据"),
    "replacement": N_("全量替换"),
    "service": N_("挂接服务"),
    "snapshot": N_("快照"),
    "standard": N_("标准"),
    "usage": N_("使用记录"),
    "verify": N_("核验"),
}
SOURCE_STATES: Final = {
    "claimed": N_("已认责，待确认"),
    "contested": N_("有争议"),
    "active": N_("数源"),
    "rejected": N_("未获确认"),
    "replaced": N_("已被替代"),
    "withdrawn": N_("已撤回"),
    "ended": N_("已终止"),
}
DECISIONS: Final = {
    "designate": N_("确认为数源"),
    "reject": N_("不予确认"),
    "replace": N_("确认并替代现数源"),
    "withdraw": N_("撤回认责"),
    "end": N_("终止数源"),
}
ROLES: Final = {
    "clerk": N_("经办人"),
    "head": N_("工作机构负责人"),
    "authority": N_("主管部门"),
    "auditor": N_("审计员"),
    "security": N_("安全管理员"),
    "operator": N_("系统管理员"),
    "provider clerk": N_("提供方经办人"),
    "provider head": N_("提供方工作机构负责人"),
    "consumer clerk": N_("需求方经办人"),
    "consumer head": N_("需求方工作机构负责人"),
    "claimant head": N_("提出方工作机构负责人"),
    "respondent head": N_("被提出方工作机构负责人"),
}
NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    **labels_catalogue.NAMES,
    **labels_registry.NAMES,
    **labels_supervision.NAMES,
    **labels_delivery.NAMES,
    **labels_guarding.NAMES,
    "event": labels_events.EVENTS,
    "event_subject": labels_events.SUBJECTS,
    "resource": RESOURCE_STATES,
    "resource_action": RESOURCE_ACTIONS,
    "application": APPLICATION_STATES,
    "application_action": APPLICATION_ACTIONS,
    "subscription": SUBSCRIPTION_STATES,
    "subscription_action": SUBSCRIPTION_ACTIONS,
    "disposal": DISPOSAL_STATES,
    "disposal_action": DISPOSAL_ACTIONS,
    "effect": EFFECTS,
    "answer": ANSWERS,
    "bundle": BUNDLE_STATES,
    "bundle_action": BUNDLE_ACTIONS,
    "bundle_line": BUNDLE_LINES,
    "dispute": DISPUTE_STATES,
    "dispute_action": DISPUTE_ACTIONS,
    "demand": DEMAND_STATES,
    "demand_action": DEMAND_ACTIONS,
    "endpoint": ENDPOINT_STATES,
    "endpoint_action": ENDPOINT_ACTIONS,
    "delivery": DELIVERY_STATES,
    "delivery_action": DELIVERY_ACTIONS,
    "dispute_kind": DISPUTE_KINDS,
    "dispute_side": DISPUTE_SIDES,
    "ruling": RULINGS,
    "delegation": DELEGATION_STATES,
    "power": POWERS,
    "delegation_action": DELEGATION_ACTIONS,
    "source": SOURCE_STATES,
    "thing": THINGS,
    "conversion": CONVERSIONS,
    "decision": DECISIONS,
    "role": ROLES,
}
CHOICES: Final[Mapping[str, Sequence[str]]] = {kind: tuple(names) for kind, names in NAMES.items()}
