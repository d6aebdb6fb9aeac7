"""What Order 809 Art 39–41 hold against departments, one countable type each; pure.

Those with a clock the platform records by itself, once a missed day; the others an authority
finds, and names in an order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Type(StrEnum):
    CATALOGUE_LATE = "catalogue_late"
    CONDITIONS_ADDED = "conditions_added"
    SOURCE_NOT_SUPPORTED = "source_not_supported"
    REPLY_LATE = "reply_late"
    DELIVERY_LATE = "delivery_late"
    RETURN_FLOW_MISSING = "return_flow_missing"
    CORRECTION_LATE = "correction_late"
    SERVICE_STOPPED = "service_stopped"
    PLATFORM_NOT_JOINED = "platform_not_joined"
    COLLECTED_AGAIN = "collected_again"
    USED_OUT_OF_SCOPE = "used_out_of_scope"
    PASSED_ON = "passed_on"
    NOT_DISPOSED = "not_disposed"
    USE_NOT_RECORDED = "use_not_recorded"
    NOT_SECURED = "not_secured"
    SOURCE_NOT_DESIGNATED = "source_not_designated"
    DISPUTE_NOT_HANDLED = "dispute_not_handled"
    REVIEW_LATE = "review_late"


@dataclass(frozen=True, slots=True)
class Rule:
    """The article, what it says, and the clocks whose missed days are violations of it."""

    article: int
    zh: str
    en: str
    clocks: tuple[str, ...] = ()


# Art 39 is about who provides, Art 40 about who uses, Art 41 about the authority. A late review
# (C2) has no number of its own in Art 41: it is a duty of the authority by Art 17.
RULES: Final[Mapping[Type, Rule]] = MappingProxyType(
    {
        Type.CATALOGUE_LATE: Rule(
            39,
            "未按照规定编制或者更新政务数据目录",
            "The catalogue was not compiled or updated in time",
            ("C1", "source_lost"),
        ),
        Type.CONDITIONS_ADDED: Rule(
            39, "擅自增设条件阻碍、影响共享", "Conditions were added that obstruct sharing"
        ),
        Type.SOURCE_NOT_SUPPORTED: Rule(
            39, "未配合数源部门开展工作", "The source department was not supported"
        ),
        Type.REPLY_LATE: Rule(
            39, "未按时答复共享申请", "An application was not answered in time", ("C3", "C4")
        ),
        Type.DELIVERY_LATE: Rule(
            39, "未按时共享政务数据", "Data were not delivered in time", ("C6",)
        ),
        Type.RETURN_FLOW_MISSING: Rule(
            39, "未按照规定回流政务数据", "Data of the lower area were not returned to it"
        ),
        Type.CORRECTION_LATE: Rule(
            39, "未按时完成校核", "A correction was not worked in time", ("C7",)
        ),
        Type.SERVICE_STOPPED: Rule(
            39, "擅自终止或者变更已提供的共享服务", "A service was ended or altered without leave"
        ),
        Type.PLATFORM_NOT_JOINED: Rule(
            39, "未按照规定接入共享平台", "Systems were not joined to the platform"
        ),
        Type.COLLECTED_AGAIN: Rule(
            40, "重复收集可以共享获取的数据", "What sharing supplies was collected again"
        ),
        Type.USED_OUT_OF_SCOPE: Rule(
            40, "超出使用范围或者用途使用", "Data were used beyond scope or purpose"
        ),
        Type.PASSED_ON: Rule(
            40, "擅自将共享数据提供给第三方", "Shared data were passed on to a third party"
        ),
        Type.NOT_DISPOSED: Rule(
            40, "未按照要求处置共享数据", "Shared data were not disposed of", ("disposal",)
        ),
        Type.USE_NOT_RECORDED: Rule(
            40, "未按照规定记录共享数据使用情况", "The use of shared data was not recorded", ("C8",)
        ),
        Type.NOT_SECURED: Rule(
            40, "未履行共享数据安全管理责任", "Shared data were not kept secure"
        ),
        Type.SOURCE_NOT_DESIGNATED: Rule(
            41, "未按照规定明确数源部门", "No source department was designated"
        ),
        Type.DISPUTE_NOT_HANDLED: Rule(41, "未按照规定处理争议", "A dispute was not handled"),
        Type.REVIEW_LATE: Rule(
            41, "未按时审核并公布更新的目录", "An updated entry was not reviewed in time", ("C2",)
        ),
    }
)
ARTICLES: Final = tuple(sorted({rule.article for rule in RULES.values()}))
BY_CLOCK: Final[Mapping[str, Type]] = MappingProxyType(
    {clock: type_ for type_, rule in RULES.items() for clock in rule.clocks}
)
