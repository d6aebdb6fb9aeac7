"""What a notice says, to programs and in a mail; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any, Final

import orjson

from kernel.workdays import SHANGHAI

TYPE: Final = "department.notices"
SUBJECT_MAX: Final = 60
ALARM: Final = "alarm.raised"
# An alarm is told by its kind alone: the register has the rest, for those who may read it.
ALARMS: Final[Mapping[str, tuple[str, str]]] = {
    "guessing": ("疑似猜测核验值", "values seem to be guessed by verifying"),
    "wrong_secrets": ("反复出错的口令或密钥", "repeated wrong passwords or secrets"),
    "token_reused": ("令牌被重复使用", "a spent token was used again"),
    "key_leaked": ("签名密钥因泄露停用", "signing keys were replaced after a leak"),
    "file_infected": ("文件未通过安全扫描", "an uploaded file did not pass the scan"),
    "access_restored": ("以命令恢复管理权限", "administrative access was restored"),
    "database_restored": ("平台从备份恢复", "the platform was restored from a backup"),
    "audit_broken": ("审计链不完整", "the audit chains are not whole"),
}
# What an event is about, then what has happened to it: Chinese, English.
THINGS: Final[Mapping[str, tuple[str, str]]] = {
    "application": ("共享申请", "application"),
    "deadline": ("办理时限", "deadline"),
    "delivery": ("推送批次", "delivery"),
    "demand": ("数据需求", "demand"),
    "department": ("部门", "department"),
    "dispute": ("争议", "dispute"),
    "endpoint": ("推送端点", "endpoint"),
    "disposal": ("数据处置", "disposal"),
    "resource": ("资源目录条目", "resource"),
    "source": ("数源", "source"),
    "subscription": ("共享授权", "subscription"),
    "verify": ("核验", "verify"),
}
STEPS: Final[Mapping[str, tuple[str, str]]] = {
    "accepted": ("已受理", "accepted"),
    "agreed": ("已同意", "agreed"),
    "amended": ("已变更", "amended"),
    "announced": ("已公告新版本", "a new version was announced"),
    "appealed": ("已申请复核", "appealed"),
    "assigned": ("已派发", "assigned"),
    "breached": ("已逾期", "overdue"),
    "closed": ("已关闭", "closed"),
    "concluded": ("已登记政府决定", "concluded"),
    "confirmed": ("已确认", "confirmed"),
    "decided": ("已裁决", "decided"),
    "declined": ("不予受理", "declined"),
    "designated": ("已确认", "designated"),
    "ended": ("已终止", "ended"),
    "escalated": ("已提交上级", "escalated"),
    "expired": ("已到期", "expired"),
    "extension_consented": ("已同意延期", "the extension was consented to"),
    "extension_denied": ("不同意延期", "the extension was denied"),
    "extension_requested": ("已申请延期", "an extension is asked for"),
    "granted": ("已授权", "granted"),
    "merged": ("已合并", "merged"),
    "met": ("已满足", "met"),
    "moved": ("已调整区划", "moved"),
    "opened": ("已提出", "opened"),
    "paused": ("已暂停", "paused"),
    "published": ("已发布", "published"),
    "reckoned_anew": ("时限已重新计算", "reckoned anew"),
    "refused": ("不予共享", "refused"),
    "recalled": ("收回的记录已列出", "listed: what is taken back"),
    "renewed": ("已续期", "renewed"),
    "replied": ("已答复", "replied"),
    "reported": ("已报告", "reported"),
    "rerouted": ("已转至数源部门", "rerouted"),
    "resumed": ("已恢复", "resumed"),
    "retired": ("已停止提供", "retired"),
    "returned": ("已退回", "returned"),
    "settled": ("已协商一致", "settled"),
    "signed": ("待答复", "waits for an answer"),
    "source_lost": ("失去数源", "lost a source"),
    "source_regained": ("恢复数源", "has its source again"),
    "stopped": ("已停止", "stopped"),
    "submitted": ("已提出", "submitted"),
    "supplement_requested": ("待补充材料", "waits for a supplement"),
    "supplemented": ("已补充材料", "supplemented"),
    "suspended": ("已暂停", "suspended"),
    "terminated": ("已终止", "terminated"),
    "withdrawn": ("已撤回", "withdrawn"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the department's feed; `id` is the one that `/v1/events` tells."""

    id: str
    type: str
    at: datetime
    thing: str
    data: Mapping[str, Any]
    resource_name: str | None = None

    def said(self) -> dict[str, Any]:
        named = {} if self.resource_name is None else {"resource_name": self.resource_name}
        return {
            "id": self.id,
            "type": self.type,
            "at": self.at,
            "thing": self.thing,
            "data": dict(self.data) | named,
        }


def body(department: str, events: Sequence[Event], at: datetime) -> bytes:
    """Return the body of a notice to a webhook."""
    data = {"department": department, "events": [event.said() for event in events]}
    return orjson.dumps({"type": TYPE, "timestamp": at, "data": data}, option=orjson.OPT_UTC_Z)


def mail(
    sender: str,
    receivers: Sequence[str],
    message_id: str,
    department_name: str,
    events: Sequence[Event],
    base_url: str,
    at: datetime,
) -> EmailMessage:
    """Return a mail of plain text; it tells names, days and ids, and no record."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = ", ".join(receivers)
    message["Subject"] = _subject(events)
    message["Date"] = at
    message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = [_line(event) for event in events]
    message.set_content(
        "\n".join([f"{department_name}：", "", *lines, "", f"{base_url}/console", ""])
    )
    return message


def _subject(events: Sequence[Event]) -> str:
    if len(events) == 1:
        return f"【数源】{_words(events[0])[0]}"[:SUBJECT_MAX]
    return f"【数源】{len(events)} 条通知 / {len(events)} notices"


def _line(event: Event) -> str:
    zh, en = _words(event)
    at = event.at.astimezone(SHANGHAI)
    name = "" if event.resource_name is None else f"《{event.resource_name}》"
    due = event.data.get("due_on") or event.data.get("due_at")
    until = f"，期限 {due}" if due else ""
    return f"{at:%Y-%m-%d %H:%M}  {zh}{name}{until} / {en} ({event.thing})"


def _words(event: Event) -> tuple[str, str]:
    """Return what has happened, in Chinese and in English; the name of what has no words yet."""
    if (alarm := ALARMS.get(event.data.get("kind", ""))) and event.type == ALARM:
        return f"安全告警：{alarm[0]}", f"alarm: {alarm[1]}"
    thing, _, step = event.type.partition(".")
    of, has = THINGS.get(thing), STEPS.get(step)
    if of is None or has is None:
        return event.type, event.type
    return f"{of[0]}{has[0]}", f"{of[1]} {has[1]}"
