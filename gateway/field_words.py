"""What fields are called and look like, wherever a model says nothing of its own (OpenAPI); pure.

A field of one name means the same in every shape: `tests/docs/test_openapi_words.py`.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from gateway import rare_field_words


class Word(NamedTuple):
    """Chinese, English, and a value as it may be sent or told; None where none is typical."""

    zh: str
    en: str
    example: str | int | bool | None = None


_DAY, _MOMENT = "2026-03-31", "2026-03-02T09:30:00Z"
_ID, _USCC = "01a2294244837c49bb3c5bcb04eb2fc8", "11450000007565123X"
WORDS: Final[Mapping[str, Word]] = {
    "abstract": Word("摘要", "what it holds, in a few sentences", "本区城乡居民养老待遇领取情况"),
    "action": Word("操作", "what was done, or may be done"),
    "actor_id": Word("操作者", "who acted"),
    "actor_kind": Word("操作者类别", "a person, a client or the platform itself"),
    "actor_name": Word("操作者姓名", "the name of who acted, to those who may know it"),
    "actor_role": Word("操作者角色", "the role of who acted"),
    "allowed": Word("当前可做的操作或可选值", "what may be done now, or chosen"),
    "answer": Word("答复", "what was answered"),
    "answer_attachments": Word("答复所附文件", "documents of the answer"),
    "answered_at": Word("答复时间", "when it was answered", _MOMENT),
    "answered_by": Word("答复人", "who answered"),
    "application_id": Word("共享申请编号", "the application", _ID),
    "as_of": Word("数据截至", "up to when the records are known", _MOMENT),
    "at": Word("时间", "when", _MOMENT),
    "attachments": Word("附件编号", "ids of documents"),
    "attempts": Word("已尝试次数", "how often it was tried", 1),
    "auth_method": Word("认证方式", "how the client proves who it is"),
    "authority": Word("是否主管部门", "whether it is an authority", example=False),
    "basis": Word("法律依据", "the legal basis", "《政务数据共享条例》第二十条"),
    "breached": Word("是否逾期", "whether its day was missed", example=False),
    "breached_at": Word("逾期记录时间", "when it was recorded as late", _MOMENT),
    "bytes": Word("字节数", "size in bytes", 4096),
    "changed_at": Word("更改时间", "when it was changed last", _MOMENT),
    "checker": Word("校验规则", "the check that values pass"),
    "cidrs": Word("网段", "networks as CIDR"),
    "claim": Word("主张", "what is claimed"),
    "class_code": Word("分类代码", "the class of the entry", "101001"),
    "client_id": Word("应用系统标识", "the client", "client-养老"),
    "client_name": Word("应用系统名称", "the name of the client", "养老待遇资格认证系统"),
    "clock": Word("时限", "the legal clock", "C4"),
    "closed_at": Word("办结时间", "when it was closed", _MOMENT),
    "code": Word("代码", "its code; of a refusal, stable for programs"),
    "code_list": Word("代码集", "the code list of the values"),
    "commitment": Word(
        "承诺依法按范围使用", "the commitment to truthful, lawful use", example=True
    ),
    "consumer_department": Word("数据需求部门", "the consumer's credit code", _USCC),
    "consumer_name": Word("数据需求部门名称", "the consumer's name", "自治区民政厅"),
    "correlation_id": Word("请求编号", "the request, to be asked about", _ID),
    "count": Word("数量", "how many", 3),
    "created_at": Word("创建时间", "when it was made", _MOMENT),
    "created_by": Word("创建人", "who made it"),
    "created_by_name": Word("创建人姓名", "the name of who made it"),
    "created_by_role": Word("创建人角色", "the role of who made it"),
    "cursor": Word("位点", "a position, opaque"),
    "data": Word("信息项的值", "the values by item"),
    "data_type": Word("数据类型", "the type of the values", "string"),
    "day": Word("日期", "a day, Asia/Shanghai", _DAY),
    "days": Word("天数或各日", "days"),
    "decided_at": Word("决定时间", "when it was decided", _MOMENT),
    "decided_by": Word("决定人", "who decided"),
    "decided_by_name": Word("决定人姓名", "the name of who decided"),
    "decided_by_role": Word("决定人角色", "the role of who decided"),
    "decision": Word("决定", "what was decided"),
    "definition": Word("定义", "what the values mean"),
    "deletes": Word("删除数", "how many are deletes", 0),
    "deliver_by": Word("应提供时限", "by when something must be there (C6)", _MOMENT),
    "delivered_at": Word("提供时间", "since when there is something (C6)", _MOMENT),
    "department": Word("部门统一社会信用代码", "the department's credit code", _USCC),
    "department_name": Word("部门名称", "the department's name", "自治区人力资源和社会保障厅"),
    "description": Word("说明", "a description"),
    "detail": Word("详情", "more about it"),
    "details": Word("事实", "facts of the event"),
    "digest": Word("摘要（SHA-256）", "SHA-256, hexadecimal"),
    "dimension": Word("质量维度", "the dimension of quality"),
    "dispute_id": Word("异议编号", "the dispute", _ID),
    "document": Word("文书", "the document that says it"),
    "due_at": Word("到期时刻", "the first moment after the last day", _MOMENT),
    "due_on": Word("到期日", "the last day", _DAY),
    "edition": Word("代码集版次", "the edition of a code list", "2024"),
    "editions": Word("各项所用代码版次", "the edition wanted, by item"),
    "effect": Word("影响", "what follows from it"),
    "effective_from": Word("生效日期", "from which day it holds", _DAY),
    "effective_on": Word("生效日", "the day on which it comes into force", _DAY),
    "effective_to": Word("失效日期", "the last day on which it holds", _DAY),
    "element": Word("数据元代码", "the element", "DE00012"),
    "element_name": Word("数据元名称", "the name of the element", "公民身份号码"),
    "ended_at": Word("结束时间", "when it ended", _MOMENT),
    "error_count": Word("错误总数", "how many errors there are", 0),
    "errors": Word("错误", "what is wrong, at most the first 100"),
    "expires_at": Word("失效时间", "until when it is kept", _MOMENT),
    "format": Word("格式", "the format"),
    "former_names": Word("曾用名", "earlier names"),
    "from": Word("起", "from when, or from what"),
    "grade": Word("数据分级", "the grade of the data, 1 to 4", 2),
    "history": Word("办理过程", "what was done, in order"),
    "id": Word("编号", "its id", _ID),
    "if_unused": Word("仅在无人依赖时", "only where nobody relies on it", example=True),
    "index": Word("在批次中的位置", "its place in the batch, from 0", 0),
    "item": Word("信息项", "the item"),
    "items": Word("各项", "one entry each; of an entry or grant, its items"),
    "job_id": Word("任务编号", "the job", _ID),
    "jwks": Word("公钥集", "public keys"),
    "jws": Word("签名", "a compact JWS"),
    "key": Word("主键", "the record's key, or whether the item is of it"),
    "kind": Word("类别", "of which kind it is"),
    "label": Word("中文名称", "what it is called"),
    "lag": Word("落后数", "about how many places of the log lie ahead", 0),
    "ledger": Word("是否约定对账", "whether a delivery ledger is kept", example=False),
    "legal_basis": Word("法律依据", "the legal basis"),
    "masks": Word("脱敏规则", "masks by item"),
    "max_bytes": Word("字节数上限", "at most so many bytes", 1_048_576),
    "max_length": Word("最大长度", "at most so many characters", 64),
    "max_records": Word("记录数上限", "at most so many records", 500),
    "maximum": Word("最大值", "the largest value"),
    "media": Word("媒体类型", "the media type", "application/pdf"),
    "message": Word("提示", "a sentence for people"),
    "method": Word("方法", "the method"),
    "min_length": Word("最小长度", "at least so many characters", 1),
    "minimum": Word("最小值", "the smallest value"),
    "mode": Word("共享方式", "by which way records leave"),
    "name": Word("名称", "its name"),
    "name_en": Word("英文名称", "its English name"),
    "next": Word("下一步可做的操作及由谁", "what may be done next, and by whom"),
    "next_cursor": Word("下一页位点，末页为空", "the next page; null at the end"),
    "note": Word("备注", "a note"),
    "of": Word("树的种类", "which tree", "region"),
    "on": Word("日期", "the day", _DAY),
    "op": Word("操作或比较方式", "an operation, or how values are compared"),
    "open": Word("尚未了结的事项", "what is left to be concluded, counted by kind"),
    "operated_by": Word("受托运维单位", "who operates it under a contract (Art 36)"),
    "overdue": Word("是否逾期", "whether its day is over", example=False),
    "partition": Word("分区", "the partition of the log", 0),
    "partitions": Word("分区数", "how many partitions the log has", 1),
    "path": Word("所在位置", "where in the body or address"),
    "pattern": Word("格式（正则）", "the regular expression that values match"),
    "personal": Word("是否个人信息", "whether it is personal information", example=False),
    "planned_on": Word("计划日期", "the planned day", _DAY),
    "position": Word("位点", "the position"),
    "precision": Word("总位数", "how many digits in all"),
    "problem": Word("问题", "what went wrong"),
    "provider_department": Word("数据提供部门", "the provider's credit code", _USCC),
    "provider_name": Word("数据提供部门名称", "the provider's name", "自治区公安厅"),
    "published_at": Word("发布时间", "when it was published", _MOMENT),
    "reason": Word("理由", "why", "与实际情况不符"),
    "receipt_id": Word("回执编号", "the receipt", _ID),
    "records": Word("记录数", "how many records"),
    "records_per_day": Word("每日记录数上限", "how many records a day", 100_000),
    "region_code": Word("行政区划代码", "the division", "450000"),
    "remaining_working_days": Word("剩余工作日", "working days that are left", 7),
    "remedy_by": Word("整改期限", "by which day to remedy it", _DAY),
    "resource_code": Word("资源代码", "the code of the entry", "101001/000123"),
    "resource_id": Word("资源编号", "the catalogue entry", _ID),
    "resource_name": Word("资源名称", "the name of the entry", "养老待遇领取信息"),
    "resource_version": Word("资源版本", "the version of the entry", 1),
    "return_flow": Word(
        "是否数据回流", "whether data flow back to a lower area (Order 809 Art 24)", example=False
    ),
    "revision": Word("修订号，与 ETag 相同", "how often it was changed; its ETag", 1),
    "roles": Word("角色", "roles"),
    "row_filter": Word("行过滤条件", "conditions on rows"),
    "rule": Word("规则", "the rule"),
    "scale": Word("小数位数", "how many decimal places"),
    "scenario": Word("应用场景", "what the data are used for", "养老待遇资格认证"),
    "scope": Word("使用范围", "where the data are used", "自治区本级"),
    "scopes": Word("权限", "scopes"),
    "secret": Word("密钥，只显示一次", "the secret, told once"),
    "sha256": Word("内容的 SHA-256", "SHA-256 of the content, hexadecimal"),
    "share_type": Word("共享属性", "how it is shared (Art 14)"),
    "standard": Word("标准", "the standard"),
    "status": Word("状态", "its state"),
    "submitted_at": Word("提交时间", "when it was submitted", _MOMENT),
    "subscription_id": Word("共享授权编号", "the subscription", _ID),
    "successors": Word("后继代码", "the codes that came after it"),
    "text": Word("内容", "what it says"),
    "thing": Word("所涉事项编号", "the id of what it is about"),
    "title": Word("标题", "its title"),
    "to": Word("至", "until when, or to what"),
    "type": Word("类型", "its type"),
    "unmapped": Word("未能换版次的信息项", "items whose value has no single successor"),
    "unmasked": Word("不脱敏的信息项", "items whose mask is lifted"),
    "until": Word("止", "until when"),
    "update_cycle": Word("更新周期", "how often it is updated"),
    "used_by": Word("在用部门数", "how many departments have a running subscription", 3),
    "updated_at": Word("更新时间", "when it was changed last", _MOMENT),
    "url": Word("地址", "its address"),
    "usage_due_on": Word(
        "使用情况应报日", "by which day the use of the data is to be recorded", _DAY
    ),
    "used_today": Word("当日已用", "records of today's quota that are used", 0),
    "username": Word("用户名", "the name to sign in with"),
    "uscc": Word("统一社会信用代码", "the unified social credit code", _USCC),
    "valid_from": Word("有效期起", "the first day", "2026-01-01"),
    "valid_until": Word("有效期止", "the last day", "2026-12-31"),
    "value": Word("值", "the value"),
    "version": Word("版本", "the version", 1),
}
_TYPES: Final = {str: "string", int: "integer", bool: "boolean"}


def describe(name: str, schema: dict[str, Any]) -> None:
    """Say what a field is, unless it says so itself; an example only where its type fits."""
    word = WORDS.get(name) or _rare(name)
    if word is None:
        return
    schema.setdefault("description", f"{word.zh} / {word.en}")
    fits = schema.get("type") == _TYPES.get(type(word.example))
    bound = schema.keys() & {"enum", "const", "pattern", "examples", "default"}
    if word.example is not None and fits and not bound:
        schema["examples"] = [word.example]


def _rare(name: str) -> Word | None:
    said = rare_field_words.of_name(name)
    return None if said is None else Word(*said)
