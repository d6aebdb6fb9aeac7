"""Limits that settings decide, by their fields; every other field is named in NO_LIMITS; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from gateway.limits.model import RATE, Group, Unit, refused
from kernel.errors import Text


@dataclass(frozen=True, slots=True)
class Setting:
    """A limit that a setting decides; a client may have one of its own in its place."""

    group: Group
    unit: Unit
    name: Text
    beyond: Text
    of_clients: bool = False


_FULL: Final = Text(
    "拒绝：503 unavailable，单个应用系统占到四分之一时 429",
    "refused: 503 unavailable, one client beyond a quarter of it 429",
)
_LAW: Final = Text("计为逾期，列入监督", "counts as late, and is told to supervision")
_GONE: Final = Text("到期删除，不能再查", "is deleted, and cannot be asked for any more")
G, U = Group, Unit
SETTINGS: Final[Mapping[str, Setting]] = MappingProxyType(
    {
        "rate_client_per_second": Setting(
            G.RATES,
            U.PER_SECOND,
            Text("单个应用系统的上报和提取，平均", "publishes and pulls of one client, on average"),
            RATE,
            of_clients=True,
        ),
        "rate_client_burst": Setting(
            G.RATES,
            U.NUMBER,
            Text("单个应用系统的上报和提取，一次", "publishes and pulls of one client, at once"),
            RATE,
            of_clients=True,
        ),
        "rate_subscription_per_second": Setting(
            G.RATES,
            U.PER_SECOND,
            Text("单项授权的提取，平均", "pulls of one subscription, on average"),
            RATE,
            of_clients=True,
        ),
        "rate_subscription_burst": Setting(
            G.RATES,
            U.NUMBER,
            Text("单项授权的提取，一次", "pulls of one subscription, at once"),
            RATE,
            of_clients=True,
        ),
        "rate_source_per_second": Setting(
            G.RATES,
            U.PER_SECOND,
            Text(
                "单个调用者或来源地址的其他请求，每个工作进程，平均",
                "other requests of one caller or address, of each worker, on average",
            ),
            RATE,
        ),
        "rate_source_burst": Setting(
            G.RATES,
            U.NUMBER,
            Text(
                "单个调用者或来源地址的其他请求，一次",
                "other requests of one caller or address, at once",
            ),
            RATE,
        ),
        "sign_in_names_per_source": Setting(
            G.RATES,
            U.NUMBER,
            Text(
                "同一来源一小时内登录失败的用户名",
                "names that fail to sign in from one address in an hour",
            ),
            Text(
                "该来源的生面孔须等待，常用浏览器不受影响",
                "strangers there wait; browsers that signed in before do not",
            ),
        ),
        "verify_subjects_per_day": Setting(
            G.QUOTAS,
            U.NUMBER,
            Text(
                "单项核验授权每日的主键", "keys that a verify subscription may ask about in a day"
            ),
            refused(429, "quota_exhausted", "次日恢复", "until the next day"),
        ),
        "verify_tries_per_subject": Setting(
            G.QUOTAS,
            U.NUMBER,
            Text("同一主键每日的核验次数", "times that one key may be asked about in a day"),
            refused(429, "quota_exhausted", "次日恢复", "until the next day"),
        ),
        "verify_mismatch_percent": Setting(
            G.QUOTAS,
            U.PERCENT,
            Text("最近一百次核验中的不一致", "mismatches among the last hundred tries"),
            refused(
                429,
                "guessing_suspected",
                "并告警，当日第三次暂停授权",
                "and an alarm, the third of a day suspends",
            ),
        ),
        "quarantine_entries": Setting(
            G.QUOTAS,
            U.NUMBER,
            Text("单个资源隔离区的记录", "records in the quarantine of one resource"),
            refused(422, "quarantine_full"),
        ),
        "quarantine_bytes": Setting(
            G.QUOTAS,
            U.BYTES,
            Text("单个资源隔离区的大小", "size of the quarantine of one resource"),
            refused(422, "quarantine_full"),
        ),
        "inflight_bytes": Setting(
            G.SIZES,
            U.BYTES,
            Text("一个工作进程同时持有的请求正文", "bodies that a worker holds at once"),
            _FULL,
        ),
        "untaken_bytes": Setting(
            G.SIZES,
            U.BYTES,
            Text("一个工作进程中无人接收的应答", "answers that a worker holds and nobody takes"),
            _FULL,
        ),
        "jobs_at_once": Setting(
            G.COUNTS,
            U.NUMBER,
            Text("一个后台进程同时办理的任务", "jobs that a worker runs side by side"),
            Text("其余排队", "others wait their turn"),
        ),
        "database_pool": Setting(
            G.COUNTS,
            U.NUMBER,
            Text("一个进程的数据库连接", "database connections of a process"),
            Text("其余等待，十秒后 503", "others wait, and are refused with 503 after ten seconds"),
        ),
        "access_token_seconds": Setting(
            G.TIMES,
            U.SECONDS,
            Text("访问令牌的有效时间", "life of an access token"),
            refused(401, "token_expired"),
        ),
        "refresh_token_seconds": Setting(
            G.TIMES,
            U.SECONDS,
            Text("人员一次登录的最长时间", "longest life of a staff sign-in"),
            Text("须重新登录", "one signs in again"),
        ),
        "sign_in_idle_seconds": Setting(
            G.TIMES,
            U.SECONDS,
            Text("浏览器登录无操作的时间", "idle time of a browser's sign-in"),
            Text("须重新登录，已填内容保留", "one signs in again, nothing typed is lost"),
        ),
        "rules_stale_seconds": Setting(
            G.TIMES,
            U.SECONDS,
            Text(
                "放行记录所依规则的最长确认间隔",
                "oldest confirmation of the rules under which a record leaves",
            ),
            refused(503, "unavailable"),
        ),
        "audit_flush_seconds": Setting(
            G.TIMES,
            U.SECONDS,
            Text("取用计数在内存中停留的时间", "time that counts of reads wait in memory"),
            Text("写入数据库", "they are written down"),
        ),
        "drain_seconds": Setting(
            G.TIMES,
            U.SECONDS,
            Text("停止前仍接受请求的时间", "time from the signal to stop to refusing requests"),
            refused(503, "unavailable"),
        ),
        "signing_key_days": Setting(
            G.TERMS,
            U.DAYS,
            Text("令牌签名密钥的使用期", "age of a signing key"),
            Text("自动更换；0 为不更换", "it is replaced; 0 is never"),
        ),
        "retention_hours": Setting(
            G.TERMS,
            U.HOURS,
            Text("新资源的记录保留时间", "how long a new topic keeps records"),
            Text("更早的记录不可取用；-1 为永久", "older records are gone; -1 is for ever"),
        ),
        "quarantine_days": Setting(
            G.TERMS,
            U.DAYS,
            Text("隔离区记录的保留期", "how long records stay in quarantine"),
            _GONE,
        ),
        "receipts_days": Setting(
            G.TERMS,
            U.DAYS,
            Text("回执在列表中的保留期", "how long receipts are listed"),
            Text("不再列出，仍可按编号查询", "no longer listed; each is read by its id"),
        ),
        "ledger_days": Setting(
            G.TERMS,
            U.DAYS,
            Text("交付台账分页的保留期", "how long pages of delivery ledgers are kept"),
            _GONE,
        ),
        "events_days": Setting(
            G.TERMS, U.DAYS, Text("部门动态的保留期", "how long events are kept"), _GONE
        ),
        "refusals_days": Setting(
            G.TERMS, U.DAYS, Text("被拒请求的保留期", "how long refused requests are kept"), _GONE
        ),
        "reply_conditional_days": Setting(
            G.TERMS,
            U.WORKING_DAYS,
            Text("有条件共享的答复期限（第二十一条）", "to answer for conditional data (Art 21)"),
            _LAW,
        ),
        "extension_days": Setting(
            G.TERMS,
            U.WORKING_DAYS,
            Text(
                "一份申请延长答复的合计（第二十一条）", "all extensions of one application (Art 21)"
            ),
            refused(422, "validation_failed"),
        ),
        "delivery_days": Setting(
            G.TERMS,
            U.WORKING_DAYS,
            Text("同意后供给的期限（第二十二条）", "to deliver after agreeing (Art 22)"),
            _LAW,
        ),
        "correction_days": Setting(
            G.TERMS,
            U.WORKING_DAYS,
            Text("校核办理的期限（第二十六条）", "to answer a correction (Art 26)"),
            _LAW,
        ),
        "disposal_days": Setting(
            G.TERMS,
            U.WORKING_DAYS,
            Text(
                "授权终止后处置数据的期限（第二十七条）",
                "to dispose of data after the end (Art 27)",
            ),
            _LAW,
        ),
    }
)
# Where things are, who may come in, how something is done: nobody passes them.
NO_LIMITS: Final = frozenset(
    {
        "environment", "database_url", "database_tls", "database_tls_ca_file",
        "database_tls_cert_file", "database_tls_key_file", "kafka_bootstrap",
        "kafka_security_protocol", "kafka_sasl_mechanism", "kafka_sasl_username",
        "kafka_sasl_password_file", "kafka_ca_file", "kafka_cert_file", "kafka_key_file",
        "replication_factor", "min_insync_replicas", "base_url", "open_licence", "master_key",
        "master_key_file", "other_master_keys", "other_master_keys_file", "host", "port", "workers",
        "four_eyes", "trusted_proxies", "compile_after_records", "similar_score", "blobs_dir",
        "map_file", "bucket_url", "bucket_region", "bucket_key_id", "bucket_secret_file",
        "bucket_ca_file", "reports_dir", "scan_address", "outbound_ca_file", "outbound_http",
        "outbound_forbidden", "outbound_loopback", "smtp_host", "smtp_port", "smtp_tls",
        "smtp_ca_file", "smtp_username", "smtp_password_file", "smtp_from", "metrics_host",
        "gateway_metrics_port", "worker_metrics_port", "metrics_dir", "worker_heartbeat_file",
        "step_log_ms", "log_level",
    }
)  # fmt: skip
