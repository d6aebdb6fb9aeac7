"""`python -m tests.faults.campaign`: faults by the hundred under load, and the verdict."""

import argparse
import asyncio
import json
import os
import random
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from deploy.local.up import place
from tests.faults.campaign import disk
from tests.faults.campaign.outcome import Outcome, markdown
from tests.faults.campaign.playing import Options, play

RESULTS = Path(__file__).parents[3] / "loadtests" / "results"
SEEDS, FAULTS = 5, 60
SEED_MAX = 10**6


def main() -> None:
    """Play the seeds, write the table, and exit with 1 when anything was violated."""
    asked = _arguments()
    reason = disk.enter_namespace()
    for name in [name for name in os.environ if name.startswith("SHUYUAN_DATABASE")]:
        del os.environ[name]
    if reason:
        tell(f"broker's disk full is left out: {reason}")
    outcomes = [_play(asked, seed, small_disk=not reason) for seed in _seeds(asked)]
    table = markdown(outcomes)
    sys.stdout.write("\n" + table)
    if not asked.quick:
        _write(table, outcomes)
    sys.exit(any(outcome.violations for outcome in outcomes))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.campaign", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many seeds to play")
    parser.add_argument("--faults", type=int, default=FAULTS, help="faults of each seed")
    parser.add_argument("--seed", type=int, action="append", help="play this seed; may be repeated")
    parser.add_argument("--quick", action="store_true", help="each short kind once, no files")
    parser.add_argument("--folder", type=Path, help="where the servers keep their data")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a seed")
    return parser.parse_args()


def _seeds(asked: argparse.Namespace) -> Sequence[int]:
    chosen: list[int] = asked.seed or [random.randrange(SEED_MAX) for _ in range(asked.seeds)]  # noqa: S311
    return chosen


def _play(asked: argparse.Namespace, seed: int, *, small_disk: bool) -> Outcome:
    folder: Path = (asked.folder or place().state_dir / "faults") / str(seed)
    shutil.rmtree(folder, ignore_errors=True)
    tell(f"seed {seed}: {asked.faults} faults (again: --seed {seed} --faults {asked.faults})")
    options = Options(seed, asked.faults, folder, asked.quick, small_disk, tell)
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


def _write(table: str, outcomes: Sequence[Outcome]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "faults.md").write_text(table, encoding="utf-8")
    told = json.dumps([asdict(outcome) for outcome in outcomes], ensure_ascii=False, indent=1)
    (RESULTS / "faults.json").write_text(told, encoding="utf-8")
    tell(f"{RESULTS / 'faults.md'}, {RESULTS / 'faults.json'}")


def tell(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
