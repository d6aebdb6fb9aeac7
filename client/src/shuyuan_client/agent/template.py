"""What `agent init` and `agent service` write: a configuration to fill in, a unit of systemd."""

from pathlib import Path

TEMPLATE = """\
# 库表代理的配置；密钥只写出处：env:变量名 或 file:路径
# The agent's configuration; secrets by reference only: env:NAME or file:PATH
name = "agent"
interval_seconds = 5

[exchange]
base_url = "https://exchange.example"
client_id = ""
secret = "env:SHUYUAN_CLIENT_SECRET"
# private_key = "file:/etc/shuyuan/client.pem"

[database]
kind = "postgresql"            # mysql: MySQL, MariaDB
host = "127.0.0.1"
database = ""
user = ""
password = "env:SHUYUAN_DATABASE_PASSWORD"
tls = "verify"                 # off | require | verify
# own_schema = "shuyuan"       # 代理自有表所在模式 / where the agent's own tables are
time_zone = "Asia/Shanghai"    # 无时区的时间列按此理解 / of columns without a time zone

# 提取到表 / a subscription into a table
[[pull]]
name = "people"
subscription = ""
table = "public.people"
key = ["id"]                   # 主键项；未获授权或已脱敏时改用 key_column = "exchange_key"
# columns = { id = "id", name = "full_name" }
# deletes = "mark"             # 缺省 delete；mark 时另设 mark_column
# mark_column = "is_deleted"
# after_gap = "remove"         # 位点过期重取后，未再出现的行：keep（缺省）或 remove

# 从表提交 / a table into a resource
# [[push]]
# name = "orders"
# resource = ""
# table = "public.orders"
# key = ["id"]
# method = "increment"         # increment | compare | outbox
# increment = "updated_at"
# look_back = 600              # 秒或数 / seconds, or numbers of an integer column
"""

UNIT = """\
[Unit]
Description=Shuyuan table agent 数源库表代理 ({name})
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command} agent run --config {config}
EnvironmentFile=-{environment}
Restart=on-failure
RestartSec=5
DynamicUser=yes
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
# A page is finished before the agent stops.
TimeoutStopSec=120

[Install]
WantedBy=multi-user.target
"""


def unit(name: str, command: str, config: Path) -> str:
    """Return a unit that runs the agent; secrets come from a file beside its configuration."""
    place = config.resolve()
    return UNIT.format(
        name=name, command=command, config=place, environment=place.with_suffix(".env")
    )
