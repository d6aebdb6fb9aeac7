"""What is left behind: the running platform, and commands to go on with it."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from deploy.demo.cast import CONSUMER, PROVIDER
from deploy.demo.exchange import Flow
from deploy.demo.narrator import Narrator
from deploy.demo.stage import Stage
from exchange.log.topics import topic_of

# What it does in Chinese and in English, and the line to type.
Command = tuple[str, str, str]
EXAMPLE = {
    "code": "450102001999",
    "name": "演示社区",
    "level": "village",
    "parent_code": "450102001000",
}


def hand_over(stage: Stage, narrator: Narrator, flow: Flow) -> None:
    """Print commands that work as they stand, in the folder where the demo was started."""
    page = f"{stage.base_url}/docs"
    narrator.title(
        f"完成，用时 {narrator.seconds:.1f} 秒。平台仍在运行：{page}。可继续：",
        f"Done in {narrator.seconds:.1f} s. The platform goes on running. Try:",
    )
    for chinese, english, line in [*_over_http(stage, flow), *_beneath(stage, flow)]:
        narrator.command(chinese, english, line)


def _over_http(stage: Stage, flow: Flow) -> Iterator[Command]:
    shuyuan, folder = _program(), stage.memory.folder
    provider, consumer = (_shown(folder / f"{one.profile}.env") for one in (PROVIDER, CONSUMER))
    example = folder / "example.ndjson"
    example.write_text(json.dumps(EXAMPLE, ensure_ascii=False) + "\n", encoding="utf-8")
    publish = f"{shuyuan} publish {_shown(example)} --resource {flow.resource_id}"
    pull = f"{shuyuan} pull --subscription {flow.subscription_id} --profile {consumer}"
    yield "令牌", "a token", f"{shuyuan} token --profile {consumer}"
    yield "提交", "publish", f"{publish} --profile {provider} --run $(date +%s)"
    yield "提取", "pull", f"{pull} --from earliest | tail -n 3"
    yield "等待新记录", "wait for records", f"{pull} --from latest --follow"


def _beneath(stage: Stage, flow: Flow) -> Iterator[Command]:
    environment = stage.platform.environment
    broker, topic = environment["SHUYUAN_KAFKA_BOOTSTRAP"], topic_of(flow.resource_id)
    yield "主题", "the topic", f"kcat -b {broker} -t {topic} -C -o -3 -e -f '%k %s\\n'"
    database = {"SHUYUAN_DATABASE_URL": environment["SHUYUAN_DATABASE_URL"]}
    profile = _shown(stage.memory.write_profile("platform", **database))
    yield "审计", "the audit log", f"(set -a; . {profile}; {_program()} audit verify)"
    secrets = f"{_shown(stage.platform.credentials)} {_shown(stage.memory.file)}"
    yield "人员口令", "passwords", f"cat {secrets}"


def _program() -> str:
    return _shown(Path(sys.executable).with_name("shuyuan"))


def _shown(path: Path) -> str:
    """Return the path as short as it can be said from here."""
    absolute = path if path.is_absolute() else Path.cwd() / path
    near = os.path.relpath(absolute)
    return str(absolute) if near.startswith("..") else near
