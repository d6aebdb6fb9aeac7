"""What people call the codes that entries, registers and checks are made of."""

from collections.abc import Mapping
from typing import Final

from gateway.console.texts import N_

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
ITEM_FIELDS: Final = {
    "mask": N_("脱敏"),
    "element": N_("数据元"),
    "role": N_("来源"),
    "key": N_("主键"),
    "required": N_("必填"),
    "label": N_("中文名称"),
    "searchable": N_("可供查询"),
    "refers_to": N_("引用资源"),
    "unmasked_reason": N_("不脱敏理由"),
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
OPS: Final = {
    "eq": N_("等于"),
    "ne": N_("不等于"),
    "in": N_("属于其中之一"),
    "prefix": N_("开头是"),
    "gt": N_("大于"),
    "ge": N_("大于或等于"),
    "lt": N_("小于"),
    "le": N_("小于或等于"),
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
# Parts of the place of a fault; those of an item are another matter.
PLACES: Final = FIELDS | {
    "secrecy": N_("保密审查"),
    "privacy": N_("个人信息保护影响评估"),
    "by": N_("由谁审查"),
    "date": N_("日期"),
    "document": N_("文号"),
    "similar": N_("相同或相近数据"),
    "reason": N_("理由"),
    "department": N_("部门"),
    "text": N_("督办要求"),
    "due_on": N_("整改期限"),
    "violations": N_("违规"),
    "basis": N_("依据"),
    "scenario": N_("使用场景"),
    "scope": N_("使用范围"),
    "valid_until": N_("截止日"),
    "client_id": N_("应用系统"),
}
ITEM_PLACES: Final = ITEM_FIELDS | {"name": N_("字段名")}
FACETS: Final = {
    "share_type": N_("共享属性"),
    "status": N_("状态"),
    "class": N_("类目"),
    "department": N_("部门"),
}
TREES: Final = {"class": N_("类目"), "region": N_("行政区划"), "department": N_("部门")}
CLASSES: Final = {
    "1": N_("基础"),
    "2": N_("主题"),
    "3": N_("部门"),
    "101": N_("人口"),
    "102": N_("法人单位"),
    "103": N_("自然资源和空间地理"),
    "104": N_("社会信用"),
    "105": N_("电子证照"),
    "201": N_("公共服务"),
    "202": N_("健康保障"),
    "203": N_("社会保障"),
    "204": N_("食品药品安全"),
    "205": N_("安全生产"),
    "206": N_("价格监管"),
    "207": N_("能源安全"),
    "208": N_("信用体系"),
    "209": N_("城乡建设"),
    "210": N_("社区治理"),
    "211": N_("生态环保"),
    "212": N_("应急维稳"),
    "301": N_("党中央"),
    "302": N_("全国人大常委会"),
    "303": N_("国务院"),
    "304": N_("全国政协"),
    "305": N_("最高人民法院"),
    "306": N_("最高人民检察院"),
    "307": N_("省（自治区、直辖市）及其下各级政务部门"),
    "308": N_("计划单列市及其下各级政务部门"),
}
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
BADGES: Final = {
    "source": N_("均为数源"),
    "partly": N_("部分引用"),
    "reference": N_("引用"),
}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "badge": BADGES,
    "share_type": SHARE_TYPES,
    "mode": MODES,
    "open_type": OPEN_TYPES,
    "cycle": CYCLES,
    "format": FORMATS,
    "grade": GRADES,
    "item_role": ITEM_ROLES,
    "item_field": ITEM_FIELDS,
    "mask": MASKS,
    "data_type": DATA_TYPES,
    "client": CLIENT_STATES,
    "client_action": CLIENT_ACTIONS,
    "check": CHECKS,
    "outcome": OUTCOMES,
    "change": CHANGES,
    "refusal": REFUSAL_CODES,
    "op": OPS,
    "field": FIELDS,
    "place": PLACES,
    "item_place": ITEM_PLACES,
    "facet": FACETS,
    "class": CLASSES,
    "tree": TREES,
    "scope": SCOPES,
    "auth_method": AUTH_METHODS,
}
