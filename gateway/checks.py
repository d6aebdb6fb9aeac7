"""The checks that a request passes one after another, and what would make a failed one pass."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from kernel.errors import Text


class Check(StrEnum):
    """In the order in which a request passes them (docs/api.md)."""

    TOKEN = "token"  # noqa: S105 - a name, not a secret
    RATE = "rate"
    SCOPE = "scope"
    ROLE = "role"
    DEPARTMENT = "department"
    THING = "thing"
    GRANT = "grant"
    CALENDAR = "calendar"
    MODE = "mode"
    QUOTA = "quota"
    REQUEST = "request"
    STATE = "state"
    CONTRACT = "contract"
    PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Rule:
    """What a check holds a request against, and what the caller can do to pass it."""

    rule: Text
    remedy: Text


RULES: Final[Mapping[Check, Rule]] = MappingProxyType(
    {
        Check.TOKEN: Rule(
            Text(
                "须携带本平台签发、未过期、未撤销的访问令牌，且主体未被停用",
                "A token issued here, neither expired nor revoked, of an active client or person",
            ),
            Text(
                "请重新获取令牌；仍被拒绝时请安全管理员确认应用系统或人员是否被停用",
                "Get a new token; if that is refused too, ask `security` whether the client or"
                " person is suspended",
            ),
        ),
        Check.RATE: Rule(
            Text("请求频率不得超过限额", "Requests may not come faster than their limit"),
            Text(
                "请按 Retry-After 等待后重试；长期不足时请系统管理员调整限额",
                "Wait as Retry-After says; ask `operator` for another limit if it never suffices",
            ),
        ),
        Check.SCOPE: Rule(
            Text(
                "令牌须含有该操作所需的授权范围", "The token must carry the scope of the operation"
            ),
            Text(
                "请在申请令牌时请求 facts.required 所示范围，并确认该应用系统已登记此范围",
                "Ask for the scope in facts.required when getting a token, and have it registered"
                " for the client",
            ),
        ),
        Check.ROLE: Rule(
            Text("操作人须具有规定的角色", "The person must hold one of the roles"),
            Text(
                "请由具有 facts.required 所示角色的人员办理",
                "Let a person with one of the roles in facts.required do it",
            ),
        ),
        Check.DEPARTMENT: Rule(
            Text("操作须属于本部门的职责范围", "The act must be one of the caller's department"),
            Text(
                "请由有职责的部门办理；涉及共享的请通过共享申请取得授权",
                "Let the department do it whose duty it is; apply for a subscription to get data",
            ),
        ),
        Check.THING: Rule(
            Text(
                "对象须存在，且您有权查看", "The thing must exist, and you must have access to it"
            ),
            Text(
                "请核对标识；确认无误的，请向主管部门了解是否可以申请",
                "Check the id; if it is right, ask the authority whether you can apply for access",
            ),
        ),
        Check.GRANT: Rule(
            Text("共享授权须处于有效状态", "The subscription must be active"),
            Text(
                "已暂停的请按暂停决定整改后恢复；已终止的请重新申请",
                "Remedy what a suspension names and have it resumed; apply again after termination",
            ),
        ),
        Check.CALENDAR: Rule(
            Text("请求须在共享授权的有效期内", "The day must lie within the subscription's period"),
            Text("未开始的请等待；已到期的请重新申请", "Wait for its first day, or apply again"),
        ),
        Check.MODE: Rule(
            Text("请求方式须是授权同意的共享方式", "The mode must be the one that was granted"),
            Text(
                "请改用 facts.granted 所示方式，或另行申请",
                "Use facts.granted, or apply for another",
            ),
        ),
        Check.QUOTA: Rule(
            Text("当日提取的记录数不得超过配额", "A day's records may not exceed the quota"),
            Text(
                "请次日继续；长期不足时请另行申请", "Go on tomorrow; apply for more if it is needed"
            ),
        ),
        Check.REQUEST: Rule(
            Text(
                "请求的地址、参数、媒体类型和大小须符合接口约定",
                "The request must be as documented",
            ),
            Text("请按错误代码说明更正后重试", "Correct it as docs/errors.md says, then retry"),
        ),
        Check.STATE: Rule(
            Text("对象的当前状态须允许此操作", "The state of the thing must allow the act"),
            Text(
                "请重新读取对象；facts.allowed 列出当前可执行的操作",
                "Read the thing again; facts.allowed lists what may be done now",
            ),
        ),
        Check.CONTRACT: Rule(
            Text(
                "内容须符合规则，记录须符合数据契约", "Content and records must satisfy their rules"
            ),
            Text(
                "请按应答中的 errors 逐条更正；可先用 validate 预检",
                "Correct what `errors` of the answer names; `validate` checks without storing",
            ),
        ),
        Check.PLATFORM: Rule(
            Text("平台所需的数据库和消息系统须可用", "Database and broker must be available"),
            Text("请按 Retry-After 等待后重试", "Wait as Retry-After says, then retry"),
        ),
    }
)

_BY_CODE: Final[Mapping[str, Check]] = MappingProxyType(
    {
        "insufficient_scope": Check.SCOPE,
        "role_required": Check.ROLE,
        "not_your_department": Check.DEPARTMENT,
        "not_delegated": Check.DEPARTMENT,
        "subscription_suspended": Check.GRANT,
        "subscription_terminated": Check.GRANT,
        "subscription_expired": Check.CALENDAR,
        "subscription_not_started": Check.CALENDAR,
        "mode_not_granted": Check.MODE,
        "quota_exhausted": Check.QUOTA,
        "method_not_allowed": Check.REQUEST,
    }
)
_BY_STATUS: Final[Mapping[int, Check]] = MappingProxyType(
    {
        401: Check.TOKEN,
        403: Check.ROLE,
        404: Check.THING,
        409: Check.STATE,
        410: Check.STATE,
        412: Check.STATE,
        422: Check.CONTRACT,
        428: Check.STATE,
        429: Check.RATE,
    }
)
# Facts of a refusal that name a rule and hold nothing that a caller sent.
_KEPT_FACTS: Final = ("required", "granted", "state", "allowed", "limit_bytes", "limit", "policy")
_FACT_MAX: Final = 200


def check_of(code: str, status: int) -> Check:
    """Return the check that a refusal failed."""
    usual = Check.PLATFORM if status >= 500 else Check.REQUEST  # noqa: PLR2004
    return _BY_CODE.get(code) or _BY_STATUS.get(status, usual)


def kept_facts(facts: Mapping[str, object]) -> dict[str, Any]:
    """Return the facts that may be kept: names of rules, no values of records."""
    return {name: _short(facts[name]) for name in _KEPT_FACTS if name in facts}


def _short(value: object) -> object:
    if isinstance(value, list | tuple | set | frozenset):
        return [str(each)[:_FACT_MAX] for each in list(value)[:20]]
    return value if isinstance(value, int | float) else str(value)[:_FACT_MAX]
