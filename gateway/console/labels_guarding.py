"""What people call alarms, with what to do about each, and limits."""

from collections.abc import Mapping
from typing import Final

from gateway.console.texts import N_

ALARMS: Final = {
    "guessing": N_("疑似猜测核验值"),
    "wrong_secrets": N_("反复出错的口令或密钥"),
    "token_reused": N_("令牌被重复使用"),
    "key_leaked": N_("签名密钥因泄露停用"),
    "file_infected": N_("文件未通过安全扫描"),
    "access_restored": N_("以命令恢复管理权限"),
    "database_restored": N_("平台从备份恢复"),
    "audit_broken": N_("审计链不完整"),
}
ADVICE: Final = {
    "guessing": N_(
        "该授权最近一百次核验多数不一致，可能在逐个试值。请向需求部门核实用途；当日第三次时平台已暂停该授权并告知双方。"
    ),
    "wrong_secrets": N_(
        "同一名称、同一来源在一小时内至少五次出错。请核对来源地址；是本单位人员或系统的，协助其更正；不是的，更换口令或密钥并在网络上拦截该来源。"
    ),
    "token_reused": N_(
        "已用过的授权码或刷新令牌再次出现，说明有人持有副本；该次登录的全部令牌已失效。请核实当事人，必要时更换口令或密钥。"
    ),
    "key_leaked": N_("旧密钥签发的令牌已全部失效。请核实泄露原因，并查看此前一段时间的签发记录。"),
    "file_infected": N_("该文件未被接收。请通知提供部门检查其系统。"),
    "access_restored": N_("有人在服务器上以命令恢复了管理角色。请与运维人员核实是否经过批准。"),
    "database_restored": N_(
        "数据库已恢复到较早时刻，其后的决定须逐项重做。请与运维人员核对恢复原因和遗失的决定。"
    ),
    "audit_broken": N_(
        "审计日志与写入时不一致。请保留现场，不要改动数据库，以此前的归档和备份核对不符之处。"
    ),
}
SUBJECTS: Final = {
    "person": N_("人员"),
    "client": N_("应用系统"),
    "subscription": N_("共享授权"),
    "resource": N_("目录条目"),
    "family": N_("一次登录"),
    "keys": N_("签名密钥"),
    "platform": N_("平台"),
    "audit": N_("审计日志"),
}
FACTS: Final = {
    "alarms": N_("当日告警次数"),
    "failures": N_("出错次数"),
    "source": N_("来源地址"),
    "error": N_("错误"),
    "reason": N_("原因"),
    "code": N_("错误代码"),
    "file": N_("文件标识"),
    "used_at": N_("此前使用于"),
    "events": N_("事件数"),
}
LIMIT_GROUPS: Final = {
    "rates": N_("频率"),
    "quotas": N_("配额"),
    "sizes": N_("大小"),
    "counts": N_("数量"),
    "times": N_("超时"),
    "terms": N_("期限"),
}
LIMIT_UNITS: Final = {
    "per_second": N_("每秒"),
    "seconds": N_("秒"),
    "hours": N_("小时"),
    "days": N_("天"),
    "working_days": N_("个工作日"),
    "for_ever": N_("永久"),
}
PROCESSES: Final[Mapping[str, str]] = {
    "gateway": N_("网关"),
    "worker": N_("后台进程"),
}
TOLD: Final[Mapping[str, str]] = {
    "dead_loops": N_("已停止的工作"),
    "warnings": N_("须留意"),
    "clock_ahead_seconds": N_("时钟超前（秒）"),
    "connections": N_("数据库连接"),
    "rules_age_seconds": N_("规则的确认距今（秒）"),
    "open_polls": N_("等待新数据的请求"),
    "idle": N_("空闲"),
    "used": N_("在用"),
    "allowed": N_("上限"),
}
NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "process": PROCESSES,
    "process_told": TOLD,
    "alarm": ALARMS,
    "alarm_advice": ADVICE,
    "alarm_subject": SUBJECTS,
    "alarm_fact": FACTS,
    "limit_group": LIMIT_GROUPS,
    "limit_unit": LIMIT_UNITS,
}
