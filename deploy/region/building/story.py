"""The region is built step by step; a run that broke off goes on where it was."""

from deploy.demo.narrator import Narrator
from deploy.region.building import (
    catalogue,
    differing,
    opening,
    records,
    registry,
    sharing,
    telling,
    using,
)
from deploy.region.building.crowd import Crowd
from deploy.region.building.stage import Site, Stage
from deploy.region.building.tables import Tables
from deploy.region.records.cast import Cast
from deploy.region.region import Region, Resource
from shuyuan_client.failures import Failure


def build(site: Site, region: Region, say: Narrator) -> None:
    """Build this region, or what is missing of it; raises Failure with its remedy."""
    cast = Cast(region.files)
    tables = Tables.beside(site.environment, site.folder)
    with Stage(site, region) as stage, Crowd() as crowd:
        differing.require_alike(stage)
        departments, people, systems = registry.register(stage, crowd)
        say.step(
            f"{departments} 个部门、{people} 名人员、{systems} 个应用系统就位",
            f"{departments} departments, {people} people, {systems} systems",
        )
        elements = catalogue.register_terms(stage, crowd)
        say.step(
            f"标准、代码集和 {elements:,} 个数据元已登记",
            f"standards, code lists and {elements:,} elements",
        )
        sources = catalogue.become_sources(stage, crowd)
        say.step(f"{sources:,} 个数源已指定", f"{sources:,} sources are designated")
        if changed := catalogue.publish_entries(stage, crowd):
            # Their records would be those of other entries than the ones in force.
            raise _changed(changed)
        entries = len(region.resources)
        say.step(f"{entries} 个资源已发布", f"{entries} resources are published")
        telling.begin(stage)
        taken = records.publish(stage, crowd, cast)
        say.step(f"{taken:,} 条记录已提交", f"{taken:,} records are published")
        pairs = sharing.subscribe(stage, crowd)
        say.step(f"{pairs} 项共享已授权", f"{pairs} uses are agreed")
        used = using.use(stage, crowd, cast, tables)
        say.step(
            f"{used} 项已按授权使用，提供方与使用方的摘要一致",
            f"{used} uses have taken place, and the digests of both sides agree",
        )
        say.step(*_told(*telling.tell(stage, cast)))
        opened = opening.download(stage, crowd, cast)
        say.step(
            f"{opened} 个开放资源无需登录即可下载，内容与所提交的一致",
            f"{opened} open entries are downloaded by anybody, and are what was published",
        )


def _told(happened: int, waiting: int) -> tuple[str, str]:
    """Say what has happened; a grant of one day is not over before its day is."""
    chinese = f"{happened} 件事已发生：数源争议、答复、校核、合并、公告、督办、停用与处置"
    english = f"{happened} events: contests, answers, a correction, a merger, an order, ends"
    if waiting:
        chinese += f"；另有 {waiting} 项授权今日 24 时到期，此后再运行时复核"
        english += f"; {waiting} grant ends tonight, and the next run after that looks at it"
    return chinese, english


def _changed(resources: list[Resource]) -> Failure:
    names = "、".join(each.name for each in resources)
    return Failure(
        f"这些资源已发布，文件中的描述与之不同，未作改动：{names}；"
        "请由提供部门修订（revise），或在文件中改回，然后重复 make region。",
        f"These entries are in force and the files describe others; nothing was changed: {names}. "
        "Let their departments revise them, or take the change back; then repeat make region.",
    )
