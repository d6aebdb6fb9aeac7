"""Refusals of the catalogue."""

from kernel.errors import Conflict, Text


class AlreadyRegistered(Conflict):
    title = Text("该代码已登记", "This code is registered already")


class SourceExists(Conflict):
    """One active source per element and region (P1)."""

    title = Text(
        "该区划已有生效的数源，请驳回或以 replace 更换",
        "The region has an active source already: reject the claim or use replace",
    )


class DepartmentAbolished(Conflict):
    title = Text(
        "该部门已撤销，不能成为数源", "The department was abolished and cannot be a source"
    )


class ClaimExists(Conflict):
    title = Text(
        "本部门在该区划已有未了结的认责或已是数源",
        "Your department has an open claim in this region, or is its source",
    )


class HasSubscriptions(Conflict):
    """Art 27: a provider does not end a running service without just cause."""

    title = Text(
        "仍有生效的共享授权，须由主管部门下线",
        "Subscriptions are active: only the authority may retire the resource",
    )


class ChangedMeanwhile(Conflict):
    title = Text(
        "内容刚被他人修改，请重新读取后再试", "Changed by somebody else just now; read it and retry"
    )


class VersionSuperseded(Conflict):
    code = "version_superseded"
    title = Text("该版本已不是现行版本", "This is not the version in force")


class ResourceNotPublished(Conflict):
    code = "resource_not_published"
    title = Text("资源尚未发布或已下线", "The resource is not published, or was retired")


class ChangeNoticed(Conflict):
    """One change at a time is followed up (Order 809 Art 17)."""

    title = Text(
        "已有正在计时的变更通知，更新发布后方可再次登记",
        "A notice of a change is running already: publish the update first",
    )


class ReviewedMeanwhile(Conflict):
    """Of several reviews of an entry at once one counts."""

    title = Text(
        "该条目刚由他人完成年度复核",
        "Somebody else has just reviewed this entry",
    )


class SourceLost(Conflict):
    """The department is no longer the source of what it publishes, and its term is over."""

    code = "source_lost"
    title = Text(
        "本部门已不是该资源所含数据元的数源，过渡期已满；请重新认责，或发布不再声明为数源的版本",
        "Your department is no longer the source of what the resource holds, and the term is over: "
        "become the source again, or publish a version that does not claim it",
    )


class VersionKnown(Conflict):
    code = "version_known"
    title = Text(
        "平台知道该版本的契约，其记录可以读取", "This version is known: its records can be read"
    )
