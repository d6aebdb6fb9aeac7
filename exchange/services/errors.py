"""Refusals of calls to services of departments."""

from exchange.errors import NotDeliverable
from kernel.errors import Category, NotFound, ShuyuanError, Text, Unavailable


class ServiceFailed(ShuyuanError):
    """The provider's service did not answer as it should; what it said stays with the platform."""

    category = Category.BAD_GATEWAY
    code = "service_failed"
    title = Text(
        "数据提供部门的服务未正常应答", "The provider's service did not answer as it should"
    )
    retriable = True

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(
            f"数据提供部门的服务未正常应答（{reason}），请稍后重试或联系该部门",
            f"The provider's service did not answer as it should ({reason}); try again later, or"
            " ask the provider",
            reason=reason,
            upstream_status=status,
        )


class ServiceOpen(Unavailable):
    """The service failed again and again: for a while nobody calls it."""

    code = "service_open"
    title = Text(
        "数据提供部门的服务连续失败，暂停调用，请稍后重试",
        "The provider's service failed again and again and is not called for a while",
    )


class ServiceMissing(NotFound):
    """There is no such operation, or no service at all."""

    title = Text("该资源没有此服务操作", "The resource has no such operation")


class OpaqueNotGranted(NotDeliverable):
    """What cannot be filtered or masked is not handed on where it would have to be."""

    code = "mode_not_granted"
    title = Text(
        "该操作的应答无法过滤或脱敏，不能用于有行过滤、脱敏项或只含部分信息项的共享授权，"
        "或 3 级以上数据",
        "Answers of this operation can be neither filtered nor masked: it is not for subscriptions"
        " with a row filter, masks or a part of the items, nor for data above grade 2",
    )
