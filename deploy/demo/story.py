"""The story, step by step; each step proves what it tells, or raises ProofFailed."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime

from deploy.demo import (
    announcing,
    catalogue,
    correcting,
    exchange,
    landing,
    opening,
    oversight,
    registry,
    sharing,
    tampering,
    workbook,
)
from deploy.demo.cast import (
    APPROVED,
    CIVIL_AFFAIRS,
    CODE,
    CONSUMER,
    IMPORTED,
    NARROWER,
    PROVIDER,
    STATISTICS,
)
from deploy.demo.divisions import COUNT, divisions
from deploy.demo.ending import hand_over
from deploy.demo.exchange import Flow
from deploy.demo.merging import merge
from deploy.demo.narrator import Narrator
from deploy.demo.proof import require
from deploy.demo.stage import Platform, Stage

DIGEST_SHOWN = 16


def tell(platform: Platform, narrator: Narrator) -> None:
    """Play everything on a running platform; raises Failure with a sentence and its remedy."""
    narrator.title(
        f"数源演示：{COUNT:,} 个广西统计用区划，从自治区统计局共享到农业农村厅",
        f"Shuyuan demo: {COUNT:,} statistical divisions, shared by one department with another",
    )
    with Stage(platform) as stage:
        consumer = _gather(stage, narrator)
        resource_id = _catalogue(stage, narrator)
        _import(stage, narrator)
        # Its missed day is noticed by the worker while the story goes on.
        oversight.report_change(stage, resource_id)
        flow = _agree(stage, narrator, resource_id, consumer)
        since = datetime.now(UTC)
        flow = _exchange(stage, narrator, flow)
        _refuse(stage, narrator, flow)
        _change(stage, narrator, flow)
        _land(stage, narrator, flow, consumer, since)
        _correct(stage, narrator, resource_id)
        _verify(stage, narrator, resource_id, consumer)
        _suspend(stage, narrator, resource_id, consumer)
        _announce(stage, narrator, consumer)
        _open(stage, narrator)
        _merge(stage, narrator)
        _oversee(stage, narrator, resource_id)
        _audit(stage, narrator)
        hand_over(stage, narrator, flow)


def _gather(stage: Stage, narrator: Narrator) -> str:
    registry.register_bureaus(stage)
    registry.register_system(stage, PROVIDER)
    consumer = registry.register_system(stage, CONSUMER)
    narrator.step(
        "统计局、农业农村厅、民政厅及其经办、负责人和两个应用系统就位（信用代码为虚构，校验位有效）",
        "three departments, their people and two systems (credit codes fictitious but valid)",
    )
    return consumer


def _catalogue(stage: Stage, narrator: Narrator) -> str:
    catalogue.register_elements(stage)
    catalogue.become_source(stage, STATISTICS)
    narrator.step(
        "大数据发展局指定统计局为统计用区划代码、名称、级别的唯一数源",
        "the authority designates Statistics as the one source of code, name and level",
    )
    catalogue.contest(stage, CIVIL_AFFAIRS, CODE)
    catalogue.require_source(stage, STATISTICS, CODE)
    narrator.step(
        "民政厅的第二个认责成为「有争议」；再指定它得到 409，数源仍只有统计局一家",
        "a second claim is contested; designating it answers 409; there is still one source",
    )
    resource_id = catalogue.publish_resource(stage)
    narrator.step(
        "「广西统计用区划代码」四个信息项，经负责人签发、大数据发展局审核后发布",
        "the resource of four items is signed off, reviewed and published",
    )
    return resource_id


def _import(stage: Stage, narrator: Narrator) -> None:
    said = workbook.import_entries(stage)
    narrator.step(
        f"农业农村厅用一个工作簿起草 {len(IMPORTED)} 条目录；其中一条被标出可能重复：{said}",
        f"{len(IMPORTED)} entries are drafted from one workbook; the data of one are shared "
        "already, and the workbook that comes back says by whom",
    )


def _agree(stage: Stage, narrator: Narrator, resource_id: str, consumer: str) -> Flow:
    subscription = sharing.subscribe(stage, resource_id, consumer, APPROVED)
    require(
        subscription["items"] == list(APPROVED),
        f"授权的信息项应为 {APPROVED}，实为 {subscription['items']}",
        f"the grant should have {APPROVED}, has {subscription['items']}",
    )
    narrator.step(
        "农业农村厅申请四项中的三项，双方工作机构负责人同意，形成共享授权",
        "Agriculture applies for three of the four items; both heads consent",
    )
    cursor = stage.as_(CONSUMER.name).rewind(subscription["id"], "latest")
    return Flow(resource_id, subscription["id"], cursor)


def _exchange(stage: Stage, narrator: Narrator, flow: Flow) -> Flow:
    published = exchange.publish_file(stage, flow.resource_id)
    require(
        published.records == COUNT,
        f"应入库 {COUNT:,} 条，回执合计 {published.records:,} 条",
        f"{COUNT:,} should be stored, the receipts say {published.records:,}",
    )
    narrator.step(
        f"统计局提交 {published.records:,} 条，每条都经契约校验：{published.rate:,.0f} 条/秒",
        f"{published.records:,} records published, each checked: {published.rate:,.0f} records/s",
    )
    arrived, cursor, pulled = exchange.pull_rest(stage, flow)
    digest = exchange.require_everything(arrived)
    narrator.step(
        f"农业农村厅提取 {pulled.records:,} 条：{pulled.rate:,.0f} 条/秒；"
        f"条数与摘要 {digest[:DIGEST_SHOWN]}… 同文件中获批的三项一致",
        f"{pulled.records:,} records pulled: {pulled.rate:,.0f} records/s; count and digest equal "
        "the approved items of the file",
    )
    return replace(flow, cursor=cursor)


def _refuse(stage: Stage, narrator: Narrator, flow: Flow) -> None:
    reason = exchange.refused_reason(stage, flow, divisions()[-1])
    narrator.step(
        f"不合格的记录连同整批被拒：第 {reason['index'] + 1} 条 {reason['path']} "
        f"{reason['message']} [{reason['code']}]",
        "a bad record is refused with its reason, and nothing of its batch is stored",
    )


def _change(stage: Stage, narrator: Narrator, flow: Flow) -> None:
    rows = divisions()
    first = next(row for row in rows if row["level"] == "village")
    last = rows[-1]
    renamed = first | {"name": first["name"] + "（演示更名）"}
    cursor = exchange.change_and_delete(stage, flow, renamed, last)
    exchange.put_back(stage, replace(flow, cursor=cursor), first, last)
    narrator.step(
        f"更新 {first['code']}、删除 {last['code']}，下游按序收到这两项；随后恢复原数据",
        "one update and one deletion arrive downstream in order; the true data is put back",
    )


def _land(stage: Stage, narrator: Narrator, flow: Flow, consumer: str, since: datetime) -> None:
    landed = landing.land(stage, flow, consumer, since)
    narrator.step(
        f"库表代理把 {landed.records:,} 行写入农业农村厅自己的 PostgreSQL 表，数据与位点同一事务："
        f"{landed.seconds:.1f} 秒，内容与获批的三项一致",
        f"the agent lands {landed.records:,} rows in a PostgreSQL table of the consumer, rows and "
        f"position in one transaction: {landed.seconds:.1f} s",
    )


def _correct(stage: Stage, narrator: Narrator, resource_id: str) -> None:
    granted = correcting.bundle(stage, resource_id)
    narrator.step(
        "民政厅为三个系统一次打包申请、一次签批，统计局逐项同意，形成三个共享授权",
        "Civil Affairs applies for three systems in one bundle, signed once, decided line by line",
    )
    row = secrets.choice([row for row in divisions()[1:-1] if row["level"] == "village"])
    correcting.correct(stage, resource_id, granted, row)
    narrator.step(
        f"{row['code']} 的名称有误，三个系统中两个已取用；民政厅提出校核，统计局更正："
        "取用过的两个收到带校核编号的记录，第三个收到同一记录而无标记",
        "a wrong name had reached two of three systems: these two see the fix marked, the third "
        "sees the same record without a mark",
    )


def _oversee(stage: Stage, narrator: Narrator, resource_id: str) -> None:
    order = oversight.remedy(stage, resource_id)
    narrator.step(
        f"目录未按时更新（C1），平台按第 {order['violations'][0]['article']} 条记一次违规；"
        "大数据发展局下达督办单，统计局更新目录并答复，督办办结",
        "an entry not updated in time is one violation; it becomes an order, is remedied, "
        "answered and closed",
    )
    figures = oversight.figures(stage)
    shown = ("answered_timely", "delivered_timely", "corrected_timely", "mounted")
    listed = "，".join(oversight.told(figures[each]) for each in shown)
    narrator.step(
        f"统计局的指标：{listed}，调用量 {figures['calls']['numerator']:,}；每项都能查到背后的事项",
        "the provider's indicators, each with the cases behind it",
    )


def _verify(stage: Stage, narrator: Narrator, resource_id: str, consumer: str) -> None:
    subscription = sharing.subscribe(stage, resource_id, consumer, NARROWER, "verify")
    row = secrets.choice(divisions()[1:-1])
    right, wrong = (
        sharing.verify(stage, subscription["id"], row["code"], name)
        for name in (row["name"], row["name"] + "（误）")
    )
    require(right and not wrong, "核验结果不正确", "the answers of the verify are wrong")
    narrator.step(
        f"以核验方式询问 {row['code']} 的名称：一致为 true，不一致为 false，平台不给出数据",
        "asked by verify, a right name answers true and a wrong one false; no value leaves",
    )


def _suspend(stage: Stage, narrator: Narrator, resource_id: str, consumer: str) -> None:
    subscription = sharing.subscribe(stage, resource_id, consumer, NARROWER)
    page = stage.as_(CONSUMER.name).page(subscription["id"], limit=1)
    require(bool(page.lines), "停用前应能提取", "records should leave before the suspension")
    sharing.suspend(stage, subscription["id"])
    seconds = sharing.seconds_until_stopped(stage, subscription["id"])
    narrator.step(
        f"第二个共享授权被提供部门停用：{1000 * seconds:.0f} 毫秒起一律 403 subscription_suspended",
        f"a second subscription is suspended; {1000 * seconds:.0f} ms later pulls answer 403",
    )


def _announce(stage: Stage, narrator: Narrator, consumer: str) -> None:
    shown = announcing.announce(stage, consumer)
    narrator.step(
        f"《{shown['name']}》的新版本会收窄现有授权：先公告，需求部门同意前发布得 409，"
        f"同意后第 {shown['version']} 版生效",
        "a version that narrows a subscription is announced; published before its consumer "
        "consents it answers 409, and afterwards it is in force",
    )


def _open(stage: Stage, narrator: Narrator) -> None:
    count = opening.read(stage)
    narrator.step(
        f"开放目录（DCAT-AP）由独立的 rdflib 逐页读取：{count} 个数据集，含本演示的资源、"
        "发布部门和下载地址",
        f"the open catalogue, read page by page by rdflib, lists {count} datasets: the demo's own "
        "with its publisher and its downloads",
    )


def _merge(stage: Stage, narrator: Narrator) -> None:
    effects = merge(stage)
    entries, people = effects["entries"]["count"], effects["people"]
    narrator.step(
        "测绘地理信息局并入自然资源厅：先推演，后台一次完成；"
        f"目录 {entries} 条、人员 {people} 名随之划转，原令牌继续有效",
        "a department is merged into another one: rehearsed, then done in one transaction; its "
        "entry and its people are the successor's, under the tokens that they have",
    )


def _audit(stage: Stage, narrator: Narrator) -> None:
    verified = tampering.verify_and_tamper(stage.platform.environment)
    narrator.step(
        f"{verified.log}；在副本中改动一行后：{verified.copy}",
        "the audit chain verifies; in a copy with one row changed, the place is named",
    )
