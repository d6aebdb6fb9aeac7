"""What people call the codes of registers, workbooks and reorganisations."""

from collections.abc import Mapping
from typing import Final

from gateway.console.texts import N_

NOTICE_STATES: Final = {
    "running": N_("更新计时中"),
    "late": N_("更新已逾期"),
    "extension_requested": N_("已申请延长"),
    "extended": N_("已延长"),
    "in_review": N_("已更新，待审核"),
}
DEMAND_SIDES: Final = {
    "demander": N_("我部门提出的"),
    "assigned": N_("我部门承办的"),
    "authority": N_("本辖区的"),
}
NODES: Final = {
    "element": N_("数据元"),
    "source": N_("数源"),
    "resource": N_("资源"),
    "subscription": N_("授权"),
    "department": N_("部门"),
}
EDGES: Final = {
    "provides": N_("提供"),
    "source_of": N_("是其数源"),
    "item_of": N_("是其信息项"),
    "derived": N_("派生"),
    "granted": N_("授权给"),
    "consumes": N_("取用"),
}
WORKBOOKS: Final = {
    "catalogue": N_("目录"),
    "elements": N_("数据元"),
    "code-lists": N_("代码集"),
}
JOB_KINDS: Final = {
    "import.catalogue": N_("导入目录"),
    "import.elements": N_("导入数据元"),
    "import.code-lists": N_("导入代码集"),
    "replacement.commit": N_("提交全量替换"),
    "export.catalogue": N_("导出目录"),
    "export.elements": N_("导出数据元"),
    "export.code-lists": N_("导出代码集"),
    "upload.records": N_("人工上报数据"),
    "snapshot.make": N_("生成快照"),
    "file.finish": N_("检查上传的文件"),
    "open.make": N_("生成开放数据文件"),
}
JOB_STATES: Final = {
    "queued": N_("排队中"),
    "running": N_("办理中"),
    "done": N_("已完成"),
    "failed": N_("未能完成"),
    "cancelled": N_("已取消"),
}
MAP_KINDS: Final = {
    "same": N_("不变"),
    "renamed": N_("更名"),
    "merged": N_("合并"),
    "split": N_("拆分"),
    "ended": N_("停用"),
}
LEVELS: Final = {
    "state": N_("国家"),
    "region": N_("自治区"),
    "city": N_("市"),
    "county": N_("县（市、区）"),
    "township": N_("乡镇（街道）"),
    "village": N_("村（社区）"),
}
CHECKERS: Final = {
    "resident_id": N_("公民身份号码"),
    "uscc": N_("统一社会信用代码"),
    "division_code": N_("行政区划代码"),
    "mobile": N_("移动电话号码"),
}
DEPARTMENT_CHANGES: Final = {
    "dry_run": N_("推演"),
    "planned": N_("计划中"),
    "done": N_("已完成"),
    "cancelled": N_("已取消"),
    "failed": N_("未能完成"),
}

NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "demand_side": DEMAND_SIDES,
    "notice": NOTICE_STATES,
    "node": NODES,
    "edge": EDGES,
    "workbook": WORKBOOKS,
    "job_kind": JOB_KINDS,
    "job": JOB_STATES,
    "map": MAP_KINDS,
    "level": LEVELS,
    "checker": CHECKERS,
    "department_change": DEPARTMENT_CHANGES,
}
