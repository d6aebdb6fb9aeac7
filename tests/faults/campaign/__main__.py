"""`python -m tests.faults.campaign`: faults by the hundred under load, and the verdict."""

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deploy.arguments import Parser
from deploy.local.up import place
from tests.faults.campaign import disk
from tests.faults.campaign.outcome import Outcome, markdown
from tests.faults.campaign.playing import Options, play
from tests.faults.campaign.topics import Many, measure
from tests.support import leftovers

RESULTS = Path(__file__).parents[3] / "loadtests" / "results"
SEEDS, FAULTS, TOPICS = 5, 60, 2000
SEED_MAX = 10**6
KEPT = ("SHUYUAN_LANG", "SHUYUAN_LOCAL_DIR", "SHUYUAN_CACHE_DIR", "SHUYUAN_MAVEN_URL")


def main() -> None:
    """Play the seeds, write the table, and exit with 1 when anything was violated."""
    asked = _arguments()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)  # servers are ours: stop them orderly
    reason = disk.enter_namespace()
    for name in [name for name in os.environ if name.startswith("SHUYUAN_")]:
        if name not in KEPT:
            del os.environ[name]  # the caller's platform is none of ours
    if reason:
        tell(f"broker's disk full is left out: {reason}")
    leftovers.watch()
    outcomes: list[Outcome] = []
    for seed in _seeds(asked):
        outcomes.append(_play(asked, seed, small_disk=not reason))
        if not asked.quick:
            _write(markdown(outcomes), outcomes, None)  # the next seed may be interrupted
    many = _measure_topics(asked)
    table = markdown(outcomes) + (f"- {many.told()}\n" if many else "")
    sys.stdout.write("\n" + table)
    if not asked.quick:
        _write(table, outcomes, many)
        tell(f"{RESULTS / 'faults.md'}, {RESULTS / 'faults.json'}")
    sys.exit(any(outcome.violations for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = Parser("python -m tests.faults.campaign", "故障演练 / faults under load")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help="种子的个数 / how many seeds to play"
    )
    parser.add_argument(
        "--faults", type=int, default=FAULTS, help="每个种子的故障数 / faults of each seed"
    )
    parser.add_argument(
        "--seed",
        type=int,
        action="append",
        help="用此种子，可多次给出 / play this seed; may be repeated",
    )
    parser.add_argument(
        "--brokers", type=int, default=1, choices=(1, 3), help="代理节点数 / how many brokers"
    )
    parser.add_argument(
        "--topics",
        type=int,
        default=TOPICS,
        help="最后建立的主题数，0 为不做 / how many at the end, 0: none",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="每种短故障一次，不写文件 / each short kind once, no files",
    )
    parser.add_argument(
        "--folder", type=Path, help="各服务存放数据的文件夹 / where the servers keep their data"
    )
    parser.add_argument(
        "--keep", action="store_true", help="保留各种子的文件夹 / keep the folder of a seed"
    )
    asked: argparse.Namespace = parser.parse_args()
    return asked


def _seeds(asked: argparse.Namespace) -> Sequence[int]:
    chosen: list[int] = asked.seed or [random.randrange(SEED_MAX) for _ in range(asked.seeds)]  # noqa: S311
    return chosen


def _folder(asked: argparse.Namespace) -> Path:
    folder: Path = asked.folder or place().state_dir / "faults"
    return folder


def _play(asked: argparse.Namespace, seed: int, *, small_disk: bool) -> Outcome:
    folder = _folder(asked) / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    again = f"--seed {seed} --faults {asked.faults} --brokers {asked.brokers}"
    tell(f"seed {seed}: {asked.faults} faults (again: {again})")
    options = Options(
        seed, asked.faults, folder, asked.quick, small_disk and asked.brokers == 1,
        asked.brokers, tell,
    )  # fmt: skip
    outcome = asyncio.run(play(options))
    if outcome.violations:
        tell(f"✗ seed {seed}: {len(outcome.violations)} violations; logs and ledger in {folder}")
        for violation in outcome.violations:
            tell(f"    ✗ {violation}")
    else:
        tell(f"✓ seed {seed}: nothing violated in {outcome.seconds:.0f} s")
        if not asked.keep:
            shutil.rmtree(folder, ignore_errors=True)
    return outcome


def _measure_topics(asked: argparse.Namespace) -> Many | None:
    if asked.quick or not asked.topics:
        return None
    folder = _folder(asked) / "topics"
    shutil.rmtree(folder, ignore_errors=True)
    tell(f"the broker with {asked.topics:,} topics")
    many = asyncio.run(measure(folder, asked.topics))
    shutil.rmtree(folder, ignore_errors=True)
    return many


def _write(table: str, outcomes: Sequence[Outcome], many: Many | None) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "faults.md").write_text(table, encoding="utf-8")
    told = {
        "seeds": [asdict(outcome) for outcome in outcomes],
        "topics": many.facts() if many else None,
    }
    text = json.dumps(told, ensure_ascii=False, indent=1)
    (RESULTS / "faults.json").write_text(text, encoding="utf-8")


def tell(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
