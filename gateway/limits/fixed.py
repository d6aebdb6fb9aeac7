"""Limits that the code alone decides, by its own constants."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from auth.oauth import device
from catalog.contracts import keys, lines
from exchange.attachments import keeping
from exchange.bundles import drafting
from exchange.delivery import gathering
from exchange.delivery.files import providing
from exchange.delivery.lookup import budgets, verify
from exchange.delivery.push import sender
from exchange.delivery.snapshots import asking, making
from exchange.delivery.viewing import preview
from exchange.services import calls
from exchange.subscriptions import conditions
from gateway.api import uploads, workbooks
from gateway.hot import paths
from gateway.http import connection, head, outflow
from gateway.limits.model import RATE, Group, Unit, refused
from gateway.workbooks import records
from kernel import answers, jobs, paging
from kernel.errors import Text
from kernel.workbooks import reading


class Constant(NamedTuple):
    group: Group
    unit: Unit
    value: float
    name: Text
    beyond: Text


_BIG: Final = refused(413, "body_too_large")
G, U = Group, Unit
# What the code alone decides, by its own constants.
FIXED: Final[Sequence[Constant]] = (
    Constant(
        G.SIZES,
        U.BYTES,
        head.HEAD_MAX,
        Text("请求头", "head of a request"),
        refused(431, "head_too_large"),
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        paths.BODY_MAX,
        Text("一次上报的正文，解压后", "body of a publish, decoded"),
        _BIG,
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        lines.LINE_BYTES_MAX,
        Text("一条记录", "one record"),
        refused(422, "line_too_long"),
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        keys.KEY_BYTES_MAX,
        Text("一条记录的主键", "key of a record"),
        refused(422, "validation_failed"),
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        gathering.PAGE_BYTES_MAX,
        Text("提取的一页", "one page of a pull"),
        Text("分到下一页", "the rest comes with the next page"),
    ),
    Constant(
        G.SIZES, U.BYTES, uploads.FILE_MAX, Text("人工上报的表格", "workbook of an upload"), _BIG
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        workbooks.FILE_MAX,
        Text("导入目录、数据元、代码集的表格", "workbook of an import"),
        _BIG,
    ),
    Constant(G.SIZES, U.BYTES, keeping.BYTES_MAX, Text("一个附件", "one attachment"), _BIG),
    Constant(
        G.SIZES, U.BYTES, providing.BYTES_MAX, Text("一个转交的文件", "one provided file"), _BIG
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        making.BYTES_MAX,
        Text("一个快照文件", "one snapshot"),
        Text("任务失败：413", "its job fails with 413"),
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        calls.RECORDS_BYTES_MAX,
        Text("挂接服务的记录应答", "answer of a mounted service with records"),
        refused(502, "service_failed"),
    ),
    Constant(
        G.SIZES,
        U.BYTES,
        calls.OPAQUE_BYTES_MAX,
        Text("挂接服务的原样应答", "answer of a mounted service as it is"),
        refused(502, "service_failed"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        head.FIELDS_MAX,
        Text("请求头的字段", "fields of a head"),
        refused(431, "head_too_large"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        lines.RECORDS_MAX,
        Text("一次上报的记录", "records of a publish"),
        refused(422, "too_many_records"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        records.JOB_ROWS_MAX,
        Text("人工上报的行", "rows of an upload"),
        Text("拒绝：422，请分批导入", "refused: 422, split the file"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        reading.ROWS_MAX,
        Text("导入表格的行", "rows of an import"),
        Text("拒绝：422，请分批导入", "refused: 422, split the file"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        paging.LIMIT_MAX,
        Text("列表的一页", "one page of a list"),
        refused(400, "invalid_parameter"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        jobs.OPEN_MAX,
        Text("一个部门未完成的任务", "open jobs of a department"),
        RATE,
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        drafting.LINES_MAX,
        Text("一份批量申请的行", "lines of a bundle"),
        refused(422, "validation_failed"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        conditions.CONDITIONS_MAX,
        Text("一个行过滤的条件", "conditions of a row filter"),
        refused(422, "validation_failed"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        verify.EXPECTED_MAX,
        Text("一次核验的信息项", "items of one verification"),
        refused(422, "validation_failed"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        budgets.ALARMS_MAX,
        Text("一日内猜测核验值的告警", "alarms of guessing in a day"),
        Text("暂停该授权", "the subscription is suspended"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        asking.SNAPSHOTS_MAX,
        Text("一项授权保留的快照", "snapshots of a subscription"),
        RATE,
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        providing.OPEN_MAX,
        Text("一个资源未完成的文件上传", "open uploads of a resource"),
        RATE,
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        preview.RECORDS_MAX,
        Text("预览的记录", "records of a preview"),
        refused(400, "invalid_parameter"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        device.OPEN_OF_NETWORK_MAX,
        Text("一个网络等待确认的设备登录", "device sign-ins of one network that wait"),
        Text("拒绝：429，稍后再试", "refused: 429, try later"),
    ),
    Constant(
        G.COUNTS,
        U.NUMBER,
        answers.KEY_MAX,
        Text("Idempotency-Key 的字符", "characters of an Idempotency-Key"),
        refused(400, "invalid_parameter"),
    ),
    Constant(
        G.TIMES,
        U.SECONDS,
        connection.HEAD_SECONDS,
        Text("发送请求头", "to send a head"),
        refused(408, "request_timeout"),
    ),
    Constant(
        G.TIMES,
        U.SECONDS,
        paths.BODY_SECONDS,
        Text("发送正文", "to send a body"),
        refused(408, "request_timeout"),
    ),
    Constant(
        G.TIMES,
        U.SECONDS,
        outflow.UNTAKEN_SECONDS,
        Text("不接收应答", "without taking an answer"),
        Text("断开连接", "the connection ends"),
    ),
    Constant(
        G.TIMES,
        U.SECONDS,
        paths.WAIT_MAX,
        Text("等待新数据的请求（wait）", "a request that waits for news (wait)"),
        refused(400, "invalid_parameter"),
    ),
    Constant(
        G.TIMES,
        U.SECONDS,
        sender.TOTAL_SECONDS,
        Text("一次推送", "one push"),
        Text("稍后重试", "is tried again later"),
    ),
    Constant(
        G.TIMES,
        U.SECONDS,
        calls.RECORDS_SECONDS,
        Text("一次服务调用", "one call of a service"),
        refused(502, "service_failed"),
    ),
    Constant(
        G.TERMS,
        U.DAYS,
        jobs.KEPT_DAYS,
        Text("任务结果的保留期", "how long results of jobs are kept"),
        refused(410, "gone"),
    ),
)
