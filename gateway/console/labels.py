"""What people call the codes of the platform: msgids are Chinese, the English ones in `locale`."""

from collections.abc import Mapping, Sequence
from typing import Final


def N_(msgid: str) -> str:  # noqa: N802 - gettext's own name for a text that is translated later
    return msgid


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
}
DISPUTE_ACTIONS: Final = {
    "reply": N_("答复争议"),
    "decide": N_("裁决争议"),
    "conclude": N_("登记政府决定"),
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
THINGS: Final = {
    "resource": N_("目录条目"),
    "application": N_("共享申请"),
    "subscription": N_("共享授权"),
    "source": N_("数源认责"),
    "dispute": N_("争议"),
    "demand": N_("数据需求"),
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
}
SHARE_TYPES: Final = {
    "unconditional": N_("无条件共享"),
    "conditional": N_("有条件共享"),
    "none": N_("不予共享"),
}
MODES: Final = {
    "pull": N_("接口拉取"),
    "push": N_("主动推送"),
    "query": N_("按键查询"),
    "verify": N_("核验"),
    "file": N_("文件"),
    "table": N_("库表"),
    "api": N_("服务接口"),
}
OPEN_TYPES: Final = {
    "closed": N_("不予开放"),
    "conditional": N_("有条件开放"),
    "open": N_("无条件开放"),
}
CYCLES: Final = {
    "realtime": N_("实时"),
    "daily": N_("每日"),
    "weekly": N_("每周"),
    "monthly": N_("每月"),
    "quarterly": N_("每季度"),
    "half_yearly": N_("每半年"),
    "yearly": N_("每年"),
    "irregular": N_("不定期"),
    "never": N_("不更新"),
    "other": N_("其他"),
}
FORMATS: Final = {
    "1": N_("电子文件"),
    "2": N_("电子表格"),
    "3": N_("数据库"),
    "4": N_("图形图像"),
    "5": N_("流媒体"),
    "6": N_("自描述格式"),
    "7": N_("服务接口"),
}
GRADES: Final = {
    "1": N_("1 级（公开）"),
    "2": N_("2 级（内部）"),
    "3": N_("3 级（敏感）"),
    "4": N_("4 级（高度敏感）"),
}
ITEM_ROLES: Final = {"source": N_("数源"), "reference": N_("引用")}
MASKS: Final = {
    "": N_("不脱敏"),
    "full": N_("全部隐去"),
    "partial": N_("保留首尾"),
    "hash": N_("散列"),
    "null": N_("置空"),
}
DATA_TYPES: Final = {
    "string": N_("文本"),
    "integer": N_("整数"),
    "decimal": N_("小数"),
    "boolean": N_("是否"),
    "date": N_("日期"),
    "datetime": N_("日期时间"),
    "code": N_("代码"),
}
CLIENT_STATES: Final = {"active": N_("启用"), "suspended": N_("停用")}
CLIENT_ACTIONS: Final = {
    "rotate": N_("更换密钥"),
    "suspend": N_("停用"),
    "resume": N_("恢复"),
}
CHECKS: Final = {
    "token": N_("访问令牌"),
    "rate": N_("请求频率"),
    "scope": N_("授权范围"),
    "role": N_("人员角色"),
    "department": N_("所属部门"),
    "thing": N_("对象是否可见"),
    "grant": N_("共享授权"),
    "calendar": N_("有效期"),
    "mode": N_("共享方式"),
    "quota": N_("当日配额"),
    "request": N_("请求格式"),
    "state": N_("当前状态"),
    "contract": N_("数据契约"),
    "platform": N_("平台服务"),
}
OUTCOMES: Final = {
    "passed": N_("通过"),
    "failed": N_("未通过"),
    "not_reached": N_("未检查"),
    "not_checked": N_("未检查"),
}
CHANGES: Final = {
    "item_added": N_("新增信息项"),
    "required_item_added": N_("新增必填信息项"),
    "item_removed": N_("删除信息项"),
    "type_changed": N_("类型改变"),
    "key_changed": N_("主键改变"),
    "became_required": N_("改为必填"),
    "became_optional": N_("改为非必填"),
    "narrowed": N_("取值收窄"),
    "widened": N_("取值放宽"),
    "relabelled": N_("名称改变"),
}
REFUSAL_CODES: Final = {
    "1": N_("法律、行政法规或国务院决定不允许共享"),
    "2": N_("该数据不由本部门提供"),
    "3": N_("不具备共享条件"),
    "4": N_("其他"),
}
FIELDS: Final = {
    "name": N_("资源名称"),
    "abstract": N_("摘要"),
    "class_code": N_("类目代码"),
    "region_code": N_("行政区划"),
    "format": N_("格式"),
    "update_cycle": N_("更新周期"),
    "share_type": N_("共享属性"),
    "share_conditions": N_("共享条件"),
    "share_scope": N_("共享范围"),
    "share_purposes": N_("使用用途"),
    "legal_basis": N_("依据"),
    "share_modes": N_("共享方式"),
    "open_type": N_("开放属性"),
    "grade": N_("数据级别"),
    "items": N_("信息项"),
    "reviews": N_("评估"),
    "partitions": N_("分区数"),
}
FACETS: Final = {
    "share_type": N_("共享属性"),
    "status": N_("状态"),
    "class": N_("类目"),
    "department": N_("部门"),
}
CLASSES: Final = {"1": N_("基础"), "2": N_("主题"), "3": N_("部门")}
SCOPES: Final = {
    "catalog:read": N_("查看目录"),
    "catalog:write": N_("编制目录"),
    "applications:write": N_("提出申请"),
    "records:publish": N_("上报数据"),
    "records:read": N_("取用数据"),
    "audit:read": N_("查看审计"),
    "admin": N_("管理"),
}
AUTH_METHODS: Final = {
    "client_secret_basic": N_("密钥"),
    "private_key_jwt": N_("公钥签名"),
}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "resource": RESOURCE_STATES,
    "resource_action": RESOURCE_ACTIONS,
    "application": APPLICATION_STATES,
    "application_action": APPLICATION_ACTIONS,
    "subscription": SUBSCRIPTION_STATES,
    "subscription_action": SUBSCRIPTION_ACTIONS,
    "dispute_action": DISPUTE_ACTIONS,
    "demand": DEMAND_STATES,
    "demand_action": DEMAND_ACTIONS,
    "source": SOURCE_STATES,
    "thing": THINGS,
    "conversion": CONVERSIONS,
    "decision": DECISIONS,
    "role": ROLES,
    "share_type": SHARE_TYPES,
    "mode": MODES,
    "open_type": OPEN_TYPES,
    "cycle": CYCLES,
    "format": FORMATS,
    "grade": GRADES,
    "item_role": ITEM_ROLES,
    "mask": MASKS,
    "data_type": DATA_TYPES,
    "client": CLIENT_STATES,
    "client_action": CLIENT_ACTIONS,
    "check": CHECKS,
    "outcome": OUTCOMES,
    "change": CHANGES,
    "refusal": REFUSAL_CODES,
    "field": FIELDS,
    "facet": FACETS,
    "class": CLASSES,
    "scope": SCOPES,
    "auth_method": AUTH_METHODS,
}
CHOICES: Final[Mapping[str, Sequence[str]]] = {kind: tuple(names) for kind, names in NAMES.items()}
