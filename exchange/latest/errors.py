"""Refusals of what needs the latest state of a resource."""

from typing import Final

from kernel.errors import Conflict, Text

RETRY_SECONDS: Final = 5


class StateIncomplete(Conflict):
    """The latest state is not folded yet, or cannot be: the log had lost records before.

    `Retry-After` says that it is only a matter of time.
    """

    code = "state_incomplete"
    title = Text(
        "该资源的最新状态尚未归并完成，平台已开始归并，请稍后重试",
        "The latest state of the resource is being folded; try again later",
    )

    def __init__(self, resource_id: str, *, passing: bool) -> None:
        self.resource_id = resource_id
        self.passing = passing
        if passing:
            super().__init__(retry_after_seconds=RETRY_SECONDS)
            return
        super().__init__(
            "该资源较早的记录在开始归并之前已超出保留期，无法得知其最新状态；请改用主键信息项"
            "过滤，或由数据提供部门以全量替换重新提供全部数据",
            "Earlier records of the resource were no longer kept when folding began, so its latest"
            " state cannot be known: filter on key items only, or let the provider load all of it"
            " anew by a full replacement",
        )
